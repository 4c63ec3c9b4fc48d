//! What is made from the seed alone.

/// An odd number without a pattern in its bits (2^64 divided by the golden ratio), so that ids look like ids.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const BACK: u64 = inverse(STEP);
/// The bits of an id's number that hold the entity.
const ENTITY_SHIFT: u32 = 48;

/// The number that undoes a multiplication by an odd one, by Newton's method: each step doubles the bits that are right.
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut right = 3;
    while right < u64::BITS {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        right *= 2;
    }
    found
}

/// The seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    mask: u64,
}

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self { mask: fastrand::Rng::with_seed(seed).u64(..) }
    }

    /// A number that no other row has, and that looks like none. Bytes are swapped in between, as a multiplication carries upwards
    /// alone: without it the ids of two entities would end alike.
    pub(crate) const fn id(self, entity: usize, index: u64) -> u64 {
        let number = ((entity as u64) << ENTITY_SHIFT) | index;
        number.wrapping_mul(STEP).swap_bytes().wrapping_mul(STEP) ^ self.mask
    }

    /// The row with this number.
    pub(crate) const fn index(self, entity: usize, id: u64) -> Option<u64> {
        let found = (id ^ self.mask).wrapping_mul(BACK).swap_bytes().wrapping_mul(BACK);
        if found >> ENTITY_SHIFT == entity as u64 { Some(found & ((1 << ENTITY_SHIFT) - 1)) } else { None }
    }

    /// Randomness of a row.
    pub(crate) fn dice(self, entity: usize, index: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.id(entity, index))
    }

    /// The n-th token or code, whatever kind it is of.
    pub(crate) fn secret(self, kind: &str, nth: u64) -> String {
        let mut random = fastrand::Rng::with_seed(self.mask ^ nth.wrapping_mul(STEP));
        format!("{kind}-{:032x}", random.u128(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_row_and_to_no_other() {
        for seed in [0, 1, u64::MAX] {
            let seed = Seed::new(seed);
            for (entity, index) in [(0, 0), (0, 1), (4, 0), (4, 1_999_999)] {
                let id = seed.id(entity, index);
                assert_eq!(seed.index(entity, id), Some(index));
                assert_eq!(seed.index(entity + 1, id), None);
            }
        }
    }
}
