//! Who is told, of what, and how they can tell that it is true.

use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::{schemes, sign};
use signalbox::domain::secret::Secret;
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::queues::Queue;
use signalbox_tests::runs::catalogue::Catalogue;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{SIGNED_WITH, Told, handle, tick_after};

#[tokio::test]
async fn a_run_that_is_over_is_told_once_to_its_tenant_s_receivers_and_signed() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let world = system.world();
    let (told, other) = (Told { system: &system, tenant: world.tenant.clone() }, Told::of(&system));
    let process = system.process(Wire::whole()).await;
    for one in [&told, &other] {
        one.receiver("main", &channel).await;
    }
    world.apply(&Catalogue::small(3)).await;
    // The bus is at least once.
    let messages = system.receive(Queue::Completions).await;
    assert_eq!(messages.len(), 1);
    for _ in 0..2 {
        handle(&process, &messages).await.unwrap();
    }
    tick_after(&system, &process, 5).await.unwrap();

    let came = channel.messages();
    assert_eq!(came.len(), 1, "{came:?}");
    let (body, headers) = (&came[0].body, &came[0].headers);
    let data = &body["data"];
    assert_eq!(
        (&body["type"], &data["kind"], &data["tenant"]),
        (&json!("run.completed"), &json!("catalogue"), &json!(told.tenant))
    );
    assert_eq!((&data["counts"]["created"], &data["connection"]), (&json!(3), &json!("catalogue/moscot")));
    let at = jiff::Timestamp::from_second(headers["webhook-timestamp"].parse().unwrap()).unwrap();
    let (secret, id) = (Secret::new(SIGNED_WITH), &headers["webhook-id"]);
    let signed = sign(&schemes::STANDARD_WEBHOOKS, &secret, Some(id), at, None, body.to_string().as_bytes()).unwrap();
    let signature = signed.iter().find(|(name, _)| name == "webhook-signature").map(|(_, value)| value);
    assert_eq!(signature, headers.get("webhook-signature"));

    let notices = told.notices().await;
    let shown = &notices[0];
    assert_eq!((&shown["id"], &shown["state"], &shown["runId"]), (&json!(id), &json!("delivered"), &data["runId"]));
    assert_eq!((&shown["attempts"][0]["status"], shown["attempts"].as_array().unwrap().len()), (&json!(202), 1));
    assert!(other.notices().await.is_empty() && told.owed().await.is_empty());
}

#[tokio::test]
async fn each_receiver_is_told_of_what_it_names_and_a_sixth_is_not_told() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (told, process) = (Told::of(&system), system.process(Wire::whole()).await);
    let url = channel.webhook_url();
    for (name, settings) in [
        ("a", json!({})),
        ("b", json!({"kinds": ["mirror"], "outcomes": ["failed"]})),
        ("c", json!({"kinds": ["catalogue"]})),
        ("d", json!({"outcomes": ["completed"]})),
        ("e", json!({"outcomes": ["failed", "skipped"]})),
        ("f", json!({})),
    ] {
        told.receiver_at(name, &url, settings).await;
    }
    let message = told.ended("Failed").await;
    handle(&process, &[message]).await.unwrap();
    let mut names: Vec<Value> = told.notices().await.iter().map(|notice| notice["receiver"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["a", "b", "e"]);
    let came = channel.messages();
    assert!(
        came.iter()
            .all(|one| one.body["type"] == "run.failed" && one.body["data"]["error"]["code"] == "nothing_mapped")
    );
    let mut ids: Vec<&String> = came.iter().map(|one| &one.headers["webhook-id"]).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has an id of its own");
}

#[tokio::test]
async fn notices_are_listed_by_page_to_their_tenant_alone() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (told, other) = (Told::of(&system), Told::of(&system));
    let process = system.process(Wire::whole()).await;
    told.receiver("main", &channel).await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(told.ended("Success").await);
        tick_after(&system, &process, 1).await.unwrap();
    }
    handle(&process, &messages).await.unwrap();
    let page =
        async |query: &str| told.ask("GET", &format!("completions?limit=2{query}"), Value::Null).await.expect(200);
    let first = page("").await;
    let cursor = first["cursor"].as_str().unwrap();
    let second = page(&format!("&cursor={cursor}")).await;
    let ids =
        |page: &Value| page["notices"].as_array().unwrap().iter().map(|one| one["runId"].clone()).collect::<Vec<_>>();
    let newest: Vec<Value> = messages.iter().rev().map(|message| json!(message.message_id())).collect();
    assert_eq!([ids(&first), ids(&second)].concat(), newest);
    assert!(second["cursor"].is_null());
    assert!(other.notices().await.is_empty());
    for wrong in ["?limit=0", "?limit=101", "?cursor=x", "?state=failed"] {
        assert_eq!(told.ask("GET", &format!("completions{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
    assert_eq!(system.get("/api/admin/completions").bearer("another").answer().await.problem(), (401, "unauthorized"));
}

#[tokio::test]
async fn a_receiver_that_nothing_could_be_sent_to_is_refused_when_it_is_made() {
    let system = System::start().await;
    let told = Told::of(&system);
    let path = format!("connections/{}", told.receiver_path("main"));
    for (settings, secret) in [
        (json!({"url": "https://hooks.example/runs"}), "a secret"),
        (json!({"url": "hooks.example"}), SIGNED_WITH),
        (json!({"url": "https://ada:key@hooks.example/"}), SIGNED_WITH),
        (json!({"url": "https://hooks.example/", "kinds": ["mirrors"]}), SIGNED_WITH),
        (json!({"url": "https://hooks.example/", "outcomes": ["success"]}), SIGNED_WITH),
    ] {
        let refused = told.ask("PUT", &path, json!({"settings": settings, "secrets": {"current": secret}})).await;
        assert_eq!(refused.status, 400, "{settings}: {}", refused.text);
    }
}
