//! What a run would remove that waits until somebody approves of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::runs::lease::Approval;

/// How many of what would go a run that is held names.
pub const GOING_MAX: usize = 50;
/// How much of a name it shows, in characters: a key may have a kilobyte.
const NAME_CHARACTERS_MAX: usize = 64;

/// What becomes of a run that would remove a large share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRemovals {
    /// It fails, and nothing is removed.
    #[default]
    Fail,
    /// It waits until somebody approves.
    Hold,
}

impl OnRemovals {
    /// What a connection may be told.
    pub const CHOICES: &[&str] = &["fail", "hold"];

    /// Reads what a connection was told. None where it is neither.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("fail") => Some(Self::Fail),
            Some("hold") => Some(Self::Hold),
            Some(_) => None,
        }
    }
}

/// Why a run waits for approval, and what would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// For people.
    pub why: String,
    /// How many would go.
    pub removals: u64,
    /// Of how many.
    pub of: u64,
    /// Some of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub going: BTreeSet<String>,
    /// Since when.
    #[serde(with = "crate::domain::time")]
    pub since: Timestamp,
}

impl Held {
    /// Whether somebody approved of it since it was held: of what it was held for before, nobody has said that this may go.
    #[must_use]
    pub fn is_approved_by(&self, approval: Option<&Approval>) -> bool {
        approval.is_some_and(|approval| approval.at_ms >= self.since.as_millisecond())
    }

    /// Names something that would go, while there is room.
    pub fn name(going: &mut BTreeSet<String>, name: &str) {
        if going.len() < GOING_MAX {
            going.insert(name.chars().take(NAME_CHARACTERS_MAX).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_stored_under_these_names() {
        let stored = serde_json::json!({"why": "why", "removals": 3, "of": 4, "going": ["gcid:b"], "since": "2026-01-15T12:00:00.000Z"});
        let held: Held = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&held).unwrap(), stored);
    }

    #[test]
    fn an_approval_is_of_what_was_held_before_it() {
        let since = Timestamp::from_millisecond(5_000).unwrap();
        let held = Held { why: String::new(), removals: 1, of: 1, going: BTreeSet::new(), since };
        let at = |at_ms| Approval { by: "ann".into(), at_ms, removals_max: 1 };
        for (approval, approved) in
            [(None, false), (Some(at(4_999)), false), (Some(at(5_000)), true), (Some(at(9_000)), true)]
        {
            assert_eq!(held.is_approved_by(approval.as_ref()), approved, "{approval:?}");
        }
    }
}
