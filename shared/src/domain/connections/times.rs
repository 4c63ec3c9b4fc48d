//! When a connection is pulled by itself, as every route tells it.

use jiff::Timestamp;

use super::stored::StoredConnection;

/// When a connection is pulled by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Whether it is: it is not while its schedule is off, or while it is paused.
    pub enabled: bool,
    /// Every how many minutes it is, or would be once its schedule is on; none where a pattern of cron says when.
    pub every: Option<u32>,
    /// In which hour of the UTC day everything is pulled, or would be; none where none is named.
    pub full_at_hour_utc: Option<u8>,
    /// When everything is due next; none where it is not.
    pub next_full: Option<Timestamp>,
}

impl Times {
    /// Those of a connection.
    #[must_use]
    pub fn of(stored: &StoredConnection, now: Timestamp) -> Self {
        let times = stored.schedule.pull_times();
        let enabled = stored.due_after(now).is_some();
        Self {
            enabled,
            every: times.map(|times| times.every),
            full_at_hour_utc: times.and_then(|times| times.full_at_hour_utc),
            next_full: stored.schedule.next_full_after(now, &stored.connection).filter(|_| enabled),
        }
    }

    /// When it is due next, of the time that is stored: one that was left of a schedule before is none.
    #[must_use]
    pub fn next(&self, due: Option<Timestamp>) -> Option<Timestamp> {
        due.filter(|_| self.enabled)
    }
}
