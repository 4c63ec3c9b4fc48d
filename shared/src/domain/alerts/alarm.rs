//! Alarms of the service: what CloudWatch says when one goes off or is over, by SNS.

use jiff::Timestamp;
use jiff::fmt::strtime;
use serde::Deserialize;

use super::rules::{Finding, Seen};
use crate::domain::ids::{Connection, ConnectionName, InvalidId, NAME_BYTES_MAX, ProviderId, TenantId};
use crate::domain::time;

/// A longer message is none of CloudWatch's; SNS delivers up to 256 KB.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// The longest name of an alarm, in characters.
const ALARM_NAME_MAX: usize = 255;

/// That an alarm changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmChange {
    /// Its name, for people.
    pub name: String,
    /// What its alert is of. Each alarm has one, as the default tenant's: the platform's operators are told.
    pub subject: Connection,
    /// When it changed.
    pub at: Timestamp,
    /// What it says.
    pub seen: Seen,
}

/// Why a message says nothing.
#[derive(Debug, thiserror::Error)]
pub enum NoAlarm {
    /// It is too long, or the alarm's name is.
    #[error("it is longer than {MESSAGE_BYTES_MAX} bytes, or the alarm's name than {ALARM_NAME_MAX} characters")]
    Long,
    /// It is not what CloudWatch writes. The place is said and not the text, which may be anything.
    #[error("it is not what CloudWatch says of an alarm, at line {} column {}", .0.line(), .0.column())]
    Unreadable(#[from] serde_json::Error),
    /// The alarm has a name that names nothing here.
    #[error("the alarm's name: {0}")]
    Name(#[from] InvalidId),
    /// When it changed cannot be read.
    #[error("when the alarm changed cannot be read: {0}")]
    Time(#[from] jiff::Error),
}

/// What of a message counts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    alarm_name: String,
    #[serde(default)]
    alarm_description: Option<String>,
    new_state_value: State,
    #[serde(default)]
    new_state_reason: String,
    state_change_time: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Alarm,
    Ok,
    InsufficientData,
}

impl AlarmChange {
    /// Reads a message of SNS.
    ///
    /// # Errors
    /// When it says nothing of an alarm that can be named. Reading it again says the same.
    pub fn read(message: &str) -> Result<Self, NoAlarm> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(NoAlarm::Long);
        }
        let message: Message = serde_json::from_str(message)?;
        if message.alarm_name.chars().count() > ALARM_NAME_MAX {
            return Err(NoAlarm::Long);
        }
        let at = strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", &message.state_change_time)?.to_timestamp()?;
        let seen = match message.new_state_value {
            State::Alarm => {
                Seen::Holds(Finding { code: "alarm".to_owned(), detail: message.detail(), mark: time::text(at) })
            }
            State::Ok => Seen::Clear,
            State::InsufficientData => Seen::Unknown,
        };
        let subject = Connection::new(TenantId::DEFAULT, ProviderId::CLOUDWATCH, named(&message.alarm_name)?);
        Ok(Self { name: message.alarm_name, subject, at, seen })
    }

    /// Whether it is older than what is known of the alarm, by the mark of its last alert: SNS may deliver twice and out of turn.
    #[must_use]
    pub fn is_known(&self, mark: &str) -> bool {
        match &self.seen {
            Seen::Holds(finding) => finding.mark.as_str() <= mark,
            Seen::Clear | Seen::Unknown => time::text(self.at).as_str() < mark,
        }
    }
}

impl Message {
    /// What is wrong and where the runbook says what to do, before the figures.
    fn detail(&self) -> String {
        let said = self.alarm_description.iter().map(String::as_str).chain([self.new_state_reason.as_str()]);
        said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ")
    }
}

/// The name that an alarm's alerts are found by. What tells alarms of a stack apart is at the end of their names.
fn named(alarm: &str) -> Result<ConnectionName, InvalidId> {
    let left_out = alarm.chars().count().saturating_sub(NAME_BYTES_MAX);
    ConnectionName::parse(&alarm.chars().skip(left_out).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(name: &str, state: &str, at: &str) -> String {
        json!({"AlarmName": name, "AlarmDescription": "It is slow. docs/runbook.md#slow", "NewStateValue": state,
            "NewStateReason": "Threshold Crossed", "StateChangeTime": at, "Trigger": {"MetricName": "m"}})
        .to_string()
    }

    const AT: &str = "2026-01-15T12:00:00.250+0000";

    #[test]
    fn an_alarm_names_its_subject_and_says_whether_it_holds() {
        let change = AlarmChange::read(&message("Watch-Slow", "ALARM", AT)).unwrap();
        assert_eq!(change.subject.to_string(), "default/cloudwatch/watch-slow");
        let Seen::Holds(Finding { detail, mark, .. }) = &change.seen else { panic!("it went off") };
        assert_eq!(detail, "It is slow. docs/runbook.md#slow. Threshold Crossed");
        assert_eq!(mark, "2026-01-15T12:00:00.250Z");
        assert_eq!(AlarmChange::read(&message("a", "OK", AT)).unwrap().seen, Seen::Clear);
        assert_eq!(AlarmChange::read(&message("a", "INSUFFICIENT_DATA", AT)).unwrap().seen, Seen::Unknown);
        let long = AlarmChange::read(&message(&format!("{}-slow", "x".repeat(200)), "OK", AT)).unwrap();
        assert_eq!(long.subject.name.as_str(), format!("{}-slow", "x".repeat(59)));
    }

    #[test]
    fn what_comes_twice_or_out_of_turn_is_known() {
        let mark = "2026-01-15T12:00:00.250Z";
        for (state, at, known) in [
            ("ALARM", AT, true),
            ("ALARM", "2026-01-15T11:59:59.000+0000", true),
            ("ALARM", "2026-01-15T13:00:01.000+0100", false),
            ("OK", "2026-01-15T11:59:59.000+0000", true),
            ("OK", AT, false),
        ] {
            assert_eq!(AlarmChange::read(&message("a", state, at)).unwrap().is_known(mark), known, "{state} {at}");
        }
    }

    #[test]
    fn a_message_that_is_no_alarm_of_ours_says_nothing() {
        for hostile in [
            String::new(),
            "[]".to_owned(),
            "\u{0}".to_owned(),
            "{".repeat(10_000),
            "[".repeat(MESSAGE_BYTES_MAX + 1),
            json!({"AlarmName": "a"}).to_string(),
            message("a/b", "OK", AT),
            message("a#b", "OK", AT),
            message("", "OK", AT),
            message("ä", "OK", AT),
            message(&"x".repeat(ALARM_NAME_MAX + 1), "OK", AT),
            message("a", "ok", AT),
            message("a", "OK", ""),
            message("a", "OK", "2026-13-45T99:00:00.000+0000"),
            message("a", "OK", "9999-12-31T23:59:60.999999999999-2559"),
        ] {
            assert!(AlarmChange::read(&hostile).is_err(), "{hostile}");
        }
    }
}
