//! A tick: what no event tells of is looked for, notes become messages, and messages are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::channels::told;
use super::look::{Letters, look, look_at_mirrors};
use super::{Alerts, one_fault, sending};
use crate::aws::alerts::Cursor;
use crate::aws::connections::lists::{After, Listed};
use crate::aws::faults::AwsFault;
use crate::domain::alerts::outbox::plan;
use crate::domain::alerts::rules::{LETTERS_GROWING, LETTERS_WITHIN, SUCCESS_WITHIN};
use crate::domain::completions::receiver;
use crate::domain::connections::schedule::Schedule;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::dead_letter::Subject;
use crate::domain::ids::{Connection, TenantId};
use crate::domain::pull::breaker::State;
use crate::telemetry::metrics::{By, Unit};

/// Alerts that a tick looks at again. In a storm each has its turn after some minutes.
const WATCHED_MAX: usize = 200;
/// Connections that a tick goes through, of all there are.
const ROUND_PART: usize = 200;
/// How often all are gone through: absence is measured in hours.
const ROUND_EVERY: SignedDuration = SignedDuration::from_mins(15);
/// Dead letters of the last hour that are counted.
const LETTERS_MAX: usize = 500;
/// Alerts that are counted as open, at most: no more than one page of them is read.
const COUNTED_MAX: usize = 1_000;
/// Runs that wait for approval and are looked at in a round.
const HELD_MAX: usize = 200;
/// Looks beside one another.
const LOOKS_AT_ONCE: usize = 8;
/// A part that takes longer than this leaves the rest to the next tick: the function is ended after a minute.
const PART_MAX: Duration = Duration::from_secs(15);

/// What a tick did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ticked {
    /// Connections that were looked at.
    pub looked_at: usize,
    /// Alerts that changed.
    pub changed: usize,
    /// Messages that were made, or grew.
    pub messages: usize,
    /// Messages that were sent or refused, or are to be tried again.
    pub tried: usize,
}

/// Does all of it. One part that fails keeps no other from being done.
///
/// # Errors
/// The first fault, after all parts were tried.
pub async fn tick(alerts: &Alerts) -> Result<Ticked, AwsFault> {
    let mut ticked = Ticked::default();
    let mut failed = None;
    let mut note = |done: Result<(), AwsFault>, part: &'static str| {
        if let Err(fault) = done {
            tracing::error!(%fault, part, "a part of the tick of alerts failed");
            failed.get_or_insert(fault);
        }
    };
    note(looks(alerts, &mut ticked).await, "looks");
    note(measure_open(alerts).await, "open alerts");
    note(messages(alerts, &mut ticked).await, "messages");
    note(sending::send_due(alerts, &mut ticked.tried).await, "sending");
    failed.map_or(Ok(ticked), Err)
}

/// Looks at connections with watched alerts, with many dead letters, and with what seems to be wrong in the part of the round. A source
/// that cannot be read keeps those of the others from no look.
async fn looks(alerts: &Alerts, ticked: &mut Ticked) -> Result<(), AwsFault> {
    let now = alerts.now();
    let before = alerts.store.cursor().await?;
    let mut faults = Vec::new();
    let (letters, are_all) = or_none(letters(alerts, now).await, "dead letters", &mut faults).unwrap_or_default();
    let watched = alerts.store.watched(before.watched_after.as_deref(), WATCHED_MAX).await;
    let (watched, watched_after) =
        or_none(watched, "watched alerts", &mut faults).unwrap_or_else(|| (Vec::new(), before.watched_after.clone()));
    let (part, round) = or_none(round(alerts, &before, now).await, "round", &mut faults)
        .unwrap_or_else(|| (Vec::new(), before.clone()));
    // The round goes on also behind a part that cannot be judged: it comes to that again.
    let suspects = or_none(suspects(alerts, part, now).await, "part of the round", &mut faults).unwrap_or_default();
    // A wait for approval is told by no event: it is hours until it is over.
    let begins = round.round_began_at != before.round_began_at;
    let held =
        if begins { or_none(held(alerts).await, "held runs", &mut faults).unwrap_or_default() } else { Vec::new() };
    let growing = letters.iter().filter(|(_, (count, _))| *count >= LETTERS_GROWING).map(|(of, _)| of.clone());
    let wanted: BTreeSet<Connection> = watched.into_iter().chain(growing).chain(suspects).chain(held).collect();
    let until = Instant::now() + PART_MAX;
    let seen = wanted.into_iter().map(|connection| {
        let of = letters.get(&connection).cloned().or_else(|| are_all.then(|| (0, String::new())));
        async move {
            if Instant::now() >= until {
                return None;
            }
            Some(look(alerts, &connection, of).await)
        }
    });
    let mut seen = stream::iter(seen).buffer_unordered(LOOKS_AT_ONCE);
    while let Some(looked) = seen.next().await {
        if let Some(changed) = looked.and_then(|looked| or_none(looked, "look", &mut faults)) {
            ticked.looked_at += 1;
            ticked.changed += changed;
        }
    }
    drop(seen);
    // What is of all tenants is looked at as often as all connections are.
    if begins && let Some(changed) = or_none(look_at_mirrors(alerts).await, "look at mirrors", &mut faults) {
        ticked.changed += changed;
    }
    // Also where a look failed: those that come after it must not wait for it.
    let after = Cursor { watched_after, ..round };
    if after != before {
        or_none(alerts.store.keep_cursor(&after).await, "cursor", &mut faults);
    }
    one_fault(faults)
}

/// Says how many connections have an alert of each rule open now: a line a rule, as a line has one value of a dimension. A rule without
/// any has a nought, so that an alarm ends; but not where there are more alerts than are counted, as it may be among the rest.
async fn measure_open(alerts: &Alerts) -> Result<(), AwsFault> {
    let (open, are_all) = alerts.store.open_by_rule(COUNTED_MAX).await?;
    let properties: &[_] = if are_all { &[] } else { &[("atLeast", true.into())] };
    for (rule, count) in open.into_iter().filter(|(_, count)| are_all || *count > 0) {
        let measured = By(&[("rule", rule)], &[("alerts.open", count as f64, Unit::Count)]);
        alerts.outside.metrics.emit(alerts.now(), &[measured], properties);
    }
    Ok(())
}

/// What there is; none where it failed, which is logged and kept for the end.
fn or_none<T>(done: Result<T, AwsFault>, what: &'static str, faults: &mut Vec<AwsFault>) -> Option<T> {
    done.inspect_err(|fault| tracing::error!(%fault, what, "what alerts are made of cannot be read or written"))
        .map_err(|fault| faults.push(fault))
        .ok()
}

/// The dead letters of the last hour, by connection, and whether these are all.
async fn letters(alerts: &Alerts, now: Timestamp) -> Result<(BTreeMap<Connection, Letters>, bool), AwsFault> {
    let since = now.saturating_sub(LETTERS_WITHIN).unwrap_or(Timestamp::MIN);
    let (found, are_all) = alerts.journal.dead_letters_since(since.as_millisecond(), LETTERS_MAX).await?;
    let mut of: BTreeMap<Connection, Letters> = BTreeMap::new();
    // The newest first.
    // A message about a run is none of what people decide on.
    for letter in found.into_iter().filter(|letter| !matches!(letter.subject, Subject::Sync { .. })) {
        if let Some(connection) = letter.connection().cloned() {
            of.entry(connection).or_insert_with(|| (0, letter.id.to_string())).0 += 1;
        }
    }
    Ok((of, are_all))
}

/// Connections of which a run waits until somebody approves.
async fn held(alerts: &Alerts) -> Result<Vec<Connection>, AwsFault> {
    let (held, _) = alerts.runs.held_runs(|_| true, HELD_MAX).await?;
    Ok(held.into_iter().map(|run| run.connection).collect())
}

/// The next part of the round over all connections, and where the round is then.
async fn round(alerts: &Alerts, before: &Cursor, now: Timestamp) -> Result<(Vec<StoredConnection>, Cursor), AwsFault> {
    let is_due = before.round_began_at.is_none_or(|began| now.duration_since(began) >= ROUND_EVERY);
    if before.round_after.is_none() && !is_due {
        return Ok((Vec::new(), before.clone()));
    }
    let after = before.round_after.clone().map(After);
    let began_at = if after.is_none() { Some(now) } else { before.round_began_at };
    let (part, next) = alerts.connections.page(&Listed::All, after.as_ref(), ROUND_PART).await?;
    let round =
        Cursor { round_began_at: began_at, round_after: next.map(|After(connection)| connection), ..before.clone() };
    Ok((part, round))
}

/// Those that are worth a look of their own: three batches tell which. One that is not synced by itself has runs by hand and a breaker all
/// the same, and is only never late.
async fn suspects(alerts: &Alerts, part: Vec<StoredConnection>, now: Timestamp) -> Result<Vec<Connection>, AwsFault> {
    let (active, paused): (Vec<_>, Vec<_>) = part.into_iter().partition(StoredConnection::is_active);
    // Nobody paused these, and no event tells of it.
    let disabled = paused.into_iter().filter(|stored| receiver::disabled(stored).is_some());
    let disabled: Vec<Connection> = disabled.map(|stored| stored.connection).collect();
    if active.is_empty() {
        return Ok(disabled);
    }
    let connections = || active.iter().map(|stored| &stored.connection);
    let synced = || active.iter().filter(|stored| stored.schedule != Schedule::Off);
    let (failed, well, breakers) = futures::future::try_join3(
        alerts.failed.of(connections()),
        alerts.snapshots.synced_at(synced()),
        alerts.breakers.some(connections()),
    )
    .await?;
    let is_late = |at: &Timestamp| now.duration_since(*at) > SUCCESS_WITHIN;
    let is_suspect = |stored: &&StoredConnection| {
        let connection = &stored.connection;
        failed.contains_key(connection)
            || breakers.get(connection).is_some_and(|breaker| breaker.state(now) != State::Closed)
            || stored.schedule != Schedule::Off && well.get(connection).is_none_or(is_late)
    };
    let suspects = active.iter().filter(is_suspect).map(|stored| stored.connection.clone());
    Ok(suspects.chain(disabled).collect())
}

/// Makes messages of each tenant's notes that have settled. A tenant whose notes cannot be told keeps no other waiting.
async fn messages(alerts: &Alerts, ticked: &mut Ticked) -> Result<(), AwsFault> {
    let until = Instant::now() + PART_MAX;
    let (mut after, mut faults) = (None, Vec::new());
    while Instant::now() < until {
        let Some(tenant) = alerts.store.next_noted(after.as_ref()).await? else { break };
        match messages_of(alerts, &tenant).await {
            Ok(made) => ticked.messages += made,
            Err(fault) => {
                tracing::error!(%fault, %tenant, "no messages are made of a tenant's notes");
                faults.push(fault);
            }
        }
        after = Some(tenant);
    }
    one_fault(faults)
}

async fn messages_of(alerts: &Alerts, tenant: &TenantId) -> Result<usize, AwsFault> {
    let (store, now) = (&alerts.store, alerts.now());
    let notes = store.notes(tenant).await?;
    let sender = store.sender(tenant).await?;
    // A crash left these behind: they are in messages already.
    let (taken, left): (Vec<_>, Vec<_>) = notes.into_iter().partition(|note| sender.taken.contains(&note.id));
    let ids = |notes: &[_]| notes.iter().map(|note: &crate::domain::alerts::outbox::Note| note.id.clone()).collect();
    let taken: Vec<String> = ids(&taken);
    store.remove_notes(tenant, &taken).await?;
    let channels = told(&alerts.connections, tenant).await?;
    let mut kept = Vec::new();
    for id in sender.digests.values() {
        kept.extend(store.message(tenant, id).await?);
    }
    let Some(plan) = plan(&sender, &left, &channels, &kept, now, || alerts.new_id()) else { return Ok(0) };
    if !store.make_messages(tenant, &plan, now).await? {
        return Ok(0);
    }
    store.remove_notes(tenant, &plan.sender.taken).await?;
    Ok(plan.messages.len())
}
