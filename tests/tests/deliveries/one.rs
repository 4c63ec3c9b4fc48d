//! One delivery: what came, within bounds and masked, and its life, as far as it is stored.

use serde_json::{Value, json};
use signalbox::domain::deliveries::shown::BODY_SHOWN_BYTES_MAX;
use signalbox::http::auth::{DELIVERIES_READ, READ};
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

use super::dead_letters::{given_up, named};

const LIST: &str = "/api/admin/deliveries";

/// As pages encode it.
fn encoded(id: &str) -> String {
    id.replace('/', "%2F").replace('#', "%23").replace(':', "%3A")
}

async fn answer(hooks: &Hooks, tenant: &str, id: &str) -> Answer {
    hooks.ask("GET", &format!("{LIST}/{}", encoded(id)), Some(&hooks.operator(tenant)), None).await
}

/// The id of the newest of a list.
async fn newest(hooks: &Hooks, tenant: &str, query: &str) -> String {
    let page = hooks.ask("GET", &format!("{LIST}?{query}"), Some(&hooks.operator(tenant)), None).await.expect(200);
    page["items"][0]["id"].as_str().unwrap().to_owned()
}

fn life(one: &Value) -> Vec<&str> {
    one["life"].as_array().unwrap().iter().map(|event| event["what"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_had_its_effect_says_what_proved_it_how_often_it_failed_and_what_came() {
    let hooks = Hooks::start().await;
    let body = r#"{"sku": "A", "payment": {"token": "tok_17"}}"#;
    assert_eq!(hooks.send(&Delivery::pos("t1", body).header("idempotency-key", "k")).await.status, 201);
    let broken = hooks.process(Wire::when(every("DynamoDB.PutItem"), Verdict::Fail(Fault::ServerError))).await;
    let messages = hooks.receive(Queue::Webhooks).await;
    let failed = broken.handle(Queue::Webhooks, &messages).await.unwrap();
    hooks.finish(Queue::Webhooks, &messages, &failed).await;
    assert!(hooks.pass_until_due(Queue::Webhooks));
    hooks.work(Queue::Webhooks).await;
    let id = newest(&hooks, "t1", "status=processed").await;
    let one = answer(&hooks, "t1", &id).await.expect(200);

    assert_eq!((&one["delivery"]["id"], &one["delivery"]["status"]), (&json!(id), &json!("processed")));
    assert_eq!(
        (&one["path"], &one["headers"], &one["withheld"]),
        (&json!("/pos/demo/ingest"), &json!([]), &json!(false))
    );
    let shown = body.replace("tok_17", "***");
    assert_eq!(one["body"], json!({"text": shown, "bytes": body.len(), "cut": false, "masked": true}));
    assert_eq!(life(&one), ["received", "verified", "queued", "failed", "processed"]);
    let failed = json!({"what": "failed", "at": null, "times": 1, "detail": "storage failed; the log of this delivery says how"});
    assert_eq!((&one["life"][1]["detail"], &one["life"][3]), (&json!("current"), &failed));
    assert_eq!((&one["life"][4]["detail"], &one["life"][4]["at"]), (&json!("done"), &one["delivery"]["processedAt"]));

    // An id is found however much of it a gateway decoded.
    let plain = hooks.ask("GET", &format!("{LIST}/{id}"), Some(&hooks.operator("t1")), None).await.expect(200);
    assert_eq!(plain, one);
    for (tenant, id) in [("t2", id.as_str()), ("t1", "verify"), ("t1", &id.replace("pos/demo", "pos/other"))] {
        assert_eq!(answer(&hooks, tenant, id).await.expect(404)["error"], "not_found", "{tenant} {id}");
    }
    for (asks, tenant, status) in [("t1", "t2", 404), ("t2", "t1", 404), ("default", "t2", 404), ("default", "t1", 200)]
    {
        let path = format!("{LIST}/{}?tenant={tenant}", encoded(&id));
        let answer = hooks.ask("GET", &path, Some(&hooks.operator(asks)), None).await;
        assert_eq!(answer.status, status, "{asks} of {tenant}");
    }
}

#[tokio::test]
async fn a_long_body_is_cut_and_its_size_is_told() {
    let hooks = Hooks::start().await;
    let body = json!({"of": "x".repeat(400_000)}).to_string();
    assert_eq!(hooks.send(&Delivery::pos("t1", body.clone()).header("idempotency-key", "k")).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let id = newest(&hooks, "t1", "status=processed").await;
    let one = answer(&hooks, "t1", &id).await.expect(200);
    assert_eq!(one["body"]["text"].as_str().unwrap(), &body[..BODY_SHOWN_BYTES_MAX]);
    assert_eq!((&one["body"]["bytes"], &one["body"]["cut"]), (&json!(body.len()), &json!(true)));
}

#[tokio::test]
async fn what_had_its_effect_goes_with_its_day_where_it_is_said_how_long_and_else_never() {
    const DAY: u64 = 86_400;
    for (days, kept) in [("120", Some(121 * DAY)), ("", None)] {
        let hooks = Hooks::with(&[("DELIVERIES_RETENTION_DAYS", days)]).await;
        let today = hooks.clock.now().as_second().unsigned_abs() / DAY * DAY;
        // Its body lies in parts, beside the entry and the name of the partition.
        let body = json!({"of": "x".repeat(400_000)}).to_string();
        assert_eq!(hooks.send(&Delivery::pos("t1", body).header("idempotency-key", "k")).await.status, 201);
        hooks.work(Queue::Webhooks).await;
        let id = newest(&hooks, "t1", "status=processed").await;
        let items = hooks.items("RECORDS_TABLE", "t1#deliveries").await;
        let ends = kept.map(|kept| json!((today + kept).to_string()));
        assert!(
            items.len() > 2 && items.iter().all(|item| item.get("expires_at") == ends.as_ref()),
            "{days}: {items:?}"
        );
        for (days, is_there) in [(120, true), (1, kept.is_none())] {
            hooks.pass(std::time::Duration::from_secs(days * DAY));
            let list = format!("{LIST}?status=processed&from=2100-01-01");
            let page = hooks.ask("GET", &list, Some(&hooks.operator("t1")), None).await.expect(200);
            assert_eq!(page["items"].as_array().unwrap().len(), usize::from(is_there), "{days}");
            let status = if is_there { 200 } else { 404 };
            assert_eq!(answer(&hooks, "t1", &id).await.status, status, "nothing swept it here");
        }
    }
}

#[tokio::test]
async fn a_dead_letter_says_when_and_why_it_was_given_up() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    let id = newest(&hooks, "t1", "status=dead").await;
    let one = answer(&hooks, "t1", &id).await.expect(200);
    assert_eq!((&one["delivery"]["status"], &one["body"]["text"]), (&json!("dead"), &json!(r#"{"of":"k"}"#)));
    assert_eq!(life(&one), ["received", "verified", "queued", "failed", "given_up"]);
    assert_eq!((&one["life"][3]["times"], &one["life"][4]["at"]), (&json!(16), &one["delivery"]["recordedAt"]));
    assert_eq!(answer(&hooks, "t2", &id).await.status, 404);
}

#[tokio::test]
async fn a_refused_one_shows_its_headers_without_a_signature_that_could_be_sent_again() {
    let hooks = Hooks::start().await;
    let signature = "ab12cd34".repeat(8);
    let forged = Delivery::pos("t1", vec![0x1F, 0x8B, 0xFF]).header("x-webhook-signature", &signature);
    assert_eq!(hooks.send(&forged.header("authorization", "Bearer x")).await.status, 403);
    let one = answer(&hooks, "default", "pos#1").await.expect(200);
    assert_eq!((&one["path"], life(&one)), (&json!("/pos/demo/ingest"), vec!["received", "refused"]));
    assert_eq!(one["life"][1]["detail"], "bad_signature");
    assert_eq!(one["body"], json!({"base64": "H4v/", "bytes": 3, "cut": false, "masked": false}));
    let headers = one["headers"].as_array().unwrap();
    let shown = json!({"name": "x-webhook-signature", "value": "ab12cd***", "masked": true});
    assert!(headers.contains(&shown), "{headers:?}");
    assert!(headers.iter().all(|header| header["name"] != "authorization"), "{headers:?}");
    // Whoever was refused has not proved whose it is.
    assert_eq!(answer(&hooks, "t1", "pos#1").await.status, 404);
    assert_eq!(answer(&hooks, "default", "pos#2").await.status, 404);
}

#[tokio::test]
async fn headers_and_body_are_for_those_who_may_see_them() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    assert_eq!(hooks.send(&named("t1", "k")).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    let id = newest(&hooks, "t1", "status=processed").await;
    for (scopes, withheld) in [(&[READ][..], true), (&[READ, DELIVERIES_READ], false)] {
        let token = hooks.token("t1", scopes);
        let one = hooks.ask("GET", &format!("{LIST}/{}", encoded(&id)), Some(&token), None).await.expect(200);
        assert_eq!((&one["withheld"], one["body"].is_null()), (&json!(withheld), withheld), "{scopes:?}");
        assert_eq!(one["delivery"]["key"], "key:k", "{scopes:?}");
    }
    assert_eq!(hooks.ask("GET", &format!("{LIST}/{}", encoded(&id)), None, None).await.status, 401);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_to_have_failed() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::when(every("DynamoDB.GetItem"), Verdict::Fail(Fault::ServerError))).await;
    let headers = [("authorization".to_owned(), format!("Bearer {}", hooks.operator("default")))].into();
    let event = signalbox_tests::events::http_event("GET", &format!("{LIST}/pos%231"), &headers, "", false);
    let answer = process.invoke("read-api", event).await.unwrap();
    assert_eq!(answer["statusCode"], 500);
    assert!(answer["body"].as_str().unwrap().contains("internal_error"), "{answer}");
}
