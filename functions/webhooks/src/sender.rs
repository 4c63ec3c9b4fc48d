//! `POST /webhooks/{provider}/{connection}`: any configured sender.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use signalbox::domain::delivery::{Door, Rejection};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::refusal::Refusal;
use signalbox::engine::deliveries::take_in::{Intake, take_in};
use signalbox::http::correlation::CorrelationId;

use crate::arrival;

/// Take in a delivery of a configured sender, signed by the scheme that is configured for it.
#[utoipa::path(
    post, path = "/webhooks/{provider}/{connection}", tag = "webhooks",
    params(
        ("provider" = String, Path, description = "As configured"),
        ("connection" = String, Path, description = "As configured"),
    ),
    request_body(content = Object, description = "Whatever the sender sends, at most 900 KB"),
    responses(
        (status = 200, description = "`{ok: true, status: \"accepted\"|\"duplicate\"}`", body = Object),
        (status = 400, description = "bad_body: the id cannot be used", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 404, description = "unknown_sender", body = Object),
        (status = 409, description = "conflict: the id came with another body before; kept, not processed", body = Object),
        (status = 413, description = "too_large", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: the sender's secret cannot be used", body = Object),
    ),
)]
pub(crate) async fn any(
    State(deliveries): State<Deliveries>,
    sender: Result<Path<(String, String)>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (provider, connection) = arrival::named(sender, |nobody| (nobody.clone(), nobody));
    let door = Door::Sender { provider: provider.to_lowercase(), connection: connection.to_lowercase() };
    let arrival = arrival::read(&deliveries, door, &headers, trace, body).await;
    let intake = take_in(&deliveries, &arrival).await;
    match intake {
        Ok(Intake::Refused(refusal)) => refused(&refusal),
        Ok(intake) => axum::Json(json!({"ok": true, "status": intake.as_str()})).into_response(),
        Err(fault) => {
            tracing::error!(%fault, correlation_id = arrival.correlation_id, "delivery not taken in");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "storage_failed",
                "the delivery could not be stored: send it again",
            )
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.reason {
        Rejection::NoSecret => StatusCode::SERVICE_UNAVAILABLE,
        Rejection::BadSignature => StatusCode::UNAUTHORIZED,
        Rejection::UnknownSender => StatusCode::NOT_FOUND,
        Rejection::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Rejection::Conflict => StatusCode::CONFLICT,
        Rejection::BadBody => StatusCode::BAD_REQUEST,
    };
    answer(status, refusal.reason.as_str(), &refusal.detail)
}

fn answer(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, axum::Json(json!({"ok": false, "error": code, "detail": detail}))).into_response()
}
