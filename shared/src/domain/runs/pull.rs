//! What a pull works at: entities of a vendor's API, each with how far it got. A run goes on from here after any crash, wait or
//! stop.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::datasets::diff::Counts;
use crate::domain::ids::Entity;
use crate::domain::pull::drift::Change;
use crate::domain::pull::pages::{Chain, Proof};
use crate::domain::runs::failure::RunError;
use crate::domain::runs::run::is_zero;

/// The most entities of one pull: they are stored in the run.
pub const ENTITIES_MAX: usize = 32;
/// How many keys a dry run names of each change of an entity.
pub const SAMPLE_KEYS_MAX: usize = 20;
/// How much of a key a sample shows, in characters: a key may have a kilobyte.
const SAMPLE_KEY_CHARACTERS_MAX: usize = 64;

/// How much a pull looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PullMode {
    /// What changed since the last one. It never removes.
    #[default]
    Delta,
    /// Everything; what is gone is removed.
    Backfill,
}

impl PullMode {
    /// Reads a mode, with the names that older clients use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "delta" | "incremental" => Some(Self::Delta),
            "backfill" | "full" => Some(Self::Backfill),
            _ => None,
        }
    }

    /// The mode in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Backfill => "backfill",
        }
    }
}

/// Where an entity stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntityState {
    /// Nothing was asked for yet.
    #[default]
    Pending,
    /// Its pages are read.
    Running,
    /// All pages were read, and what is gone is being removed.
    Removing,
    /// All pages were read, and it waits until somebody approves of what would go. Others go on, and it is read anew then.
    Held,
    /// All of it is done.
    Done,
    /// It ended with a reason, and others go on.
    Failed,
    /// The vendor does not have it. No failure.
    NotSupported,
}

impl EntityState {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::NotSupported)
    }
}

/// Some keys of what a dry run found, by what would happen to them; of an entity that is held, of what would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// New ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub created: BTreeSet<String>,
    /// Changed ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub updated: BTreeSet<String>,
    /// Those that would go.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
}

impl Sample {
    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }

    /// Adds a key to one of the two, while there is room.
    pub fn add(keys: &mut BTreeSet<String>, key: &str) {
        if keys.len() < SAMPLE_KEYS_MAX {
            keys.insert(key.chars().take(SAMPLE_KEY_CHARACTERS_MAX).collect());
        }
    }
}

/// What a list that came to its end proves, as [`Proof`] says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListEnd {
    /// All rows came.
    Whole,
    /// As many came as there are.
    Confirm,
    /// Rows may be missing.
    Unproven,
}

impl From<Proof> for ListEnd {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Whole => Self::Whole,
            Proof::Confirm => Self::Confirm,
            Proof::Nothing => Self::Unproven,
        }
    }
}

/// How far an entity was read. What is here moves with the page that was committed last, and with nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The pages, as their guard remembers them.
    #[serde(default)]
    pub chain: Chain,
    /// How many commits it took: the manifest says of which one the records may not have arrived.
    #[serde(default)]
    pub commits: u64,
    /// How the next page is asked for, where pages have tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What its end proves, once it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ListEnd>,
    /// How many pages the list had when it was read before: it is read a second time where rows seem to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_pass: Option<u32>,
    /// What happened to the rows.
    #[serde(default)]
    pub counts: Counts,
    /// Rows that were set aside as dead letters.
    #[serde(default)]
    pub set_aside: u64,
}

/// An entity of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityPull {
    /// Which.
    pub entity: Entity,
    /// Where it stands.
    #[serde(default)]
    pub state: EntityState,
    /// When its first page was asked for.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When its last good page came.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub last_page_at: Option<Timestamp>,
    /// Since when changed rows are asked for; none where the whole list is.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether the vendor heeds what rows are asked for by their time; none while that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<bool>,
    /// Whether the first half of that was tried, with no rows as an answer: a wait between the two does not begin anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half_tried: bool,
    /// Up to the page that was committed last.
    #[serde(default)]
    pub progress: Progress,
    /// The same before that commit, until its records are known to have arrived: where the page is read again, it takes its own place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Progress>,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// The beginning of what the vendor answered, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Fields that rows had not before, or no more, or of another type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Change>,
    /// What was done with its rows before it was held: it is read anew, and they are as they should be by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Counts>,
    /// Of a dry run, some of what it found; of one that is held, of what would go.
    #[serde(default, skip_serializing_if = "Sample::is_empty")]
    pub sample: Sample,
}

impl EntityPull {
    /// One of which nothing was asked for yet.
    #[must_use]
    pub fn new(entity: Entity) -> Self {
        Self {
            entity,
            state: EntityState::Pending,
            began_at: None,
            last_page_at: None,
            since: None,
            filters: None,
            half_tried: false,
            progress: Progress::default(),
            before: None,
            error: None,
            answer: None,
            drift: Vec::new(),
            earlier: None,
            sample: Sample::default(),
        }
    }

    /// The same, to be read anew, as somebody approved of what would go.
    #[must_use]
    pub fn taken_up(&self) -> Self {
        let Counts { created, updated, .. } = self.progress.counts;
        let earlier = self.earlier.unwrap_or_default();
        let earlier = Counts { created: earlier.created + created, updated: earlier.updated + updated, ..earlier };
        Self {
            filters: self.filters,
            drift: self.drift.clone(),
            earlier: Some(earlier),
            ..Self::new(self.entity.clone())
        }
    }

    /// Counts what was done with its rows before it was held as well: a row of which nothing was left to do is none that was left alone.
    pub fn count_earlier(&mut self) {
        let Some(earlier) = self.earlier.take() else { return };
        let counts = &mut self.progress.counts;
        counts.created += earlier.created;
        counts.updated += earlier.updated;
        counts.unchanged = counts.unchanged.saturating_sub(earlier.created + earlier.updated);
    }
}

/// The work of a pull.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullWork {
    /// How much it looks at.
    #[serde(default)]
    pub mode: PullMode,
    /// Since when a delta asks for changes; without it since the last one that went well.
    #[serde(default, with = "crate::domain::time::optional", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether the removal guard was told to let go.
    #[serde(default)]
    pub allow_removals: bool,
    /// Whether it applies one row that was set aside. It reads no list: whoever began it has the row, and nobody else can go on with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_row: bool,
    /// How many rows were let go of what somebody approved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub let_go: u64,
    /// What it pulls, one after another.
    #[serde(default)]
    pub entities: Vec<EntityPull>,
}

impl PullWork {
    /// The entity that is to be worked at.
    #[must_use]
    pub fn current(&self) -> Option<usize> {
        let is_left = |entity: &EntityPull| !entity.state.is_over() && entity.state != EntityState::Held;
        self.entities.iter().position(is_left)
    }

    /// The entities that wait until somebody approves.
    pub fn held(&self) -> impl Iterator<Item = &EntityPull> {
        self.entities.iter().filter(|entity| entity.state == EntityState::Held)
    }

    /// Has those that wait read anew.
    pub fn take_up_held(&mut self) {
        for entity in &mut self.entities {
            if entity.state == EntityState::Held {
                *entity = entity.taken_up();
            }
        }
    }

    /// The entities that ended with a reason.
    pub fn failed(&self) -> impl Iterator<Item = &EntityPull> {
        self.entities.iter().filter(|entity| entity.state == EntityState::Failed)
    }

    /// What all of them found together, once a page was read.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        let read = self
            .entities
            .iter()
            .filter(|entity| entity.progress.chain.pages() > 0 || entity.state == EntityState::Done);
        read.map(|entity| entity.progress.counts).reduce(|sum, counts| sum.plus(&counts))
    }

    /// Whether an entity got further than it was.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> bool {
        let place = |entity: &EntityPull| {
            (entity.progress.first_pass, entity.progress.chain.pages(), entity.state, entity.filters)
        };
        self.entities.len() != before.entities.len()
            || self.entities.iter().zip(&before.entities).any(|(now, before)| place(now) != place(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: u32) -> Chain {
        serde_json::from_value(serde_json::json!({"pages": pages})).unwrap()
    }

    fn work() -> PullWork {
        let mut owners = EntityPull::new(Entity::parse("owners").unwrap());
        owners.state = EntityState::Running;
        owners.progress.chain = pages(1);
        owners.progress.counts = Counts { total: 3, created: 2, unchanged: 1, ..Counts::default() };
        PullWork { entities: vec![owners, EntityPull::new(Entity::parse("units").unwrap())], ..PullWork::default() }
    }

    #[test]
    fn a_pull_is_stored_under_these_names() {
        let stored = serde_json::json!({
            "mode": "backfill", "allowRemovals": false, "oneRow": true, "letGo": 4, "since": "2026-01-15T12:00:00.000Z",
            "entities": [{
                "entity": "owners", "state": "running", "beganAt": "2026-01-15T12:00:00.000Z",
                "lastPageAt": "2026-01-15T12:00:01.000Z", "since": "2026-01-15T12:00:00.000Z", "filters": false,
                "progress": {"chain": Chain::default(), "commits": 2, "token": "t", "end": "confirm", "firstPass": 1, "setAside": 1,
                    "counts": {"total": 3, "created": 2, "updated": 0, "removed": 0, "unchanged": 1}},
                "before": {"chain": Chain::default(), "commits": 1, "setAside": 0,
                    "counts": {"total": 0, "created": 0, "updated": 0, "removed": 0, "unchanged": 0}},
                "error": {"code": "page_invalid", "detail": "why"}, "answer": "<html>",
                "drift": [{"path": "a.b", "kind": "new", "was": null, "is": "text", "firstRecord": "a"}],
                "earlier": {"total": 0, "created": 1, "updated": 0, "removed": 0, "unchanged": 0},
                "sample": {"created": ["a"], "updated": ["b"], "removed": ["c"]},
            }],
        });
        let work: PullWork = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&work).unwrap(), stored);
    }

    #[test]
    fn one_entity_is_worked_at_after_another_and_the_counts_are_those_of_all() {
        let mut work = work();
        assert_eq!((work.current(), work.counts().map(|counts| counts.created)), (Some(0), Some(2)));
        work.entities[0].state = EntityState::Failed;
        assert_eq!((work.current(), work.failed().count()), (Some(1), 1));
        work.entities[1].state = EntityState::NotSupported;
        assert_eq!(work.current(), None);
    }

    #[test]
    fn an_entity_that_is_held_is_passed_over_and_what_was_done_with_its_rows_is_not_forgotten() {
        let mut work = work();
        work.entities[0].state = EntityState::Held;
        assert_eq!((work.current(), work.held().count()), (Some(1), 1));
        let mut entity = work.entities[0].taken_up();
        assert_eq!((entity.state, entity.progress.chain.pages()), (EntityState::Pending, 0));
        entity.progress.counts = Counts { total: 3, created: 1, removed: 2, unchanged: 2, ..Counts::default() };
        entity.count_earlier();
        entity.count_earlier();
        let counts = Counts { total: 3, created: 3, removed: 2, ..Counts::default() };
        assert_eq!(entity.progress.counts, counts);
    }

    #[test]
    fn a_page_more_or_another_state_is_progress() {
        let before = work();
        assert!(!before.moved_since(&before));
        let mut page = before.clone();
        page.entities[0].progress.chain = pages(2);
        let mut state = before.clone();
        state.entities[0].state = EntityState::Removing;
        assert!(page.moved_since(&before) && state.moved_since(&before));
    }

    #[test]
    fn modes_are_read_as_clients_spell_them_and_samples_are_bounded() {
        for (text, mode) in [
            ("delta", Some(PullMode::Delta)),
            ("Incremental", Some(PullMode::Delta)),
            ("full", Some(PullMode::Backfill)),
            ("backfill ", Some(PullMode::Backfill)),
            ("all", None),
        ] {
            assert_eq!(PullMode::parse(text), mode, "{text}");
        }
        let mut keys = BTreeSet::new();
        (0..99).for_each(|number| Sample::add(&mut keys, &format!("{number}{}", "x".repeat(99))));
        assert_eq!((keys.len(), keys.first().map(String::len)), (SAMPLE_KEYS_MAX, Some(64)));
    }
}
