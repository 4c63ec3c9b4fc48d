//! Try channels: a message is sent over one at once, while somebody waits, and is kept in the list with what came of it.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::channels::{Usable, tell, usable};
use crate::aws::alerts::AlertStore;
use crate::aws::connections::quota::Quotas;
use crate::aws::faults::AwsFault;
use crate::domain::alerts::channel::{Channel, ChannelKind, Tried};
use crate::domain::alerts::delivery::{Answered, Line, Message};
use crate::domain::alerts::life::Transition;
use crate::domain::alerts::rules::Severity;
use crate::domain::audit::Action;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::domain::pull::quota::Limits;
use crate::engine::connections::desk::Desk;
use crate::engine::operators::Operator;
use crate::vendors::channels::Sending;

/// What is said where nobody says anything.
pub const MESSAGE: &str = "This is a test: alerts of this tenant come here";

/// Who waits is answered before the gateway gives up.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// So many channels one call tries, all at once.
const TRIED_MAX: usize = 10;
/// How often a channel is tried in any minute and any hour, whoever asks: it is somebody else's, and people read what comes there.
const PER_MINUTE: u32 = 15;
const PER_HOUR: u32 = 60;

/// What channels are tried with.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// Channels, their secrets, and where it is recorded who does it.
    pub desk: &'a Desk,
    /// Where messages are kept.
    pub store: &'a AlertStore,
    /// How often channels are tried.
    pub quotas: &'a Quotas,
}

/// What came of the tests of a tenant's channels.
#[derive(Debug, Default)]
pub struct AllTried {
    /// By name. Empty where the tenant has no channel of Teams that is active and has a URL.
    pub channels: Vec<(Connection, Tried)>,
    /// Whether there are more, which were not tried.
    pub more: bool,
}

/// The channel that a connection is, also while it is paused: whoever tries it means it. None where it is none, or has no secret.
fn channel(stored: &StoredConnection) -> Option<Usable> {
    let kind = ChannelKind::of(&stored.connection.provider).filter(|_| stored.secrets.is_some())?;
    Some((Channel { connection: stored.connection.clone(), kind, quiet: None }, stored.clone()))
}

impl Trial<'_> {
    /// Sends a test message over each of a tenant's channels of Teams, [`TRIED_MAX`] at most.
    ///
    /// # Errors
    /// When AWS fails: the first fault, after all were tried.
    pub async fn teams(&self, operator: &Operator, text: &str) -> Result<AllTried, AwsFault> {
        let mut found = usable(&self.desk.store, &operator.tenant, ProviderId::TEAMS, TRIED_MAX + 1).await?;
        let more = found.len() > TRIED_MAX;
        found.truncate(TRIED_MAX);
        let tried = found.into_iter().map(|one| async move {
            let came = match self.rests_until(&one.0.connection).await? {
                Some(until) => Tried::Rests(until),
                None => self.recorded(operator, &one, text).await?,
            };
            Ok::<_, AwsFault>((one.0.connection, came))
        });
        let tried: Vec<Result<_, AwsFault>> = stream::iter(tried).buffered(TRIED_MAX).collect().await;
        Ok(AllTried { channels: tried.into_iter().collect::<Result<_, _>>()?, more })
    }

    /// Before when a channel is not to be tried; none where it may be now, which counts.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn rests_until(&self, channel: &Connection) -> Result<Option<Timestamp>, AwsFault> {
        let mut meter = self.quotas.meter(channel, Limits::new(PER_MINUTE, PER_HOUR));
        Ok(meter.take(1, self.desk.operators.now()).await?.err())
    }

    /// Tries one. It is on record first. A crash after that leaves a message that was perhaps sent, and is in no list.
    async fn recorded(&self, operator: &Operator, one: &Usable, text: &str) -> Result<Tried, AwsFault> {
        let target = one.0.connection.to_string();
        self.desk.operators.record_change(operator, Action::TestConnection, target, Vec::new()).await?;
        self.sent(one, text).await
    }

    /// Sends a test message over the channel that a connection is: what came of it, and none where it is no channel. Whoever asks has it
    /// on record, and has asked whether the channel may be tried.
    ///
    /// # Errors
    /// When AWS fails, and the channel was not asked.
    pub async fn one(&self, stored: &StoredConnection) -> Result<Option<Tried>, AwsFault> {
        match channel(stored) {
            Some(one) => self.sent(&one, MESSAGE).await.map(Some),
            None => Ok(None),
        }
    }

    async fn sent(&self, one: &Usable, text: &str) -> Result<Tried, AwsFault> {
        let (desk, connection) = (self.desk, &one.0.connection);
        let now = desk.operators.now();
        let id = RunId::new(now, desk.operators.random()).to_string();
        let mut message = Message::new(id.clone(), connection.clone(), now, None);
        message.add(Line {
            alert: id,
            transition: Transition::Tested,
            severity: Severity::Warning,
            flapping: false,
            open: false,
            title: "Signalbox reaches this channel".to_owned(),
            detail: text.to_owned(),
            at: now,
        });
        // The API's address cannot be given to a function that the API leads to: CloudFormation refuses the circle.
        let sending = Sending { link: None, now, local: desk.is_local };
        let answered = tell((&desk.keys, desk.operators.clock()), one, &message, sending, ANSWER_MAX).await?;
        // Whoever tests sees what came of it: nobody tries again by itself.
        let (answered, tried) = match answered {
            Answered::Taken => (Answered::Taken, Tried::Taken),
            Answered::Later(why, _) | Answered::Refused(why) | Answered::Never(why) => {
                (Answered::Never(why.clone()), Tried::Failed(why))
            }
        };
        let message = message.claimed(now).answered(answered, now);
        if let Err(fault) = self.store.keep_message(&connection.tenant, &message, now).await {
            tracing::warn!(%fault, "a test message is in no list");
        }
        Ok(tried)
    }
}
