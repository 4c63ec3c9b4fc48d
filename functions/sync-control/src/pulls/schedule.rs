//! `/api/admin/sync/scheduler`: when a connection is pulled by itself.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::request::Parts;
use serde_json::Value;
use signalbox::aws::runs::reads::Wanted;
use signalbox::domain::connections::schedule::{EVERY_MINUTES_MAX, PULL_EVERY_MINUTES_MIN};
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::runs::run::{Run, RunStatus, Trigger};
use signalbox::engine::connections::pull_schedule::{NotChanged, ScheduleChange, change_schedule};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{ENVIRONMENT_LOCKED, INVALID_REQUEST};
use signalbox::http::wire::parameters::ConnectionMeant;
use signalbox::http::wire::pull_schedule::{PullScheduleRequest, PullScheduleView};
use signalbox::vendors::pulled;

use super::{Call, Meant, PullProblems, failed, no_entity};
use crate::body::Fields;
use crate::{Control, body, connections};

/// The most entities that a body may name: more than any vendor has.
const NAMED_MAX: usize = 32;
/// Of how many runs those that never began are told.
const RUNS_READ: usize = 50;

/// When a connection is pulled by itself, and which ticks started nothing.
#[utoipa::path(
    get, path = "/api/admin/sync/scheduler", tag = "pulls",
    params(ConnectionMeant),
    responses(
        (status = 200, description = "As it is now", body = PullScheduleView),
        (status = 400, description = "invalid_request: a parameter that there is not", body = AdminProblemView),
        (status = 409, description = "connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn show(State(control): State<Control>, parts: Parts) -> Result<Json<PullScheduleView>, AdminProblem> {
    let caller = control.authority.admin_reader(&parts.uri, &parts.headers, control.now())?;
    let call = Call::of(caller, &parts.uri, &parts.extensions);
    call.query.only(&["provider", "connection"])?;
    let Meant { stored, .. } = call.meant(&control).await?;
    view(&control, &stored).await.map(Json)
}

/// Change when a connection is pulled by itself, without a deployment. It counts from the next tick on, within a minute.
///
/// What is left out stays, also while it is off. In its hour everything is pulled once a UTC day, in place of what changed; where another
/// run is in the way, it is tried again for as long as the hour lasts.
#[utoipa::path(
    put, path = "/api/admin/sync/scheduler", tag = "pulls",
    params(ConnectionMeant),
    request_body(content = PullScheduleRequest),
    responses(
        (status = 200, description = "As it is now", body = PullScheduleView),
        (status = 400, description = "invalid_request: a field is unknown or out of its bounds, or nothing is to be changed", body = AdminProblemView),
        (status = 409, description = "environment_locked: the deployment's configuration sets it; connection_not_named; contended: after `Retry-After`", body = AdminProblemView),
        (status = 503, description = "unavailable: nothing was changed; after `Retry-After`", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn change(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<PullScheduleView>, AdminProblem> {
    let wanted = wanted(&body::read(body).await?.unwrap_or_default())?;
    let Meant { operator, stored, .. } = call.meant(&control).await?;
    let changed = change_schedule(&control.connections, &operator, &stored.connection, &wanted).await;
    let changed = changed.map_err(|refused| match refused {
        NotChanged::Locked(_) => AdminProblem::new(ENVIRONMENT_LOCKED, "environment_locked").hint(refused.to_string()),
        NotChanged::Entity(entity) => no_entity(&control, &stored, &entity),
        NotChanged::Pattern => AdminProblem::new(INVALID_REQUEST, refused.to_string()),
        NotChanged::Refused(refused) => connections::refused(refused).into(),
    })?;
    view(&control, &changed).await.map(Json)
}

fn wanted(fields: &Fields) -> Result<ScheduleChange, AdminProblem> {
    const NAMES: [&str; 5] = ["enabled", "intervalMinutes", "fullSyncHourUTC", "nightlyFullHourUtc", "entities"];
    fields.check_known(&NAMES)?;
    let wrong = |why: String| AdminProblem::new(INVALID_REQUEST, why);
    let every = match fields.get("intervalMinutes") {
        None => None,
        Some(every) => {
            let bounds = PULL_EVERY_MINUTES_MIN..=EVERY_MINUTES_MAX;
            let minutes = every.as_u64().and_then(|every| u32::try_from(every).ok());
            let minutes = minutes.filter(|minutes| bounds.contains(minutes));
            let why = || format!("intervalMinutes must be a whole number from {} to {}", bounds.start(), bounds.end());
            Some(minutes.ok_or_else(|| wrong(why()))?)
        }
    };
    let hour = |name: &str| match fields.get(name) {
        None => Ok(fields.has(name).then_some(None)),
        Some(hour) => match hour.as_u64().and_then(|hour| u8::try_from(hour).ok()).filter(|hour| *hour < 24) {
            Some(hour) => Ok(Some(Some(hour))),
            None => Err(wrong(format!("{name} must be a whole number from 0 to 23, or null"))),
        },
    };
    let entities = match fields.get("entities") {
        None => None,
        Some(Value::Array(names)) if (1..=NAMED_MAX).contains(&names.len()) => {
            let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            Some(names.ok_or_else(|| wrong("entities must be names of entities".into()))?)
        }
        Some(_) => return Err(wrong("entities array is required".into())),
    };
    let full_at_hour_utc = hour("fullSyncHourUTC")?.or(hour("nightlyFullHourUtc")?);
    let wanted = ScheduleChange { enabled: fields.switch("enabled")?, every, full_at_hour_utc, entities };
    // A body that was lost on its way changes nothing, and must not look as if it had.
    if wanted == ScheduleChange::default() {
        return Err(wrong(format!("name what is to be changed: {}", NAMES.join(", "))));
    }
    Ok(wanted)
}

async fn view(control: &Control, stored: &StoredConnection) -> Result<PullScheduleView, AdminProblem> {
    let (desk, connection) = (&control.connections, &stored.connection);
    let newest = Wanted { limit: RUNS_READ, ..Wanted::default() };
    let runs = &control.worker.runs.store.reads;
    let (due, runs) =
        (desk.store.due_time(connection).await.map_err(failed)?, runs.page(connection, &newest).await.map_err(failed)?);
    let never_began =
        |run: &Run| stored.has_run(&run.id) && run.trigger == Trigger::Schedule && run.status == RunStatus::Skipped;
    let skipped: Vec<Run> = runs.into_iter().filter(never_began).collect();
    let api = desk.providers.of(&connection.provider).pull;
    let settings = api.and_then(|api| pulled::read(api, &stored.settings).ok());
    let entities = settings.map(|settings| settings.entities.iter().map(ToString::to_string).collect());
    Ok(PullScheduleView::new(stored, entities.unwrap_or_default(), due.map(|due| due.at), &skipped, control.now()))
}
