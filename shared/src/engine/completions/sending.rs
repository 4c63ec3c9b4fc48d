//! Send one notice. It is claimed before it is sent, and what came of it is written after: a crash between the two leaves it to be sent
//! again, and so perhaps twice.

use std::time::Duration;

use super::Completions;
use crate::aws::completions::DueNotice;
use crate::aws::faults::AwsFault;
use crate::aws::keys::KeyFault;
use crate::domain::completions::notice::{Answered, NoAnswer, Notice, attempts};
use crate::domain::completions::receiver::{DISABLED_BY, Failing, disabled};
use crate::domain::connections::stored::{Knows, StoredConnection};
use crate::engine::connections::change::{Deed, change};
use crate::engine::connections::desk::Refused;
use crate::engine::operators::Operator;
use crate::vendors::completion_webhook::send;

/// Notices that are sent beside one another: a receiver that does not answer keeps no other waiting.
pub(super) const SENT_AT_ONCE: usize = 16;
/// After so long none is begun any more: the function is ended after a minute.
pub(super) const BEGUN_WITHIN: Duration = Duration::from_secs(25);
/// How long a receiver may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What became of a notice that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was taken.
    Taken,
    /// It was not, or it cannot be known.
    Refused,
    /// Nobody was asked: somebody else has it, or it is over.
    Unasked,
}

/// Sends a notice once, if it is to be sent.
pub(super) async fn send_one(completions: &Completions, due: &DueNotice) -> Result<Sent, AwsFault> {
    let (store, now) = (&completions.store, completions.now());
    let found = store.one(&due.receiver.tenant, &due.id).await?;
    let Some(notice) = found.filter(|notice| notice.is_due(now)) else {
        // It has expired, or another time has been noted since.
        store.forget_due(due).await?;
        return Ok(Sent::Unasked);
    };
    let stored = completions.desk.store.read(&notice.receiver).await?;
    let dropped = match &stored {
        _ if notice.is_given_up(now) => {
            Some(format!("given up after {}: its time is over", attempts(notice.attempts.len())))
        }
        Some(stored) if stored.is_active() && stored.secrets.is_some() => None,
        Some(stored) if disabled(stored).is_some() => Some("the receiver is disabled".to_owned()),
        _ => Some("the receiver is gone, paused or without a secret".to_owned()),
    };
    let stored = match (dropped, stored) {
        (None, Some(stored)) => stored,
        (why, _) => {
            let after = notice.dropped(why.as_deref().unwrap_or("the receiver is gone"));
            store.advance(&notice, &after, now).await?;
            return Ok(Sent::Unasked);
        }
    };
    let claimed = notice.claimed(now);
    if !store.advance(&notice, &claimed, now).await? {
        return Ok(Sent::Unasked);
    }
    let answered = answered(completions, &stored, &claimed).await?;
    let is_disabled = !answered.is_taken() && not_taken(completions, &stored, &claimed, &answered).await?;
    let now = completions.now();
    store.advance(&claimed, &claimed.answered(&answered, is_disabled, now), now).await?;
    Ok(if answered.is_taken() { Sent::Taken } else { Sent::Refused })
}

/// What the receiver says to a notice: its secret is opened, and it has so long to answer.
async fn answered(completions: &Completions, stored: &StoredConnection, notice: &Notice) -> Result<Answered, AwsFault> {
    let unsigned = |why: String| Answered::Nothing(NoAnswer::NotSigned, why);
    let Some(secrets) = &stored.secrets else { return Ok(unsigned("it has no secret".to_owned())) };
    let secret = match completions.desk.keys.open(&stored.connection, &secrets.current).await {
        Ok(secret) => secret,
        // It is ours and not the receiver's: the claim runs out, and it is tried again.
        Err(KeyFault::Unavailable(fault)) => return Err(fault),
        Err(unreadable) => return Ok(unsigned(unreadable.to_string())),
    };
    let sent = send(&stored.settings, &secret, notice, completions.now(), completions.desk.is_local);
    let answered = completions.outside.clock.within(ANSWER_MAX, sent).await;
    Ok(answered.unwrap_or_else(|| {
        Answered::Nothing(NoAnswer::Timeout, format!("no answer within {} s", ANSWER_MAX.as_secs()))
    }))
}

/// Keeps that a receiver did not take a notice, and disables it where it has not for days, or says that it is gone: whether it did. It is
/// done before it is written what came of the notice: a crash leaves that to be tried again.
async fn not_taken(
    completions: &Completions,
    stored: &StoredConnection,
    notice: &Notice,
    answered: &Answered,
) -> Result<bool, AwsFault> {
    let (receiver, now) = (&stored.connection, completions.now());
    let before = completions.store.failing(receiver).await?;
    let failing = Failing::after(before.as_ref(), stored.changed.at, answered.why(), now);
    tracing::warn!(notice = notice.id, %receiver, why = failing.why, "a notice of a run was not taken");
    completions.store.keep_failing(receiver, before.as_ref(), &failing, now).await?;
    if !failing.is_for_days() && !answered.is_gone() {
        return Ok(false);
    }
    let operator = Operator {
        tenant: receiver.tenant.clone(),
        actor: DISABLED_BY.to_owned(),
        correlation_id: format!("{DISABLED_BY}/{}", notice.id),
    };
    let pause = Deed::Pause { why: failing.reason(answered.is_gone()) };
    // Of the version that was asked alone: whoever changed it meanwhile may have mended it.
    match change(&completions.desk, &operator, receiver, Knows::Version(stored.version), &pause).await {
        Ok(_) => {
            tracing::warn!(%receiver, "a receiver is disabled");
            Ok(true)
        }
        Err(Refused::Fault(fault) | Refused::Unread(fault)) => Err(fault),
        Err(refused) => {
            tracing::info!(%receiver, %refused, "a receiver is not disabled: it was changed meanwhile");
            Ok(false)
        }
    }
}
