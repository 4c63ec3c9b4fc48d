//! What is counted of deliveries for the whole fleet, for graphs: by origin and never by tenant, of which there may be
//! thousands, while origins are bounded by configuration. What is promised of each delivery is kept by its claim; a counter
//! may miss a little when a process dies.

use std::collections::BTreeMap;

use crate::domain::deliveries::delivery::{Applied, TakenIn};
use crate::domain::deliveries::rejected::Rejection;
use crate::domain::deliveries::signature::{Proof, SecretLabel};

/// Upper bounds of the latency's buckets: in milliseconds, and in seconds as the metric names them.
pub const LATENCY_BOUNDS: [(u64, &str); 8] =
    [(10, "0.01"), (50, "0.05"), (100, "0.1"), (250, "0.25"), (500, "0.5"), (1000, "1"), (2000, "2"), (5000, "5")];
/// The name of the bucket above them.
pub const LATENCY_ABOVE: &str = "+Inf";

/// One counter of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Taken in within the bound of this place in [`LATENCY_BOUNDS`] and not within the one below; the place behind the last
    /// is above them all.
    Latency(usize),
    /// How long all of them took together, milliseconds.
    LatencySumMs,
    /// Seen before.
    Duplicate,
    /// Proved by this secret.
    Matched(SecretLabel),
    /// Applied.
    Applied(Applied),
    /// Given up.
    Dead,
    /// Refused for this reason, and counted here alone: one that has a number in its ring is counted there.
    Refused(Rejection),
    /// Refused, for whatever reason, and not kept.
    Unkept,
}

impl Counter {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let latency = (0..=LATENCY_BOUNDS.len()).map(Self::Latency);
        latency
            .chain([Self::LatencySumMs, Self::Duplicate, Self::Dead, Self::Unkept])
            .chain(Rejection::ALL.map(Self::Refused))
            .chain(SecretLabel::ALL.map(Self::Matched))
            .chain(Applied::ALL.map(Self::Applied))
    }

    /// Its name where it is stored: short, as an item of counters must stay below 1 KB.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Latency(place) => format!("latency.le.{}", bound(place)),
            Self::LatencySumMs => "latency.sum_ms".into(),
            Self::Duplicate => "duplicate".into(),
            Self::Matched(secret) => format!("secret.{}", secret.as_str()),
            Self::Applied(outcome) => format!("applied.{}", outcome.as_str()),
            Self::Dead => "dead".into(),
            Self::Refused(reason) => format!("refused.{}", reason.as_str()),
            Self::Unkept => "unkept".into(),
        }
    }

    /// The counter of a stored name; none for one that this version does not count.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|counter| counter.name() == name)
    }
}

/// The bound of a bucket, as the metric names it.
#[must_use]
pub fn bound(place: usize) -> &'static str {
    LATENCY_BOUNDS.get(place).map_or(LATENCY_ABOVE, |(_, name)| name)
}

/// Counts by origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetTally(BTreeMap<String, BTreeMap<Counter, u64>>);

impl FleetTally {
    /// Adds to a counter.
    pub fn add(&mut self, origin: &str, counter: Counter, step: u64) {
        let count = self.0.entry(origin.to_owned()).or_default().entry(counter).or_default();
        *count = count.saturating_add(step);
    }

    /// Adds one that was taken in: how long it took, and by which secret it was proved.
    pub fn taken_in(&mut self, origin: &str, taken: TakenIn) {
        let place = LATENCY_BOUNDS.iter().position(|(bound, _)| taken.ms <= *bound);
        self.add(origin, Counter::Latency(place.unwrap_or(LATENCY_BOUNDS.len())), 1);
        self.add(origin, Counter::LatencySumMs, taken.ms);
        self.proved(origin, taken.proof);
    }

    /// Adds one whose signature was right; nothing where none was looked at.
    pub fn proved(&mut self, origin: &str, proof: Proof) {
        if let Proof::Signature(secret) = proof {
            self.add(origin, Counter::Matched(secret), 1);
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        for (origin, counters) in other.0 {
            for (counter, step) in counters {
                self.add(&origin, counter, step);
            }
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The counts of each origin.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &BTreeMap<Counter, u64>)> {
        self.0.iter().map(|(origin, counters)| (origin.as_str(), counters))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_stored_name_is_read_as_its_counter_and_no_other_is() {
        let names: BTreeSet<String> = Counter::all().map(Counter::name).collect();
        assert_eq!(names.len(), Counter::all().count(), "two have one name");
        for counter in Counter::all() {
            assert_eq!(Counter::parse(&counter.name()), Some(counter));
        }
        for (name, counter) in [
            ("latency.le.0.01", Counter::Latency(0)),
            ("latency.le.+Inf", Counter::Latency(LATENCY_BOUNDS.len())),
            ("latency.sum_ms", Counter::LatencySumMs),
            ("duplicate", Counter::Duplicate),
            ("secret.previous", Counter::Matched(SecretLabel::Previous)),
            ("applied.older", Counter::Applied(Applied::Older)),
            ("dead", Counter::Dead),
            ("refused.bad_signature", Counter::Refused(Rejection::BadSignature)),
            ("unkept", Counter::Unkept),
        ] {
            assert_eq!(Counter::parse(name), Some(counter));
        }
        for other in ["", "pk", "latency.le.3", "duplicate|pos", "rejected.bad_signature"] {
            assert_eq!(Counter::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_latency_is_in_the_first_bucket_that_takes_it() {
        for (ms, name) in [(0, "0.01"), (10, "0.01"), (11, "0.05"), (250, "0.25"), (5000, "5"), (5001, "+Inf")] {
            let mut tally = FleetTally::default();
            tally.taken_in("pos", TakenIn { proof: Proof::LocalBypass, ms });
            let names: Vec<String> =
                tally.origins().flat_map(|(_, counters)| counters.keys()).map(|c| c.name()).collect();
            assert_eq!(names, [format!("latency.le.{name}"), "latency.sum_ms".into()], "{ms} ms");
        }
    }

    /// An ADD costs one write unit while the item has at most 1 KB: names as UTF-8, numbers a byte for two digits and one.
    #[test]
    fn an_origin_with_every_counter_at_its_largest_stays_below_a_write_unit() {
        let origin = format!("{0}/{0}", "x".repeat(64));
        let largest = u64::MAX.to_string().len().div_ceil(2) + 2;
        let key = "pk".len() + "metrics".len() + "sk".len() + origin.len();
        let counters: usize = Counter::all().map(|counter| counter.name().len() + largest).sum();
        assert!(key + counters <= 1024, "{}", key + counters);
    }

    #[test]
    fn what_is_counted_adds_up_over_tallies() {
        let mut tally = FleetTally::default();
        tally.merge(FleetTally::default());
        assert!(tally.is_empty());
        for (proof, ms) in
            [(Proof::Signature(SecretLabel::Previous), 40), (Proof::LocalBypass, 6_000), (Proof::LocalBypass, 41)]
        {
            let mut other = FleetTally::default();
            other.taken_in("pos", TakenIn { proof, ms });
            other.add("trackstar", Counter::Dead, 2);
            assert!(!other.is_empty());
            tally.merge(other);
        }
        tally.add("pos", Counter::Duplicate, 1);
        tally.add("pos", Counter::Duplicate, u64::MAX);
        let found: Vec<(&str, Vec<(Counter, u64)>)> = tally
            .origins()
            .map(|(origin, counters)| (origin, counters.iter().map(|(counter, count)| (*counter, *count)).collect()))
            .collect();
        let pos = vec![
            (Counter::Latency(1), 2),
            (Counter::Latency(LATENCY_BOUNDS.len()), 1),
            (Counter::LatencySumMs, 6_081),
            (Counter::Duplicate, u64::MAX),
            (Counter::Matched(SecretLabel::Previous), 1),
        ];
        assert_eq!(found, [("pos", pos), ("trackstar", vec![(Counter::Dead, 6)])]);
    }
}
