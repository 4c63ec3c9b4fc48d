//! Catalogues as shops have them: a list inside an object, ids that are numbers, compressed, and with rows that cannot be read.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::{Value, json};
use signalbox_tests::answer::Answer;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::runs::world::World;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

/// Configures the world's vendor.
fn configure(world: &mut World<'_>, more: Value) {
    let mut vendor = json!({"slug": "moscot", "tenant": world.tenant, "source": "moscot.catalog.json"});
    vendor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.set("VENDORS", json!([vendor]).to_string());
}

async fn run_of(world: &World<'_>, answer: &Answer) -> Value {
    let path = format!("/api/catalog/moscot/sync/runs/{}", answer.body["runId"].as_str().unwrap());
    world.healthy().await.get(&path).await.body["data"].clone()
}

/// As a shop on Shopify answers it, cut down to two products.
fn shopify(price: &str) -> String {
    json!({"products": [
        {"id": 632_910_392_i64, "title": "IPod Nano - 8GB", "handle": "ipod-nano", "updated_at": "2026-01-02T08:59:11-05:00",
            "variants": [{"id": 808_950_810_i64, "price": price, "sku": "IPOD2008PINK", "available": true}], "images": []},
        {"id": 921_728_736_i64, "title": "IPod Touch 8GB", "handle": "ipod-touch", "updated_at": "2026-01-02T08:59:11-05:00",
            "variants": [{"id": 447_654_529_i64, "price": "199.00", "sku": "IPOD2009BLACK", "available": true}], "images": []},
    ]})
    .to_string()
}

/// Serves a shop's products, but only to who asks for all of them; returns `127.0.0.1:port`.
async fn shop() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let products = |RawQuery(query): RawQuery| async move {
        match query.as_deref() {
            Some("limit=250") => shopify("199.00").into_response(),
            _ => StatusCode::BAD_REQUEST.into_response(),
        }
    };
    let router = Router::new().route("/products.json", get(products));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn a_shops_products_are_synced_as_it_serves_them() {
    let system = System::start().await;
    let mut world = system.operators_world();
    let address = shop().await;
    world.set("CATALOG_HOSTS", address.clone());
    let source = format!("http://{address}/products.json?limit=250");
    let volatile = ["updated_at", "variants.updated_at"];
    configure(&mut world, json!({"source": source, "id": "id", "items": "products", "volatile": volatile}));
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!((answer.status, &answer.body["metrics"]["created"]), (200, &json!(2)), "{}", answer.body);
    let stored = world.stored().await;
    let products = stored.products();
    assert_eq!(products.keys().collect::<Vec<_>>(), ["632910392", "921728736"]);
    assert_eq!(products["632910392"]["variants"][0]["sku"], "IPOD2008PINK");
    // What an operator configured is fetched, and shown without what may be a credential.
    assert_eq!(stored.runs[0]["work"]["sourcePath"], format!("http://{address}/products.json?(configured)"));
    let again = world.healthy().await.sync(json!({})).await;
    assert_eq!(again.body["metrics"]["unchanged"], 2, "{}", again.body);

    world.write("products.json", &shopify("149.00"));
    let file = world.healthy().await.sync(json!({"sourcePath": "products.json"})).await;
    assert_eq!((&file.body["metrics"]["updated"], &file.body["metrics"]["unchanged"]), (&json!(1), &json!(1)));
    // A request cannot bring a query along.
    let named =
        world.healthy().await.sync(json!({"sourcePath": format!("http://{address}/products.json?limit=1")})).await;
    assert_eq!((named.status, &named.body["code"]), (500, &json!("source_not_allowed")), "{}", named.body);
}

#[tokio::test]
async fn an_object_around_the_list_is_not_taken_for_a_product() {
    let system = System::start().await;
    let mut world = system.world();
    world.apply(&Catalogue::small(2)).await;
    let around = json!({"catalogId": "feed", "products": Catalogue::small(2).0}).to_string();
    world.write("moscot.catalog.json", &around);
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!((answer.status, &answer.body["code"]), (500, &json!("removals_refused")), "{}", answer.body);
    configure(&mut world, json!({"items": "products"}));
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!((answer.status, &answer.body["metrics"]["total"]), (200, &json!(2)), "{}", answer.body);
}

#[tokio::test]
async fn a_catalogue_that_is_cut_between_two_rows_is_refused_by_its_total_or_by_the_guard() {
    let system = System::start().await;
    let mut world = system.world();
    let whole = Catalogue::small(3);
    let lines = |rows: usize, total: bool| {
        let mark = if total { "{\"rows\": 3}\n" } else { "" };
        format!("{}\n{mark}", Catalogue(whole.0[..rows].to_vec()).ndjson().trim_end())
    };
    world.apply(&whole).await;
    for (total, rows, mark, code) in [
        (None, 1, false, Some("removals_refused")),
        (None, 2, false, None),
        (Some("rows"), 3, true, None),
        (Some("rows"), 2, true, Some("source_invalid")),
        (Some("rows"), 3, false, Some("source_invalid")),
    ] {
        configure(&mut world, total.map_or(json!({}), |total| json!({"total": total})));
        world.write("moscot.catalog.json", &lines(rows, mark));
        let answer = world.healthy().await.sync(json!({})).await;
        let expected = code.map_or((200, Value::Null), |code| (500, json!(code)));
        assert_eq!((answer.status, answer.body["code"].clone()), expected, "{rows} rows of {total:?}: {}", answer.body);
    }
    world.stored().await.check_consistent();
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_shown_with_the_run_and_nothing_is_removed_meanwhile() {
    let system = System::start().await;
    let mut world = system.world();
    configure(&mut world, json!({"badRows": "setAside"}));
    let catalogue = Catalogue::small(20);
    world.apply(&catalogue).await;
    // One row lost its id, one is new, one is gone.
    let mut broken = catalogue.clone();
    broken.0[3].as_object_mut().unwrap().remove("catalogId");
    broken.0[4]["catalogId"] = json!("another");
    world.publish(&broken);
    let dry = world.healthy().await.sync(json!({"dryRun": true})).await;
    let answer = world.healthy().await.sync(json!({})).await;
    for answer in [&dry, &answer] {
        let metrics = &answer.body["metrics"];
        let counts = ["total", "created", "removed", "unchanged"].map(|count| metrics[count].clone());
        assert_eq!(counts, [21, 1, 0, 20].map(|count| json!(count)), "{}", answer.body);
    }
    let byte = serde_json::to_string(&broken.0[..3]).unwrap().len();
    let shown = run_of(&world, &answer).await["metadata"]["badRows"].clone();
    assert_eq!((&shown["count"], &shown["itemsKept"]), (&json!(1), &json!(2)), "{shown}");
    assert_eq!((&shown["first"][0]["row"], &shown["first"][0]["byte"]), (&json!(4), &json!(byte)), "{shown}");
    let warning = "1 rows could not be read and were set aside; what seems to be missing was kept";
    assert_eq!(answer.body["warning"], warning, "{}", answer.body);
    assert!(shown["first"][0]["reason"].as_str().unwrap().starts_with("has no catalogId"), "{shown}");
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!((stored.products().len(), &stored.state["totalItems"]), (21, &json!("21")));

    // Nor by who asks for it: nobody knows whose the row is.
    let asked = world.healthy().await.sync(json!({"allowRemovals": true})).await;
    assert_eq!(asked.body["metrics"]["removed"], 0, "{}", asked.body);
    broken.0.remove(3);
    world.publish(&broken);
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!(answer.body["metrics"]["removed"], 2, "{}", answer.body);
    assert_eq!(run_of(&world, &answer).await["metadata"].get("badRows"), None);
    world.stored().await.check_consistent();
}

#[tokio::test]
async fn a_catalogue_of_which_much_cannot_be_read_is_refused_as_one_that_lacks_it() {
    let system = System::start().await;
    let mut world = system.world();
    configure(&mut world, json!({"badRows": "setAside"}));
    let catalogue = Catalogue::small(20);
    world.apply(&catalogue).await;
    let mut broken = catalogue.clone();
    broken.0[..6].iter_mut().for_each(|row| *row = json!("n/a"));
    world.publish(&broken);
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!((answer.status, &answer.body["code"]), (500, &json!("removals_refused")), "{}", answer.body);
    assert_eq!(run_of(&world, &answer).await["metadata"]["badRows"]["count"], 6);
    world.stored().await.check_consistent();
}

/// The plan has what was noticed, as the slice that goes on does not scan.
#[tokio::test]
async fn what_was_set_aside_is_known_after_a_crash() {
    let system = System::start().await;
    let mut world = system.world();
    configure(&mut world, json!({"badRows": "setAside"}));
    world
        .write("moscot.catalog.json", "[{\"catalogId\":\"a\"},{},{\"catalogId\":\"b\"},{\"catalogId\":\"a\",\"n\":1}]");
    let written = every("DynamoDB.BatchWriteItem").nth(1);
    let process = world.process(Wire::when(written, Verdict::KillBefore)).await;
    assert!(process.try_sync(json!({})).await.is_err());
    world.settle().await;
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!(stored.statuses(), ["Success"]);
    let findings = &stored.runs[0]["work"]["findings"];
    assert_eq!((&findings["badRows"], &findings["badRowsKept"][0]["row"]), (&json!("1"), &json!("2")), "{findings}");
    assert_eq!((&findings["repeated"], &findings["repeatedIds"]), (&json!("1"), &json!(["a"])));
    assert_eq!(stored.products()["a"]["n"], 1);
}

/// Slices go on by the numbers of rows in the source, of which those that were set aside have one too.
#[tokio::test]
async fn a_write_of_many_slices_misses_no_row_behind_those_that_were_set_aside() {
    let system = System::start().await;
    let mut world = system.world();
    configure(&mut world, json!({"badRows": "setAside"}));
    let catalogue = Catalogue::small(120);
    let lines = "{}\n".repeat(60) + &catalogue.ndjson();
    world.write("moscot.catalog.json", &lines);
    world.set("INLINE_BUDGET_MS", "0");
    world.set("SLICE_BUDGET_MS", "1000");
    let clock = system.clock.clone();
    // Time is up after each batch.
    let process = world.process(Wire::planned(move |call| {
        if call.operation == "DynamoDB.BatchWriteItem" {
            clock.advance(Duration::from_secs(1));
        }
        Verdict::Pass
    }));
    let process = process.await;
    assert_eq!(process.sync(json!({})).await.status, 202);
    process.drain().await.unwrap();
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!((stored.statuses(), stored.products().len()), (vec!["Success"], 120));
    assert!(process.wire().calls().iter().filter(|call| *call == "Store.read").count() > 3);
}

/// A record has the volatile fields too, and numbers may be longer in canonical form than in the source.
#[tokio::test]
async fn a_row_that_is_too_long_with_its_volatile_fields_is_set_aside() {
    let system = System::start().await;
    let mut world = system.world();
    configure(&mut world, json!({"badRows": "setAside", "volatile": ["v"]}));
    let long = format!("[1{}]", ",1e20".repeat(40_000));
    let rows = format!(
        r#"[{{"catalogId":"a","v":{long}}},{{"catalogId":"a","v":7}},{{"catalogId":"b"}},{{"catalogId":"c","v":{long}}}]"#
    );
    world.write("moscot.catalog.json", &rows);
    let answer = world.healthy().await.sync(json!({})).await;
    assert_eq!((answer.status, &answer.body["metrics"]["created"]), (200, &json!(2)), "{}", answer.body);
    assert_eq!(run_of(&world, &answer).await["metadata"]["badRows"]["count"], 2);
    let stored = world.stored().await;
    stored.check_consistent();
    assert_eq!((stored.products().len(), &stored.products()["a"]["v"]), (2, &json!(7)));
}

#[tokio::test]
async fn a_packed_file_is_the_same_catalogue() {
    let system = System::start().await;
    let world = system.operators_world();
    world.apply(&Catalogue::small(30)).await;
    let plain = world.root.join("packed.json");
    std::fs::write(&plain, Catalogue::small(30).json()).unwrap();
    let packed = std::process::Command::new("gzip").arg(&plain).status().unwrap();
    assert!(packed.success());
    let answer = world.healthy().await.sync(json!({"sourcePath": "packed.json.gz"})).await;
    assert_eq!((answer.status, &answer.body["metrics"]["unchanged"]), (200, &json!(30)), "{}", answer.body);
}
