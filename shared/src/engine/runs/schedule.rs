//! Nightly: a run for every configured vendor.
//!
//! EventBridge may deliver a tick twice, and Lambda repeats one whose handling failed: a vendor whose newest run came from
//! the same tick, which its correlation id names, is passed over.

use crate::aws::runs::reads::Wanted;
use crate::domain::catalogue::vendor::Integration;
use crate::domain::ids::Connection;
use crate::domain::runs::run::{Mode, Run, Trigger};
use crate::engine::runs::context::Engine;
use crate::engine::runs::start::{StartRefused, StartRequest, start_in_background};

/// Starts a run for each vendor that has a source. A vendor that cannot be started does not keep the others waiting.
///
/// # Errors
/// The first refusal, after all vendors were tried.
pub async fn start_all(engine: &Engine, correlation_id: &str) -> Result<Vec<Run>, StartRefused> {
    let mut runs = Vec::new();
    let mut refused = None;
    let syncable =
        engine.vendors.iter().filter(|vendor| vendor.integration == Integration::Scraper && vendor.source.is_some());
    for vendor in syncable {
        let request = StartRequest {
            mode: Mode::Apply,
            source_path: None,
            allow_removals: false,
            actor: "schedule".into(),
            trigger: Trigger::Schedule,
            correlation_id: correlation_id.to_owned(),
        };
        let started = async {
            let connection = Connection::new(vendor.tenant.clone(), vendor.slug.clone());
            let newest = engine.aws.runs(&connection, &Wanted { limit: 1, ..Wanted::default() }).await?.pop();
            if newest.is_some_and(|run| run.correlation_id == correlation_id) {
                return Ok(None);
            }
            start_in_background(engine, vendor, &request).await.map(Some)
        };
        match started.await {
            Ok(run) => runs.extend(run),
            Err(error) => {
                tracing::error!(vendor = %vendor.slug, tenant = %vendor.tenant, %error, "nightly run not started");
                refused.get_or_insert(error);
            }
        }
    }
    refused.map_or(Ok(runs), Err)
}
