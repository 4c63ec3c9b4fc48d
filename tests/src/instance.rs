//! One instance of every function that webhooks pass through, with one wire to everything outside.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::types::Message;
use lambda_runtime::Context;
use serde_json::Value;
use signalbox::environment::Environment;
use signalbox::function::Function;
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::Metrics;
use signalbox_local::host::poller::sqs_event;

use crate::deliveries::delivery::{Delivery, Reply, http_event};
use crate::deliveries::hooks::{Hooks, failed};
use crate::process::Crashed;
use crate::system::no_waiting;
use crate::wire::Wire;

/// Function instances. Dropping them is a crash.
pub struct Instance {
    wire: Wire,
    functions: BTreeMap<&'static str, Function>,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Instance {
    pub(crate) async fn start(hooks: &Hooks, wire: Wire, variables: &[(&str, &str)]) -> Self {
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&metrics);
        let outside = Outside {
            clock: hooks.clock.clone(),
            entropy: hooks.entropy.clone(),
            aws_http: Some(wire.http(hooks.http.clone())),
            aws_sleep: Some(no_waiting()),
            metrics: Metrics::to(move |line| lines.lock().expect("the lines").push(line.to_owned())),
            ..Outside::default()
        };
        let environment = |function: &str| -> Environment {
            let mut environment = hooks.environment(function);
            environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            environment
        };
        let functions = [
            ("webhooks", signalbox_webhooks::build(&environment("webhooks"), &outside).await),
            ("webhook-worker", signalbox_webhook_worker::build(&environment("webhook-worker"), &outside).await),
            ("dead-letters", signalbox_dead_letters::build(&environment("dead-letters"), &outside).await),
            ("sync-control", signalbox_sync_control::build(&environment("sync-control"), &outside).await),
            ("read-api", signalbox_read_api::build(&environment("read-api"), &outside).await),
        ];
        let functions = functions.into_iter().map(|(name, built)| (name, built.expect(name))).collect();
        Self { wire, functions, metrics }
    }

    /// Its wire.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The values of a metric that it emitted.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn metric(&self, name: &str) -> Vec<Value> {
        let lines = self.metrics.lock().expect("the lines");
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter_map(|line| line.get(name).map(|_| line.clone())).collect()
    }

    /// Runs an invocation unless the process is killed in the middle of it.
    async fn alive<T>(&self, invocation: impl Future<Output = T>) -> Result<T, Crashed> {
        tokio::select! {
            biased;
            () = self.wire.killed() => Err(Crashed),
            done = invocation => Ok(done),
        }
    }

    /// Invokes a function.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, Crashed> {
        let answer = self.alive(self.functions[function].invoke(event, Context::default())).await?;
        Ok(answer.expect("an answer"))
    }

    /// Takes a delivery.
    ///
    /// # Errors
    /// When the process dies: the sender gets no answer.
    pub async fn send(&self, delivery: &Delivery) -> Result<Reply, Crashed> {
        Ok(Reply::of(&self.invoke("webhooks", delivery.event()).await?))
    }

    /// Asks a function that answers operators.
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
    ) -> Result<Reply, Crashed> {
        let headers = [
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let event = http_event(method, path, &headers.into(), &body, false);
        Ok(Reply::of(&self.invoke(function, event).await?))
    }

    /// Hands messages to a queue's function: the ids of those that failed.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn handle(&self, function: &str, messages: &[Message]) -> Result<Vec<String>, Crashed> {
        Ok(failed(&self.invoke(function, sqs_event(function, messages)).await?))
    }
}
