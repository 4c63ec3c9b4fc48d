//! Tenants whose mirrors are over, and who wants to know how they did.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::runs::RunStore;
use signalbox::domain::ids::RunId;
use signalbox::domain::runs::run::Run;
use signalbox::domain::time;
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_tests::answer::Answer;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

const DAY: Duration = Duration::from_secs(86_400);

/// A tenant of its own.
pub(super) struct Weekly<'a> {
    pub(super) system: &'a System,
    pub(super) tenant: String,
}

impl<'a> Weekly<'a> {
    pub(super) fn of(system: &'a System) -> Self {
        Self { system, tenant: system.world().tenant }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.system.service_token("ada", &self.tenant, &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
        let asked = self.system.request(method, &format!("/api/admin/{path}")).bearer(&token);
        let asked = if body.is_null() { asked } else { asked.body(body.to_string()) };
        asked.answer().await
    }

    pub(super) async fn put(&self, connection: &str, body: Value) {
        let answer = self.ask("PUT", &format!("connections/{}/{connection}", self.tenant), body).await;
        assert!(answer.status < 300, "{}", answer.text);
    }

    pub(super) async fn mails(&self, to: &[&str]) {
        self.put("weekly-digest/main", json!({"settings": {"to": to}})).await;
    }

    /// A mirror that is over now: well, or with a code. A run that never went through its steps leaves no row of its failure: that is put
    /// beside it.
    pub(super) async fn mirrored(&self, code: Option<&str>) {
        let (now, outside) = (self.system.clock.now(), self.system.outside(&Wire::whole()));
        let (at, id) = (time::text(now), RunId::new(now, outside.entropy.bytes16()));
        let run: Run = serde_json::from_value(json!({
            "id": id, "connection": format!("{}/gbp/main", self.tenant),
            "status": if code.is_some() { "Failed" } else { "Success" }, "mode": "apply", "actor": "ada", "trigger": "manual",
            "startedAt": at, "updatedAt": at, "deadlineFrom": at, "completedAt": at, "durationMs": 0,
            "error": code.map(|code| json!({"code": code, "detail": "made up"})), "correlationId": "made up",
            "work": {"kind": "mirror", "strategy": "platform_to_gbp"},
        }))
        .unwrap();
        let environment = self.system.environment("sync-control");
        let clients = Clients::connect(&environment, &outside).unwrap();
        assert!(RunStore::connect(&clients, &environment).unwrap().record_run(&run, None).await.unwrap());
        let Some(code) = code else { return };
        let table = environment.require("RUNS_TABLE").unwrap();
        let put = self.system.host.dynamodb().put_item().table_name(table);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = put.item("pk", text("mirrors#errors")).item("sk", text(id.as_str())).item("id", text(id.as_str()));
        let put = put.item("tenantId", text(&self.tenant)).item("strategy", text("platform_to_gbp"));
        let put = put.item("dryRun", AttributeValue::Bool(false)).item("error", text(&format!("made up: {code}")));
        let put = put.item("code", text(code)).item("jobId", text("job")).item("startedAt", text(&at));
        put.send().await.unwrap();
    }

    /// The tenant's digests, the newest first.
    pub(super) async fn digests(&self) -> Vec<Value> {
        let page = self.ask("GET", "digests", Value::Null).await.expect(200);
        page["digests"].as_array().unwrap().clone()
    }
}

/// Lets time pass until the next Monday at an hour.
pub(super) fn until_monday(system: &System, hour: u64) {
    let now = system.clock.now();
    let seconds = u64::try_from(now.as_second()).unwrap();
    // The first Monday was the fifth day.
    let into = (seconds - 4 * DAY.as_secs()) % (7 * DAY.as_secs());
    system.pass(Duration::from_secs(7 * DAY.as_secs() - into + hour * 3_600));
    assert!(system.clock.now() > now && system.clock.now() < Timestamp::MAX);
}

/// A tick comes.
pub(super) async fn tick(process: &Process) -> Result<(), Crashed> {
    let tick = json!({"schedule": "digests", "scheduledTime": "2026-01-15T12:00:00Z"});
    process.invoke("digests", tick).await.map(drop)
}
