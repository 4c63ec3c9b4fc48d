//! `GET /api/admin/deliveries`: webhooks that were not let in.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::deliveries::rejected::{Rejected, RejectedId, RejectedPlace, Rejection, Ring, RingKind};
use signalbox::domain::ids::TenantId;
use signalbox::domain::time;
use signalbox::http::problem::{INTERNAL_ERROR, Problem};
use signalbox::http::query::Query;
use signalbox::http::wire::operations::{RejectedPage, RejectedView};

use crate::{ListProblems, Reads};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Webhooks that were not let in, newest first.
///
/// Per source the last 200 are kept, as many again whose signature was right, and the last 5,000 whose sender was told of
/// success all the same, for 14 days. Whoever was refused has not proved to be of a tenant: so operators of the default tenant
/// see all, and others only what was refused after its signature was right.
#[utoipa::path(
    get, path = "/api/admin/deliveries", tag = "operations",
    params(
        ("status" = Option<Vec<String>>, Query, description = "`rejected` or `admitted`, or a reason: bad_signature, too_large, unknown_sender, bad_body, conflict, no_secret; repeated or in a comma list, any of them"),
        ("source" = Option<String>, Query, description = "`pos`, `trackstar`, `provider/connection`, or `unknown`; with `:proved` or `:acknowledged`, that ring alone"),
        ("tenant" = Option<String>, Query, description = "The tenant"),
        ("from" = Option<String>, Query, description = "Received at or after this"),
        ("to" = Option<String>, Query, description = "Received at or before this"),
        ("limit" = Option<u32>, Query, description = "Default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From `nextCursor`"),
    ),
    responses(
        (status = 200, description = "A page", body = RejectedPage),
        ListProblems,
    ),
    security((), ("service" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(reads): State<Reads>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<RejectedPage>, Problem> {
    let caller = reads.reader(&headers)?;
    let query = Query::of(&uri);
    let filter = RejectedFilter::read(&query)?;
    let failed = |fault: signalbox::aws::faults::AwsFault| Problem::internal(INTERNAL_ERROR, &fault);
    let rings = match query.first(&["source"]).map(str::parse::<Ring>) {
        Some(Ok(Ring { origin, kind: RingKind::Open })) => Ring::all_of(&origin).into(),
        Some(Ok(ring)) => vec![ring],
        // Nothing was rejected of what cannot be an origin.
        Some(Err(_)) => Vec::new(),
        None => reads.deliveries.rejected_rings().await.map_err(failed)?,
    };
    let now = reads.now();
    let mut found: Vec<(RejectedPlace, Rejected)> = Vec::new();
    for ring in rings {
        for (id, rejected) in reads.deliveries.rejected(&ring, now).await.map_err(failed)? {
            if filter.takes(&rejected) && may_see(&caller.tenant, &id, &rejected) {
                found.push((RejectedPlace { received_ms: rejected.received_ms, id }, rejected));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.retain(|(place, _)| filter.cursor.as_ref().is_none_or(|cursor| place <= cursor));
    let next = found.get(filter.limit).map(|(place, _)| place.to_string());
    found.truncate(filter.limit);
    let items = found.iter().map(|(place, rejected)| RejectedView::of(&place.id, rejected)).collect();
    Ok(Json(RejectedPage { ok: true, items, has_more: next.is_some(), next_cursor: next }))
}

/// Whoever has not proved to know the secret may name any tenant. The ring says who has; a reason does not, as more than one
/// is given before and after verification.
fn may_see(tenant: &TenantId, id: &RejectedId, rejected: &Rejected) -> bool {
    *tenant == TenantId::default() || (id.ring.kind.is_proved() && rejected.tenant == tenant.as_str())
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
        Problem::fields(&[("status", &format!("must be rejected, admitted, or a reason: {reasons}"))])
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
    limit: usize,
    cursor: Option<RejectedPlace>,
}

impl RejectedFilter {
    fn read(query: &Query) -> Result<Self, Problem> {
        let bound = |name: &'static str| match query.first(&[name]).map(time::parse) {
            Some(None) => Err(Problem::fields(&[(name, "must be a date or date-time")])),
            found => Ok(found.flatten()),
        };
        let cursor = query.first(&["cursor"]).map(str::parse).transpose();
        let cursor = cursor.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
        let limit = query.limit(&["limit"], LIMIT_DEFAULT, LIMIT_MAX);
        let limit = limit.map_err(|wrong| Problem::fields(&[("limit", &wrong)]))?;
        let statuses: Option<Vec<Status>> = query.list(&["status"]).map(Status::parse).collect();
        Ok(Self {
            statuses: statuses.ok_or_else(Status::unknown)?,
            tenant: query.first(&["tenant"]).map(str::to_lowercase),
            from: bound("from")?,
            to: bound("to")?,
            limit,
            cursor,
        })
    }

    fn takes(&self, rejected: &Rejected) -> bool {
        let ms = rejected.received_ms;
        (self.statuses.is_empty() || self.statuses.iter().any(|status| status.takes(rejected)))
            && self.tenant.as_ref().is_none_or(|tenant| rejected.tenant == *tenant)
            && self.from.is_none_or(|from| ms >= from.as_millisecond())
            && self.to.is_none_or(|to| ms <= to.as_millisecond())
    }
}
