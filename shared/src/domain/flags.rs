//! Feature flags: whether something is on, for the platform and for a tenant, and why.
//!
//! | what decides for the platform, in this order | source |
//! |---|---|
//! | the variable of the environment that is named as the flag is `true` | `env` |
//! | somebody has overridden the flag | `override` |
//! | the flag is enabled | `platform_db` |
//! | nothing of these | `off` |
//!
//! | what decides for a tenant, in this order | source |
//! |---|---|
//! | no tenant may differ, and the platform is off | `blocked` |
//! | no tenant may differ, and the platform is on | the platform's |
//! | somebody has overridden the flag for the tenant | `tenant_override` |
//! | the rollout has reached the tenant, and nobody has overridden the platform with off | `tenant_db` |
//! | nothing of these | the platform's |

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::TenantId;

/// So many pilots a flag has at most: they are one item with all flags, which every instance reads.
pub const PILOTS_MAX: usize = 200;
/// A rollout that has reached everybody, in per cent.
pub const PERCENTAGE_MAX: u8 = 100;

/// What can be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The route that starts mirrors.
    CategoryMirroring,
    /// Categories of tenants.
    TenantPlatformCategory,
    /// Mirrors of a tenant's categories, and what pages show of them.
    TenantGbpCategorySync,
}

impl Flag {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CategoryMirroring, Self::TenantPlatformCategory, Self::TenantGbpCategorySync];

    /// Its name, which is that of its variable as well.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CategoryMirroring => "FF_CATEGORY_MIRRORING",
            Self::TenantPlatformCategory => "FF_TENANT_PLATFORM_CATEGORY",
            Self::TenantGbpCategorySync => "FF_TENANT_GBP_CATEGORY_SYNC",
        }
    }

    /// The flag of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == name)
    }

    /// Whether tenants may differ from the platform where nobody has said so. The route is the platform's, and none of theirs.
    #[must_use]
    pub const fn allows_override(self) -> bool {
        !matches!(self, Self::CategoryMirroring)
    }
}

/// Which tenants are let in before all are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// Of all tenants so many per cent.
    pub percentage: u8,
    /// And these.
    pub pilots: BTreeSet<TenantId>,
}

/// What a rollout has reached a tenant by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It is a pilot.
    Pilot,
    /// It is among the percentage.
    Percentage,
}

impl Reached {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pilot => "pilot",
            Self::Percentage => "percentage",
        }
    }
}

impl Rollout {
    /// Whether it has reached a tenant. A tenant has one place in a flag's order, which nothing moves: a higher percentage lets more in
    /// and drops none. Each flag has an order of its own, or the same tenants would be the first each time.
    #[must_use]
    pub fn reaches(&self, flag: Flag, tenant: &TenantId) -> Option<Reached> {
        if self.pilots.contains(tenant) {
            return Some(Reached::Pilot);
        }
        (place(flag, tenant) < u64::from(self.percentage)).then_some(Reached::Percentage)
    }

    /// Whether it lets anybody in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.percentage == 0 && self.pilots.is_empty()
    }
}

/// A tenant's place in the order in which a flag is rolled out, 0 to 99.
fn place(flag: Flag, tenant: &TenantId) -> u64 {
    // Neither name has a slash.
    let digest = Sha256::digest(format!("{}/{tenant}", flag.as_str()));
    digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) % 100
}

/// What is stored of a flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Row {
    /// Whether it is on for all.
    pub enabled: bool,
    /// Whether tenants may differ, where somebody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_override: Option<bool>,
    /// What somebody has overridden it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_override: Option<bool>,
    /// Who is let in before.
    pub rollout: Rollout,
}

impl Row {
    /// Whether tenants may differ.
    #[must_use]
    pub fn allows_override(&self, flag: Flag) -> bool {
        self.allow_override.unwrap_or_else(|| flag.allows_override())
    }
}

/// What is stored of all flags. Those of other names, which a younger version has, are kept as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformFlags {
    /// By name.
    pub flags: BTreeMap<String, Row>,
    /// How often they were changed.
    pub version: u64,
}

impl PlatformFlags {
    /// What is stored of one.
    #[must_use]
    pub fn row(&self, flag: Flag) -> Row {
        self.flags.get(flag.as_str()).cloned().unwrap_or_default()
    }
}

/// What is stored of a tenant's flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantFlags {
    /// What somebody has overridden each with, by name.
    pub overrides: BTreeMap<String, bool>,
    /// How often they were changed.
    pub version: u64,
}

impl TenantFlags {
    /// What somebody has overridden one with.
    #[must_use]
    pub fn overridden(&self, flag: Flag) -> Option<bool> {
        self.overrides.get(flag.as_str()).copied()
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The environment.
    Environment,
    /// Somebody, for the platform.
    Override,
    /// The flag is enabled.
    Platform,
    /// Nothing.
    Off,
    /// Somebody, for the tenant.
    TenantOverride,
    /// The rollout.
    Rollout(Reached),
    /// The platform is off, and no tenant may differ.
    Blocked,
}

impl Source {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "env",
            Self::Override => "override",
            Self::Platform => "platform_db",
            Self::Off => "off",
            Self::TenantOverride => "tenant_override",
            Self::Rollout(_) => "tenant_db",
            Self::Blocked => "blocked",
        }
    }

    /// Why, for people.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Environment => "the environment turns it on for all, and is changed by a deployment",
            Self::Override => "somebody has overridden it for the platform",
            Self::Platform => "it is enabled for all",
            Self::Off => "nothing turns it on",
            Self::TenantOverride => "somebody has overridden it for this tenant",
            Self::Rollout(Reached::Pilot) => "the tenant is a pilot of the rollout",
            Self::Rollout(Reached::Percentage) => "the tenant is among the percentage that the rollout has reached",
            Self::Blocked => "it is off for the platform, and no tenant may differ",
        }
    }
}

/// Whether something is on, and what decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// Whether.
    pub on: bool,
    /// By what.
    pub source: Source,
}

/// Whether a flag is on for the platform.
#[must_use]
pub fn of_platform(in_environment: bool, row: &Row) -> Effective {
    match (in_environment, row.platform_override) {
        (true, _) => Effective { on: true, source: Source::Environment },
        (false, Some(on)) => Effective { on, source: Source::Override },
        (false, None) if row.enabled => Effective { on: true, source: Source::Platform },
        (false, None) => Effective { on: false, source: Source::Off },
    }
}

/// Whether a flag is on for a tenant.
#[must_use]
pub fn of_tenant(
    flag: Flag,
    in_environment: bool,
    row: &Row,
    (tenant, overridden): (&TenantId, Option<bool>),
) -> Effective {
    let platform = of_platform(in_environment, row);
    if !row.allows_override(flag) {
        let blocked = Effective { on: false, source: Source::Blocked };
        return if platform.on { platform } else { blocked };
    }
    if let Some(on) = overridden {
        return Effective { on, source: Source::TenantOverride };
    }
    // Whoever turns a flag off for the platform stops its rollout as well.
    let is_stopped = platform == Effective { on: false, source: Source::Override };
    match row.rollout.reaches(flag, tenant).filter(|_| !is_stopped) {
        Some(reached) => Effective { on: true, source: Source::Rollout(reached) },
        None => platform,
    }
}

#[cfg(test)]
#[path = "flags_tests.rs"]
mod tests;
