//! Every rule over the whole way, from what is stored to an alert that is resolved. `life.rs` has a failed run and absence.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::breaker::{Asking, Breakers};
use signalbox::aws::journal::Journal;
use signalbox::domain::dead_letter::{DeadLetter, DeadLetterId, Subject};
use signalbox::domain::ids::{Dataset, Entity, RunId};
use signalbox::domain::pull::breaker::{FAILURES_MAX, Outcome};
use signalbox_simulators::{ChannelAnswer, SimulatedChannel};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Watched, texts, tick, tick_now};

impl Watched<'_> {
    /// The rules of its open alerts.
    async fn open(&self) -> Vec<String> {
        let open = self.alerts("?state=open").await;
        open.iter().map(|alert| alert["rule"].as_str().unwrap().to_owned()).collect()
    }

    /// Its breaker opens, and nobody is told.
    async fn breaks(&self, name: &str, outcome: Outcome, times: usize) {
        let (environment, outside) = (self.system.environment("sync-worker"), self.system.outside(&Wire::whole()));
        let clients = Clients::connect(&environment, &outside).unwrap();
        let (breakers, connection) = (Breakers::connect(&clients, &environment).unwrap(), self.connection(name));
        for number in 0..times {
            let now = self.system.clock.now();
            let by = format!("test-{number}-{now}");
            let Asking::May(pass) = breakers.ask(&connection, &by, now).await.unwrap() else { panic!("it is open") };
            breakers.answered(&connection, &by, &pass, outcome, now).await.unwrap();
        }
    }

    /// So many dead letters of it are recorded.
    async fn letters(&self, name: &str, count: usize) {
        let (environment, outside) = (self.system.environment("sync-worker"), self.system.outside(&Wire::whole()));
        let clients = Clients::connect(&environment, &outside).unwrap();
        let journal = Journal::connect(&clients, &environment).unwrap();
        let (now, connection) = (self.system.clock.now(), self.connection(name));
        for number in 0..count {
            let letter = DeadLetter {
                id: DeadLetterId::new(now.as_millisecond(), &format!("{}-{number}", self.tenant)),
                subject: Subject::Record {
                    dataset: Dataset { connection: connection.clone(), entity: Entity::PRODUCTS },
                    key: number.to_string(),
                    run_id: RunId::new(now, outside.entropy.bytes16()),
                },
                reason: "made up".to_owned(),
                attempts: 1,
                payload_hash: String::new(),
                recorded_ms: now.as_millisecond(),
                parts: 1,
                expires_at: now.as_second() + 86_400,
            };
            journal.put_dead_letter(&connection.tenant, &letter, b"{}").await.unwrap();
        }
    }

    /// An item that no version can read.
    async fn unreadable(&self, table: &'static str, pk: &str, sk: &str, more: &[(&str, &str)]) {
        let table = self.system.environment("sync-control").require(table).unwrap().to_owned();
        let put = self.system.host.dynamodb().put_item().table_name(table);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = put.item("pk", text(pk)).item("sk", text(sk));
        let put = more.iter().fold(put, |put, (name, value)| put.item(*name, text(value)));
        put.send().await.unwrap();
    }

    /// Takes out again what no release stores: whoever looks at what tests leave knows no kind for it.
    async fn take_out(&self, table: &'static str, pk: &str, sk: &str) {
        let table = self.system.environment("sync-control").require(table).unwrap().to_owned();
        let delete = self.system.host.dynamodb().delete_item().table_name(table);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        delete.key("pk", text(pk)).key("sk", text(sk)).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_open_breaker_whose_event_was_lost_is_found_by_the_round_and_resolved_once_it_closes() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    // Not synced by itself: it is asked by hand alone.
    watched.by_hand("shop").await;
    watched.breaks("shop", Outcome::Failed(None), FAILURES_MAX).await;
    tick(&system, &process).await.unwrap();
    assert_eq!(watched.open().await, ["breaker_open"]);
    system.pass(Duration::from_secs(3_600));
    watched.breaks("shop", Outcome::Answered, 1).await;
    for _ in 0..2 {
        tick(&system, &process).await.unwrap();
        system.pass(Duration::from_secs(60));
    }
    assert!(watched.open().await.is_empty());
}

#[tokio::test]
async fn a_nightly_run_that_failed_is_made_up_for_by_one_of_everything() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    watched.ended_as("shop", Some("source_invalid"), "nightly/2026-01-15").await;
    watched.event(&process, "shop").await.unwrap();
    assert_eq!(watched.open().await, ["nightly_full_failed"]);
    system.pass(Duration::from_secs(60));
    watched.ended("shop", None).await;
    tick(&system, &process).await.unwrap();
    assert!(watched.open().await.is_empty());
}

#[tokio::test]
async fn dead_letters_that_grow_are_found_without_an_event_and_are_over_when_none_came_for_an_hour() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    // One that cannot be read keeps no other from being counted.
    let id = DeadLetterId::new(system.clock.now().as_millisecond(), "damaged");
    let partition = format!("{}#dead-letters", watched.tenant);
    watched.unreadable("JOURNAL_TABLE", &partition, id.as_str(), &[("dead", "dead")]).await;
    watched.letters("shop", 4).await;
    tick(&system, &process).await.unwrap();
    assert!(watched.open().await.is_empty(), "four are not many");
    watched.letters("shop", 5).await;
    tick(&system, &process).await.unwrap();
    assert_eq!(watched.open().await, ["dead_letters_growing"]);
    system.pass(Duration::from_secs(3_600));
    tick(&system, &process).await.unwrap();
    assert!(watched.open().await.is_empty());
}

#[tokio::test]
async fn absence_is_over_with_a_success() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    system.pass(Duration::from_secs(50 * 3_600));
    tick(&system, &process).await.unwrap();
    assert_eq!(watched.open().await, ["no_success"]);
    watched.ended("shop", None).await;
    tick(&system, &process).await.unwrap();
    assert!(watched.open().await.is_empty());
}

#[tokio::test]
async fn a_run_that_tried_to_connect_and_was_late_in_the_end_resolves_nothing() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    for code in ["source_unreadable", "source_unreadable", "run_too_slow", "storage_failed"] {
        watched.ended("shop", Some(code)).await;
        watched.event(&process, "shop").await.unwrap();
        system.pass(Duration::from_secs(60));
    }
    assert!(watched.open().await.contains(&"connectivity_failing".to_owned()));
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    assert_eq!(watched.open().await, ["run_failed"], "it answered");
}

#[tokio::test]
async fn a_channel_that_refuses_is_told_of_over_the_others_until_it_takes_one() {
    let system = System::start().await;
    let (teams, webhook) = (SimulatedChannel::start(0).await.unwrap(), SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.teams(&teams, json!({})).await;
    watched.webhook(&webhook).await;
    watched.catalogue("shop").await;
    teams.answer(ChannelAnswer { status: Some(404), retry_after: None, times: 3 }).unwrap();
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    let said = |channel: &SimulatedChannel| {
        channel.messages().iter().map(|message| texts(&message.body)[0].clone()).collect::<Vec<_>>()
    };
    let titles =
        || -> Vec<Value> { webhook.messages().iter().map(|message| message.body["data"]["title"].clone()).collect() };
    tick(&system, &process).await.unwrap();
    let mut open = watched.open().await;
    open.sort();
    assert_eq!(open, ["channel_refusing", "run_failed"]);
    tick(&system, &process).await.unwrap();
    let failed = "Opened: shop: a scheduled run failed";
    assert_eq!(titles(), [failed, "Opened: main: the channel took no messages"]);
    // It is tried again, and takes it once it is mended.
    for _ in 0..8 {
        tick(&system, &process).await.unwrap();
    }
    assert_eq!(said(&teams)[..4], [failed; 4], "what is told of it is not told over it");
    assert_eq!(watched.open().await, ["run_failed"]);
    assert_eq!(titles().last().unwrap(), "Resolved: main: the channel took no messages");
    assert!(watched.owed().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_of_a_tenant_keeps_no_other_from_being_told() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (damaged, watched) = (Watched::of(&system), Watched::of(&system));
    let process = system.process(Wire::whole()).await;
    damaged.catalogue("shop").await;
    damaged.ended("shop", Some("source_invalid")).await;
    damaged.event(&process, "shop").await.unwrap();
    damaged.unreadable("CONTROL_TABLE", &format!("{}#alerts", damaged.tenant), "sender", &[("taken", "?")]).await;
    for of in [damaged.tenant.as_str(), "No Tenant", watched.tenant.as_str()] {
        damaged.unreadable("CONTROL_TABLE", "@alerts#notes", &format!("{of}#0"), &[]).await;
    }
    watched.teams(&channel, json!({})).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    system.pass(Duration::from_secs(60));
    let tick = json!({"schedule": "alerts", "scheduledTime": "2026-01-15T12:00:00Z"});
    let said = process.try_invoke("alerts", tick).await.unwrap();
    assert!(said.is_err(), "the fault is told in the end: {said:?}");
    assert_eq!(channel.messages().len(), 1);
    damaged.take_out("CONTROL_TABLE", "@alerts#notes", "No Tenant#0").await;
}

#[tokio::test]
async fn a_channel_behind_paused_ones_is_told() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    for number in 0..6 {
        let name = format!("teams/a{number}");
        watched.channel(&name, &channel).await;
        watched.ask("POST", &format!("connections/{}/{name}/pause", watched.tenant), json!({})).await.expect(200);
    }
    watched.channel("teams/b", &channel).await;
    watched.ask("POST", "integrations/teams/test", json!({})).await.expect(200);
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    tick(&system, &process).await.unwrap();
    assert_eq!(channel.messages().len(), 2);
}

#[tokio::test]
async fn a_secret_of_teams_that_is_no_url_is_refused_when_it_is_given() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    let path = format!("connections/{}/teams/main", watched.tenant);
    let given = json!({"settings": {}, "secrets": {"current": "paste-the-url-here"}});
    let put = watched.ask("PUT", &path, given).await;
    assert_eq!(put.status, 400, "{}", put.text);
    assert!(put.text.contains("secrets.current") && put.text.contains("URL of the Workflow"), "{}", put.text);
    assert!(!put.text.contains("paste-the-url"), "{}", put.text);
    watched.teams(&channel, json!({})).await;
    let rotated = watched.ask("POST", &format!("{path}/rotate"), json!({"secret": "paste-the-url-here"})).await;
    assert_eq!(rotated.status, 400, "{}", rotated.text);
    watched.ask("POST", &format!("{path}/rotate"), json!({"secret": channel.workflow_url()})).await.expect(200);
}

#[tokio::test]
async fn an_alert_whose_place_another_takes_expires() {
    let system = System::start().await;
    let (watched, process) = (Watched::of(&system), system.process(Wire::whole()).await);
    watched.catalogue("shop").await;
    for code in [Some("source_invalid"), None, Some("source_invalid"), None] {
        system.pass(Duration::from_secs(1));
        watched.ended("shop", code).await;
        watched.event(&process, "shop").await.unwrap();
    }
    // It flapped, and nobody looked when it had stayed resolved for half an hour.
    system.pass(Duration::from_secs(1_801));
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    tick_now(&process).await.unwrap();
    assert_eq!(watched.alerts("").await.len(), 2);
    let over = system.items("CONTROL_TABLE", &format!("{}#alerts#resolved", watched.tenant)).await;
    assert!(over.len() == 1 && over[0].contains_key("expires_at"), "{over:?}");
}
