//! Look at a connection: what each rule sees there now, compared with what was seen before.

use jiff::Timestamp;

use super::Alerts;
use crate::aws::alerts::Committed;
use crate::aws::faults::AwsFault;
use crate::aws::runs::mirrors::MirrorsOf;
use crate::aws::runs::reads::Wanted;
use crate::domain::alerts::channel::ChannelKind;
use crate::domain::alerts::life::{Alert, Subject, next};
use crate::domain::alerts::mirrors::{self, MirrorDay, NEWEST_MAX};
use crate::domain::alerts::rules::{Facts, RUNS_MAX, Rule, RunSeen, Seen};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::Connection;
use crate::domain::runs::window::cover;

/// How often a look is repeated that met another one at the same connection. The next tick looks again in any case.
const TRIES_MAX: u32 = 3;
/// What the traces of the nightly schedule begin with.
const NIGHTLY: &str = "nightly/";

/// How many dead letters of a connection came lately, and the newest one's id.
pub type Letters = (usize, String);

/// Looks at a connection, and stores what became of its alerts: how many changed. Done twice it changes nothing the second time.
///
/// # Errors
/// When AWS fails. Some rules may have been looked at by then.
pub async fn look(alerts: &Alerts, connection: &Connection, letters: Option<Letters>) -> Result<usize, AwsFault> {
    let mut changed = 0;
    for _ in 0..TRIES_MAX {
        match try_look(alerts, connection, letters.clone()).await? {
            (more, true) => return Ok(changed + more),
            (more, false) => changed += more,
        }
    }
    tracing::warn!(%connection, "others look at it too: it is looked at again later");
    Ok(changed)
}

/// How many alerts changed, and whether nobody else changed one meanwhile.
async fn try_look(
    alerts: &Alerts,
    connection: &Connection,
    letters: Option<Letters>,
) -> Result<(usize, bool), AwsFault> {
    let now = alerts.now();
    let stored = alerts.connections.read(connection).await?;
    let before = alerts.store.of(connection).await?;
    let facts = facts(alerts, connection, stored.as_ref(), letters, now).await?;
    let display_name = stored.as_ref().map_or(connection.name.as_str(), |stored| stored.display_name.as_str());
    // No look says anything of an alarm, but that it has stayed as it is.
    let rules = Rule::OF_CONNECTIONS.into_iter().chain([Rule::ServiceAlarm]);
    let seen: Vec<_> = rules.map(|rule| (rule, facts.seen(rule, now))).collect();
    compare(alerts, (connection, display_name), &before, &seen, now).await
}

/// Looks at the mirrors of all tenants, by the figures of a day.
///
/// # Errors
/// As [`look`].
pub async fn look_at_mirrors(alerts: &Alerts) -> Result<usize, AwsFault> {
    let (now, all) = (alerts.now(), mirrors::all());
    let since = now.saturating_sub(mirrors::WITHIN).unwrap_or(Timestamp::MIN);
    let (of, window) = (MirrorsOf::default(), cover(Some(since), Some(now)));
    let read = futures::future::try_join(
        alerts.runs.mirror_tally(&of, &window),
        alerts.runs.mirror_log(&of, 0, NEWEST_MAX, now),
    );
    let (tally, (newest, _)) = read.await?;
    let newest = newest.into_iter().filter(|row| row.tenant_id.is_some() && row.started_at >= since).collect();
    let day = MirrorDay { tally, newest };
    let before = alerts.store.of(&all).await?;
    let seen = Rule::OF_MIRRORS.map(|rule| (rule, day.seen(rule)));
    // Where others look too, the next round looks again.
    Ok(compare(alerts, (&all, mirrors::DISPLAY_NAME), &before, &seen, now).await?.0)
}

/// Stores what became of alerts: how many changed, and whether nobody else changed one meanwhile.
pub(super) async fn compare(
    alerts: &Alerts,
    (connection, display_name): (&Connection, &str),
    before: &[Alert],
    seen: &[(Rule, Seen)],
    now: Timestamp,
) -> Result<(usize, bool), AwsFault> {
    let (mut changed, mut alone) = (0, true);
    for (rule, seen) in seen {
        let known = before.iter().find(|alert| alert.rule == *rule);
        let id = alerts.new_id();
        let subject = Subject { connection, display_name, rule: *rule, id: &id };
        let Some(step) = next(known, subject, seen, now) else { continue };
        match alerts.store.commit(known, &step, now).await? {
            Committed::Yes => changed += 1,
            Committed::Raced => alone = false,
        }
    }
    Ok((changed, alone))
}

async fn facts<'a>(
    alerts: &Alerts,
    connection: &Connection,
    stored: Option<&'a StoredConnection>,
    letters: Option<Letters>,
    now: Timestamp,
) -> Result<Facts<'a>, AwsFault> {
    let newest = Wanted { limit: RUNS_MAX, end: Some(now), ..Wanted::default() };
    let refusal = async {
        match ChannelKind::of(&connection.provider) {
            Some(_) => alerts.store.refusal(connection).await,
            None => Ok(None),
        }
    };
    let (runs, synced, breaker, test, refusal) = futures::future::try_join5(
        alerts.runs.page(connection, &newest),
        alerts.snapshots.synced_at(stored.into_iter()),
        alerts.breakers.of(connection),
        alerts.tests.of(connection),
        refusal,
    )
    .await?;
    // Of one that was removed, and had its name, nothing is told.
    let since = stored.map(|stored| stored.created.at);
    let is_own = |at: Timestamp| since.is_some_and(|since| at >= since);
    let own = runs.iter().filter(|run| stored.is_some_and(|stored| stored.has_run(&run.id)));
    Ok(Facts {
        stored,
        succeeded_at: synced.get(connection).copied().filter(|at| is_own(*at)),
        runs: own.map(|run| RunSeen::of(run, NIGHTLY)).collect(),
        test: test.filter(|test| is_own(test.checked_at)).map(|test| (test.checked_at, test.error)),
        breaker,
        letters,
        refusal,
    })
}
