//! Which vendors there are, and the one match on them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::answer::{Answer, Call};
use crate::faults::PageFaults;
use crate::limits::Rate;
use crate::options::{Filters, Unusable};
use crate::rows::Entity;
use crate::state::State;
use crate::{doorloop, gbp, trackstar};

/// A vendor that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// Property management: pages by number, 50 requests a minute.
    Doorloop,
    /// Warehouses behind one API: pages by token, 10 requests a second.
    Trackstar,
    /// Business profiles at Google: pages by token, 300 requests a minute, 10 edits a minute of a location.
    Gbp,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Doorloop, Self::Trackstar, Self::Gbp];

    /// As in commands and paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Doorloop => "doorloop",
            Self::Trackstar => "trackstar",
            Self::Gbp => "gbp",
        }
    }

    /// What follows the address in the base of the API.
    #[must_use]
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Doorloop => doorloop::BASE_PATH,
            Self::Trackstar => "",
            Self::Gbp => gbp::BASE_PATH,
        }
    }

    /// The names of what it lists.
    pub fn entities(self) -> impl Iterator<Item = &'static str> {
        self.catalogue().iter().map(|entity| entity.name)
    }

    pub(crate) const fn catalogue(self) -> &'static [Entity] {
        match self {
            Self::Doorloop => doorloop::rows::ENTITIES,
            Self::Trackstar => trackstar::rows::ENTITIES,
            Self::Gbp => gbp::rows::ENTITIES,
        }
    }

    /// What a request is about: an entity, or another part of the API that faults can be scoped to.
    pub(crate) fn subject(self, call: &Call) -> Option<&'static str> {
        let path = &call.path;
        let part = match self {
            Self::Gbp => return gbp::subject(call),
            Self::Doorloop => path.strip_prefix(doorloop::BASE_PATH)?.strip_prefix('/')?,
            Self::Trackstar => path.strip_prefix("/wms/").or_else(|| path.strip_prefix('/'))?,
        };
        let first = part.split('/').next()?;
        self.subjects().find(|subject| *subject == first)
    }

    /// Everything that faults can be scoped to.
    pub(crate) fn subjects(self) -> impl Iterator<Item = &'static str> {
        let others: &[&str] = match self {
            Self::Doorloop => &[],
            Self::Trackstar => trackstar::OTHER_SUBJECTS,
            Self::Gbp => gbp::OTHER_SUBJECTS,
        };
        self.entities().chain(others.iter().copied())
    }

    /// Whether a list says how many rows it has in all.
    pub(crate) const fn promises_a_total(self) -> bool {
        matches!(self, Self::Doorloop | Self::Gbp)
    }

    pub(crate) const fn key_default(self) -> &'static str {
        match self {
            Self::Doorloop => "simulated-doorloop-key",
            Self::Trackstar => "simulated-trackstar-key",
            Self::Gbp => "simulated-gbp-key",
        }
    }

    pub(crate) const fn filters_default(self) -> Filters {
        match self {
            Self::Doorloop | Self::Gbp => Filters::Ignored,
            Self::Trackstar => Filters::Honoured,
        }
    }

    pub(crate) const fn without_default(self) -> &'static [&'static str] {
        match self {
            Self::Doorloop | Self::Gbp => &[],
            Self::Trackstar => &["returns"],
        }
    }

    /// The documented limits: of requests that read, and of those that write.
    pub(crate) const fn rates(self) -> (&'static [Rate], &'static [Rate]) {
        match self {
            Self::Doorloop => (doorloop::RATES, doorloop::RATES),
            Self::Trackstar => (trackstar::READ_RATES, trackstar::WRITE_RATES),
            // What writes counts as what reads does. Edits have a limit of their own besides.
            Self::Gbp => (gbp::RATES, gbp::RATES),
        }
    }

    /// Whether a request counts against the limit of those that read.
    pub(crate) fn counts_as_read(self, call: &Call) -> bool {
        self == Self::Gbp || call.reads()
    }

    /// Whose limit a request counts against, or the refusal of who may not ask.
    pub(crate) fn admit(self, state: &State, call: &Call) -> Result<String, Answer> {
        match self {
            Self::Doorloop => doorloop::admit(state, call),
            Self::Trackstar => trackstar::admit(state, call),
            Self::Gbp => gbp::admit(state, call),
        }
    }

    pub(crate) fn answer(self, state: &mut State, call: &Call, faults: &PageFaults, now: Timestamp) -> Answer {
        match self {
            Self::Doorloop => doorloop::answer(state, call, faults),
            Self::Trackstar => trackstar::answer(state, call, faults, now),
            Self::Gbp => gbp::answer(state, call, faults, now),
        }
    }

    /// A refusal as this vendor writes it.
    pub(crate) fn refusal(self, status: u16) -> Answer {
        match self {
            Self::Doorloop => doorloop::refusal(status),
            Self::Trackstar => trackstar::refusal(status),
            Self::Gbp => gbp::refusal(status),
        }
    }
}

impl FromStr for Vendor {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let found = Self::ALL.into_iter().find(|vendor| vendor.name() == text);
        found.ok_or_else(|| {
            Unusable::new(format!("no vendor {text} is simulated: there are doorloop, trackstar and gbp"))
        })
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
