//! Both routes that start a sync: what decides whether it writes, where it reads, and what it answers.

use serde_json::{Value, json};
use signalbox::http::auth::{Claims, WRITE};
use signalbox_tests::tokens::{SERVICE_SECRET, sign};

use crate::routes::golden::golden;
use crate::routes::kit::{World, id};

const MOSCOT: &str = "/api/catalog/moscot/sync";
const VENDOR: &str = "/api/catalog/vendor-sync/moscot/sync";

#[tokio::test]
async fn the_answer_of_the_older_route() {
    let world = World::local().await;
    golden("sync-moscot-dry-run", &world.write(MOSCOT, json!({"dryRun": true})).await.expect(200));
    golden("sync-moscot-apply", &world.write(MOSCOT, json!({})).await.expect(200));
    golden("sync-moscot-unchanged", &world.write(MOSCOT, json!({})).await.expect(200));
    let failed = world.write(MOSCOT, json!({"sourcePath": "nowhere.json"})).await;
    golden("sync-moscot-failed", &failed.expect(500));
}

#[tokio::test]
async fn the_answer_of_the_newer_route() {
    let world = World::local().await;
    golden("sync-vendor-dry-run", &world.write(VENDOR, json!({})).await.expect(200));
    golden("sync-vendor-apply", &world.write(VENDOR, json!({"mode": "apply"})).await.expect(200));
    let failed = world.write(VENDOR, json!({"sourcePath": "nowhere.json"})).await;
    golden("sync-vendor-failed", &failed.expect(500));
}

#[tokio::test]
async fn the_counts_say_what_changed() {
    let world = World::local().await;
    world.apply().await;
    world.catalogue("moscot.json", &["lemtosh", "miltzen", "nebb"], 310);
    let answer = world.write(MOSCOT, json!({})).await.expect(200);
    let expected =
        json!({"total": 3, "created": 1, "updated": 0, "removed": 1, "unchanged": 2, "durationMs": 500, "dryRun": 0});
    assert_eq!(answer["metrics"], expected);
    world.catalogue("moscot.json", &["lemtosh", "miltzen", "nebb"], 330);
    let answer = world.write(VENDOR, json!({"mode": "apply"})).await.expect(200);
    assert_eq!([&answer["summary"]["updated"], &answer["summary"]["created"]], [3, 0]);
}

#[tokio::test]
async fn on_the_older_route_the_body_decides_then_the_query_and_else_it_applies() {
    let world = World::local().await;
    for (body, query, dry) in [
        (json!({}), "", false),
        (json!({"dryRun": null}), "", false),
        (json!({}), "?dryRun=1", true),
        (json!({}), "?dryRun=true", true),
        (json!({}), "?dryrun=YES", true),
        (json!({}), "?dryRun=0", false),
        (json!({}), "?dryRun=", true),
        (json!({}), "?dryRun", true),
        (json!({}), "?dryRun[]=true", true),
        (json!({"dryRun": true}), "", true),
        (json!({"dryRun": true}), "?dryRun=0", true),
        (json!({"dryRun": true}), "?dryRun=1", true),
        (json!({"dryRun": false}), "", false),
        (json!({"dryRun": false}), "?dryRun=1", false),
        (json!({"dryRun": false}), "?dryRun=0", false),
        (json!({"dryRun": true, "anything": {"else": []}}), "", true),
    ] {
        let answer = world.write(&format!("{MOSCOT}{query}"), body.clone()).await.expect(200);
        assert_eq!(answer["dryRun"], dry, "{body} {query}");
        assert_eq!(answer["metrics"]["dryRun"], u8::from(dry), "{body} {query}");
    }
}

#[tokio::test]
async fn what_may_have_asked_for_a_dry_run_and_is_not_understood_starts_nothing() {
    let world = World::local().await;
    let token = world.token(&[WRITE]);
    let utf16: Vec<u8> = "{\"dryRun\":true}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bodies = [
        (&br#"{"dryRun":true,}"#[..], "not valid JSON"),
        (b"{'dryRun':true}", "not valid JSON"),
        (b"dryRun=true", "not valid JSON"),
        (b"[]", "JSON object"),
        (b"true", "JSON object"),
        (&utf16, "JSON"),
        (b"\xff\xfe{\0}\0", "UTF-8"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "gzip"),
        (b"\xef\xbb\xbf{", "not valid JSON"),
    ];
    for route in [MOSCOT, VENDOR] {
        for (body, why) in bodies {
            let answer = world.post(route).bearer(&token).bytes(body).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{body:?}");
            assert!(answer.body["detail"].as_str().unwrap().contains(why), "{body:?}: {}", answer.body);
        }
        for body in [r#"{"dryrun":true}"#, r#"{"dry_run":true}"#, r#"{"Dry-Run":true}"#, r#"{"sourcepath":"a"}"#] {
            let answer = world.post(route).bearer(&token).body(body).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{body}");
            assert!(answer.body["detail"].as_str().unwrap().contains("the field is"), "{body}: {}", answer.body);
        }
        for query in ["?dryRun=1&dryRun=0", "?dryRun=perhaps", "?dryRun=2", "?dryRun[ne]=1", "?dryRun[a]=true"] {
            let answer = world.post(&format!("{route}{query}")).bearer(&token).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{query}");
        }
        let other_route = world.post(MOSCOT).bearer(&token).body(r#"{"mode":"dryRun"}"#).answer().await;
        assert_eq!(other_route.problem(), (400, "invalid_request"));
        // A byte order mark says nothing.
        let marked = world.post(route).bearer(&token).bytes("\u{feff}{\"dryRun\":true}").answer().await.expect(200);
        assert!(marked["dryRun"] == true || marked["mode"] == "dryRun", "{marked}");
    }
    let runs = world.read("/api/catalog/vendor-sync/runs").await["data"]["items"].clone();
    assert!(runs.as_array().unwrap().iter().all(|run| run["dryRun"] == true), "{runs}");
}

#[tokio::test]
async fn on_the_newer_route_a_mode_goes_before_dry_run_and_the_body_before_the_query() {
    let world = World::local().await;
    let modes = [None, Some("dryRun"), Some("apply"), Some("perhaps")];
    let switches = [None, Some(true), Some(false)];
    for body_mode in modes {
        for query_mode in modes {
            for body_dry in switches {
                for query_dry in switches {
                    // The rule itself, from the contract: the first that says something a mode can be read from.
                    let of_mode = |mode: Option<&'static str>| mode.filter(|mode| *mode != "perhaps");
                    let of_dry = |dry: Option<bool>| dry.map(|dry| if dry { "dryRun" } else { "apply" });
                    let said = [of_mode(body_mode), of_mode(query_mode), of_dry(body_dry), of_dry(query_dry)];
                    let expected = said.into_iter().flatten().next().unwrap_or("dryRun");

                    // An injected dry run touches no table; an apply without a source fails at once.
                    let body = json!({"mode": body_mode, "dryRun": body_dry, "inject": [{}]});
                    let mut query = String::from("?");
                    if let Some(mode) = query_mode {
                        query.push_str(&format!("mode={mode}&"));
                    }
                    if let Some(dry) = query_dry {
                        query.push_str(&format!("dryRun={dry}"));
                    }
                    let path = format!("/api/catalog/vendor-sync/bare/sync{query}");
                    let answer = world.write(&path, body.clone()).await;
                    let found = if answer.status == 200 { "dryRun" } else { "apply" };
                    assert_eq!(found, expected, "{body} {query}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_mode_is_read_however_it_is_spelt() {
    let world = World::local().await;
    for (mode, expected) in [
        ("dryRun", "dryRun"),
        ("dry-run", "dryRun"),
        ("DRY_RUN", "dryRun"),
        ("Dry Run", "dryRun"),
        ("apply", "apply"),
        ("APPLY", "apply"),
        (" Apply! ", "apply"),
        ("full", "dryRun"),
        ("", "dryRun"),
    ] {
        let answer = world.write(VENDOR, json!({"mode": mode})).await.expect(200);
        assert_eq!(
            [&answer["mode"], &answer["summary"]["dryRun"]],
            [&json!(expected), &json!(expected == "dryRun")],
            "{mode:?}"
        );
    }
}

#[tokio::test]
async fn an_injected_dry_run_counts_what_it_is_given_and_stores_no_run() {
    let world = World::local().await;
    let answer = world.write(VENDOR, json!({"inject": [{"catalogId": "a"}, {}]})).await.expect(200);
    golden("sync-vendor-inject", &answer);
    assert_eq!(world.read("/api/catalog/vendor-sync/runs").await["data"]["totalItems"], 0);

    let ignored = world.write(VENDOR, json!({"mode": "apply", "inject": [{}]})).await.expect(200);
    assert_eq!([&ignored["mode"], &ignored["summary"]["total"]], [&json!("apply"), &json!(3)], "an apply ignores it");
    let empty = world.write(VENDOR, json!({"inject": []})).await.expect(200);
    assert_eq!(empty["summary"]["total"], 3, "an empty list injects nothing");
}

#[tokio::test]
async fn a_dry_run_without_any_source_is_a_noop_and_an_apply_without_one_fails() {
    let world = World::local().await;
    let path = "/api/catalog/vendor-sync/bare/sync";
    golden("sync-vendor-noop", &world.write(path, json!({"sourcePath": "  "})).await.expect(200));
    assert_eq!(world.read("/api/catalog/vendor-sync/runs?vendor=bare").await["data"]["totalItems"], 0);

    let answer = world.write(path, json!({"mode": "apply"})).await;
    assert_eq!(answer.problem(), (500, "error"));
    assert_eq!(answer.body["code"], "source_not_allowed");
    let named = world.write(path, json!({"sourcePath": "acme.json"})).await.expect(200);
    assert_eq!([&named["summary"]["total"], &named["summary"]["sourcePath"]], [&json!(2), &json!("acme.json")]);
}

#[tokio::test]
async fn an_explicit_source_is_used_or_the_run_fails_and_nothing_falls_through() {
    let world = World::local().await;
    world.file("broken.json", r#"[{"catalogId": "a"}, {"catalogId": "#);
    world.file("list.json", r#"[{"name": "no id"}]"#);
    for (source, code) in [
        ("nowhere.json", "source_not_found"),
        ("../moscot.json", "source_not_allowed"),
        ("/etc/hostname", "source_not_allowed"),
        ("s3://theirs/moscot.json", "source_not_allowed"),
        ("https://elsewhere.example/moscot.json", "source_not_allowed"),
        ("ftp://elsewhere.example/moscot.json", "source_not_allowed"),
        ("broken.json", "source_invalid"),
        ("list.json", "source_invalid"),
    ] {
        let answer = world.write(MOSCOT, json!({"sourcePath": source})).await;
        assert_eq!(answer.problem(), (500, "error"), "{source}");
        assert_eq!(answer.body["code"], code, "{source}: {}", answer.body);
        let run = world.read(&format!("{MOSCOT}/runs/{}", id(&answer.body))).await;
        assert_eq!([&run["data"]["status"], &run["data"]["metadata"]["errorCode"]], ["error", code], "{source}");
        let state = world.read("/api/catalog/vendor-sync/state").await;
        assert_eq!(state["snapshot"]["lastError"], run["data"]["error"], "{source}");
    }
    let other = world.write(MOSCOT, json!({"sourcePath": " acme.json "})).await.expect(200);
    assert_eq!([&other["sourcePath"], &other["metrics"]["total"]], [&json!("acme.json"), &json!(2)]);
    let blank = world.write(MOSCOT, json!({"sourcePath": " ", "dryRun": true})).await.expect(200);
    assert_eq!(blank["sourcePath"], "moscot.json", "a blank source is none");
}

#[tokio::test]
async fn an_emptied_catalogue_is_applied_only_when_the_body_says_so() {
    let world = World::local().await;
    world.apply().await;
    world.catalogue("moscot.json", &[], 0);
    let answer = world.write(MOSCOT, json!({})).await;
    assert_eq!(answer.problem(), (500, "error"));
    assert_eq!(answer.body["code"], "removals_refused");
    assert_eq!(world.read("/api/catalog/vendor-sync/state").await["snapshot"]["totalItems"], 3);
    let answer = world.write(MOSCOT, json!({"allowRemovals": true})).await.expect(200);
    assert_eq!(answer["metrics"]["removed"], 3);
}

#[tokio::test]
async fn the_actor_is_the_token_s_subject() {
    let world = World::local().await;
    for (subject, expected) in [(Some("nightly"), "nightly"), (None, "service"), (Some(""), "service")] {
        let claims = Claims { sub: subject.map(String::from), ..world.claims(&[WRITE]) };
        let ask = world.post(MOSCOT).bearer(&sign(&claims, SERVICE_SECRET)).body("{}");
        let run = id(&ask.answer().await.expect(200));
        assert_eq!(world.read(&format!("{MOSCOT}/runs/{run}")).await["data"]["actor"], expected);
    }
    assert_eq!(world.read("/api/catalog/vendor-sync/state").await["snapshot"]["lastRunBy"], "service");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_and_starts_nothing() {
    const TEST: &str = "/api/catalog/vendor-sync/registry/moscot/test";
    let world = World::local().await;
    let token = world.token(&[WRITE]);
    // Any of them may have asked for a dry run.
    for text in ["{", "nonsense", "[]", "7", "{\"dryRun\": true,}", "{\"dryRun\": true}}", "dryRun=true"] {
        for path in [MOSCOT, VENDOR, TEST] {
            let answer = world.post(path).bearer(&token).body(text).answer().await;
            assert_eq!(answer.problem(), (400, "invalid_request"), "{path} {text}");
            assert!(answer.body["detail"].is_string(), "{path} {text}: {}", answer.body);
        }
    }
    assert_eq!(world.read("/api/catalog/vendor-sync/runs").await["data"]["totalItems"], 0);
    for text in ["", "  \n", "null"] {
        let newer = world.post(VENDOR).bearer(&token).body(text).answer().await;
        assert_eq!(newer.expect(200)["mode"], "dryRun", "{text:?}");
        let test = world.post(TEST).bearer(&token).body(text).answer().await;
        assert_eq!(test.expect(200)["data"]["ok"], true, "{text:?}");
        let older = world.post(MOSCOT).bearer(&token).body(text).answer().await;
        assert_eq!(older.expect(200)["dryRun"], false, "{text:?}");
    }
}

#[tokio::test]
async fn a_field_of_a_wrong_type_is_named_and_starts_nothing() {
    let world = World::local().await;
    let with = |name: &str, value: &Value| json!({name: value});
    for (path, name, value) in [
        (VENDOR, "mode", json!(1)),
        (VENDOR, "dryRun", json!("false")),
        (VENDOR, "sourcePath", json!(["a"])),
        (VENDOR, "inject", json!({})),
        (VENDOR, "inject", json!([1])),
        (VENDOR, "allowRemovals", json!(1)),
        (MOSCOT, "dryRun", json!("true")),
        (MOSCOT, "sourcePath", json!(1)),
        ("/api/catalog/vendor-sync/registry/moscot/test", "sourcePath", json!(1)),
    ] {
        let answer = world.write(path, with(name, &value)).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{path} {name} {value}");
        let detail = answer.body["detail"].as_str();
        assert!(detail.is_some_and(|text| text.starts_with(name)), "{path} {name} {value}: {}", answer.body);
    }
    assert_eq!(world.read("/api/catalog/vendor-sync/runs").await["data"]["totalItems"], 0);
}

#[tokio::test]
async fn a_vendor_that_cannot_be_synced_is_refused() {
    let world = World::local().await;
    for (slug, expected) in [
        ("%20", (400, "missing_vendor_slug")),
        ("nobody", (404, "vendor_not_configured")),
        ("a%2Fb", (404, "vendor_not_configured")),
        ("remote", (501, "integration_not_supported")),
    ] {
        let answer = world.write(&format!("/api/catalog/vendor-sync/{slug}/sync"), json!({})).await;
        assert_eq!(answer.problem(), expected, "{slug}");
        assert!(answer.body["detail"].is_string(), "{slug}: {}", answer.body);
    }
    let none = World::with(&[("VENDORS", "[]")]).await;
    assert_eq!(none.write(MOSCOT, json!({})).await.problem(), (404, "vendor_not_configured"));
    let upper = world.write("/api/catalog/vendor-sync/MOSCOT/sync", json!({})).await.expect(200);
    assert_eq!(upper["summary"]["vendor"], "moscot");
}
