//! The sample events are answered by the functions they are for.

use std::fs;

use serde_json::{Value, json};
use signalbox::domain::runs::log::LogFilter;
use signalbox::domain::service_secrets::{SESSION_JWT, ServiceSecrets, Values};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE, DELIVERIES_WRITE, READ, WRITE};
use signalbox::http::stream_ticket::StreamTicket;

use crate::routes::golden::root;
use crate::routes::kit::World;

/// Where a token has to be put in.
const PLACEHOLDER: &str = "replace-with-signalbox-token";
/// What the samples are signed with.
const SECRET: &str = "replace-with-signalbox-webhook-secret";

/// Where a ticket of the live log has to be put in.
const TICKET: &str = "replace-with-signalbox-ticket";

/// For a log that is not followed, so that the stream ends.
#[expect(clippy::unwrap_used, reason = "a helper of tests, where a panic is the report")]
fn ticket(world: &World) -> String {
    let secret = world.host.parameters().get(&format!("/signalbox/{}", SESSION_JWT.as_str()));
    let values = Values::check(&[SESSION_JWT], |_| secret.clone()).unwrap();
    let (connection, now) = ("default/doorloop/main".parse().unwrap(), world.clock.now());
    let ticket = StreamTicket::new(connection, LogFilter::default(), false, now, [7; 16]);
    ticket.signed(&ServiceSecrets::given(values), now).unwrap()
}

#[tokio::test]
async fn every_sample_event_is_answered() {
    let mut answered = 0;
    for folder in fs::read_dir(root().join("events")).unwrap().map(Result::unwrap) {
        let function = folder.file_name().into_string().unwrap();
        // It asks CodeDeploy, which is not here: pre_traffic.rs has one.
        if function == "pre-traffic" {
            continue;
        }
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = format!("{function}/{}", file.file_name().into_string().unwrap());
            // A host for each: the nightly event starts runs that would be in the others' way.
            let senders =
                json!([{"provider": "github", "connection": "acme", "scheme": "github", "secrets": [SECRET]}]);
            let settings = [
                ("STAGE", "production"),
                ("WEBHOOK_SECRET", SECRET),
                ("TRACKSTAR_WEBHOOK_SECRET", SECRET),
                ("TRACKSTAR_CONNECTIONS", r#"[{"connectionId": "conn-1"}]"#),
                ("WEBHOOK_SENDERS", &senders.to_string()),
            ];
            let world = World::with(&settings).await;
            let token = world.token(&[READ, WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE, DELIVERIES_WRITE]);
            let text = fs::read_to_string(file.path()).unwrap().replace(PLACEHOLDER, &token);
            let text = text.replace(TICKET, &ticket(&world));
            let event: Value = serde_json::from_str(&text).unwrap();
            let answer = world.host.invoke(&function, event).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            match answer["statusCode"].as_u64() {
                Some(status) => assert!((200..300).contains(&status), "{name}: {answer}"),
                // A queue's function reports failures; a schedule's function answers nothing.
                None => assert!(answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty), "{name}: {answer}"),
            }
            answered += 1;
        }
    }
    assert!(answered >= 10, "only {answered} sample events were found");
}
