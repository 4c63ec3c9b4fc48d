//! A tenant whose connections fail, and a channel that it is told over.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::runs::RunStore;
use signalbox::domain::ids::{Connection, RunId};
use signalbox::domain::runs::run::Run;
use signalbox::domain::time;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

/// What alerts are signed with.
pub(super) const SIGNED_WITH: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A tenant of its own.
pub(super) struct Watched<'a> {
    pub(super) system: &'a System,
    pub(super) tenant: String,
}

impl<'a> Watched<'a> {
    pub(super) fn of(system: &'a System) -> Self {
        Self { system, tenant: system.world().tenant }
    }

    pub(super) fn connection(&self, name: &str) -> Connection {
        format!("{}/catalogue/{name}", self.tenant).parse().unwrap()
    }

    fn token(&self) -> String {
        self.system.service_token("ada", &self.tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE])
    }

    /// Asks the control centre.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let asked = self.system.request(method, &format!("/api/admin/{path}")).bearer(&self.token());
        let asked = if body.is_null() { asked } else { asked.body(body.to_string()) };
        asked.answer().await
    }

    async fn put(&self, connection: &str, body: Value) {
        let answer = self.ask("PUT", &format!("connections/{}/{connection}", self.tenant), body).await;
        assert!(answer.status < 300, "{}", answer.text);
    }

    /// A catalogue that is synced each day, so that nothing is late for long.
    pub(super) async fn catalogue(&self, name: &str) {
        let body = json!({"displayName": name, "settings": {"source": "https://shop.example/a.json"}, "schedule": {"every": 1440}});
        self.put(&format!("catalogue/{name}"), body).await;
    }

    /// A catalogue that is synced by hand alone.
    pub(super) async fn by_hand(&self, name: &str) {
        let body = json!({"displayName": name, "settings": {"source": "https://shop.example/a.json"}});
        self.put(&format!("catalogue/{name}"), body).await;
    }

    /// A channel of Teams, whatever it is called.
    pub(super) async fn channel(&self, connection: &str, channel: &SimulatedChannel) {
        self.put(connection, json!({"settings": {}, "secrets": {"current": channel.workflow_url()}})).await;
    }

    /// The channel of Teams that the tenant is told over.
    pub(super) async fn teams(&self, channel: &SimulatedChannel, settings: Value) {
        self.put("teams/main", json!({"settings": settings, "secrets": {"current": channel.workflow_url()}})).await;
    }

    /// A webhook that the tenant is told by.
    pub(super) async fn webhook(&self, channel: &SimulatedChannel) {
        let settings = json!({"url": channel.webhook_url()});
        self.put("alert-webhook/main", json!({"settings": settings, "secrets": {"current": SIGNED_WITH}})).await;
    }

    pub(super) async fn delete(&self, connection: &str) {
        let path = format!("connections/{}/{connection}", self.tenant);
        self.ask("DELETE", &path, Value::Null).await.expect(200);
    }

    /// A scheduled run that is over now: well, or with a code. No event tells of it.
    pub(super) async fn ended(&self, name: &str, code: Option<&str>) {
        self.ended_as(name, code, "due/1").await;
    }

    /// The same, of a schedule that gives its runs such traces.
    pub(super) async fn ended_as(&self, name: &str, code: Option<&str>, trace: &str) {
        let (now, outside) = (self.system.clock.now(), self.system.outside(&Wire::whole()));
        let (status, error) = match code {
            None => ("Success", Value::Null),
            Some(code) => ("Failed", json!({"code": code, "detail": "made up"})),
        };
        let at = time::text(now);
        let run: Run = serde_json::from_value(json!({
            "id": RunId::new(now, outside.entropy.bytes16()), "connection": self.connection(name), "status": status,
            "mode": "apply", "actor": "scheduler", "trigger": "schedule", "startedAt": at, "updatedAt": at,
            "deadlineFrom": at, "completedAt": at, "durationMs": 0, "error": error, "correlationId": trace,
            "work": {"kind": "catalogue"},
        }))
        .unwrap();
        let environment = self.system.environment("sync-control");
        let clients = Clients::connect(&environment, &outside).unwrap();
        let store = RunStore::connect(&clients, &environment).unwrap();
        assert!(store.record_run(&run, None).await.unwrap());
    }

    /// That a run failed, as the bus delivers it.
    pub(super) async fn event(&self, process: &Process, name: &str) -> Result<(), Crashed> {
        let event = json!({
            "version": "0", "id": "event", "detail-type": "run.failed", "source": "signalbox", "account": "000000000000",
            "time": "2026-01-15T12:00:00Z", "region": "us-east-1", "resources": [],
            "detail": {"connection": self.connection(name), "runId": "of no interest"},
        });
        process.invoke("alerts", event).await.map(drop)
    }

    pub(super) async fn alerts(&self, query: &str) -> Vec<Value> {
        let page = self.ask("GET", &format!("alerts{query}"), Value::Null).await.expect(200);
        page["alerts"].as_array().unwrap().clone()
    }

    /// The messages, the oldest first.
    pub(super) async fn messages(&self) -> Vec<Value> {
        let page = self.ask("GET", "alerts/messages", Value::Null).await.expect(200);
        page["messages"].as_array().unwrap().iter().rev().cloned().collect()
    }

    /// What is still to be told to anybody.
    pub(super) async fn owed(&self) -> Vec<Item> {
        let mut owed = self.system.items("CONTROL_TABLE", "@alerts#notes").await;
        owed.extend(self.system.items("CONTROL_TABLE", "@alerts#unsent").await);
        owed
    }
}

/// A minute passes, and its tick comes.
pub(super) async fn tick(system: &System, process: &Process) -> Result<(), Crashed> {
    system.pass(Duration::from_secs(60));
    tick_now(process).await
}

/// A tick comes.
pub(super) async fn tick_now(process: &Process) -> Result<(), Crashed> {
    let tick = json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"});
    process.invoke("alerts", tick).await.map(drop)
}

/// All texts of a card.
pub(super) fn texts(card: &Value) -> Vec<String> {
    match card {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "text" => vec![text.clone()],
                value => texts(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
