//! `POST /api/admin/sync/run` and `…/quick-run`: a pull by hand.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use signalbox::domain::ids::{Connection, Entity, RunId};
use signalbox::domain::runs::pull::PullMode;
use signalbox::domain::runs::run::{Mode, Trigger};
use signalbox::domain::time;
use signalbox::engine::runs::kinds::pull::{PullRequest, Refused, work_of};
use signalbox::engine::runs::on_record::{refuse_on_record, start_on_record};
use signalbox::engine::runs::start::{StartRefused, StartRequest};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::{FORBIDDEN, INVALID_REQUEST, SYNC_IN_PROGRESS, UNPROCESSABLE};
use signalbox::http::wire::parameters::ConnectionMeant;
use signalbox::http::wire::pull_control::{PullRunRequest, PullStartedView};
use signalbox::vendors::pulled::ENTITIES;

use super::{Call, Meant, PullProblems, check_entity, failed};
use crate::Control;
use crate::body::{self, Fields};

/// What a body may say.
const FIELDS: [&str; 6] = ["entities", "mode", "since", "sinceDays", "dryRun", "allowRemovals"];
/// The most days that `sinceDays` goes back.
const DAYS_MAX: i64 = 365;
/// How many days it goes back where it is sent empty.
const DAYS_DEFAULT: i64 = 30;
/// The most entities that a body may name: more than any vendor has.
const NAMED_MAX: usize = 32;
/// What is pulled where nobody says what.
const UNNAMED: &[Entity] = &[Entity::OWNERS];
/// What a quick run pulls.
const QUICK: &[Entity] = &[Entity::OWNERS, Entity::PROPERTIES];

/// Pull a vendor's data now.
///
/// The run is stored before the answer, and goes on in the background; `GET /api/admin/sync/status` shows how far it is. A connection has
/// one run at a time.
#[utoipa::path(
    post, path = "/api/admin/sync/run", tag = "pulls",
    params(ConnectionMeant),
    request_body(content = Option<PullRunRequest>),
    responses(
        (status = 200, description = "It is started", body = PullStartedView),
        (status = 400, description = "invalid_request: `entities array is required`, an entity that the vendor does not have, another mode", body = AdminProblemView),
        (status = 409, description = "sync_in_progress: `sync already running`, `runId` is the run, and `freeAt` when it is over where its lock was reset; connection_not_named", body = AdminProblemView),
        (status = 422, description = "unprocessable: the connection's settings cannot be used", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn run(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<PullStartedView>, AdminProblem> {
    let fields = body::read(body).await?.unwrap_or_default();
    let wanted = wanted(&fields, control.now())?;
    let meant = call.meant(&control).await?;
    // What the connection is told goes before what older clients count on.
    let is_told = meant.stored.settings.contains_key(ENTITIES.name);
    let unnamed = if is_told { &[] } else { wanted.unnamed };
    start(&control, &meant, Wanted { unnamed, ..wanted }).await.map(Json)
}

/// Pull what changed of owners and properties, the two lists that tell soonest whether all is well; of a vendor without them, of all that
/// the connection pulls.
#[utoipa::path(
    post, path = "/api/admin/sync/quick-run", tag = "pulls",
    params(ConnectionMeant),
    responses(
        (status = 200, description = "It is started", body = PullStartedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 409, description = "sync_in_progress: `sync already running`, `runId` is the run, and `freeAt` when it is over where its lock was reset; connection_not_named", body = AdminProblemView),
        (status = 422, description = "unprocessable: the connection's settings cannot be used", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn quick_run(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<PullStartedView>, AdminProblem> {
    // Passed over, `"mode": "backfill"` would look as if it had been heeded.
    let fields = body::read(body).await?.unwrap_or_default();
    if let Some(name) = FIELDS.iter().find(|name| fields.has(name)) {
        let problem = AdminProblem::new(INVALID_REQUEST, format!("a quick run takes no {name}"));
        return Err(problem.hint("POST /api/admin/sync/run takes it"));
    }
    let meant = call.meant(&control).await?;
    let wanted = Wanted { request: PullRequest::default(), unnamed: QUICK, mode: Mode::Apply };
    start(&control, &meant, wanted).await.map(Json)
}

/// What is asked for.
struct Wanted {
    request: PullRequest,
    /// What is pulled where the request names nothing, and the vendor has it.
    unnamed: &'static [Entity],
    mode: Mode,
}

fn wanted(fields: &Fields, now: Timestamp) -> Result<Wanted, AdminProblem> {
    // Passed over, `dryrun` would pull for real.
    fields.check_spelling(&FIELDS)?;
    let wrong = |why: &str| AdminProblem::new(INVALID_REQUEST, why);
    let entities = match fields.get("entities") {
        None => Vec::new(),
        Some(Value::Array(names)) if (1..=NAMED_MAX).contains(&names.len()) => {
            let name = |name: &Value| name.as_str().and_then(|name| Entity::parse(name).ok());
            let named: Option<Vec<Entity>> = names.iter().map(name).collect();
            named.ok_or_else(|| wrong("entities must be names of entities"))?
        }
        Some(Value::Array(names)) if !names.is_empty() => {
            return Err(wrong(&format!("entities may name {NAMED_MAX} entities")));
        }
        Some(_) => return Err(wrong("entities array is required")),
    };
    let mode = match fields.get("mode") {
        None => PullMode::Delta,
        Some(mode) => {
            let mode = mode.as_str().and_then(PullMode::parse);
            mode.ok_or_else(|| wrong("mode must be delta or backfill"))?
        }
    };
    let dry = fields.switch("dryRun")?.unwrap_or(false);
    let allow_removals = fields.switch("allowRemovals")?.unwrap_or(false);
    let request = PullRequest { mode, entities, since: since(fields, mode, now)?, allow_removals };
    Ok(Wanted { request, unnamed: UNNAMED, mode: if dry { Mode::DryRun } else { Mode::Apply } })
}

fn since(fields: &Fields, mode: PullMode, now: Timestamp) -> Result<Option<Timestamp>, AdminProblem> {
    let wrong = |why: &str| AdminProblem::new(INVALID_REQUEST, why);
    match (fields.text("since")?, days(fields, mode)?) {
        (Some(_), Some(_)) => Err(wrong("since and sinceDays say the same: give one of them")),
        (Some(text), None) => {
            let since = time::parse_query(&text).filter(|since| *since <= now);
            since.map(Some).ok_or_else(|| wrong("since must be a date or date-time that has passed"))
        }
        (None, Some(days)) => Ok(now.checked_sub(SignedDuration::from_hours(days * 24)).ok()),
        (None, None) => Ok(None),
    }
}

/// How many days back a delta is to look. Forms of older clients send the field of a number as a text, and empty where nobody filled it
/// in: their server took that for thirty days. Where it is not sent at all, a delta goes on from where the last one began, which leaves
/// nothing out however long ago that was.
fn days(fields: &Fields, mode: PullMode) -> Result<Option<i64>, AdminProblem> {
    const NAME: &str = "sinceDays";
    let given = match fields.get(NAME) {
        None => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(given) => Some(given),
    };
    let Some(given) = given else {
        let is_empty = fields.has(NAME) && mode == PullMode::Delta && fields.text("since")?.is_none();
        return Ok(is_empty.then_some(DAYS_DEFAULT));
    };
    let days = given.as_i64().or_else(|| given.as_str()?.trim().parse().ok());
    let days = days.filter(|days| (1..=DAYS_MAX).contains(days));
    let why = || format!("sinceDays must be a whole number from 1 to {DAYS_MAX}");
    days.map(Some).ok_or_else(|| AdminProblem::new(INVALID_REQUEST, why()))
}

async fn start(control: &Control, meant: &Meant, wanted: Wanted) -> Result<PullStartedView, AdminProblem> {
    let Meant { operator, stored, .. } = meant;
    let (providers, connection) = (&control.connections.providers, &stored.connection);
    let Wanted { mut request, unnamed, mode } = wanted;
    if request.entities.is_empty() {
        let api = providers.of(&connection.provider).pull;
        let has = |entity: &&Entity| api.is_some_and(|api| api.entity(entity).is_some());
        request.entities = unnamed.iter().filter(has).cloned().collect();
    }
    for entity in &request.entities {
        check_entity(control, stored, entity.as_str())?;
    }
    let work = work_of(providers, stored, &request).map_err(|refused| match refused {
        Refused::UnknownEntity(_) | Refused::TooMany | Refused::NotPulled(_) => {
            AdminProblem::new(INVALID_REQUEST, refused.to_string())
        }
        Refused::Settings { .. } => AdminProblem::new(UNPROCESSABLE, refused.to_string()),
    })?;
    let is_backfill = request.mode == PullMode::Backfill;
    let request = StartRequest {
        connection: connection.clone(),
        work,
        mode,
        actor: operator.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: operator.correlation_id.clone(),
    };
    if is_backfill && !control.manual_backfill {
        let off = "ALLOW_MANUAL_BACKFILL is off";
        refuse_on_record(&control.operators, operator, &request, off).await.map_err(failed)?;
        let why = "backfills by hand are switched off";
        return Err(
            AdminProblem::new(FORBIDDEN, why).hint("set ALLOW_MANUAL_BACKFILL to true, or wait for the nightly one")
        );
    }
    let started = start_on_record(&control.worker.runs, &control.operators, operator, &request, "").await;
    match started {
        Ok(run) => Ok(PullStartedView::from(&run)),
        Err(StartRefused::Busy(holder, _)) => Err(busy(control, connection, &holder).await),
        Err(refused @ (StartRefused::NotSupported(_) | StartRefused::Cools(_))) => {
            Err(AdminProblem::new(UNPROCESSABLE, refused.to_string()))
        }
        Err(StartRefused::Fault(fault)) => Err(failed(fault)),
    }
}

/// That another run has the connection. Of one whose worker was cut off it is known when the next one can start.
async fn busy(control: &Control, connection: &Connection, holder: &RunId) -> AdminProblem {
    let problem = AdminProblem::new(SYNC_IN_PROGRESS, "sync already running").with("runId", holder.as_str());
    let runs = &control.worker.runs;
    // What cannot be read is not told: the answer is the same without it.
    let lease = runs.store.lease_of(connection).await.ok().flatten();
    let free_at =
        lease.filter(|lease| lease.run_id.as_ref() == Some(holder)).and_then(|lease| lease.free_at(runs.now()));
    match free_at.map(time::text) {
        Some(at) => problem.with("freeAt", at).hint("its lock was reset: start again once it is free, at freeAt"),
        None => problem.hint("wait until it is over, or stop it: POST /api/admin/sync/stop"),
    }
}
