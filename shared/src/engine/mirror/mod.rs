//! Mirrors as they are asked for: of one tenant ([`start`]), or of all that have the feature on ([`fan_out`]). What a mirror does is in
//! [`crate::engine::runs::kinds::mirror`].

pub mod fan_out;
pub mod start;

use crate::aws::clients::Clients;
use crate::aws::connections::lists::Listed;
use crate::aws::connections::store::ConnectionStore;
use crate::aws::faults::AwsFault;
use crate::domain::connections::meant::{NotMeant, TOLD_MAX, unnamed};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{ProviderId, TenantId};
use crate::engine::flags::Flags;
use crate::engine::runs::context::Runs;
use crate::environment::{Environment, StartError};

/// What starts mirrors. Cheap to clone.
#[derive(Clone)]
pub struct Mirrors {
    /// Runs, and what starts them.
    pub runs: Runs,
    /// Connections to Google.
    pub connections: ConnectionStore,
    /// Who has the feature on.
    pub flags: Flags,
}

impl Mirrors {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(
        runs: &Runs,
        flags: &Flags,
        clients: &Clients,
        environment: &Environment,
    ) -> Result<Self, StartError> {
        Ok(Self {
            runs: runs.clone(),
            connections: ConnectionStore::connect(clients, environment)?,
            flags: flags.clone(),
        })
    }

    /// The connection that a tenant is mirrored over: its `main`, else its only one.
    async fn connection_of(&self, tenant: &TenantId) -> Result<Result<StoredConnection, NotMeant>, AwsFault> {
        let listed = Listed::Tenant(tenant.clone(), Some(ProviderId::GBP));
        let (found, _more) = self.connections.page(&listed, None, TOLD_MAX).await?;
        let names = found.iter().map(|stored| stored.connection.name.clone()).collect();
        Ok(unnamed(tenant, &ProviderId::GBP, names).and_then(|name| {
            let of = found.into_iter().find(|stored| stored.connection.name == name);
            of.ok_or_else(|| NotMeant::None(tenant.clone(), ProviderId::GBP))
        }))
    }
}
