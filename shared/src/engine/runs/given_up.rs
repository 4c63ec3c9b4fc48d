//! Given up: a message of the queue of runs that no worker finished is recorded, with what became of what it was about, so that somebody
//! can find out why. Nothing waits for it: it carried no state. The watchdog goes on with a run that is open, and with a mirror of all
//! tenants; a replay stands still until somebody starts it again.

use serde_json::json;

use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::aws::queues::WorkMessage;
use crate::aws::queues::given_up::GivenUp;
use crate::aws::runs::RunReads;
use crate::domain::dead_letter::{DEAD_LETTER_SECONDS, DeadLetter, DeadLetterId, Subject, SyncWork};
use crate::domain::deliveries::delivery::body_hash;
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::domain::runs::failure::RunError;
use crate::outside::Outside;
use crate::telemetry::metrics::{By, Level, Line, Unit};

/// Records a message that was given up. The same message recorded twice is one entry.
///
/// # Errors
/// When AWS fails; the message stays in the dead-letter queue then.
pub async fn record(reads: &RunReads, journal: &Journal, outside: &Outside, dead: GivenUp) -> Result<(), AwsFault> {
    let work = dead.work.and_then(work);
    let became = match &work {
        Some(SyncWork::Run { connection, run_id, .. }) => became(reads, connection, run_id).await?,
        Some(SyncWork::Replay { .. }) => "its replay stands still until somebody starts it again".to_owned(),
        Some(SyncWork::FanOut { .. }) => "the watchdog goes on with it".to_owned(),
        None => "it cannot be read".to_owned(),
    };
    let (now, body) = (outside.clock.now(), dead.body.as_bytes());
    let tenant = work.as_ref().map_or_else(TenantId::default, |work| work.tenant().clone());
    let letter = DeadLetter {
        id: DeadLetterId::new(dead.sent_ms, &dead.message_id),
        reason: format!("no worker finished the message; {became}"),
        attempts: dead.receives,
        payload_hash: body_hash(body),
        recorded_ms: now.as_millisecond(),
        expires_at: now.as_second() + DEAD_LETTER_SECONDS,
        parts: DeadLetter::parts_of(body),
        subject: Subject::Sync { work },
    };
    journal.put_dead_letter(&tenant, &letter, body).await?;
    let line = Line::new(Level::Error, "dead letter recorded").with("dead_letter", letter.id.to_string());
    let line = line.with("tenant", tenant.as_str()).with("reason", letter.reason.as_str());
    let line = line.with("attempts", letter.attempts).with("subject", json!(letter.subject));
    // As that of a delivery: better twice than not at all.
    let counted = By(&[("queue", "syncs")], &[("dead_letters", 1.0, Unit::Count)]);
    outside.metrics.log(now, line, &[counted]);
    Ok(())
}

/// None for what is not sent to this queue.
fn work(message: WorkMessage) -> Option<SyncWork> {
    match message {
        WorkMessage::Slice(slice) => Some(SyncWork::Run {
            connection: slice.connection,
            run_id: slice.run_id,
            correlation_id: slice.correlation_id,
        }),
        WorkMessage::Replay(chunk) => {
            Some(SyncWork::Replay { tenant: chunk.tenant, replay: chunk.replay, chunk: chunk.chunk })
        }
        WorkMessage::FanOut(part) => Some(SyncWork::FanOut { run_id: part.fan_out, strategy: part.strategy }),
        WorkMessage::Due(_) => None,
    }
}

/// What became of a run, for people.
async fn became(reads: &RunReads, connection: &Connection, id: &RunId) -> Result<String, AwsFault> {
    let run = match reads.one(connection, id).await {
        Ok(run) => run,
        Err(fault) if fault.transient => return Err(fault),
        // Of a younger version perhaps. That it was given up is no less so.
        Err(_) => return Ok("its run cannot be read".to_owned()),
    };
    Ok(match run {
        None => "its run is not there".to_owned(),
        Some(run) if run.status.is_over() => {
            let why = run.error.as_ref().map(|error| format!(" with {}", RunError::code(error))).unwrap_or_default();
            format!("its run ended as {}{why}", run.status.as_str())
        }
        Some(_) => "its run is open, and the watchdog goes on with it".to_owned(),
    })
}
