//! A tick: what is due is sent again.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::Completions;
use super::sending::{BEGUN_WITHIN, SENT_AT_ONCE, Sent, send_one};
use crate::aws::completions::DueNotice;
use crate::aws::faults::AwsFault;
use crate::domain::ids::Connection;

/// Notices of one receiver that a tick looks at: what is left is with the next one.
const OF_A_RECEIVER_MAX: usize = 50;
/// Receivers that a tick looks at.
const RECEIVERS_MAX: usize = 200;

/// Sends the notices that are due, those of a receiver one after another: how many were taken. A receiver that does not take one is left
/// alone until the next tick, so that one that hangs takes the time of one notice, however many wait for it.
///
/// # Errors
/// The first fault, after all were tried.
pub async fn tick(completions: &Completions) -> Result<usize, AwsFault> {
    let due = completions.store.due(completions.now()).await?;
    let until = Instant::now() + BEGUN_WITHIN;
    let sent = by_receiver(due).into_iter().map(|due| async move {
        let mut taken = 0;
        for one in due {
            if Instant::now() >= until {
                break;
            }
            match send_one(completions, &one).await? {
                Sent::Taken => taken += 1,
                Sent::Unasked => {}
                Sent::Refused => break,
            }
        }
        Ok(taken)
    });
    let sent: Vec<Result<usize, AwsFault>> = stream::iter(sent).buffer_unordered(SENT_AT_ONCE).collect().await;
    let faults = sent.iter().filter_map(|sent| sent.as_ref().err());
    faults.for_each(|fault| tracing::error!(%fault, "notices of a receiver are left to the next tick"));
    sent.into_iter().try_fold(0, |taken, sent| Ok(taken + sent?))
}

/// What is due, by receiver, the longest due first of both.
fn by_receiver(due: Vec<DueNotice>) -> Vec<Vec<DueNotice>> {
    let (mut places, mut found) = (BTreeMap::<Connection, usize>::new(), Vec::<Vec<DueNotice>>::new());
    for one in due {
        let place = *places.entry(one.receiver.clone()).or_insert_with(|| {
            found.push(Vec::new());
            found.len() - 1
        });
        if found[place].len() < OF_A_RECEIVER_MAX {
            found[place].push(one);
        }
    }
    found.truncate(RECEIVERS_MAX);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_with_many_keeps_no_other_waiting() {
        let due = |receiver: &str, number: usize| DueNotice::new(receiver.parse().unwrap(), format!("{number}"));
        let mut all: Vec<DueNotice> = (0..100).map(|number| due("acme/completion-webhook/down", number)).collect();
        all.push(due("beta/completion-webhook/main", 0));
        let shares: Vec<usize> = by_receiver(all).iter().map(Vec::len).collect();
        assert_eq!(shares, [OF_A_RECEIVER_MAX, 1]);
    }
}
