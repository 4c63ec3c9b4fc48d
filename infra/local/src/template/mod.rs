//! `template.yaml`, read as a typed model. The local host runs the file that is deployed, so the two cannot drift;
//! whatever in it the host does not understand is an error with the logical id and the property, never skipped:
//! a setting that is silently ignored here is one that is first seen working in production.

mod conditions;
mod intrinsics;
mod parameters;
mod properties;
mod resources;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use self::conditions::Conditions;
pub use self::intrinsics::{ACCOUNT, APPLICATION, Bindings, REGION, STACK};
pub use self::parameters::{LOCAL_STAGE, Parameter, environment_name};

/// The repository's template, built in so that the binary runs in any folder.
pub const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// What is wrong with the template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("template.yaml is not readable YAML: {0}")]
    Yaml(#[from] serde_norway::Error),
    /// A part of it is unusable, or not understood by the local host.
    #[error("template.yaml: {place}: {reason}")]
    At {
        /// Logical id and property, for example `SyncQueue.RedrivePolicy`.
        place: String,
        /// What is wrong there.
        reason: String,
    },
}

impl TemplateError {
    pub(crate) fn at(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::At { place: place.into(), reason: reason.into() }
    }
}

/// The template before its references have values.
#[derive(Debug)]
pub struct Source {
    parameters: Vec<Parameter>,
    conditions: Conditions,
    globals: Map<String, Value>,
    resources: Map<String, Value>,
}

/// Everything the local host runs.
#[derive(Debug, Default)]
pub struct Template {
    /// The functions, in the template's order.
    pub functions: Vec<FunctionModel>,
    /// The HTTP API's routes.
    pub routes: Vec<Route>,
    /// Which pages may call it.
    pub cors: Option<Cors>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// Which queue triggers which function.
    pub event_sources: Vec<EventSource>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The names of the event buses.
    pub buses: Vec<String>,
    /// Event rules with a pattern.
    pub rules: Vec<Rule>,
    /// The ids of the keys of KMS.
    pub keys: Vec<String>,
    /// What fires by the clock.
    pub schedules: Vec<Schedule>,
}

/// One Lambda function.
#[derive(Debug)]
pub struct FunctionModel {
    /// The name of its package: the logical id in kebab case.
    pub name: String,
    /// The logical id.
    pub logical_id: String,
    /// Its ARN, which events and contexts carry.
    pub arn: String,
    /// Its variables, references resolved.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Memory it is given; a number for its context, no limit here.
    pub memory_mb: u32,
    /// How often a failed asynchronous invocation is repeated.
    pub async_retries_max: u32,
    /// What it may call.
    pub rights: Vec<Right>,
    /// Which pages may call its own URL, at which its answers are streamed, where it has one.
    pub url: Option<Cors>,
}

/// One action on one resource that a function is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The action, for example `dynamodb:GetItem`.
    pub action: String,
    /// The ARN, or the start of it before a `*`.
    pub resource: String,
    /// What the encryption context of a call to KMS must name.
    pub context: Vec<String>,
}

/// One route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with `{name}` and `{name+}` segments, or `$default`.
    pub path: String,
    /// The function that answers.
    pub function: String,
}

/// Which pages of other origins may call the HTTP API, or a function's own URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// Their origins; none where the template's condition for them does not hold.
    pub origins: Vec<String>,
    /// The methods they may use.
    pub methods: Vec<String>,
    /// The headers they may send.
    pub headers: Vec<String>,
    /// The headers of answers that they may read.
    pub exposed: Vec<String>,
    /// How long a browser may remember all this.
    pub max_age: Duration,
    /// Whether they may send cookies.
    pub credentials: bool,
}

/// One queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The logical id.
    pub logical_id: String,
    /// The physical name.
    pub name: String,
    /// How long a received message stays hidden.
    pub visibility_seconds: u32,
    /// How long a message is kept.
    pub retention_seconds: u32,
    /// How long a new message stays hidden.
    pub delay_seconds: u32,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// When and where a queue gives messages up.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// The dead-letter queue's physical name.
    pub queue: String,
    /// After this many receives.
    pub receives_max: u32,
}

/// A queue that triggers a function.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// The function.
    pub function: String,
    /// The queue's physical name.
    pub queue: String,
    /// Messages per invocation at most.
    pub batch_size: u32,
    /// How long to wait for a batch to fill.
    pub window: Duration,
    /// Whether the answer names the failed messages; otherwise a batch succeeds or fails as a whole.
    pub partial_failures: bool,
    /// Invocations at a time.
    pub concurrency_max: u32,
}

/// One table, as the arguments of `CreateTable`.
#[derive(Debug, Clone)]
pub struct Table {
    /// The logical id.
    pub logical_id: String,
    /// The physical name.
    pub name: String,
    /// `KeySchema`.
    pub keys: Value,
    /// `AttributeDefinitions`.
    pub attributes: Value,
    /// `GlobalSecondaryIndexes`, an array, maybe empty.
    pub indexes: Vec<Value>,
    /// The attribute that says when an item expires.
    pub expiry: Option<String>,
    /// The stream's view type.
    pub stream: Option<String>,
}

/// An event rule with a pattern.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule's name.
    pub name: String,
    /// The bus.
    pub bus: String,
    /// The pattern.
    pub pattern: Value,
    /// Off rules are created but match nothing.
    pub enabled: bool,
    /// Targets, in EventBridge's own shape (`Id`, `Arn`, `Input` …).
    pub targets: Vec<Value>,
}

/// Something that fires by the clock.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The schedule's name.
    pub name: String,
    /// The event's name in the template, for example `Nightly`.
    pub event: String,
    /// The function.
    pub function: String,
    /// `rate(…)` or `cron(…)`.
    pub expression: crate::host::schedule::Expression,
    /// What is delivered.
    pub input: crate::host::schedule::Input,
    /// Off schedules fire by hand alone.
    pub enabled: bool,
}

impl Source {
    /// Reads the template that is built in.
    ///
    /// # Errors
    /// As [`Source::parse`].
    pub fn built_in() -> Result<Self, TemplateError> {
        Self::parse(TEMPLATE)
    }

    /// Reads a template's sections; references stay as they are.
    ///
    /// # Errors
    /// When it is not YAML, or has a section that the local host knows nothing of.
    pub fn parse(yaml: &str) -> Result<Self, TemplateError> {
        let document = intrinsics::from_yaml(serde_norway::from_str(yaml)?)?;
        let Value::Object(mut sections) = document else {
            return Err(TemplateError::at("document", "is not a mapping"));
        };
        let mut take = |name: &str| match sections.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(section)) => Ok(section),
            Some(_) => Err(TemplateError::at(name, "is not a mapping")),
        };
        let parameters = parameters::parse(take("Parameters")?)?;
        let conditions = Conditions::new(take("Conditions")?);
        let mut globals = take("Globals")?;
        let resources = take("Resources")?;
        for described in ["AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Outputs"] {
            sections.remove(described);
        }
        // Mappings would decide what exists; guessing would run another stack than the deployed one.
        if let Some(unknown) = sections.keys().next() {
            return Err(TemplateError::at(unknown, "the local host does not understand this section"));
        }
        let globals = match globals.remove("Function") {
            None => Map::new(),
            Some(Value::Object(function)) => function,
            Some(_) => return Err(TemplateError::at("Globals.Function", "is not a mapping")),
        };
        Ok(Self { parameters, conditions, globals, resources })
    }

    /// The template's parameters, in its order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The model, with every reference resolved.
    ///
    /// # Errors
    /// When a resource, property or reference is not understood, or a parameter has no value.
    pub fn resolve(&self, bindings: &Bindings) -> Result<Template, TemplateError> {
        parameters::check(&self.parameters, &bindings.parameters)?;
        let resolver = intrinsics::Resolver::new(&self.parameters, &self.resources, &self.conditions, bindings)?;
        self.conditions.check(&resolver)?;
        resources::build(&self.globals, &self.resources, &self.conditions, &resolver)
    }
}

#[cfg(test)]
mod tests;
