//! The demo's pulls: a connection to each of its vendors, pulled once. From then on it is pulled by its schedule.

use reqwest::Method;
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::domain::ids::Connection;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::kinds::pull::{PullRequest, work_of};
use signalbox::engine::runs::start::{StartRefused, StartRequest, start_in_background};
use signalbox::environment::Environment;
use signalbox::outside::Outside;

use super::vendors::{ACTOR, Simulated};
use crate::remote::{Asked, Remote};

/// What starts them, and which vendors they are of.
pub(super) struct Pulls {
    runs: Runs,
    store: ConnectionStore,
    simulated: Vec<Simulated>,
}

impl Pulls {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// Why the environment is unusable.
    pub(super) fn connect(
        environment: &Environment,
        outside: &Outside,
        simulated: Vec<Simulated>,
    ) -> Result<Self, String> {
        let clients = Clients::connect(environment, outside).map_err(|error| error.to_string())?;
        let runs = Runs::connect(&clients, environment, outside).map_err(|error| error.to_string())?;
        let store = ConnectionStore::connect(&clients, environment).map_err(|error| error.to_string())?;
        Ok(Self { runs, store, simulated })
    }

    /// Makes the connections, and starts a pull of each that is pulled, which a worker takes up.
    ///
    /// # Errors
    /// What could not be made, in a sentence.
    pub(super) async fn make(&self, remote: &Remote, token: &str) -> Result<(), String> {
        for simulated in &self.simulated {
            let path = format!("/api/admin/connections/{}", simulated.connection);
            let asked = Asked { method: Method::PUT, path: &path, body: Some(simulated.body()), ..Asked::default() };
            let made = remote.ask(asked, token).await.map_err(|error| error.to_string())?;
            if !(200..300).contains(&made.status) {
                return Err(format!("{}: {}", simulated.connection, made.told()));
            }
            if simulated.is_pulled {
                self.start(&simulated.connection).await?;
            }
        }
        Ok(())
    }

    async fn start(&self, connection: &Connection) -> Result<(), String> {
        let stored = self.store.read(connection).await.map_err(|error| error.to_string())?;
        let stored = stored.ok_or_else(|| format!("{connection} is gone"))?;
        let work = work_of(&self.runs.outside.providers, &stored, &PullRequest::default());
        let request = StartRequest {
            connection: connection.clone(),
            work: work.map_err(|refused| refused.to_string())?,
            mode: Mode::Apply,
            actor: ACTOR.into(),
            trigger: Trigger::Manual,
            correlation_id: format!("demo-{}", connection.provider),
        };
        match start_in_background(&self.runs, &request, None).await {
            Ok(_) | Err(StartRefused::Busy(..)) => Ok(()),
            Err(refused) => Err(refused.to_string()),
        }
    }
}
