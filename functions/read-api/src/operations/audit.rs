//! `GET /api/admin/audit`: what operators did.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::aws::journal::AuditRange;
use signalbox::domain::audit::{Action, Audit, AuditId};
use signalbox::domain::time;
use signalbox::http::auth::AUDIT_READ;
use signalbox::http::auth::user::Access;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::record::{AuditPage, AuditView};

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Entries that a call with a filter looks at.
const FILTERED_MAX: usize = 500;

/// What operators did, newest first: of one tenant's record.
///
/// Operators of all tenants are on the default tenant's record, and users of a platform's role on that of the tenant whose data they
/// enter. An entry is written before the deed. A page is one query: with a filter it looks at 500 entries, so it may hold few or
/// none, and be followed by another.
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "operations",
    params(
        ("tenant" = Option<String>, Query, description = "Whose record; that of the token's tenant where none is named. Also in the header x-tenant-id"),
        ("actor" = Option<String>, Query, description = "Who"),
        ("action" = Option<Vec<String>>, Query, description = "What: `connection.put`, `dead_letter.requeue`, …; repeated or in a comma list, and `connection` is all that begins with it"),
        ("from" = Option<String>, Query, description = "At or after this"),
        ("to" = Option<String>, Query, description = "At or before this, or on this day"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses((status = 200, description = "A page", body = AuditPage), ListProblems),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn audit_entries(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AuditPage>, Problem> {
    let query = Query::of(&uri);
    query.only(&["actor", "action", "from", "to", "limit", "cursor"])?;
    let reach = reads.authority.reach((&headers, &query), Access::Read, AUDIT_READ, reads.now())?;
    let tenant = reach.tenant.unwrap_or_default();
    let wrong = |field: &str, why: &str| Problem::fields(&[(field, why)]);
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX).map_err(|why| wrong("limit", &why))?;
    let moment = |name: &'static str, parse: fn(&str) -> Option<Timestamp>| match query.first(&[name]).map(parse) {
        Some(None) => Err(wrong(name, "must be a date or date-time")),
        found => Ok(found.flatten().map(Timestamp::as_millisecond)),
    };
    let actor = query.first(&["actor"]);
    let actions: Vec<&str> = query.list(&["action"]).collect();
    let is_known = |wanted: &&str| Action::ALL.iter().any(|action| is_of(*action, wanted));
    if let Some(unknown) = actions.iter().find(|wanted| !is_known(wanted)) {
        let known = Action::ALL.map(Action::as_str).join(", ");
        return Err(wrong("action", &format!("{:.64} is unknown; there are {known}", unknown)));
    }
    let below = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| wrong("cursor", "is unknown"))?;
    let actions: Vec<Action> =
        Action::ALL.into_iter().filter(|action| actions.iter().any(|wanted| is_of(*action, wanted))).collect();
    let (from_ms, to_ms) = (moment("from", time::parse_query)?, moment("to", time::parse_end_query)?);
    let is_filtered = actor.is_some() || !actions.is_empty();
    let looked_at = if is_filtered { FILTERED_MAX } else { limit + 1 };
    let actor = actor.map(String::from);
    let range = AuditRange { from_ms, to_ms, below, actor, actions, limit: looked_at };
    let part = reads.journal.audited(&tenant, &range).await;
    let mut part = part.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    if part.entries.len() > limit {
        part.entries.truncate(limit);
        part.rest = part.entries.last().map(|(id, _)| id.clone());
    }
    let shown = |(id, entry): (AuditId, Option<Audit>)| Some(AuditView::of(id.to_string(), entry?));
    let items = part.entries.into_iter().filter_map(shown).collect();
    let next_cursor = part.rest.map(|id| id.to_string());
    Ok(Json(AuditPage { ok: true, tenant: tenant.to_string(), items, has_more: next_cursor.is_some(), next_cursor }))
}

/// Whether an action is the one that is named, or of the kind.
fn is_of(action: Action, wanted: &str) -> bool {
    let text = action.as_str();
    text.eq_ignore_ascii_case(wanted) || text.split_once('.').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(wanted))
}
