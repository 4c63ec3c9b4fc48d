//! `GET /api/admin/connections`: the connections there are.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::aws::connections::lists::{After, Listed};
use signalbox::domain::ids::{Connection, ProviderId, TenantId};
use signalbox::http::auth::tenant::in_query;
use signalbox::http::auth::{CONNECTIONS_READ, Caller};
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::query::Query;
use signalbox::http::wire::connections::{ConnectionView, ConnectionsPage};

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// The connections of a tenant, of a provider, or all, by name.
///
/// A token of the default tenant is an operator's, and sees those of all tenants; any other sees its own, and a user who is bound to
/// brands these alone. Secrets are in no
/// answer. A page may hold fewer than were asked for: go on for as long as `hasMore` is true.
#[utoipa::path(
    get, path = "/api/admin/connections", tag = "connections",
    params(
        ("tenant" = Option<String>, Query, description = "Whose; of another tenant than the token's there are none"),
        ("provider" = Option<String>, Query, description = "catalogue, pos, trackstar, or that of a signed sender"),
        ("limit" = Option<u32>, Query, description = "Default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = ConnectionsPage),
        (status = 503, description = "unavailable: they could not be read; after `Retry-After`", body = ProblemView),
        ListProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<ConnectionsPage>, Problem> {
    let caller = reads.authority.reader_of_brands(CONNECTIONS_READ, &headers, reads.now())?;
    let query = Query::of(&uri);
    query.only(&["provider", "limit", "cursor"])?;
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
    let limit = limit.map_err(|wrong| Problem::fields(&[("limit", &wrong)]))?;
    let unknown = || Problem::fields(&[("cursor", "is unknown")]);
    let after: Option<After> = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| unknown())?;
    let Some(listed) = listed(&caller, &query)? else { return Ok(Json(page(Vec::new(), None))) };
    // One of another list would start where this one has nothing, and might name what the caller may not see.
    if after.as_ref().is_some_and(|after| !listed.has(after)) {
        return Err(unknown());
    }
    let found = match caller.brands() {
        None => reads.connections.page(&listed, after.as_ref(), limit).await,
        Some(_) => {
            let is_seen = |connection: &Connection| caller.sees(&connection.name);
            reads.connections.page_of_seen(&listed, after.as_ref(), limit, is_seen).await
        }
    };
    let (found, next) = found.map_err(|fault| Problem::unread(&fault))?;
    Ok(Json(page(found.iter().map(ConnectionView::from).collect(), next)))
}

fn page(items: Vec<ConnectionView>, next: Option<After>) -> ConnectionsPage {
    ConnectionsPage { ok: true, items, has_more: next.is_some(), next_cursor: next.map(|after| after.to_string()) }
}

/// What the caller asks for; none where there can be nothing of it for them.
fn listed(caller: &Caller, query: &Query) -> Result<Option<Listed>, Problem> {
    let named = |name: &str| query.first(&[name]);
    let wrong = |name: &str, why: &dyn std::error::Error| Problem::fields(&[(name, &why.to_string())]);
    let tenant = in_query(query)?;
    let provider = named("provider").map(ProviderId::parse).transpose().map_err(|error| wrong("provider", &error))?;
    let own = || (caller.tenant != TenantId::DEFAULT).then(|| caller.tenant.clone());
    Ok(match (tenant.or_else(own), provider) {
        (Some(tenant), _) if !caller.may_touch(&tenant) => None,
        (Some(tenant), provider) => Some(Listed::Tenant(tenant, provider)),
        (None, Some(provider)) => Some(Listed::Provider(provider)),
        (None, None) => Some(Listed::All),
    })
}
