//! `POST …/teams/test`: a test message over the tenant's channels of Teams.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::json;
use signalbox::domain::alerts::channel::Tried;
use signalbox::domain::ids::Connection;
use signalbox::domain::time;
use signalbox::engine::alerts::try_channel::{AllTried, MESSAGE, Trial};
use signalbox::engine::connections::pulled;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{CHANNEL_FAILED, INTERNAL_ERROR, Problem, TEAMS_NOT_CONFIGURED, TOO_OFTEN};
use signalbox::http::query::path_text;
use signalbox::http::wire::alerts::{ChannelTestView, TeamsTestRequest, TeamsTestView};
use utoipa::IntoResponses;

use crate::operator::operator_of;
use crate::{Control, body};

/// The problems that both routes can answer, for the API's description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is described, never made")]
pub(crate) enum TeamsProblems {
    /// teams_not_configured, invalid_request: there is no channel of Teams that is active, or the body is another
    #[response(status = 400)]
    Invalid(AdminProblemView),
    /// missing_token, invalid_token: `error` is `unauthorized`
    #[response(status = 401)]
    Unknown(AdminProblemView),
    /// insufficient_scope, forbidden: needs connections:write
    #[response(status = 403)]
    Forbidden(AdminProblemView),
    /// payload_too_large
    #[response(status = 413)]
    TooLarge(AdminProblemView),
    /// too_often: a channel was tested more than 15 times in a minute or 60 in an hour; after `Retry-After`. `channels` says of which
    #[response(status = 429)]
    TooOften(AdminProblemView),
    /// channel_failed, internal_error: a channel did not take it, `error` says why, `channels` which, and `webhookConfigured` is true
    #[response(status = 500)]
    Failed(AdminProblemView),
}

/// Send a test message over the tenant's channels of Teams: over all of them, ten at most.
///
/// It is sent once, while the caller waits, also in quiet hours; it is on record (`connection.test`), and among the messages of alerts with
/// what came of it. `channels` says what became of each. An alert that one refuses ends once it takes the message.
#[utoipa::path(
    post, path = "/api/admin/integrations/teams/test", tag = "alerts",
    params(("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default")),
    request_body(content = Option<TeamsTestRequest>),
    responses(
        (status = 200, description = "It was taken, by all of them", body = TeamsTestView),
        TeamsProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn test_teams(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TeamsTestView>, AdminProblem> {
    tested(&control, (&uri, &headers), None, trace, body).await
}

/// The same as `/api/admin/integrations/teams/test`: a channel is told of all providers.
#[utoipa::path(
    post, path = "/api/admin/integrations/{provider}/teams/test", tag = "alerts",
    params(
        ("provider" = String, Path, description = "Any that is asked"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    request_body(content = Option<TeamsTestRequest>),
    responses(
        (status = 200, description = "It was taken, by all of them", body = TeamsTestView),
        (status = 404, description = "not_found: there is no such provider", body = AdminProblemView),
        TeamsProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn test_teams_of_provider(
    State(control): State<Control>,
    provider: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TeamsTestView>, AdminProblem> {
    tested(&control, (&uri, &headers), Some(&path_text::<String>(provider)), trace, body).await
}

/// A provider that nobody asks has no such route.
fn check_provider(control: &Control, provider: &str) -> Result<(), AdminProblem> {
    pulled::known(&control.connections.providers, provider).map(drop).map_err(AdminProblem::from)
}

async fn tested(
    control: &Control,
    (uri, headers): (&Uri, &HeaderMap),
    provider: Option<&str>,
    trace: CorrelationId,
    body: Body,
) -> Result<Json<TeamsTestView>, AdminProblem> {
    let caller = control.authority.admin_writer(uri, headers, control.now())?;
    provider.map_or(Ok(()), |provider| check_provider(control, provider))?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["message"])?;
    let message = fields.text("message")?.unwrap_or_else(|| MESSAGE.to_owned());
    let (operator, now) = (operator_of(caller, trace), control.now());
    let trial = Trial { desk: &control.connections, store: &control.alerts, quotas: &control.worker.quotas };
    let tried = trial.teams(&operator, &message).await;
    let tried = tried.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))?;
    if tried.channels.is_empty() {
        return Err(AdminProblem::new(TEAMS_NOT_CONFIGURED, "no channel of Teams is configured")
            .hint("make a connection of the provider teams, or set INTEGRATIONS_TEAMS_WEBHOOK"));
    }
    let channels: Vec<ChannelTestView> = tried.channels.iter().map(ChannelTestView::from).collect();
    if let Some(problem) = problem(&tried, now) {
        return Err(problem.with("webhookConfigured", true).with("channels", json!(channels)).with("more", tried.more));
    }
    let timestamp = time::text(now);
    Ok(Json(TeamsTestView { ok: true, message, timestamp, webhook_configured: true, channels, more: tried.more }))
}

/// What there is to say where not all took it: first of those that did not, then of those that were not asked.
fn problem(tried: &AllTried, now: Timestamp) -> Option<AdminProblem> {
    let failed: Vec<(&Connection, &str)> = tried
        .channels
        .iter()
        .filter_map(|(channel, came)| match came {
            Tried::Failed(why) => Some((channel, why.as_str())),
            Tried::Taken | Tried::Rests(_) => None,
        })
        .collect();
    let why = match (failed.as_slice(), tried.channels.len()) {
        ([], _) => None,
        ([(_, why)], 1) => Some((*why).to_owned()),
        (failed, _) => {
            let named = failed.iter().map(|(channel, why)| format!("{}: {why}", channel.name));
            Some(named.collect::<Vec<_>>().join("; "))
        }
    };
    if let Some(why) = why {
        return Some(AdminProblem::new(CHANNEL_FAILED, why));
    }
    let rests = tried.channels.iter().filter_map(|(_, came)| match came {
        Tried::Rests(until) => Some(*until),
        Tried::Taken | Tried::Failed(_) => None,
    });
    let until = rests.max()?;
    let why = format!("tested too often: not again before {}", time::text(until));
    Some(AdminProblem::new(TOO_OFTEN, why).again(until, now))
}
