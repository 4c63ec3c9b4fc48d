//! A brand's link to Trackstar: made by an exchange of codes, and taken away again. The vendor first, our record after: [`connect`] and
//! [`disconnect`] say what a crash between the two leaves, and how it is seen.

mod connect;
mod disconnect;

use jiff::Timestamp;

pub use self::connect::{Connected, connect, link_token};
pub use self::disconnect::disconnect;
use super::ask::{Asker, Unasked};
use super::desk::{Desk, Refused};
use crate::aws::clients::Clients;
use crate::aws::connections::linking::{Begun, Linkings};
use crate::aws::faults::AwsFault;
use crate::domain::connections::linking::{Linking, Step};
use crate::domain::connections::provider::Settings;
use crate::domain::connections::pull_api::PullApi;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::pull::answer::Class;
use crate::domain::redact;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::secret::Secret;
use crate::domain::service_secrets::{ServiceSecrets, TRACKSTAR_API};
use crate::engine::operators::Operator;
use crate::engine::runs::context::RunWorker;
use crate::environment::{Environment, StartError};
use crate::vendors::client::{Answer, NoAnswer, Request};
use crate::vendors::pulled::{self, PullSettings};
use crate::vendors::trackstar::link;

/// How much of a refusal is told, in characters.
const TOLD_MAX: usize = 200;

/// What links are made and taken away with. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    /// What connections are changed with.
    pub desk: Desk,
    /// What is asked, and started.
    pub worker: RunWorker,
    /// What is under way, or came to no end.
    pub linkings: Linkings,
    secrets: ServiceSecrets,
    /// Where the vendor is, unless a connection says otherwise.
    base_url: Option<String>,
}

impl Links {
    /// Reads the configuration; nothing is called. The account's key is the service's secret `TRACKSTAR_API_KEY`.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn new(
        (desk, worker): (Desk, RunWorker),
        secrets: ServiceSecrets,
        clients: &Clients,
        environment: &Environment,
    ) -> Result<Self, StartError> {
        let base_url = environment.get("TRACKSTAR_BASE_URL").map(str::to_owned);
        Ok(Self { desk, worker, linkings: Linkings::connect(clients, environment)?, secrets, base_url })
    }

    fn now(&self) -> Timestamp {
        self.worker.runs.now()
    }
}

/// Why a link was not made, or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum NotLinked {
    /// Our record refuses it, or cannot be read or written.
    #[error(transparent)]
    Record(#[from] Refused),
    /// Somebody else is at it, since then.
    #[error("the link is being made or taken away already: look again in a minute")]
    Busy,
    /// There is no key to ask with.
    #[error("the account's key is not set: TRACKSTAR_API_KEY, among the service's secrets")]
    NoKey,
    /// The link has no access token, by which alone the vendor takes one away.
    #[error(
        "the link has no access token, by which alone Trackstar takes it away: remove it in its dashboard, and our record with DELETE /api/admin/connections/…"
    )]
    NoToken,
    /// Where the vendor is said to be, it cannot be asked.
    #[error("{0}")]
    Unusable(String),
    /// Nobody asks before this time.
    #[error("{}", .0.reason.text())]
    Waits(Wait),
    /// The vendor refused what it was asked.
    #[error("Trackstar refused it: {0}")]
    Refused(String),
    /// The vendor did not answer, or with nothing that can be used. It may have done what it was asked.
    #[error("{0}")]
    Failed(String),
}

impl From<AwsFault> for NotLinked {
    fn from(fault: AwsFault) -> Self {
        Self::Record(fault.into())
    }
}

impl From<Unasked> for NotLinked {
    fn from(unasked: Unasked) -> Self {
        match unasked {
            Unasked::Waits(wait) => Self::Waits(wait),
            Unasked::Fault(fault) => fault.into(),
        }
    }
}

/// A brand's link, and how it is spoken of with the vendor.
struct Link {
    connection: Connection,
    stored: Option<StoredConnection>,
    settings: PullSettings,
    key: Option<Secret>,
    token: Option<Secret>,
}

impl Link {
    /// As it is stored, if it is; operators must be the ones who keep it.
    async fn read(links: &Links, connection: &Connection) -> Result<Self, NotLinked> {
        let stored = links.desk.store.read(connection).await.map_err(Refused::Unread)?;
        stored.as_ref().map(StoredConnection::kept_here).transpose().map_err(Refused::from)?;
        let api = api(links).ok_or_else(|| NotLinked::Unusable("Trackstar has no API that is pulled".to_owned()))?;
        let mut given = stored.as_ref().map(|stored| stored.settings.clone()).unwrap_or_default();
        links.place(&mut given);
        let settings = pulled::read(api, &given)
            .map_err(|wrong| NotLinked::Unusable(format!("its setting {} {}", wrong.name, wrong.why)))?;
        let (mut key, mut token) = (None, None);
        if let Some(live) = stored.as_ref().and_then(|stored| stored.secrets.as_ref()) {
            let secret = links.desk.keys.open(connection, &live.current).await.map_err(Refused::from)?;
            for (name, value) in (api.credentials)(&[secret]).unwrap_or_default() {
                if name == link::KEY { key = Some(value) } else { token = Some(value) }
            }
        }
        // A link's own key goes first: it may be of another account than the deployment's.
        let of_service =
            || links.secrets.values(links.now()).ok().and_then(|values| values.get(TRACKSTAR_API).cloned());
        let key = key.or_else(of_service);
        Ok(Self { connection: connection.clone(), stored, settings, key, token })
    }

    fn key(&self) -> Result<&Secret, NotLinked> {
        self.key.as_ref().ok_or(NotLinked::NoKey)
    }

    /// Asks the vendor once, if it may be asked.
    async fn ask(&self, links: &Links, request: Request) -> Result<Result<Answer, NoAnswer>, NotLinked> {
        let mut asker = Asker::new(&links.worker, &self.connection, &self.settings).map_err(NotLinked::Unusable)?;
        Ok(asker.ask(request, 1).await?)
    }
}

impl Links {
    /// Says where the vendor is, where the deployment does and the settings do not.
    fn place(&self, settings: &mut Settings) {
        if let Some(base_url) = self.base_url.as_ref().filter(|_| !settings.contains_key("baseUrl")) {
            settings.insert("baseUrl".into(), base_url.as_str().into());
        }
    }

    /// Notes that somebody is at it. What was there before and came to no end is handed back.
    async fn begin(
        &self,
        operator: &Operator,
        connection: &Connection,
        step: Step,
    ) -> Result<(Linking, Option<Linking>), NotLinked> {
        let id = hex::encode(self.worker.runs.outside.entropy.bytes16());
        let linking = Linking { id, step, since: self.now(), by: operator.actor.clone(), is_over: false };
        match self.linkings.begin(connection, &linking).await? {
            Begun::Yes(before) => Ok((linking, before)),
            Begun::Busy(_) => Err(NotLinked::Busy),
        }
    }

    /// After a try whose end nobody knows: what it came to is looked at, and not waited for.
    async fn leave(&self, connection: &Connection, linking: &Linking) {
        if let Err(error) = self.linkings.leave(connection, linking).await {
            tracing::warn!(%connection, %error, "a try that is over is taken for under way");
        }
    }

    /// Forgets it. Where that fails it is shown until our record says the same, which is no reason to fail.
    async fn end(&self, connection: &Connection, linking: &Linking) {
        if let Err(error) = self.linkings.end(connection, linking).await {
            tracing::warn!(%connection, %error, "what was noted of a link is left");
        }
    }
}

fn api(links: &Links) -> Option<&'static PullApi> {
    links.worker.runs.outside.providers.of(&ProviderId::TRACKSTAR).pull
}

/// What an answer comes to that is not what was asked for, and whether the vendor may have done it all the same.
fn refused(links: &Links, answered: Result<Answer, NoAnswer>) -> (NotLinked, bool) {
    let answer = match answered {
        Ok(answer) => answer,
        Err(none @ NoAnswer::Misconfigured(_)) => return (NotLinked::Unusable(none.to_string()), false),
        Err(none) => return (NotLinked::Failed(none.to_string()), true),
    };
    let (status, class, now) = (answer.status.as_u16(), answer.class(), links.now());
    let said: String = String::from_utf8_lossy(&answer.body).trim().chars().take(TOLD_MAX).collect();
    let detail = format!("{status}, {}", redact::error_text(&said));
    match class {
        Class::Busy => {
            let until = answer.asked(now).not_before(class).unwrap_or(now);
            (NotLinked::Waits(Wait { until, reason: WaitReason::RetryAfter }), false)
        }
        Class::Fine => (NotLinked::Failed("Trackstar answered with something that is no link".to_owned()), true),
        Class::Down => (NotLinked::Failed(format!("Trackstar failed: {detail}")), true),
        _ if matches!(status, 401 | 403) => {
            (NotLinked::Failed(format!("Trackstar refused the account's key or the access token: {detail}")), false)
        }
        Class::Refused | Class::Unsupported | Class::Misconfigured => (NotLinked::Refused(detail), false),
    }
}
