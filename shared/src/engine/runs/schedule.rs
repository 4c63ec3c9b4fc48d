//! The schedule: a run for every configured vendor, each night.
//!
//! EventBridge may deliver a tick twice, and Lambda repeats one whose handling failed: a vendor whose newest run came from
//! the same tick, which its correlation id names, is passed over.

use crate::aws::runs::reads::Wanted;
use crate::domain::catalogue::vendor::{Integration, Vendor};
use crate::domain::runs::run::{Mode, Run, Trigger};
use crate::engine::runs::context::Runs;
use crate::engine::runs::kinds::catalogue::work_of;
use crate::engine::runs::start::{StartRefused, StartRequest, start_in_background};

/// Starts a run for each vendor that has a source. A vendor that cannot be started does not keep the others waiting.
///
/// # Errors
/// The first refusal, after all vendors were tried.
pub async fn start_all(runs: &Runs, correlation_id: &str) -> Result<Vec<Run>, StartRefused> {
    let mut started = Vec::new();
    let mut refused = None;
    let syncable = runs
        .vendors
        .configured()
        .filter(|vendor| vendor.integration == Integration::Scraper && vendor.source.is_some());
    for vendor in syncable {
        match start(runs, vendor, correlation_id).await {
            Ok(run) => started.extend(run),
            Err(error) => {
                tracing::error!(connection = %vendor.connection(), %error, "nightly run not started");
                refused.get_or_insert(error);
            }
        }
    }
    refused.map_or(Ok(started), Err)
}

async fn start(runs: &Runs, vendor: &Vendor, correlation_id: &str) -> Result<Option<Run>, StartRefused> {
    let connection = vendor.connection();
    let newest = runs.store.reads.page(&connection, &Wanted { limit: 1, ..Wanted::default() }).await?.pop();
    if newest.is_some_and(|run| run.correlation_id == correlation_id) {
        return Ok(None);
    }
    if runs.vendors.is_paused(vendor).await? {
        return Ok(None);
    }
    let request = StartRequest {
        connection,
        work: work_of(vendor, None, false)?,
        mode: Mode::Apply,
        actor: "schedule".into(),
        trigger: Trigger::Schedule,
        correlation_id: correlation_id.to_owned(),
    };
    start_in_background(runs, &request, None).await
}
