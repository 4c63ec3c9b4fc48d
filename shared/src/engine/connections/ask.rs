//! Ask a vendor: once, if the connection's breaker and quota let it, and the breaker is told what came of it. Nobody sleeps until they do.

use jiff::Timestamp;
use serde_json::json;
use url::Url;

use crate::aws::bus::{Bus, DomainEvent};
use crate::aws::connections::breaker::{Asking, Breakers, Turned};
use crate::aws::connections::quota::Meter;
use crate::aws::faults::AwsFault;
use crate::domain::ids::Connection;
use crate::domain::pull::breaker::{Outcome, Why};
use crate::domain::pull::quota::Limits;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::time;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::publish::PUBLISH_MAX;
use crate::outside::Outside;
use crate::vendors::client::{Answer, NoAnswer, Request, VendorClient};
use crate::vendors::hosts::Hosts;
use crate::vendors::pulled::PullSettings;

/// Asks the vendor of one connection.
pub struct Asker {
    client: VendorClient,
    meter: Meter,
    breakers: Breakers,
    bus: Bus,
    connection: Connection,
    outside: Outside,
}

/// Why it was not asked.
#[derive(Debug, thiserror::Error)]
pub enum Unasked {
    /// Breaker, quota or the vendor want that nobody asks before a time.
    #[error("{}", .0.reason.text())]
    Waits(Wait),
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

impl Asker {
    /// One that asks where a connection says, which need not be stored.
    ///
    /// # Errors
    /// When it cannot be asked there.
    pub fn new(worker: &RunWorker, connection: &Connection, settings: &PullSettings) -> Result<Self, String> {
        Self::at(worker, connection, &settings.base_url, (settings.limits, settings.breaker_failures))
    }

    /// One that asks at this address, within these limits, and whose breaker so many failures open.
    ///
    /// # Errors
    /// When it cannot be asked there.
    pub fn at(
        worker: &RunWorker,
        connection: &Connection,
        base_url: &Url,
        (limits, breaker_failures): (Limits, usize),
    ) -> Result<Self, String> {
        let host = authority(base_url);
        let hosts = Hosts::named(&[&host], worker.sources().environment.is_local())?;
        Ok(Self {
            client: VendorClient::new(hosts).map_err(|error| error.to_string())?,
            meter: worker.quotas.meter(connection, limits),
            breakers: worker.breakers.opened_by(breaker_failures),
            bus: worker.runs.bus.clone(),
            connection: connection.clone(),
            outside: worker.runs.outside.clone(),
        })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// Asks once. `soon` is how many requests will follow, this one included: so many are reserved at once.
    ///
    /// # Errors
    /// When it was not asked.
    pub async fn ask(&mut self, request: Request, soon: u32) -> Result<Result<Answer, NoAnswer>, Unasked> {
        let by = hex::encode(self.outside.entropy.bytes16());
        let now = self.now();
        let pass = match self.breakers.ask(&self.connection, &by, now).await? {
            Asking::May(pass) => pass,
            Asking::Wait(until, why) => {
                let reason = if why == Why::Asked { WaitReason::RetryAfter } else { WaitReason::Breaker };
                return Err(Unasked::Waits(Wait { until, reason }));
            }
        };
        let taken = self.meter.take(soon, now).await?;
        let now = self.now();
        if taken.is_err() || !pass.is_good(now) {
            self.breakers.answered(&self.connection, &by, &pass, Outcome::Unasked, now).await?;
            let (until, reason) =
                taken.map_or_else(|until| (until, WaitReason::Quota), |()| (now, WaitReason::Breaker));
            return Err(Unasked::Waits(Wait { until, reason }));
        }
        let answered = self.client.send(request).await;
        let now = self.now();
        let outcome = answered.as_ref().map_or_else(NoAnswer::outcome, |answer| answer.outcome(now));
        // It was asked, whatever becomes of the note: whoever took that for unasked would ask for something twice, or forget a code that
        // is used up. A probe that is not told of gives way to the next one after a while.
        match self.breakers.answered(&self.connection, &by, &pass, outcome, now).await {
            Ok(None) => {}
            Ok(Some(turned)) => self.tell(turned, now).await,
            Err(fault) => {
                tracing::warn!(%fault, connection = %self.connection, "breaker not told of an answer");
            }
        }
        Ok(answered)
    }

    /// Puts it on the bus that the breaker turned. Who is to know looks at breakers by itself, too: nothing is tried again, and a crash
    /// before it loses the event.
    async fn tell(&self, turned: Turned, now: Timestamp) {
        let kind = match turned {
            Turned::Opened => "breaker.opened",
            Turned::Closed => "breaker.closed",
        };
        let Connection { tenant, provider, name } = &self.connection;
        let detail = json!({"tenant": tenant, "connection": self.connection, "provider": provider, "name": name, "at": time::text(now)});
        let event = [DomainEvent { kind, detail }];
        match tokio::time::timeout(PUBLISH_MAX, self.bus.publish(&event)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, connection = %self.connection, kind, "not published"),
            Err(_) => tracing::warn!(connection = %self.connection, kind, "not published in time"),
        }
    }
}

/// A URL's host, with its port where that is not the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
