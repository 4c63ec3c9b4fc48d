//! Names of things. Each can only hold what is safe in a key, a log line and a URL.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be 1 to {length_max} characters of a-z, 0-9, '-', '_' or '.'")]
pub struct InvalidId {
    what: &'static str,
    length_max: usize,
}

fn plain(text: &str, what: &'static str, length_max: usize) -> Result<String, InvalidId> {
    let text = text.trim().to_lowercase();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > length_max || !text.bytes().all(allowed) {
        return Err(InvalidId { what, length_max });
    }
    Ok(text)
}

/// A customer. Everything stored belongs to one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(String);

impl TenantId {
    /// Parses a tenant id, case-insensitively.
    ///
    /// # Errors
    /// When it holds anything that could change the meaning of a key.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        plain(text, "a tenant id", 64).map(Self)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tenant of clients that name none.
impl Default for TenantId {
    fn default() -> Self {
        Self("default".into())
    }
}

/// A vendor's lower-case name in keys and URLs, for example `moscot`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Parses a slug, case-insensitively.
    ///
    /// # Errors
    /// When it is blank or holds anything but letters, digits, `-`, `_` and `.`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        plain(text, "a vendor slug", 64).map(Self)
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One tenant's link to one vendor's catalogue. Its text, `tenant/vendor/catalogue`, starts every key of what it
/// owns: no read can reach another tenant's rows without naming that tenant (I6).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which vendor it leads to.
    pub vendor: Slug,
}

impl Connection {
    /// The connection of a tenant to a vendor's catalogue.
    #[must_use]
    pub fn new(tenant: TenantId, vendor: Slug) -> Self {
        Self { tenant, vendor }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/catalogue", self.tenant, self.vendor)
    }
}

/// A run's id: a version 7 UUID (RFC 9562), so that ids sort by start time and serve as sort keys and cursors.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of a run that starts at `at`; `random` keeps two of the same millisecond apart.
    #[must_use]
    pub fn new(at: Timestamp, random: [u8; 16]) -> Self {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        Self(uuid::Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid().to_string())
    }

    /// Reads an id that a client sent; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text.trim()).ok()?;
        (id.get_version_num() == 7).then(|| Self(id.to_string()))
    }

    /// The smallest id of a run that started at `at` or later.
    #[must_use]
    pub fn lowest(at: Timestamp) -> String {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let hex = format!("{:012x}", millisecond & 0xFFFF_FFFF_FFFF);
        format!("{}-{}", &hex[..8], &hex[8..])
    }

    /// A text that sorts after every id of a run that started at `at` or earlier.
    #[must_use]
    pub fn highest(at: Timestamp) -> String {
        format!("{}~", Self::lowest(at))
    }

    /// When the run started, read back from the id.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        let hex: String = self.0.chars().filter(|character| *character != '-').take(12).collect();
        Timestamp::from_millisecond(i64::from_str_radix(&hex, 16).ok()?).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_start_and_bounds_enclose_their_millisecond() {
        let early = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let late = Timestamp::from_millisecond(1_700_000_000_001).unwrap();
        let (a, b) = (RunId::new(early, [0xFF; 16]), RunId::new(late, [0; 16]));
        assert!(a < b);
        assert_eq!(a.started_at(), Some(early));
        assert!(RunId::lowest(early).as_str() < a.as_str() && a.as_str() < RunId::highest(early).as_str());
        assert!(RunId::highest(early).as_str() < b.as_str());
    }

    #[test]
    fn a_slug_is_lower_cased_and_nothing_that_splits_a_key_passes() {
        assert_eq!(Slug::parse(" MOSCOT ").unwrap().as_str(), "moscot");
        for bad in ["", "  ", "a/b", "a#b", "æ", "a b"] {
            assert!(Slug::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
