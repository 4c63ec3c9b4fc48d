//! Where the records of a dataset lie.
//!
//! One partition of a table takes 1,000 write units a second: the first sync of a catalogue of 5,000,000 rows would take an hour
//! and a half for that alone. So they lie in sixteen, by the first digit of their fingerprint. In order, these hold a dataset
//! in the order of its fingerprints, as its manifest does.

use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::ids::Dataset;

/// The partition of the record with this fingerprint.
#[must_use]
pub fn partition(dataset: &Dataset, fingerprint: Fingerprint) -> String {
    format!("{dataset}#{:x}", fingerprint.0[0] >> 4)
}

/// All partitions of a dataset, in the order of their fingerprints.
pub fn partitions(dataset: &Dataset) -> impl Iterator<Item = String> {
    (0..16).map(move |digit| format!("{dataset}#{digit:x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_of_a_dataset_hold_its_fingerprints_in_their_order() {
        let dataset: Dataset = "acme/catalogue/moscot/products".parse().unwrap();
        let of = |first: u8| {
            let mut bytes = [0; 16];
            bytes[0] = first;
            partition(&dataset, Fingerprint(bytes))
        };
        for (first, digit) in [(0x00, '0'), (0x0F, '0'), (0x10, '1'), (0x9A, '9'), (0xA0, 'a'), (0xFF, 'f')] {
            assert_eq!(of(first), format!("acme/catalogue/moscot/products#{digit}"));
        }
        assert!(partitions(&dataset).eq((0..=15).map(|digit| of(digit << 4))));
        assert!(partitions(&dataset).is_sorted());
    }
}
