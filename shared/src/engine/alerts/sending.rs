//! Send what is due. A message is claimed before it is sent, and what came of it is written after: a crash between the two leaves it to be
//! sent again, and so perhaps twice.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::channels::{Usable, tell};
use super::look::look;
use super::{Alerts, one_fault};
use crate::aws::alerts::Due;
use crate::aws::faults::AwsFault;
use crate::domain::alerts::channel::{Channel, Refusal};
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::connections::stored::StoredConnection;
use crate::vendors::channels::Sending;

/// Messages of one tick, one of each channel: what is not sent with it is with the next.
const DUE_MAX: usize = 200;
/// Messages that are sent beside one another: a channel that does not answer keeps no other waiting.
const SENT_AT_ONCE: usize = 16;
/// How long a channel may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// After so long none is begun any more.
const BEGUN_WITHIN: Duration = Duration::from_secs(15);

/// Sends the messages that are due. A channel is tried once: one that hangs takes the time of one message, however many wait for it.
///
/// # Errors
/// The first fault, after all were tried.
pub async fn send_due(alerts: &Alerts, tried: &mut usize) -> Result<(), AwsFault> {
    let due = alerts.store.due_messages(alerts.now(), DUE_MAX).await?;
    let until = Instant::now() + BEGUN_WITHIN;
    let sent = due
        .into_iter()
        .map(|due| async move { if Instant::now() >= until { Ok(false) } else { send_one(alerts, &due).await } });
    let sent: Vec<Result<bool, AwsFault>> = stream::iter(sent).buffer_unordered(SENT_AT_ONCE).collect().await;
    *tried += sent.iter().filter(|sent| matches!(sent, Ok(true))).count();
    one_fault(sent.into_iter().filter_map(Result::err))
}

/// Sends one message; false where it was not to be sent.
async fn send_one(alerts: &Alerts, due: &Due) -> Result<bool, AwsFault> {
    let (store, now) = (&alerts.store, alerts.now());
    let Some(message) = store.message(&due.tenant, &due.id).await?.filter(|message| message.is_due(now)) else {
        // It has expired, or another time has been noted since.
        store.forget_due(due).await?;
        return Ok(false);
    };
    let claimed = message.claimed(now);
    if !store.advance(&due.tenant, &message, &claimed, now).await? {
        return Ok(false);
    }
    let stored = alerts.connections.read(&claimed.channel).await?.filter(StoredConnection::is_active);
    let answered = match stored.and_then(|stored| Some((Channel::of(&stored)?, stored))) {
        Some(usable) => {
            let answered = answered(alerts, &usable, &claimed).await;
            not_taken(alerts, &usable.1, &claimed, &answered).await?;
            answered
        }
        None => Answered::Never("the channel's connection is gone, paused or without a secret".to_owned()),
    };
    let now = alerts.now();
    let after = claimed.answered(answered, now);
    store.advance(&due.tenant, &claimed, &after, now).await?;
    Ok(true)
}

/// What its channel says to a message.
async fn answered(alerts: &Alerts, usable: &Usable, message: &Message) -> Answered {
    let link = alerts.link_of(message).await;
    let sending = Sending { link: link.as_deref(), now: alerts.now(), local: alerts.local };
    let told = tell((&alerts.keys, &alerts.outside.clock), usable, message, sending, ANSWER_MAX).await;
    told.unwrap_or_else(|fault| Answered::Later(fault.to_string(), None))
}

/// Keeps that a channel did not take a message, and opens the alert of it where that is trouble. It is done before it is written what came
/// of the message: a crash leaves the message to be tried again, and so the alert to be opened.
async fn not_taken(
    alerts: &Alerts,
    stored: &StoredConnection,
    message: &Message,
    answered: &Answered,
) -> Result<(), AwsFault> {
    if *answered == Answered::Taken {
        return Ok(());
    }
    let (channel, now) = (&stored.connection, alerts.now());
    // What it said before somebody changed it says nothing about it any more.
    let before = alerts.store.refusal(channel).await?.filter(|before| before.at >= stored.changed.at);
    let Some(refusal) = Refusal::after(before.as_ref(), answered, now) else { return Ok(()) };
    tracing::warn!(message = message.id, %channel, why = refusal.why, "a message of alerts was not taken");
    alerts.store.keep_refusal(channel, &refusal, now).await?;
    if refusal.is_trouble() {
        look(alerts, channel, None).await?;
    }
    Ok(())
}
