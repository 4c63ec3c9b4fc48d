//! The vendors: those of the configuration, and connections to catalogues in the table.

use std::sync::Arc;

use crate::aws::clients::Clients;
use crate::aws::connections::lists::{After, Listed};
use crate::aws::faults::AwsFault;
use crate::domain::catalogue::vendor::{Vendor, parse_vendors};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::engine::connections::readers::Connections;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::catalogue::provider::vendor;

/// How many vendors of the table are read at once.
const PAGE: usize = 100;
/// How many of a tenant's are listed in all. A list of all has no pages, as its clients know none.
const LISTED_MAX: usize = 1_000;

/// The vendors, by slug. What the configuration names goes before the table. Cheap to clone.
#[derive(Clone)]
pub struct Vendors {
    configured: Arc<[Vendor]>,
    connections: Connections,
}

impl Vendors {
    /// Reads `VENDORS`; nothing is called.
    ///
    /// # Errors
    /// When it cannot be read, or no table is named.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let configured = parse_vendors(environment.get("VENDORS").unwrap_or("[]"))
            .map_err(|reason| StartError::Invalid { name: "VENDORS", reason })?;
        Ok(Self { configured: configured.into(), connections: Connections::connect(clients, environment, outside)? })
    }

    /// Those of the configuration, of all tenants.
    pub fn configured(&self) -> impl Iterator<Item = &Vendor> {
        self.configured.iter()
    }

    /// Those of a tenant, a thousand of the table at most.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, tenant: &TenantId) -> Result<Vec<Vendor>, AwsFault> {
        let mut vendors: Vec<Vendor> = self.configured().filter(|vendor| vendor.tenant == *tenant).cloned().collect();
        let listed = Listed::Tenant(tenant.clone(), Some(ProviderId::CATALOGUE));
        let mut after: Option<After> = None;
        let mut seen = 0;
        loop {
            let (page, next) = self.connections.page(&listed, after.as_ref(), PAGE).await?;
            seen += page.len();
            let named = |slug: &ConnectionName, vendors: &[Vendor]| vendors.iter().any(|vendor| vendor.slug == *slug);
            for vendor in page.iter().filter_map(read) {
                if !named(&vendor.slug, &vendors) {
                    vendors.push(vendor);
                }
            }
            after = next;
            if after.is_none() || seen >= LISTED_MAX {
                break;
            }
        }
        vendors.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(vendors)
    }

    /// Whether an operator has paused a vendor of the configuration, as it was imported.
    ///
    /// # Errors
    /// When the table cannot be read, and was not within the last half minute.
    pub async fn is_paused(&self, vendor: &Vendor) -> Result<bool, AwsFault> {
        let imported = self.connections.get(&vendor.connection()).await?;
        Ok(imported.is_some_and(|known| !known.stored.is_active()))
    }

    /// The vendor of a tenant, if there is one.
    ///
    /// # Errors
    /// When the table cannot be read, and was not within the last half minute.
    pub async fn find(&self, tenant: &TenantId, slug: &ConnectionName) -> Result<Option<Vendor>, AwsFault> {
        let configured = self.configured().find(|vendor| vendor.tenant == *tenant && vendor.slug == *slug);
        if let Some(vendor) = configured {
            return Ok(Some(vendor.clone()));
        }
        let found = self.connections.get(&Connection::catalogue(tenant.clone(), slug.clone())).await?;
        Ok(found.and_then(|known| read(&known.stored)))
    }
}

/// The vendor that a connection is. One whose settings this version does not take is logged, and is none.
fn read(stored: &StoredConnection) -> Option<Vendor> {
    let log = |wrong: &_| tracing::error!(connection = %stored.connection, ?wrong, "a vendor cannot be used");
    vendor(stored).inspect_err(log).ok()
}
