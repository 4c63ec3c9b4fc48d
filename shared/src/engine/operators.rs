//! Operators: who decides on runs, connections, dead letters and rejected deliveries. What one decides is recorded first, and what cannot
//! be recorded is not done.

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::journal::Journal;
use crate::domain::audit::{Action, Audit, Entry, Recorder};
use crate::domain::ids::TenantId;
use crate::domain::redact;
use crate::environment::{Environment, StartError};
use crate::outside::{Clock, Outside};

/// How much of what came of a deed is kept, in characters.
const RESULT_CHARACTERS_MAX: usize = 300;
/// How much of what it was done to, in characters.
const TARGET_CHARACTERS_MAX: usize = 500;

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

/// An entry of the record about a deed that is under way.
#[derive(Debug)]
#[must_use = "say what came of it"]
pub struct Begun {
    tenant: TenantId,
    random: [u8; 16],
    entry: Audit,
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

    /// The clock that waits go by.
    pub(super) fn clock(&self) -> &Clock {
        &self.outside.clock
    }

    /// Sixteen bytes that no other call returns.
    pub(super) fn random(&self) -> [u8; 16] {
        self.outside.entropy.bytes16()
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

    /// Records what an operator is about to do, so that [`Operators::noted`] can say what came of it. A crash between the two leaves an
    /// entry without a result: it may have been done.
    ///
    /// # Errors
    /// When AWS fails; it must not be done then.
    pub async fn begin(&self, operator: &Operator, action: Action, target: String) -> Result<Begun, AwsFault> {
        let entry = self.entry(operator, action, target, None, Vec::new());
        let begun = Begun { tenant: operator.tenant.clone(), random: self.outside.entropy.bytes16(), entry };
        self.journal.audit(&begun.tenant, begun.random, &begun.entry).await?;
        Ok(begun)
    }

    /// Notes what came of it on its entry. Where that cannot be written the deed stands, and the entry says what was asked for.
    pub async fn noted(&self, begun: Begun, result: &str) {
        let result: String = redact::error_text(result).chars().take(RESULT_CHARACTERS_MAX).collect();
        let Begun { tenant, random, entry } = begun;
        let entry = Audit { result: Some(result), ..entry };
        if let Err(error) = self.journal.audit(&tenant, random, &entry).await {
            tracing::warn!(action = entry.action.as_str(), target = entry.target, %error, "a result is not on record");
        }
    }

    fn entry(
        &self,
        operator: &Operator,
        action: Action,
        target: String,
        body_hash: Option<String>,
        changed: Vec<String>,
    ) -> Audit {
        Audit {
            actor: operator.actor.clone(),
            action,
            target: target.chars().take(TARGET_CHARACTERS_MAX).collect(),
            body_hash,
            changed,
            result: None,
            at_ms: self.now().as_millisecond(),
            correlation_id: operator.correlation_id.clone(),
        }
    }

    async fn write(
        &self,
        operator: &Operator,
        action: Action,
        target: String,
        body_hash: Option<String>,
        changed: Vec<String>,
    ) -> Result<(), AwsFault> {
        let entry = self.entry(operator, action, target, body_hash, changed);
        self.journal.audit(&operator.tenant, self.outside.entropy.bytes16(), &entry).await
    }
}

impl Recorder for Operators {
    type Fault = AwsFault;

    fn now(&self) -> jiff::Timestamp {
        self.now()
    }

    async fn entered(&self, entry: Entry) -> Result<(), AwsFault> {
        let Entry { tenant, actor, correlation_id, target } = entry;
        self.record(&Operator { tenant, actor, correlation_id }, Action::EnterTenant, target, None).await
    }
}
