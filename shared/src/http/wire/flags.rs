//! Flags, as the mirror's clients read and write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::flags::{self, Flag, Row, Source};
use crate::domain::ids::TenantId;

/// What there is to decide by.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagSources {
    /// Whether the environment turns it on.
    pub platform_env: bool,
    /// Whether it is enabled for all.
    pub platform_db: bool,
    /// Whether tenants may differ.
    pub allow_override: bool,
    /// What somebody has overridden it with; absent where nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_override: Option<bool>,
}

/// What there is to decide by for a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantFlagSources {
    /// Whether the rollout has reached the tenant.
    pub tenant_db: bool,
    /// What somebody has overridden it with for the tenant; absent where nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_override: Option<bool>,
    /// By what the rollout has reached the tenant, `pilot` or `percentage`; absent where it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<&'static str>,
}

/// Who is let in before all are.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutView {
    /// Of all tenants so many per cent.
    pub percentage: u8,
    /// And these.
    pub pilots: Vec<String>,
}

/// A flag, whether it is on, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagView {
    /// Its name.
    pub flag: &'static str,
    /// Whether it is on for the platform.
    pub effective_on: bool,
    /// What there is to decide by.
    pub sources: FlagSources,
    /// What decided: `env`, `override`, `platform_db` or `off`.
    pub effective_source: &'static str,
    /// The same, for people.
    pub why: &'static str,
    /// Whether the environment decides, so that no override of the platform is taken.
    pub locked: bool,
    /// Who is let in before all are; absent where a tenant asks, whom others' names are none of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutView>,
    /// Whose the following is.
    #[serde(flatten)]
    pub tenant: Option<TenantFlagView>,
}

/// What a flag is for a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantFlagView {
    /// Whose.
    pub tenant_id: String,
    /// Whether it is on for the tenant.
    pub tenant_effective_on: bool,
    /// What there is to decide by.
    pub tenant_sources: TenantFlagSources,
    /// What decided: `tenant_override`, `tenant_db`, `blocked`, or one of the platform's where the tenant goes by that.
    pub tenant_effective_source: &'static str,
    /// The same, for people.
    pub tenant_why: &'static str,
}

impl FlagView {
    /// What a flag is for the platform.
    #[must_use]
    pub fn of_platform(flag: Flag, in_environment: bool, row: &Row) -> Self {
        let found = flags::of_platform(in_environment, row);
        let pilots = row.rollout.pilots.iter().map(ToString::to_string).collect();
        Self {
            flag: flag.as_str(),
            effective_on: found.on,
            sources: FlagSources {
                platform_env: in_environment,
                platform_db: row.enabled,
                allow_override: row.allows_override(flag),
                platform_override: row.platform_override,
            },
            effective_source: found.source.as_str(),
            why: found.source.why(),
            locked: found.source == Source::Environment,
            rollout: Some(RolloutView { percentage: row.rollout.percentage, pilots }),
            tenant: None,
        }
    }

    /// What a flag is for a tenant.
    #[must_use]
    pub fn of_tenant(
        flag: Flag,
        in_environment: bool,
        row: &Row,
        (tenant, overridden): (&TenantId, Option<bool>),
    ) -> Self {
        let found = flags::of_tenant(flag, in_environment, row, (tenant, overridden));
        let reached = row.rollout.reaches(flag, tenant);
        let view = TenantFlagView {
            tenant_id: tenant.to_string(),
            tenant_effective_on: found.on,
            tenant_sources: TenantFlagSources {
                tenant_db: reached.is_some(),
                tenant_override: overridden,
                rollout: reached.map(flags::Reached::as_str),
            },
            tenant_effective_source: found.source.as_str(),
            tenant_why: found.source.why(),
        };
        Self { rollout: None, tenant: Some(view), ..Self::of_platform(flag, in_environment, row) }
    }
}

/// All flags.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagsView {
    /// Always true.
    pub success: bool,
    /// Each of them.
    pub data: Vec<FlagView>,
}

/// A flag as it is after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlagChangedView {
    /// Always true.
    pub success: bool,
    /// The flag.
    pub data: FlagView,
}

/// What a flag is overridden with.
#[derive(Debug, Deserialize, ToSchema)]
pub struct OverrideRequest {
    /// On, off, or null for nobody's word.
    #[schema(required)]
    pub value: Option<bool>,
}

/// What is to be changed of a flag; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlagRequest {
    /// Whether it is on for all.
    pub enabled: Option<bool>,
    /// Whether tenants may differ.
    pub allow_override: Option<bool>,
    /// Who is let in before all are.
    pub rollout: Option<RolloutRequest>,
}

/// Who is let in before all are; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RolloutRequest {
    /// Of all tenants so many per cent.
    #[schema(minimum = 0, maximum = 100)]
    pub percentage: Option<u8>,
    /// And these, in place of those before; 200 at most.
    #[schema(max_items = 200)]
    pub pilots: Option<Vec<String>>,
}
