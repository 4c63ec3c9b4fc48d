//! `POST /api/webhooks/trackstar…`: the warehouse integration's webhooks.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use signalbox::domain::deliveries::delivery::{Channel, Door};
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::engine::deliveries::refusal::Refusal;
use signalbox::engine::deliveries::take_in::{Acknowledgement, Intake};
use signalbox::http::correlation;

use crate::arrival::Incoming;
use crate::trackstar_routes::{Failures, Shipment, Signature};

/// What senders are told of an event that came before.
const PROCESSED: &str = "Event already processed";
/// What senders are told of any other.
const RECEIVED: &str = "Webhook received";

/// Take in a stock level.
///
/// Signed by Svix (`svix-*` or `webhook-*` headers), or with HMAC-SHA256 over the raw body in `x-trackstar-signature`. An event
/// that is older than the stock level kept changes nothing.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inventory", tag = "webhooks",
    params(Signature),
    request_body(content = Object, description = "`{event_id?, event_type, connection_id, data: {id, sku, updated_date, …}}`"),
    responses(
        (status = 200, description = "Taken in, or already processed: `{success: true, message?}`", body = Object),
        (status = 400, description = "bad_body", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 404, description = "unknown_sender: no active connection of that id", body = Object),
        (status = 413, description = "too_large", body = Object),
        Failures,
    ),
)]
pub(crate) async fn inventory(incoming: Incoming) -> Response {
    receive(incoming, Channel::TrackstarInventory).await
}

/// Take in a shipment to the warehouse.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inbound-shipments", tag = "webhooks",
    params(Signature),
    request_body(content = Object, description = "`{event_type, connection_id, data: {id, …}}`"),
    responses(Shipment),
)]
pub(crate) async fn inbound_shipments(incoming: Incoming) -> Response {
    receive(incoming, Channel::TrackstarShipment).await
}

/// Take in the receipt of such a shipment.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inbound-shipment-receipts", tag = "webhooks",
    params(Signature),
    request_body(content = Object, description = "`{event_type, connection_id, data: {id, …}}`"),
    responses(Shipment),
)]
pub(crate) async fn inbound_shipment_receipts(incoming: Incoming) -> Response {
    receive(incoming, Channel::TrackstarReceipt).await
}

/// Take in any Trackstar event. What nothing handles is kept.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar", tag = "webhooks",
    params(Signature),
    request_body(content = Object, description = "`{event_type, connection_id, data, …}`"),
    responses(
        (status = 200, description = "`{success: true, message: \"Webhook received\"}`, of no connection too", body = Object),
        (status = 400, description = "bad_signature, bad_body", body = Object),
        (status = 413, description = "too_large: over 900 KB, or over 350 KB and of no connection", body = Object),
        Failures,
    ),
)]
pub(crate) async fn any(incoming: Incoming) -> Response {
    receive(incoming, Channel::TrackstarOther).await
}

async fn receive(incoming: Incoming, route: Channel) -> Response {
    match incoming.take_in(Door::Trackstar { channel: route }).await {
        Ok(Intake::Accepted(taken)) => acknowledged(taken, route, true),
        Ok(Intake::Duplicate(taken)) => acknowledged(taken, route, false),
        Ok(Intake::Challenge(_)) => axum::Json(json!({"success": true})).into_response(),
        Ok(Intake::Refused(refusal)) => traced(refused(route, &refusal), refusal.trace.as_deref()),
        Err(again) => {
            let failed = again.answered(answer(again.status, "Failed to process webhook", again.code));
            traced(failed, again.trace.as_deref())
        }
    }
}

/// Each route in the words of the original.
fn acknowledged(taken: Acknowledgement, route: Channel, first: bool) -> Response {
    let answer: Value = match route {
        Channel::TrackstarInventory if first => json!({"success": true}),
        Channel::TrackstarInventory => json!({"success": true, "message": PROCESSED}),
        route if route.is_shipment() => {
            let message = if first { RECEIVED } else { PROCESSED };
            json!({"success": true, "message": message, "eventKey": taken.key, "shipmentId": taken.subject_id})
        }
        _ => json!({"success": true, "message": RECEIVED}),
    };
    traced(axum::Json(answer).into_response(), Some(&taken.correlation_id))
}

/// Echoes a trace that was found in the body.
fn traced(mut response: Response, trace: Option<&str>) -> Response {
    if let Some(value) = trace.and_then(|trace| HeaderValue::from_str(trace).ok()) {
        response.headers_mut().insert(correlation::HEADER, value);
    }
    response
}

fn refused(route: Channel, refusal: &Refusal) -> Response {
    let code = refusal.reason.as_str();
    match refusal.reason {
        Rejection::NoSecret => {
            answer(StatusCode::SERVICE_UNAVAILABLE, "No webhook secret that can be used is configured", code)
        }
        Rejection::BadSignature if route == Channel::TrackstarOther => {
            answer(StatusCode::BAD_REQUEST, "Invalid webhook signature", code)
        }
        Rejection::BadSignature => answer(StatusCode::UNAUTHORIZED, "Invalid signature", code),
        reason if reason.is_acknowledged_at(&Door::Trackstar { channel: route }) => {
            let message = if route.is_shipment() { "No matching integration found" } else { RECEIVED };
            axum::Json(json!({"success": true, "message": message})).into_response()
        }
        Rejection::UnknownSender => answer(StatusCode::NOT_FOUND, &refusal.detail, code),
        Rejection::TooLarge => answer(StatusCode::PAYLOAD_TOO_LARGE, &refusal.detail, code),
        Rejection::Conflict | Rejection::SameBody => answer(StatusCode::CONFLICT, &refusal.detail, code),
        Rejection::BadBody => answer(StatusCode::BAD_REQUEST, &refusal.detail, code),
    }
}

fn answer(status: StatusCode, error: &str, code: &str) -> Response {
    (status, axum::Json(json!({"error": error, "code": code}))).into_response()
}
