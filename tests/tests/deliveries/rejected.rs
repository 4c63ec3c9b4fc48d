//! Deliveries that were not let in: bounded, listed, and verified again once a secret was corrected.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Verdict, Wire, at, first};

const LIST: &str = "/api/admin/deliveries";
const VERIFY: &str = "/api/admin/deliveries/verify";

fn forged(number: usize) -> Delivery {
    Delivery::pos("t1", format!("{{\"n\":{number}}}")).header("x-webhook-signature", &"0".repeat(64))
}

async fn list(hooks: &Hooks, query: &str) -> Value {
    hooks.ask("GET", &format!("{LIST}?{query}"), None, None).await.expect(200)
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_flood_costs_bounded_storage_and_the_newest_are_listed_once_each() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    for number in 0..300 {
        assert_eq!(process.send(&forged(number)).await.unwrap().status, 403);
        // As many as an instance keeps.
        if number % 3 == 0 {
            hooks.pass(std::time::Duration::from_secs(90));
        }
    }
    // Each with its body, and the counter of the source.
    assert_eq!(hooks.items("DELIVERIES_TABLE", "rejected#pos").await.len(), 401);

    let (mut cursor, mut seen, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let page = list(&hooks, &format!("limit=7{cursor}")).await;
        seen.extend(ids(&page));
        pages += 1;
        let Some(next) = page["nextCursor"].as_str() else {
            assert_eq!(page["hasMore"], false);
            break;
        };
        assert_eq!((&page["hasMore"], ids(&page).len()), (&json!(true), 7));
        cursor = format!("&cursor={}", next.replace('#', "%23").replace('/', "%2F"));
    }
    assert_eq!((pages, seen.len()), (29, 200));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 200, "each once");
    assert_eq!((seen[0].as_str(), seen[199].as_str()), ("pos#300", "pos#101"), "the newest, newest first");
}

/// Numbers tell what came in one millisecond apart, and are not texts: 10 comes after 9.
#[tokio::test]
async fn what_came_in_one_millisecond_is_listed_newest_first_too() {
    let hooks = Hooks::start().await;
    for number in 0..10 {
        assert_eq!(hooks.send(&forged(number)).await.status, 403);
    }
    assert_eq!(hooks.send(&Delivery::pos("t1", "nonsense")).await.status, 400);
    let expected: Vec<String> = std::iter::once("pos:proved#1".to_owned())
        .chain((1..=10).rev().map(|number| format!("pos#{number}")))
        .collect();
    assert_eq!(ids(&list(&hooks, "").await), expected);
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = list(&hooks, &format!("limit=3{cursor}")).await;
        seen.extend(ids(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={}", next.replace('#', "%23"));
    }
    assert_eq!(seen, expected);
}

/// Anybody can send what is not signed.
#[tokio::test]
async fn a_flood_of_unsigned_ones_pushes_out_none_whose_signature_was_right() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let named = |body: &str| Delivery::pos("t1", body).header("idempotency-key", "k");
    for (delivery, status) in [(Delivery::pos("t1", "nonsense"), 400), (named("{}"), 201), (named("[]"), 409)] {
        assert_eq!(process.send(&delivery).await.unwrap().status, status);
    }
    for number in 0..201 {
        assert_eq!(process.send(&forged(number)).await.unwrap().status, 403);
        // Until the instance keeps one more.
        hooks.pass(std::time::Duration::from_secs(30));
    }
    assert_eq!(ids(&list(&hooks, "status=bad_body").await), ["pos:proved#1"]);
    assert_eq!(ids(&list(&hooks, "status=conflict&source=pos").await), ["pos:proved#2"]);
    assert_eq!(ids(&list(&hooks, "source=pos:proved").await).len(), 2);
    let (token, id) = (hooks.operator("default"), json!({"id": "pos:proved#2"}));
    assert_eq!(hooks.ask("POST", VERIFY, Some(&token), Some(id)).await.expect(409)["error"], "conflict");
}

#[tokio::test]
async fn filters_find_what_they_name() {
    let hooks = Hooks::start().await;
    let process = hooks.process(Wire::whole()).await;
    let start = hooks.clock.now().to_string();
    let github = Delivery::github("1", "{}");
    let refused = [
        forged(1),
        Delivery::pos("t2", "nonsense"),
        Delivery::trackstar("/inventory", &json!({"connection_id": "conn-9", "event_type": "x"})),
        github.clone().without("x-hub-signature-256"),
        Delivery { path: "/webhooks/github/nobody".into(), ..github },
    ];
    for delivery in &refused {
        process.send(delivery).await.unwrap();
        // Within one of the instance's pauses between its counts.
        hooks.pass(std::time::Duration::from_secs(1));
    }
    let middle = hooks.clock.now().to_string();
    process.send(&forged(2)).await.unwrap();
    let github = "github/acme#1";
    for (query, expected) in [
        ("", &["pos#2", "unknown#1", github, "trackstar:proved#1", "pos:proved#1", "pos#1"][..]),
        // Both of its rings.
        ("source=pos", &["pos#2", "pos:proved#1", "pos#1"]),
        ("source=pos:proved", &["pos:proved#1"]),
        ("source=github%2Facme", &[github]),
        // All connections of a provider, as in the list of what was let in.
        ("status=rejected&source=github", &[github]),
        ("source=github:proved", &[]),
        ("source=git", &[]),
        ("source=nobody", &[]),
        // More than a key can be.
        (&format!("source={}", "x".repeat(2100)), &[]),
        ("status=bad_signature", &["pos#2", github, "pos#1"]),
        ("status=bad_body", &["pos:proved#1"]),
        ("status=unknown_sender", &["unknown#1", "trackstar:proved#1"]),
        ("status=rejected&tenant=t2", &["pos:proved#1"]),
        // Several are any of them.
        ("status=bad_body&status=Unknown_Sender", &["unknown#1", "trackstar:proved#1", "pos:proved#1"]),
        ("status=bad_body,%20bad_signature&source=pos", &["pos#2", "pos:proved#1", "pos#1"]),
        ("status=admitted,bad_body", &["pos:proved#1"]),
        ("status=,&source=pos:proved", &["pos:proved#1"]),
        ("status=admitted", &[]),
        ("status=rejected&text=SIGNATURE&source=pos", &["pos#2", "pos#1"]),
        ("text=unknown_sender", &["unknown#1", "trackstar:proved#1"]),
        (&format!("from={middle}"), &["pos#2"]),
        (&format!("to={start}"), &["pos#1"]),
    ] {
        assert_eq!(ids(&list(&hooks, query).await), expected, "{query}");
    }
    // For which reasons, whichever of them is asked for.
    let reasons = &list(&hooks, "status=bad_body&source=pos&limit=1").await["reasons"];
    assert_eq!(reasons, &json!([{"reason": "bad_signature", "count": 2}, {"reason": "bad_body", "count": 1}]));
    let wrong = ["limit=0", "limit=201", "limit=x", "from=soon", "cursor=nonsense"];
    // A typo must not read as "nothing was rejected".
    for query in wrong.into_iter().chain(["status=bad_signatur", "status=bad_body&status=bad", "status=bad_body,bad"]) {
        let reply = hooks.ask("GET", &format!("{LIST}?{query}"), None, None).await;
        assert_eq!((reply.status, &reply.body["error"]), (400, &json!("invalid_request")), "{query}");
        let field = query.split('=').next().unwrap();
        assert!(reply.body["detail"]["fieldErrors"][field].is_array(), "{query}: {}", reply.text);
    }
    let item = &list(&hooks, "source=pos").await["items"][1];
    assert_eq!((&item["tenant"], &item["connection"], &item["hasBody"]), (&json!("t2"), &json!("demo"), &json!(true)));
    assert!(item.get("headers").is_none() && item.get("body").is_none(), "{item}");
}

#[tokio::test]
async fn once_its_secret_is_corrected_a_delivery_is_let_in_once() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.process_with(Wire::whole(), &wrong).await;
    let after = hooks.process(Wire::whole()).await;
    let sale = Delivery::pos("t1", "{\"n\":1}").header("x-request-id", "trace-1");
    assert_eq!(before.send(&sale).await.unwrap().status, 403);
    hooks.pass(std::time::Duration::from_secs(3600));

    let token = hooks.operator("default");
    let verify = async |process: &signalbox_tests::process::Process, token: &str, id: &str| -> Answer {
        process.ask("sync-control", "POST", VERIFY, token, Some(json!({"id": id}))).await.unwrap()
    };
    let refused = verify(&before, &token, "pos#1").await.expect(422);
    assert_eq!((&refused["error"], &refused["reason"]), (&json!("verification_failed"), &json!("bad_signature")));
    assert_eq!(ids(&list(&hooks, "").await), ["pos#1"], "looking at it again is no second delivery");
    assert_eq!(verify(&after, &token, "pos#1").await.expect(200), json!({"ok": true, "status": "accepted"}));
    assert_eq!(verify(&after, &token, "pos#1").await.expect(200)["status"], "duplicate");
    hooks.work(Queue::Webhooks).await;
    assert_eq!(verify(&after, &token, "pos#1").await.expect(200)["status"], "duplicate");
    assert_eq!(after.send(&sale).await.unwrap().status, 204, "the sender's own retry");
    assert_eq!(hooks.work(Queue::Webhooks).await, 0);

    let records = hooks.entries("t1/pos/demo").await;
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["correlationId"], &records[0]["payload"]), (&json!("trace-1"), &json!("{\"n\":1}")));
    let listed = list(&hooks, "status=admitted").await;
    assert_eq!(ids(&listed), ["pos#1"]);
    let audit = hooks.items("JOURNAL_TABLE", "default#audit").await;
    assert_eq!(audit.len(), 4);
    for entry in &audit {
        assert_eq!((&entry["actor"], &entry["action"]), (&json!("operator"), &json!("delivery.admit")));
        assert_eq!(entry["target"], "pos#1");
    }
}

/// A ring moves on while an operator decides: what was let in is let in, though nothing is left to note that on.
#[tokio::test]
async fn one_whose_place_was_taken_meanwhile_is_let_in_all_the_same() {
    let hooks = Hooks::start().await;
    let wrong = [("WEBHOOK_SECRET", "wrong-secret-wrong-secret-wrong-secret"), ("WEBHOOK_SECRET_PREVIOUS", "")];
    let before = hooks.process_with(Wire::whole(), &wrong).await;
    assert_eq!(before.send(&Delivery::pos("t1", "{\"n\":1}")).await.unwrap().status, 403);
    let after = hooks.process(Wire::when(first("DynamoDB.UpdateItem"), Verdict::Hold)).await;
    let table = hooks.environment("sync-control").require("DELIVERIES_TABLE").unwrap().to_owned();
    let token = hooks.operator("default");
    let push_out = async {
        after.wire().held().await;
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let call = hooks.host.dynamodb().delete_item().table_name(table);
        call.key("pk", key("rejected#pos")).key("sk", key("000000000001")).send().await.unwrap();
        after.wire().release();
    };
    let (reply, ()) =
        tokio::join!(after.ask("sync-control", "POST", VERIFY, &token, Some(json!({"id": "pos#1"}))), push_out);
    assert_eq!(reply.unwrap().expect(200), json!({"ok": true, "status": "accepted"}));
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert!(hooks.items("DELIVERIES_TABLE", "rejected#pos").await.iter().all(|item| item["sk"] != "000000000001"));
}

/// Nothing may be kept where no list looks: the first refusal of a source is the one that makes its ring known.
#[tokio::test]
async fn the_first_refusal_of_a_source_is_listed_wherever_its_door_died_before() {
    let whole = Hooks::start().await;
    let process = whole.process(Wire::whole()).await;
    process.send(&forged(1)).await.unwrap();
    let calls = process.wire().calls();
    assert!(calls.len() >= 3, "{calls:?}");
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = Hooks::start().await;
            let dying = hooks.process(Wire::when(at(number), verdict)).await;
            assert!(dying.send(&forged(1)).await.is_err(), "{call}");
            assert_eq!(hooks.send(&forged(1)).await.status, 403);
            assert!(!ids(&list(&hooks, "").await).is_empty(), "{verdict:?} of {call}");
        }
    }
}

#[tokio::test]
async fn what_has_expired_is_gone_though_nobody_swept_it() {
    let hooks = Hooks::start().await;
    let day = std::time::Duration::from_secs(86_400);
    hooks.send(&Delivery::pos("t1", "no JSON")).await;
    hooks.pass(day);
    hooks.send(&Delivery::pos("t1", "no JSON either")).await;
    hooks.pass(day * 13 - std::time::Duration::from_secs(1));
    assert_eq!(ids(&list(&hooks, "").await), ["pos:proved#2", "pos:proved#1"]);
    hooks.pass(std::time::Duration::from_secs(1));
    assert_eq!(ids(&list(&hooks, "").await), ["pos:proved#2"]);
    let token = hooks.operator("default");
    for (id, status) in [("pos:proved#1", 404), ("pos:proved#2", 422)] {
        let reply = hooks.ask("POST", VERIFY, Some(&token), Some(json!({"id": id}))).await;
        assert_eq!(reply.status, status, "{id}: {}", reply.text);
    }
}

/// In the words of `signalbox verify`, and to operators alone.
#[tokio::test]
async fn what_explains_a_wrong_signature_is_said() {
    let hooks = Hooks::start().await;
    let signed = Delivery::pos("t1", "{\"n\":1}");
    let rewritten = Delivery { body: b"{\"n\": 1}".to_vec(), ..signed.clone() };
    for delivery in [rewritten, forged(2), signed.without("x-webhook-signature")] {
        let refused = hooks.send(&delivery).await;
        assert!(!refused.text.contains("findings"), "a sender is told of none: {}", refused.text);
    }
    let token = hooks.operator("default");
    for (id, codes) in [("pos#1", &["body_rewritten"][..]), ("pos#2", &["nothing"]), ("pos#3", &[])] {
        let answer = hooks.ask("POST", VERIFY, Some(&token), Some(json!({"id": id}))).await.expect(422);
        let found: Vec<&str> =
            answer["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        assert_eq!(found, codes, "{id}: {answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_let_in_says_why() {
    let hooks = Hooks::start().await;
    let large = Delivery { body: vec![b' '; 40 * 1024], ..forged(1) };
    let named = |body: &str| Delivery::pos("t1", body).header("idempotency-key", "k");
    for delivery in [large, named("{}"), named("[]")] {
        hooks.send(&delivery).await;
    }
    let token = hooks.operator("default");
    for (id, status, error) in [
        ("pos#1", 422, "unprocessable"),
        ("pos:proved#1", 409, "conflict"),
        ("pos#9", 404, "not_found"),
        ("nobody#1", 404, "not_found"),
        ("nonsense", 400, "invalid_request"),
        ("", 400, "invalid_request"),
    ] {
        let reply = hooks.ask("POST", VERIFY, Some(&token), Some(json!({"id": id}))).await;
        assert_eq!((reply.status, &reply.body["error"]), (status, &json!(error)), "{id}");
    }
    assert_eq!(ids(&list(&hooks, "").await).len(), 2);
}

#[tokio::test]
async fn another_tenant_sees_what_proved_to_be_its_own_alone() {
    let hooks = Hooks::start().await;
    for delivery in [forged(1), Delivery::pos("t1", "nonsense"), Delivery::pos("t2", "nonsense")] {
        hooks.send(&delivery).await;
    }
    for (tenant, expected) in [
        ("t1", &["pos:proved#1"][..]),
        ("t2", &["pos:proved#2"]),
        ("t3", &[]),
        ("default", &["pos:proved#2", "pos:proved#1", "pos#1"]),
    ] {
        for query in ["", "?source=pos", "?tenant=t1&source=pos"] {
            let page =
                hooks.ask("GET", &format!("{LIST}{query}"), Some(&hooks.operator(tenant)), None).await.expect(200);
            let expected = expected.iter().filter(|id| !query.contains("tenant") || **id != "pos:proved#2");
            assert_eq!(ids(&page), expected.copied().collect::<Vec<_>>(), "{tenant} {query}");
        }
    }
    let token = hooks.operator("t1");
    assert_eq!(hooks.ask("POST", VERIFY, Some(&token), Some(json!({"id": "pos:proved#1"}))).await.status, 404);
    // An operator of all tenants who names one decides on what says that it is that tenant's.
    for (query, status) in [("?tenant=t2", 404), ("?tenantId=t1", 422)] {
        let (operator, id) = (hooks.operator("default"), json!({"id": "pos:proved#1"}));
        let answer = hooks.ask("POST", &format!("{VERIFY}{query}"), Some(&operator), Some(id)).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
    }
    let reader = hooks.token("default", &[signalbox::http::auth::READ]);
    assert_eq!(hooks.ask("POST", VERIFY, Some(&reader), Some(json!({"id": "pos:proved#1"}))).await.status, 403);
    assert_eq!(hooks.ask("POST", VERIFY, None, Some(json!({"id": "pos:proved#1"}))).await.status, 401);
}

/// A tenant is one however it is spelt, and what proved a refusal is the signature alone, whatever was wrong besides.
#[tokio::test]
async fn a_tenant_sees_all_refusals_that_proved_to_be_its_own() {
    let hooks = Hooks::start().await;
    let binary = vec![0xff; 770 * 1024];
    let forged = Delivery::github("2", binary.clone()).header("x-hub-signature-256", &"0".repeat(64));
    for (delivery, status) in
        [(Delivery::pos("Acme", "nonsense"), 400), (Delivery::github("1", binary), 413), (forged, 401)]
    {
        assert_eq!(hooks.send(&delivery).await.status, status);
        hooks.pass(std::time::Duration::from_secs(1));
    }
    for (tenant, query, expected) in [
        ("acme", "", &["github/acme:proved#1", "pos:proved#1"][..]),
        ("acme", "?tenant=ACME", &["github/acme:proved#1", "pos:proved#1"]),
        ("acme", "?status=too_large", &["github/acme:proved#1"]),
        ("globex", "", &[]),
        ("default", "?tenant=acme", &["github/acme#1", "github/acme:proved#1", "pos:proved#1"]),
    ] {
        let page = hooks.ask("GET", &format!("{LIST}{query}"), Some(&hooks.operator(tenant)), None).await.expect(200);
        assert_eq!(ids(&page), expected, "{tenant} {query}");
    }
}
