//! A tenant's channels: those that are told, and how one is.

use std::time::Duration;

use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::domain::alerts::channel::{CHANNELS_MAX, Channel};
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{ProviderId, TenantId};
use crate::engine::connections::active::{PART, first_of};
use crate::outside::Clock;
use crate::vendors::channels::{Sending, send};

/// A channel that can be told, with its connection.
pub(super) type Usable = (Channel, StoredConnection);

/// The channels of a provider that are active and have a secret, by name, so many at most.
pub(super) async fn usable(
    store: &ConnectionStore,
    tenant: &TenantId,
    provider: ProviderId,
    limit: usize,
) -> Result<Vec<Usable>, AwsFault> {
    first_of(store, tenant, provider, limit, |stored| Some((Channel::of(&stored)?, stored))).await
}

/// The channels of a tenant that are told: of all providers the first by name. Who is left out is logged.
pub(super) async fn told(store: &ConnectionStore, tenant: &TenantId) -> Result<Vec<Channel>, AwsFault> {
    let mut found = Vec::new();
    for provider in [ProviderId::TEAMS, ProviderId::ALERT_WEBHOOK] {
        let of_provider = usable(store, tenant, provider, PART).await?;
        found.extend(of_provider.into_iter().map(|(channel, _)| channel));
    }
    let (told, left_out) = first(found);
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(|channel| channel.connection.to_string()).collect();
        tracing::warn!(%tenant, left_out = names.join(" "), most = CHANNELS_MAX, "channels that are not told: there are too many");
    }
    Ok(told)
}

/// The first by name, and those that are left out.
fn first(mut channels: Vec<Channel>) -> (Vec<Channel>, Vec<Channel>) {
    channels.sort_by(|one, other| {
        let by = |channel: &Channel| (channel.connection.name.to_string(), channel.connection.provider.to_string());
        by(one).cmp(&by(other))
    });
    let left_out = channels.split_off(channels.len().min(CHANNELS_MAX));
    (channels, left_out)
}

/// What a channel says to a message: its secret is opened, and it has so long to answer.
///
/// # Errors
/// When AWS fails, and the channel was not asked.
pub(super) async fn tell(
    (keys, clock): (&DataKeys, &Clock),
    (channel, stored): &Usable,
    message: &Message,
    sending: Sending<'_>,
    within: Duration,
) -> Result<Answered, AwsFault> {
    let Some(secrets) = &stored.secrets else {
        return Ok(Answered::Never("the channel's connection has no secret".to_owned()));
    };
    let secret = match keys.open(&channel.connection, &secrets.current).await {
        Ok(secret) => secret,
        Err(KeyFault::Unavailable(fault)) => return Err(fault),
        Err(unreadable) => return Ok(Answered::Refused(unreadable.to_string())),
    };
    let sent = send(channel.kind, &stored.settings, &secret, message, sending);
    let answered = clock.within(within, sent).await;
    Ok(answered.unwrap_or_else(|| Answered::Later(format!("no answer within {} s", within.as_secs()), None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alerts::channel::ChannelKind;

    #[test]
    fn the_first_of_all_providers_are_told_by_name() {
        let channel = |connection: &str| {
            let connection = connection.parse().unwrap();
            Channel { connection, kind: ChannelKind::Teams, quiet: None }
        };
        let all = ["teams/b", "teams/d", "teams/f", "alert-webhook/a", "alert-webhook/c", "alert-webhook/e"];
        let (told, left_out) = first(all.map(|name| channel(&format!("acme/{name}"))).to_vec());
        let names = |channels: &[Channel]| {
            channels.iter().map(|channel| channel.connection.name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((names(&told).as_str(), names(&left_out).as_str()), ("a b c d e", "f"));
    }
}
