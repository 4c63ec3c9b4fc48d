//! Deliveries: a sender that repeats until it is acknowledged, a door that may die between any two calls, and a queue that delivers in any
//! order, some messages twice.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::Timestamp;
use signalbox::domain::deliveries::claim::{Claim, ClaimStatus, NewClaim, Verdict, judge};
use signalbox::domain::deliveries::completion::Happened;
use signalbox::domain::deliveries::delivery::{Channel, Label};

use super::world::{Broken, Bug, Seen};

/// How many deliveries are under way at most.
const OPEN_MAX: usize = 12;

#[derive(Default)]
pub(super) struct Deliveries {
    sent: u32,
    /// What the sender repeats, and how far the attempt has come that is under way.
    open: Vec<Attempt>,
    claims: BTreeMap<u32, Claim>,
    queue: Vec<Message>,
    /// How many messages each event had.
    messages: BTreeMap<u32, u32>,
    /// What has an entry, which says that its effect has happened.
    entries: BTreeSet<u32>,
    /// What was acknowledged, and how often each had its effect.
    acknowledged: Vec<u32>,
    effects: BTreeMap<u32, u32>,
}

struct Message {
    key: u32,
    first_attempt: bool,
    receives: u32,
}

struct Attempt {
    key: u32,
    nonce: String,
    at: At,
}

/// How far a worker comes with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handled {
    Whole,
    /// The queue hands it out again all the same.
    Again,
    DiesBeforeCompletion,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Door,
    Claimed(Verdict),
    Enqueued,
}

fn label(key: u32) -> Label {
    Label {
        connection: "acme/erp/main".parse().unwrap(),
        channel: Channel::Event,
        key: format!("id:{key}"),
        event_type: None,
        body_hash: format!("hash of {key}"),
        received_ms: 0,
        shard: 0,
        correlation_id: "trace".into(),
        base64: false,
        claims_body: false,
        signed_id: false,
        content_hash: None,
        enqueued_ms: None,
        taken_in: None,
        sent_again: false,
    }
}

impl Deliveries {
    pub(super) fn step(&mut self, rng: &mut Rng, bug: Option<Bug>, now_ms: i64, seen: &mut Seen) -> Result<(), Broken> {
        match rng.u32(..10) {
            0 if self.open.len() < OPEN_MAX => {
                self.sent += 1;
                self.open.push(Attempt { key: self.sent, nonce: nonce(rng), at: At::Door });
            }
            // The door dies, and the sender comes again.
            1 if !self.open.is_empty() => {
                seen.crashes += 1;
                let which = rng.usize(..self.open.len());
                let key = self.open[which].key;
                self.open[which] = Attempt { key, nonce: nonce(rng), at: At::Door };
            }
            2..=6 if !self.open.is_empty() => {
                let which = rng.usize(..self.open.len());
                self.attempt(rng, which, bug, now_ms, seen);
            }
            _ if !self.queue.is_empty() => {
                let message = rng.usize(..self.queue.len());
                let how = match rng.u32(..8) {
                    0 => Handled::Again,
                    1 => Handled::DiesBeforeCompletion,
                    _ => Handled::Whole,
                };
                self.apply(message, how, bug, now_ms, seen);
            }
            _ => {}
        }
        self.check(false)
    }

    fn attempt(&mut self, rng: &mut Rng, which: usize, bug: Option<Bug>, now_ms: i64, seen: &mut Seen) {
        let Attempt { key, ref nonce, at } = self.open[which];
        let nonce = nonce.clone();
        match at {
            At::Door => {
                let mut verdict = self.claim(key, &nonce, now_ms);
                // The reply is lost, and the SDK sends the write again.
                if rng.u32(..6) == 0 {
                    verdict = self.claim(key, &nonce, now_ms);
                }
                seen.repeated += u64::from(verdict != Verdict::First);
                self.open[which].at = At::Claimed(verdict);
            }
            At::Claimed(verdict) => {
                let enqueues = match verdict {
                    Verdict::First => true,
                    Verdict::Again => bug != Some(Bug::TakesAgainForDuplicate),
                    Verdict::Duplicate | Verdict::Conflict => false,
                };
                if enqueues {
                    *self.messages.entry(key).or_default() += 1;
                    self.queue.push(Message { key, first_attempt: verdict == Verdict::First, receives: 0 });
                }
                self.open[which].at = At::Enqueued;
            }
            At::Enqueued => {
                seen.acknowledged += 1;
                self.acknowledged.push(key);
                // Now and then the acknowledgement is lost, and the sender comes again.
                if rng.u32(..5) == 0 {
                    self.open[which] = Attempt { key, nonce: self::nonce(rng), at: At::Door };
                } else {
                    self.open.swap_remove(which);
                }
            }
        }
    }

    fn claim(&mut self, key: u32, nonce: &str, now_ms: i64) -> Verdict {
        let ours = NewClaim::of_delivery(&label(key), nonce, Timestamp::from_millisecond(now_ms).unwrap());
        match self.claims.get(&key) {
            Some(existing) => judge(existing, &ours),
            None => {
                self.claims.insert(key, ours.claim);
                Verdict::First
            }
        }
    }

    /// The effect is one write with its entry, which it finds where it has happened before; the claim's completion is another, where
    /// there is any. The worker may die between them, and after both the message may come once more.
    fn apply(&mut self, which: usize, how: Handled, bug: Option<Bug>, now_ms: i64, seen: &mut Seen) {
        let message = &mut self.queue[which];
        message.receives += 1;
        let (key, first_attempt, receives) = (message.key, message.first_attempt, message.receives);
        let before = !self.entries.insert(key);
        if !before || bug == Some(Bug::AppliesTwice) {
            *self.effects.entry(key).or_default() += 1;
            seen.effects += 1;
        }
        if how == Handled::DiesBeforeCompletion {
            seen.crashes += 1;
            return;
        }
        let happened = Happened { before, first_attempt, receives, entry_ends: None, body_bytes: 2 };
        if happened.completes_claim(Timestamp::from_millisecond(now_ms).unwrap())
            && let Some(claim) = self.claims.get_mut(&key)
        {
            claim.status = ClaimStatus::Processed;
        }
        if how == Handled::Whole {
            self.queue.swap_remove(which);
        }
    }

    fn check(&mut self, is_over: bool) -> Result<(), Broken> {
        if let Some((key, count)) = self.effects.iter().find(|(_, count)| **count > 1) {
            return Err(Broken::new("I1", format!("delivery {key} had its effect {count} times")));
        }
        let lost = |key: &&u32| {
            !self.effects.contains_key(key) && (is_over || !self.queue.iter().any(|message| message.key == **key))
        };
        match self.acknowledged.iter().find(lost) {
            Some(key) => Err(Broken::new("I1", format!("delivery {key} was acknowledged, and is nowhere"))),
            None => {
                // What had its effect needs no more looks.
                self.acknowledged.retain(|key| !self.effects.contains_key(key));
                Ok(())
            }
        }
    }

    /// Empties the queue, and looks whether all that was acknowledged had its effect, and whether what came twice has a claim that lets no
    /// further message through.
    pub(super) fn settle(&mut self, bug: Option<Bug>, now_ms: i64, seen: &mut Seen) -> Result<(), Broken> {
        while !self.queue.is_empty() {
            self.apply(0, Handled::Whole, bug, now_ms, seen);
        }
        let open = |key: &u32| self.claims.get(key).is_some_and(|claim| claim.status == ClaimStatus::Received);
        if let Some((key, count)) = self.messages.iter().find(|(key, count)| **count > 1 && open(key)) {
            return Err(Broken::new("completion", format!("delivery {key} had {count} messages, and may have more")));
        }
        self.check(true)
    }
}

fn nonce(rng: &mut Rng) -> String {
    format!("{:016x}", rng.u64(..))
}
