//! A tenant whose runs are over, and a receiver that is told.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::Message;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::runs::RunStore;
use signalbox::domain::ids::RunId;
use signalbox::domain::runs::run::Run;
use signalbox::domain::time;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_local::host::poller::sqs_event;
use signalbox_simulators::{ChannelAnswer, SimulatedChannel};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

/// What webhooks are signed with.
pub(super) const SIGNED_WITH: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A tenant of its own.
pub(super) struct Told<'a> {
    pub(super) system: &'a System,
    pub(super) tenant: String,
}

impl<'a> Told<'a> {
    pub(super) fn of(system: &'a System) -> Self {
        Self { system, tenant: system.world().tenant }
    }

    /// Asks the control centre.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.system.service_token("ada", &self.tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let asked = self.system.request(method, &format!("/api/admin/{path}")).bearer(&token);
        let asked = if body.is_null() { asked } else { asked.body(body.to_string()) };
        asked.answer().await
    }

    /// A receiver, told of what its settings say.
    pub(super) async fn receiver_at(&self, name: &str, url: &str, mut settings: Value) {
        settings["url"] = url.into();
        let body = json!({"settings": settings, "secrets": {"current": SIGNED_WITH}});
        let answer = self.ask("PUT", &format!("connections/{}", self.receiver_path(name)), body).await;
        assert!(answer.status < 300, "{}", answer.text);
    }

    /// Has a receiver lead elsewhere, past what is looked at where it is given.
    pub(super) async fn moved_to(&self, name: &str, url: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let table = self.system.environment("sync-control").require("CONNECTIONS_TABLE").unwrap().to_owned();
        let sort = format!("connection#completion-webhook/{name}");
        let update = self.system.host.dynamodb().update_item().table_name(table);
        let update = update.key("pk", text(&self.tenant)).key("sk", text(&sort));
        // Settings are stored as a text.
        let settings = text(&json!({"url": url}).to_string());
        let update =
            update.update_expression("SET settings = :settings").condition_expression("attribute_exists(settings)");
        update.expression_attribute_values(":settings", settings).send().await.unwrap();
    }

    pub(super) async fn receiver(&self, name: &str, channel: &SimulatedChannel) {
        self.receiver_at(name, &channel.webhook_url(), json!({})).await;
    }

    pub(super) fn receiver_path(&self, name: &str) -> String {
        format!("{}/completion-webhook/{name}", self.tenant)
    }

    /// The receiver as it is shown.
    pub(super) async fn shown(&self, name: &str) -> Value {
        let path = format!("connections/{}", self.receiver_path(name));
        self.ask("GET", &path, Value::Null).await.expect(200)["data"].clone()
    }

    /// A mirror that is over now, and the message that says so.
    pub(super) async fn ended(&self, status: &str) -> Message {
        let (now, outside) = (self.system.clock.now(), self.system.outside(&Wire::whole()));
        let at = time::text(now);
        let id = RunId::new(now, outside.entropy.bytes16());
        let error = json!({"code": "nothing_mapped", "detail": "made up"});
        let run: Run = serde_json::from_value(json!({
            "id": id, "connection": format!("{}/gbp/main", self.tenant), "status": status, "mode": "apply", "actor": "ada",
            "trigger": "manual", "startedAt": at, "updatedAt": at, "deadlineFrom": at, "completedAt": at, "durationMs": 0,
            "error": if status == "Failed" { error } else { Value::Null }, "correlationId": "made up",
            "work": {"kind": "mirror", "strategy": "platform_to_gbp"},
        }))
        .unwrap();
        let environment = self.system.environment("sync-control");
        let clients = Clients::connect(&environment, &outside).unwrap();
        let store = RunStore::connect(&clients, &environment).unwrap();
        assert!(store.record_run(&run, None).await.unwrap());
        let event = json!({
            "version": "0", "id": "event", "detail-type": "run.succeeded", "source": "signalbox", "account": "000000000000",
            "time": at, "region": "us-east-1", "resources": [], "detail": {"connection": run.connection, "runId": run.id},
        });
        Message::builder().message_id(run.id.to_string()).receipt_handle("handle").body(event.to_string()).build()
    }

    /// What the tenant's receivers were told, as the route has it, the newest first.
    pub(super) async fn notices(&self) -> Vec<Value> {
        let page = self.ask("GET", "completions", Value::Null).await.expect(200);
        page["notices"].as_array().unwrap().clone()
    }

    /// What is still to be told to anybody.
    pub(super) async fn owed(&self) -> Vec<Item> {
        self.system.items("CONTROL_TABLE", "@completions#due").await
    }
}

/// Messages come from the queue.
pub(super) async fn handle(process: &Process, messages: &[Message]) -> Result<(), Crashed> {
    process.invoke("completions", sqs_event("completions", messages)).await.map(drop)
}

/// So many minutes pass, and a tick comes.
pub(super) async fn tick_after(system: &System, process: &Process, minutes: u64) -> Result<(), Crashed> {
    system.pass(Duration::from_secs(60 * minutes));
    let tick = json!({"schedule": "completions", "scheduledTime": "2026-01-15T12:00:00Z"});
    process.invoke("completions", tick).await.map(drop)
}

/// What a receiver answers to so many.
pub(super) fn answer(channel: &SimulatedChannel, status: Option<u16>, times: u32) {
    channel.answer(ChannelAnswer { status, retry_after: None, times }).unwrap();
}
