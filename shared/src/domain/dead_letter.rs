//! Dead letters: what could not be processed and was given up on, kept until somebody decides: a delivery, a record that a run could not
//! take, or a message about a run or a replay.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::deliveries::delivery::{BODY_PART_BYTES_MAX, Label};
use crate::domain::deliveries::replay::ReplayId;
use crate::domain::deliveries::text::Part;
use crate::domain::ids::{Connection, Dataset, RunId, TenantId};
use crate::domain::mirror::plan::Strategy;
use crate::domain::place::{NoPlace, TIME_DIGITS, split_time};

/// Dead letters wait this long for somebody to decide, in seconds.
pub const DEAD_LETTER_SECONDS: i64 = 90 * 86_400;
/// SQS gives ids of up to 100 characters.
const MESSAGE_ID_BYTES_MAX: usize = 100;

/// A dead letter's id: when its message was first sent, and the queue's id of it. Sorts by time; it is its own cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeadLetterId(String);

impl DeadLetterId {
    /// The id of a message that was first sent at `sent_ms`, epoch milliseconds.
    #[must_use]
    pub fn new(sent_ms: i64, message_id: &str) -> Self {
        let plain = message_id.chars().filter(char::is_ascii_graphic).take(MESSAGE_ID_BYTES_MAX);
        Self(format!("{sent_ms:0TIME_DIGITS$}-{}", plain.collect::<String>()))
    }

    /// The last id that a message which was sent at `sent_ms` can have, and no message has.
    #[must_use]
    pub fn last_of(sent_ms: i64) -> Self {
        Self::new(sent_ms.max(0), "~")
    }

    /// When its message was first sent, epoch milliseconds.
    #[must_use]
    pub fn sent_ms(&self) -> i64 {
        split_time(&self.0).map_or(0, |(ms, _)| ms)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeadLetterId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (_, message_id) = split_time(text).ok_or(NoPlace)?;
        let fits = message_id.len() <= MESSAGE_ID_BYTES_MAX && message_id.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(NoPlace) }
    }
}

impl TryFrom<String> for DeadLetterId {
    type Error = NoPlace;
    fn try_from(text: String) -> Result<Self, NoPlace> {
        text.parse()
    }
}

impl From<DeadLetterId> for String {
    fn from(id: DeadLetterId) -> Self {
        id.0
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a dead letter is about. Stored under its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Subject {
    /// A delivery that a queue gave up on.
    Delivery {
        /// What travelled with the body; none for a message that could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<Label>,
    },
    /// A record of a dataset that a run could not take.
    Record {
        /// What it is one of.
        dataset: Dataset,
        /// The vendor's id of it.
        key: String,
        /// The run that met it.
        run_id: RunId,
    },
    /// A message of the queue of runs that no worker finished. It carried no state, and nothing waits for it.
    Sync {
        /// What it was about; none for a message that could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<SyncWork>,
    },
}

/// What a message of the queue of runs was about. Stored under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SyncWork {
    /// A slice of a run.
    Run {
        /// Over which connection.
        connection: Connection,
        /// Which run.
        run_id: RunId,
        /// Its trace.
        #[serde(default)]
        correlation_id: String,
    },
    /// A chunk of a replay.
    Replay {
        /// Whose.
        tenant: TenantId,
        /// Which.
        replay: ReplayId,
        /// Which chunk of it.
        chunk: u32,
    },
    /// A part of a mirror of all tenants.
    FanOut {
        /// Which.
        run_id: RunId,
        /// Which way.
        strategy: Strategy,
    },
}

impl SyncWork {
    /// Whose it is: of all tenants, the operators'.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Run { connection, .. } => &connection.tenant,
            Self::Replay { tenant, .. } => tenant,
            Self::FanOut { .. } => &TenantId::DEFAULT,
        }
    }
}

/// What was given up on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Sorts by time.
    pub id: DeadLetterId,
    /// What it is about.
    pub subject: Subject,
    /// Why applying it failed last.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// SHA-256 of the body, lower hex.
    pub payload_hash: String,
    /// When it was recorded, epoch milliseconds.
    pub recorded_ms: i64,
    /// The body's parts.
    pub parts: u8,
    /// From when it no longer counts, epoch seconds. DynamoDB's time to live sweeps it some time later.
    #[serde(rename = "expires_at")]
    pub expires_at: i64,
}

impl DeadLetter {
    /// In how many parts a body is stored.
    #[must_use]
    pub fn parts_of(body: &[u8]) -> u8 {
        u8::try_from(body.len().div_ceil(BODY_PART_BYTES_MAX)).unwrap_or(u8::MAX)
    }

    /// Whether it has expired, though it may not have been swept yet.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now.as_second()
    }

    /// What travelled with the delivery that it is about.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        match &self.subject {
            Subject::Delivery { label } => label.as_ref(),
            Subject::Record { .. } | Subject::Sync { .. } => None,
        }
    }

    /// The trace of what it is about.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        match &self.subject {
            Subject::Sync { work: Some(SyncWork::Run { correlation_id, .. }) } => Some(correlation_id),
            _ => self.label().map(|label| label.correlation_id.as_str()),
        }
    }

    /// Over which connection it came, where that is known.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        match &self.subject {
            Subject::Delivery { label } => label.as_ref().map(|label| &label.connection),
            Subject::Record { dataset, .. } => Some(&dataset.connection),
            Subject::Sync { work: Some(SyncWork::Run { connection, .. }) } => Some(connection),
            Subject::Sync { .. } => None,
        }
    }

    /// Whether it came from this provider and over a connection of this name; none named means any.
    #[must_use]
    pub fn is_from(&self, provider: Option<&str>, name: Option<&str>) -> bool {
        let of = self.connection();
        provider.is_none_or(|wanted| of.is_some_and(|of| of.provider.as_str() == wanted))
            && name.is_none_or(|wanted| of.is_some_and(|of| of.name.as_str() == wanted))
    }

    /// Whether its key, its trace, its event's name or the reason why it was given up has this part.
    #[must_use]
    pub fn has(&self, part: &Part) -> bool {
        let label = self.label();
        part.is_in([
            label.map(|label| label.key.as_str()),
            self.correlation_id(),
            label.and_then(|label| label.event_type.as_deref()),
            Some(&self.reason),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deliveries::delivery::Channel;

    #[test]
    fn what_was_given_out_is_read_and_nothing_else_is() {
        let letter = DeadLetterId::new(1_731_705_121_000, "5fea7756-0ea4-451a-a703-a558b933e274");
        assert_eq!(letter.to_string(), "1731705121000-5fea7756-0ea4-451a-a703-a558b933e274");
        assert_eq!(letter.as_str().parse(), Ok(letter));
        let longest = "x".repeat(MESSAGE_ID_BYTES_MAX);
        assert_eq!(
            DeadLetterId::new(1, &longest).as_str().parse(),
            Ok(DeadLetterId(format!("0000000000001-{longest}")))
        );
        assert_eq!(DeadLetterId::new(0, "").as_str().parse(), Ok(DeadLetterId("0000000000000-".into())));
        for bad in ["", "7", "1731705121000", "1731705121-a", "+731705121000-a", "1731705121000-a b", "1731705121000-æ"]
        {
            assert_eq!(bad.parse::<DeadLetterId>(), Err(NoPlace), "{bad}");
        }
        assert_eq!(format!("1731705121000-{longest}x").parse::<DeadLetterId>(), Err(NoPlace));
    }

    #[test]
    fn a_body_is_stored_in_as_few_parts_as_fit() {
        for (bytes, parts) in [(0, 0), (1, 1), (BODY_PART_BYTES_MAX, 1), (BODY_PART_BYTES_MAX + 1, 2)] {
            assert_eq!(DeadLetter::parts_of(&vec![0; bytes]), parts, "{bytes} bytes");
        }
    }

    #[test]
    fn a_letter_expires_and_is_found_by_where_it_came_from() {
        let letter = |label: Option<Label>| DeadLetter {
            id: DeadLetterId::new(0, "a"),
            subject: Subject::Delivery { label },
            reason: String::new(),
            attempts: 1,
            payload_hash: String::new(),
            recorded_ms: 0,
            parts: 1,
            expires_at: DEAD_LETTER_SECONDS,
        };
        let unreadable = letter(None);
        // Ninety days.
        for (now, expected) in [(7_775_999, false), (7_776_000, true), (7_776_001, true)] {
            assert_eq!(unreadable.is_expired(Timestamp::from_second(now).unwrap()), expected, "{now}");
        }
        let labelled = letter(Some(Label {
            connection: "default/erp/main".parse().unwrap(),
            channel: Channel::Event,
            key: String::new(),
            event_type: None,
            body_hash: String::new(),
            received_ms: 0,
            shard: 0,
            correlation_id: String::new(),
            base64: false,
            claims_body: false,
            signed_id: false,
            content_hash: None,
            enqueued_ms: None,
            taken_in: None,
            sent_again: false,
        }));
        for (provider, connection, of_labelled, of_unreadable) in [
            (None, None, true, true),
            (Some("erp"), None, true, false),
            (None, Some("main"), true, false),
            (Some("erp"), Some("main"), true, false),
            (Some("erp"), Some("other"), false, false),
            (Some("other"), Some("main"), false, false),
        ] {
            assert_eq!(labelled.is_from(provider, connection), of_labelled, "{provider:?} {connection:?}");
            assert_eq!(unreadable.is_from(provider, connection), of_unreadable, "{provider:?} {connection:?}");
        }
    }

    #[test]
    fn letters_are_stored_under_these_names() {
        let label = r#"{"connection":"acme/pos/demo","channel":"event","key":"key:1","bodyHash":"5f","receivedMs":7,"shard":3,
            "correlationId":"trace","base64":false}"#;
        let rest = r#""reason":"why","attempts":6,"payloadHash":"5f","recordedMs":9,"parts":1,"expires_at":10"#;
        for subject in [
            &format!(r#"{{"kind":"delivery","label":{label}}}"#),
            r#"{"kind":"delivery"}"#,
            r#"{"kind":"record","dataset":"acme/doorloop/main/owners","key":"17","runId":"018bcfe5-6800-7000-8000-000000000000"}"#,
            r#"{"kind":"sync"}"#,
            r#"{"kind":"sync","work":{"of":"run","connection":"acme/doorloop/main","runId":"018bcfe5-6800-7000-8000-000000000000",
                "correlationId":"trace"}}"#,
            r#"{"kind":"sync","work":{"of":"replay","tenant":"acme","replay":"0123456789abcdef0123456789abcdef","chunk":7}}"#,
            r#"{"kind":"sync","work":{"of":"fanOut","runId":"018bcfe5-6800-7000-8000-000000000000","strategy":"gbp_to_platform"}}"#,
        ] {
            let stored = format!(r#"{{"id":"0000000000007-a","subject":{subject},{rest}}}"#);
            let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
            let letter: DeadLetter = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(&letter).unwrap(), stored);
            assert_eq!(letter.connection().is_some(), subject.contains("acme/"), "{subject}");
            assert_eq!(letter.label().is_some(), subject.contains("channel"), "{subject}");
        }
    }
}
