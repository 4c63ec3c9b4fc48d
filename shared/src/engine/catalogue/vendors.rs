//! The configured vendors.

use std::sync::Arc;

use crate::domain::catalogue::vendor::{Vendor, parse_vendors};
use crate::domain::ids::{ConnectionName, TenantId};
use crate::environment::{Environment, StartError};

/// The configured vendors, by slug. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vendors(Arc<[Vendor]>);

impl Vendors {
    /// Reads `VENDORS`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let vendors = parse_vendors(environment.get("VENDORS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "VENDORS", reason })?;
        Ok(Self(vendors.into()))
    }

    /// Those of all tenants.
    pub fn iter(&self) -> impl Iterator<Item = &Vendor> {
        self.0.iter()
    }

    /// Those of a tenant.
    pub fn of(&self, tenant: &TenantId) -> impl Iterator<Item = &Vendor> {
        self.iter().filter(move |vendor| vendor.tenant == *tenant)
    }

    /// The vendor of a tenant, if it is configured.
    #[must_use]
    pub fn find(&self, tenant: &TenantId, slug: &ConnectionName) -> Option<&Vendor> {
        self.of(tenant).find(|vendor| vendor.slug == *slug)
    }
}
