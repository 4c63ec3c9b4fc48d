//! A vendor whose rows change, that fails in all the ways that vendors do, and that knows its limits.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;

use super::world::Broken;

pub(super) const PAGE_SIZE: usize = 4;
/// Few, so that they are used up.
pub(super) const PER_MINUTE: u32 = 30;
pub(super) const PER_HOUR: u32 = 1_000;

/// What it answers.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Rows with their versions, how many there are, and how to go on.
    Page { rows: Vec<(u32, u32)>, total: u64, next: Option<String> },
    /// A status, perhaps with a wait in seconds.
    Status(u16, Option<i64>),
    /// Nothing.
    None,
}

/// Where a page begins: by its number, from 0, or behind a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) number: usize,
    pub(super) after: Option<u32>,
}

/// How it is wrong at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// It answers with this status.
    Fails(u16),
    /// It does not answer.
    Gone,
    /// Its lists end too early.
    EndsEarly,
    /// It sends the first page again and again.
    Repeats,
    /// Its pages lack a row.
    CutsPages,
}

pub(super) struct Vendor {
    pub(super) rows: BTreeMap<u32, u32>,
    versions: u32,
    /// By number and not by token.
    pub(super) by_number: bool,
    mood: Mood,
    /// When requests arrived.
    arrived: VecDeque<i64>,
    /// Rows as they were since the run began that is under way: what was there all along must not be removed.
    pub(super) there_all_along: BTreeMap<u32, u32>,
}

impl Vendor {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let rows: BTreeMap<u32, u32> = (0..rng.u32(..30)).map(|row| (row, 1)).collect();
        let there_all_along = rows.clone();
        Self { rows, versions: 1, by_number: rng.bool(), mood: Mood::Well, arrived: VecDeque::new(), there_all_along }
    }

    /// Something changes: a row, or how well it is.
    pub(super) fn changes(&mut self, rng: &mut Rng) {
        let row = rng.u32(..40);
        match rng.u32(..12) {
            0 => {
                self.versions += 1;
                self.rows.insert(row, self.versions);
            }
            1 => {
                self.rows.remove(&row);
                self.there_all_along.remove(&row);
            }
            2 => {
                self.versions += 1;
                let version = self.versions;
                self.rows.entry(row).and_modify(|known| *known = version);
            }
            3 => {
                let moods = [
                    Mood::Fails(500),
                    Mood::Fails(500),
                    Mood::Fails(503),
                    Mood::Fails(429),
                    Mood::Fails(404),
                    Mood::Gone,
                    Mood::EndsEarly,
                    Mood::Repeats,
                    Mood::CutsPages,
                ];
                self.mood = moods[rng.usize(..moods.len())];
            }
            4..=6 => self.mood = Mood::Well,
            _ => {}
        }
    }

    /// A request arrives.
    pub(super) fn is_asked(&mut self, rng: &mut Rng, at_ms: i64, cursor: Cursor) -> Result<Reply, Broken> {
        self.count(at_ms)?;
        let first = Cursor { number: 0, after: None };
        let (mut rows, mut is_last) = self.page(cursor);
        match self.mood {
            Mood::Well => {}
            Mood::Fails(status) => return Ok(Reply::Status(status, (status == 429).then(|| rng.i64(0..90)))),
            Mood::Gone => return Ok(Reply::None),
            Mood::EndsEarly => is_last = true,
            Mood::Repeats => rows = self.page(first).0,
            Mood::CutsPages => {
                rows.pop();
            }
        }
        let next = (!is_last && !self.by_number).then(|| format!("after-{:?}", rows.last()));
        Ok(Reply::Page { rows, total: self.rows.len() as u64, next })
    }

    /// A page, and whether it is the last. A token says behind which row the next begins; a number counts rows.
    fn page(&self, cursor: Cursor) -> (Vec<(u32, u32)>, bool) {
        let skipped = if self.by_number { cursor.number * PAGE_SIZE } else { 0 };
        let after = cursor.after.filter(|_| !self.by_number);
        let mut rows = self.rows.iter().filter(|(row, _)| after.is_none_or(|after| **row > after)).skip(skipped);
        let page = rows.by_ref().take(PAGE_SIZE).map(|(row, version)| (*row, *version)).collect();
        (page, rows.next().is_none())
    }

    fn count(&mut self, at_ms: i64) -> Result<(), Broken> {
        // One that was sent before may arrive after.
        let place = self.arrived.iter().rposition(|known| *known <= at_ms).map_or(0, |place| place + 1);
        self.arrived.insert(place, at_ms);
        // What lies longer ago than any window that a late one may still come into.
        while self.arrived.front().is_some_and(|first| *first < at_ms - 3_700_000) {
            self.arrived.pop_front();
        }
        for (window_ms, most) in [(60_000, PER_MINUTE as usize), (3_600_000, PER_HOUR as usize)] {
            // The windows that have the new one in them, by what they begin with.
            for from in place.saturating_sub(most)..=place {
                if self.arrived.get(from + most).is_some_and(|end| end - self.arrived[from] <= window_ms) {
                    return Err(Broken::new("quota", format!("more than {most} requests came within {window_ms} ms")));
                }
            }
        }
        Ok(())
    }
}
