//! `POST /pos/{source}/ingest`: events of points of sale.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use signalbox::domain::deliveries::delivery::Door;
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::engine::deliveries::arrival::TENANT;
use signalbox::engine::deliveries::refusal::Refusal;
use signalbox::engine::deliveries::take_in::Intake;
use signalbox::http::query::path_text;

use crate::arrival::Incoming;

/// Take in an event of a point of sale.
///
/// Signed with HMAC-SHA256 over the raw body, in `x-webhook-signature` or `x-signature`, hex, with or without `sha256=`. The
/// idempotency key is the header's, or the SHA-256 of the canonical JSON of tenant, source and body. Tenant, source and key are
/// not signed: a captured body passes under others, unless `POS_SIGNED_HEADERS` is `required`; then path, tenant, key and body
/// are signed, with a line feed between them.
#[utoipa::path(
    post, path = "/pos/{source}/ingest", tag = "webhooks",
    params(
        ("source" = String, Path, description = "The point of sale: 1 to 64 letters, digits, `-`, `_`, `.`, in any case"),
        ("x-webhook-signature" = Option<String>, Header, description = "HMAC-SHA256 of the raw body, hex, with or without `sha256=`; or as x-signature"),
        ("x-tenant-id" = Option<String>, Header, description = "The tenant: 1 to 64 letters, digits, `-`, `_`, `.`, in any case; default anonymous"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the event within the tenant; UTF-8, 1 to 255 bytes, bare or quoted as RFC 8941 has it"),
    ),
    request_body(content = Object, description = "Any JSON, at most 900 KB"),
    responses(
        (status = 201, description = "Accepted: `{status: \"accepted\"}`", body = Object),
        (status = 204, description = "Seen before; nothing is done again"),
        (status = 400, description = "bad_body: not JSON, or a header that cannot be used", body = Object),
        (status = 401, description = "bad_signature: none was sent", body = Object),
        (status = 403, description = "bad_signature: it is wrong", body = Object),
        (status = 409, description = "conflict: the key came with another body before; kept, not processed", body = Object),
        (status = 413, description = "too_large", body = Object),
        (status = 500, description = "Storage failed, or no_secret: send it again", body = Object),
        (status = 503, description = "unavailable: its secret could not be read; send it again after `Retry-After`", body = Object),
    ),
)]
pub(crate) async fn ingest(source: Result<Path<String>, PathRejection>, incoming: Incoming) -> Response {
    let tenant = incoming.header(TENANT).unwrap_or_else(|| "anonymous".to_owned());
    match incoming.take_in(Door::Pos { source: path_text(source), tenant }).await {
        Ok(intake @ Intake::Accepted(_)) => {
            (StatusCode::CREATED, axum::Json(json!({"status": intake.as_str()}))).into_response()
        }
        Ok(Intake::Duplicate(_) | Intake::Challenge(_)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Intake::Refused(refusal)) => refused(&refusal),
        Err(again) => again.answered(status_error(again.status, again.code, again.message)),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let code = refusal.reason.as_str();
    let plain = |status, error: &str| (status, axum::Json(json!({"error": error, "code": code}))).into_response();
    match refusal.reason {
        Rejection::NoSecret => plain(StatusCode::INTERNAL_SERVER_ERROR, "Server configuration error"),
        Rejection::BadSignature if refusal.unsigned => {
            plain(StatusCode::UNAUTHORIZED, "Missing X-Webhook-Signature header")
        }
        Rejection::BadSignature => plain(StatusCode::FORBIDDEN, "Invalid signature"),
        Rejection::TooLarge => status_error(StatusCode::PAYLOAD_TOO_LARGE, code, &refusal.detail),
        Rejection::Conflict | Rejection::SameBody => status_error(StatusCode::CONFLICT, code, &refusal.detail),
        Rejection::BadBody | Rejection::UnknownSender => status_error(StatusCode::BAD_REQUEST, code, &refusal.detail),
    }
}

/// An error in the shape that the original's framework (Fastify) gave it, with the stable code beside it.
fn status_error(status: StatusCode, code: &str, message: &str) -> Response {
    let body: Value = json!({
        "code": code,
        "error": status.canonical_reason().unwrap_or_default(),
        "message": message,
        "statusCode": status.as_u16(),
    });
    (status, axum::Json(body)).into_response()
}
