//! Where some of a tenant's deliveries lie: a shard of an hour.

use std::fmt;

use super::placement::{Hour, SHARDS_MAX};
use crate::domain::ids::TenantId;

/// A shard of an hour: where some of a tenant's deliveries lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// The hour.
    pub hour: Hour,
    /// Which shard of it.
    pub shard: u8,
}

impl Partition {
    /// The partition of a text that one is shown as; none for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, shard) = text.split_once('#')?;
        let partition = Self { hour: Hour::parse(hour)?, shard: shard.parse().ok()? };
        (partition.shard < SHARDS_MAX && partition.to_string() == text).then_some(partition)
    }

    /// Its key in the table.
    #[must_use]
    pub fn key(self, tenant: &TenantId) -> String {
        format!("{tenant}#deliveries#{self}")
    }
}

/// `2026-01-15T12#3`, which sorts as the partitions do: shards have one digit.
impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.hour, self.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_read_as_it_is_written_and_nothing_else_is_one() {
        for (text, shard) in [("2026-01-15T12#3", 3), ("1970-01-01T00#0", 0)] {
            let partition = Partition::parse(text).unwrap();
            assert_eq!((partition.to_string().as_str(), partition.shard), (text, shard));
        }
        for bad in ["", "2026-01-15T12", "2026-01-15T12#", "2026-01-15T12#8", "2026-01-15T12#03", "2026-01-15#3"] {
            assert_eq!(Partition::parse(bad), None, "{bad}");
        }
    }
}
