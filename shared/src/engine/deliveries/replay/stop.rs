//! Stop: no other chunk is begun. The hundred that are under way are finished.

use crate::aws::faults::AwsFault;
use crate::domain::audit::Action;
use crate::domain::deliveries::replay::{Replay, ReplayId, ReplayState};
use crate::engine::deliveries::replay::Replays;
use crate::engine::operators::Operator;

/// Stops a replay: as it is then; none where there is none. One that does not run stays as it is.
///
/// # Errors
/// When AWS fails.
pub async fn stop(replays: &Replays, operator: &Operator, id: &ReplayId) -> Result<Option<Replay>, AwsFault> {
    let (store, tenant) = (&replays.store, &operator.tenant);
    let Some(replay) = store.one(tenant, id, replays.now()).await? else { return Ok(None) };
    if replay.state != ReplayState::Running {
        return Ok(Some(replay));
    }
    let through = format!("{id}: {} of {} dead letters were through", replay.counts.total(), replay.total);
    replays.requeuer.operators.record(operator, Action::StopReplay, through, None).await?;
    store.stop(tenant, id, &operator.actor, replays.now()).await?;
    store.one(tenant, id, replays.now()).await
}
