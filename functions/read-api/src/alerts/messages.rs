//! `GET /api/admin/alerts/messages`: what people were told, and what became of it.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::http::admin_problem::AdminProblem;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::alerts::{MessageView, MessagesView};

use super::{AlertProblems, limit, only};
use crate::Reads;

/// A tenant's messages of 90 days, the newest first: over which channel, what they say, and whether they were taken.
#[utoipa::path(
    get, path = "/api/admin/alerts/messages", tag = "alerts",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `cursor` of the page before"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses((status = 200, description = "A page", body = MessagesView), AlertProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn alert_messages(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<MessagesView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let query = Query::of(&uri);
    only(&query, &["limit", "cursor"])?;
    let page = reads.alerts.messages(&caller.tenant, query.first(&["cursor"]), limit(&query)?).await;
    let (found, cursor) = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(MessagesView { ok: true, messages: found.iter().map(MessageView::from).collect(), cursor }))
}
