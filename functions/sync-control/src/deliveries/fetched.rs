//! Of which brands something can be fetched: by a pull of their link to Trackstar, or of their catalogue.

use signalbox::aws::connections::lists::Listed;
use signalbox::domain::catalogue::vendor::Vendor;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use signalbox::domain::runs::run::Work;
use signalbox::engine::connections::brands::is_brand;
use signalbox::engine::runs::kinds::catalogue::work_of;
use signalbox::engine::runs::kinds::pull::{self, PullRequest, Refused};
use signalbox::http::sync_problem::SyncProblem;
use signalbox::http::wire::health::ReplayBrandView;

use super::replay::{FAILED, refused};
use crate::Control;

/// Brands of which one call starts runs.
const BRANDS_MAX: usize = 100;

/// A brand of which something can be fetched.
pub(super) struct Fetched {
    pub(super) brand: ReplayBrandView,
    pub(super) connection: Connection,
    /// What a run of it works at.
    pub(super) work: Work,
}

impl Fetched {
    /// By a pull of its link, if that has one.
    fn of_link(control: &Control, stored: &StoredConnection) -> Result<Option<Self>, SyncProblem> {
        let providers = &control.connections.providers;
        if !stored.is_pulled(providers.of(&stored.connection.provider)) {
            return Ok(None);
        }
        let wrong = |refused: Refused| SyncProblem::invalid(format!("nothing can be fetched of this brand: {refused}"));
        let work = pull::work_of(providers, stored, &PullRequest::default()).map_err(wrong)?;
        let brand_id = stored.connection.name.to_string();
        let brand = ReplayBrandView { brand_id, brand_name: stored.display_name.clone() };
        Ok(Some(Self { brand, connection: stored.connection.clone(), work }))
    }

    fn of_catalogue(vendor: &Vendor) -> Result<Self, SyncProblem> {
        let connection = vendor.connection();
        let brand = ReplayBrandView { brand_id: connection.name.to_string(), brand_name: vendor.name.clone() };
        Ok(Self { brand, connection, work: work_of(vendor, None, false).map_err(refused)? })
    }
}

/// Of a brand of a tenant.
pub(super) async fn of_brand(
    control: &Control,
    tenant: &TenantId,
    brand: &ConnectionName,
) -> Result<Fetched, SyncProblem> {
    let fault = |fault| SyncProblem::failed(FAILED, &fault);
    let link = Connection::new(tenant.clone(), ProviderId::TRACKSTAR, brand.clone());
    let stored = control.connections.store.read(&link).await.map_err(fault)?;
    if let Some(pulled) = stored.as_ref().map(|stored| Fetched::of_link(control, stored)).transpose()?.flatten() {
        return Ok(pulled);
    }
    if let Some(vendor) = control.vendor(tenant, brand.as_str()).await.map_err(fault)? {
        return Fetched::of_catalogue(&vendor);
    }
    // One that a variable names may not be in the table yet.
    let is_link = stored.is_some() || control.deliveries.connections.get(&link).await.map_err(fault)?.is_some();
    if is_link {
        return Err(SyncProblem::invalid(
            "nothing is fetched of this brand: its link to Trackstar has no access token, and only sends webhooks. Replay these, with type webhook, or connect it",
        ));
    }
    let is_there = is_brand(&control.connections.store, &control.worker.runs.vendors, tenant, brand).await;
    Err(if is_there.map_err(fault)? {
        SyncProblem::invalid("nothing is fetched of this brand: it has neither a link to Trackstar nor a catalogue")
    } else {
        SyncProblem::missing("Brand not found", "the tenant has no brand of this name")
    })
}

/// Of each link of a tenant that works and is pulled.
pub(super) async fn of_all(control: &Control, tenant: &TenantId) -> Result<Vec<Fetched>, SyncProblem> {
    let fault = |fault| SyncProblem::failed(FAILED, &fault);
    let links = Listed::Tenant(tenant.clone(), Some(ProviderId::TRACKSTAR));
    let (links, more) = control.connections.store.page(&links, None, BRANDS_MAX).await.map_err(fault)?;
    if more.is_some() {
        return Err(SyncProblem::invalid(format!(
            "the tenant has more than {BRANDS_MAX} brands: name one, as brandId"
        )));
    }
    let working = links.iter().filter(|stored| stored.is_active());
    // One whose settings cannot be used keeps no other from it, and says why where it is named.
    Ok(working.filter_map(|stored| Fetched::of_link(control, stored).ok().flatten()).collect())
}
