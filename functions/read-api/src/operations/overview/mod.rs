//! `GET /api/admin/overview`: all connections at a glance, and what somebody should look at.

mod matters;

use std::cmp::Reverse;
use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::connections::lists::{After, Listed};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::ids::{Connection, ProviderId};
use signalbox::domain::time;
use signalbox::engine::health::Looked;
use signalbox::engine::health::attention::{self, AttentionReads, Whose};
use signalbox::http::auth::READ;
use signalbox::http::auth::user::Access;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::health::reasons;
use signalbox::http::wire::record::{CameView, OverviewPage, OverviewView};

use self::matters::Matters;
use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;
/// Hours whose webhooks are told one by one.
const SHOWN_HOURS: usize = 24;

/// The connections, each with its health, its last success, when it is due next, and what came in the last hour; what needs
/// attention is first within the page, and `attention` has the newest 50 matters of all connections, whichever the page is of.
///
/// Pages are by name, so that each costs the same however many connections there are. `attention` comes from indexes of what failed, and
/// costs what there is to look at. A token of the default tenant, and a user of a platform's role, sees those of all tenants where it
/// names none. Where it names one, and for everybody else, refused webhooks are those alone whose signature was right.
#[utoipa::path(
    get, path = "/api/admin/overview", tag = "operations",
    params(
        ("tenant" = Option<String>, Query, description = "Whose; also in the header x-tenant-id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses((status = 200, description = "A page", body = OverviewPage), ListProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn connections_overview(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OverviewPage>, Problem> {
    let query = Query::of(&uri);
    let now = reads.now();
    let reach = reads.authority.reach((&headers, &query), Access::Read, READ, now)?;
    query.only(&["limit", "cursor"])?;
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
    let limit = limit.map_err(|wrong| Problem::fields(&[("limit", &wrong)]))?;
    let unknown = || Problem::fields(&[("cursor", "is unknown")]);
    let after: Option<After> = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| unknown())?;
    let listed = reach.tenant.clone().map_or(Listed::All, |tenant| Listed::Tenant(tenant, None));
    if after.as_ref().is_some_and(|after| !listed.has(after)) {
        return Err(unknown());
    }
    let failed = |fault: AwsFault| Problem::internal(INTERNAL_ERROR, &fault);
    let page = async {
        let (found, next) = match reach.brands {
            None => reads.connections.page(&listed, after.as_ref(), limit).await?,
            Some(_) => {
                let is_seen = |connection: &Connection| reach.has(&connection.tenant, &connection.name);
                reads.connections.page_of_seen(&listed, after.as_ref(), limit, is_seen).await?
            }
        };
        let is_catalogue = |stored: &&StoredConnection| stored.connection.provider == ProviderId::CATALOGUE;
        let catalogues: Vec<StoredConnection> = found.iter().filter(is_catalogue).cloned().collect();
        let synced = reads.snapshots.synced_at(catalogues.iter());
        let (looked, synced) = tokio::try_join!(reads.looks.at(found, now), synced)?;
        Ok::<_, AwsFault>((looked, synced, next))
    };
    let from = AttentionReads {
        failed: &reads.looks.failed,
        connections: &reads.connections,
        runs: &reads.runs,
        journal: &reads.journal,
        deliveries: &reads.deliveries,
    };
    let whose = Whose { tenant: reach.tenant.as_ref(), brands: reach.brands.as_deref() };
    let attention = attention::look(from, whose, now);
    let ((looked, synced, next), attention) = tokio::try_join!(page, attention).map_err(failed)?;
    let matters = Matters::read(&reads, attention, &looked, &reach).await.map_err(failed)?;
    let mut items: Vec<OverviewView> = looked.iter().map(|one| view(one, &synced, &matters, now)).collect();
    items.sort_by_cached_key(|item| {
        let is_wrong = (!item.attention.is_empty(), item.status == "unhealthy", item.status == "degraded");
        (Reverse(is_wrong), item.connection.clone())
    });
    Ok(Json(OverviewPage {
        ok: true,
        items,
        has_more: next.is_some(),
        next_cursor: next.map(|after| after.to_string()),
        more_attention: matters.more,
        attention: matters.newest,
        generated_at: time::text(now),
    }))
}

fn view(looked: &Looked, synced: &HashMap<Connection, Timestamp>, matters: &Matters, now: Timestamp) -> OverviewView {
    let Looked { stored, hours, pulls, numbers, judgement, .. } = looked;
    let connection = &stored.connection;
    let has_webhooks = connection.provider != ProviderId::CATALOGUE;
    let each_hour = if has_webhooks { hours.one_by_one(now.as_millisecond(), SHOWN_HOURS) } else { Vec::new() };
    let processed_at = hours.last_processed_ms().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    OverviewView {
        connection: connection.to_string(),
        tenant: connection.tenant.to_string(),
        provider: connection.provider.to_string(),
        name: connection.name.to_string(),
        display_name: stored.display_name.clone(),
        state: if stored.is_active() { "active" } else { "paused" },
        status: judgement.status.as_str(),
        reasons: reasons(judgement),
        idle: numbers.is_idle(),
        last_success_at: synced.get(connection).copied().max(pulls.synced_at).max(processed_at).map(time::text),
        next_due_at: stored.due_after(now).map(time::text),
        last_hour: CameView::from(&hours.last_hour(now.as_millisecond())),
        hours: each_hour.iter().map(CameView::from).collect(),
        attention: matters.of.get(connection).cloned().unwrap_or_default(),
    }
}
