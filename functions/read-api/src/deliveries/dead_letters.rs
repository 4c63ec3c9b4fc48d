//! `GET /api/sync/dead-letters`: what the queues gave up on.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::deliveries::dead_letter::DeadLetter;
use signalbox::domain::time;
use signalbox::engine::deliveries::dead_letters::{Filter, Limits, page};
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Dead letters that one call looks at: a page may end early, with a cursor.
const READ_MAX: usize = 1000;

/// What the queues gave up on, newest first, of the caller's tenant.
#[utoipa::path(
    get, path = "/api/sync/dead-letters", tag = "operations",
    params(
        ("provider" = Option<String>, Query, description = "pos, trackstar, …"),
        ("connection" = Option<String>, Query, description = "The source or connection"),
        ("reason" = Option<String>, Query, description = "A part of the reason, in any case"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "`{ok, items, hasMore, nextCursor}`", body = Object),
        ListProblems,
    ),
    security((), ("service" = []), ("session" = [])),
)]
pub(crate) async fn list(State(reads): State<Reads>, uri: Uri, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let caller = reads.reader(&headers)?;
    let query = Query::of(&uri);
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
    let limit = limit.map_err(|wrong| Problem::fields(&[("limit", &wrong)]))?;
    let filter = Filter::read(|name| Ok::<_, Problem>(query.first(&[name]).map(String::from)))?;
    let from = query.first(&["cursor"]).map(str::parse).transpose();
    let from = from.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    let limits = Limits { found_max: limit, read_max: READ_MAX };
    let page = page(&reads.aws, reads.now(), &caller.tenant, &filter, from, limits)
        .await
        .map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    let items: Vec<Value> = page.found.iter().map(view).collect();
    Ok(Json(json!({"ok": true, "items": items, "hasMore": page.next.is_some(), "nextCursor": page.next})))
}

/// A dead letter without its body (I9).
fn view(letter: &DeadLetter) -> Value {
    let text = |ms: i64| Timestamp::from_millisecond(ms).map(time::text).ok();
    let label = letter.label.as_ref();
    json!({
        "id": letter.id,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "payloadHash": letter.payload_hash,
        "provider": label.map(|label| &label.origin.provider),
        "connection": label.map(|label| &label.origin.connection),
        "tenant": label.map(|label| &label.origin.tenant),
        "eventKey": label.map(|label| &label.key),
        "eventType": label.and_then(|label| label.event_type.as_ref()),
        "correlationId": label.map(|label| &label.correlation_id),
        "receivedAt": label.and_then(|label| text(label.received_ms)),
        "recordedAt": text(letter.recorded_ms),
    })
}
