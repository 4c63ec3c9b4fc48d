//! Send what is due. A message is claimed before it is sent, and what came of it is written after: a crash between the two leaves it to be
//! sent again, and so perhaps twice.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::Alerts;
use crate::aws::alerts::Due;
use crate::aws::faults::AwsFault;
use crate::aws::keys::KeyFault;
use crate::domain::alerts::channel::ChannelKind;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::connections::stored::StoredConnection;
use crate::vendors::channels::{Sending, send};

/// Messages of one tick: what is not sent with it is with the next.
const DUE_MAX: usize = 200;
/// Messages that are sent beside one another: a channel that does not answer keeps no other waiting.
const SENT_AT_ONCE: usize = 16;
/// How long a channel may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// After so long none is begun any more.
const BEGUN_WITHIN: Duration = Duration::from_secs(15);

/// Sends the messages that are due.
///
/// # Errors
/// The first fault, after all were tried.
pub async fn send_due(alerts: &Alerts, tried: &mut usize) -> Result<(), AwsFault> {
    let due = alerts.store.due_messages(alerts.now(), DUE_MAX).await?;
    let until = Instant::now() + BEGUN_WITHIN;
    let sent = due
        .into_iter()
        .map(|due| async move { if Instant::now() >= until { Ok(false) } else { send_one(alerts, &due).await } });
    let mut sent = stream::iter(sent).buffer_unordered(SENT_AT_ONCE);
    let mut fault = None;
    while let Some(done) = sent.next().await {
        match done {
            Ok(was_tried) => *tried += usize::from(was_tried),
            Err(error) => drop(fault.get_or_insert(error)),
        }
    }
    fault.map_or(Ok(()), Err)
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
    let answered = answered(alerts, &claimed).await?;
    if let Answered::Later(why, _) | Answered::Never(why) = &answered {
        tracing::warn!(message = claimed.id, channel = %claimed.channel, why, "a message of alerts was not taken");
    }
    let now = alerts.now();
    let after = claimed.answered(answered, now);
    store.advance(&due.tenant, &claimed, &after, now).await?;
    Ok(true)
}

/// What its channel says to a message.
async fn answered(alerts: &Alerts, message: &Message) -> Result<Answered, AwsFault> {
    let stored = alerts.connections.read(&message.channel).await?;
    let Some(stored) = stored.filter(StoredConnection::is_active) else {
        return Ok(Answered::Never("the channel's connection is gone, or paused".to_owned()));
    };
    let (Some(kind), Some(secrets)) = (ChannelKind::of(&message.channel.provider), &stored.secrets) else {
        return Ok(Answered::Never("the channel's connection has no secret".to_owned()));
    };
    let secret = match alerts.keys.open(&message.channel, &secrets.current).await {
        Ok(secret) => secret,
        Err(KeyFault::Unavailable(fault)) => return Ok(Answered::Later(fault.to_string(), None)),
        Err(unreadable) => return Ok(Answered::Never(unreadable.to_string())),
    };
    let link = alerts.link_of(message).await;
    let sending = Sending { link: link.as_deref(), now: alerts.now(), local: alerts.local };
    let sent = send(kind, &stored.settings, &secret, message, sending);
    let answered = alerts.outside.clock.within(ANSWER_MAX, sent).await;
    Ok(answered.unwrap_or_else(|| Answered::Later(format!("no answer within {} s", ANSWER_MAX.as_secs()), None)))
}
