//! The host: everything of the template, started in order and stopped in the opposite one.

pub mod clients;
pub mod data;
mod demo;
pub mod format;
mod imports;
pub mod invoke;
mod kinds;
pub mod layer;
pub mod lent;
pub mod options;
pub mod poller;
pub mod record;
mod registry;
mod restart;
pub mod rights;
pub(crate) mod root_key;
pub mod schedule;
pub mod settings;
mod start;
mod stored;
mod stream;
mod ticker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustack_events_core::provider::RustackEvents;
use serde_json::Value;
use signalbox::environment::Environment;
use signalbox::outside::Outside;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engines::events::Seen;
use crate::engines::ses::Outbox;
use crate::engines::ssm::Parameters;
use crate::host::clients::Endpoints;
use crate::host::data::DataFolder;
use crate::host::demo::vendors::Vendors;
use crate::host::invoke::{InvokeError, Invoker};
use crate::host::kinds::Kinds;
use crate::host::options::{HostError, Options};
use crate::host::rights::Rights;
use crate::host::settings::Secrets;
use crate::template::Schedule;

/// How long a stop waits for work in flight; the rest of the ten seconds is for closing files.
const STOP_MAX: Duration = Duration::from_secs(8);

/// A running host. Dropping it ends everything at once, much as kill -9 would.
pub struct Host {
    address: SocketAddr,
    endpoints: Endpoints,
    environments: BTreeMap<String, Environment>,
    rights: BTreeMap<String, Rights>,
    invoker: Arc<Invoker>,
    schedules: Vec<Schedule>,
    outside: Outside,
    secrets: Secrets,
    seen: Seen,
    parameters: Parameters,
    outbox: Outbox,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    events: Arc<RustackEvents>,
    stop: watch::Sender<bool>,
    /// Why the data folder is no longer this host's.
    lost: watch::Receiver<Option<String>>,
    /// What takes work in: ended first.
    intake: JoinSet<()>,
    /// What the work needs: ended last.
    services: JoinSet<()>,
    /// The demo's, which runs in flight may ask: ended after them.
    vendors: Option<Vendors>,
    /// Where somebody records, looks at what is stored at the end.
    kinds: Option<Kinds>,
    /// Locked for as long as the host runs.
    data: DataFolder,
}

impl Host {
    /// Starts everything in the template; returns when the front answers.
    ///
    /// # Errors
    /// When the template, the data folder, a port or a function is unusable. Nothing is left running then.
    pub async fn start(options: Options) -> Result<Self, HostError> {
        start::start(options).await
    }

    /// The front's address, for example `http://127.0.0.1:9000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a function, from which a test can build its own, with faults.
    #[must_use]
    pub fn environment(&self, function: &str) -> Environment {
        self.environments.get(function).cloned().unwrap_or_default()
    }

    /// The rights of a function: those that the template gives it.
    ///
    /// # Panics
    /// When the template has no such function.
    #[must_use]
    pub fn rights(&self, function: &str) -> &Rights {
        &self.rights[function]
    }

    /// The functions, by package.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.rights.keys().map(String::as_str)
    }

    /// Where the engines listen.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// A client of the embedded DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// A client of the embedded SQS.
    #[must_use]
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }

    /// A client of the embedded EventBridge.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        clients::eventbridge(&self.endpoints)
    }

    /// The secrets that the host generated.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The vendors that are simulated for the demo: the name of each, and where it is asked and controlled.
    #[must_use]
    pub fn simulated_vendors(&self) -> Vec<(&'static str, String)> {
        self.vendors.iter().flat_map(Vendors::places).collect()
    }

    /// The latest events that were put on a bus, at most a thousand, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.seen.all()
    }

    /// What the embedded Parameter Store holds.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The mails that were sent.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Invokes a function with an event of your own.
    ///
    /// # Errors
    /// When there is no such function, or it gave no answer.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, InvokeError> {
        self.invoker.invoke(function, event).await
    }

    /// Fires a schedule now, once, by its name (`signalbox-nightly`) or its event's name (`Nightly`). Twice within a second
    /// is the same tick delivered twice.
    ///
    /// # Errors
    /// When there is no such schedule, or its function failed.
    pub async fn fire(&self, schedule: &str) -> Result<(), InvokeError> {
        let found = self.schedules.iter().find(|known| known.name == schedule || known.event == schedule);
        let found = found.ok_or_else(|| InvokeError::Unknown(format!("for the schedule {schedule}")))?;
        let event = ticker::event(found, self.outside.clock.now(), &self.outside.entropy);
        self.invoker.invoke(&found.function, event).await.map(drop)
    }

    /// Waits until the data folder is removed or replaced below the running host, and says what is gone. The host takes nothing
    /// in any more then; what it still has is lost with it.
    pub async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        let reason = match lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            // Nobody looks: there is nothing on disk.
            Err(_) => None,
        };
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// Takes no more work in, finishes what is in flight, and ends within ten seconds; runs are handed on to the next start.
    /// Says whether all of it was finished; what was not goes on at the next start too.
    pub async fn stop(mut self) -> bool {
        let deadline = Instant::now() + STOP_MAX;
        self.stop.send_replace(true);
        // After that: what is handed on from here on is for the next start to receive.
        self.outside.shutdown.announce();
        let ended = async { while self.intake.join_next().await.is_some() {} };
        let taken_in = tokio::time::timeout_at(deadline, ended).await.is_ok();
        let delivered = matches!(tokio::time::timeout_at(deadline, self.events.quiesce()).await, Ok(Ok(())));
        let drained = self.invoker.drain(deadline.saturating_duration_since(Instant::now())).await;
        self.intake.shutdown().await;
        if let Some(vendors) = self.vendors.take() {
            vendors.stop().await;
        }
        self.services.shutdown().await;
        drop(self.kinds.take());
        self.data.path().into_iter().for_each(lent::take_back);
        for file in self.data.tables().into_iter().chain(self.data.journal()) {
            let _settled = tokio::task::spawn_blocking(move || stored::settle(&file)).await;
        }
        taken_in && delivered && drained
    }
}
