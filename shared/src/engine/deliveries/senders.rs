//! Who may send: the configuration of the doors.

use std::collections::BTreeMap;

use crate::domain::deliveries::sender::{Sender, parse_senders};
use crate::domain::deliveries::signature::{LiveSecret, LocalBypass};
use crate::domain::ids::{ConnectionName, ProviderId};
use crate::domain::secret::Secret;
use crate::environment::{Environment, StartError};
use crate::vendors::trackstar;

/// The shortest secret of a sender that we choose ourselves, in bytes.
const SECRET_LENGTH_MIN: usize = 32;

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
    /// Points of sale share one secret.
    pub pos: Vec<LiveSecret>,
    /// Whether they sign more than the body.
    pub pos_signed_headers: SignedHeaders,
    /// Trackstar's; empty refuses its webhooks.
    pub trackstar: Vec<LiveSecret>,
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
        let names = (ProviderId::parse(provider).ok()?, ConnectionName::parse(connection).ok()?);
        // The configuration has names as they are; a path that spells them otherwise is another sender's.
        let spelt = names.0.as_str() == provider && names.1.as_str() == connection;
        self.others.get(&names).filter(|_| spelt)
    }

    /// The senders that the environment names.
    ///
    /// # Errors
    /// When a secret that must be set is not, or a list is not one.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let live = |current: &str, previous: &str| {
            let current = environment.get(current).map(|text| LiveSecret::current(Secret::new(text.trim())));
            let previous = environment.get(previous).map(|text| LiveSecret::previous(Secret::new(text.trim())));
            current.into_iter().chain(previous).collect::<Vec<_>>()
        };
        environment.secret("WEBHOOK_SECRET", SECRET_LENGTH_MIN)?;
        let trackstar = live("TRACKSTAR_WEBHOOK_SECRET", "TRACKSTAR_WEBHOOK_SECRET_PREVIOUS");
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
        let pos = live("WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS");
        Ok(Self { pos, pos_signed_headers, trackstar, links, others, bypass })
    }
}
