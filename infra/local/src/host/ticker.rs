//! Fires schedules, as EventBridge Scheduler does: at least once, with the input that the template gives them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use signalbox::outside::{Clock, Entropy};
use tokio::sync::watch;

use crate::host::invoke::Invoker;
use crate::host::schedule::Attributes;
use crate::template::{ACCOUNT, REGION, Schedule};

/// Sleeps are cut into these, so that a laptop that was asleep fires soon after it wakes.
const NAP: Duration = Duration::from_secs(15);

/// Fires one schedule until told to stop. A time that passed while the host was down is not made up for: EventBridge
/// would have fired, but the work that schedules start looks for what is due, not for what the clock says.
pub(crate) async fn tick(
    schedule: Schedule,
    invoker: Arc<Invoker>,
    clock: Clock,
    entropy: Entropy,
    mut stop: watch::Receiver<bool>,
) {
    let mut due = schedule.expression.next_after(clock.now());
    while let Some(at) = due {
        let now = clock.now();
        if now < at {
            let left = Duration::try_from(at.duration_since(now)).unwrap_or_default().min(NAP);
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _stopped = stop.wait_for(|stop| *stop) => return,
            }
            continue;
        }
        if let Err(error) = invoker.invoke_later(&schedule.function, event(&schedule, at, &entropy)) {
            tracing::warn!(schedule = %schedule.name, %error, "a schedule did not fire");
        }
        // From now, not from what was due: after a long sleep one firing is enough.
        due = schedule.expression.next_after(now);
    }
}

/// What a schedule delivers.
pub(crate) fn event(schedule: &Schedule, at: Timestamp, entropy: &Entropy) -> Value {
    schedule.input.filled(&Attributes {
        schedule_arn: &format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{}", schedule.name),
        // EventBridge's times have whole seconds.
        scheduled_time: &at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        execution_id: &uuid::Builder::from_random_bytes(entropy.bytes16()).into_uuid().to_string(),
        attempt_number: "1",
    })
}
