//! `GET /api/admin/completions`: what receivers were told of runs, and what became of it.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use signalbox::domain::ids::RunId;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{INTERNAL_ERROR, INVALID_REQUEST, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::completions::{NoticeView, NoticesView};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Reads;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Reads> {
    OpenApiRouter::default().routes(routes!(completions))
}

/// The problems that lists of what others were told can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum CompletionProblems {
    /// invalid_request
    #[response(status = 400)]
    Invalid(AdminProblemView),
    /// missing_token, invalid_token: in this envelope `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// forbidden, insufficient_scope: for administrators; a service token needs connections:read
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// internal_error
    #[response(status = 500)]
    Failed(AdminProblemView),
}

fn wrong(text: impl Into<String>) -> AdminProblem {
    AdminProblem::new(INVALID_REQUEST, text)
}

/// How many a page has, and behind which it begins.
pub(crate) fn page_of(query: &Query) -> Result<(usize, Option<RunId>), AdminProblem> {
    let unknown = |_| wrong("there is a parameter that is none of limit, cursor, tenant, or twice");
    query.only(&["limit", "cursor"]).map_err(unknown)?;
    let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX).map_err(|why| wrong(format!("limit {why}")))?;
    match query.first(&["cursor"]).map(RunId::parse) {
        Some(None) => Err(wrong("cursor is of no such list")),
        below => Ok((limit, below.flatten())),
    }
}

/// What a tenant's receivers were told of runs within 30 days, those of the runs that were over last first: each with its attempts.
#[utoipa::path(
    get, path = "/api/admin/completions", tag = "completions",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "From `cursor` of the page before"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    responses((status = 200, description = "A page", body = NoticesView), CompletionProblems),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn completions(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<NoticesView>, AdminProblem> {
    let caller = reads.authority.admin_reader(&uri, &headers, reads.now())?;
    let query = Query::of(&uri);
    let (limit, below) = page_of(&query)?;
    let page = reads.notices.page(&caller.tenant, below.as_ref(), limit).await;
    let (found, cursor) = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(Json(NoticesView { ok: true, notices: found.iter().map(NoticeView::from).collect(), cursor }))
}
