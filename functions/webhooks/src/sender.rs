//! `POST /webhooks/{provider}/{connection}`: any configured sender.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use signalbox::domain::deliveries::delivery::Door;
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::engine::deliveries::refusal::Refusal;
use signalbox::engine::deliveries::take_in::Intake;
use signalbox::http::query::path_text;

use crate::arrival::Incoming;

/// Take in a delivery of a configured sender, signed by the scheme that is configured for it.
#[utoipa::path(
    post, path = "/webhooks/{provider}/{connection}", tag = "webhooks",
    params(
        ("provider" = String, Path, description = "As configured"),
        ("connection" = String, Path, description = "As configured"),
    ),
    request_body(content = Object, description = "Whatever the sender sends, at most 900 KB"),
    responses(
        (status = 200, description = "`{ok: true, status: \"accepted\"|\"duplicate\"}`; or `{challenge}`, of Slack's url_verification", body = Object),
        (status = 400, description = "bad_body: the id cannot be used", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 404, description = "unknown_sender", body = Object),
        (status = 409, description = "conflict: the id came with another body before; kept, not processed", body = Object),
        (status = 413, description = "too_large", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: the sender's secret cannot be used; unavailable: it could not be read, send it again after `Retry-After`", body = Object),
    ),
)]
pub(crate) async fn any(sender: Result<Path<(String, String)>, PathRejection>, incoming: Incoming) -> Response {
    let (provider, connection) = path_text(sender);
    let door = Door::Sender { provider: provider.to_lowercase(), connection: connection.to_lowercase() };
    match incoming.take_in(door).await {
        Ok(Intake::Refused(refusal)) => refused(&refusal),
        Ok(Intake::Challenge(challenge)) => axum::Json(json!({"challenge": challenge})).into_response(),
        Ok(intake) => axum::Json(json!({"ok": true, "status": intake.as_str()})).into_response(),
        Err(again) => again.answered(answer(again.status, again.code, again.message)),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.reason {
        Rejection::NoSecret => StatusCode::SERVICE_UNAVAILABLE,
        Rejection::BadSignature => StatusCode::UNAUTHORIZED,
        Rejection::UnknownSender => StatusCode::NOT_FOUND,
        Rejection::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Rejection::Conflict | Rejection::SameBody => StatusCode::CONFLICT,
        Rejection::BadBody => StatusCode::BAD_REQUEST,
    };
    answer(status, refusal.reason.as_str(), &refusal.detail)
}

fn answer(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, axum::Json(json!({"ok": false, "error": code, "detail": detail}))).into_response()
}
