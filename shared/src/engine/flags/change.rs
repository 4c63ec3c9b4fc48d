//! Turn a feature on or off, or say who has it. Who does it is recorded first.

use std::collections::BTreeSet;

use super::Flags;
use crate::aws::faults::AwsFault;
use crate::domain::audit::Action;
use crate::domain::flags::{Flag, Rollout, Row};
use crate::domain::ids::TenantId;
use crate::engine::connections::tries::{TRIES_MAX, pause};
use crate::engine::operators::{Operator, Operators};

/// What is to be changed.
#[derive(Debug, Clone)]
pub enum FlagChange {
    /// The platform's override; none for nobody's word.
    Platform(Option<bool>),
    /// A tenant's override; none for nobody's word.
    Tenant(TenantId, Option<bool>),
    /// What holds where nobody has overridden it; what is none stays.
    Row {
        /// Whether it is on for all.
        enabled: Option<bool>,
        /// Whether tenants may differ.
        allow_override: Option<bool>,
        /// Who is let in before: of all tenants so many per cent.
        percentage: Option<u8>,
        /// And these.
        pilots: Option<BTreeSet<TenantId>>,
    },
}

/// Why a flag was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The environment decides.
    #[error("the environment sets {0} to true: change it there, with a deployment")]
    Locked(&'static str),
    /// No tenant may differ.
    #[error("no tenant may differ from the platform about {0}")]
    NotAllowed(&'static str),
    /// Nobody would be let in.
    #[error(
        "a rollout of {0} would let nobody in, as no tenant may differ from the platform: allow that first, with allowOverride"
    )]
    RolloutUnused(&'static str),
    /// Others changed it each time that it was tried.
    #[error("others changed the flags each time that it was tried; send it again as it is")]
    Contended,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// Changes a flag. A crash leaves the entry on record for what was not done, or all of it: what is stored is one item.
///
/// # Errors
/// When it is refused, or AWS fails.
pub async fn change(
    flags: &Flags,
    (operators, operator): (&Operators, &Operator),
    flag: Flag,
    change: &FlagChange,
) -> Result<(), NotChanged> {
    // Of what others changed this instance knows half a minute late, and of what it has changed itself at once.
    let done = match change {
        FlagChange::Tenant(tenant, value) => of_tenant(flags, (operators, operator), flag, (tenant, *value)).await,
        change => of_platform(flags, (operators, operator), flag, change).await,
    };
    flags.changed();
    done
}

async fn of_platform(
    flags: &Flags,
    (operators, operator): (&Operators, &Operator),
    flag: Flag,
    change: &FlagChange,
) -> Result<(), NotChanged> {
    for tries in 0..TRIES_MAX {
        let mut stored = flags.store.platform().await?;
        let before = stored.row(flag);
        let after = row(flags, flag, &before, change)?;
        if after == before {
            return Ok(());
        }
        if tries == 0 {
            let target = format!("{} of the platform: {}", flag.as_str(), told(&after));
            operators.record(operator, Action::ChangeFlag, target, None).await?;
        }
        stored.flags.insert(flag.as_str().to_owned(), after);
        stored.version += 1;
        if flags.store.put_platform(&stored).await? {
            return Ok(());
        }
        pause(operators, tries).await;
    }
    Err(NotChanged::Contended)
}

fn row(flags: &Flags, flag: Flag, before: &Row, change: &FlagChange) -> Result<Row, NotChanged> {
    let (name, mut after) = (flag.as_str(), before.clone());
    match change {
        FlagChange::Platform(value) => {
            // It would be stored, and change nothing.
            if flags.in_environment(flag) && value.is_some() {
                return Err(NotChanged::Locked(name));
            }
            after.platform_override = *value;
        }
        FlagChange::Row { enabled, allow_override, percentage, pilots } => {
            after.enabled = enabled.unwrap_or(after.enabled);
            after.allow_override = allow_override.or(after.allow_override);
            after.rollout.percentage = percentage.unwrap_or(after.rollout.percentage);
            after.rollout.pilots = pilots.clone().unwrap_or(after.rollout.pilots);
            if !after.allows_override(flag) && !after.rollout.is_empty() {
                return Err(NotChanged::RolloutUnused(name));
            }
        }
        FlagChange::Tenant(..) => {}
    }
    Ok(after)
}

/// A flag for the record: none of it is secret.
fn told(row: &Row) -> String {
    let Rollout { percentage, pilots } = &row.rollout;
    let pilots: Vec<&str> = pilots.iter().map(TenantId::as_str).collect();
    let word = |value: Option<bool>| value.map_or("none", |value| if value { "true" } else { "false" });
    let (over, allowed) = (word(row.platform_override), word(row.allow_override));
    let enabled = row.enabled;
    let pilots = if pilots.is_empty() { "none".to_owned() } else { pilots.join(" ") };
    format!("override {over}, enabled {enabled}, allowOverride {allowed}, percentage {percentage}, pilots {pilots}")
}

async fn of_tenant(
    flags: &Flags,
    (operators, operator): (&Operators, &Operator),
    flag: Flag,
    (tenant, value): (&TenantId, Option<bool>),
) -> Result<(), NotChanged> {
    let name = flag.as_str();
    for tries in 0..TRIES_MAX {
        // What was overridden before no tenant might differ is still taken back.
        if value.is_some() && !flags.store.platform().await?.row(flag).allows_override(flag) {
            return Err(NotChanged::NotAllowed(name));
        }
        let mut stored = flags.store.tenant(tenant).await?;
        if stored.overridden(flag) == value {
            return Ok(());
        }
        if tries == 0 {
            let word = value.map_or("none".to_owned(), |value| value.to_string());
            operators
                .record(operator, Action::ChangeFlag, format!("{name} of {tenant}: override {word}"), None)
                .await?;
        }
        match value {
            Some(value) => stored.overrides.insert(name.to_owned(), value),
            None => stored.overrides.remove(name),
        };
        stored.version += 1;
        if flags.store.put_tenant(tenant, &stored).await? {
            return Ok(());
        }
        pause(operators, tries).await;
    }
    Err(NotChanged::Contended)
}
