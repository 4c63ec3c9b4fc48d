//! Start: what a pull of a connection works at.

use jiff::Timestamp;

use crate::domain::connections::pull_api::PullApi;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::Entity;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::pull::{ENTITIES_MAX, EntityPull, PullMode, PullWork};
use crate::domain::runs::run::Work;
use crate::vendors::{Providers, pulled};

/// What is asked for; what is not named is as the connection says.
#[derive(Debug, Clone, Default)]
pub struct PullRequest {
    /// How much to look at.
    pub mode: PullMode,
    /// Which entities; all that the connection names where this names none.
    pub entities: Vec<Entity>,
    /// Since when a delta asks for changes.
    pub since: Option<Timestamp>,
    /// Whether the removal guard lets go.
    pub allow_removals: bool,
}

/// Why there is nothing to start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing is pulled of its provider.
    #[error("{0} has no API that is pulled")]
    NotPulled(String),
    /// It does not have such an entity.
    #[error("there is no entity {0}")]
    UnknownEntity(Entity),
    /// More are named than a run takes.
    #[error("a run pulls {ENTITIES_MAX} entities at most")]
    TooMany,
    /// Its settings were stored by another version, and cannot be used.
    #[error("its setting {name} cannot be used: it {why}")]
    Settings {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
}

impl Refused {
    /// The reason, as runs are told it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::NotPulled(_) => Failure::IntegrationNotSupported,
            Self::UnknownEntity(_) | Self::TooMany | Self::Settings { .. } => Failure::VendorNotConfigured,
        }
    }
}

/// What a pull works at.
///
/// # Errors
/// When there is nothing to start.
pub fn work_of(providers: &Providers, stored: &StoredConnection, request: &PullRequest) -> Result<Work, Refused> {
    let provider = &stored.connection.provider;
    let api: &PullApi = providers.of(provider).pull.ok_or_else(|| Refused::NotPulled(provider.to_string()))?;
    let settings =
        pulled::read(api, &stored.settings).map_err(|wrong| Refused::Settings { name: wrong.name, why: wrong.why })?;
    let mut entities: Vec<EntityPull> = Vec::new();
    for entity in if request.entities.is_empty() { settings.entities } else { request.entities.clone() } {
        if api.entity(&entity).is_none() {
            return Err(Refused::UnknownEntity(entity));
        }
        if !entities.iter().any(|known| known.entity == entity) {
            entities.push(EntityPull::new(entity));
        }
    }
    if entities.len() > ENTITIES_MAX {
        return Err(Refused::TooMany);
    }
    let PullRequest { mode, since, allow_removals, .. } = *request;
    Ok(Work::Pull(PullWork { mode, since, allow_removals, one_row: false, let_go: 0, entities }))
}
