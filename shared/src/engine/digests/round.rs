//! Make the records of a week: one for each recipient that some connection names.

use std::time::Duration;

use tokio::time::Instant;

use super::Digests;
use crate::aws::connections::lists::{After, Listed};
use crate::aws::digests::Round;
use crate::aws::faults::AwsFault;
use crate::domain::digest::figures::Week;
use crate::domain::digest::recipient::{Address, recipients};
use crate::domain::digest::record::Record;
use crate::domain::ids::ProviderId;

/// Whose connections name recipients.
const PROVIDERS: [ProviderId; 2] = [ProviderId::WEEKLY_DIGEST, ProviderId::TEAMS];
/// Connections that are read at a time.
const PART: usize = 100;
/// What is left is with the next tick.
const WITHIN: Duration = Duration::from_secs(15);

/// Makes the records that are not there yet, where the last week is to be told now: how many.
///
/// # Errors
/// When AWS fails.
pub(super) async fn make(digests: &Digests) -> Result<usize, AwsFault> {
    let (now, store) = (digests.now(), &digests.store);
    let week = Week::before(now);
    if !week.is_told_at(now) {
        return Ok(0);
    }
    let (mut made, until) = (0, Instant::now() + WITHIN);
    let known = store.round().await?.filter(|round| round.week == week);
    let mut round = known.unwrap_or(Round { week, provider: 0, after: None });
    while let Some(provider) = PROVIDERS.get(round.provider).filter(|_| Instant::now() < until) {
        let of = Listed::Provider(provider.clone());
        let (part, next) = digests.connections.page(&of, round.after.clone().map(After).as_ref(), PART).await?;
        for recipient in part.iter().flat_map(recipients) {
            if let Address::Mail(address) = &recipient.address
                && store.is_unsubscribed(&recipient.connection.tenant, recipient.scope, address).await?
            {
                continue;
            }
            made += usize::from(store.make(&Record::new(&recipient, week), now).await?);
        }
        round = match next {
            Some(After(connection)) => Round { after: Some(connection), ..round },
            None => Round { provider: round.provider + 1, after: None, ..round },
        };
        store.keep_round(&round).await?;
    }
    Ok(made)
}
