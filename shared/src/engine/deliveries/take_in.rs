//! Take in: from raw bytes at a door to a claimed and enqueued delivery, or to a refusal that is kept.
//!
//! Size, sender and signature come first, in this order; nothing is parsed and no state is touched before the signature
//! over the raw bytes was right.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::aws::faults::AwsFault;
use crate::domain::claim::Verdict;
use crate::domain::correlation;
use crate::domain::counters::Counter;
use crate::domain::delivery::{
    ACKNOWLEDGED_BODY_BYTES_MAX, BODY_BYTES_MAX, BODY_KEY, CONTENT_KEY, Channel, Door, ENCODED_BODY_BYTES_MAX,
    GIVEN_KEY, Label, Origin, POS, Rejected, Rejection, TRACKSTAR, UNKNOWN_SOURCE, fits_a_key, fits_a_queue,
};
use crate::domain::ids::TenantId;
use crate::domain::redact::LENGTH_MAX;
use crate::domain::signature::{
    LiveSecret, Refused, Scheme, VerifiedDelivery, packr_content_key, pos_content_key, schemes,
};
use crate::engine::deliveries::arrival::{Arrival, ArrivedBody, Headers};
use crate::engine::deliveries::context::Deliveries;
use crate::engine::deliveries::headers::IDEMPOTENCY_KEY;
use crate::engine::deliveries::receive::{receive, taken_in};
use crate::engine::deliveries::reject::reject;
use crate::telemetry::metrics::Unit;
use crate::vendors::trackstar::{Envelope, read_inventory, read_shipment};

/// Where senders say what happened, when they do not say it in the body.
pub(super) const EVENT_TYPE_HEADERS: [&str; 3] = ["x-github-event", "x-shopify-topic", "x-gitlab-event"];

/// The longest key that a point of sale may give its event.
const KEY_BYTES_MAX: usize = 255;

/// What became of an arrival.
#[derive(Debug)]
pub enum Intake {
    /// It is the first of its kind, and in the queue.
    Accepted(Box<Label>),
    /// It came before: its effect has happened, or it is in the queue.
    Duplicate(Box<Label>),
    /// It was refused. [`take_in`] has kept the refusal.
    Refused(Refusal),
}

impl Intake {
    /// What became of it, in answers.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Refused(_) => "refused",
        }
    }
}

/// Why an arrival was refused.
#[derive(Debug)]
pub struct Refusal {
    /// The kind of reason.
    pub reason: Rejection,
    /// For people; no secret.
    pub detail: String,
    /// Whether no signature was sent, which some doors answer otherwise than a wrong one.
    pub unsigned: bool,
    /// The trace, if the body had a better one.
    pub trace: Option<String>,
    /// Whether its signature was right.
    pub proved: bool,
    /// Where it comes from, once a verified body has named that.
    pub origin: Option<Box<Origin>>,
}

impl Refusal {
    fn new(reason: Rejection, detail: impl Into<String>) -> Self {
        // It goes into an answer, a table and a log, and may name what the sender sent.
        let detail = detail.into().chars().take(LENGTH_MAX).collect();
        Self { reason, detail, unsigned: false, trace: None, proved: false, origin: None }
    }
}

/// Who the door says it is from: what to verify with.
struct Claimant<'a> {
    source: String,
    scheme: &'a Scheme,
    secrets: &'a [LiveSecret],
    url: Option<&'a str>,
}

/// Takes an arrival in.
///
/// # Errors
/// When AWS fails. The sender must not be acknowledged then.
pub async fn take_in(deliveries: &Deliveries, arrival: &Arrival) -> Result<Intake, AwsFault> {
    let intake = examine(deliveries, arrival, arrival.received_at).await?;
    if let Intake::Refused(refusal) = &intake {
        keep(deliveries, arrival, refusal).await?;
    }
    Ok(intake)
}

/// Claims and enqueues an arrival, or says why not; keeps no refusal. `started` is when that began.
///
/// # Errors
/// When AWS fails. The sender must not be acknowledged then.
pub(super) async fn examine(
    deliveries: &Deliveries,
    arrival: &Arrival,
    started: Timestamp,
) -> Result<Intake, AwsFault> {
    let delivery = match verify(deliveries, arrival) {
        Ok(delivery) => delivery,
        Err(refusal) => return Ok(Intake::Refused(refusal)),
    };
    let source = arrival.door.source();
    let refused = |refusal| {
        deliveries.count_soon(|tally| tally.proved(&source, delivery.proof()));
        Ok(Intake::Refused(Refusal { proved: true, ..refusal }))
    };
    let (mut label, guard_replay) = match identify(deliveries, arrival, &delivery) {
        Ok(identified) => identified,
        Err(refusal) => return refused(refusal),
    };
    let verdict = receive(deliveries, &mut label, &delivery, guard_replay, started).await?;
    // A rotation is over when nothing is proved by the previous secret any more.
    tracing::info!(?verdict, proof = ?delivery.proof(), origin = %label.origin, key = label.key, "delivery taken in");
    match verdict {
        Verdict::First => Ok(Intake::Accepted(Box::new(label))),
        Verdict::Again | Verdict::Duplicate => {
            emit(deliveries, "webhook.duplicate_events", &label.origin.provider);
            deliveries.count_soon(|tally| {
                tally.add(&source, Counter::Duplicate, 1);
                tally.taken_in(&source, taken_in(deliveries, &delivery, started));
            });
            Ok(Intake::Duplicate(Box::new(label)))
        }
        Verdict::Conflict => {
            let refusal = Refusal::new(Rejection::Conflict, "another body came under the same key before");
            refused(Refusal { trace: Some(label.correlation_id), origin: Some(Box::new(label.origin)), ..refusal })
        }
    }
}

/// Who sent it, and is it true?
fn verify(deliveries: &Deliveries, arrival: &Arrival) -> Result<VerifiedDelivery, Refusal> {
    let body = match &arrival.body {
        ArrivedBody::Whole(body) => body.clone(),
        ArrivedBody::TooLarge { bytes, .. } => {
            let detail = format!("the body has {bytes} bytes, more than {BODY_BYTES_MAX}");
            return Err(Refusal::new(Rejection::TooLarge, detail));
        }
        ArrivedBody::BrokenOff { bytes } => {
            return Err(Refusal::new(Rejection::BadBody, format!("the body broke off after {bytes} bytes")));
        }
    };
    let claimant = claimant(deliveries, arrival)?;
    let delivery = match deliveries.senders.bypass {
        Some(right) => {
            VerifiedDelivery::bypass(right, claimant.source, claimant.scheme, arrival.headers.0.as_slice(), body)
        }
        None => VerifiedDelivery::verify(
            claimant.source,
            claimant.scheme,
            claimant.secrets,
            arrival.headers.0.as_slice(),
            claimant.url,
            body,
            arrival.received_at,
        ),
    };
    delivery.map_err(|refused| {
        // Known only of one whose signature was right.
        let proved = matches!(refused, Refused::UnusableId { .. });
        let reason = match proved {
            true => Rejection::BadBody,
            // Trackstar's secret may be one for its other scheme alone. Whoever picks the wrong one is no proof of a fault here.
            false
                if matches!(refused, Refused::SecretUnusable { .. })
                    && matches!(arrival.door, Door::Trackstar { .. }) =>
            {
                Rejection::BadSignature
            }
            false if refused.is_ours() => Rejection::NoSecret,
            false => Rejection::BadSignature,
        };
        let unsigned = matches!(refused, Refused::MissingSignature { .. });
        Refusal { proved, unsigned, ..Refusal::new(reason, refused.to_string()) }
    })
}

/// What is it; and whether its body must be claimed too.
fn identify(deliveries: &Deliveries, arrival: &Arrival, delivery: &VerifiedDelivery) -> Result<(Label, bool), Refusal> {
    let base64 = !fits_a_queue(delivery.body());
    if base64 && delivery.body().len() > ENCODED_BODY_BYTES_MAX {
        let detail = format!("the body is no plain text and has more than {ENCODED_BODY_BYTES_MAX} bytes");
        return Err(Refusal::new(Rejection::TooLarge, detail));
    }
    let mut label = Label {
        origin: Origin { tenant: TenantId::default(), provider: String::new(), connection: String::new() },
        channel: Channel::Event,
        key: String::new(),
        event_type: None,
        body_hash: hex::encode(delivery.body_hash()),
        received_ms: arrival.received_at.as_millisecond(),
        correlation_id: arrival.correlation_id.clone(),
        base64,
        enqueued_ms: None,
        taken_in: None,
    };
    match &arrival.door {
        Door::Pos { source, tenant } => pos(&mut label, delivery, source, tenant, &arrival.headers)?,
        Door::Trackstar { channel } => {
            let read = trackstar(deliveries, &mut label, delivery, *channel, arrival.correlation_made);
            // What was read until then says by which trace its sender knows it.
            read.map_err(|refusal| Refusal { trace: Some(label.correlation_id.clone()), ..refusal })?;
        }
        Door::Sender { provider, connection } => {
            let sender = deliveries.senders.others.get(&(provider.clone(), connection.clone()));
            let tenant = sender.map(|sender| sender.tenant.clone()).unwrap_or_default();
            label.origin = Origin { tenant, provider: provider.clone(), connection: connection.clone() };
            label.key = match delivery.delivery_id() {
                Some(id) => format!("id:{}", id.text),
                None => format!("{BODY_KEY}{}", label.body_hash),
            };
            let name = EVENT_TYPE_HEADERS.iter().find_map(|name| arrival.headers.get(name));
            label.event_type = name.filter(|name| correlation::is_plain(name)).map(String::from);
        }
    }
    let unsigned_id = delivery.delivery_id().is_some_and(|id| !id.signed);
    let guard_replay = matches!(arrival.door, Door::Sender { .. }) && unsigned_id;
    Ok((label, guard_replay))
}

fn claimant<'a>(deliveries: &'a Deliveries, arrival: &Arrival) -> Result<Claimant<'a>, Refusal> {
    let senders = &deliveries.senders;
    let source = arrival.door.source();
    Ok(match &arrival.door {
        Door::Pos { .. } => Claimant { source, scheme: &schemes::POS_DOOR, secrets: &senders.pos, url: None },
        Door::Trackstar { .. } => {
            // What Trackstar really sends, else what its older clients send.
            let svix = schemes::SVIX.is_addressed(arrival.headers.0.as_slice());
            let scheme = if svix { &schemes::SVIX } else { &schemes::PACKR };
            Claimant { source, scheme, secrets: &senders.trackstar, url: None }
        }
        Door::Sender { provider, connection } => {
            let Some(sender) = senders.others.get(&(provider.clone(), connection.clone())) else {
                return Err(Refusal::new(Rejection::UnknownSender, "no such sender is configured (WEBHOOK_SENDERS)"));
            };
            Claimant { source, scheme: &sender.scheme, secrets: &sender.secrets, url: sender.url.as_deref() }
        }
    })
}

fn pos(
    label: &mut Label,
    delivery: &VerifiedDelivery,
    source: &str,
    tenant: &str,
    headers: &Headers,
) -> Result<(), Refusal> {
    let bad = |detail: String| Refusal::new(Rejection::BadBody, detail);
    let tenant = TenantId::parse(tenant).map_err(|error| bad(format!("x-tenant-id: {error}")))?;
    let source = TenantId::parse(source).map_err(|_| bad("the path names no source".into()))?;
    serde_json::from_slice::<&RawValue>(delivery.body())
        .map_err(|error| bad(format!("the body is no JSON: {error}")))?;
    label.key = match headers.get(IDEMPOTENCY_KEY).map(str::trim).filter(|key| !key.is_empty()) {
        Some(key) if key.len() <= KEY_BYTES_MAX && fits_a_key(key) => format!("{GIVEN_KEY}{key}"),
        // To go by the content instead would lose a second sale with an equal body.
        Some(_) => {
            let limits = format!("at most {KEY_BYTES_MAX} bytes of UTF-8, without control characters");
            return Err(bad(format!("Idempotency-Key must be {limits}")));
        }
        None => {
            format!("{CONTENT_KEY}{}", pos_content_key(tenant.as_str(), source.as_str(), delivery.body()))
        }
    };
    label.origin = Origin { tenant, provider: POS.into(), connection: source.as_str().to_owned() };
    Ok(())
}

fn trackstar(
    deliveries: &Deliveries,
    label: &mut Label,
    delivery: &VerifiedDelivery,
    expected: Channel,
    correlation_made: bool,
) -> Result<(), Refusal> {
    let bad = |detail: String| Refusal::new(Rejection::BadBody, detail);
    let envelope = Envelope::read(delivery.body()).map_err(|error| bad(error.to_string()))?;
    let in_body = envelope.trace().filter(|_| correlation_made);
    if let Some(trace) = in_body {
        label.correlation_id = trace.to_owned();
    }
    let known = deliveries.senders.connections.get(&envelope.connection_id).filter(|connection| connection.active);
    let Some(connection) = known else {
        let acknowledged = Door::Trackstar { channel: expected }.acknowledges(Rejection::UnknownSender);
        if acknowledged && delivery.body().len() > ACKNOWLEDGED_BODY_BYTES_MAX {
            let detail =
                format!("the connection is not known, and only {ACKNOWLEDGED_BODY_BYTES_MAX} bytes can be kept");
            return Err(Refusal::new(Rejection::TooLarge, detail));
        }
        let detail = format!("No active Trackstar integration found for connection_id: {}", envelope.connection_id);
        return Err(Refusal::new(Rejection::UnknownSender, detail));
    };
    label.channel = envelope.channel_at(expected);
    let brand = connection.brand.as_str();
    match label.channel {
        Channel::TrackstarInventory => {
            drop(read_inventory(brand, &envelope.data).map_err(|error| bad(error.to_string()))?)
        }
        Channel::TrackstarShipment | Channel::TrackstarReceipt => {
            let read = read_shipment(brand, &envelope.event_type, &envelope.data, label.received_ms);
            drop(read.map_err(|error| bad(error.to_string()))?);
        }
        Channel::TrackstarOther | Channel::Event => {}
    }
    label.origin =
        Origin { tenant: connection.tenant.clone(), provider: TRACKSTAR.into(), connection: brand.to_owned() };
    let event_id = delivery.delivery_id().map(|id| id.text.as_str()).or(envelope.event_id.as_deref());
    // One that cannot be a key was refused with its signature: only an event without an id goes by its content.
    label.key = match event_id.map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => format!("id:{id}"),
        None => {
            let resource = envelope.event_type.split('.').next().unwrap_or_default();
            let data = serde_json::value::to_raw_value(&envelope.data).map_err(|error| bad(error.to_string()))?;
            let action = envelope.event_type.as_str();
            let key = packr_content_key(label.origin.tenant.as_str(), brand, resource, action, &data);
            format!("{CONTENT_KEY}{key}")
        }
    };
    label.event_type = Some(envelope.event_type);
    Ok(())
}

/// Keeps a refusal.
///
/// # Errors
/// When it could not be kept, of one that is acknowledged all the same; another's answer is a refusal anyway.
async fn keep(deliveries: &Deliveries, arrival: &Arrival, refusal: &Refusal) -> Result<(), AwsFault> {
    let mut source = arrival.door.source();
    let (provider, connection, tenant) = match &arrival.door {
        Door::Pos { source, tenant } => (POS.to_owned(), source.clone(), tenant.clone()),
        Door::Trackstar { .. } => (TRACKSTAR.to_owned(), String::new(), String::new()),
        Door::Sender { provider, connection } => {
            let known = deliveries.senders.others.get(&(provider.clone(), connection.clone()));
            if known.is_none() {
                // They all share one ring: names that a caller makes up must not make storage.
                source = UNKNOWN_SOURCE.to_owned();
            }
            let tenant = known.map(|sender| sender.tenant.to_string()).unwrap_or_default();
            (provider.clone(), connection.clone(), tenant)
        }
    };
    let origin = refusal.origin.as_deref();
    let short = |text: String| text.chars().take(128).collect::<String>();
    let rejected = Rejected {
        reason: refusal.reason,
        detail: refusal.detail.clone(),
        tenant: origin.map_or_else(|| short(tenant), |origin| origin.tenant.to_string()),
        connection: origin.map_or_else(|| short(connection), |origin| origin.connection.clone()),
        provider: short(provider),
        door: arrival.door.clone(),
        received_ms: arrival.received_at.as_millisecond(),
        correlation_id: refusal.trace.as_ref().unwrap_or(&arrival.correlation_id).clone(),
        body_bytes: arrival.body.bytes(),
        body_hash: arrival.body.hash(),
        has_body: false,
        headers: arrival.headers.0.clone(),
        admitted_ms: None,
    };
    if refusal.reason == Rejection::BadSignature {
        emit(deliveries, "webhook.signature_failures", &rejected.provider);
    }
    let kept = reject(deliveries, &source, refusal.proved, rejected, arrival.body.kept()).await;
    if arrival.door.acknowledges(refusal.reason) { kept } else { Ok(()) }
}

fn emit(deliveries: &Deliveries, metric: &str, provider: &str) {
    deliveries.outside.metrics.emit(deliveries.now(), &[("provider", provider)], &[(metric, 1.0, Unit::Count)], &[]);
}
