//! Operators: who decides on runs, connections, dead letters and rejected deliveries. What one decides is recorded first, and what cannot
//! be recorded is not done.

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::audit::{Action, Audit};
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// Who decides.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Whose data they may touch.
    pub tenant: TenantId,
    /// Who.
    pub actor: String,
    /// The trace.
    pub correlation_id: String,
}

/// What the use cases of operators work with. Cheap to clone.
#[derive(Clone)]
pub struct Operators {
    /// What was given up on, and what operators did.
    pub journal: Journal,
    pub(super) outside: Outside,
}

impl Operators {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self { journal: Journal::connect(clients, environment)?, outside: outside.clone() })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.outside.clock.now()
    }

    /// Records what an operator is about to do, to what, and with which body, if it is about one. A crash after it leaves an
    /// entry for what was not done.
    ///
    /// # Errors
    /// When AWS fails; it must not be done then.
    pub async fn record(
        &self,
        operator: &Operator,
        action: Action,
        target: String,
        body_hash: Option<String>,
    ) -> Result<(), AwsFault> {
        self.write(operator, action, target, body_hash, Vec::new()).await
    }

    /// Records what an operator is about to change about something, by the names of what changes. As with
    /// [`Operators::record`], a crash after it leaves an entry for what was not done.
    ///
    /// # Errors
    /// When AWS fails; it must not be done then.
    pub async fn record_change(
        &self,
        operator: &Operator,
        action: Action,
        target: String,
        changed: Vec<String>,
    ) -> Result<(), AwsFault> {
        self.write(operator, action, target, None, changed).await
    }

    async fn write(
        &self,
        operator: &Operator,
        action: Action,
        target: String,
        body_hash: Option<String>,
        changed: Vec<String>,
    ) -> Result<(), AwsFault> {
        let entry = Audit {
            actor: operator.actor.clone(),
            action,
            target,
            body_hash,
            changed,
            at_ms: self.now().as_millisecond(),
            correlation_id: operator.correlation_id.clone(),
        };
        self.journal.audit(&operator.tenant, self.outside.entropy.bytes16(), &entry).await
    }
}
