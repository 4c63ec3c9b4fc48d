//! `GET /api/admin/deliveries/{id}`: one webhook, with what came and what became of it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::get;
use http::{HeaderMap, Uri};
use signalbox::domain::deliveries::delivery::Label;
use signalbox::domain::deliveries::delivery_id::DeliveryId;
use signalbox::domain::ids::TenantId;
use signalbox::engine::deliveries::list::ListReads;
use signalbox::engine::deliveries::one::{Found, One, find};
use signalbox::http::auth::READ;
use signalbox::http::problem::{INTERNAL_ERROR, NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::{Query, path_text};
use signalbox::http::wire::one_delivery::{HeaderView, LifeView, OneDeliveryView};
use signalbox::http::wire::operations::DeliveryView;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::list::tenant;
use super::{dead_letters, rejected, taken_in};
use crate::Reads;

#[derive(OpenApi)]
#[openapi(paths(one))]
struct Described;

/// The route. An id holds a slash, and whether API Gateway hands that on encoded or not is not for clients to know: so all of the
/// path that is left is the id. OpenAPI has no word for that.
pub(super) fn route() -> OpenApiRouter<Reads> {
    OpenApiRouter::with_openapi(Described::openapi()).route("/api/admin/deliveries/{*id}", get(one))
}

/// One webhook: what came, as it came but for what is masked, and its life.
///
/// Of one that was refused, its headers and body; of one that was given up, its body; of one that had its effect, its body where
/// that is kept. What was refused is seen by whom its list shows it to. Headers and body take the scope
/// `deliveries:read` or `deliveries:write`; without it `withheld` is true. One that has not had its effect yet is found by its key, in the list.
#[utoipa::path(
    get, path = "/api/admin/deliveries/{id}", tag = "operations",
    params(
        ("id" = String, Path, description = "As listed by GET /api/admin/deliveries, percent-encoded"),
        ("tenant" = Option<String>, Query, description = "Whose it is; the token's tenant by default, and another than that for operators of the default tenant alone"),
    ),
    responses(
        (status = 200, description = "The webhook", body = OneDeliveryView),
        (status = 400, description = "invalid_request", body = ProblemView),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
        (status = 404, description = "not_found: or it is forgotten by now, or another tenant's", body = ProblemView),
        (status = 500, description = "internal_error", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
async fn one(
    State(reads): State<Reads>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<OneDeliveryView>, Problem> {
    let caller = reads.authority.reader_of_brands(READ, &headers, reads.now())?;
    let missing = || Problem::new(NOT_FOUND, "there is no such delivery, or not any more");
    let named = tenant(&caller, &Query::of(&uri))?;
    let id: DeliveryId = path_text(id).parse().map_err(|_| missing())?;
    // Of a refused one the tenant is what it claims, and whoever sees it sees it under any.
    let of = match named {
        Some(named) => named,
        None if matches!(id, DeliveryId::Rejected(_)) => caller.tenant.clone(),
        None => return Err(missing()),
    };
    let from = ListReads { deliveries: &reads.processed, store: &reads.deliveries, journal: &reads.journal };
    let found = find(from, reads.now(), &of, &id).await;
    let found = found.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?.ok_or_else(missing)?;
    let is_seen = match &found.one {
        One::Rejected(id, refused) => rejected::may_see(&caller, id, refused),
        One::Dead(letter) => dead_letters::may_see(&caller, letter),
        One::Processed(_, delivery, _) => caller.sees(&delivery.connection.name),
    };
    if !is_seen {
        return Err(missing());
    }
    let withheld = !reads.authority.shows_bodies(&caller);
    Ok(Json(view(&of, found, withheld)))
}

fn view(tenant: &TenantId, found: Found, withheld: bool) -> OneDeliveryView {
    let headers = found.headers().iter().map(|(name, value)| HeaderView::of(name, value));
    let headers = if withheld { Vec::new() } else { headers.collect() };
    let (life, path) = (life(&found), found.path());
    let body = found.body.filter(|_| !withheld);
    let delivery = match found.one {
        One::Rejected(id, refused) => DeliveryView::of_rejected(&id, &refused),
        One::Dead(letter) => DeliveryView::of_dead_letter(tenant, &letter),
        One::Processed(place, delivery, _) => taken_in::processed(&place, delivery),
    };
    OneDeliveryView { ok: true, delivery, path, withheld, headers, body: body.map(Into::into), life }
}

fn life(found: &Found) -> Vec<LifeView> {
    let failed = |times: Option<u32>, why: Option<&str>| {
        let times = times.filter(|times| *times > 0)?;
        Some(LifeView { times: Some(times), ..LifeView::new("failed", None).because(why) })
    };
    let of_claim = || {
        let claim = found.claim.as_ref()?;
        failed(claim.attempts, claim.last_error.as_deref())
    };
    match &found.one {
        One::Rejected(id, refused) => {
            let verified = id.ring.kind.is_proved().then(|| LifeView::new("verified", Some(refused.received_ms)));
            let why = LifeView::new("refused", Some(refused.received_ms)).because(Some(refused.reason.as_str()));
            let admitted = refused.admitted_ms.map(|at| LifeView::new("admitted", Some(at)));
            let received = LifeView::new("received", Some(refused.received_ms));
            [Some(received), verified, Some(why), admitted].into_iter().flatten().collect()
        }
        One::Dead(letter) => {
            let before = letter.label().map(before_its_effect).unwrap_or_default();
            let failed = failed(Some(letter.attempts), Some(&letter.reason));
            let given_up = LifeView::new("given_up", Some(letter.recorded_ms)).because(Some(&letter.reason));
            before.into_iter().chain(failed).chain([given_up]).collect()
        }
        One::Processed(_, delivery, label) => {
            let at = delivery.processed_at.map(|at| at.as_millisecond());
            let outcome = delivery.outcome.map(|outcome| outcome.as_str());
            let processed = LifeView::new("processed", at).because(outcome);
            before_its_effect(label).into_iter().chain(of_claim()).chain([processed]).collect()
        }
    }
}

/// What its label tells of how it was taken in.
fn before_its_effect(label: &Label) -> Vec<LifeView> {
    let received = LifeView::new("received", Some(label.received_ms));
    let verified = label.taken_in.map(|taken_in| {
        let secret: &str = taken_in.proof.into();
        LifeView::new("verified", Some(label.received_ms)).because(Some(secret))
    });
    let queued = label.enqueued_ms.map(|at| LifeView::new("queued", Some(at)));
    [Some(received), verified, queued].into_iter().flatten().collect()
}
