//! `GET /api/admin/alerts/messages`: what people were told, and what became of it.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::engine::alerts::channels::of;
use signalbox::http::admin_problem::AdminProblem;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::alerts::{ChannelsView, MessageView, MessagesView};

use super::{AlertProblems, limit, only, wrong};
use crate::Reads;

/// A tenant's messages of 90 days, the newest first: over which channel, what they say, and whether they were taken. The first page has the
/// channels besides, also those that are not told as there are too many.
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
    let limit = limit(&query)?;
    let below = query.first(&["cursor"]).map(str::parse).transpose().map_err(|_| wrong("cursor is of no such list"))?;
    let (of_tenant, connections) = (&caller.tenant, &reads.connections);
    let page = reads.alerts.messages(of_tenant, below.as_ref(), limit).await;
    let (found, next) = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    // Whoever reads on has had them.
    let channels = match below {
        Some(_) => None,
        None => Some(of(connections, of_tenant).await.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?),
    };
    let messages = found.iter().map(MessageView::from).collect();
    let (cursor, channels) = (next.map(|next| next.to_string()), channels.as_ref().map(ChannelsView::from));
    Ok(Json(MessagesView { ok: true, messages, cursor, channels }))
}
