//! A system whose processes are counted: what each function does, and what everything around it is asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use serde_json::{Value, json};
use signalbox_local::cost::profile::{Counted, Work};
use signalbox_local::host::poller::sqs_event;
use signalbox_local::template::TEMPLATE;
use signalbox_tests::answer::Answer;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::logged::Logged;
use signalbox_tests::meter::{Meter, Used};
use signalbox_tests::process::{Process, failed};
use signalbox_tests::queues::Queue;
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::Wire;

/// What CloudWatch adds to each line.
const LINE_BYTES: usize = 26;
/// What the gateway adds to an answer: status, date, length and its own id.
const GATEWAY_BYTES: usize = 150;

/// The system, one process, and what was counted of it.
pub(super) struct Counting {
    pub(super) system: System,
    process: Process,
    meter: Meter,
    logged: Logged,
    lines: usize,
    counted: Counted,
    /// Metrics with their dimensions, as far as they were measured.
    series: BTreeSet<String>,
}

impl Counting {
    /// Starts it.
    pub(super) async fn start(settings: Settings) -> Self {
        let mut system = System::with(settings).await;
        let meter = Meter::default();
        system.http = meter.http(system.http.clone());
        let process = system.process(Wire::whole()).await;
        let logged = Logged::here();
        Self { system, process, meter, logged, lines: 0, counted: Counted::default(), series: BTreeSet::new() }
    }

    /// What was used since the last call, by so many webhooks or rows.
    pub(super) fn take(&mut self, of: f64) -> Counted {
        Counted { of, ..std::mem::take(&mut self.counted) }
    }

    /// The series of metrics that were measured since the last call.
    pub(super) fn take_series(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.series)
    }

    async fn invoke(&mut self, function: &str, event: Value) -> Value {
        self.meter.take();
        self.logged.clear();
        let answer = self.process.invoke(function, event).await.unwrap();
        let used = self.meter.take();
        self.add(&used);
        let metrics = self.process.lines().split_off(self.lines);
        self.lines += metrics.len();
        let counted = self.counted.functions.entry(function.to_owned()).or_default();
        counted.invocations += 1.0;
        counted.calls += used.calls;
        for line in self.logged.text().lines().chain(metrics.iter().map(String::as_str)) {
            let said: Value = serde_json::from_str(line).unwrap();
            self.series.extend(series(&said));
            let bytes = (line.len() + LINE_BYTES) as f64;
            counted.log_bytes += bytes;
            // A metric is written whatever the level is.
            if !said["_aws"].is_null() || said["level"] != "INFO" {
                counted.log_bytes_warn += bytes;
            }
        }
        answer
    }

    fn add(&mut self, used: &Used) {
        for (table, (write, read)) in &used.tables {
            let units = self.counted.tables.entry(table.clone()).or_default();
            units.write += write;
            units.read += read;
        }
        for (queue, (sent, in_groups)) in &used.queues {
            let requests = self.counted.queues.entry(queue.clone()).or_default();
            requests.send += sent;
            requests.fair += in_groups;
        }
        self.counted.bus_events += used.events;
        self.counted.kms += used.kms;
    }

    /// Notes what a function's processor worked at.
    pub(super) fn worked(&mut self, function: &str, work: Work, times: f64) {
        let function = self.counted.functions.entry(function.to_owned()).or_default();
        *function.work.entry(work).or_default() += times;
    }

    /// Sends a webhook through the gateway.
    pub(super) async fn send(&mut self, delivery: &Delivery, route: &str) -> u16 {
        let answer = Answer::of(&self.invoke("webhooks", delivery.event()).await);
        let headers: usize = answer.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let api = &mut self.counted.api;
        api.requests += 1.0;
        api.bytes_out += (answer.text.len() + headers + GATEWAY_BYTES) as f64;
        api.log_bytes += gateway_line(route, answer.status) as f64;
        answer.status
    }

    /// Hands a queue's messages to its function, at most so many at once, until none is due: how many batches there were.
    pub(super) async fn work(&mut self, queue: Queue, name: &str, at_once: usize) -> usize {
        for batches in 0.. {
            let messages = self.system.receive_up_to(queue, at_once).await;
            if messages.is_empty() {
                return batches;
            }
            let function = queue.function();
            let answer = self.invoke(function, sqs_event(function, &messages)).await;
            assert!(failed(&answer).is_empty(), "{answer}");
            self.system.finish(queue, &messages, &[]).await;
            let requests = self.counted.queues.entry(name.to_owned()).or_default();
            requests.receive += 1.0;
            requests.delete += 1.0;
            let group = MessageSystemAttributeName::MessageGroupId;
            if messages.iter().any(|message| message.attributes().is_some_and(|all| all.contains_key(&group))) {
                requests.fair += 2.0;
            }
            if queue == Queue::Completions {
                // The bus sends these, not a function.
                requests.send += messages.len() as f64;
            }
        }
        0
    }

    /// Fires a schedule of a function, as the clock stands.
    pub(super) async fn fire(&mut self, function: &str, schedule: &str) {
        let now = self.system.clock.now().to_string();
        self.invoke(function, json!({"schedule": schedule, "scheduledTime": now})).await;
    }

    /// What is due is handed out, and everything that follows from it is done, twice: what is started is looked at once more some minutes
    /// later. An hour passes.
    pub(super) async fn hour(&mut self) {
        for minutes in [54, 6] {
            self.system.pass(Duration::from_secs(minutes * 60));
            self.fire("scheduler", "due").await;
            for (queue, name, at_once) in [
                (Queue::Due, "DueQueue", 1),
                (Queue::Sync, "SyncQueue", 1),
                (Queue::Completions, "CompletionQueue", 10),
            ] {
                self.work(queue, name, at_once).await;
            }
        }
    }

    /// Counts the firing of a schedule that is no work of what is counted otherwise.
    pub(super) async fn tick(&mut self, function: &str, schedule: &str) {
        self.fire(function, schedule).await;
        self.counted.firings += 1.0;
    }
}

/// The series that a line of the log has a value of.
fn series(line: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for directive in list(&line["_aws"]["CloudWatchMetrics"]) {
        for dimensions in list(&directive["Dimensions"]) {
            let named = |name: &Value| format!("{name}={}", line[name.as_str().unwrap_or_default()]);
            let dimensions: Vec<String> = list(&dimensions).iter().map(named).collect();
            all.extend(list(&directive["Metrics"]).iter().map(|metric| format!("{} {dimensions:?}", metric["Name"])));
        }
    }
    all
}

/// The bytes of a line of the gateway's log, as the template has its form.
fn gateway_line(route: &str, status: u16) -> usize {
    let form = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix("Format: '{")).expect("the gateway's log");
    let form = format!("{{{}", form.trim_end_matches('\''));
    let line = form.replace("$context.requestId", "JKJaXmPLvHcESHA=").replace("$context.routeKey", route);
    let line = line.replace("$context.status", &status.to_string()).replace("$context.responseLatency", "15");
    assert!(!line.contains('$'), "{line}: say how long that is");
    line.len() + LINE_BYTES
}
