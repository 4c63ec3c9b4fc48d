//! Nightly: a run for every configured vendor.

use crate::domain::run::{Mode, Run, Trigger};
use crate::domain::vendor::Integration;
use crate::engine::context::Engine;
use crate::engine::start_run::{StartRefused, StartRequest, start_in_background};

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
        match start_in_background(engine, vendor, &request).await {
            Ok(run) => runs.push(run),
            Err(error) => {
                tracing::error!(vendor = %vendor.slug, tenant = %vendor.tenant, %error, "nightly run not started");
                refused.get_or_insert(error);
            }
        }
    }
    refused.map_or(Ok(runs), Err)
}
