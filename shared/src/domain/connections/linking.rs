//! A link that is being made or taken away at its vendor. It is noted before the vendor is asked, and forgotten once our own record says
//! the same: what a crash leaves between the two is seen, with what to do about it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::stored::StoredConnection;

/// How long somebody may still be at it: longer than a function lives.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(60);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// An authorisation code is exchanged for an access token.
    Connect,
    /// The vendor is told to forget the link.
    Disconnect,
}

/// That somebody is at it, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Linking {
    /// A random name of this one try.
    pub id: String,
    /// What is being done.
    pub step: Step,
    /// Since when.
    #[serde(with = "crate::domain::time")]
    pub since: Timestamp,
    /// By whom.
    pub by: String,
    /// Whether whoever began it has ended, without knowing what the vendor did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
}

impl Linking {
    /// Whether whoever began it may still be at it.
    #[must_use]
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        !self.is_over && now < self.stale_at()
    }

    /// From when on nobody is at it any more.
    #[must_use]
    pub fn stale_at(&self) -> Timestamp {
        self.since.checked_add(UNDER_WAY).unwrap_or(Timestamp::MAX)
    }

    /// The latest moment at which one can have begun that nobody is at any more.
    #[must_use]
    pub fn stale_since(now: Timestamp) -> Timestamp {
        now.checked_sub(UNDER_WAY).unwrap_or(Timestamp::MIN)
    }

    /// Whether it came to no end, as far as our own record of the link says.
    #[must_use]
    pub fn is_left(&self, stored: Option<&StoredConnection>) -> bool {
        match self.step {
            Step::Connect => {
                let secrets = stored.and_then(|stored| stored.secrets.as_ref());
                secrets.is_none_or(|secrets| secrets.rotated_at < self.since)
            }
            Step::Disconnect => stored.is_some_and(|stored| stored.created.at <= self.since),
        }
    }

    /// What to do about one that came to no end.
    #[must_use]
    pub fn advice(&self, now: Timestamp) -> &'static str {
        match (self.step, self.is_under_way(now)) {
            (_, true) => "somebody is at it: look again in a minute",
            (Step::Connect, false) => {
                "the authorisation code may be used up, and the access token that it was exchanged for was not stored: connect again, \
                 with a new link token. What Trackstar has of this try can be removed in its dashboard"
            }
            (Step::Disconnect, false) => {
                "Trackstar may have forgotten the link already, and our record of it is still there: disconnect again"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connections::schedule::Schedule;
    use crate::domain::connections::sealed::{self, DataKey, Sealed, WrappedKey};
    use crate::domain::connections::stored::{Change, ConnectionState, KeptBy, LiveSecrets};
    use crate::domain::ids::Connection;
    use crate::domain::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn stored(created: i64, rotated: Option<i64>) -> StoredConnection {
        let change = Change { at: at(created), by: "ann".into() };
        let connection: Connection = "acme/trackstar/north".parse().unwrap();
        let key = WrappedKey { by: "key".into(), bytes: vec![1] };
        let data_key = DataKey::new(&[7; 32]).unwrap();
        let current = Sealed::seal(&connection, &Secret::new("k t"), &data_key, key, sealed::nonce([1; 16])).unwrap();
        StoredConnection {
            connection,
            display_name: "North".into(),
            settings: serde_json::Map::new(),
            schedule: Schedule::Off,
            state: ConnectionState::Active,
            secrets: rotated.map(|rotated| LiveSecrets { current, previous: None, rotated_at: at(rotated) }),
            kept_by: KeptBy::Operators,
            created: change.clone(),
            changed: change,
            version: 1,
        }
    }

    #[test]
    fn what_our_own_record_says_is_at_its_end() {
        let linking = |step| Linking { id: "a".into(), step, since: at(100), by: "ann".into(), is_over: false };
        for (step, record, left) in [
            (Step::Connect, None, true),
            (Step::Connect, Some(stored(50, None)), true),
            (Step::Connect, Some(stored(50, Some(50))), true),
            (Step::Connect, Some(stored(50, Some(100))), false),
            (Step::Connect, Some(stored(101, Some(101))), false),
            (Step::Disconnect, None, false),
            (Step::Disconnect, Some(stored(50, Some(50))), true),
            // One of the same name that was made since.
            (Step::Disconnect, Some(stored(101, None)), false),
        ] {
            assert_eq!(linking(step).is_left(record.as_ref()), left, "{step:?} {record:?}");
        }
        let connect = linking(Step::Connect);
        assert!(connect.is_under_way(at(159)) && !connect.is_under_way(at(160)));
        assert!(connect.advice(at(160)).contains("connect again"));
        let over = Linking { is_over: true, ..connect };
        assert!(!over.is_under_way(at(101)) && over.advice(at(101)).contains("connect again"));
    }
}
