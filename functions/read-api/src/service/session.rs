//! `/api/auth/dev-mint`: a browser session on one's own machine.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use signalbox::domain::time;
use signalbox::http::auth::SESSION_COOKIE;
use signalbox::http::problem::{NOT_FOUND, Problem, ProblemView};
use signalbox::http::wire::service::SessionView;

use crate::Reads;

const SESSION_SECONDS: i64 = 12 * 3600;

/// Mint a browser session. There is no such route outside local mode.
#[utoipa::path(
    get, path = "/api/auth/dev-mint", tag = "session",
    responses(
        (status = 200, description = "Sets the httpOnly cookie STORE_SESS for 12 hours", body = SessionView),
        (status = 404, description = "not_found", body = ProblemView),
    ),
)]
pub(crate) async fn mint(State(reads): State<Reads>) -> Result<Response, Problem> {
    let now = reads.now();
    let Some(session) = reads.authority.mint_session(now, SESSION_SECONDS) else {
        return Err(Problem::bare(NOT_FOUND));
    };
    let expires_at = jiff::Timestamp::from_second(now.as_second() + SESSION_SECONDS).map(time::text).ok();
    let cookie = format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}");
    Ok(([(header::SET_COOKIE, cookie)], Json(SessionView { ok: true, expires_at })).into_response())
}

/// The same by POST, as the original documented it.
#[utoipa::path(
    post, path = "/api/auth/dev-mint", tag = "session",
    responses(
        (status = 200, description = "Sets the httpOnly cookie STORE_SESS for 12 hours", body = SessionView),
        (status = 404, description = "not_found", body = ProblemView),
    ),
)]
pub(crate) async fn mint_by_post(reads: State<Reads>) -> Result<Response, Problem> {
    mint(reads).await
}
