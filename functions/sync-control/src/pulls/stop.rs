//! `POST /api/admin/sync/stop` and `…/reset-lock`: whatever runs over a connection stops.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use signalbox::domain::audit::Action;
use signalbox::domain::time;
use signalbox::engine::runs::release::{Released, cut_off, stop_current};
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::wire::parameters::ConnectionMeant;
use signalbox::http::wire::pull_control::PullStoppedView;

use super::{Call, Meant, PullProblems, failed};
use crate::{Control, body};

/// Stop the pull that runs.
///
/// One that waits is over at once. One that a worker has stops at its next effect, in a few seconds: the page that is being written is
/// written to its end, and nothing is lost. The next run goes on from there.
#[utoipa::path(
    post, path = "/api/admin/sync/stop", tag = "pulls",
    params(ConnectionMeant),
    responses(
        (status = 200, description = "It stops; `stopped` is false where nothing ran", body = PullStoppedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 409, description = "connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn stop(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<PullStoppedView>, AdminProblem> {
    release(&control, call, body, Action::StopPull).await
}

/// Take the lock from whoever holds it, where a stop does not help: its worker is cut off, and the run is over.
///
/// Nothing of that worker is committed any more. As a call of it may be under way still, the connection stays reserved until its lease would
/// have run out, at most a minute (`freeAt`): at no time do two runs write.
#[utoipa::path(
    post, path = "/api/admin/sync/reset-lock", tag = "pulls",
    params(ConnectionMeant),
    responses(
        (status = 200, description = "The lock is free, or is at `freeAt`", body = PullStoppedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = AdminProblemView),
        (status = 409, description = "connection_not_named", body = AdminProblemView),
        PullProblems,
    ),
    security(("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn reset_lock(
    State(control): State<Control>,
    call: Call,
    body: Body,
) -> Result<Json<PullStoppedView>, AdminProblem> {
    release(&control, call, body, Action::ResetLock).await
}

async fn release(
    control: &Control,
    call: Call,
    body: Body,
    action: Action,
) -> Result<Json<PullStoppedView>, AdminProblem> {
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let Meant { operator, stored, .. } = call.meant(control).await?;
    let (runs, connection) = (&control.worker.runs, &stored.connection);
    let begun = control.operators.begin(&operator, action, connection.to_string()).await.map_err(failed)?;
    let released = match action {
        Action::ResetLock => cut_off(runs, connection, &operator.actor).await,
        _ => stop_current(runs, connection, &operator.actor).await,
    };
    let released = match released {
        Ok(released) => released,
        Err(fault) => {
            control.operators.noted(begun, "failed").await;
            return Err(failed(fault));
        }
    };
    let resets = action == Action::ResetLock;
    let (state, message) = match &released {
        Released::Nothing if resets => ("idle", "No lock is held"),
        Released::Nothing => ("idle", "No sync running"),
        Released::Now(_) if resets => ("stopped", "Lock released"),
        Released::Now(_) => ("stopped", "Sync stopped"),
        Released::Asked(_) if resets => ("stopping", "The worker stops at its next effect"),
        Released::Asked(_) => ("stopping", "Sync is stopping"),
        Released::At(..) => ("cut_off", "The worker is cut off; the lock is free at freeAt"),
    };
    let run = released.run().map(|run| format!(" {run}")).unwrap_or_default();
    control.operators.noted(begun, &format!("{state}{run}")).await;
    Ok(Json(PullStoppedView {
        run_id: released.run().map(ToString::to_string),
        free_at: match &released {
            Released::At(_, at) => Some(time::text(*at)),
            _ => None,
        },
        ..PullStoppedView::new(connection, state, message)
    }))
}
