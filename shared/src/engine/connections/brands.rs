//! Brands: what a tenant has of its own under one name.

use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::engine::catalogue::vendors::Vendors;

/// What a brand is known by, beside its catalogue.
const OF_A_BRAND: [ProviderId; 3] = [ProviderId::TRACKSTAR, ProviderId::POS, ProviderId::DOORLOOP];

/// Whether a tenant has a brand of this name: a link to Trackstar, a point of sale, a connection to DoorLoop, or a catalogue, which may be
/// one of the configuration.
///
/// # Errors
/// When it cannot be read.
pub async fn is_brand(
    store: &ConnectionStore,
    vendors: &Vendors,
    tenant: &TenantId,
    name: &ConnectionName,
) -> Result<bool, AwsFault> {
    for provider in OF_A_BRAND {
        if store.glance(&Connection::new(tenant.clone(), provider, name.clone())).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(vendors.find(tenant, name).await?.is_some())
}
