//! Access tokens: the one that all instances share, and one instance at a time that asks for the next.
//!
//! Effects, in order: the lease is written, the vendor is asked, the token is written. A crash before the vendor is asked leaves a lease, which
//! runs out; one after it a token besides that nobody knows, which runs out as well. Nobody is locked out for longer than the lease.

use std::time::Duration;

use http::header;
use jiff::{SignedDuration, Timestamp};

use super::{down, vendor};
use crate::aws::connections::access_token::AccessTokens;
use crate::aws::faults::AwsFault;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::domain::connections::access_token::{ASK_MAX, AccessToken, Next, Refusal, Token};
use crate::domain::connections::sealed::Sealed;
use crate::domain::ids::Connection;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::secret::Secret;
use crate::engine::connections::ask::authority;
use crate::engine::connections::readers::Known;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::slice::SliceFault;
use crate::outside::Outside;
use crate::vendors::client::{Answer, NoAnswer, Request, VendorClient};
use crate::vendors::gbp::{Credentials, GbpSettings, Granted, Refused, TOKEN_URL, granted, refresh};
use crate::vendors::hosts::Hosts;

/// How often it is decided what to do where others come first.
const TRIES_MAX: u32 = 12;
/// How often, and how long in all, is looked for the token that somebody else asks for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS_MAX: u32 = 25;
/// How long a token that was read is used without another look. Its end is known to be later than that.
const READ_FOR: SignedDuration = SignedDuration::from_secs(30);

/// What a request is let in by.
#[derive(Clone)]
pub(super) struct Access {
    id: String,
    token: Secret,
    read_at: Timestamp,
}

impl Access {
    /// Whether it may be used without another look at what is stored.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) < READ_FOR
    }

    /// The request with it.
    pub(super) fn carried_by(&self, request: Request) -> Request {
        let bearer = format!("Bearer {}", String::from_utf8_lossy(self.token.expose()));
        request.secret(header::AUTHORIZATION, Secret::new(bearer))
    }
}

/// Why the vendor gave no token.
struct NoToken {
    fault: SliceFault,
    /// What others are told for a while.
    refusal: Option<Refusal>,
}

impl From<SliceFault> for NoToken {
    fn from(fault: SliceFault) -> Self {
        let refusal = match &fault {
            SliceFault::Vendor { failure, detail, may_pass: false } => Some(Refusal::new(failure.code(), detail)),
            _ => None,
        };
        Self { fault, refusal }
    }
}

/// Finds access tokens of one connection.
pub(super) struct Tokens {
    store: AccessTokens,
    keys: DataKeys,
    outside: Outside,
    client: VendorClient,
    connection: Connection,
    settings: GbpSettings,
    credentials: Credentials,
    /// What access tokens are sealed beside, and by what they are known to be of these credentials.
    secret: Sealed,
}

impl Tokens {
    pub(super) fn of(worker: &RunWorker, known: &Known, settings: &GbpSettings) -> Result<Self, SliceFault> {
        let unusable = |why: String| vendor(Failure::VendorNotConfigured, why);
        let refused = |why: &str| vendor(Failure::VendorRefusedCredentials, why);
        let (Some(live), Some(secret)) = (&known.stored.secrets, known.secrets.first()) else {
            return Err(refused("it has no secret that can be read"));
        };
        let is_local = worker.sources().environment.is_local();
        if !is_local && settings.token_url.as_str() != TOKEN_URL {
            // What is sent there gives access to all that whoever agreed can do.
            return Err(unusable("its setting tokenUrl can be used on somebody's own machine alone".into()));
        }
        let hosts = Hosts::named(&[&authority(&settings.token_url)], is_local).map_err(unusable)?;
        Ok(Self {
            store: worker.google.tokens.clone(),
            keys: worker.google.keys.clone(),
            outside: worker.runs.outside.clone(),
            client: VendorClient::new(hosts).map_err(|error| unusable(error.to_string()))?,
            connection: known.stored.connection.clone(),
            settings: settings.clone(),
            credentials: Credentials::read(&secret.secret).map_err(refused)?,
            secret: live.current.clone(),
        })
    }

    fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// What tells these credentials from others of the connection. The secret's own fingerprint says nothing of it to others.
    fn of_credentials(&self) -> String {
        let GbpSettings { client_id, token_url, .. } = &self.settings;
        format!("{} {client_id} {token_url}", self.secret.fingerprint())
    }

    /// An access token: the one that is there, or another one where it ends soon or the vendor does not take it.
    pub(super) async fn access(&self, unusable: Option<&Access>) -> Result<Access, SliceFault> {
        let by = hex::encode(self.outside.entropy.bytes16());
        let credentials = self.of_credentials();
        let mut stored = self.store.of(&self.connection).await?;
        let (mut tries, mut looks) = (0, 0);
        let mut unusable = unusable.map(|access| access.id.clone());
        loop {
            let now = self.now();
            match stored.next(&credentials, &by, unusable.as_deref(), now) {
                Next::Use(token) => match self.keys.open(&self.connection, &token.sealed).await {
                    Ok(secret) => return Ok(Access { id: token.id, token: secret, read_at: self.now() }),
                    // The key that wraps may be another one by now. Another token is sealed with that.
                    Err(KeyFault::Unreadable(_)) if unusable.as_ref() != Some(&token.id) => unusable = Some(token.id),
                    Err(fault) => return Err(unsealed(fault)),
                },
                Next::Refused(refusal) => return Err(told(&refusal)),
                Next::Look(until) if looks >= LOOKS_MAX => {
                    return Err(SliceFault::Waits(Wait { until, reason: WaitReason::Backoff }));
                }
                Next::Look(_) => {
                    looks += 1;
                    self.outside.pause(LOOK_EVERY).await;
                    stored = self.store.of(&self.connection).await?;
                }
                Next::Ask(asking, meanwhile) => {
                    tries += 1;
                    match self.store.write(&self.connection, &asking, now).await? {
                        Ok(()) => return self.ask(*asking, &by, meanwhile).await,
                        Err(_) if tries >= TRIES_MAX => return Err(contended().into()),
                        Err(found) => stored = found,
                    }
                }
            }
        }
    }

    /// Asks the vendor, as nobody else does, and keeps what came of it. Where none came, the one that is there will do while it lasts.
    async fn ask(&self, asking: AccessToken, by: &str, meanwhile: Option<Token>) -> Result<Access, SliceFault> {
        let asked_at = self.now();
        match self.refreshed().await {
            Ok(Granted { token, seconds }) => {
                let sealed = self.keys.seal_beside(&self.connection, &token, &self.secret).await.map_err(unsealed)?;
                let after = asking.granted(by, sealed, seconds, asked_at);
                // Somebody may have come first after a lease that ran out. Both tokens are good, and theirs stays.
                let _theirs = self.store.write(&self.connection, &after, self.now()).await?;
                Ok(Access { id: by.to_owned(), token, read_at: self.now() })
            }
            Err(NoToken { fault, refusal }) => {
                let after = asking.ended(refusal, self.now());
                let _theirs = self.store.write(&self.connection, &after, self.now()).await?;
                match meanwhile {
                    Some(token) => self.opened(&token).await,
                    None => Err(fault),
                }
            }
        }
    }

    async fn refreshed(&self) -> Result<Granted, NoToken> {
        let request = refresh(&self.settings.token_url, &self.settings.client_id, &self.credentials);
        let host = self.settings.token_url.host_str().unwrap_or_default().to_owned();
        let limit = Duration::try_from(ASK_MAX).unwrap_or_default();
        let Some(answered) = self.outside.clock.within(limit, Box::pin(self.client.send(request))).await else {
            return Err(down(format!("{host} did not answer in time")).into());
        };
        let answer: Answer = match answered {
            Ok(answer) => answer,
            Err(none @ NoAnswer::Down { .. }) => return Err(down(none.to_string()).into()),
            Err(none) => return Err(vendor(Failure::VendorNotConfigured, none.to_string()).into()),
        };
        let status = answer.status.as_u16();
        if answer.class().may_pass() {
            let now = self.now();
            return Err(match answer.asked(now).not_before(answer.class()) {
                Some(until) => SliceFault::Waits(Wait { until, reason: WaitReason::RetryAfter }).into(),
                None => down(format!("{host} answered {status}")).into(),
            });
        }
        granted(&host, status, &answer.body).map_err(|refused| match refused {
            Refused::Revoked(detail) => vendor(Failure::ConsentRevoked, detail).into(),
            Refused::Client(detail) => vendor(Failure::VendorRefusedCredentials, detail).into(),
            // A page of somebody in between: nothing that others should be told.
            Refused::Strange(detail) => NoToken { fault: vendor(Failure::PageInvalid, detail), refusal: None },
        })
    }

    async fn opened(&self, token: &Token) -> Result<Access, SliceFault> {
        let secret = self.keys.open(&self.connection, &token.sealed).await.map_err(unsealed)?;
        Ok(Access { id: token.id.clone(), token: secret, read_at: self.now() })
    }
}

fn told(refusal: &Refusal) -> SliceFault {
    let failure = Failure::ALL.into_iter().find(|failure| failure.code() == refusal.code);
    vendor(failure.unwrap_or(Failure::VendorRefusedCredentials), refusal.detail.clone())
}

fn unsealed(fault: KeyFault) -> SliceFault {
    match fault {
        KeyFault::Unavailable(fault) => fault.into(),
        KeyFault::Unreadable(why) => vendor(Failure::VendorRefusedCredentials, format!("its access token: {why}")),
        KeyFault::TooLong(why) => vendor(Failure::PageInvalid, format!("its access token: {why}")),
    }
}

fn contended() -> AwsFault {
    AwsFault { operation: "write access token", detail: "others changed it each time".into(), transient: true }
}
