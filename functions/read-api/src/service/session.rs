//! A browser's session: `/api/auth/session`, and `/api/auth/dev-mint` on one's own machine. Nothing is stored: the cookie is
//! signed, and says itself who it is for and when it ends.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use signalbox::domain::time;
use signalbox::http::problem::{INVALID_REQUEST, NOT_FOUND, PAYLOAD_TOO_LARGE, Problem, ProblemView};
use signalbox::http::same_origin;
use signalbox::http::session::{SESSION_COOKIE, Who};
use signalbox::http::wire::service::{SessionView, SignedOutView, TokenRequest, WhoView};

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
    let expires_at = ends(now.as_second() + SESSION_SECONDS);
    let cookie = cookie(&reads, &session, SESSION_SECONDS);
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

/// Who one is, and what one may. A user of several tenants names one in `x-tenant-id`, here as on each route.
#[utoipa::path(
    get, path = "/api/auth/session", tag = "session",
    responses(
        (status = 200, description = "Somebody", body = WhoView),
        (status = 401, description = "missing_token, invalid_token: nobody", body = ProblemView),
        (status = 403, description = "forbidden", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn who(State(reads): State<Reads>, headers: HeaderMap) -> Result<Json<WhoView>, Problem> {
    let who = reads.authority.who(&headers, reads.now())?;
    Ok(Json(view(&reads, who)))
}

/// Sign in: exchange a token for a session.
///
/// The session is in an httpOnly cookie, may what the token may, and ends when the token does. From a page of this origin alone,
/// with the header `x-signalbox-request: 1`.
#[utoipa::path(
    post, path = "/api/auth/session", tag = "session",
    params(("x-signalbox-request" = String, Header, description = "1")),
    request_body = TokenRequest,
    responses(
        (status = 200, description = "Sets the httpOnly cookie STORE_SESS", body = WhoView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 401, description = "invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, cross_site_request", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
)]
pub(crate) async fn sign_in(
    State(reads): State<Reads>,
    headers: HeaderMap,
    body: Result<Json<TokenRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    // Without a session to abuse still: another site's page must not sign a person in as somebody else.
    same_origin::check(&headers)?;
    let Json(request) = body.map_err(unreadable)?;
    let now = reads.now();
    let (session, who) = reads.authority.exchange(request.token.trim(), now)?;
    let seconds = who.ends.map_or(0, |ends| ends.saturating_sub(now.as_second())).clamp(0, COOKIE_SECONDS_MAX);
    let cookie = cookie(&reads, &session, seconds);
    Ok(([(header::SET_COOKIE, cookie)], Json(view(&reads, who))).into_response())
}

/// What serde says of a body may quote it, and a token is in it.
fn unreadable(rejection: JsonRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(PAYLOAD_TOO_LARGE, "a token has some hundred bytes");
    }
    Problem::new(INVALID_REQUEST, "send JSON: {\"token\": \"…\"}, as application/json")
}

/// Sign out. The session is forgotten by this browser; it ends when its token does.
#[utoipa::path(
    delete, path = "/api/auth/session", tag = "session",
    params(("x-signalbox-request" = String, Header, description = "1")),
    responses(
        (status = 200, description = "Takes the cookie back", body = SignedOutView),
        (status = 403, description = "cross_site_request", body = ProblemView),
    ),
)]
pub(crate) async fn sign_out(State(reads): State<Reads>, headers: HeaderMap) -> Result<Response, Problem> {
    same_origin::check(&headers)?;
    let cookie = cookie(&reads, "", 0);
    Ok(([(header::SET_COOKIE, cookie)], Json(SignedOutView { ok: true })).into_response())
}

/// Browsers keep none for longer.
const COOKIE_SECONDS_MAX: i64 = 400 * 24 * 3600;

/// On one's own machine there is no TLS, without which some browsers keep no cookie that is `Secure`.
fn cookie(reads: &Reads, session: &str, seconds: i64) -> String {
    let secure = if reads.authority.is_local() { "" } else { "; Secure" };
    format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly{secure}; SameSite=Strict; Max-Age={seconds}")
}

fn ends(second: i64) -> Option<String> {
    Timestamp::from_second(second).map(time::text).ok()
}

fn view(reads: &Reads, who: Who) -> WhoView {
    WhoView {
        ok: true,
        tenant: who.tenant.map(String::from),
        tenants: who.tenants.into_iter().map(String::from).collect(),
        any_tenant: who.any_tenant,
        expires_at: who.ends.and_then(ends),
        actor: who.actor,
        scopes: who.scopes,
        local: reads.authority.is_local(),
    }
}
