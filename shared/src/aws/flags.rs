//! Flags, in the control table, as they say how things are to be done and not what happened.
//!
//! | key | holds |
//! |---|---|
//! | `@flags`, `platform` | [`PlatformFlags`]: all of them in one item, which an instance reads every half minute |
//! | `tenant#flags`, `overrides` | [`TenantFlags`] of a tenant; none where nobody has overridden any |
//!
//! Tenants have no `@`.

use serde::Serialize;

use super::clients::Clients;
use super::faults::AwsFault;
use super::items::{Item, conditional, item, key, number, value};
use super::table::Table;
use crate::domain::flags::{PlatformFlags, TenantFlags};
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};

const READ: &str = "read flags";

/// The flags.
#[derive(Clone, Debug)]
pub struct FlagStore(Table);

fn platform_key() -> Item {
    key("@flags", "platform")
}

fn tenant_key(tenant: &TenantId) -> Item {
    key(format!("{tenant}#flags"), "overrides")
}

impl FlagStore {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// The platform's, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn platform(&self) -> Result<PlatformFlags, AwsFault> {
        let found = self.0.read(platform_key(), READ).await?;
        found.map(value).transpose().map(Option::unwrap_or_default)
    }

    /// A tenant's, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<TenantFlags, AwsFault> {
        let found = self.0.read(tenant_key(tenant), READ).await?;
        found.map(value).transpose().map(Option::unwrap_or_default)
    }

    /// Writes the platform's. False where somebody else has changed them since they were at the version before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_platform(&self, flags: &PlatformFlags) -> Result<bool, AwsFault> {
        self.put(flags, platform_key(), flags.version).await
    }

    /// Writes a tenant's. False where somebody else has changed them since they were at the version before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_tenant(&self, tenant: &TenantId, flags: &TenantFlags) -> Result<bool, AwsFault> {
        self.put(flags, tenant_key(tenant), flags.version).await
    }

    async fn put(&self, flags: &impl Serialize, key: Item, version: u64) -> Result<bool, AwsFault> {
        let call = self.0.put_item(item(flags, key)?);
        let call = call
            .condition_expression("attribute_not_exists(pk) OR version = :before")
            .expression_attribute_values(":before", number(version.saturating_sub(1)));
        Ok(conditional(call.send().await, "write flags")?.is_some())
    }
}
