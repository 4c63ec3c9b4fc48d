//! `GET /api/admin/overview`: all connections at a glance, and what somebody should look at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::connections::store::{After, Listed};
use signalbox::aws::faults::AwsFault;
use signalbox::domain::dead_letter::DeadLetter;
use signalbox::domain::ids::{Connection, ProviderId, TenantId};
use signalbox::domain::runs::failure::Failure;
use signalbox::domain::runs::run::{Run, RunStatus};
use signalbox::domain::time;
use signalbox::engine::health::{Looked, look};
use signalbox::http::auth::READ;
use signalbox::http::auth::user::Access;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::{Query, TENANT};
use signalbox::http::wire::health::reasons;
use signalbox::http::wire::record::{AttentionView, CameView, OverviewPage, OverviewView};

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;
/// Hours whose webhooks are told one by one.
const SHOWN_HOURS: usize = 24;
/// Dead letters of a tenant that are looked at: the newest.
const LETTERS_MAX: usize = 100;

/// The connections, each with its health, its last success, when it is due next, and what came in the last hour; what needs
/// attention is first within the page.
///
/// Pages are by name, so that each costs the same however many connections there are: a query for each of its connections, two more
/// for a catalogue, and one for each of its tenants. Dead letters are looked for among the newest 100 of a tenant. A token of the
/// default tenant, and a user of a platform's role, sees those of all tenants where it names none.
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
    let reach = reads.authority.reach((&headers, query.first(&TENANT)), Access::Read, READ, now)?;
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
    let limit = limit.map_err(|wrong| Problem::fields(&[("limit", &wrong)]))?;
    let unknown = || Problem::fields(&[("cursor", "is unknown")]);
    let after: Option<After> = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| unknown())?;
    let listed = reach.tenant.clone().map_or(Listed::All, |tenant| Listed::Tenant(tenant, None));
    if after.as_ref().is_some_and(|after| !listed.has(after)) {
        return Err(unknown());
    }
    let failed = |fault: AwsFault| Problem::internal(INTERNAL_ERROR, &fault);
    let (mut found, next) = reads.connections.page(&listed, after.as_ref(), limit).await.map_err(failed)?;
    found.retain(|stored| reach.has(&stored.connection.tenant, &stored.connection.name));
    let tenants: BTreeSet<TenantId> = found.iter().map(|stored| stored.connection.tenant.clone()).collect();
    let (looked, letters) =
        tokio::try_join!(look(&reads.deliveries, &reads.runs, found, now), letters(&reads, &tenants))
            .map_err(failed)?;
    let mut items = Vec::with_capacity(looked.len());
    for one in &looked {
        items.push(view(&reads, one, letters.get(&one.stored.connection), now).await.map_err(failed)?);
    }
    items.sort_by_cached_key(|item| {
        let is_wrong = (!item.attention.is_empty(), item.status == "unhealthy", item.status == "degraded");
        (Reverse(is_wrong), item.connection.clone())
    });
    Ok(Json(OverviewPage {
        ok: true,
        items,
        has_more: next.is_some(),
        next_cursor: next.map(|after| after.to_string()),
        generated_at: time::text(now),
    }))
}

/// The dead letters of each connection: how many of the tenant's newest, and the newest of them.
type Letters = BTreeMap<Connection, (usize, DeadLetter)>;

async fn letters(reads: &Reads, tenants: &BTreeSet<TenantId>) -> Result<Letters, AwsFault> {
    let now = reads.now();
    let mut letters = Letters::new();
    for tenant in tenants {
        for letter in reads.journal.dead_letters(tenant, None, LETTERS_MAX).await? {
            let connection = letter.connection().cloned().filter(|_| !letter.is_expired(now));
            let Some(connection) = connection else { continue };
            letters.entry(connection).and_modify(|(count, _)| *count += 1).or_insert((1, letter));
        }
    }
    Ok(letters)
}

async fn view(
    reads: &Reads,
    looked: &Looked,
    letters: Option<&(usize, DeadLetter)>,
    now: Timestamp,
) -> Result<OverviewView, AwsFault> {
    let Looked { stored, hours, last_run, numbers, judgement, .. } = looked;
    let connection = &stored.connection;
    let (mut synced_at, mut each_hour) = (None, Vec::new());
    if connection.provider == ProviderId::CATALOGUE {
        synced_at = reads.snapshots.state(connection).await?.and_then(|state| state.last_run_at);
    } else {
        each_hour = hours.one_by_one(now.as_millisecond(), SHOWN_HOURS);
    }
    let processed_at = hours.last_processed_ms().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let attention = last_run.as_ref().and_then(of_run).into_iter().chain(letters.map(of_letters));
    Ok(OverviewView {
        connection: connection.to_string(),
        tenant: connection.tenant.to_string(),
        provider: connection.provider.to_string(),
        name: connection.name.to_string(),
        display_name: stored.display_name.clone(),
        state: if stored.is_active() { "active" } else { "paused" },
        status: judgement.status.as_str(),
        reasons: reasons(judgement),
        idle: numbers.is_idle(),
        last_success_at: synced_at.max(processed_at).map(time::text),
        next_due_at: stored.due_after(now).map(time::text),
        last_hour: CameView::from(&hours.last_hour(now.as_millisecond())),
        hours: each_hour.iter().map(CameView::from).collect(),
        attention: attention.collect(),
    })
}

/// What there is to look at of a run that did not go well.
fn of_run(run: &Run) -> Option<AttentionView> {
    let error = run.error.as_ref().filter(|_| run.status == RunStatus::Failed)?;
    let is_refusal = error.code() == Failure::RemovalsRefused.code();
    Some(AttentionView {
        kind: if is_refusal { "refused_removal" } else { "failed_run" },
        count: 1,
        detail: error.detail.clone(),
        at: run.completed_at.map(time::text),
        // A cursor names the first row of its page.
        link: format!("/api/catalog/vendor-sync/runs?vendor={}&limit=1&cursor={}", run.connection.name, run.id),
    })
}

fn of_letters((count, newest): &(usize, DeadLetter)) -> AttentionView {
    let of = newest
        .connection()
        .map(|connection| format!("provider={}&connection={}", connection.provider, connection.name));
    AttentionView {
        kind: "dead_letters",
        count: *count,
        detail: format!("{count} were given up on, the last one as: {}", newest.reason),
        at: Timestamp::from_millisecond(newest.recorded_ms).map(time::text).ok(),
        link: format!("/api/sync/dead-letters?{}", of.unwrap_or_default()),
    }
}
