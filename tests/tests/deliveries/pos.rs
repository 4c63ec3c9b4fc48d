//! The door of points of sale.

use serde_json::json;
use signalbox_tests::deliveries::delivery::{Delivery, POS_SECRET_PREVIOUS};
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::logged::Logged;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

use signalbox::domain::deliveries::signature::schemes;

const SALE: &str = r#"{"sku":"A","qty":1,"lines":[{"id":1,"n":{"x":1}}],"ts":"2026-01-15T12:00:00.000Z"}"#;

async fn answers(hooks: &Hooks, delivery: &Delivery, status: u16) -> serde_json::Value {
    let reply = hooks.send(delivery).await;
    assert_eq!(reply.status, status, "{delivery:?}: {}", reply.text);
    assert!(status != 204 || reply.text.is_empty(), "{}", reply.text);
    reply.body
}

#[tokio::test]
async fn an_event_is_accepted_once_for_each_tenant_source_and_content() {
    let hooks = Hooks::start().await;
    let sale = || Delivery::pos("t1", SALE);
    assert_eq!(answers(&hooks, &sale(), 201).await, json!({"status": "accepted"}));
    answers(&hooks, &sale(), 204).await;
    answers(&hooks, &Delivery::pos("t2", SALE), 201).await;
    let elsewhere = Delivery { path: "/pos/shop/ingest".into(), ..sale() };
    answers(&hooks, &elsewhere, 201).await;
    // Without a tenant there still is one.
    answers(&hooks, &sale().without("x-tenant-id"), 201).await;
    answers(&hooks, &sale().header("x-tenant-id", "anonymous"), 204).await;
    // Two sales may differ in their time alone, or deep inside.
    for (from, to) in [("00.000Z", "00.001Z"), (r#""x":1"#, r#""x":2"#)] {
        answers(&hooks, &Delivery::pos("t1", SALE.replace(from, to)), 201).await;
    }
    // The same content in other clothes is the same event.
    let other = r#" {"ts":"2026-01-15T12:00:00.000Z", "qty":1.0,"sku":"A","lines":[{"n":{"x":1},"id":1}]}"#;
    answers(&hooks, &Delivery::pos("t1", other), 204).await;

    assert_eq!(hooks.work(Queue::Webhooks).await, 9, "six events, and three that came again before they were applied");
    answers(&hooks, &sale(), 204).await;
    assert_eq!(hooks.work(Queue::Webhooks).await, 0, "what is applied is not sent again");
    let counts = [("t1/pos/demo", 3), ("t2/pos/demo", 1), ("t1/pos/shop", 1), ("anonymous/pos/demo", 1)];
    for (origin, count) in counts {
        assert_eq!(hooks.events(origin).await.len(), count, "{origin}");
    }
    let kept: Vec<Vec<u8>> = hooks.events("t2/pos/demo").await.into_values().collect();
    assert_eq!(kept, [SALE.as_bytes()], "it is kept as it came");
}

#[tokio::test]
async fn a_key_of_the_sender_names_the_event() {
    let hooks = Hooks::start().await;
    let named = |tenant: &str, key: &str, body: &str| Delivery::pos(tenant, body).header("idempotency-key", key);
    answers(&hooks, &named("t1", "k1", SALE), 201).await;
    answers(&hooks, &named("t1", "k1", SALE), 204).await;
    answers(&hooks, &named("t2", "k1", SALE), 201).await;
    answers(&hooks, &named("t1", "k2", SALE), 201).await;
    // An explicit key and the content's are two things.
    answers(&hooks, &Delivery::pos("t1", SALE), 201).await;
    let conflict = answers(&hooks, &named("t1", "k1", "{}"), 409).await;
    assert_eq!((&conflict["statusCode"], &conflict["error"]), (&json!(409), &json!("Conflict")));
    assert_eq!(conflict["code"], "conflict");
    hooks.work(Queue::Webhooks).await;
    answers(&hooks, &named("t1", "k1", "{}"), 409).await;
    assert_eq!(hooks.events("t1/pos/demo").await["key:k1"], SALE.as_bytes());
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 3);

    let kept = hooks.ask("GET", "/api/admin/deliveries?status=conflict", None, None).await.expect(200);
    let items = kept["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{kept}");
    assert_eq!((&items[0]["tenant"], &items[0]["connection"]), (&json!("t1"), &json!("demo")));
}

/// The IETF's draft writes keys as strings of RFC 8941, and most clients do not.
#[tokio::test]
async fn a_quoted_key_and_the_same_one_bare_name_one_event() {
    let hooks = Hooks::start().await;
    let named = |key: &str| Delivery::pos("t1", SALE).header("idempotency-key", key);
    for (first, again) in [(r#""A5""#, "A5"), ("B6", r#""B6""#), (r#""C\"7""#, r#"C"7"#), (r#""D8";v=1"#, "D8")] {
        answers(&hooks, &named(first), 201).await;
        answers(&hooks, &named(again), 204).await;
    }
    for (one, other) in [("E9", "'E9'"), (r#""F1"#, "F1")] {
        answers(&hooks, &named(one), 201).await;
        answers(&hooks, &named(other), 201).await;
    }
    let answer = answers(&hooks, &named("\"\""), 400).await;
    assert!(answer["message"].as_str().unwrap().contains("Idempotency-Key"), "{answer}");
}

/// Whoever parses its event and writes it again for a retry may order it otherwise.
#[tokio::test]
async fn a_retry_under_its_key_is_compared_by_its_content() {
    let hooks = Hooks::start().await;
    let named = |key: &str, body: &str| Delivery::pos("t1", body).header("idempotency-key", key);
    for (key, first, second, status) in [
        ("1", r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, 204),
        ("2", r#"{"a":1,"b":2}"#, "{ \"a\": 1,\n\"b\": 2 }", 204),
        ("3", r#"{"a":"\u00e9"}"#, r#"{"a":"é"}"#, 204),
        ("4", r#"{"a":1}"#, r#"{"a":1.0}"#, 204),
        ("5", r#"{"a":1}"#, r#"{"a":"1"}"#, 409),
        ("6", r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, 409),
        ("7", r#"{"a":null}"#, "{}", 409),
    ] {
        answers(&hooks, &named(key, first), 201).await;
        answers(&hooks, &named(key, second), status).await;
    }
}

/// Signs what the option covers; with headers other than those that are sent afterwards, what a thief would make of it.
fn covering(path: &str, tenant: &str, key: &str, body: &str) -> Delivery {
    let text = format!("{path}\n{tenant}\n{key}\n{body}");
    let signed = Delivery::pos("", text);
    let signed = Delivery { path: path.into(), body: body.into(), ..signed }.without("x-tenant-id");
    let signed = if tenant.is_empty() { signed } else { signed.header("x-tenant-id", tenant) };
    if key.is_empty() { signed } else { signed.header("idempotency-key", key) }
}

#[tokio::test]
async fn where_headers_are_signed_a_captured_body_passes_under_no_other_name() {
    let hooks = Hooks::with(&[("POS_SIGNED_HEADERS", "required")]).await;
    const PATH: &str = "/pos/demo/ingest";
    let sale = covering(PATH, "t1", "k1", SALE);
    answers(&hooks, &sale, 201).await;
    answers(&hooks, &sale, 204).await;
    for captured in [
        sale.clone().header("x-tenant-id", "t2"),
        sale.clone().header("idempotency-key", "k2"),
        sale.clone().header("idempotency-key", "\"k1\""),
        sale.clone().without("idempotency-key"),
        sale.clone().without("x-tenant-id"),
        Delivery { path: "/pos/shop/ingest".into(), ..sale.clone() },
        Delivery { path: "/pos/demo%0At1/ingest".into(), ..sale.clone() },
        Delivery { body: b"{}".to_vec(), ..sale.clone() },
        // What covers the body alone.
        Delivery::pos("t1", SALE).header("idempotency-key", "k1"),
    ] {
        answers(&hooks, &captured, 403).await;
    }
    // Its operator is told which of the two it is.
    let listed = hooks.ask("GET", "/api/admin/deliveries?limit=2", None, None).await.expect(200);
    let [alone, other] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    let (alone, other) = (alone["detail"].as_str().unwrap(), other["detail"].as_str().unwrap());
    assert!(alone.starts_with("the signature covers the body alone, and POS_SIGNED_HEADERS is required"), "{alone}");
    assert!(other.starts_with("the signature does not fit path, tenant, key and body"), "{other}");
    // A tenant or a key that is not sent is signed as nothing.
    for (tenant, key) in [("t1", ""), ("", "k1"), ("", "")] {
        answers(&hooks, &covering(PATH, tenant, key, SALE), 201).await;
    }
    hooks.work(Queue::Webhooks).await;
    let counts = [("t1/pos/demo", 2), ("anonymous/pos/demo", 2), ("t2/pos/demo", 0), ("t1/pos/shop", 0)];
    for (origin, count) in counts {
        assert_eq!(hooks.events(origin).await.len(), count, "{origin}");
    }
}

#[tokio::test]
async fn while_points_of_sale_are_moved_over_either_signature_is_accepted() {
    let hooks = Hooks::with(&[("POS_SIGNED_HEADERS", "accepted")]).await;
    answers(&hooks, &covering("/pos/demo/ingest", "t1", "k1", SALE), 201).await;
    answers(&hooks, &Delivery::pos("t1", SALE).header("idempotency-key", "k1"), 204).await;
    let forged = Delivery::pos("t1", SALE).header("x-webhook-signature", &"0".repeat(64));
    answers(&hooks, &forged, 403).await;
    let mut environment = hooks.environment("webhooks");
    environment.extend([("POS_SIGNED_HEADERS".to_owned(), "yes".to_owned())]);
    let built = signalbox_webhooks::build(&environment, &signalbox::outside::Outside::default()).await;
    let error = built.err().expect("a refusal to start").to_string();
    assert!(error.contains("POS_SIGNED_HEADERS") && error.contains("off, accepted or required"), "{error}");
}

#[tokio::test]
async fn a_key_of_the_sender_counts_at_every_source_of_its_tenant() {
    let hooks = Hooks::start().await;
    let at = |source: &str, body: &str| Delivery {
        path: format!("/pos/{source}/ingest"),
        ..Delivery::pos("t1", body).header("idempotency-key", "k")
    };
    answers(&hooks, &at("demo", SALE), 201).await;
    // Before it is applied, when it is sent on once more, and after.
    for messages in [2, 0] {
        answers(&hooks, &at("shop", SALE), 204).await;
        answers(&hooks, &at("shop", "{}"), 409).await;
        assert_eq!(hooks.work(Queue::Webhooks).await, messages);
        assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
        assert!(hooks.events("t1/pos/shop").await.is_empty(), "one event has one effect");
    }
}

/// A header that names an event or a tenant counts, or is refused: what is passed over would make one event of two.
#[tokio::test]
async fn a_name_in_any_script_counts_and_one_that_cannot_be_used_is_refused() {
    let hooks = Hooks::start().await;
    let named = |key: &str| Delivery::pos("t1", SALE).header("idempotency-key", key);
    answers(&hooks, &named("vare-æ-1"), 201).await;
    answers(&hooks, &named("vare-æ-2"), 201).await;
    answers(&hooks, &named("vare-æ-1"), 204).await;
    answers(&hooks, &Delivery::pos("t1", "{}").header("idempotency-key", "vare-æ-1"), 409).await;
    let (long, longer) = ("k".repeat(255), "æ".repeat(128));
    answers(&hooks, &named(&long), 201).await;
    for unusable in [&longer, &"k".repeat(5000), "k\tk", "k\u{85}k", "k\u{FFFD}", "k\u{FFFF}"] {
        let answer = answers(&hooks, &named(unusable), 400).await;
        assert!(answer["message"].as_str().unwrap().contains("Idempotency-Key"), "{answer}");
    }
    for tenant in ["kø", "k\u{FFFD}", &"t".repeat(5000)] {
        let answer = answers(&hooks, &Delivery::pos(tenant, SALE), 400).await;
        assert!(answer["message"].as_str().unwrap().contains("x-tenant-id"), "{answer}");
    }
    // Who has not signed learns nothing of it.
    answers(&hooks, &named(&longer).header("x-webhook-signature", &"0".repeat(64)), 403).await;
    hooks.work(Queue::Webhooks).await;
    let keys: Vec<String> = hooks.events("t1/pos/demo").await.into_keys().collect();
    assert_eq!(keys, [format!("key:{long}"), "key:vare-æ-1".into(), "key:vare-æ-2".into()]);
    assert!(hooks.items("RECORDS_TABLE", "anonymous").await.is_empty());
}

#[tokio::test]
async fn other_headers_push_nothing_out_and_are_not_kept() {
    let hooks = Hooks::start().await;
    let crowded = |delivery: Delivery| {
        let crowd = |delivery: Delivery, number| delivery.header(&format!("a-{number:02}"), "x");
        (0..60).fold(delivery, crowd).header("x-api-key", "s3cret").header("authorization", "Bearer s3cret")
    };
    let sale = || crowded(Delivery::pos("t1", SALE)).header("idempotency-key", "k");
    answers(&hooks, &sale(), 201).await;
    answers(&hooks, &Delivery { body: b"no JSON".into(), ..sale() }, 403).await;
    answers(&hooks, &crowded(Delivery::pos("t1", "no JSON")).header("x-request-id", "trace"), 400).await;
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/pos/demo").await.into_keys().collect::<Vec<_>>(), ["key:k"]);
    let kept = hooks.items("DELIVERIES_TABLE", "rejected#pos").await;
    let headers: Vec<&serde_json::Value> = kept.iter().filter_map(|item| item.get("headers")).collect();
    assert_eq!(headers.len(), 2);
    for headers in headers {
        let text = headers.to_string();
        for name in ["x-webhook-signature", "x-tenant-id", "content-type"] {
            assert!(text.contains(name), "{text}");
        }
        assert!(!text.contains("a-00") && !text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_as_others_are() {
    let hooks = Hooks::start().await;
    let sale = Delivery { path: "/pos/%ff/ingest".into(), ..Delivery::pos("t1", SALE) };
    let answer = answers(&hooks, &sale, 400).await;
    assert_eq!((&answer["error"], &answer["statusCode"]), (&json!("Bad Request"), &json!(400)));
    assert_eq!(answers(&hooks, &sale.without("x-webhook-signature"), 401).await["code"], "bad_signature");
    for path in ["/webhooks/github/%ff", "/webhooks/%ff/acme"] {
        let delivery = Delivery { path: path.into(), ..Delivery::github("1", "{}") };
        let answer = answers(&hooks, &delivery, 404).await;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!("unknown_sender")), "{path}");
    }
    let listed = hooks.ask("GET", "/api/admin/deliveries", None, None).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 4, "{listed}");
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let hooks = Hooks::start().await;
    let sale = || Delivery::pos("t1", SALE);
    let wrong = |value: &str| sale().header("x-webhook-signature", value);
    let signed = |tenant: &str, body: &str| Delivery::pos(tenant, body);

    let answer = answers(&hooks, &sale().without("x-webhook-signature"), 401).await;
    assert_eq!(answer["error"], "Missing X-Webhook-Signature header");
    for delivery in [
        wrong(&"0".repeat(64)),
        wrong("nonsense"),
        Delivery { body: SALE.replace("\"qty\":1", "\"qty\":2").into(), ..sale() },
        // The same JSON in other bytes.
        Delivery { body: SALE.replace(",\"", ", \"").into(), ..sale() },
    ] {
        assert_eq!(answers(&hooks, &delivery, 403).await["error"], "Invalid signature");
    }
    for delivery in [
        signed("t1", "{\"sku\":"),
        signed("t1", "hello"),
        signed("t1", ""),
        signed("a/b", SALE),
        signed("t1", SALE).header("idempotency-key", &"k".repeat(256)),
        Delivery { path: "/pos/a%23b/ingest".into(), ..sale() },
    ] {
        let answer = answers(&hooks, &delivery, 400).await;
        assert_eq!((&answer["error"], &answer["statusCode"]), (&json!("Bad Request"), &json!(400)));
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);
    assert!(hooks.items("RECORDS_TABLE", "").await.is_empty());
    let claims = hooks.items("DELIVERIES_TABLE", "t1/").await;
    assert!(claims.is_empty(), "nothing is claimed before the signature was right: {claims:?}");
}

#[tokio::test]
async fn a_signature_is_taken_in_every_form_that_clients_send() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let mut number = 0;
    let mut sale = || {
        number += 1;
        let delivery = Delivery::pos("t1", format!("{{\"n\":{number}}}"));
        let hex = delivery.headers["x-webhook-signature"].trim_start_matches("sha256=").to_owned();
        (delivery.without("x-webhook-signature"), hex)
    };
    for form in [
        |hex: &str| ("x-webhook-signature", hex.to_owned()),
        |hex: &str| ("x-webhook-signature", hex.to_uppercase()),
        |hex: &str| ("x-webhook-signature", format!("sha256={hex}")),
        |hex: &str| ("x-signature", format!("sha256={hex}")),
        |hex: &str| ("x-signature", format!("SHA256={}", hex.to_uppercase())),
        |hex: &str| ("x-signature", hex.to_owned()),
    ] {
        let (delivery, hex) = sale();
        let (name, value) = form(&hex);
        answers(&hooks, &delivery.header(name, &value), 201).await;
    }
    // As the gateway hands on what is no text to it.
    let (delivery, hex) = sale();
    let encoded = Delivery { base64: true, ..delivery.header("x-signature", &hex) };
    assert_eq!(process.send(&encoded).await.unwrap().status, 201);
    let (delivery, hex) = sale();
    let plain = delivery.header("x-signature", &hex).header("content-type", "application/octet-stream");
    answers(&hooks, &plain, 201).await;
    // The secret before the last rotation.
    let previous = Delivery::signed(
        "/pos/demo/ingest",
        &schemes::POS,
        POS_SECRET_PREVIOUS,
        None,
        hooks.clock.now(),
        "{\"old\":true}",
    );
    answers(&hooks, &previous.header("x-tenant-id", "t1"), 201).await;
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 9);
}

#[tokio::test]
async fn of_five_equal_ones_at_once_one_is_the_first() {
    let hooks = Hooks::start().await;
    for round in 0..5 {
        let sale = Delivery::pos("t1", format!("{{\"round\":{round}}}"));
        let replies = futures::future::join_all((0..5).map(|_| hooks.send(&sale))).await;
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 204, 204, 204, 204]);
    }
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 5);
}

#[tokio::test]
async fn a_key_counts_again_once_it_has_expired_though_nobody_swept_it() {
    let hooks = Hooks::start().await;
    let sale = Delivery::pos("t1", SALE).header("idempotency-key", "k");
    answers(&hooks, &sale, 201).await;
    let day = std::time::Duration::from_secs(86_400);
    hooks.pass(day * 29);
    answers(&hooks, &sale, 204).await;
    hooks.pass(day);
    answers(&hooks, &sale, 201).await;
    answers(&hooks, &sale, 204).await;
}

/// A key that has expired is used again: the first event was acknowledged, and stays.
#[tokio::test]
async fn an_event_under_a_key_that_has_expired_does_not_take_the_place_of_the_first() {
    let hooks = Hooks::start().await;
    let sale = |body: &str| Delivery::pos("t1", body).header("idempotency-key", "k");
    for body in ["{\"sale\":1}", "{\"sale\":2}", "{\"sale\":2}"] {
        answers(&hooks, &sale(body), 201).await;
        hooks.work(Queue::Webhooks).await;
        hooks.pass(std::time::Duration::from_secs(31 * 86_400));
    }
    let kept = hooks.entries("t1/pos/demo").await;
    let mut bodies: Vec<&str> = kept.iter().map(|item| item["payload"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["{\"sale\":1}", "{\"sale\":2}", "{\"sale\":2}"]);
}

#[tokio::test]
async fn a_body_may_have_900_kb() {
    let hooks = Hooks::start().await;
    let body = |bytes: usize| format!("{{\"pad\":\"{}\"}}", "é".repeat((bytes - 10) / 2));
    let (large, larger) = (body(900 * 1024), body(900 * 1024 + 2));
    assert_eq!((large.len(), larger.len()), (900 * 1024, 900 * 1024 + 2));
    answers(&hooks, &Delivery::pos("t1", large.clone()), 201).await;
    let answer = answers(&hooks, &Delivery::pos("t1", larger), 413).await;
    assert_eq!(answer["statusCode"], 413);
    hooks.work(Queue::Webhooks).await;
    let kept: Vec<Vec<u8>> = hooks.events("t1/pos/demo").await.into_values().collect();
    assert!(kept == [large.into_bytes()], "it is kept whole");
    let listed = hooks.ask("GET", "/api/admin/deliveries?status=too_large", None, None).await.expect(200);
    let item = &listed["items"][0];
    assert_eq!((&item["bodyBytes"], &item["hasBody"]), (&json!(900 * 1024 + 2), &json!(false)));
    assert_eq!(item["bodyHash"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn failures_and_duplicates_are_metrics_without_a_tenant() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let sale = Delivery::pos("t1", SALE);
    for _ in 0..3 {
        process.send(&sale).await.unwrap();
    }
    process.send(&sale.clone().header("x-webhook-signature", &"0".repeat(64))).await.unwrap();
    hooks.pass(std::time::Duration::from_millis(1500));
    let messages = hooks.receive(Queue::Webhooks).await;
    assert_eq!(process.handle(Queue::Webhooks, &messages[..1]).await.unwrap(), [""; 0]);
    for (metric, count, value) in [
        ("webhook.duplicate_events", 2, 1.0),
        ("webhook.signature_failures", 1, 1.0),
        ("webhook.processing_latency_ms", 1, 1500.0),
    ] {
        let lines = process.metric(metric);
        assert_eq!(lines.len(), count, "{metric}");
        assert_eq!(lines[0][metric], json!(value), "{metric}");
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["provider"]]), "{metric}");
    }
}

/// Lines are paid for: what is measured and what is said of a delivery are one.
#[tokio::test]
async fn a_delivery_has_one_line_at_each_side() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let logged = Logged::here();
    let sale = Delivery::pos("t1", SALE).header("x-correlation-id", "trace");
    let forged = sale.clone().header("x-webhook-signature", &"0".repeat(64));
    for delivery in [&sale, &sale, &forged] {
        process.send(delivery).await.unwrap();
    }
    let messages = hooks.receive(Queue::Webhooks).await;
    assert_eq!(process.handle(Queue::Webhooks, &messages[..1]).await.unwrap(), [""; 0]);
    let ours = |line: &&str| line.contains("\"target\":\"signalbox");
    assert_eq!(logged.text().lines().find(ours), None, "besides");
    let lines = process.metric("level");
    let said = lines.iter().map(|line| (line["message"].as_str().unwrap(), line["level"].as_str().unwrap()));
    let expected = [
        ("delivery taken in", "INFO"),
        ("delivery taken in", "INFO"),
        ("delivery rejected", "WARN"),
        ("delivery applied", "INFO"),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    assert_eq!(process.metric("_aws").len(), 4, "and each is a metric");
    for line in lines {
        assert_eq!((&line["span"]["correlation_id"], line["timestamp"].is_string()), (&json!("trace"), true), "{line}");
    }
}

#[tokio::test]
async fn a_missing_secret_is_a_refusal_and_the_bypass_is_for_ones_own_machine() {
    let hooks = Hooks::start().await;
    let unsigned = || Delivery::pos("t1", SALE).without("x-webhook-signature");
    let skip = [("SKIP_WEBHOOK_SIGNATURE_VALIDATION", "true")];
    let local = hooks.process_with(Wire::whole(), &skip).await;
    assert_eq!(local.send(&unsigned()).await.unwrap().status, 201);
    let deployed = [skip[0], ("SIGNALBOX_STAGE", "production")];
    let deployed = hooks.process_with(Wire::whole(), &deployed).await;
    assert_eq!(deployed.send(&unsigned()).await.unwrap().status, 401);
    for (value, reason) in
        [(" ", "WEBHOOK_SECRET is missing"), ("short", "WEBHOOK_SECRET has fewer than 32 characters")]
    {
        hooks.host.parameters().put("/signalbox/WEBHOOK_SECRET", value);
        let built = signalbox_webhooks::build(&hooks.environment("webhooks"), &hooks.outside(&Wire::whole())).await;
        let error = built.err().expect("a refusal to start").to_string();
        let place = "in Parameter Store, where it is /signalbox/WEBHOOK_SECRET";
        assert!(error.contains(reason) && error.contains(place), "{error}");
    }
}
