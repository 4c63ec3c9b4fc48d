//! `GET /api/admin/digests`: who was told of which week, and what became of it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, Uri};
use signalbox::domain::ids::RunId;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::digests::{DigestMailView, DigestView, DigestsView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;
use crate::completions::{CompletionProblems, page_of};

const MAIL_BYTES_MAX: u64 = 1024 * 1024;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(digests)).routes(routes!(digest_mail))
}

/// The weekly digests of a tenant's recipients within 90 days, those of the newest week first.
#[utoipa::path(
    get, path = "/api/admin/digests", tag = "digests",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `cursor` of the page before"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses((status = 200, description = "A page", body = DigestsView), CompletionProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn digests(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DigestsView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let query = Query::of(&uri);
    let (limit, below) = page_of(&query)?;
    let page = reads.digests.page(&caller.tenant, below.as_ref(), limit).await;
    let (found, cursor) = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(DigestsView { ok: true, digests: found.iter().map(DigestView::from).collect(), cursor }))
}

/// The mail of a weekly digest, as it is kept on one's own machine. Nowhere else is one kept.
#[utoipa::path(
    get, path = "/api/admin/digests/{id}/mail", tag = "digests",
    params(
        ("id" = String, Path, description = "Which"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses(
        (status = 200, description = "The mail", body = DigestMailView),
        (status = 404, description = "not_found: there is no such digest, or its mail is not kept", body = AdminProblemView),
        CompletionProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn digest_mail(
    State(reads): State<Reads>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DigestMailView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let not_found = || AdminProblem::new(NOT_FOUND, "there is no such digest, or its mail is not kept");
    let id = RunId::parse(&path_text::<String>(id)).ok_or_else(not_found)?;
    let found = reads.digests.one(&caller.tenant, id.as_str()).await;
    let found = found.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    let message = found.and_then(|record| record.message).filter(|message| is_name(message)).ok_or_else(not_found)?;
    let folder = reads.outbox.clone().ok_or_else(not_found)?;
    let read = tokio::task::spawn_blocking(move || kept(&folder.join(format!("{message}.eml")))).await;
    let eml = read.ok().flatten().ok_or_else(not_found)?;
    Ok(Json(DigestMailView { ok: true, eml }))
}

/// Whether a text is the name of a mail, and leads to no other folder.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A mail's file; none where it is gone, or larger than any of ours.
fn kept(file: &std::path::Path) -> Option<String> {
    let is_one = std::fs::metadata(file).ok()?.len() <= MAIL_BYTES_MAX;
    is_one.then(|| std::fs::read_to_string(file).ok()).flatten()
}
