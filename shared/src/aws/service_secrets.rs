//! The service's own secrets, read from SSM's Parameter Store by name: `SECRETS_PATH` and the name of each, in one call.
//!
//! They are read when an instance starts, and again beside an invocation once they are due. While the store is down the older
//! values stay, for an hour; whoever needs one then fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::Client;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use crate::domain::service_secrets::{Age, Name, ServiceSecrets, Unusable, Values};
use crate::environment::{Environment, StartError};
use crate::outside::{Clock, Outside};

/// The variable that says where the parameters are.
const PATH: &str = "SECRETS_PATH";
/// An instance that starts has ten seconds on Lambda.
const START_MAX: Duration = Duration::from_secs(5);
/// An invocation has something to answer.
const REFRESH_MAX: Duration = Duration::from_secs(2);
/// How long after a failure the store is left alone.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// Reads the secrets of an instance, and reads them again. Clones are the same.
#[derive(Clone)]
pub struct SecretsReader(Arc<Inner>);

struct Inner {
    /// None where all secrets were given.
    store: Option<Store>,
    secrets: ServiceSecrets,
    clock: Clock,
    /// When the last try failed. Locked while somebody tries.
    failed: Mutex<Option<Timestamp>>,
}

struct Store {
    client: Client,
    path: String,
    names: Vec<Name>,
}

/// Why secrets were not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Fault(#[from] AwsFault),
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl std::fmt::Debug for SecretsReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretsReader")
    }
}

impl SecretsReader {
    /// Reads these secrets.
    ///
    /// On somebody's own machine they may be environment variables. Anywhere else a secret there is refused: whoever may look at
    /// a function's configuration reads it.
    ///
    /// # Errors
    /// When they cannot be read, one is missing or too short, or one is an environment variable where it must not be.
    pub async fn start(
        clients: &Clients,
        environment: &Environment,
        outside: &Outside,
        names: &[Name],
    ) -> Result<Self, StartError> {
        let clock = outside.clock.clone();
        let plain = names.iter().find(|name| environment.get(name.as_str()).is_some());
        if let Some(name) = plain {
            let secrets = ServiceSecrets::given(plain_values(environment, names, *name)?);
            return Ok(Self(Arc::new(Inner { store: None, secrets, clock, failed: Mutex::default() })));
        }
        let path = environment.require(PATH)?.trim_end_matches('/').to_owned();
        let store = Store { client: clients.ssm(), path, names: names.to_vec() };
        let asked = clock.now();
        let values = store.read(&clock, START_MAX).await.map_err(|unread| match unread {
            Unread::Fault(fault) => StartError::Invalid { name: PATH, reason: format!("it cannot be read: {fault}") },
            Unread::Unusable(unusable) => {
                let (name, path) = (unusable.name(), &store.path);
                let reason =
                    format!("{unusable} in Parameter Store, where it is {path}/{name}; on a laptop set {name}");
                StartError::Invalid { name, reason }
            }
        })?;
        let (secrets, store) = (ServiceSecrets::read(values, asked), Some(store));
        Ok(Self(Arc::new(Inner { store, secrets, clock, failed: Mutex::default() })))
    }

    /// The secrets, which stay the newest that were read.
    #[must_use]
    pub fn secrets(&self) -> ServiceSecrets {
        self.0.secrets.clone()
    }

    /// Does some work of an invocation. Secrets that are due are read again beside it, as nothing runs on Lambda once it is answered; of an instance
    /// that had nothing to do for a while they are read before.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        match self.0.secrets.age(self.0.clock.now()) {
            Age::Fresh => work.await,
            Age::Due => futures::join!(work, self.refresh()).0,
            Age::Late => {
                self.refresh().await;
                work.await
            }
        }
    }

    /// Reads them again, unless somebody has just done so, or failed to.
    async fn refresh(&self) {
        let Some(store) = &self.0.store else { return };
        let (clock, secrets) = (&self.0.clock, &self.0.secrets);
        let mut failed = match secrets.age(clock.now()) {
            Age::Late => self.0.failed.lock().await,
            // Whoever tries does it for all.
            _ => match self.0.failed.try_lock() {
                Ok(failed) => failed,
                Err(_) => return,
            },
        };
        let asked = clock.now();
        if secrets.age(asked) == Age::Fresh || failed.is_some_and(|failed| asked.duration_since(failed) < PAUSE) {
            return;
        }
        // Also for a try that its invocation leaves in the middle.
        *failed = Some(asked);
        match store.read(clock, REFRESH_MAX).await {
            Ok(values) => {
                secrets.replace(values, asked);
                *failed = None;
            }
            Err(error) => tracing::error!(%error, "the service's secrets were not read again: the older ones stay"),
        }
    }
}

fn plain_values(environment: &Environment, names: &[Name], first: Name) -> Result<Values, StartError> {
    if !environment.is_local() {
        let reason = format!(
            "outside of local mode a secret is no environment variable: put it into Parameter Store, under {PATH} and this \
             name, and take the variable away"
        );
        return Err(StartError::Invalid { name: first.as_str(), reason });
    }
    let values = Values::check(names, |name| environment.get(name.as_str()).map(str::to_owned));
    values.map_err(|unusable| match unusable {
        Unusable::Missing(name) => StartError::Missing(name),
        Unusable::Short { name, .. } => StartError::Invalid { name, reason: unusable.to_string() },
    })
}

impl Store {
    async fn read(&self, clock: &Clock, limit: Duration) -> Result<Values, Unread> {
        const OPERATION: &str = "GetParameters";
        let names = self.names.iter().map(|name| self.parameter(*name)).collect();
        let call = self.client.get_parameters().set_names(Some(names)).with_decryption(true).send();
        // Boxed, as it would be a part of every function's build, which is deep enough.
        let answer = clock.within(limit, Box::pin(call)).await.ok_or_else(|| AwsFault::unanswered(OPERATION, limit))?;
        let found = answer.map_err(|error| fault(OPERATION, &error))?.parameters.unwrap_or_default();
        // What is not there is named apart, and so is not here.
        let mut found: HashMap<String, String> =
            found.into_iter().filter_map(|parameter| Some((parameter.name?, parameter.value?))).collect();
        Ok(Values::check(&self.names, |name| found.remove(&self.parameter(name)))?)
    }

    fn parameter(&self, name: Name) -> String {
        format!("{}/{}", self.path, name.as_str())
    }
}
