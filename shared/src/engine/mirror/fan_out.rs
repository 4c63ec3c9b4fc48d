//! Fan-out: a mirror of each tenant that has the feature on and a connection to Google.
//!
//! Children are started a part of the list of connections at a time, and the place is kept after each part. Whoever goes on after a crash
//! starts the part again: a child has the id that its parent and its connection give it, so that it is started once.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::aws::connections::lists::{After, Listed};
use crate::aws::faults::AwsFault;
use crate::aws::queues::sync::FanOutMessage;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::flags::Flag;
use crate::domain::ids::{ConnectionName, ProviderId};
use crate::domain::mirror::fan_out::{FanOut, PART};
use crate::domain::runs::run::Mode;
use crate::engine::mirror::Mirrors;
use crate::engine::mirror::start::MirrorRequest;
use crate::engine::runs::context::Runs;
use crate::engine::runs::start::{StartRefused, start_in_background};

/// Children that are started beside one another.
const AT_ONCE: usize = 8;

/// Starts a fan-out: it is stored, with its row of the log, before this returns.
///
/// # Errors
/// When it could not be stored.
pub async fn start(runs: &Runs, request: &MirrorRequest) -> Result<FanOut, AwsFault> {
    let id = runs.new_run_id();
    let at = id.started_at().unwrap_or_else(|| runs.now());
    let fan_out = FanOut {
        actor: request.actor.clone(),
        trigger: request.trigger,
        correlation_id: request.correlation_id.clone(),
        ..FanOut::new(id, request.strategy, request.mode.is_dry(), at)
    };
    runs.store.start_fan_out(&fan_out).await?;
    // It is stored: the watchdog sends it on.
    if let Err(fault) = runs.queue.send_fan_out(&FanOutMessage::of(&fan_out)).await {
        tracing::warn!(%fault, fan_out = %fan_out.id, "fan-out not sent on");
    }
    Ok(fan_out)
}

/// Starts children, until `until` at most; the rest follows with another message.
///
/// # Errors
/// When AWS fails. The message comes again then, and its part is started again.
pub async fn advance(mirrors: &Mirrors, message: &FanOutMessage, until: Timestamp) -> Result<(), AwsFault> {
    let runs = &mirrors.runs;
    loop {
        let Some(fan_out) = runs.store.reads.fan_out(message.strategy, &message.fan_out).await? else { return Ok(()) };
        if fan_out.listed {
            return Ok(());
        }
        if runs.now() >= until {
            return runs.queue.send_fan_out(message).await;
        }
        let after = fan_out.cursor.clone().map(After);
        let listed = Listed::Provider(ProviderId::GBP);
        let (part, next) = mirrors.connections.page(&listed, after.as_ref(), PART).await?;
        start_part(mirrors, &fan_out, part).await?;
        let next = next.map(|After(connection)| connection);
        // Somebody else has another copy of the message, and goes on.
        if !runs.store.move_fan_out(&fan_out, next.as_ref(), runs.now()).await? {
            return Ok(());
        }
    }
}

async fn start_part(mirrors: &Mirrors, fan_out: &FanOut, part: Vec<StoredConnection>) -> Result<(), AwsFault> {
    let starts = part.into_iter().map(|stored| async {
        let connection = stored.connection.clone();
        match start_child(mirrors, fan_out, stored).await {
            // What will not pass would keep all tenants behind it from being started, each time.
            Err(fault) if !fault.transient => {
                tracing::error!(%connection, %fault, fan_out = %fan_out.id, "a tenant's mirror cannot be started");
                Ok(())
            }
            done => done,
        }
    });
    stream::iter(starts).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}

async fn start_child(mirrors: &Mirrors, fan_out: &FanOut, stored: StoredConnection) -> Result<(), AwsFault> {
    let tenant = &stored.connection.tenant;
    // A flag that cannot be read is no reason to leave a tenant out: the part is started again.
    let is_on = mirrors.flags.effective(Flag::TenantGbpCategorySync, Some(tenant)).await?.on;
    if !stored.is_active() || !is_on {
        return Ok(());
    }
    // A tenant is mirrored over one connection, and has one child.
    let is_meant = stored.connection.name == ConnectionName::MAIN
        || mirrors.connection_of(tenant).await?.is_ok_and(|meant| meant.connection == stored.connection);
    if !is_meant {
        return Ok(());
    }
    let request = MirrorRequest {
        strategy: fan_out.strategy,
        mode: if fan_out.dry_run { Mode::DryRun } else { Mode::Apply },
        actor: fan_out.actor.clone(),
        trigger: fan_out.trigger,
        correlation_id: fan_out.correlation_id.clone(),
        parent: Some(fan_out.id.clone()),
    };
    match start_in_background(&mirrors.runs, &request.over(stored.connection.clone()), None).await {
        Ok(_) => Ok(()),
        Err(StartRefused::Fault(fault)) => Err(fault),
        Err(refused) => {
            tracing::error!(connection = %stored.connection, %refused, "a tenant's mirror was not started");
            Ok(())
        }
    }
}

/// Sends fan-outs on that stand still, and gives those up that have for a day.
///
/// # Errors
/// When AWS fails.
pub async fn watch(runs: &Runs) -> Result<usize, AwsFault> {
    let now = runs.now();
    let mut sent = 0;
    for fan_out in runs.store.open_fan_outs().await?.into_iter().filter(|fan_out| fan_out.is_late(now)) {
        if fan_out.is_given_up(now) {
            tracing::error!(fan_out = %fan_out.id, "not all tenants were looked at within a day");
            runs.store.give_up_fan_out(&fan_out, now).await?;
            continue;
        }
        runs.queue.send_fan_out(&FanOutMessage::of(&fan_out)).await?;
        runs.store.note_fan_out(&fan_out, now).await?;
        sent += 1;
    }
    Ok(sent)
}
