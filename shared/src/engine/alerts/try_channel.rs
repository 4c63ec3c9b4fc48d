//! Try a channel: a message is sent over it at once, while somebody waits, and is kept in the list with what came of it.

use std::time::Duration;

use super::channels::{tell, usable};
use crate::aws::alerts::AlertStore;
use crate::aws::faults::AwsFault;
use crate::domain::alerts::delivery::{Answered, Line, Message};
use crate::domain::alerts::life::Transition;
use crate::domain::alerts::rules::Severity;
use crate::domain::audit::Action;
use crate::domain::ids::{ProviderId, RunId};
use crate::engine::connections::desk::Desk;
use crate::engine::operators::Operator;
use crate::vendors::channels::Sending;

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
    let Some(found) = usable(&desk.store, tenant, ProviderId::TEAMS, 1).await?.pop() else {
        return Ok(Tried::NotConfigured);
    };
    let channel = &found.0;
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
    let answered = tell((&desk.keys, desk.operators.clock()), &found, &message, sending, ANSWER_MAX).await?;
    // Whoever tests sees what came of it: nobody tries again by itself.
    let (answered, tried) = match answered {
        Answered::Taken => (Answered::Taken, Tried::Sent),
        Answered::Later(why, _) | Answered::Refused(why) | Answered::Never(why) => {
            (Answered::Never(why.clone()), Tried::Failed(why))
        }
    };
    let message = message.claimed(now).answered(answered, now);
    if let Err(fault) = store.keep_message(tenant, &message, now).await {
        tracing::warn!(%fault, "a test message is in no list");
    }
    Ok(tried)
}
