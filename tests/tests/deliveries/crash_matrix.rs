//! Every AWS call of ingest and worker, killed before it and after it, while the sender retries as senders do and the
//! queue delivers twice and out of order: what is acknowledged has its effect exactly once, and nothing else happens (I1).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::process::Crashed;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Call, Calls, Fault, Verdict, Wire, at, every};

use super::driver::{Counted, Driver, Stored};

/// Deliveries with the answers that are right: the first where nothing crashes.
type Script = Vec<(Delivery, &'static [u16])>;

/// A tenant's partition of the list is named once, and which shards its deliveries lie in depends on its name: every tenant's
/// are in one here, and of one hour, so that all runs make the same calls.
const ONE_SHARD: [(&str, &str); 1] = [("DELIVERY_SHARDS", "1")];

/// Waits until an hour begins: when that is.
fn next_hour(hooks: &Hooks) -> Timestamp {
    const HOUR_MS: i64 = 3_600_000;
    let left = HOUR_MS - hooks.clock.now().as_millisecond() % HOUR_MS;
    hooks.pass(Duration::from_millis(left.unsigned_abs()));
    hooks.clock.now()
}

struct Scenario {
    name: &'static str,
    script: fn(&str) -> Script,
    /// The calls that the service refuses: the worker then notes the failure, and the message comes again.
    refused: Option<Calls>,
    effects: usize,
}

impl Scenario {
    fn wire(&self, kill: Option<(usize, Verdict)>) -> Wire {
        let mut refused = self.refused.clone();
        Wire::planned(move |call: &Call| {
            let refuse = refused.as_mut().is_some_and(|refused| refused.take(call));
            match kill {
                Some((number, verdict)) if number == call.number => verdict,
                _ if refuse => Verdict::Fail(Fault::ServerError),
                _ => Verdict::Pass,
            }
        })
    }

    /// All of the script, then the queue.
    async fn run(&self, hooks: &Hooks, tenant: &str, kill: Option<(usize, Verdict)>) -> (Vec<String>, Ledger) {
        let mut driver = Driver::start(hooks, self.wire(kill), Wire::whole).await;
        let first = driver.process.wire().clone();
        let here = format!("{}: {kill:?}", self.name);
        let mut ledger = Ledger::default();
        for (delivery, expected) in (self.script)(tenant) {
            let status = driver.send(&delivery).await;
            assert!(expected.contains(&status), "{here}: {status} instead of {expected:?}");
            assert!(driver.crashes > 0 || status == expected[0], "{here}: {status} instead of {}", expected[0]);
            ledger.received += 1;
            ledger.duplicates += usize::from(expected == SEEN);
            ledger.rejected += usize::from(status >= 400);
        }
        driver.work(Queue::Webhooks).await;
        assert_eq!(driver.crashes, usize::from(kill.is_some()), "{here}: the call was not made");
        assert_eq!(driver.hooks.work(Queue::DeadLetters).await, 0, "{here}: given up");
        (first.calls(), ledger)
    }

    async fn check(self) {
        self.check_on(Hooks::with(&ONE_SHARD).await).await;
    }

    async fn check_on(self, hooks: Hooks) {
        // The first of a ring of rejected deliveries costs a call more than all the others.
        self.run(&hooks, "f00", None).await;
        let began = next_hour(&hooks);
        let (calls, ledger) = self.run(&hooks, "u00", None).await;
        let read = async |tenant: &str, began| {
            let stored = Stored::read(&hooks, tenant).await.since(began);
            if self.refused.is_some() { stored.without_failures() } else { stored }
        };
        let (expected, counted) = (read("u00", began).await, Counted::read(&hooks, "u00").await);
        assert_eq!(expected.records.len(), self.effects, "{}", self.name);
        assert!(expected.claims.iter().all(|claim| claim["status"] == "processed"), "{:?}", expected.claims);
        println!("{}: {} calls, killed before and after each: {}", self.name, calls.len(), calls.join(" "));
        let mut total = ledger.closed(&expected, self.name);
        let enqueued = calls.iter().rposition(|call| call == "SQS.SendMessage").unwrap_or_default();
        for (number, call) in calls.iter().enumerate() {
            for (letter, verdict) in [('b', Verdict::KillBefore), ('a', Verdict::KillAfter)] {
                // All are of one length: a body that names its tenant has as many bytes as any other.
                let tenant = format!("{letter}{number:02}");
                let began = next_hour(&hooks);
                let (_, ledger) = self.run(&hooks, &tenant, Some((number, verdict))).await;
                let (stored, here) =
                    (read(&tenant, began).await, format!("{}: {verdict:?} of call {number} ({call})", self.name));
                assert_eq!(stored, expected, "{here}");
                Counted::read(&hooks, &tenant).await.check(&counted, number <= enqueued, &here);
                total.add(&ledger.closed(&stored, &tenant));
            }
        }
        total.print(self.name);
    }
}

/// received = applied + duplicate + rejected + dead letter, each side counted for itself: what was sent, what was
/// answered, and what is stored. Received counts what a sender wants delivered, not how often it has to try.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) received: usize,
    pub(super) applied: usize,
    pub(super) duplicates: usize,
    pub(super) rejected: usize,
    pub(super) dead: usize,
}

impl Ledger {
    fn closed(mut self, stored: &Stored, name: &str) -> Self {
        // The others are parts of bodies.
        self.applied = stored.records.iter().filter(|record| record["processed"] == true).count();
        self.dead = stored.journal;
        self.check(name);
        self
    }

    /// Nothing was lost, and nothing came of nothing.
    pub(super) fn check(&self, name: &str) {
        let Self { received, applied, duplicates, rejected, dead } = self;
        assert_eq!(*received, applied + duplicates + rejected + dead, "{name}: {self:?}");
    }

    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.applied += other.applied;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.dead += other.dead;
    }

    pub(super) fn print(&self, name: &str) {
        let Self { received, applied, duplicates, rejected, dead } = self;
        println!(
            "{name}: received {received} = applied {applied} + duplicate {duplicates} + rejected {rejected} + dead letter {dead}"
        );
    }
}

fn sale(tenant: &str, number: usize) -> Delivery {
    let body = json!({"sku": format!("K{number}"), "qty": 1, "ts": "2026-01-15T12:00:00.000Z"}).to_string();
    // The trace is stored: it must not differ from run to run.
    Delivery::pos(tenant, body).header("x-correlation-id", "trace")
}

/// The first answer, or the answer to a retry of an attempt that had got further than its sender knows.
const NEW: &[u16] = &[201, 204];
const SEEN: &[u16] = &[204];

fn one(tenant: &str) -> Script {
    vec![(sale(tenant, 1), NEW)]
}

fn mix(tenant: &str) -> Script {
    let named =
        |body: &str| Delivery::pos(tenant, body).header("x-correlation-id", "trace").header("idempotency-key", "k");
    let forged = sale(tenant, 9).header("x-webhook-signature", &"0".repeat(64));
    vec![
        (sale(tenant, 1), NEW),
        (sale(tenant, 2), NEW),
        (sale(tenant, 1), SEEN),
        (named("{\"total\":1}"), NEW),
        (forged, &[403]),
        (named("{\"total\":2}"), &[409]),
        (sale(tenant, 3), NEW),
        (named("{\"total\":1}"), SEEN),
        (sale(tenant, 4), NEW),
        (sale(tenant, 3), SEEN),
    ]
}

#[tokio::test]
async fn a_crash_anywhere_with_one_event_leaves_one_effect() {
    Scenario { name: "one event", script: one, refused: None, effects: 1 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_with_an_event_that_failed_at_first_leaves_one_effect() {
    // The effect's three attempts.
    let refused = Some(every("DynamoDB.PutItem").about("RecordsTable").up_to(3));
    Scenario { name: "failed at first", script: one, refused, effects: 1 }.check().await;
}

#[tokio::test]
async fn a_crash_anywhere_in_a_mix_leaves_one_effect_of_each_event() {
    Scenario { name: "mix", script: mix, refused: None, effects: 5 }.check().await;
}

/// A link of Trackstar's for each tenant that the matrix makes up.
async fn with_links() -> Hooks {
    let tenants =
        ["a", "b", "f", "u"].into_iter().flat_map(|letter| (0..30).map(move |number| format!("{letter}{number:02}")));
    let links: Vec<Value> = tenants.map(|tenant| json!({"connectionId": tenant, "tenant": tenant})).collect();
    let [one_shard] = ONE_SHARD;
    Hooks::with(&[one_shard, ("TRACKSTAR_CONNECTIONS", &json!(links).to_string())]).await
}

fn of_link(tenant: &str, route: &str, name: &str, data: &Value) -> Delivery {
    let body = json!({"connection_id": tenant, "event_type": name, "event_id": name, "data": data});
    Delivery::trackstar(route, &body).header("x-correlation-id", "trace")
}

const TAKEN: &[u16] = &[200];

/// What leaves its newest version, and its entry in the list: the one without the other for no longer than its message lives.
fn versions(tenant: &str) -> Script {
    let stock = json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "onhand": 5});
    let shipment = json!({"id": "s", "updated_date": "2026-01-15T12:00:00Z"});
    vec![
        (of_link(tenant, "/inventory", "inventory.updated", &stock), TAKEN),
        (of_link(tenant, "/inbound-shipments", "inbound_shipment.updated", &shipment), TAKEN),
    ]
}

/// One that no item holds: its body and its entry come before the version that names them, and it is listed after that.
fn large_version(tenant: &str) -> Script {
    let note = "x".repeat(400 * 1024);
    let data =
        json!({"id": "p", "sku": "A", "updated_date": "2026-01-15T12:00:00Z", "additional_fields": {"note": note}});
    vec![(of_link(tenant, "/inventory", "inventory.updated", &data), TAKEN)]
}

#[tokio::test]
async fn a_crash_anywhere_with_versions_leaves_each_with_its_entry_in_the_list() {
    Scenario { name: "versions", script: versions, refused: None, effects: 2 }.check_on(with_links().await).await;
}

/// What is listed as processed was; what a version names is there; and whatever was missing comes with the message.
#[tokio::test]
async fn a_crash_leaves_nothing_listed_before_its_effect_and_no_version_before_its_body() {
    for (script, calls) in [(versions as fn(&str) -> Script, 4), (large_version, 7)] {
        for number in 0..calls {
            // Of its own: to look through large items of others takes longer than to start it.
            let hooks = with_links().await;
            let (delivery, _) = &script("a00")[0];
            assert_eq!(hooks.send(delivery).await.status, 200);
            let look = async || {
                let path = "/api/admin/deliveries?status=processed&from=2100-01-01T12:00:00Z";
                let listed = hooks.ask("GET", path, Some(&hooks.operator("a00")), None).await.expect(200);
                let versions = hooks.items("RECORDS_TABLE", "a00/").await;
                let bodies = hooks.events("a00/trackstar/a00").await;
                let named: Vec<&str> =
                    versions.iter().filter_map(|version| version.get("deliveryKey")?.as_str()).collect();
                assert!(named.into_iter().all(|key| bodies.contains_key(key)), "a body that is not there");
                (listed["items"].as_array().unwrap().len(), versions.len())
            };
            let messages = hooks.receive(Queue::Webhooks).await;
            let dying = hooks.process(Wire::when(at(number), Verdict::KillAfter)).await;
            assert_eq!(dying.handle(Queue::Webhooks, &messages).await, Err(Crashed), "call {number}");
            let (listed, versions) = look().await;
            assert!(listed <= versions, "call {number}: listed without its effect");
            let next = hooks.process(Wire::whole()).await;
            assert_eq!(next.handle(Queue::Webhooks, &messages).await.unwrap(), [""; 0]);
            assert_eq!(look().await, (1, 1), "call {number}");
        }
    }
}

/// Holds the first instance at each of its calls while a second does all of the same.
#[tokio::test]
async fn two_instances_at_once_have_one_effect() {
    let hooks = Hooks::start().await;
    for call in 0..2 {
        let tenant = format!("twice{call}");
        let delivery = sale(&tenant, 1);
        let slow = hooks.process(Wire::when(at(call), Verdict::Hold)).await;
        let quick = hooks.process(Wire::whole()).await;
        let (held, other) = tokio::join!(slow.send(&delivery), async {
            slow.wire().held().await;
            let reply = quick.send(&delivery).await.unwrap();
            slow.wire().release();
            reply
        });
        let mut statuses = [held.unwrap().status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 204], "held at call {call}");

        let messages = hooks.receive(Queue::Webhooks).await;
        let worker = hooks.process(Wire::when(at(call), Verdict::Hold)).await;
        let (held, other) = tokio::join!(worker.handle(Queue::Webhooks, &messages), async {
            worker.wire().held().await;
            let failed = quick.handle(Queue::Webhooks, &messages).await.unwrap();
            worker.wire().release();
            failed
        });
        assert_eq!((held.unwrap().len(), other.len()), (0, 0));
        hooks.finish(Queue::Webhooks, &messages, &[]).await;
        let stored = Stored::read(&hooks, &tenant).await;
        assert_eq!((stored.records.len(), stored.claims.len()), (1, 1), "held at call {call}");
    }
}

#[tokio::test]
async fn a_lost_reply_or_a_refusal_of_any_call_is_no_second_event() {
    let hooks = Hooks::start().await;
    for (number, fault) in (0..5).flat_map(|number| {
        [Fault::LostReply, Fault::Throttled, Fault::ServerError, Fault::Unavailable, Fault::Unreachable]
            .map(|fault| (number, fault))
    }) {
        let tenant = format!("fault{number}{}", format!("{fault:?}").to_lowercase());
        let wire = Wire::when(at(number), Verdict::Fail(fault));
        let mut driver = Driver::start(&hooks, wire, Wire::whole).await;
        // The SDK's own retry meets its own claim: it is the first still.
        assert_eq!(driver.send(&sale(&tenant, 1)).await, 201, "{tenant}");
        driver.work(Queue::Webhooks).await;
        let stored = Stored::read(&hooks, &tenant).await;
        assert_eq!((stored.records.len(), driver.crashes), (1, 0), "{tenant}");
        assert_eq!(driver.send(&sale(&tenant, 1)).await, 204, "{tenant}");
    }
}

/// The same where each attempt has an id of its own.
#[tokio::test]
async fn a_crash_anywhere_with_an_id_that_changes_leaves_one_effect() {
    let undisturbed = Hooks::start().await;
    let first = undisturbed.process(Wire::whole()).await;
    let delivery = |attempt: usize| Delivery::github(&format!("attempt-{attempt}"), "{}");
    first.send(&delivery(0)).await.unwrap();
    first.handle(Queue::Webhooks, &undisturbed.receive(Queue::Webhooks).await).await.unwrap();
    for number in 0..first.wire().calls().len() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = Hooks::start().await;
            let mut driver = Driver::start(&hooks, Wire::when(at(number), verdict), Wire::whole).await;
            assert_eq!(driver.send_each(delivery).await, 200);
            driver.work(Queue::Webhooks).await;
            assert_eq!(driver.send_each(|attempt| delivery(attempt + 10)).await, 200);
            driver.work(Queue::Webhooks).await;
            let (effects, letters) = (hooks.events("acme/github/acme").await, hooks.work(Queue::DeadLetters).await);
            assert_eq!((effects.len(), letters, driver.crashes), (1, 0, 1), "{verdict:?} of call {number}");
        }
    }
}

/// A sender's retry, or whoever captured the body, may give it another id, or none: that is not signed.
#[tokio::test]
async fn a_body_whose_first_attempt_died_has_its_effect_under_whatever_id_it_comes_again() {
    let ids = [("one", "two"), ("one", ""), ("", "two")];
    for (number, (first, second)) in ids.into_iter().enumerate() {
        let hooks = Hooks::start().await;
        let body = json!({"number": number}).to_string();
        let named = |id: &str| match id {
            "" => Delivery::github("any", body.as_str()).without("x-github-delivery"),
            id => Delivery::github(id, body.as_str()),
        };
        // Behind the claims.
        let dying = hooks.process(Wire::when(every("SQS.SendMessage"), Verdict::KillBefore)).await;
        assert_eq!(dying.send(&named(first)).await, Err(Crashed));
        assert!(hooks.receive(Queue::Webhooks).await.is_empty());
        for id in [second, first, second, "three"] {
            hooks.pass(Duration::from_secs(1));
            let reply = hooks.send(&named(id)).await.expect(200);
            assert_eq!(reply["status"], "duplicate", "{first:?}, then {id:?}");
            let mut driver = Driver::start(&hooks, Wire::whole(), Wire::whole).await;
            driver.work(Queue::Webhooks).await;
            assert_eq!(hooks.events("acme/github/acme").await.len(), 1, "{first:?}, then {id:?}");
        }
    }
}

/// A process that dies between the claim and the message leaves a claim that lets the sender's retry through.
#[tokio::test]
async fn a_claim_without_a_message_is_no_end_of_its_event() {
    let hooks = Hooks::start().await;
    let dying = hooks.process(Wire::when(every("SQS.SendMessage"), Verdict::KillBefore)).await;
    assert_eq!(dying.send(&sale("t", 1)).await, Err(Crashed));
    assert!(hooks.receive(Queue::Webhooks).await.is_empty());
    assert_eq!(hooks.send(&sale("t", 1)).await.status, 204);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert_eq!(Stored::read(&hooks, "t").await.records.len(), 1);
}

/// A flood, killed before and after each kind of its calls: every one is refused, what is kept and counted is never more than was
/// sent, and never less than that but for what the dead instance had not written down.
#[tokio::test]
async fn a_crash_anywhere_in_a_flood_loses_the_counts_of_a_second_at_most_and_counts_none_twice() {
    // Ten are kept, the first of the others is counted at once, and those after it with the last one.
    const FORGED: usize = 14;
    let flood = async |driver: &mut Driver<'_>| {
        for number in 0..FORGED {
            if number + 1 == FORGED {
                driver.hooks.pass(Duration::from_secs(1));
            }
            let forged = sale("t1", number).header("x-webhook-signature", &"0".repeat(64));
            assert_eq!(driver.send(&forged).await, 403);
        }
    };
    let whole = Hooks::start().await;
    let mut undisturbed = Driver::start(&whole, Wire::whole(), Wire::whole).await;
    flood(&mut undisturbed).await;
    let calls = undisturbed.process.wire().calls();
    assert_eq!(Refusals::read(&whole).await, Refusals { kept: 10, counted: FORGED as u64, unkept: 4 });
    // The first two that are kept, the last, and the counts: those in between are like them.
    let telling = |(number, _): &(usize, _)| *number < 7 || number + 5 >= calls.len();
    for (number, call) in calls.iter().enumerate().filter(telling) {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let hooks = Hooks::start().await;
            let mut driver = Driver::start(&hooks, Wire::when(at(number), verdict), Wire::whole).await;
            flood(&mut driver).await;
            let Refusals { kept, counted, unkept } = Refusals::read(&hooks).await;
            let here =
                format!("{verdict:?} of call {number} ({call}): {kept} kept, {counted} counted, {unkept} unkept");
            assert_eq!(driver.crashes, 1, "{here}");
            // The one that was under way is sent again, and may be counted once for each time.
            assert!(counted <= FORGED as u64 + 1, "{here}");
            // Those of the last second before the crash, and of the end.
            assert!(counted + 3 >= FORGED as u64, "{here}");
            // A number may be taken by one that was not kept after all.
            assert!(kept as u64 + unkept <= counted && counted <= kept as u64 + unkept + 1, "{here}");
        }
    }
}

/// What is known of refusals.
#[derive(Debug, PartialEq)]
struct Refusals {
    kept: usize,
    counted: u64,
    unkept: u64,
}

impl Refusals {
    async fn read(hooks: &Hooks) -> Self {
        let page = hooks.ask("GET", "/api/admin/deliveries?limit=200", None, None).await.expect(200);
        let metrics = hooks.ask("GET", "/metrics", None, None).await.text;
        let sample = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{source=\"pos\""));
            line.and_then(|line| line.rsplit_once(' ')).map_or(0, |(_, count)| count.parse().unwrap())
        };
        let (counted, unkept) = (sample("ingest_rejected_total"), sample("ingest_rejected_unkept_total"));
        Self { kept: page["items"].as_array().unwrap().len(), counted, unkept }
    }
}
