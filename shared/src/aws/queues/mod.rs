//! The queues: [`due`] carries connections that are due to `sync-worker`, and [`sync`] runs, a message per slice; [`webhook`]
//! deliveries to `webhook-worker`. [`given_up`] is what comes of runs' that no worker finished, and [`depth`] how much lies in them.

pub mod depth;
pub mod due;
pub mod given_up;
pub mod sync;
pub mod webhook;

use serde::Deserialize;

use due::DueMessage;
use sync::{FanOutMessage, ReplayMessage, SliceMessage};

/// What the two queues of `sync-worker` hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum WorkMessage {
    /// A slice of a run.
    Slice(SliceMessage),
    /// Connections that are due.
    Due(DueMessage),
    /// A chunk of a replay.
    Replay(ReplayMessage),
    /// A part of a fan-out.
    FanOut(FanOutMessage),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_by_what_it_holds() {
        let read = |text: &str| serde_json::from_str::<WorkMessage>(text).ok();
        let slice = r#"{"connection": "a/catalogue/b", "runId": "018bcfe5-6800-7000-8000-000000000000"}"#;
        assert!(matches!(read(slice), Some(WorkMessage::Slice(_))));
        let due = DueMessage { due: vec!["a/catalogue/b".parse().unwrap()] };
        assert_eq!(read(&serde_json::to_string(&due).unwrap()), Some(WorkMessage::Due(due)));
        let replay = r#"{"tenant": "a", "replay": "0123456789abcdef0123456789abcdef", "chunk": 7}"#;
        assert!(matches!(read(replay), Some(WorkMessage::Replay(message)) if message.chunk == 7));
        let fan_out = r#"{"fanOut": "018bcfe5-6800-7000-8000-000000000000", "strategy": "gbp_to_platform"}"#;
        assert!(matches!(read(fan_out), Some(WorkMessage::FanOut(_))));
        for wrong in ["{}", "[]", r#"{"due": ["a/b"]}"#, r#"{"connection": "a/catalogue/b"}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
