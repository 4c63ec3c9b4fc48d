//! A process: one instance of every function, with one wire to everything outside.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::types::Message;
use lambda_runtime::{Context, Error};
use serde_json::Value;
use signalbox::domain::service_secrets::{self, Name};
use signalbox::environment::Environment;
use signalbox::function::{Function, NothingDone};
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::Metrics;
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_local::host::poller::sqs_event;

use crate::answer::Answer;
use crate::events::{http_event, schedule_event};
use crate::queues::Queue;
use crate::recorder::recorder;
use crate::system::System;
use crate::wire::Wire;
use crate::wire::store::WiredStore;

/// The process ended in the middle of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

/// Function instances. Dropping them in the middle of an invocation is a crash.
pub struct Process {
    wire: Wire,
    pub(crate) outside: Outside,
    functions: BTreeMap<&'static str, Function>,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub(crate) async fn start(system: &System, wire: Wire, variables: &[(&str, &str)]) -> Self {
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let (lines, stores, recorder) = (Arc::clone(&metrics), wire.clone(), recorder());
        let all = Outside {
            aws_http: Some(wire.http_but_for_secrets(system.http.clone())),
            stores: StoreFactory::wrapped(move |store| Arc::new(WiredStore::new(stores.clone(), store))),
            metrics: Metrics::to(move |line| {
                recorder.measured(line);
                lines.lock().expect("the lines").push(line.to_owned());
            }),
            ..system.outside(&wire)
        };
        // A call that the template does not allow is refused before it comes to the wire.
        let outside = |function: &str| {
            let allowed = all.aws_http.clone().map(|http| system.host.rights(function).guard(http));
            Outside { aws_http: allowed, ..all.clone() }
        };
        let environment = |function: &str| -> Environment {
            let mut environment = system.environment(function);
            if variables.iter().any(|(name, _)| secret_names().any(|secret| secret == *name)) {
                environment.extend(system.plain_secrets());
            }
            environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            environment
        };
        macro_rules! build {
            ($name:literal, $package:ident) => {
                ($name, $package::build(&environment($name), &outside($name)).await)
            };
        }
        let functions = [
            build!("alerts", signalbox_alerts),
            build!("completions", signalbox_completions),
            build!("console", signalbox_console),
            build!("dead-letters", signalbox_dead_letters),
            build!("digests", signalbox_digests),
            build!("live-logs", signalbox_live_logs),
            build!("pre-traffic", signalbox_pre_traffic),
            build!("read-api", signalbox_read_api),
            build!("scheduler", signalbox_scheduler),
            build!("sync-control", signalbox_sync_control),
            build!("sync-worker", signalbox_sync_worker),
            build!("webhook-worker", signalbox_webhook_worker),
            build!("webhooks", signalbox_webhooks),
        ];
        let functions = functions.into_iter().map(|(name, built)| (name, built.expect(name))).collect();
        Self { wire, outside: all, functions, metrics }
    }

    /// Its wire.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// All lines that are metrics or are written as such.
    ///
    /// # Panics
    /// When somebody panicked while writing one.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.metrics.lock().expect("the lines").clone()
    }

    /// The lines in which it emitted a metric.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn metric(&self, name: &str) -> Vec<Value> {
        let lines = self.metrics.lock().expect("the lines");
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter(|line| line.get(name).is_some()).collect()
    }

    /// How much it measured of a metric, by its dimensions with their values, as `provider=pos reason=conflict`.
    ///
    /// # Panics
    /// When a line is not of the embedded metric format.
    #[must_use]
    pub fn measured(&self, name: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for line in self.metric(name) {
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
            for directive in directives {
                let metrics = directive["Metrics"].as_array().expect("metrics");
                if !metrics.iter().any(|metric| metric["Name"] == name) {
                    continue;
                }
                for set in directive["Dimensions"].as_array().expect("sets of dimensions") {
                    let dimensions =
                        set.as_array().expect("dimensions").iter().map(|name| name.as_str().expect("text"));
                    let values = dimensions.map(|name| format!("{name}={}", line[name].as_str().expect("a value")));
                    let values: Vec<String> = values.collect();
                    *sums.entry(values.join(" ")).or_default() += line[name].as_f64().expect("a number");
                }
            }
        }
        sums
    }

    /// The lines about deliveries that say this.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn said(&self, message: &str) -> Vec<Value> {
        self.metric("message").into_iter().filter(|line| line["message"] == message).collect()
    }

    /// Runs an invocation unless the process is killed in the middle of it.
    pub(crate) async fn alive<T>(&self, invocation: impl Future<Output = T>) -> Result<T, Crashed> {
        tokio::select! {
            biased;
            () = self.wire.killed() => Err(Crashed),
            done = invocation => Ok(done),
        }
    }

    /// Invokes a function that may fail.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn try_invoke(&self, function: &str, event: Value) -> Result<Result<Value, Error>, Crashed> {
        self.alive(self.functions[function].invoke(event, Context::default())).await
    }

    /// Invokes a function.
    ///
    /// # Errors
    /// When the process dies.
    ///
    /// # Panics
    /// When the function fails.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, Crashed> {
        Ok(self.try_invoke(function, event).await?.expect("an answer"))
    }

    /// Asks a function that answers clients.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn ask(
        &self,
        function: &str,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Result<Answer, Crashed> {
        let headers = [
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let event = http_event(method, path, &headers.into(), &body, false);
        Ok(Answer::of(&self.invoke(function, event).await?))
    }

    /// Hands messages to their queue's function: the ids of those that failed, which are all where it does nothing any more.
    ///
    /// # Errors
    /// When the process dies.
    ///
    /// # Panics
    /// When the function fails otherwise.
    pub async fn handle(&self, queue: Queue, messages: &[Message]) -> Result<Vec<String>, Crashed> {
        let event = sqs_event(&queue.physical_name(), messages);
        Ok(match self.try_invoke(queue.function(), event).await? {
            Err(error) if error.is::<NothingDone>() => ids(messages),
            answer => failed(&answer.expect("an answer")),
        })
    }

    /// Fires a schedule, `nightly` or `watchdog`. The text is what the function said of a failure.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn fire(&self, schedule: &str) -> Result<Result<(), String>, Crashed> {
        let fired = self.try_invoke("scheduler", schedule_event(schedule)).await?;
        Ok(fired.map(drop).map_err(|error| error.to_string()))
    }
}

fn secret_names() -> impl Iterator<Item = &'static str> {
    service_secrets::all().map(Name::as_str)
}

impl System {
    /// The service's secrets as variables, for a process that is to have others than the host's.
    fn plain_secrets(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let value = |name: &str| self.host.parameters().get(&format!("/signalbox/{name}"));
        secret_names().filter_map(move |name| Some((name.to_owned(), value(name)?)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.wire.check();
        }
    }
}

/// The ids of messages.
#[must_use]
pub fn ids(messages: &[Message]) -> Vec<String> {
    messages.iter().filter_map(Message::message_id).map(str::to_owned).collect()
}

/// The messages that a function's answer names as failed.
#[must_use]
pub fn failed(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
    failures.map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned()).collect()
}
