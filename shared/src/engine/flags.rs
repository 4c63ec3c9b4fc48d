//! Whether something is on: what is stored, kept for half a minute, and the environment.
//!
//! What is changed here holds here at once, and everywhere else within [`KEPT_MAX`]. A flag that cannot be read is neither on nor off:
//! whoever asks fails, and starts nothing.

pub mod change;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::flags::FlagStore;
use crate::domain::flags::{self, Effective, Flag, PlatformFlags, TenantFlags};
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};
use crate::outside::{Clock, Outside};

/// How long what was read is gone by.
pub const KEPT_MAX: SignedDuration = SignedDuration::from_secs(30);
/// Of so many tenants; of more, that which was read first goes.
const TENANTS_MAX: usize = 1_000;

/// The flags. Clones are the same.
#[derive(Clone)]
pub struct Flags {
    /// What is stored.
    pub store: FlagStore,
    /// Those that the environment turns on.
    environment: Arc<BTreeSet<Flag>>,
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    platform: Option<(Timestamp, Arc<PlatformFlags>)>,
    tenants: HashMap<TenantId, (Timestamp, Arc<TenantFlags>)>,
    /// How often something was changed here: what was read before is not kept.
    changes: u64,
}

impl Flags {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let mut on = BTreeSet::new();
        for flag in Flag::ALL {
            if environment.switch(flag.as_str(), false)? {
                on.insert(flag);
            }
        }
        let store = FlagStore::connect(clients, environment)?;
        Ok(Self { store, environment: Arc::new(on), clock: outside.clock.clone(), kept: Arc::default() })
    }

    /// The same, which has read nothing yet: for whoever wants to see what has just been changed, perhaps elsewhere.
    #[must_use]
    pub fn as_of_now(&self) -> Self {
        Self { kept: Arc::default(), ..self.clone() }
    }

    /// Whether a flag is on, for a tenant or for the platform, and what decided so.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn effective(&self, flag: Flag, tenant: Option<&TenantId>) -> Result<Effective, AwsFault> {
        let (row, in_environment) = (self.platform().await?.row(flag), self.in_environment(flag));
        let Some(tenant) = tenant else { return Ok(flags::of_platform(in_environment, &row)) };
        let overridden = self.tenant(tenant).await?.overridden(flag);
        Ok(flags::of_tenant(flag, in_environment, &row, (tenant, overridden)))
    }

    /// Whether the environment turns a flag on, which nothing but a deployment changes.
    #[must_use]
    pub fn in_environment(&self, flag: Flag) -> bool {
        self.environment.contains(&flag)
    }

    /// What is stored of the platform's, as of half a minute ago or later.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn platform(&self) -> Result<Arc<PlatformFlags>, AwsFault> {
        let (now, changes) = (self.clock.now(), self.kept().changes);
        if let Some((read, found)) = &self.kept().platform
            && is_fresh(*read, now)
        {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(self.store.platform().await?);
        let mut kept = self.kept();
        if kept.changes == changes {
            kept.platform = Some((now, Arc::clone(&found)));
        }
        Ok(found)
    }

    /// What is stored of a tenant's, as of half a minute ago or later.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Arc<TenantFlags>, AwsFault> {
        let (now, changes) = (self.clock.now(), self.kept().changes);
        if let Some((read, found)) = self.kept().tenants.get(tenant)
            && is_fresh(*read, now)
        {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(self.store.tenant(tenant).await?);
        let mut kept = self.kept();
        if kept.changes == changes {
            kept.keep(tenant, now, &found);
        }
        Ok(found)
    }

    /// Forgets what was read, after a change.
    pub fn changed(&self) {
        let mut kept = self.kept();
        *kept = Kept { changes: kept.changes + 1, ..Kept::default() };
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(read: Timestamp, now: Timestamp) -> bool {
    // A clock that was set back makes nothing last longer.
    let age = now.duration_since(read);
    !age.is_negative() && age < KEPT_MAX
}

impl Kept {
    fn keep(&mut self, tenant: &TenantId, now: Timestamp, found: &Arc<TenantFlags>) {
        if self.tenants.len() >= TENANTS_MAX && !self.tenants.contains_key(tenant) {
            let first = self.tenants.iter().min_by_key(|(_, (read, _))| *read).map(|(tenant, _)| tenant.clone());
            first.and_then(|first| self.tenants.remove(&first));
        }
        self.tenants.insert(tenant.clone(), (now, Arc::clone(found)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_tenants_are_kept_and_what_was_read_first_goes() {
        let at = |second: usize| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        let tenant = |number: usize| TenantId::parse(&format!("tenant-{number}")).unwrap();
        let mut kept = Kept::default();
        (0..=TENANTS_MAX).for_each(|number| kept.keep(&tenant(number), at(number), &Arc::default()));
        let found = [0, 1, TENANTS_MAX].map(|number| kept.tenants.contains_key(&tenant(number)));
        assert_eq!((found, kept.tenants.len()), ([false, true, true], TENANTS_MAX));
    }

    #[test]
    fn what_was_read_is_gone_by_for_half_a_minute() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (now, expected) in [(100, true), (129, true), (130, false), (99, false)] {
            assert_eq!(is_fresh(at(100), at(now)), expected, "{now}");
        }
    }
}
