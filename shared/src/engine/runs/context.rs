//! What every use case works with.

use std::sync::Arc;

use crate::aws::clients::Aws;
use crate::domain::ids::{RunId, Slug, TenantId};
use crate::domain::vendor::{Vendor, parse_vendors};
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::catalogue::SourceRules;

/// The engine: clients, configuration, and the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

/// The parts of an [`Engine`].
pub struct Parts {
    /// AWS.
    pub aws: Aws,
    /// Time, randomness, metrics, stores.
    pub outside: Outside,
    /// The configured vendors, by slug.
    pub vendors: Vec<Vendor>,
    /// Which sources may be read.
    pub sources: SourceRules,
    /// For stores that take their credentials from it.
    pub environment: Environment,
}

impl std::ops::Deref for Engine {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Engine {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn new(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let vendors = parse_vendors(environment.get("VENDORS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "VENDORS", reason })?;
        Ok(Self(Arc::new(Parts {
            aws: Aws::connect(environment, outside)?,
            outside: outside.clone(),
            vendors,
            sources: SourceRules::from_environment(environment)?,
            environment: environment.clone(),
        })))
    }

    /// The vendor of a tenant, if it is configured.
    #[must_use]
    pub fn vendor(&self, tenant: &TenantId, slug: &Slug) -> Option<&Vendor> {
        self.vendors.iter().find(|vendor| vendor.tenant == *tenant && vendor.slug == *slug)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
    }

    /// A new run's id.
    #[must_use]
    pub fn new_run_id(&self) -> RunId {
        RunId::new(self.now(), self.outside.entropy.bytes16())
    }

    /// A new fencing token.
    #[must_use]
    pub fn new_fence(&self) -> String {
        hex::encode(self.outside.entropy.bytes16())
    }
}
