//! One folder per provider; its wire types never leave it. What a connection to each is told stands in its `PROVIDER`.

pub mod catalogue;
pub mod pos;
pub mod sender;
pub mod trackstar;

use crate::domain::connections::provider::Provider;
use crate::domain::ids::ProviderId;

/// The providers that have a name of their own. All other names are those of senders of signed webhooks.
const PROVIDERS: &[(ProviderId, Provider)] = &[
    (ProviderId::CATALOGUE, catalogue::provider::PROVIDER),
    (ProviderId::POS, pos::PROVIDER),
    (ProviderId::TRACKSTAR, trackstar::provider::PROVIDER),
];

/// Senders of signed webhooks, whatever they are called.
pub static SENDERS: Provider = sender::PROVIDER;

/// The provider of a name.
#[must_use]
pub fn provider(id: &ProviderId) -> &'static Provider {
    PROVIDERS.iter().find(|(known, _)| known == id).map_or(&SENDERS, |(_, provider)| provider)
}

/// Whether connections under a name are senders of signed webhooks.
#[must_use]
pub fn is_sender(id: &ProviderId) -> bool {
    PROVIDERS.iter().all(|(known, _)| known != id)
}
