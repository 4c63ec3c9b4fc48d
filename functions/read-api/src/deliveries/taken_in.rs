//! Webhooks that were let in: those that had their effect, and those that a queue gave up on.

use signalbox::aws::deliveries::listed::Processed;
use signalbox::domain::deliveries::placement::DeliveryPlace;
use signalbox::domain::ids::{ProviderId, TenantId};
use signalbox::domain::time;
use signalbox::engine::deliveries::list::{self, ListReads, Listed, Source, Wanted, Which};
use signalbox::http::auth::Caller;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::operations::{DeliveriesPage, DeliveryView};

use super::list::{bound, limit, tenant, text, trace};
use crate::Reads;

/// More than any sender's key has; with a connection before it, it fits the key of a claim.
const KEY_BYTES_MAX: usize = 1024;

/// Which of these lists is asked for; none where it is another.
///
/// One of them with another status is refused. They are other lists than those of refused ones: of one tenant, by other times
/// and with other cursors; and `all` beside one of its own kinds is a mistake.
pub(super) fn which(query: &Query) -> Result<Option<Which>, Problem> {
    let known = |status: &str| match status.to_lowercase().as_str() {
        "processed" => Some(Which::Processed),
        "dead" => Some(Which::Dead),
        "all" => Some(Which::All),
        _ => None,
    };
    let statuses: Vec<&str> = query.list(&["status"]).collect();
    match statuses.as_slice() {
        [status] => Ok(known(status)),
        several if several.iter().any(|status| known(status).is_some()) => Err(Problem::fields(&[(
            "status",
            "processed, dead and all are lists of their own: ask for one of them alone",
        )])),
        _ => Ok(None),
    }
}

/// A page of such a list.
pub(super) async fn page(
    reads: &Reads,
    caller: &Caller,
    query: &Query,
    which: Which,
) -> Result<DeliveriesPage, Problem> {
    let Some(wanted) = wanted(caller, query, which)? else {
        return Ok(DeliveriesPage { ok: true, ..DeliveriesPage::default() });
    };
    let from = ListReads { deliveries: &reads.processed, store: &reads.deliveries, journal: &reads.journal };
    let page = list::page(from, reads.now(), &wanted).await;
    let page = page.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    Ok(DeliveriesPage {
        ok: true,
        items: page.found.into_iter().map(|listed| view(&wanted.tenant, listed)).collect(),
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|place| place.to_string()),
        reasons: None,
    })
}

/// What is wanted; none where it is another tenant's, of whom the caller sees nothing.
fn wanted(caller: &Caller, query: &Query, which: Which) -> Result<Option<Wanted>, Problem> {
    let wrong = |field: &'static str, why: &str| Problem::fields(&[(field, why)]);
    let source = query
        .first(&["source"])
        .map(|text| Source::parse(text).ok_or_else(|| wrong("source", "must be provider or provider/connection")));
    let source = source.transpose()?;
    let key = query.first(&["key"]).map(String::from);
    if let Some(key) = &key {
        // Points of sale give theirs for the whole tenant.
        let names_one = |source: &Source| source.name.is_some() || source.provider == ProviderId::POS;
        if !source.as_ref().is_some_and(names_one) {
            return Err(wrong("source", "must be pos or provider/connection, whose key it is"));
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(wrong("key", &format!("must have at most {KEY_BYTES_MAX} bytes")));
        }
    }
    let below = query.first(&["cursor"]).map(str::parse).transpose();
    let tenant = tenant(caller, query)?;
    let is_seen = tenant.is_some();
    let wanted = Wanted {
        tenant: tenant.unwrap_or_else(|| caller.tenant.clone()),
        which,
        brands: caller.brands().map(<[_]>::to_vec),
        source,
        from: bound(query, "from")?,
        to: bound(query, "to")?,
        correlation_id: trace(query)?,
        key,
        text: text(query)?,
        below: below.map_err(|_| wrong("cursor", "is unknown"))?,
        limit: limit(query)?,
    };
    Ok(is_seen.then_some(wanted))
}

pub(crate) fn view(tenant: &TenantId, listed: Listed) -> DeliveryView {
    match listed {
        Listed::Dead(letter) => DeliveryView::of_dead_letter(tenant, &letter),
        Listed::Processed(place, delivery) => processed(&place, delivery),
        Listed::Claimed(place, connection, key, claim) => DeliveryView {
            correlation_id: Some(claim.correlation_id),
            detail: claim.last_error,
            attempts: Some(claim.attempts.unwrap_or(0)),
            ..DeliveryView::taken_in(place.to_string(), "received", &connection, &key, place.received_ms)
        },
    }
}

/// What is shown of one that had its effect.
pub(super) fn processed(place: &DeliveryPlace, delivery: Processed) -> DeliveryView {
    DeliveryView {
        event_type: delivery.event_type,
        correlation_id: Some(delivery.correlation_id),
        processed_at: delivery.processed_at.map(time::text),
        outcome: delivery.outcome.map(|outcome| outcome.as_str()),
        ahead_of_receipt: Some(delivery.ahead_of_receipt),
        body_bytes: delivery.body_bytes,
        body_hash: Some(delivery.body_hash),
        has_body: delivery.has_body,
        ..DeliveryView::taken_in(place.to_string(), "processed", &delivery.connection, &delivery.key, place.received_ms)
    }
}
