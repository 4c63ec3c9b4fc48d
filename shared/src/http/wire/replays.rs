//! Replays of dead letters: what is asked for, what it would come to, and how far they are.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::requeue::PreviewedView;
use crate::domain::deliveries::replay::{Outcome, OutcomeCounts, Replay, ReplayItem};
use crate::domain::time;

/// Which dead letters to replay: all fields must be met, and no other is taken. An empty object means all.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReplaysRequest {
    /// These alone, at most 10,000, without a filter beside them.
    pub ids: Option<Vec<String>>,
    /// The set of this replay again, alone: one that was stopped goes on, one that stands still is sent on, and of one that is done
    /// what stayed is tried again.
    pub replay_id: Option<String>,
    /// As deliveries are listed: `pos`, `trackstar/north`, or a provider alone.
    pub source: Option<String>,
    /// pos, trackstar, …
    pub provider: Option<String>,
    /// The source or connection.
    pub connection: Option<String>,
    /// The same, of a link to a warehouse.
    pub brand: Option<String>,
    /// A part of the reason, in any case.
    pub reason: Option<String>,
    /// In any case, a part of the key, the trace, the event's name or the reason, as deliveries are looked for.
    pub text: Option<String>,
    /// Sent to the queue at or after this.
    pub from: Option<String>,
    /// Sent to the queue at or before this, or on this day.
    pub to: Option<String>,
    /// Sent to the queue so many hours ago, or longer, instead of `to`: 1 to 2160.
    pub older_than: Option<u32>,
    /// Sent to the queue within so many hours, instead of `from`: 1 to 2160.
    pub newer_than: Option<u32>,
    /// Only say what it would come to.
    pub dry_run: Option<bool>,
    /// With `dryRun`, from an answer's `nextCursor`.
    pub cursor: Option<String>,
}

/// What a replay would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayForeseenView {
    /// Always true.
    pub ok: bool,
    /// Whether that was asked for; false where a replay was, and there is nothing to replay.
    pub dry_run: bool,
    /// How many dead letters it would be of.
    pub total: usize,
    /// Up to 100 of them, the oldest first.
    pub items: Vec<PreviewedView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they start.
    pub next_cursor: Option<String>,
}

/// A replay that was begun, or was there before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayStartedView {
    /// Always true.
    pub ok: bool,
    /// Names its set: the same dead letters are the same replay.
    pub id: String,
    /// How many dead letters.
    pub total: u32,
    /// How far it is.
    pub replay: ReplayView,
}

/// How far a replay is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayView {
    /// Names its set.
    pub id: String,
    /// `running`, `stopped` or `done`
    pub state: &'static str,
    /// Whether it runs and has not moved for 15 minutes: start it again, which sends it on.
    pub stalled: bool,
    /// How many dead letters.
    pub total: u32,
    /// How many of them were tried.
    pub tried: u32,
    /// What these came to.
    pub counts: ReplayCountsView,
    /// Which were meant, for people.
    pub filter: String,
    /// Who began it.
    pub actor: String,
    /// The trace of the request that did.
    pub correlation_id: String,
    /// When it began, of one that was started again for what stayed: the last time.
    pub began_at: Option<String>,
    /// When it last went on.
    pub moved_at: Option<String>,
    /// Until when a worker has the next hundred, at the latest: one that died with them keeps them until then, and the replay goes on by
    /// itself.
    pub held_until: Option<String>,
    /// Who stopped it.
    pub stopped_by: Option<String>,
}

/// What dead letters came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayCountsView {
    /// Sent through again.
    pub requeued: u32,
    /// Sent through again, and of no effect: a newer version was there.
    pub stale: u32,
    /// Their events had had their effect since: forgotten.
    pub duplicate: u32,
    /// Not there any more.
    pub gone: u32,
    /// They stay: another body came under their key since.
    pub conflict: u32,
    /// They stay: they cannot be applied.
    pub fail: u32,
    /// They stay: nobody can tell where they should go.
    pub no_label: u32,
    /// They stay: they are records of runs.
    pub not_a_delivery: u32,
}

impl From<OutcomeCounts> for ReplayCountsView {
    fn from(counts: OutcomeCounts) -> Self {
        Self {
            requeued: counts.of(Outcome::Requeued),
            stale: counts.of(Outcome::Stale),
            duplicate: counts.of(Outcome::Duplicate),
            gone: counts.of(Outcome::Gone),
            conflict: counts.of(Outcome::Conflict),
            fail: counts.of(Outcome::Fail),
            no_label: counts.of(Outcome::NoLabel),
            not_a_delivery: counts.of(Outcome::NotADelivery),
        }
    }
}

impl ReplayView {
    /// How a replay is now.
    #[must_use]
    pub fn of(replay: &Replay, now: Timestamp) -> Self {
        let shown = |ms: i64| Timestamp::from_millisecond(ms).map(time::text).ok();
        Self {
            id: replay.id.to_string(),
            state: replay.state.as_str(),
            stalled: replay.is_stalled(now),
            total: replay.total,
            tried: replay.counts.total(),
            counts: replay.counts.into(),
            filter: replay.filter.clone(),
            actor: replay.actor.clone(),
            correlation_id: replay.correlation_id.clone(),
            began_at: shown(replay.round),
            moved_at: shown(replay.moved_ms),
            held_until: replay.waits_for_holder_until(now).and_then(shown),
            stopped_by: replay.stopped_by.clone(),
        }
    }
}

/// A page of replays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplaysPage {
    /// Always true.
    pub ok: bool,
    /// The one that began last first.
    pub items: Vec<ReplayView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they start.
    pub next_cursor: Option<String>,
}

/// A replay, and what became of a hundred of its dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayPage {
    /// Always true.
    pub ok: bool,
    /// How far it is.
    pub replay: ReplayView,
    /// The oldest first.
    pub items: Vec<ReplayedView>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where they start.
    pub next_cursor: Option<String>,
}

/// What became of one dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayedView {
    /// Which one.
    pub id: String,
    /// As in `counts`, of two words with a line between them: `not_a_delivery`; null while it was not tried.
    pub result: Option<&'static str>,
    /// Of `fail`, why.
    pub detail: Option<String>,
}

impl ReplayedView {
    /// What became of one in the round of a replay; what is dealt with since an earlier one stays so.
    #[must_use]
    pub fn of(item: &ReplayItem, is_of_round: bool) -> Self {
        let outcome = item.outcome.filter(|outcome| is_of_round || !outcome.stays());
        let detail = item.detail.clone().filter(|_| outcome.is_some());
        Self { id: item.id.to_string(), result: outcome.map(Outcome::as_str), detail }
    }
}
