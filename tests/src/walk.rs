//! Random faults from a seed: a failure prints the seed that replays it.

use std::sync::{Arc, Mutex};

use crate::wire::{Call, Fault, Verdict, Wire};

/// A generator that depends on its seed alone (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(Arc<Mutex<u64>>);

impl Dice {
    /// Dice that fall as the seed says.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// A number below `sides`.
    ///
    /// # Panics
    /// When another thread panicked while it threw.
    #[must_use]
    pub fn below(&self, sides: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// Dice of their own, which fall alike however often these are thrown from here on: how many calls a retry makes
    /// depends on the machine, and must not change what else the seed says.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(self.below(u64::MAX))
    }

    /// A wire on which every call fails, each in some way: nobody learns of anything that took effect.
    #[must_use]
    pub fn outage(&self) -> Wire {
        let dice = self.clone();
        let always = u64::try_from(ALWAYS.len()).unwrap();
        Wire::planned(move |_: &Call| Verdict::Fail(ALWAYS[usize::try_from(dice.below(always)).unwrap()]))
    }

    /// A wire on which `percent` of the calls fail, each in some way, and `crashes` of a thousand end the process.
    #[must_use]
    pub fn wire(&self, percent: u64, crashes: u64) -> Wire {
        let dice = self.clone();
        Wire::planned(move |_: &Call| match (dice.below(1000), dice.below(100)) {
            (crash, _) if crash < crashes / 2 => Verdict::KillBefore,
            (crash, _) if crash < crashes => Verdict::KillAfter,
            (_, fault) if fault < percent => Verdict::Fail(FAULTS[usize::try_from(dice.below(7)).unwrap()]),
            _ => Verdict::Pass,
        })
    }
}

/// Faults that any call can meet.
const ALWAYS: [Fault; 5] =
    [Fault::Throttled, Fault::ServerError, Fault::Unavailable, Fault::LostReply, Fault::Unreachable];
const FAULTS: [Fault; 7] = {
    let [throttled, server_error, unavailable, lost_reply, unreachable] = ALWAYS;
    [throttled, server_error, unavailable, lost_reply, unreachable, Fault::Conflict, Fault::Unprocessed]
};

/// The seed: `SIGNALBOX_SEED`, else a given one. Printed, so that a failure can be replayed.
///
/// # Panics
/// When the variable is not a number.
#[must_use]
pub fn seed(default: u64) -> u64 {
    let seed = std::env::var("SIGNALBOX_SEED").ok().map(|text| text.parse().expect("SIGNALBOX_SEED is a number"));
    let seed = seed.unwrap_or(default);
    println!("seed: SIGNALBOX_SEED={seed}");
    seed
}
