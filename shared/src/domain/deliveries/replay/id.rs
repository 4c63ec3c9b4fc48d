//! The name of a replay.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::dead_letter::DeadLetterId;
use crate::domain::place::NoPlace;

/// Names a set of dead letters: the same set has the same id, in whatever order it comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplayId(String);

/// The hexadecimal digits of an id.
const ID_DIGITS: usize = 32;

impl ReplayId {
    /// The id of a set in its order, each once.
    #[must_use]
    pub fn of(ids: &[DeadLetterId]) -> Self {
        let mut hash = Sha256::new();
        for id in ids {
            hash.update(id.as_str());
            // In no id: they are of graphic characters.
            hash.update("\n");
        }
        let mut text = hex::encode(hash.finalize());
        text.truncate(ID_DIGITS);
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplayId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let plain = text.len() == ID_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if plain { Ok(Self(text.to_owned())) } else { Err(NoPlace) }
    }
}

impl TryFrom<String> for ReplayId {
    type Error = NoPlace;
    fn try_from(text: String) -> Result<Self, NoPlace> {
        text.parse()
    }
}

impl From<ReplayId> for String {
    fn from(id: ReplayId) -> Self {
        id.0
    }
}

impl fmt::Display for ReplayId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: i64) -> Vec<DeadLetterId> {
        (0..count).map(|number| DeadLetterId::new(1_000 + number, "m")).collect()
    }

    #[test]
    fn a_set_has_an_id_of_its_own_that_is_read_again() {
        let (all, fewer) = (ReplayId::of(&ids(3)), ReplayId::of(&ids(2)));
        assert_eq!(all, ReplayId::of(&ids(3)));
        assert_ne!(all, fewer);
        assert_eq!(all.as_str().parse(), Ok(all.clone()));
        for bad in ["", "abc", &all.as_str().to_uppercase(), &format!("{all}0"), &"g".repeat(32)] {
            assert_eq!(bad.parse::<ReplayId>(), Err(NoPlace), "{bad}");
        }
    }
}
