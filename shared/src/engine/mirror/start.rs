//! Start: a mirror of one tenant. Whatever comes of it is a run: one that may not start is stored with its reason.

use crate::domain::flags::Flag;
use crate::domain::ids::{Connection, ConnectionName, ProviderId, RunId, TenantId};
use crate::domain::mirror::plan::Strategy;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::mirror::MirrorWork;
use crate::domain::runs::run::{Mode, Run, Trigger, Work};
use crate::engine::mirror::Mirrors;
use crate::engine::runs::start::{StartRefused, StartRequest, pass_over, start_in_background};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct MirrorRequest {
    /// Which way.
    pub strategy: Strategy,
    /// Whether to write.
    pub mode: Mode,
    /// Who asks.
    pub actor: String,
    /// What asks.
    pub trigger: Trigger,
    /// The trace.
    pub correlation_id: String,
    /// The fan-out that it is one of.
    pub parent: Option<RunId>,
}

impl MirrorRequest {
    /// The run of it over a connection.
    #[must_use]
    pub fn over(&self, connection: Connection) -> StartRequest {
        StartRequest {
            connection,
            work: Work::Mirror(MirrorWork::new(self.strategy, self.parent.clone())),
            mode: self.mode,
            actor: self.actor.clone(),
            trigger: self.trigger,
            correlation_id: self.correlation_id.clone(),
        }
    }
}

/// Starts a mirror of a tenant, or stores why it did not: the run is there, with its row of the log, before this returns. None where a
/// fan-out's child is there already.
///
/// # Errors
/// When AWS fails.
pub async fn start(mirrors: &Mirrors, tenant: &TenantId, request: &MirrorRequest) -> Result<Option<Run>, StartRefused> {
    let runs = &mirrors.runs;
    let nominal = || Connection::new(tenant.clone(), ProviderId::GBP, ConnectionName::MAIN);
    let stored = match mirrors.connection_of(tenant).await? {
        Ok(stored) => stored,
        Err(not_meant) => {
            let detail = not_meant.to_string();
            return Ok(pass_over(runs, &request.over(nominal()), Failure::VendorNotConfigured, detail, None).await?);
        }
    };
    let over = request.over(stored.connection.clone());
    if !stored.is_active() {
        let detail = format!("the connection {} is paused", stored.connection);
        return Ok(pass_over(runs, &over, Failure::VendorNotConfigured, detail, None).await?);
    }
    let flag = Flag::TenantGbpCategorySync;
    if !mirrors.flags.effective(flag, Some(tenant)).await?.on {
        let detail = format!("skipped: {} is off for the tenant", flag.as_str());
        return Ok(pass_over(runs, &over, Failure::FeatureOff, detail, None).await?);
    }
    start_in_background(runs, &over, None).await
}
