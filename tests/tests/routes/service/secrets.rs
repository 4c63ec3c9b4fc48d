//! I9: what a client sends in confidence reaches no table, event, metric, log or answer.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use serde_json::json;
use signalbox::http::auth::{READ, WRITE};
use signalbox_tests::logged::Logged;
use signalbox_tests::tokens::{SERVICE_SECRET, SESSION_SECRET};
use tracing_subscriber::EnvFilter;

use crate::routes::kit::World;

/// Every item of every table, as text.
async fn stored(world: &World) -> String {
    let dynamodb = world.host.dynamodb();
    let tables = dynamodb.list_tables().send().await.unwrap().table_names.unwrap_or_default();
    assert!(tables.len() >= 4, "{tables:?}");
    let mut text = String::new();
    for table in tables {
        let mut from = None;
        loop {
            let page = dynamodb.scan().table_name(&table).set_exclusive_start_key(from).send().await.unwrap();
            text.push_str(&format!("{:?}\n", page.items()));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
    }
    text
}

#[tokio::test]
async fn no_secret_of_a_failing_sync_or_test_is_kept_or_told() {
    let logged = Logged::default();
    // As a deployed function logs at its most talkative. Another test of this binary logs here too, and is welcome to.
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new("info,signalbox=trace"));
    subscriber.with_writer(logged.clone()).try_init().unwrap();

    let world = World::with(&[("CATALOG_BUCKETS", "ours"), ("CATALOG_HOSTS", "127.0.0.1:9")]).await;
    let token = world.token(&[READ, WRITE]);
    let session = world.session();
    let mut answers = String::new();
    for source in [
        "https://user:hunter2@shop.example/c.json",
        "https://shop.example/c.json?signature=hunter2",
        "https://shop.example/c.json#token=hunter2",
        "http://user:hunter2@127.0.0.1:9/c.json?token=hunter2#hunter2",
        "https://user:hunter2@bad host/c.json?token=hunter2",
        "s3://key:hunter2@ours/c.json",
        "s3://ours/c.json?X-Amz-Signature=hunter2",
        "s3://theirs/c.json?X-Amz-Signature=hunter2",
        "ftp://user:hunter2@shop.example/c.json",
        "nowhere.json?token=hunter2",
    ] {
        let body = json!({"sourcePath": source, "apiKey": "hunter2"}).to_string();
        for path in [
            "/api/catalog/moscot/sync?key=hunter2",
            "/api/catalog/vendor-sync/moscot/sync?mode=apply&key=hunter2",
            "/api/catalog/vendor-sync/registry/moscot/test?key=hunter2",
        ] {
            let ask = world.post(path).bearer(&token).cookie(&session).header("x-api-key", "hunter2");
            let answer = ask.body(body.clone()).answer().await;
            let refused =
                if path.contains("/test") { answer.body["data"]["ok"] == false } else { answer.status == 500 };
            assert!(refused, "{source}: {} {}", answer.status, answer.body);
            answers.push_str(&answer.body.to_string());
        }
    }
    for path in ["state", "runs", "observability", "registry", "registry/moscot", "overview"] {
        answers.push_str(&world.read(&format!("/api/catalog/vendor-sync/{path}")).await.to_string());
    }
    let signature = token.rsplit('.').next().unwrap();
    let events = serde_json::to_string(&world.host.events()).unwrap();
    let places = [("answer", answers), ("table", stored(&world).await), ("event", events), ("log", logged.text())];
    for (place, text) in &places {
        for secret in ["hunter2", signature, session.as_str(), SERVICE_SECRET, SESSION_SECRET] {
            if let Some(found) = text.find(secret) {
                let around: String = text[found.saturating_sub(300)..].chars().take(400).collect();
                panic!("a secret is in an {place}: {around}");
            }
        }
    }
    assert!(places.iter().all(|(_, text)| text.contains("source_not_allowed")), "the places were looked at");
    assert!(places[3].1.contains("run_duration_ms"), "metrics are among what was looked at");
}
