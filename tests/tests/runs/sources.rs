//! Where catalogues come from: what may be read, and what becomes of a source that cannot be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use serde_json::{Value, json};
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

/// Syncs from a source that must fail, and returns the run's detail.
async fn refused(world: &World<'_>, source: &str, code: &str) -> String {
    let process = world.healthy().await;
    let answer = process.sync(json!({"sourcePath": source})).await;
    assert_eq!((answer.status, &answer.body["code"]), (500, &json!(code)), "{source}: {}", answer.body);
    let stored = world.stored().await;
    assert_eq!(stored.statuses().last(), Some(&"Failed"), "{source}");
    assert_eq!(stored.state["lastError"], answer.body["detail"], "{source}");
    assert_eq!(stored.records, BTreeMap::new(), "{source}");
    stored.check_consistent();
    answer.body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_path_out_of_the_root_is_refused() {
    let system = System::start().await;
    let world = system.operators_world();
    std::fs::write(world.root.parent().unwrap().join("outside.json"), Catalogue::small(3).json()).unwrap();
    std::os::unix::fs::symlink("../outside.json", world.root.join("link.json")).unwrap();
    for source in ["../outside.json", "a/../../outside.json", "/etc/passwd", "link.json", "file:///etc/passwd"] {
        refused(&world, source, "source_not_allowed").await;
    }
    for source in ["s3://bucket/key.json", "https://shop.example/catalog.json", "http://127.0.0.1:1/c.json"] {
        refused(&world, source, "source_not_allowed").await;
    }
}

/// A named pipe is waited for until somebody writes to it, and a device may have no end.
#[tokio::test]
async fn only_a_regular_file_is_read() {
    let system = System::start().await;
    let world = system.operators_world();
    let made = std::process::Command::new("mkfifo").arg(world.root.join("pipe.json")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(world.root.join("folder.json")).unwrap();
    for source in ["pipe.json", "folder.json"] {
        let detail = refused(&world, source, "source_not_allowed").await;
        assert_eq!(detail, format!("{source:?} is no regular file"));
    }
}

#[tokio::test]
async fn a_missing_file_is_named_by_its_path_below_the_root() {
    let system = System::start().await;
    let world = system.operators_world();
    let detail = refused(&world, "none.json", "source_not_found").await;
    assert_eq!(detail, "there is no catalogue at none.json");
}

#[tokio::test]
async fn an_explicit_source_that_fails_does_not_fall_through_to_the_configured_one() {
    let system = System::start().await;
    let world = system.operators_world();
    world.publish(&Catalogue::small(3));
    refused(&world, "none.json", "source_not_found").await;
}

#[tokio::test]
async fn a_document_that_is_no_catalogue_is_refused_with_its_place() {
    let system = System::start().await;
    let world = system.operators_world();
    for (document, expected) in [
        ("<html>", "is HTML or XML"),
        (r#"[{"catalogId":"a"}"#, "cut off after row 1"),
        (r#"[{"catalogId":"a"},{"name":"b"}]"#, "row 2 (from byte 19) has no catalogId"),
        (r#"[{"catalogId":"a"}] {"#, "after the end of the array"),
        ("{\"catalogId\":\"a\"}\n{\"catalogId\":", "cut off after row 1"),
    ] {
        world.write("bad.json", document);
        let detail = refused(&world, "bad.json", "source_invalid").await;
        assert!(detail.contains(expected), "{document}: {detail}");
    }
}

#[tokio::test]
async fn one_product_a_line_is_the_same_catalogue() {
    let system = System::start().await;
    let world = system.operators_world();
    let catalogue = Catalogue::small(60);
    world.apply(&catalogue).await;
    world.write("lines.ndjson", &catalogue.ndjson());
    let answer = world.healthy().await.sync(json!({"sourcePath": "lines.ndjson"})).await;
    assert_eq!(answer.body["metrics"]["unchanged"], 60, "{}", answer.body);
}

#[tokio::test]
async fn of_two_products_with_one_id_the_later_wins_wherever_they_stand() {
    let system = System::start().await;
    let world = system.operators_world();
    let mut catalogue = Catalogue::small(60);
    for (at, name) in [(0, "first"), (30, "second"), (61, "third")] {
        let mut double = catalogue.0[5].clone();
        double["catalogId"] = json!("double");
        double["name"] = json!(name);
        catalogue.0.insert(at, double);
    }
    world.publish(&catalogue);
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!(answer.body["metrics"]["total"], 61, "{}", answer.body);
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!(stored.products()["double"]["name"], "third");
    let run = world.healthy().await.get("/api/catalog/vendor-sync/runs").await.body["data"]["items"][0].clone();
    assert_eq!(run["metadata"]["repeatedIds"], json!({"count": 2, "some": ["double"]}));
}

#[tokio::test]
async fn a_source_that_changes_between_scan_and_write_is_planned_again() {
    let system = System::start().await;
    let world = system.operators_world();
    let (source, newer) = (Catalogue::small(60), Catalogue::small(60).with_three_changes());
    world.publish(&source);
    let opened_again = every("Store.get").nth(2);
    let process = world.process(Wire::when(opened_again, Verdict::Hold)).await;
    let (answer, ()) = process.sync_around(json!({}), async { world.publish(&newer) }).await;
    // The trigger hands on, as after any transient fault.
    assert_eq!(answer.status, 202, "{}", answer.body);
    process.drain_with_time().await.unwrap();
    let stored = world.stored().await;
    assert_eq!((stored.statuses(), stored.plans), (vec!["Success"], 0));
    assert_eq!(stored.products().len(), 60);
    assert!(stored.products().contains_key("added"));
    stored.check_consistent();
}

/// Every look at it finds another version: however much is planned, nothing of it can be written.
#[tokio::test]
async fn a_source_that_is_never_twice_the_same_fails_its_run_and_is_not_read_for_hours() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    world.set("CATALOG_HOSTS", &address);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move || async move {
        let version = format!("\"{}\"", count.fetch_add(1, Ordering::SeqCst));
        ([(header::ETAG, version)], Catalogue::small(30).json())
    };
    let router = Router::new().route("/catalog.json", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let process = world.healthy().await;
    assert_eq!(process.sync(json!({"sourcePath": format!("http://{address}/catalog.json")})).await.status, 202);
    process.drain_with_time().await.unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.statuses(), ["Failed"]);
    assert_eq!(stored.runs[0]["error"]["code"], "source_changed");
    assert!(asked.load(Ordering::SeqCst) <= 24, "{} reads", asked.load(Ordering::SeqCst));
}

/// What a vendor answers may be anything, and is told to nobody.
#[tokio::test]
async fn of_a_source_that_fails_people_learn_what_happened_and_not_what_it_said() {
    let system = System::start().await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().to_string();
    let address = listener.local_addr().unwrap().to_string();
    let broken = || async { (StatusCode::IM_A_TEAPOT, "a body with a secret in it") };
    let router = Router::new().route("/catalog.json", get(broken));
    tokio::spawn(async move { axum::serve(listener, router).await });
    // What a vendor says for good is not asked again.
    // No resolver asks anybody for a name with so long a part.
    let no_name = format!("{}.example", "a".repeat(64));
    for (host, status, expected) in [
        (address, 500, "its host answered 418"),
        (closed, 202, "its host refused the connection"),
        (no_name, 202, "there is no host of its name, or names cannot be looked up"),
    ] {
        let mut world = system.operators_world();
        world.set("CATALOG_HOSTS", &host);
        let process = world.healthy().await;
        let source = format!("http://{host}/catalog.json");
        assert_eq!(process.sync(json!({"sourcePath": source})).await.status, status);
        process.drain_with_time().await.unwrap();
        let stored = world.stored().await;
        let detail = format!("the catalogue {source} could not be read: {expected}");
        assert_eq!(stored.runs.last().unwrap()["error"], json!({"code": "source_unreadable", "detail": detail}));
    }
}

/// Serves catalogues on a port of its own; returns `127.0.0.1:port`.
async fn vendor() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let catalogue =
        || async { ([(header::LAST_MODIFIED, "Thu, 15 Jan 2026 10:00:00 GMT")], Catalogue::small(30).json()) };
    let short = || async {
        let mut headers = HeaderMap::new();
        headers.insert(header::LAST_MODIFIED, "Thu, 15 Jan 2026 10:00:00 GMT".parse().unwrap());
        (headers, "[")
    };
    let to = |place: String| move || async move { (StatusCode::FOUND, [(header::LOCATION, place)]) };
    let router = Router::new()
        .route("/catalog.json", get(catalogue))
        .route("/short.json", get(short))
        .route("/moved.json", get(to("/catalog.json".into())))
        // Another name of the same place, which nobody has allowed.
        .route(
            "/away.json",
            get(to(format!("http://localhost:{}/catalog.json", listener.local_addr().unwrap().port()))),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn sync_from(world: &World<'_>, source: String) -> (u16, Value) {
    let process = world.healthy().await;
    let answer = process.sync(json!({"sourcePath": source})).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_catalogue_is_fetched_from_an_allowed_host_and_redirects_within_it_are_followed() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let host = vendor().await;
    world.set("CATALOG_HOSTS", host.clone());
    for path in ["catalog.json", "moved.json"] {
        let (status, body) = sync_from(&world, format!("http://{host}/{path}")).await;
        assert_eq!((status, &body["metrics"]["total"]), (200, &json!(30)), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_host_that_is_not_allowed_is_not_followed() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let host = vendor().await;
    world.set("CATALOG_HOSTS", host.clone());
    let detail = refused(&world, &format!("http://{host}/away.json"), "source_not_allowed").await;
    assert!(detail.contains("redirects to a host that is not among the allowed ones"), "{detail}");
}

#[tokio::test]
async fn a_document_that_the_vendor_does_not_have_is_not_found() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let host = vendor().await;
    world.set("CATALOG_HOSTS", host.clone());
    refused(&world, &format!("http://{host}/none.json"), "source_not_found").await;
    refused(&world, &format!("http://{host}/short.json"), "source_invalid").await;
}
