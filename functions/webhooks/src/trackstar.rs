//! `POST /api/webhooks/trackstar…`: the warehouse integration's webhooks.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use signalbox::domain::delivery::{Channel, Door, Label, Rejection};
use signalbox::engine::deliveries::context::Deliveries;
use signalbox::engine::deliveries::refusal::Refusal;
use signalbox::engine::deliveries::take_in::{Intake, take_in};
use signalbox::http::correlation::{self, CorrelationId};

use crate::arrival;

/// Take in a stock level.
///
/// Signed by Svix (`svix-*` or `webhook-*` headers), or with HMAC-SHA256 over the raw body in `x-trackstar-signature`. An event
/// that is older than the stock level kept changes nothing.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inventory", tag = "webhooks",
    request_body(content = Object, description = "`{event_id?, event_type, connection_id, data: {id, sku, updated_date, …}}`"),
    responses(
        (status = 200, description = "Taken in, or already processed: `{success: true, message?}`", body = Object),
        (status = 400, description = "bad_body", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 404, description = "unknown_sender: no active connection of that id", body = Object),
        (status = 409, description = "conflict", body = Object),
        (status = 413, description = "too_large", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: none that can be used is configured", body = Object),
    ),
)]
pub(crate) async fn inventory(
    State(deliveries): State<Deliveries>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&deliveries, Channel::TrackstarInventory, trace, &headers, body, |first, _| match first {
        true => json!({"success": true}),
        false => json!({"success": true, "message": "Event already processed"}),
    })
    .await
}

/// Take in a shipment to the warehouse.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inbound-shipments", tag = "webhooks",
    request_body(content = Object, description = "`{event_type, connection_id, data: {id, …}}`"),
    responses(
        (status = 200, description = "Taken in, already processed, or of no connection: `{success, message, shipmentId?}`", body = Object),
        (status = 400, description = "bad_body", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 409, description = "conflict", body = Object),
        (status = 413, description = "too_large: over 900 KB, or over 350 KB and of no connection", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: none that can be used is configured", body = Object),
    ),
)]
pub(crate) async fn inbound_shipments(
    State(deliveries): State<Deliveries>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&deliveries, Channel::TrackstarShipment, trace, &headers, body, shipment).await
}

/// Take in the receipt of such a shipment.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar/inbound-shipment-receipts", tag = "webhooks",
    request_body(content = Object, description = "`{event_type, connection_id, data: {id, …}}`"),
    responses(
        (status = 200, description = "Taken in, already processed, or of no connection: `{success, message, shipmentId?}`", body = Object),
        (status = 400, description = "bad_body", body = Object),
        (status = 401, description = "bad_signature", body = Object),
        (status = 409, description = "conflict", body = Object),
        (status = 413, description = "too_large: over 900 KB, or over 350 KB and of no connection", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: none that can be used is configured", body = Object),
    ),
)]
pub(crate) async fn inbound_shipment_receipts(
    State(deliveries): State<Deliveries>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(&deliveries, Channel::TrackstarReceipt, trace, &headers, body, shipment).await
}

/// Take in any Trackstar event. What nothing handles is kept.
#[utoipa::path(
    post, path = "/api/webhooks/trackstar", tag = "webhooks",
    request_body(content = Object, description = "`{event_type, connection_id, data, …}`"),
    responses(
        (status = 200, description = "`{success: true, message: \"Webhook received\"}`", body = Object),
        (status = 400, description = "bad_signature, bad_body", body = Object),
        (status = 404, description = "unknown_sender: no active connection of that id", body = Object),
        (status = 409, description = "conflict", body = Object),
        (status = 413, description = "too_large", body = Object),
        (status = 500, description = "Storage failed: send it again", body = Object),
        (status = 503, description = "no_secret: none that can be used is configured", body = Object),
    ),
)]
pub(crate) async fn any(
    State(deliveries): State<Deliveries>,
    Extension(trace): Extension<CorrelationId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    receive(
        &deliveries,
        Channel::TrackstarOther,
        trace,
        &headers,
        body,
        |_, _| json!({"success": true, "message": "Webhook received"}),
    )
    .await
}

fn shipment(first: bool, label: &Label) -> Value {
    let message = if first { "Webhook received" } else { "Event already processed" };
    json!({"success": true, "message": message, "eventKey": label.key})
}

async fn receive(
    deliveries: &Deliveries,
    channel: Channel,
    trace: CorrelationId,
    headers: &HeaderMap,
    body: Body,
    taken: impl Fn(bool, &Label) -> Value,
) -> Response {
    let arrival = arrival::read(deliveries, Door::Trackstar { channel }, headers, trace, body).await;
    let intake = take_in(deliveries, &arrival).await;
    let first = matches!(intake, Ok(Intake::Accepted(_)));
    match intake {
        Ok(Intake::Accepted(label) | Intake::Duplicate(label)) => {
            let mut answer = taken(first, &label);
            if matches!(channel, Channel::TrackstarShipment | Channel::TrackstarReceipt) {
                let body: Value = serde_json::from_slice(arrival.body.kept()).unwrap_or_default();
                answer["shipmentId"] = body["data"]["id"].clone();
            }
            traced(axum::Json(answer).into_response(), Some(&label.correlation_id))
        }
        Ok(Intake::Refused(refusal)) => traced(refused(&arrival.door, &refusal), refusal.trace.as_deref()),
        Err(fault) => {
            tracing::error!(%fault, correlation_id = arrival.correlation_id, "delivery not taken in");
            answer(StatusCode::INTERNAL_SERVER_ERROR, "Failed to process webhook", "storage_failed")
        }
    }
}

/// Echoes a trace that was found in the body.
fn traced(mut response: Response, trace: Option<&str>) -> Response {
    if let Some(value) = trace.and_then(|trace| HeaderValue::from_str(trace).ok()) {
        response.headers_mut().insert(correlation::HEADER, value);
    }
    response
}

fn refused(door: &Door, refusal: &Refusal) -> Response {
    let code = refusal.reason.as_str();
    let any = *door == Door::Trackstar { channel: Channel::TrackstarOther };
    match refusal.reason {
        Rejection::NoSecret => {
            answer(StatusCode::SERVICE_UNAVAILABLE, "No webhook secret that can be used is configured", code)
        }
        Rejection::BadSignature if any => answer(StatusCode::BAD_REQUEST, "Invalid webhook signature", code),
        Rejection::BadSignature => answer(StatusCode::UNAUTHORIZED, "Invalid signature", code),
        reason if door.acknowledges(reason) => {
            axum::Json(json!({"success": true, "message": "No matching integration found"})).into_response()
        }
        Rejection::UnknownSender => answer(StatusCode::NOT_FOUND, &refusal.detail, code),
        Rejection::TooLarge => answer(StatusCode::PAYLOAD_TOO_LARGE, &refusal.detail, code),
        Rejection::Conflict => answer(StatusCode::CONFLICT, &refusal.detail, code),
        Rejection::BadBody => answer(StatusCode::BAD_REQUEST, &refusal.detail, code),
    }
}

fn answer(status: StatusCode, error: &str, code: &str) -> Response {
    (status, axum::Json(json!({"error": error, "code": code}))).into_response()
}
