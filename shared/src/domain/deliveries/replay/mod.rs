//! A replay: a frozen set of dead letters that is sent through again, a chunk at a time. What of it is decided without looking
//! at anything else is here.

mod id;
mod outcome;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::id::ReplayId;
pub use self::outcome::{Outcome, OutcomeCounts};
use crate::domain::dead_letter::DeadLetterId;

/// The most dead letters of a replay.
pub const ITEMS_MAX: usize = 10_000;
/// How many of them a message is for.
pub const CHUNK_ITEMS: usize = 100;
/// How long after a chunk the next one begins, so that what deliveries lead to is not met by all of them at once.
pub const STAGGER_SECONDS: u32 = 1;
/// How long a replay is kept, in seconds.
pub const KEPT_SECONDS: i64 = 30 * 86_400;
/// Chunks are kept for longer, as they are written before what names them.
pub const CHUNK_KEPT_SECONDS: i64 = 2 * KEPT_SECONDS;
/// How long a worker has a chunk for itself: longer than its function may run.
const HELD_MS: i64 = 330_000;
/// A message that comes late looks again after so long, as whoever went on with the replay may die.
const LOOK_AGAIN_SECONDS: u32 = 60;
/// What has not moved for so long has no message any more.
const STALLED_MS: i64 = 15 * 60_000;

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayState {
    /// It goes on.
    Running,
    /// Somebody stopped it.
    Stopped,
    /// All of it was tried.
    Done,
}

impl ReplayState {
    /// Its name in answers, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }
}

/// One dead letter of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayItem {
    /// Which one.
    pub id: DeadLetterId,
    /// What became of it; none while it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Of [`Outcome::Fail`], why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A part of a replay's set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayChunk {
    /// Its dead letters, the oldest first.
    pub items: Vec<ReplayItem>,
    /// The round whose results these are, see [`Replay::round`]; 0 while there are none.
    pub round: i64,
    /// From when it no longer counts, epoch seconds.
    pub expires_at: i64,
}

impl ReplayChunk {
    /// The chunks of a set, in its order.
    #[must_use]
    pub fn all(ids: &[DeadLetterId], size: usize, now: Timestamp) -> Vec<Self> {
        let item = |id: &DeadLetterId| ReplayItem { id: id.clone(), outcome: None, detail: None };
        let expires_at = now.as_second() + CHUNK_KEPT_SECONDS;
        let chunk = |ids: &[DeadLetterId]| Self { items: ids.iter().map(item).collect(), round: 0, expires_at };
        ids.chunks(size.max(1)).map(chunk).collect()
    }
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Names its set.
    pub id: ReplayId,
    /// How far it is.
    pub state: ReplayState,
    /// How many dead letters.
    pub total: u32,
    /// In how many chunks.
    pub chunks: u32,
    /// The first chunk that is not through.
    pub cursor: u32,
    /// When it was begun last, epoch milliseconds: once it is done, what stayed can be tried again in another round.
    pub round: i64,
    /// Of this round.
    pub counts: OutcomeCounts,
    /// Which dead letters were meant, for people.
    pub filter: String,
    /// Who began it.
    pub actor: String,
    /// The trace of the request that did.
    pub correlation_id: String,
    /// When it last went on, epoch milliseconds.
    pub moved_ms: i64,
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// Which worker has the chunk at the cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// For how long, epoch milliseconds.
    #[serde(default)]
    pub held_until_ms: i64,
    /// From when it no longer counts, epoch seconds.
    #[serde(rename = "expires_at")]
    pub expires_at: i64,
}

/// What a worker does about a message whose chunk it did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Nothing: the replay is over, stopped, or gone.
    Over,
    /// It sends a message for this chunk after so many seconds.
    SendOn {
        /// Which chunk.
        chunk: u32,
        /// The delay.
        seconds: u32,
    },
}

/// What to start a set comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// There is no such replay: a new one.
    New,
    /// It was stopped: it goes on where it was.
    Resume(Replay),
    /// It is done, and some of it stayed: these are tried again.
    Again(Replay),
    /// It runs: its first message may have been lost, so there is another.
    SendOn(Replay),
    /// It is done, and nothing of it stayed.
    Done(Replay),
    /// Another one of this tenant runs.
    Busy(Replay),
}

impl Replay {
    /// Until when who takes a chunk now has it, epoch milliseconds.
    #[must_use]
    pub fn held_until(now: Timestamp) -> i64 {
        now.as_millisecond() + HELD_MS
    }

    /// Until when what is begun now is kept, epoch seconds.
    #[must_use]
    pub fn kept_until(now: Timestamp) -> i64 {
        now.as_second() + KEPT_SECONDS
    }

    /// Until when somebody has the chunk at the cursor, epoch milliseconds; none where nobody does.
    #[must_use]
    pub fn waits_for_holder_until(&self, now: Timestamp) -> Option<i64> {
        let is_held = self.state == ReplayState::Running && self.holder.is_some();
        Some(self.held_until_ms).filter(|until| is_held && *until > now.as_millisecond())
    }

    /// Whether it should go on and does not: its message was given up while storage was away, or never sent.
    #[must_use]
    pub fn is_stalled(&self, now: Timestamp) -> bool {
        self.state == ReplayState::Running && self.moved_ms + STALLED_MS <= now.as_millisecond()
    }

    /// How many stayed.
    #[must_use]
    pub fn stayed(&self) -> u32 {
        Outcome::ALL.into_iter().filter(|outcome| outcome.stays()).map(|outcome| self.counts.of(outcome)).sum()
    }

    /// As it is once the chunk at its cursor is through.
    #[must_use]
    pub fn behind(&self, chunk: &ReplayChunk) -> Self {
        let mut next = Self { cursor: self.cursor + 1, ..self.clone() };
        chunk.items.iter().filter_map(|item| item.outcome).for_each(|outcome| next.counts.add(outcome));
        next
    }

    /// Another round of one that is done. Its number is a later one whatever the clock says.
    #[must_use]
    pub fn once_more(&self, now: Timestamp) -> Self {
        Self {
            state: ReplayState::Running,
            cursor: 0,
            round: now.as_millisecond().max(self.round + 1),
            counts: OutcomeCounts::default(),
            moved_ms: now.as_millisecond(),
            stopped_by: None,
            holder: None,
            held_until_ms: 0,
            expires_at: Self::kept_until(now),
            ..self.clone()
        }
    }
}

/// What a worker does about a message whose chunk it did not get; `replay` is as it is now. A message never ends the way of a
/// replay that runs: who went on with it may have died before they sent the next one. So there are as many messages as were
/// sent too many, and no more; and those that come late look again seldom.
#[must_use]
pub fn on_late_message(replay: Option<&Replay>, chunk: u32, now: Timestamp) -> Late {
    let Some(replay) = replay.filter(|replay| replay.state == ReplayState::Running) else { return Late::Over };
    let seconds = match replay.waits_for_holder_until(now) {
        Some(until) if chunk == replay.cursor => {
            u32::try_from((until - now.as_millisecond()) / 1000 + 1).unwrap_or(u32::MAX)
        }
        _ if chunk == replay.cursor => STAGGER_SECONDS,
        _ => LOOK_AGAIN_SECONDS,
    };
    Late::SendOn { chunk: replay.cursor, seconds }
}

/// What to start a set comes to, where `same` is the replay of this set, and `other` the one that this tenant began last. One
/// of a tenant runs at a time: two would not be staggered.
#[must_use]
pub fn on_start(same: Option<Replay>, other: Option<Replay>) -> Start {
    if let Some(other) = other.filter(|other| other.state == ReplayState::Running)
        && same.as_ref().is_none_or(|same| same.id != other.id)
    {
        return match same {
            Some(same) if same.state == ReplayState::Done && same.stayed() == 0 => Start::Done(same),
            _ => Start::Busy(other),
        };
    }
    match same {
        None => Start::New,
        Some(same) => match same.state {
            ReplayState::Running => Start::SendOn(same),
            ReplayState::Stopped => Start::Resume(same),
            ReplayState::Done if same.stayed() > 0 => Start::Again(same),
            ReplayState::Done => Start::Done(same),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(count: usize) -> Vec<DeadLetterId> {
        (0..count).map(|number| DeadLetterId::new(1_000 + number as i64, "m")).collect()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn replay(state: ReplayState, cursor: u32) -> Replay {
        let now = at(1_000_000);
        Replay {
            id: ReplayId::of(&ids(3)),
            state,
            total: 3,
            chunks: 3,
            cursor,
            round: 1_000_000,
            counts: OutcomeCounts::default(),
            filter: String::new(),
            actor: "operator".into(),
            correlation_id: "trace".into(),
            moved_ms: 1_000_000,
            stopped_by: None,
            holder: None,
            held_until_ms: 0,
            expires_at: Replay::kept_until(now),
        }
    }

    #[test]
    fn a_state_is_answered_as_it_is_stored() {
        for state in [ReplayState::Running, ReplayState::Stopped, ReplayState::Done] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn a_late_message_sends_the_replay_on_while_it_runs() {
        let held = Replay { holder: Some("w".into()), held_until_ms: 1_005_500, ..replay(ReplayState::Running, 1) };
        let on = |seconds| Late::SendOn { chunk: 1, seconds };
        for (replay, chunk, now, expected) in [
            (None, 1, 1_000_000, Late::Over),
            (Some(replay(ReplayState::Stopped, 1)), 1, 1_000_000, Late::Over),
            (Some(replay(ReplayState::Done, 1)), 1, 1_000_000, Late::Over),
            (Some(replay(ReplayState::Running, 1)), 0, 1_000_000, on(LOOK_AGAIN_SECONDS)),
            (Some(held.clone()), 0, 1_000_000, on(LOOK_AGAIN_SECONDS)),
            (Some(held.clone()), 1, 1_000_000, on(6)),
            (Some(held), 1, 1_005_500, on(STAGGER_SECONDS)),
        ] {
            assert_eq!(on_late_message(replay.as_ref(), chunk, at(now)), expected, "{replay:?}");
        }
    }

    #[test]
    fn a_set_that_is_started_again_does_nothing_twice() {
        let other = Replay { id: ReplayId::of(&ids(9)), ..replay(ReplayState::Running, 0) };
        let over = Replay { state: ReplayState::Done, ..other.clone() };
        let mut stayed = replay(ReplayState::Done, 3);
        stayed.counts.add(Outcome::Conflict);
        let (running, stopped, done) =
            (replay(ReplayState::Running, 1), replay(ReplayState::Stopped, 1), replay(ReplayState::Done, 3));
        for (same, last, expected) in [
            (None, None, Start::New),
            (None, Some(&over), Start::New),
            (None, Some(&other), Start::Busy(other.clone())),
            (Some(&running), Some(&running), Start::SendOn(running.clone())),
            (Some(&stopped), Some(&over), Start::Resume(stopped.clone())),
            (Some(&stopped), Some(&other), Start::Busy(other.clone())),
            (Some(&done), Some(&done), Start::Done(done.clone())),
            (Some(&done), Some(&other), Start::Done(done.clone())),
            (Some(&stayed), None, Start::Again(stayed.clone())),
            (Some(&stayed), Some(&other), Start::Busy(other.clone())),
        ] {
            assert_eq!(on_start(same.cloned(), last.cloned()), expected, "{same:?} {last:?}");
        }
    }

    #[test]
    fn another_round_has_a_later_number_and_begins_at_the_start() {
        let mut done = replay(ReplayState::Done, 3);
        done.counts.add(Outcome::Fail);
        for (now, round) in [(2_000_000, 2_000_000), (500_000, 1_000_001)] {
            let again = done.once_more(at(now));
            assert_eq!((again.round, again.cursor, again.counts.total()), (round, 0, 0));
            assert_eq!(again.state, ReplayState::Running);
        }
        assert!(!done.is_stalled(at(9_000_000)));
        let running = replay(ReplayState::Running, 0);
        for (now, stalled) in [(1_000_000 + STALLED_MS - 1, false), (1_000_000 + STALLED_MS, true)] {
            assert_eq!(running.is_stalled(at(now)), stalled);
        }
    }

    proptest! {
        #[test]
        fn a_walk_over_its_chunks_counts_each_of_a_set_once(count in 1_usize..40, size in 0_usize..12) {
            let ids = ids(count);
            let chunks = ReplayChunk::all(&ids, size, at(0));
            let walked: Vec<_> = chunks.iter().flat_map(|chunk| chunk.items.iter().map(|item| item.id.clone())).collect();
            prop_assert_eq!(&walked, &ids);
            let total = chunks.iter().fold(replay(ReplayState::Running, 0), |replay, chunk| {
                let mut tried = chunk.clone();
                tried.items.iter_mut().for_each(|item| item.outcome = Some(Outcome::Requeued));
                replay.behind(&tried)
            });
            prop_assert_eq!(total.counts.of(Outcome::Requeued) as usize, count);
            prop_assert_eq!(total.cursor as usize, chunks.len());
        }
    }
}
