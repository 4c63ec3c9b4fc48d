//! Try a channel: a message is sent over it at once, while somebody waits, and is kept in the list with what came of it.

use std::time::Duration;

use crate::aws::alerts::AlertStore;
use crate::aws::connections::lists::Listed;
use crate::aws::faults::AwsFault;
use crate::aws::keys::KeyFault;
use crate::domain::alerts::channel::{CHANNELS_MAX, Channel};
use crate::domain::alerts::delivery::{Answered, Line, Message};
use crate::domain::alerts::life::Transition;
use crate::domain::alerts::rules::Severity;
use crate::domain::audit::Action;
use crate::domain::ids::{ProviderId, RunId};
use crate::engine::connections::desk::Desk;
use crate::engine::operators::Operator;
use crate::vendors::channels::{Sending, send};

/// Who waits is answered before the gateway gives up.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// What came of a test.
#[derive(Debug)]
pub enum Tried {
    /// The tenant has no channel of Teams that is active and has a URL.
    NotConfigured,
    /// It was taken.
    Sent,
    /// It was not, and why.
    Failed(String),
}

/// Sends a test message over a tenant's first channel of Teams. It is on record first. A crash after that leaves a message that was
/// perhaps sent, and is in no list.
///
/// # Errors
/// When AWS fails.
pub async fn try_teams(
    desk: &Desk,
    store: &AlertStore,
    operator: &Operator,
    sending: Sending<'_>,
    text: &str,
) -> Result<Tried, AwsFault> {
    let tenant = &operator.tenant;
    let of = Listed::Tenant(tenant.clone(), Some(ProviderId::TEAMS));
    let (found, _more) = desk.store.page(&of, None, CHANNELS_MAX).await?;
    let found = found.into_iter().find_map(|stored| Some((Channel::of(&stored)?, stored)));
    let Some((channel, stored)) = found else { return Ok(Tried::NotConfigured) };
    let Some(secrets) = &stored.secrets else { return Ok(Tried::NotConfigured) };
    let target = channel.connection.to_string();
    desk.operators.record_change(operator, Action::TestConnection, target, Vec::new()).await?;
    let now = desk.operators.now();
    let id = RunId::new(now, desk.operators.random()).to_string();
    let mut message = Message::new(id.clone(), channel.connection.clone(), now, None);
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
    let answered = match desk.keys.open(&channel.connection, &secrets.current).await {
        Ok(secret) => send_in_time(desk, send(channel.kind, &stored.settings, &secret, &message, sending)).await,
        Err(KeyFault::Unavailable(fault)) => return Err(fault),
        Err(unreadable) => Answered::Never(unreadable.to_string()),
    };
    // Whoever tests sees what came of it: nobody tries again by itself.
    let (answered, tried) = match answered {
        Answered::Taken => (Answered::Taken, Tried::Sent),
        Answered::Later(why, _) | Answered::Never(why) => (Answered::Never(why.clone()), Tried::Failed(why)),
    };
    let message = message.claimed(now).answered(answered, now);
    if let Err(fault) = store.keep_message(tenant, &message, now).await {
        tracing::warn!(%fault, "a test message is in no list");
    }
    Ok(tried)
}

async fn send_in_time(desk: &Desk, sent: impl Future<Output = Answered>) -> Answered {
    let answered = desk.operators.within(ANSWER_MAX, sent).await;
    answered.unwrap_or_else(|| Answered::Never(format!("no answer within {} s", ANSWER_MAX.as_secs())))
}
