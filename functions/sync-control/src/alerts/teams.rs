//! `POST …/teams/test`: a test message over the tenant's channel of Teams.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::{HeaderMap, Uri};
use signalbox::domain::time;
use signalbox::engine::alerts::try_channel::{Tried, try_teams};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{CHANNEL_FAILED, INTERNAL_ERROR, Problem, TEAMS_NOT_CONFIGURED};
use signalbox::http::query::path_text;
use signalbox::http::wire::alerts::{TeamsTestRequest, TeamsTestView};
use signalbox::vendors::channels::Sending;
use utoipa::IntoResponses;

use crate::operator::operator_of;
use crate::{Control, body};

/// What is said where nobody says anything.
const MESSAGE: &str = "This is a test: alerts of this tenant come here";

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
    /// channel_failed, internal_error: it was not taken, `error` says why, and `webhookConfigured` is true
    #[response(status = 500)]
    Failed(AdminProblemView),
}

/// Send a test message over the tenant's channel of Teams.
///
/// It is sent once, while the caller waits, also in quiet hours; it is on record (`connection.test`), and among the messages of alerts with
/// what came of it.
#[utoipa::path(
    post, path = "/api/admin/integrations/teams/test", tag = "alerts",
    params(("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default")),
    request_body(content = Option<TeamsTestRequest>),
    responses(
        (status = 200, description = "It was taken", body = TeamsTestView),
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
    tested(&control, (&uri, &headers), trace, body).await
}

/// The same as `/api/admin/integrations/teams/test`: a channel is told of all providers.
#[utoipa::path(
    post, path = "/api/admin/integrations/{provider}/teams/test", tag = "alerts",
    params(
        ("provider" = String, Path, description = "Any"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
    ),
    request_body(content = Option<TeamsTestRequest>),
    responses(
        (status = 200, description = "It was taken", body = TeamsTestView),
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
    let _any = path_text::<String>(provider);
    tested(&control, (&uri, &headers), trace, body).await
}

async fn tested(
    control: &Control,
    (uri, headers): (&Uri, &HeaderMap),
    trace: CorrelationId,
    body: Body,
) -> Result<Json<TeamsTestView>, AdminProblem> {
    let caller = control.authority.admin_writer(uri, headers, control.now())?;
    let fields = body::read(body).await?.unwrap_or_default();
    fields.check_known(&["message"])?;
    let message = fields.text("message")?.unwrap_or_else(|| MESSAGE.to_owned());
    let (operator, now) = (operator_of(caller, trace), control.now());
    // The API's address cannot be given to a function that the API leads to: CloudFormation refuses the circle.
    let sending = Sending { link: None, now, local: control.authority.is_local() };
    let tried = try_teams(&control.connections, &control.alerts, &operator, sending, &message).await;
    match tried.map_err(|fault| Problem::internal(INTERNAL_ERROR, &fault))? {
        Tried::Sent => {
            Ok(Json(TeamsTestView { ok: true, message, timestamp: time::text(now), webhook_configured: true }))
        }
        Tried::NotConfigured => Err(AdminProblem::new(TEAMS_NOT_CONFIGURED, "no channel of Teams is configured")
            .hint("make a connection of the provider teams, or set INTEGRATIONS_TEAMS_WEBHOOK")),
        Tried::Failed(why) => Err(AdminProblem::new(CHANNEL_FAILED, why).with("webhookConfigured", true)),
    }
}
