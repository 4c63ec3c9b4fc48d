//! A brand's link to Trackstar: what it is, and how it does. For administrators of the brand's tenant.

mod health;
mod link;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::{HeaderMap, Uri};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::connections::linking::Linking;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::{Connection, ConnectionName, ProviderId};
use signalbox::domain::time;
use signalbox::engine::connections::brands::is_brand;
use signalbox::http::auth::CONNECTIONS_READ;
use signalbox::http::auth::user::Access;
use signalbox::http::query::{Query, path_text};
use signalbox::http::sync_problem::{SyncProblem, SyncProblemView};
use signalbox::http::wire::checkpoints::CheckpointView;
use signalbox::http::wire::links::{LinkView, LinkingView};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(link::link)).routes(routes!(health::link_health))
}

/// The problems that each of these routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
enum LinkProblems {
    /// invalid_request: no tenant is named
    #[response(status = 400)]
    Invalid(SyncProblemView),
    /// missing_token, invalid_token
    #[response(status = 401)]
    Unknown(SyncProblemView),
    /// insufficient_scope, forbidden: for administrators of the tenant
    #[response(status = 403)]
    Forbidden(SyncProblemView),
    /// not_found: the tenant has no such brand, or the brand no link to Trackstar
    #[response(status = 404)]
    NotFound(SyncProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(SyncProblemView),
}

type BrandPath = Result<Path<String>, PathRejection>;

/// A brand's link as it is stored, and what is noted of its making or unmaking: at least one of the two.
struct Found {
    stored: Option<StoredConnection>,
    linking: Option<Linking>,
}

impl Found {
    async fn read(
        reads: &Reads,
        (uri, headers): (&Uri, &HeaderMap),
        path: BrandPath,
        failed: &'static str,
    ) -> Result<Self, SyncProblem> {
        let query = Query::of(uri);
        let now = reads.now();
        let reach = reads.authority.administered((headers, &query), Access::Read, CONNECTIONS_READ, now)?;
        let which = || SyncProblem::invalid("name the tenant whose brand it is: tenantId, or the header x-tenant-id");
        let tenant = reach.tenant.ok_or_else(which)?;
        let missing = || SyncProblem::missing("Brand not found", "the tenant has no brand of this name");
        let name = ConnectionName::parse(&path_text(path)).map_err(|_| missing())?;
        let link = Connection::new(tenant, ProviderId::TRACKSTAR, name);
        let fault = |fault: AwsFault| SyncProblem::failed(failed, &fault);
        let (stored, linking) =
            tokio::try_join!(reads.connections.glance(&link), reads.linkings.of(&link, now)).map_err(fault)?;
        let linking = linking.filter(|linking| linking.is_left(stored.as_ref()));
        if stored.is_some() || linking.is_some() {
            return Ok(Self { stored, linking });
        }
        let brand = is_brand(&reads.connections, &reads.vendors, &link.tenant, &link.name).await.map_err(fault)?;
        Err(if brand { no_link() } else { missing() })
    }

    fn linking(&self, reads: &Reads) -> Option<LinkingView> {
        LinkingView::of(self.linking.as_ref(), self.stored.as_ref(), reads.now())
    }
}

fn no_link() -> SyncProblem {
    SyncProblem::missing("Trackstar integration not found", "the brand has no link to Trackstar")
}

/// A link with how far its lists are.
async fn view(reads: &Reads, stored: &StoredConnection) -> Result<LinkView, AwsFault> {
    let now = reads.now();
    let pulls = &reads.looks.pulls;
    let (checkpoints, known) =
        tokio::try_join!(pulls.checkpoints(stored), pulls.read(std::slice::from_ref(stored), now))?;
    let synced_at = known.get(&stored.connection).and_then(|pulls| pulls.synced_at);
    Ok(LinkView {
        last_synced_at: synced_at.map(time::text),
        checkpoints: checkpoints.iter().map(|one| CheckpointView::new(stored, one, now)).collect(),
        ..LinkView::new(stored, now)
    })
}
