//! Hear of an alarm of the service: it is an alert of the platform's operators, beside those of its connections.

use super::Alerts;
use super::look::compare;
use crate::aws::faults::AwsFault;
use crate::domain::alerts::alarm::AlarmChange;
use crate::domain::alerts::rules::Rule;

/// How often it is stored anew where a tick or another message was at the same alert.
const TRIES_MAX: u32 = 3;

/// Hears what SNS says of an alarm. One that says nothing is logged and dropped, as it would say no more a second time.
///
/// # Errors
/// When AWS fails, or others are at the same alert again and again: then the message comes again.
pub async fn hear(alerts: &Alerts, message: &str) -> Result<(), AwsFault> {
    let change = match AlarmChange::read(message) {
        Ok(change) => change,
        Err(why) => {
            tracing::error!(%why, bytes = message.len(), "a message about an alarm was dropped");
            return Ok(());
        }
    };
    let AlarmChange { name, subject, seen, .. } = &change;
    for _ in 0..TRIES_MAX {
        let before = alerts.store.of(subject).await?;
        let known = before.iter().find(|alert| alert.rule == Rule::ServiceAlarm);
        if known.is_some_and(|alert| change.is_known(&alert.mark)) {
            tracing::info!(alarm = name, "what is said of an alarm is known");
            return Ok(());
        }
        let seen = [(Rule::ServiceAlarm, seen.clone())];
        if let (changed, true) = compare(alerts, (subject, name), &before, &seen, alerts.now()).await? {
            tracing::info!(alarm = name, changed, "an alarm was heard of");
            return Ok(());
        }
    }
    let detail = "others change the same alert".to_owned();
    Err(AwsFault { operation: "store alert of an alarm", detail, transient: true })
}
