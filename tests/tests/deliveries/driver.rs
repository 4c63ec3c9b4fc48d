//! What senders and the queue do around a process that may die.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde_json::Value;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

/// Attempts after which a sender must have been answered.
const ATTEMPTS_MAX: usize = 100;
/// Rounds after which a queue must be empty: what failed comes again one by one, as often as the queue allows.
const ROUNDS_MAX: usize = 2_000;

/// A process that is started anew when it has died.
pub(super) struct Driver<'a> {
    pub(super) hooks: &'a Hooks,
    pub(super) process: Process,
    next: Box<dyn FnMut() -> Wire + 'a>,
    pub(super) crashes: usize,
}

impl<'a> Driver<'a> {
    /// The first process has this wire, the later ones those of `next`.
    pub(super) async fn start(hooks: &'a Hooks, first: Wire, next: impl FnMut() -> Wire + 'a) -> Self {
        Self { hooks, process: hooks.process(first).await, next: Box::new(next), crashes: 0 }
    }

    pub(super) async fn restart(&mut self) {
        self.crashes += 1;
        self.process = self.hooks.process((self.next)()).await;
    }

    /// Sends until there is an answer that no sender retries: the answer's status.
    pub(super) async fn send(&mut self, delivery: &Delivery) -> u16 {
        self.send_each(|_| delivery.clone()).await
    }

    /// Sends another delivery with each attempt, for senders that do not repeat themselves word for word.
    pub(super) async fn send_each(&mut self, delivery: impl Fn(usize) -> Delivery) -> u16 {
        for attempt in 0..ATTEMPTS_MAX {
            match self.process.send(&delivery(attempt)).await {
                Ok(reply) if reply.status < 500 => return reply.status,
                // Nobody sends again at once, and what failed rests for a second.
                Ok(_) => self.hooks.pass(Duration::from_secs(1)),
                Err(Crashed) => self.restart().await,
            }
        }
        panic!("no answer after {ATTEMPTS_MAX} attempts");
    }

    /// Delivers all that is in the queue: every message twice, as the queue counts it, the second time in the opposite order, before any
    /// is deleted. What a dead process held comes again at once, what failed when its time has come.
    pub(super) async fn work(&mut self, queue: Queue) {
        for _ in 0..ROUNDS_MAX {
            let mut messages = Vec::new();
            loop {
                let more = self.hooks.receive(queue).await;
                if more.is_empty() {
                    break;
                }
                messages.extend(more);
            }
            if messages.is_empty() && !self.hooks.pass_until_due(queue) {
                return;
            }
            messages.reverse();
            for batch in messages.chunks(10) {
                let first = self.process.handle(queue, batch).await;
                let again: Vec<_> = batch.iter().rev().cloned().map(handed_out_again).collect();
                let second = match &first {
                    Ok(_) => self.process.handle(queue, &again).await,
                    Err(Crashed) => Err(Crashed),
                };
                let failed = match second {
                    Ok(failed) => failed,
                    Err(Crashed) => {
                        self.restart().await;
                        batch.iter().map(|message| message.message_id().unwrap().to_owned()).collect()
                    }
                };
                self.hooks.finish(queue, batch, &failed).await;
            }
        }
        panic!("the queue is not empty after {ROUNDS_MAX} rounds");
    }
}

fn handed_out_again(mut message: Message) -> Message {
    let receives = MessageSystemAttributeName::ApproximateReceiveCount;
    let count = message.attributes.as_mut().and_then(|all| all.get_mut(&receives)).expect("the queue counts");
    *count = (count.parse::<u32>().unwrap() + 1).to_string();
    message
}

/// What is stored of one tenant, without its name (which content keys are made of) and without what differs between two
/// runs of the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    /// What lists say of those that had their effect, with the bodies that are kept, in the order of their text.
    pub(super) records: Vec<Value>,
    /// The newest versions of things, in the order of their text.
    pub(super) versions: Vec<Value>,
    /// Claims, in the order of their text.
    pub(super) claims: Vec<Value>,
    /// Dead letters and audit entries.
    pub(super) journal: usize,
}

/// What differs between two runs of the same, or from tenant to tenant. `takenIn` says how it was taken in, for counters: an attempt that
/// follows one that died enqueues without it, as its claim was there. When it was enqueued is compared as far as it is known: not
/// before it was received.
const DIFFERS: [&str; 13] = [
    "bodyHash",
    "brand",
    "connection",
    "deliveryShard",
    "failedMs",
    "key",
    "nonce",
    "pk",
    "processedAt",
    "shard",
    "sk",
    "enqueuedMs",
    "takenIn",
];

/// How attempts failed. Where a test lets calls fail, a process that dies before them leaves nothing that fails.
const OF_FAILURES: [&str; 2] = ["attempts", "lastError"];

/// What is stored as a time, and in which unit; the other is a text.
const TIMES: [(&str, i64); 2] = [("receivedMs", 1), ("expires_at", 1000)];

impl Stored {
    /// With times as milliseconds since then: how far the clock has gone does not matter.
    pub(super) fn since(mut self, began: Timestamp) -> Self {
        let began_ms = began.as_millisecond();
        for item in self.records.iter_mut().chain(&mut self.versions).chain(&mut self.claims) {
            for (name, unit_ms) in TIMES {
                if let Some(time) = item[name].as_str().map(|time| time.parse::<i64>().unwrap()) {
                    item[name] = (time * unit_ms - began_ms).into();
                }
            }
            if let Some(time) = item["receivedAt"].as_str().map(|time| time.parse::<Timestamp>().unwrap()) {
                item["receivedAt"] = (time.as_millisecond() - began_ms).into();
            }
        }
        self
    }

    /// Without what is noted of attempts that failed.
    pub(super) fn without_failures(mut self) -> Self {
        for item in self.records.iter_mut().chain(&mut self.claims) {
            if let Some(item) = item.as_object_mut() {
                item.retain(|name, _| !OF_FAILURES.contains(&name.as_str()));
            }
        }
        self
    }

    pub(super) async fn read(hooks: &Hooks, tenant: &str) -> Self {
        let table = async |table: &'static str, start: &str| {
            let mut items = hooks.items(table, &format!("{tenant}{start}")).await;
            // Counters of connections are for looking at: see `Counted`.
            items.retain(|item| !item["pk"].as_str().is_some_and(|pk| pk.ends_with("#hours")));
            let named = format!("\"{tenant}\"");
            let plain = items.into_iter().map(|mut item| {
                // Whoever retries it takes its time.
                let processed = item.get("processedAt").map(Value::is_string);
                let number = |name: &str| item.get(name)?.as_str()?.parse::<i64>().ok();
                let enqueued =
                    number("enqueuedMs").map(|at| number("receivedMs").is_some_and(|received| received <= at));
                item.retain(|name, _| !DIFFERS.contains(&name.as_str()));
                item.extend(processed.map(|processed| ("processed".to_owned(), processed.into())));
                item.extend(enqueued.map(|enqueued| ("enqueued".to_owned(), enqueued.into())));
                if let Some(payload) = item.get_mut("payload") {
                    let text = payload.as_str().unwrap().replace(&named, "").replace(&hex::encode(&named), "");
                    *payload = text.into();
                }
                Value::Object(item)
            });
            let mut plain: Vec<Value> = plain.collect();
            plain.sort_by_key(Value::to_string);
            plain
        };
        Self {
            records: table("RECORDS_TABLE", "#deliveries#").await,
            versions: table("RECORDS_TABLE", "/").await,
            claims: table("DELIVERIES_TABLE", "/").await,
            journal: table("JOURNAL_TABLE", "#").await.len(),
        }
    }
}

/// What the counters of a tenant's connections say, over all hours. How long deliveries took is not compared: whoever retries takes
/// its time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    received: u64,
    processed: u64,
    failed: u64,
    recovered: u64,
}

impl Counted {
    pub(super) async fn read(hooks: &Hooks, tenant: &str) -> Self {
        let mut hours = hooks.items("DELIVERIES_TABLE", &format!("{tenant}/")).await;
        hours.retain(|item| item["pk"].as_str().is_some_and(|pk| pk.ends_with("#hours")));
        let sum = |name: &str| {
            let counts = hours.iter().filter_map(|hour| hour.get(name)?.as_str()?.parse::<u64>().ok());
            counts.sum()
        };
        let [received, processed, failed, recovered] = ["received", "processed", "failed", "recovered"].map(sum);
        Self { received, processed, failed, recovered }
    }

    /// No event counts twice. A worker that dies between its effect and its counting, or between noting a failure and counting it, loses
    /// a batch, here all there is; a door that dies loses nothing of it.
    pub(super) fn check(&self, expected: &Self, at_the_door: bool, here: &str) {
        let all = |counted: &Self| [counted.received, counted.processed];
        assert!(!at_the_door || all(self) == all(expected), "{here}: {self:?} instead of {expected:?}");
        let most = |counted: &Self| [counted.received, counted.processed, counted.failed, counted.recovered];
        let none_twice = most(self).iter().zip(most(expected)).all(|(count, most)| *count <= most);
        assert!(none_twice, "{here}: {self:?} instead of {expected:?}");
    }
}
