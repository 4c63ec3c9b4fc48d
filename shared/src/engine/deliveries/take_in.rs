//! Take in: from raw bytes at a door to a claimed and enqueued delivery, or to a refusal that is kept.
//!
//! Size, sender and signature come first, in this order; nothing is parsed and no state is touched before the signature
//! over the raw bytes was right.

use jiff::Timestamp;
use serde_json::Value;

use crate::aws::faults::AwsFault;
use crate::domain::deliveries::claim::Verdict;
use crate::domain::deliveries::counters::Counter;
use crate::domain::deliveries::delivery::{
    BODY_BYTES_MAX, ENCODED_BODY_BYTES_MAX, ID_KEY, Label, claim_key, fits_a_queue,
};
use crate::domain::deliveries::placement::shard_of;
use crate::domain::deliveries::rejected::{Rejected, Rejection, Ring, RingKind};
use crate::domain::deliveries::signature::{Finding, LiveSecret, Refused, VerifiedDelivery, explain};
use crate::engine::connections::readers::Connections;
use crate::engine::deliveries::arrival::{Arrival, ArrivedBody, CONTENT_ENCODING};
use crate::engine::deliveries::claim::{claim_and_enqueue, taken_in};
use crate::engine::deliveries::context::Deliveries;
use crate::engine::deliveries::doors::{self, Claimed, DoorRules, Identity, Named, Weaker};
use crate::engine::deliveries::refusal::Refusal;
use crate::engine::deliveries::reject::{RefusedArrival, count_refused, reject};
use crate::telemetry::logs;
use crate::telemetry::metrics::{By, Level, Line, Unit};

/// What became of an arrival.
#[derive(Debug)]
pub enum Intake {
    /// It is the first of its kind, and in the queue.
    Accepted(Acknowledgement),
    /// It came before: its effect has happened, or it is in the queue.
    Duplicate(Acknowledgement),
    /// It was refused. [`take_in`] has kept the refusal.
    Refused(Refusal),
    /// It is no event: its sender asks to have this echoed. Nothing is stored of it.
    Challenge(String),
}

/// What a door may tell its sender of a delivery that was taken in.
#[derive(Debug)]
pub struct Acknowledgement {
    /// Its idempotency key.
    pub key: String,
    /// The trace: the request's, or a better one of the body.
    pub correlation_id: String,
    /// The id of what the event is about, as its body gives it; null where the door reads none.
    pub subject_id: Value,
    /// Why it is kept for operators, though its sender is told that it came before: it may be an event of its own.
    pub kept: Option<Box<Refusal>>,
}

impl From<Identity> for Acknowledgement {
    fn from(Identity { key, correlation_id, subject_id, .. }: Identity) -> Self {
        Self { key, correlation_id, subject_id, kept: None }
    }
}

impl Intake {
    /// What became of it, in answers.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Refused(_) => "refused",
            Self::Challenge(_) => "challenge",
        }
    }
}

/// Why an arrival was neither taken in nor refused: its sender must not be acknowledged, and sends again.
#[derive(Debug, thiserror::Error)]
pub enum NotTakenIn {
    /// What must be known of its sender could not be read, so that nobody can say whether it is good. Nothing was stored.
    #[error("its sender is not known: {0}")]
    Unread(AwsFault),
    /// It could not be stored or handed on.
    #[error(transparent)]
    NotStored(#[from] AwsFault),
}

/// An arrival that was neither taken in nor refused.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct IntakeError {
    /// Why.
    pub why: NotTakenIn,
    /// The trace, if the body had a better one.
    pub trace: Option<String>,
}

/// Takes an arrival in.
///
/// # Errors
/// When AWS fails. The sender must not be acknowledged then.
pub async fn take_in(deliveries: &Deliveries, arrival: &Arrival) -> Result<Intake, IntakeError> {
    let unread = |fault| IntakeError { why: NotTakenIn::Unread(fault), trace: None };
    let of_service = deliveries.senders.service_secrets(&arrival.door, deliveries.now()).map_err(unread)?;
    let connections = &deliveries.connections;
    let mut identified = identify(deliveries, connections, arrival, &of_service).await.map_err(unread)?;
    if let (Err(refusal), Some(known)) = (&identified, &arrival.behind)
        && may_be_outdated(refusal)
        && let Some(behind) = deliveries.behind_newer(&arrival.door, known).await
    {
        let again = Arrival { behind: Some(behind), ..arrival.clone() };
        identified = identify(deliveries, connections, &again, &of_service).await.map_err(unread)?;
    }
    let trace = match &identified {
        Ok(Found::Delivery(identified)) => Some(&identified.identity.correlation_id),
        Ok(Found::Challenge(_)) => None,
        Err(refusal) => refusal.trace.as_ref(),
    };
    let trace = trace.filter(|trace| **trace != arrival.correlation_id).cloned();
    if let Some(trace) = &trace {
        logs::correlate(trace);
    }
    let intake = claim_or_keep(deliveries, arrival, identified).await;
    // Whatever became of it: the instance may not be asked again.
    deliveries.counts.flush_if_due(&deliveries.outside.clock).await;
    count_refused(deliveries).await;
    intake.map_err(|fault| IntakeError { why: fault.into(), trace })
}

/// Whether a signature may be one of a secret that this instance does not know yet, as it was made within the last half minute.
fn may_be_outdated(refusal: &Refusal) -> bool {
    refusal.reason == Rejection::BadSignature && !refusal.unsigned && !refusal.proved
}

async fn claim_or_keep(
    deliveries: &Deliveries,
    arrival: &Arrival,
    found: Result<Found, Refusal>,
) -> Result<Intake, AwsFault> {
    let intake = match found {
        Ok(Found::Delivery(identified)) => {
            claim_identified(deliveries, arrival, *identified, arrival.received_at).await?
        }
        Ok(Found::Challenge(challenge)) => {
            tracing::info!(door = ?arrival.door, "challenge echoed");
            Intake::Challenge(challenge)
        }
        Err(refusal) => Intake::Refused(refusal),
    };
    match &intake {
        Intake::Refused(refusal) => keep(deliveries, arrival, refusal).await?,
        Intake::Duplicate(Acknowledgement { kept: Some(refusal), .. }) => keep(deliveries, arrival, refusal).await?,
        Intake::Accepted(_) | Intake::Duplicate(_) | Intake::Challenge(_) => {}
    }
    Ok(intake)
}

/// Takes in an arrival that was refused before; keeps no refusal.
///
/// # Errors
/// When AWS fails.
pub(super) async fn take_in_again(
    deliveries: &Deliveries,
    connections: &Connections,
    arrival: &Arrival,
) -> Result<Intake, NotTakenIn> {
    let of_service = deliveries.senders.service_secrets(&arrival.door, deliveries.now()).map_err(NotTakenIn::Unread)?;
    match identify(deliveries, connections, arrival, &of_service).await.map_err(NotTakenIn::Unread)? {
        Ok(Found::Delivery(identified)) => {
            Ok(claim_identified(deliveries, arrival, *identified, deliveries.now()).await?)
        }
        Ok(Found::Challenge(challenge)) => Ok(Intake::Challenge(challenge)),
        Err(refusal) => {
            let findings = explained(deliveries, arrival, &of_service, &refusal);
            Ok(Intake::Refused(Refusal { findings, ..refusal }))
        }
    }
}

/// What explains a signature that is wrong, as `signalbox verify` explains it.
fn explained(deliveries: &Deliveries, arrival: &Arrival, of_service: &[LiveSecret], refusal: &Refusal) -> Vec<Finding> {
    let ArrivedBody::Whole(body) = &arrival.body else { return Vec::new() };
    if refusal.reason != Rejection::BadSignature {
        return Vec::new();
    }
    let rules = doors::rules(&deliveries.senders, arrival.behind.as_deref(), &arrival.door);
    let Ok(verifier) = rules.verifier(arrival, of_service) else { return Vec::new() };
    let (headers, url) = (arrival.headers.0.as_slice(), verifier.url.as_deref());
    let of = |scheme| explain(scheme, verifier.secrets, headers, url, body, arrival.received_at).findings;
    let findings = of(verifier.scheme);
    match verifier.or {
        // While senders move from one scheme to the other, it may be the other one that was meant.
        Some(or) if matches!(findings.as_slice(), [] | [Finding::Nothing]) => of(or),
        _ => findings,
    }
}

/// What an arrival is whose signature was right.
enum Found {
    Delivery(Box<Identified>),
    Challenge(String),
}

/// A delivery whose signature was right, and what it is.
struct Identified {
    delivery: VerifiedDelivery,
    identity: Identity,
    /// Whether its body is to travel in base64.
    base64: bool,
}

/// Verifies an arrival and reads what it is. Nothing is stored, and a fault is one of reading.
async fn identify(
    deliveries: &Deliveries,
    connections: &Connections,
    arrival: &Arrival,
    of_service: &[LiveSecret],
) -> Result<Result<Found, Refusal>, AwsFault> {
    let rules = doors::rules(&deliveries.senders, arrival.behind.as_deref(), &arrival.door);
    let delivery = match verify(deliveries, &*rules, arrival, of_service) {
        Ok(delivery) => delivery,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(challenge) = rules.challenge(&delivery) {
        return Ok(Ok(Found::Challenge(challenge)));
    }
    let named = match rules.named_in(&delivery) {
        Some(Named::Address(address)) => connections.addressed(&address).await?,
        // An operator may have paused it.
        Some(Named::Configured(connection)) => connections.unopened(&connection).await?,
        None => None,
    };
    let identified = travels_encoded(&delivery).and_then(|base64| {
        let identity = rules.identify(arrival, &delivery, named.as_deref())?;
        Ok((identity, base64))
    });
    Ok(match identified {
        Ok((identity, base64)) => Ok(Found::Delivery(Box::new(Identified { delivery, identity, base64 }))),
        Err(refusal) => Err(proved(deliveries, &delivery, refusal)),
    })
}

/// A refusal of a delivery whose signature was right, which is counted.
fn proved(deliveries: &Deliveries, delivery: &VerifiedDelivery, refusal: Refusal) -> Refusal {
    deliveries.counts.soon(|tally| tally.proved(delivery.origin(), delivery.proof()));
    Refusal { proved: true, ..refusal }
}

/// Claims and enqueues a delivery, or says why not. `started` is when taking it in began.
async fn claim_identified(
    deliveries: &Deliveries,
    arrival: &Arrival,
    identified: Identified,
    started: Timestamp,
) -> Result<Intake, AwsFault> {
    let mut label = label(&identified, arrival, deliveries.shards);
    let Identified { delivery, identity, .. } = identified;
    let (verdict, how) = claim_and_enqueue(deliveries, &mut label, &delivery, started).await?;
    if verdict != Verdict::Conflict {
        log(deliveries, &label, verdict, &delivery, started);
    }
    if matches!(verdict, Verdict::Again | Verdict::Duplicate) {
        deliveries.counts.soon(|tally| {
            tally.add(delivery.origin(), Counter::Duplicate, 1);
            tally.taken_in(delivery.origin(), how);
        });
    }
    Ok(match verdict {
        Verdict::First => Intake::Accepted(identity.into()),
        // It has a name of its own, and became an attempt of the event under another.
        Verdict::Again | Verdict::Duplicate if identity.key.starts_with(ID_KEY) && label.key != identity.key => {
            let detail = format!(
                "its body came under the key {} before, and its own key {} is not signed: it counts as that one, sent again",
                named(&label.key),
                named(&identity.key)
            );
            let refusal = Refusal::new(Rejection::SameBody, detail);
            let (trace, connection) =
                (Some(identity.correlation_id.clone()), Some(Box::new(identity.connection.clone())));
            // Counted as the duplicate that it is answered as, with the secret that proved it.
            let kept = Box::new(Refusal { proved: true, trace, connection, ..refusal });
            Intake::Duplicate(Acknowledgement { kept: Some(kept), ..identity.into() })
        }
        Verdict::Again | Verdict::Duplicate => Intake::Duplicate(identity.into()),
        Verdict::Conflict => {
            // It can be asked for by the key, and its sender be told which one it gave twice.
            let detail = format!("another body came under the key {} before", named(&label.key));
            let refusal = Refusal::new(Rejection::Conflict, detail);
            let (trace, connection) = (Some(identity.correlation_id), Some(Box::new(identity.connection)));
            Intake::Refused(proved(deliveries, &delivery, Refusal { trace, connection, ..refusal }))
        }
    })
}

/// A key without the word that says whose it is: `key:` before it would be taken for a credential, and the rest be masked.
fn named(key: &str) -> &str {
    key.split_once(':').map_or(key, |(_, named)| named)
}

/// The door's one line about a delivery: a refusal has its own.
fn log(deliveries: &Deliveries, label: &Label, verdict: Verdict, delivery: &VerifiedDelivery, started: Timestamp) {
    let line = Line::new(Level::Info, "delivery taken in").traced(&label.correlation_id);
    let line = line.with("verdict", format!("{verdict:?}"));
    // A rotation is over when nothing is proved by the previous secret any more.
    let line = line.with("proof", format!("{:?}", delivery.proof()));
    let line = line.with("connection", label.connection.to_string()).with("key", label.key.as_str());
    let line = line.with("ms", taken_in(deliveries, delivery, started).ms);
    let counted = if verdict == Verdict::First { "webhook.received" } else { "webhook.duplicate_events" };
    let provider = [("provider", label.connection.provider.as_str())];
    deliveries.outside.metrics.log(deliveries.now(), line, &[By(&provider, &[(counted, 1.0, Unit::Count)])]);
}

/// Size, sender, signature.
fn verify<'a>(
    deliveries: &Deliveries,
    rules: &dyn DoorRules<'a>,
    arrival: &Arrival,
    of_service: &'a [LiveSecret],
) -> Result<VerifiedDelivery, Refusal> {
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
    let verifier = rules.verifier(arrival, of_service)?;
    let compressed = compression(arrival)
        .map(|encoding| format!("the body is compressed (content-encoding: {encoding}): send it as it is"));
    let (origin, headers) = (rules.claimed().origin, arrival.headers.0.as_slice());
    let verified = |scheme| {
        let (secrets, url) = (verifier.secrets, verifier.url.as_deref());
        let (origin, body) = (origin.as_str(), body.clone());
        VerifiedDelivery::verify(origin, scheme, secrets, headers, url, body, arrival.received_at)
    };
    let delivery = match deliveries.senders.bypass {
        Some(right) => VerifiedDelivery::bypass(right, origin.as_str(), verifier.scheme, headers, body.clone()),
        None => verified(verifier.scheme).or_else(|refused| verifier.or.map_or(Err(refused), verified)),
    };
    let delivery = delivery.map_err(|refused| {
        // Known only of one whose signature was right.
        let proved = matches!(refused, Refused::UnusableId { .. });
        let reason = match proved {
            true => Rejection::BadBody,
            false if rules.is_our_fault(&refused) => Rejection::NoSecret,
            false => Rejection::BadSignature,
        };
        let unsigned = matches!(refused, Refused::MissingSignature { .. });
        let mut detail = match (&refused, &verifier.weaker) {
            (Refused::Mismatch, Some(Weaker { scheme, detail, .. })) if verified(scheme).is_ok() => {
                (*detail).to_owned()
            }
            (Refused::Mismatch, Some(Weaker { mismatch, .. })) => (*mismatch).to_owned(),
            _ => refused.to_string(),
        };
        // Some senders sign the body as it was before they compressed it.
        if let Some(compressed) = compressed.as_ref().filter(|_| !unsigned) {
            detail = format!("{detail}; {compressed}");
        }
        Refusal { proved, unsigned, ..Refusal::new(reason, detail) }
    })?;
    match compressed {
        Some(detail) => Err(proved(deliveries, &delivery, Refusal::bad_body(detail))),
        None => Ok(delivery),
    }
}

/// The compression that a request says its body has. What a signature covers of such a body differs from sender to sender, and
/// the header itself is not signed: so it is refused by name, and not read in one of two ways.
fn compression(arrival: &Arrival) -> Option<&'static str> {
    const COMPRESSIONS: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];
    let named = arrival.headers.get(CONTENT_ENCODING)?.split(',').map(str::trim);
    // Some senders name a character set there.
    named.filter_map(|name| COMPRESSIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name))).next()
}

/// Whether its body is to be enqueued in base64, as what is not plain text is. There is room for less of that.
fn travels_encoded(delivery: &VerifiedDelivery) -> Result<bool, Refusal> {
    let base64 = !fits_a_queue(delivery.body());
    if base64 && delivery.body().len() > ENCODED_BODY_BYTES_MAX {
        let detail = format!("the body is not plain text and has more than {ENCODED_BODY_BYTES_MAX} bytes");
        return Err(Refusal::new(Rejection::TooLarge, detail));
    }
    Ok(base64)
}

fn label(identified: &Identified, arrival: &Arrival, shards: u8) -> Label {
    let Identified { delivery, identity, base64 } = identified;
    Label {
        connection: identity.connection.clone(),
        channel: identity.channel,
        key: identity.key.clone(),
        event_type: identity.event_type.clone(),
        body_hash: hex::encode(delivery.body_hash()),
        received_ms: arrival.received_at.as_millisecond(),
        shard: shard_of(&claim_key(&identity.connection, &identity.key), shards),
        correlation_id: identity.correlation_id.clone(),
        base64: *base64,
        claims_body: identity.claims_body,
        signed_id: identity.signed_id,
        content_hash: identity.content_hash.clone(),
        enqueued_ms: None,
        taken_in: None,
        sent_again: false,
    }
}

/// Keeps a refusal, or counts it alone.
///
/// # Errors
/// When it could not be kept, of one that is acknowledged all the same; another's answer is a refusal anyway.
async fn keep(deliveries: &Deliveries, arrival: &Arrival, refusal: &Refusal) -> Result<(), AwsFault> {
    let claimed = doors::rules(&deliveries.senders, arrival.behind.as_deref(), &arrival.door).claimed();
    let acknowledged = refusal.reason.is_acknowledged_at(&arrival.door);
    let kind = match (refusal.proved, acknowledged) {
        (true, true) => RingKind::Acknowledged,
        (true, false) => RingKind::Proved,
        (false, _) => RingKind::Open,
    };
    let refused = RefusedArrival {
        ring: Ring { origin: claimed.origin.clone(), kind },
        reason: refusal.reason,
        acknowledged,
        body: arrival.body.kept(),
    };
    // Of those that are not kept nobody asks: a flood costs no hash of each body.
    reject(deliveries, refused, || rejected(arrival, refusal, &claimed)).await
}

fn rejected(arrival: &Arrival, refusal: &Refusal, claimed: &Claimed) -> Rejected {
    let connection = refusal.connection.as_deref();
    let short = |text: &str| text.chars().take(128).collect::<String>();
    Rejected {
        reason: refusal.reason,
        detail: refusal.detail.clone(),
        tenant: connection.map_or_else(|| short(&claimed.tenant), |connection| connection.tenant.to_string()),
        connection: connection.map_or_else(|| short(&claimed.connection), |connection| connection.name.to_string()),
        provider: short(&claimed.provider),
        door: arrival.door.clone(),
        received_ms: arrival.received_at.as_millisecond(),
        correlation_id: refusal.trace.as_ref().unwrap_or(&arrival.correlation_id).clone(),
        body_bytes: arrival.body.bytes(),
        body_hash: arrival.body.hash(),
        has_body: false,
        headers: arrival.headers.0.clone(),
        admitted_ms: None,
    }
}
