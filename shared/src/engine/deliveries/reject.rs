//! Reject: keep what was not let in, for a bounded time and number per origin, so that it can be found, and let in after
//! a secret was corrected. Of a flood few are kept, and the rest is counted ([`Flood`](crate::domain::deliveries::flood::Flood)).

use std::time::Duration;

use crate::aws::clients::Patience;
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::counters::Counter;
use crate::domain::deliveries::placement::Hour;
use crate::domain::deliveries::rejected::{
    ACKNOWLEDGED_BODY_BYTES_MAX, REJECTED_BODY_BYTES_MAX, Rejected, Rejection, Ring,
};
use crate::domain::ids::TenantId;
use crate::domain::redact;
use crate::engine::deliveries::context::Deliveries;
use crate::telemetry::metrics::{By, Level, Line, Metric, Unit};

/// How long a refused sender waits for what is stored about it. Whoever sends a flood must not hold an instance for longer.
pub(super) const STORING_MAX: Duration = Duration::from_millis(150);

/// An arrival that was refused, as far as it matters for keeping it.
pub(super) struct RefusedArrival<'a> {
    /// Where it belongs. The origin is one of a bounded set, never a name that the sender made up.
    pub(super) ring: Ring,
    /// Why.
    pub(super) reason: Rejection,
    /// Whether its sender is told of success all the same.
    pub(super) acknowledged: bool,
    /// The body, as far as it came.
    pub(super) body: &'a [u8],
}

/// Keeps a refusal, which counts it, or counts it alone: where its ring has had enough of them, or storage does not answer in
/// time. One that is acknowledged is kept, whatever that takes.
///
/// # Errors
/// When one that is acknowledged could not be kept. Another's answer is a refusal anyway.
pub(super) async fn reject(
    deliveries: &Deliveries,
    refused: RefusedArrival<'_>,
    rejected: impl FnOnce() -> Rejected,
) -> Result<(), AwsFault> {
    let mut numbered = false;
    if refused.acknowledged {
        let rejected = described(&refused, rejected());
        let kept = keep(deliveries, &refused, &rejected, Patience::Usual, &mut numbered).await;
        log(deliveries, &refused, &rejected, &kept, numbered);
        return kept;
    }
    let (origin, reason) = (&refused.ring.origin, refused.reason);
    if !deliveries.flood().keeps(&refused.ring, deliveries.now().as_millisecond()) {
        deliveries.flood().count(origin, reason, false);
        return Ok(());
    }
    let rejected = described(&refused, rejected());
    let keeping = keep(deliveries, &refused, &rejected, Patience::Once, &mut numbered);
    let kept = deliveries.outside.clock.within(STORING_MAX, keeping).await;
    let kept = kept.unwrap_or_else(|| Err(AwsFault::unanswered("keep rejected delivery", STORING_MAX)));
    if kept.is_err() {
        let mut flood = deliveries.flood();
        flood.count(origin, reason, numbered);
        flood.rest(deliveries.now().as_millisecond());
    }
    log(deliveries, &refused, &rejected, &kept, numbered);
    Ok(())
}

/// A rejected delivery as it is kept.
fn described(refused: &RefusedArrival<'_>, mut rejected: Rejected) -> Rejected {
    rejected.has_body = kept_body(refused).is_some();
    rejected.detail = redact::error_text(&rejected.detail);
    // Senders may spell a tenant in capitals; under its one name its operators find it. What is not a tenant stays as it was sent.
    if let Ok(tenant) = TenantId::parse(&rejected.tenant) {
        rejected.tenant = tenant.to_string();
    }
    rejected
}

fn kept_body<'a>(refused: &RefusedArrival<'a>) -> Option<&'a [u8]> {
    let bytes_max = if refused.acknowledged { ACKNOWLEDGED_BODY_BYTES_MAX } else { REJECTED_BODY_BYTES_MAX };
    Some(refused.body).filter(|body| !body.is_empty() && body.len() <= bytes_max)
}

/// `numbered` learns when it has a number, which counts it.
async fn keep(
    deliveries: &Deliveries,
    refused: &RefusedArrival<'_>,
    rejected: &Rejected,
    patience: Patience,
    numbered: &mut bool,
) -> Result<(), AwsFault> {
    let (store, ring) = (&deliveries.store, &refused.ring);
    // Once for each ring and instance: registering it every time would double what keeping one costs.
    let name = ring.to_string();
    if !deliveries.has_registered(&name) {
        store.register_ring(ring, patience).await?;
        deliveries.note_registered(name);
    }
    let hour = Hour::of(rejected.received_ms);
    let id = store.number_rejected(ring, refused.reason, hour, patience).await?;
    *numbered = true;
    store.keep_rejected(&id, rejected, kept_body(refused), patience).await
}

/// One line, whatever became of it. One without a number is measured where it is counted.
fn log(
    deliveries: &Deliveries,
    refused: &RefusedArrival<'_>,
    rejected: &Rejected,
    kept: &Result<(), AwsFault>,
    numbered: bool,
) {
    let line = match kept {
        Ok(()) => Line::new(Level::Warn, "delivery rejected"),
        // Whoever asks for what was lost wants those whose senders were to be told of success: of the others senders know.
        Err(fault) => Line::new(Level::Error, "rejected delivery not kept")
            .with("fault", fault.to_string())
            .with("acknowledged", refused.acknowledged),
    };
    let line = line.traced(&rejected.correlation_id).with("origin", refused.ring.origin.as_str());
    let line = line.with("reason", refused.reason.as_str()).with("bodyBytes", rejected.body_bytes);
    write(deliveries, line, &refused.ring.origin, numbered.then_some((refused.reason, 1)), 0);
}

/// Writes down what was refused and only counted, if a second has passed since the last time. One line for all of them, and another for
/// each further reason, as a line has one: a flood has one, too.
pub(super) async fn count_refused(deliveries: &Deliveries) {
    let due = deliveries.flood().due(deliveries.now().as_millisecond());
    let Some((origin, counts)) = due else { return };
    let counting = deliveries.store.count_fleet(&origin, &counts, Patience::Once);
    let counted = deliveries.outside.clock.within(STORING_MAX, counting).await;
    let counted = counted.unwrap_or_else(|| Err(AwsFault::unanswered("count", STORING_MAX)));
    let line = || match &counted {
        Ok(()) => Line::new(Level::Warn, "refusals counted").with("origin", origin.as_str()),
        Err(fault) => Line::new(Level::Error, "refusals not counted")
            .with("origin", origin.as_str())
            .with("fault", fault.to_string()),
    };
    let refused = |(counter, count): (&Counter, &u64)| match counter {
        Counter::Refused(reason) => Some((*reason, *count)),
        _ => None,
    };
    let mut refused = counts.iter().filter_map(refused);
    let all = counts.iter().fold(line(), |line, (counter, count)| line.with(counter.name(), *count));
    let unkept = counts.get(&Counter::Unkept).copied().unwrap_or(0);
    write(deliveries, all, &origin, refused.next(), unkept);
    refused.for_each(|refused| write(deliveries, line(), &origin, Some(refused), 0));
}

fn write(deliveries: &Deliveries, line: Line, origin: &str, refused: Option<(Rejection, u64)>, unkept: u64) {
    // Of `provider/connection`: no metric grows a series for each connection.
    let provider = ("provider", origin.split('/').next().unwrap_or_default());
    // One whose body came before was none that was refused: its sender was told of a duplicate, as which it is counted.
    let (reason, count) = refused.filter(|(reason, _)| *reason != Rejection::SameBody).unzip();
    let reason = reason.map(Rejection::as_str);
    let failures = count.filter(|_| reason == Some(Rejection::BadSignature.as_str()));
    let metric = |name, count: Option<u64>| Some((name, count? as f64, Unit::Count));
    let of_provider: Vec<Metric<'_>> = [
        metric("webhook.signature_failures", failures),
        metric("webhook.unkept", Some(unkept).filter(|unkept| *unkept > 0)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let of_reason: Vec<Metric<'_>> = metric("webhook.rejected", count).into_iter().collect();
    let measured = [By(&[provider], &of_provider), By(&[provider, ("reason", reason.unwrap_or_default())], &of_reason)];
    deliveries.outside.metrics.log(deliveries.now(), line, &measured);
}
