//! Tell of a run that is over: a notice for each receiver, which is sent at once.

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::Completions;
use super::sending::{BEGUN_WITHIN, SENT_AT_ONCE, send_one};
use crate::aws::completions::DueNotice;
use crate::aws::faults::AwsFault;
use crate::domain::completions::notice::{Notice, NoticeState, notice_id};
use crate::domain::completions::payload::payload;
use crate::domain::completions::receiver::{RECEIVERS_MAX, is_told};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::domain::runs::run::Run;
use crate::engine::connections::active::{PART, first_of};

/// Makes the notices of runs that are over, and sends those that are new: how many these were. Done twice it makes none the second time,
/// and sends none: what is not taken by then is a tick's to send.
///
/// # Errors
/// The first fault, after all were tried. The runs are to be told of again then.
pub async fn tell(completions: &Completions, ended: &[(Connection, RunId)]) -> Result<usize, AwsFault> {
    let (mut made, mut failed) = (Vec::new(), None);
    for (connection, run) in ended {
        if let Err(fault) = make(completions, connection, run, &mut made).await {
            tracing::error!(%fault, %connection, run_id = %run, "nobody is told of a run yet");
            failed.get_or_insert(fault);
        }
    }
    let (count, until) = (made.len(), Instant::now() + BEGUN_WITHIN);
    let sent = made.into_iter().map(|due| async move {
        if Instant::now() < until
            && let Err(fault) = send_one(completions, &due).await
        {
            tracing::error!(%fault, receiver = %due.receiver, notice = due.id, "a notice is left to the next tick");
        }
    });
    stream::iter(sent).buffer_unordered(SENT_AT_ONCE).collect::<()>().await;
    failed.map_or(Ok(count), Err)
}

/// The notices of a run, of which those that were there already are left alone.
async fn make(
    completions: &Completions,
    connection: &Connection,
    run: &RunId,
    made: &mut Vec<DueNotice>,
) -> Result<(), AwsFault> {
    let of = |stored: StoredConnection| (stored.is_active() && stored.secrets.is_some()).then_some(stored);
    let store = &completions.desk.store;
    let mut receivers = first_of(store, &connection.tenant, ProviderId::COMPLETION_WEBHOOK, PART, of).await?;
    if receivers.is_empty() {
        return Ok(());
    }
    let left_out = receivers.split_off(receivers.len().min(RECEIVERS_MAX));
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(|stored| stored.connection.to_string()).collect();
        tracing::warn!(
            left_out = names.join(" "),
            most = RECEIVERS_MAX,
            "receivers that are not told: there are too many"
        );
    }
    // What has expired by now nobody waits for.
    let Some(run) = completions.runs.one(connection, run).await? else { return Ok(()) };
    for receiver in receivers.iter().filter(|receiver| is_told(&receiver.settings, &run)) {
        let Some(notice) = notice(completions, &run, &receiver.connection) else { continue };
        if completions.store.make(&notice, completions.now()).await? {
            made.push(DueNotice::of(&notice));
        }
    }
    Ok(())
}

/// What a receiver is told of a run; none where it is not over.
fn notice(completions: &Completions, run: &Run, receiver: &Connection) -> Option<Notice> {
    let (payload, now) = (payload(run, completions.console.as_deref())?, completions.now());
    Some(Notice {
        id: notice_id(run.completed_at?, &run.connection, &run.id, receiver),
        receiver: receiver.clone(),
        run: run.id.clone(),
        connection: run.connection.clone(),
        run_kind: run.work.kind().to_owned(),
        event: payload["type"].as_str().unwrap_or_default().to_owned(),
        body: payload.to_string(),
        at: now,
        state: NoticeState::Pending,
        attempts: Vec::new(),
        error: None,
        due_at: now,
    })
}
