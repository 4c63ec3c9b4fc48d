//! One folder per provider; its wire types never leave it. What a connection to each is told stands in its `PROVIDER`.

pub mod alert_webhook;
pub mod catalogue;
pub mod channels;
pub mod client;
pub mod completion_webhook;
pub mod doorloop;
pub mod gbp;
pub mod hosts;
pub mod pos;
pub mod pulled;
pub mod sender;
mod signed;
pub mod teams;
pub mod trackstar;
mod web;
pub mod weekly_digest;

#[cfg(test)]
mod server;

use std::sync::Arc;

use crate::domain::connections::provider::Provider;
use crate::domain::ids::ProviderId;

/// The providers that have a name of their own. All other names are those of senders of signed webhooks.
const PROVIDERS: &[(ProviderId, Provider)] = &[
    (ProviderId::ALERT_WEBHOOK, alert_webhook::PROVIDER),
    (ProviderId::CATALOGUE, catalogue::provider::PROVIDER),
    (ProviderId::COMPLETION_WEBHOOK, completion_webhook::PROVIDER),
    (ProviderId::DOORLOOP, doorloop::PROVIDER),
    (ProviderId::GBP, gbp::PROVIDER),
    (ProviderId::POS, pos::PROVIDER),
    (ProviderId::TEAMS, teams::PROVIDER),
    (ProviderId::TRACKSTAR, trackstar::provider::PROVIDER),
    (ProviderId::WEEKLY_DIGEST, weekly_digest::PROVIDER),
];

/// Senders of signed webhooks, whatever they are called.
static SENDERS: Provider = sender::PROVIDER;

/// The providers there are: those that come with Signalbox, and one that a test adds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers(Arc<[(ProviderId, Provider)]>);

impl Default for Providers {
    fn default() -> Self {
        Self(PROVIDERS.into())
    }
}

impl Providers {
    /// With another one.
    #[must_use]
    pub fn with(&self, id: ProviderId, provider: Provider) -> Self {
        Self(self.0.iter().cloned().chain([(id, provider)]).collect())
    }

    /// The provider of a name.
    #[must_use]
    pub fn of(&self, id: &ProviderId) -> &Provider {
        self.0.iter().find(|(known, _)| known == id).map_or(&SENDERS, |(_, provider)| provider)
    }

    /// Those that have a name of their own.
    pub fn named(&self) -> impl Iterator<Item = (&ProviderId, &Provider)> {
        self.0.iter().map(|(id, provider)| (id, provider))
    }

    /// That of all other names.
    #[must_use]
    pub fn others(&self) -> &'static Provider {
        &SENDERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_are_those_whose_names_no_sender_may_have() {
        let known: Vec<ProviderId> = Providers::default().named().map(|(id, _)| id.clone()).collect();
        assert_eq!(known, ProviderId::NAMED);
    }
}
