//! `GET /api/admin/connections/providers`: what connections can lead to, and what each is told.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use signalbox::http::auth::CONNECTIONS_READ;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::providers::{ProviderView, ProvidersView};

use crate::Reads;

/// The providers there are, each with the schema of its settings, and what people get wrong.
///
/// The last one, whose `id` is null, is that of all names that no other has: a sender of signed webhooks.
#[utoipa::path(
    get, path = "/api/admin/connections/providers", tag = "connections",
    responses(
        (status = 200, description = "All of them", body = ProvidersView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope: needs connections:read", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn providers(State(reads): State<Reads>, headers: HeaderMap) -> Result<Json<ProvidersView>, Problem> {
    reads.authority.reader_of_brands(CONNECTIONS_READ, &headers, reads.now())?;
    let named = reads.providers.named().map(|(id, provider)| ProviderView::of(Some(id), provider));
    let others = ProviderView::of(None, reads.providers.others());
    Ok(Json(ProvidersView { ok: true, items: named.chain([others]).collect() }))
}
