//! Every AWS call of a change, killed before it and after it. A second try leaves what there is where nothing crashes: the
//! connection with its addresses, its secrets and when it is due; and who did it is on record before anything is done.

use serde_json::{Value, json};
use signalbox_tests::items::Item;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::kit::{ask, ask_process, catalogue, github, nightly, path, put, recorded, shown, stored};

struct Scenario {
    name: &'static str,
    /// What is there before, if anything, of a tenant.
    before: Option<fn(&str) -> Value>,
    provider: &'static str,
    method: &'static str,
    action: &'static str,
    body: fn(&str) -> Value,
    /// What a second try answers where the first got through: it finds what there is to do done.
    again: u16,
}

impl Scenario {
    async fn check(self) {
        let system = System::start().await;
        let undisturbed = self.run(&system, "whole", None).await;
        let expected = self.left(&system, "whole").await;
        for (number, call) in undisturbed.iter().enumerate() {
            for (letter, verdict) in [('b', Verdict::KillBefore), ('a', Verdict::KillAfter)] {
                // Of one length, so that what is stored of each is alike.
                let tenant = format!("{letter}-{number:03}");
                self.run(&system, &tenant, Some((number, verdict))).await;
                let left = self.left(&system, &tenant).await;
                assert_eq!(left, expected, "{}: {verdict:?} of call {number} ({call})", self.name);
            }
        }
    }

    fn connection(&self, tenant: &str) -> String {
        // Two tenants' senders of one name would have one path.
        format!("{tenant}/{}/{tenant}", self.provider)
    }

    /// The calls of a first try, which is followed by a second one where it crashed.
    async fn run(&self, system: &System, tenant: &str, kill: Option<(usize, Verdict)>) -> Vec<String> {
        let connection = self.connection(tenant);
        if let Some(before) = self.before {
            put(system, &connection, before(tenant)).await.expect(201);
        }
        let body = (self.body)(tenant);
        let target = path(&format!("{connection}{}", self.action));
        let wire = kill.map_or_else(Wire::whole, |(number, verdict)| Wire::when(at(number), verdict));
        let process = system.process(wire).await;
        let before = self.shown(system, &connection).await;
        let first = ask_process(system, &process, self.method, &target, &body).await;
        let calls = process.wire().calls();
        let changed = self.shown(system, &connection).await != before;
        let here = format!("{} {tenant}", self.name);
        let on_record = recorded(system).await.iter().filter(|(_, target, _)| *target == connection).count();
        let of_before = usize::from(self.before.is_some());
        assert!(!changed || on_record > of_before, "{here}: it was done before it was on record");
        match (first, kill) {
            (Ok(answer), None) => assert!(answer.status < 300, "{here}: {}", answer.text),
            (Err(_), Some(_)) => {
                let process = system.process(Wire::whole()).await;
                let second = ask_process(system, &process, self.method, &target, &body).await.unwrap();
                let right = if changed { second.status == self.again } else { second.status < 300 };
                assert!(right, "{here}: {}", second.text);
            }
            (first, _) => panic!("{here}: {first:?}"),
        }
        calls
    }

    async fn shown(&self, system: &System, connection: &str) -> Option<Value> {
        let answer = ask(system, "GET", &path(connection), Value::Null).await;
        (answer.status == 200).then(|| answer.body["data"].clone())
    }

    /// What is stored of it, but for what differs from try to try: versions, sealed bytes, and times that are made of its name.
    async fn left(&self, system: &System, tenant: &str) -> Vec<Value> {
        let connection = self.connection(tenant);
        let is_its = |item: &Item| {
            item["pk"] == tenant || item.get("connection").is_some_and(|named| *named == connection.as_str())
        };
        let items = stored(system).await;
        let mut left: Vec<Value> = Vec::new();
        for item in items.into_iter().filter(is_its) {
            let mut item = Value::Object(item);
            for differs in ["version", "due_at", "next_at", "due_shard", "secrets"] {
                item.as_object_mut().unwrap().remove(differs);
            }
            left.push(serde_json::from_str(&item.to_string().replace(tenant, "tenant")).unwrap());
        }
        if let Some(shown) = self.shown(system, &connection).await {
            let secrets = &shown["secrets"];
            left.push(json!([secrets["masked"], secrets["hasPrevious"]]));
        }
        left
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_first_put_is_mended_by_a_second() {
    let (before, body): (_, fn(&str) -> Value) = (None, |_| nightly("shop.json"));
    let (provider, method, action) = ("catalogue", "PUT", "");
    Scenario { name: "first put", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_first_put_with_secrets_is_mended_by_a_second() {
    let body: fn(&str) -> Value =
        |_| json!({"settings": {}, "secrets": {"current": "the-current-one", "previous": "the-one-before"}});
    let (before, provider, method, action) = (None, "github", "PUT", "");
    Scenario { name: "first put of a sender", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_change_of_schedule_is_mended_by_a_second() {
    let before: Option<fn(&str) -> Value> = Some(|_| catalogue());
    let (provider, method, action) = ("catalogue", "PUT", "");
    let body = |_: &str| nightly("other.json");
    Scenario { name: "change", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_change_of_address_leaves_one_of_the_two() {
    let before: Option<fn(&str) -> Value> =
        Some(|tenant| json!({"settings": {"connectionId": format!("{tenant}-before")}}));
    let body = |tenant: &str| json!({"settings": {"connectionId": format!("{tenant}-after")}});
    let (provider, method, action) = ("trackstar", "PUT", "");
    Scenario { name: "change of address", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_pause_is_mended_by_a_second() {
    let before: Option<fn(&str) -> Value> = Some(|_| nightly("shop.json"));
    let body = |_: &str| json!({"why": "the shop moves"});
    let (provider, method, action) = ("catalogue", "POST", "/pause");
    Scenario { name: "pause", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_rotation_loses_no_secret() {
    let before: Option<fn(&str) -> Value> = Some(|_| github("the-secret-before"));
    let body = |_: &str| json!({"secret": "the-secret-after-it"});
    let (provider, method, action) = ("github", "POST", "/rotate");
    Scenario { name: "rotation", before, provider, method, action, body, again: 200 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_removal_leaves_all_or_nothing() {
    let before: Option<fn(&str) -> Value> = Some(|_| nightly("shop.json"));
    let (provider, method, action) = ("catalogue", "DELETE", "");
    Scenario { name: "removal", before, provider, method, action, body: |_| Value::Null, again: 404 }.check().await;
}

#[tokio::test]
async fn a_crash_after_a_rotation_keeps_the_previous_secret_s_fingerprint() {
    let system = System::start().await;
    let connection = "acme/github/main";
    put(&system, connection, github("the-secret-before")).await.expect(201);
    let (target, body) = (path(&format!("{connection}/rotate")), json!({"secret": "the-secret-after-it"}));
    let commit = signalbox_tests::wire::first("DynamoDB.TransactWriteItems");
    let process = system.process(Wire::when(commit, Verdict::KillAfter)).await;
    assert!(ask_process(&system, &process, "POST", &target, &body).await.is_err());
    let after_crash = shown(&system, connection).await;
    let process = system.process(Wire::whole()).await;
    let second = ask_process(&system, &process, "POST", &target, &body).await.unwrap().expect(200);
    assert_eq!(second["data"], after_crash, "the second try changes nothing");
}
