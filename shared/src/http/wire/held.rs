//! A run that waits until somebody approves of what it would remove, on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::runs::held::Held;
use crate::domain::runs::lease::WaitReason;
use crate::domain::runs::run::Run;
use crate::domain::time;

/// Why a run waits, and what would go.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldView {
    /// For people.
    pub why: String,
    /// How many would go.
    pub removals: u64,
    /// Of how many.
    pub of: u64,
    /// What would go, up to 50.
    pub going: Vec<String>,
    /// Since when it waits.
    pub since: String,
    /// Until when it waits, and is rejected then; null while it is planned anew.
    pub until: Option<String>,
    /// Where it is decided on: `POST` to `/approve` or `/reject` below this path.
    pub decide_at: String,
}

impl HeldView {
    /// What a run is held for; none where it is not.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let Held { why, removals, of, going, since } = run.held.as_ref()?;
        let connection = &run.connection;
        let (tenant, provider, name) = (&connection.tenant, &connection.provider, &connection.name);
        Some(Self {
            why: why.clone(),
            removals: *removals,
            of: *of,
            going: going.iter().cloned().collect(),
            since: time::text(*since),
            until: run.wait.filter(|wait| wait.reason == WaitReason::Approval).map(|wait| time::text(wait.until)),
            decide_at: format!("/api/admin/connections/{tenant}/{provider}/{name}/runs/{}", run.id),
        })
    }
}
