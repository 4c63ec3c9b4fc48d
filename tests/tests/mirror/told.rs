//! Whoever a tenant names is told of its mirror, from the request to the webhook.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Limits, SimulatedChannel};
use signalbox_tests::queues::Queue;
use signalbox_tests::system::System;

use super::mirrored::{Mirrored, google};

#[tokio::test]
async fn a_mirror_that_is_over_is_told_with_its_job_and_what_it_changed() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    let receiver = json!({"settings": {"url": channel.webhook_url(), "kinds": ["mirror"]}, "secrets": {"current": "whsec_c2VjcmV0"}});
    let path = format!("/api/admin/connections/{}/completion-webhook/main", tenant.world.tenant);
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    system.request("PUT", &path).bearer(&token).body(receiver.to_string()).answer().await.expect(201);
    tenant.has(&["bakery", "florist"]).await;
    tenant.given(0, &["bakery"]);
    let job = tenant.start("platform_to_gbp", false).await;
    tenant.settle().await;

    let process = tenant.world.healthy().await;
    let messages = system.receive(Queue::Completions).await;
    process.handle(Queue::Completions, &messages).await.unwrap();
    let came: Vec<Value> = channel.messages().into_iter().map(|message| message.body).collect();
    let [said] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!((&said["type"], &said["data"]["jobId"]), (&json!("run.completed"), &json!(job)), "{said}");
    assert_eq!((&said["data"]["counts"]["created"], &said["data"]["strategy"]), (&json!(1), &json!("platform_to_gbp")));
}
