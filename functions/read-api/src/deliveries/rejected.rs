//! Webhooks that were not let in.

use jiff::Timestamp;
use signalbox::domain::deliveries::rejected::{Rejected, RejectedId, RejectedPlace, Rejection, Ring, RingKind};
use signalbox::domain::deliveries::text::Part;
use signalbox::domain::ids::{ConnectionName, TenantId};
use signalbox::http::auth::Caller;
use signalbox::http::problem::{INTERNAL_ERROR, INVALID_REQUEST, Problem};
use signalbox::http::query::{Query, TENANT};
use signalbox::http::wire::operations::{DeliveriesPage, DeliveryView, ReasonCount};

use super::list::{bound, limit, text, trace};
use crate::Reads;

/// A page of them, newest first.
pub(super) async fn page(reads: &Reads, caller: &Caller, query: &Query) -> Result<DeliveriesPage, Problem> {
    let filter = RejectedFilter::read(query)?;
    let failed = |fault: signalbox::aws::faults::AwsFault| Problem::internal(INTERNAL_ERROR, &fault);
    let mut rings = reads.deliveries.rejected_rings().await.map_err(failed)?;
    match query.first(&["source"]).map(str::parse::<Ring>) {
        Some(Ok(wanted)) => rings.retain(|ring| is_of(ring, &wanted)),
        // Nothing was rejected of what cannot be an origin.
        Some(Err(_)) => rings.clear(),
        None => {}
    }
    let now = reads.now();
    let mut found: Vec<(RejectedPlace, Rejected)> = Vec::new();
    let mut reasons = Rejection::ALL.map(|reason| ReasonCount { reason: reason.as_str(), count: 0 });
    for ring in rings {
        for (id, rejected) in reads.deliveries.rejected(&ring, now).await.map_err(failed)? {
            if !filter.takes(&rejected) || !may_see(caller, &id, &rejected) {
                continue;
            }
            for of in reasons.iter_mut().filter(|of| of.reason == rejected.reason.as_str()) {
                of.count += 1;
            }
            if filter.takes_status(&rejected) {
                found.push((RejectedPlace { received_ms: rejected.received_ms, id }, rejected));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.retain(|(place, _)| filter.cursor.as_ref().is_none_or(|cursor| place <= cursor));
    let next = found.get(filter.limit).map(|(place, _)| place.to_string());
    found.truncate(filter.limit);
    let items = found.iter().map(|(place, rejected)| DeliveryView::of_rejected(&place.id, rejected)).collect();
    let reasons = reasons.into_iter().filter(|of| of.count > 0).collect();
    Ok(DeliveriesPage { ok: true, items, has_more: next.is_some(), next_cursor: next, reasons: Some(reasons) })
}

/// Whether a ring is of the origin that was asked for, or of the provider, and of the kind if one was named.
fn is_of(ring: &Ring, wanted: &Ring) -> bool {
    let provider = ring.origin.split_once('/').map(|(provider, _)| provider);
    (ring.origin == wanted.origin || provider == Some(wanted.origin.as_str()))
        && (wanted.kind == RingKind::Open || ring.kind == wanted.kind)
}

/// Whoever has not proved to know the secret may name any tenant. The ring says who has; a reason does not, as more than one
/// is given before and after verification.
pub(super) fn may_see(caller: &Caller, id: &RejectedId, rejected: &Rejected) -> bool {
    let is_own = || {
        let brand = ConnectionName::parse(&rejected.connection);
        rejected.tenant == caller.tenant.as_str() && brand.is_ok_and(|brand| caller.sees(&brand))
    };
    caller.tenant == TenantId::DEFAULT || (id.ring.kind.is_proved() && is_own())
}

/// The tenant that they are to claim. What is claimed need not be one's id; but two are no filter.
fn claimed(query: &Query) -> Result<Option<String>, Problem> {
    let mut names = query.all(&TENANT).filter(|name| !name.is_empty()).map(str::to_lowercase);
    let first = names.next();
    match names.find(|other| first.as_ref() != Some(other)) {
        Some(_) => Err(Problem::new(INVALID_REQUEST, "the call names two tenants: name one")),
        None => Ok(first),
    }
}

/// A value of the parameter `status`.
enum Status {
    Rejected,
    Admitted,
    Because(Rejection),
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "rejected" => Some(Self::Rejected),
            "admitted" => Some(Self::Admitted),
            reason => Rejection::ALL.into_iter().find(|known| known.as_str() == reason).map(Self::Because),
        }
    }

    /// Refused rather than passed over as on the vendor sync's routes: a list that a typo leaves empty says that nothing was
    /// rejected.
    fn unknown() -> Problem {
        let reasons = Rejection::ALL.map(Rejection::as_str).join(", ");
        let known =
            format!("must be processed, dead or all, or any of rejected, admitted and these reasons: {reasons}");
        Problem::fields(&[("status", &known)])
    }

    fn takes(&self, rejected: &Rejected) -> bool {
        match self {
            Self::Rejected => rejected.admitted_ms.is_none(),
            Self::Admitted => rejected.admitted_ms.is_some(),
            Self::Because(reason) => rejected.reason == *reason,
        }
    }
}

struct RejectedFilter {
    /// Any of them; none named means all.
    statuses: Vec<Status>,
    tenant: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    trace: Option<String>,
    text: Option<Part>,
    limit: usize,
    cursor: Option<RejectedPlace>,
}

impl RejectedFilter {
    fn read(query: &Query) -> Result<Self, Problem> {
        if query.first(&["key"]).is_some() {
            return Err(Problem::fields(&[("key", "goes with status=processed, dead or all")]));
        }
        let cursor = query.first(&["cursor"]).map(str::parse).transpose();
        let cursor = cursor.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
        let statuses: Option<Vec<Status>> = query.list(&["status"]).map(Status::parse).collect();
        Ok(Self {
            statuses: statuses.ok_or_else(Status::unknown)?,
            tenant: claimed(query)?,
            from: bound(query, "from")?,
            to: bound(query, "to")?,
            trace: trace(query)?,
            text: text(query)?,
            limit: limit(query)?,
            cursor,
        })
    }

    fn takes_status(&self, rejected: &Rejected) -> bool {
        self.statuses.is_empty() || self.statuses.iter().any(|status| status.takes(rejected))
    }

    /// Whether it is one of these, its status aside.
    fn takes(&self, rejected: &Rejected) -> bool {
        let ms = rejected.received_ms;
        let (trace, detail) = (rejected.correlation_id.as_str(), rejected.detail.as_str());
        let told = [trace, detail, rejected.reason.as_str()].map(Some);
        self.text.as_ref().is_none_or(|part| part.is_in(told))
            && self.tenant.as_ref().is_none_or(|tenant| rejected.tenant == *tenant)
            && self.trace.as_ref().is_none_or(|wanted| trace == wanted)
            && self.from.is_none_or(|from| ms >= from.as_millisecond())
            && self.to.is_none_or(|to| ms <= to.as_millisecond())
    }
}
