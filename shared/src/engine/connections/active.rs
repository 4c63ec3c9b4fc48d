//! The connections of a tenant to a provider that something is sent over: those that are active, by name.

use crate::aws::connections::lists::Listed;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{ProviderId, TenantId};

/// Connections that are read at a time: some may be paused, or have no secret.
pub const PART: usize = 100;
/// A tenant has no more of them than this, of each provider.
const PARTS_MAX: usize = 10;

/// What `of` finds of a tenant's connections to a provider, by name, so many at most.
///
/// # Errors
/// When AWS fails.
pub async fn first_of<T>(
    store: &ConnectionStore,
    tenant: &TenantId,
    provider: ProviderId,
    limit: usize,
    of: impl Fn(StoredConnection) -> Option<T>,
) -> Result<Vec<T>, AwsFault> {
    let listed = Listed::Tenant(tenant.clone(), Some(provider));
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PARTS_MAX {
        let (part, next) = store.page(&listed, after.as_ref(), PART).await?;
        found.extend(part.into_iter().filter_map(&of));
        after = next;
        if after.is_none() || found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}
