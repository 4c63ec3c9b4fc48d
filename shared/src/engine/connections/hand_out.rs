//! Handing out: what is due goes to workers through a queue, 25 connections a message. Nothing is started here.
//!
//! What was handed out stays due until a worker has moved it. Up to where that was is kept for each shard, so that the next
//! minute goes on behind it; after a lap of ten minutes all that is due still is handed out once more. The queue forgets messages after the same
//! time, so that it holds two of a connection at most, however long no worker takes any.
//!
//! A crash before that place is kept hands out the same again, which does no harm: a worker looks whether a time still is due.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use crate::aws::connections::due::{DuePlace, HandedOut};
use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::aws::queues::due::{CONNECTIONS_PER_CALL, DueQueue};
use crate::domain::ids::Connection;
use crate::outside::Outside;
use crate::telemetry::metrics::{By, Level, Line, Unit};

/// How long a round hands out. The rest follows at the next minute.
const TIME: Duration = Duration::from_secs(6);

/// How far a round came in a shard.
#[derive(Default)]
struct Reached {
    place: Option<DuePlace>,
    connections: usize,
    /// When what was handed out first was due, epoch milliseconds: the longest due goes first.
    due_ms: Option<i64>,
}

/// Hands out what is due; how many connections that were.
///
/// # Errors
/// The first fault, after all shards were tried: what was not handed out is at the next minute.
pub async fn hand_out(outside: &Outside, store: &ConnectionStore, queue: &DueQueue) -> Result<usize, AwsFault> {
    let now = outside.clock.now();
    let before = store.handed_out().await?.filter(|before| before.holds(now));
    let mut handed_out = before.unwrap_or_else(|| HandedOut::nothing(now));
    let shards = ConnectionStore::due_shards().map(|shard| {
        let after = handed_out.after(shard).cloned();
        async move { (shard, hand_out_shard(store, queue, shard, after, now).await) }
    });
    let (mut connections, mut due_ms, mut fault) = (0, None, None);
    for (shard, (reached, done)) in futures::future::join_all(shards).await {
        connections += reached.connections;
        due_ms = due_ms.into_iter().chain(reached.due_ms).min();
        reached.place.into_iter().for_each(|place| handed_out.reach(shard, place));
        fault = fault.or(done.err());
    }
    if let Some(due_ms) = due_ms {
        // How late it is: of the one that was due for longest. One that no worker took is handed out again, and later still.
        let lag = (now.as_millisecond() - due_ms).max(0) as f64;
        let line = Line::new(Level::Info, "what is due was handed out").with("connections", connections);
        outside.metrics.log(now, line, &[By(&[], &[("scheduler.due_lag_ms", lag, Unit::Milliseconds)])]);
        store.keep_handed_out(&handed_out).await?;
    }
    fault.map_or(Ok(connections), Err)
}

async fn hand_out_shard(
    store: &ConnectionStore,
    queue: &DueQueue,
    shard: u8,
    mut after: Option<DuePlace>,
    now: Timestamp,
) -> (Reached, Result<(), AwsFault>) {
    let mut reached = Reached::default();
    let handing_out = async {
        loop {
            let (places, more) = store.due(shard, now, after.as_ref(), CONNECTIONS_PER_CALL).await?;
            let connections: Vec<Connection> = places.iter().map(|place| place.connection.clone()).collect();
            let due_ms = places.first().map(|first| first.at);
            let Some(last) = places.into_iter().next_back() else { return Ok(()) };
            queue.hand_out(&connections).await?;
            reached.due_ms = reached.due_ms.or(due_ms);
            reached.connections += connections.len();
            after = Some(last.clone());
            reached.place = Some(last);
            if !more {
                return Ok(());
            }
        }
    };
    let done = timeout(TIME, handing_out).await.unwrap_or_else(|_| {
        tracing::warn!(shard, "not all that is due was handed out in time");
        Ok(())
    });
    (reached, done)
}
