//! What is wrong with the mirrors of all tenants, by the figures of a day. One connection that fails has alerts of its own; these say that the
//! feature is not well, and are the platform's.

use jiff::{SignedDuration, Timestamp};

use super::rules::{Finding, Rule, Seen};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::mirror::log::{MirrorLog, MirrorTally};

/// Over how long they are counted.
pub const WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// How many of the newest are looked at by themselves.
pub const NEWEST_MAX: usize = 20;
/// Below this share of mirrors that went well, in per cent, the feature is not well.
const SUCCESS_MIN: f64 = 95.0;
/// One that failed among few is a low share and says little.
const FAILED_FEW: u64 = 1;
/// More than this many that failed are too many, whatever their share.
const FAILED_MAX: u64 = 10;
/// More than this many that found the two sides different say that something undoes them.
const OUT_OF_SYNC_MAX: u64 = 5;
/// Half of the newest must not take longer.
const LASTS_MAX: SignedDuration = SignedDuration::from_secs(10);
/// Of fewer than this nobody knows how long they take.
const LASTING_MIN: usize = 3;
/// How people know all of them.
pub const DISPLAY_NAME: &str = "Category mirrors of all tenants";

/// What alerts of all mirrors are of. A connection of this name would have alerts beside these, by other rules.
#[must_use]
pub fn all() -> Connection {
    Connection::new(TenantId::DEFAULT, ProviderId::GBP, ConnectionName::ALL_TENANTS)
}

/// The mirrors of a day.
#[derive(Debug, Clone)]
pub struct MirrorDay {
    /// How many there were, by what became of them.
    pub tally: MirrorTally,
    /// The newest of them, the newest first, [`NEWEST_MAX`] at most.
    pub newest: Vec<MirrorLog>,
}

impl MirrorDay {
    /// What a rule sees. One that is about a connection sees nothing here.
    #[must_use]
    pub fn seen(&self, rule: Rule) -> Seen {
        match rule {
            Rule::MirrorsFailing => self.failing(),
            Rule::MirrorsOutOfSync => self.out_of_sync(),
            Rule::MirrorsSlow => self.slow(),
            _ => Seen::Unknown,
        }
    }

    fn failing(&self) -> Seen {
        let MirrorTally { failed, .. } = self.tally;
        let rate = self.tally.success_rate();
        let is_low = rate < SUCCESS_MIN && failed > FAILED_FEW;
        if !is_low && failed <= FAILED_MAX {
            return Seen::Clear;
        }
        let code = if is_low { "success_low" } else { "many_failed" };
        let last = self.newest.iter().find(|row| row.error.is_some());
        let why = last.and_then(|row| Some(format!(", the last one: {}", row.error.as_ref()?)));
        let detail = format!("{failed} mirrors failed within a day, and {rate} % went well{}", why.unwrap_or_default());
        holds(code, detail, last)
    }

    fn out_of_sync(&self) -> Seen {
        let count = self.tally.out_of_sync;
        if count <= OUT_OF_SYNC_MAX {
            return Seen::Clear;
        }
        let last = self.newest.iter().find(|row| row.created + row.updated + row.deleted > 0);
        holds("out_of_sync", format!("{count} mirrors within a day found the two sides different"), last)
    }

    fn slow(&self) -> Seen {
        let mut lasted: Vec<SignedDuration> = self.newest.iter().filter_map(lasted).collect();
        lasted.sort_unstable();
        let Some(median) = lasted.get(lasted.len() / 2).filter(|_| lasted.len() >= LASTING_MIN) else {
            return Seen::Clear;
        };
        if *median <= LASTS_MAX {
            return Seen::Clear;
        }
        let seconds = median.as_secs();
        let last = self.newest.iter().find(|row| lasted_long(row));
        holds(
            "slow",
            format!("half of the last {} mirrors took {seconds} s or more, waits included", lasted.len()),
            last,
        )
    }
}

fn holds(code: &str, detail: String, last: Option<&MirrorLog>) -> Seen {
    let mark = last.map_or_else(String::new, |row| row.id.to_string());
    Seen::Holds(Finding { code: code.to_owned(), detail, mark })
}

/// How long a mirror took that is over and was not passed over.
fn lasted(row: &MirrorLog) -> Option<SignedDuration> {
    let over: Timestamp = row.completed_at.filter(|_| !row.skipped)?;
    Some(over.duration_since(row.started_at))
}

fn lasted_long(row: &MirrorLog) -> bool {
    lasted(row).is_some_and(|lasted| lasted > LASTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;
    use crate::domain::mirror::plan::Strategy;

    fn row(seconds: i64, created: u64, error: Option<&str>) -> MirrorLog {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        MirrorLog {
            id: RunId::new(at, [1; 16]),
            tenant_id: None,
            strategy: Strategy::PlatformToGbp,
            dry_run: false,
            created,
            updated: 0,
            deleted: 0,
            pending: 0,
            unmapped: 0,
            skipped: false,
            reason: None,
            error: error.map(str::to_owned),
            code: None,
            job_id: String::new(),
            started_at: at,
            completed_at: Some(at + SignedDuration::from_secs(seconds)),
        }
    }

    #[test]
    fn the_figures_of_a_day_say_whether_mirrors_are_well() {
        let day = |runs, failed, out_of_sync, newest: &[MirrorLog]| MirrorDay {
            tally: MirrorTally { rows: runs, runs, success: runs - failed, failed, skipped: 0, out_of_sync },
            newest: newest.to_vec(),
        };
        let word = |seen: Seen| match seen {
            Seen::Holds(finding) => finding.code,
            Seen::Clear => "clear".to_owned(),
            Seen::Unknown => "unknown".to_owned(),
        };
        for (day, expected) in [
            (day(0, 0, 0, &[]), ["clear", "clear", "clear"]),
            (day(2, 1, 0, &[]), ["clear", "clear", "clear"]),
            (day(40, 2, 5, &[]), ["clear", "clear", "clear"]),
            (day(39, 2, 6, &[row(1, 2, None)]), ["success_low", "out_of_sync", "clear"]),
            (day(300, 11, 0, &[row(1, 0, Some("it answered 503"))]), ["many_failed", "clear", "clear"]),
            (day(3, 0, 0, &[row(11, 0, None), row(12, 0, None), row(1, 0, None)]), ["clear", "clear", "slow"]),
            (day(3, 0, 0, &[row(11, 0, None), row(10, 0, None), row(1, 0, None)]), ["clear", "clear", "clear"]),
            (day(2, 0, 0, &[row(90, 0, None), row(90, 0, None)]), ["clear", "clear", "clear"]),
        ] {
            assert_eq!(Rule::OF_MIRRORS.map(|rule| word(day.seen(rule))), expected, "{day:?}");
        }
        assert_eq!(day(9, 9, 9, &[]).seen(Rule::NoSuccess), Seen::Unknown);
    }
}
