//! Who may send: the configuration of the doors.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::aws::faults::AwsFault;
use crate::domain::deliveries::delivery::Door;
use crate::domain::deliveries::sender::{Sender, parse_senders};
use crate::domain::deliveries::signature::{LiveSecret, LocalBypass};
use crate::domain::ids::{ConnectionName, ProviderId};
use crate::domain::service_secrets::{
    Name, ServiceSecrets, TRACKSTAR_WEBHOOK, TRACKSTAR_WEBHOOK_PREVIOUS, WEBHOOK, WEBHOOK_PREVIOUS,
};
use crate::environment::{Environment, StartError};
use crate::vendors::trackstar;

/// Whether the signatures of points of sale cover their headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignedHeaders {
    /// They cover the body alone: whoever captures one body may send it under another tenant, source or key.
    #[default]
    Off,
    /// They may cover either, while points of sale are moved over.
    Accepted,
    /// They cover source, tenant, key and body.
    Required,
}

impl SignedHeaders {
    fn read(text: &str) -> Result<Self, StartError> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "accepted" => Ok(Self::Accepted),
            "required" => Ok(Self::Required),
            _ => {
                let reason = "it must be off, accepted or required".into();
                Err(StartError::Invalid { name: "POS_SIGNED_HEADERS", reason })
            }
        }
    }
}

/// Who may send, and how they sign.
#[derive(Default)]
pub struct Senders {
    /// Those of points of sale, which share one, and Trackstar's: without one its webhooks are refused.
    pub(super) of_service: ServiceSecrets,
    /// Whether points of sale sign more than the body.
    pub pos_signed_headers: SignedHeaders,
    /// Brands' links to Trackstar, by its id of each.
    pub links: BTreeMap<String, trackstar::BrandLink>,
    /// All others, by provider and connection.
    pub others: BTreeMap<(ProviderId, ConnectionName), Sender>,
    /// The right to take webhooks unsigned, on somebody's own machine.
    pub bypass: Option<LocalBypass>,
}

impl Senders {
    /// The sender that is configured under these names, if one is.
    #[must_use]
    pub fn sender(&self, provider: &str, connection: &str) -> Option<&Sender> {
        self.others.get(&Self::names(provider, connection)?)
    }

    /// The names of a path. The configuration has them as they are; a path that spells them otherwise is another sender's.
    pub(super) fn names(provider: &str, connection: &str) -> Option<(ProviderId, ConnectionName)> {
        let names = (ProviderId::parse(provider).ok()?, ConnectionName::parse(connection).ok()?);
        let spelt = names.0.as_str() == provider && names.1.as_str() == connection;
        Some(names).filter(|_| spelt)
    }

    /// The service's secrets that a door verifies with. A configured sender has its own.
    ///
    /// # Errors
    /// When they could not be read for too long to be used.
    pub(super) fn service_secrets(&self, door: &Door, now: Timestamp) -> Result<Vec<LiveSecret>, AwsFault> {
        let live = |current: Name, previous: Name| {
            let values = self.of_service.values(now)?;
            let current = values.get(current).cloned().map(LiveSecret::current);
            Ok(current.into_iter().chain(values.get(previous).cloned().map(LiveSecret::previous)).collect())
        };
        match door {
            Door::Pos { .. } => live(WEBHOOK, WEBHOOK_PREVIOUS),
            Door::Trackstar { .. } => live(TRACKSTAR_WEBHOOK, TRACKSTAR_WEBHOOK_PREVIOUS),
            Door::Sender { .. } => Ok(Vec::new()),
        }
    }

    /// The senders that the environment names.
    ///
    /// # Errors
    /// When a list is not one.
    pub(super) fn from_environment(environment: &Environment, of_service: ServiceSecrets) -> Result<Self, StartError> {
        let links = trackstar::parse_links(environment.get("TRACKSTAR_CONNECTIONS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "TRACKSTAR_CONNECTIONS", reason })?;
        let others = parse_senders(environment.get("WEBHOOK_SENDERS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "WEBHOOK_SENDERS", reason })?;
        let unsigned = environment.get("SKIP_WEBHOOK_SIGNATURE_VALIDATION") == Some("true");
        let bypass = LocalBypass::new(unsigned, environment.is_local());
        if unsigned && bypass.is_none() {
            tracing::warn!("SKIP_WEBHOOK_SIGNATURE_VALIDATION has no effect outside local mode");
        }
        let pos_signed_headers =
            environment.get("POS_SIGNED_HEADERS").map(SignedHeaders::read).transpose()?.unwrap_or_default();
        Ok(Self { of_service, pos_signed_headers, links, others, bypass })
    }
}
