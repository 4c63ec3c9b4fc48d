//! When a connection's live secrets were last good for a webhook. It is noted by which of the two it was then, and a rotation makes
//! the current one the previous one: so what is read is held against the time of the rotation.

use jiff::Timestamp;

use super::stored::StoredConnection;

/// When each was used last, as it was noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastUsed {
    /// The one that was the current one then.
    pub current: Option<Timestamp>,
    /// The one that was the previous one then.
    pub previous: Option<Timestamp>,
}

impl LastUsed {
    /// When the secrets that a connection has now were used last; none where nothing is known of it.
    #[must_use]
    pub fn of(self, stored: &StoredConnection) -> Self {
        let Some(secrets) = &stored.secrets else { return Self::default() };
        let since = |time: &Timestamp| *time >= secrets.rotated_at;
        // Another connection may have had the name before.
        let before = |time: &Timestamp| *time < secrets.rotated_at && *time >= stored.created.at;
        let previous = self.previous.filter(since).or(self.current.filter(before));
        Self { current: self.current.filter(since), previous: previous.filter(|_| secrets.previous.is_some()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connections::sealed::{DataKey, Sealed, WrappedKey};
    use crate::domain::connections::stored::{Change, ConnectionState, KeptBy, LiveSecrets};
    use crate::domain::connections::{provider::Settings, schedule::Schedule};
    use crate::domain::secret::Secret;

    /// Made at 10, rotated at 20.
    fn stored(has_previous: bool) -> StoredConnection {
        let connection = "acme/github/main".parse().unwrap();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let key = || WrappedKey { by: "key".into(), bytes: vec![1] };
        let seal = |text: &str| {
            Sealed::seal(&connection, &Secret::new(text), &DataKey::new(&[7; 32]).unwrap(), key(), [0; 12]).unwrap()
        };
        let change = Change { at: at(10), by: "ada".into() };
        StoredConnection {
            secrets: Some(LiveSecrets {
                current: seal("new"),
                previous: has_previous.then(|| seal("old")),
                rotated_at: at(20),
            }),
            connection: connection.clone(),
            display_name: "main".into(),
            settings: Settings::new(),
            schedule: Schedule::Off,
            state: ConnectionState::Active,
            kept_by: KeptBy::Operators,
            created: change.clone(),
            changed: change,
            version: 2,
        }
    }

    #[test]
    fn what_was_noted_before_a_rotation_is_of_the_one_that_is_previous_now() {
        for (current, previous, has_previous, expected) in [
            (None, None, true, (None, None)),
            (Some(15), None, true, (None, Some(15))),
            (Some(15), None, false, (None, None)),
            (Some(25), None, true, (Some(25), None)),
            (Some(25), Some(15), true, (Some(25), None)),
            (Some(25), Some(26), true, (Some(25), Some(26))),
            (Some(15), Some(26), true, (None, Some(26))),
            (Some(15), Some(12), true, (None, Some(15))),
            (Some(20), Some(20), true, (Some(20), Some(20))),
            (Some(25), Some(26), false, (Some(25), None)),
            (Some(5), Some(6), true, (None, None)),
        ] {
            let at = |second: Option<i64>| second.map(|second| Timestamp::from_second(second).unwrap());
            let found = LastUsed { current: at(current), previous: at(previous) }.of(&stored(has_previous));
            assert_eq!(
                found,
                LastUsed { current: at(expected.0), previous: at(expected.1) },
                "{current:?} {previous:?}"
            );
        }
    }
}
