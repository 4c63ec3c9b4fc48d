//! `GET …/ping`: does the vendor answer?

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::pull::breaker::Breaker;
use signalbox::domain::time;
use signalbox::engine::runs::kinds::pull::look::{NotLooked, Sight, Tried};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::Problem;
use signalbox::http::wire::breaker::OneBreakerView;
use signalbox::http::wire::integrations::{PingView, VendorLimitView};
use signalbox::http::wire::parameters::ConnectionOfProvider;

use super::{IntegrationProblems, ProviderPath, asked, fault_of_ours, forced_open, meant, ms, remedy, shortened};
use crate::Control;

/// How much of a reason is told, in characters.
const ERROR_CHARACTERS_MAX: usize = 500;

/// Whether a vendor answers, by one row of its first list. It draws on the connection's quota, and its breaker may keep it from being asked.
///
/// A vendor that is reached and fails, or is not asked for now, is a result: 200 with `ok` false, the reason and what to do.
#[utoipa::path(
    get, path = "/api/admin/integrations/{provider}/ping", tag = "pulls",
    params(
        ("provider" = String, Path, description = "Which: any whose API is pulled"),
        ConnectionOfProvider,
    ),
    responses(
        (status = 200, description = "Whether it answers", body = PingView),
        (status = 502, description = "vendor_failed: it cannot be reached; the body is as with 200", body = PingView),
        (status = 503, description = "unavailable: what is stored could not be read; after `Retry-After`", body = AdminProblemView),
        IntegrationProblems,
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn ping(
    State(control): State<Control>,
    provider: ProviderPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, AdminProblem> {
    let caller = control.authority.admin_visitor(&uri, &headers, control.now())?;
    let stored = meant(&control, &caller, &uri, provider).await?;
    let tried = asked(&control, &stored, Sight { rows: 1, ..Sight::default() }).await;
    if let Err(NotLooked::Fault(fault)) = &tried.looked {
        return Err(fault_of_ours(fault));
    }
    let breaker = control.connections.breakers.of(&stored.connection).await;
    let breaker = breaker.map_err(|fault| Problem::unread(&fault))?;
    let status = if tried.is_unreached() { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    Ok((status, Json(view(&control, &stored, &tried, &breaker))).into_response())
}

fn view(control: &Control, stored: &StoredConnection, tried: &Tried, breaker: &Breaker) -> PingView {
    let not = tried.looked.as_ref().err();
    let failure = match not {
        Some(NotLooked::Refused(failure, _)) => Some(*failure),
        _ => None,
    };
    let wait = match not {
        Some(NotLooked::Waits(wait)) => Some(*wait),
        _ => None,
    };
    let forced = wait.and_then(|_| forced_open(&stored.connection, breaker));
    let wait = wait.filter(|_| forced.is_none());
    let (why, how) = forced.unzip();
    let error = why.or(not.map(|not| shortened(&not.to_string(), ERROR_CHARACTERS_MAX)));
    let code = match not {
        None | Some(NotLooked::Fault(_)) => None,
        Some(NotLooked::Waits(_)) => Some("vendor_rests".to_owned()),
        Some(_) => Some(failure.map_or("vendor_failed", |failure| failure.code()).to_owned()),
    };
    PingView {
        ok: not.is_none(),
        // One that says it is busy is well.
        status: match (not, tried.status()) {
            (None, _) => "ok",
            (Some(NotLooked::Waits(_)), _) | (_, Some(429)) => "degraded",
            _ => "failing",
        },
        connection: stored.connection.to_string(),
        base_url: tried.base_url.as_ref().map(ToString::to_string),
        authenticated: tried.is_authenticated(),
        sample_count: tried.looked.as_ref().map_or(0, |looked| looked.rows),
        elapsed_ms: ms(tried.took),
        upstream_status: tried.status(),
        rate_limit: VendorLimitView::of(&tried.asked()),
        circuit_breaker: OneBreakerView::new(&stored.connection, breaker, control.now()).data,
        reason: error.clone(),
        error,
        code,
        hint: how.or(failure.map(|failure| remedy(control, stored, failure).to_owned())),
        retry_at: wait.map(|wait| time::text(wait.until)),
    }
}
