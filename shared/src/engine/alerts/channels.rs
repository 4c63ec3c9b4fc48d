//! A tenant's channels: those that are told, and how one is.

use std::time::Duration;

use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::domain::alerts::channel::{CHANNELS_MAX, Channel, Channels};
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

/// The channels of a tenant that are active and have a secret, [`PART`] of each provider at most.
///
/// # Errors
/// When the table cannot be read.
pub async fn of(store: &ConnectionStore, tenant: &TenantId) -> Result<Channels, AwsFault> {
    let mut found = Vec::new();
    for provider in [ProviderId::TEAMS, ProviderId::ALERT_WEBHOOK] {
        let of_provider = usable(store, tenant, provider, PART).await?;
        found.extend(of_provider.into_iter().map(|(channel, _)| channel));
    }
    Ok(Channels::of(found))
}

/// The channels of a tenant that are told. Who is left out is logged.
pub(super) async fn told(store: &ConnectionStore, tenant: &TenantId) -> Result<Vec<Channel>, AwsFault> {
    let Channels { told, left_out } = of(store, tenant).await?;
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(|channel| channel.connection.to_string()).collect();
        tracing::warn!(%tenant, left_out = names.join(" "), most = CHANNELS_MAX, "channels that are not told: there are too many");
    }
    Ok(told)
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
