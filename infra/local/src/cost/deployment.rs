//! What of a deployment decides its price: settings of the template, and those that are tried instead.

use std::collections::BTreeMap;

use signalbox::domain::cost::prices::Item;

use super::profile::Profile;
use crate::template::{Bindings, Source, Template, TemplateError};

/// The processor that functions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// Graviton.
    Arm64,
    /// Intel's and AMD's.
    X86,
}

impl Processor {
    /// What its seconds are priced as.
    #[must_use]
    pub fn item(self) -> Item {
        match self {
            Self::Arm64 => Item::LambdaArmGbSecond,
            Self::X86 => Item::LambdaX86GbSecond,
        }
    }
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The processor.
    pub processor: Processor,
    /// Whether lines of level info are written.
    pub logs_info: bool,
    memory_mb: BTreeMap<String, f64>,
    parameters: BTreeMap<String, f64>,
    /// The most that the template lets parameters be which have a bound.
    most: BTreeMap<String, f64>,
    /// Of each queue's function: its name, the queue's, messages a batch, invocations at a time.
    pub sources: Vec<(String, String, f64, f64)>,
}

/// The template has none of the name that is asked for.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml has no {what} {name}")]
pub struct Unknown {
    what: &'static str,
    name: String,
}

impl Unknown {
    fn new(what: &'static str, name: &str) -> Self {
        Self { what, name: name.to_owned() }
    }
}

/// A function that has a whole core has this much memory.
const MEGABYTES_PER_CORE: f64 = 1_769.0;

impl Deployment {
    /// As `template.yaml` says.
    ///
    /// # Errors
    /// When the template is not understood.
    pub fn of_template() -> Result<Self, TemplateError> {
        let source = Source::built_in()?;
        let numbers = source
            .parameters()
            .iter()
            .filter_map(|parameter| Some((parameter.name.clone(), parameter.default.as_ref()?.parse().ok()?)));
        let most = source.parameters().iter().filter_map(|parameter| {
            let of_allowed = parameter.allowed.iter().filter_map(|value| value.parse().ok()).reduce(f64::max);
            Some((parameter.name.clone(), parameter.most.or(of_allowed)?))
        });
        Ok(Self {
            parameters: numbers.collect(),
            most: most.collect(),
            ..Self::of(&source.resolve(&Bindings::default())?)
        })
    }

    fn of(template: &Template) -> Self {
        let memory_mb =
            template.functions.iter().map(|function| (function.name.clone(), f64::from(function.memory_mb)));
        let queue =
            |name: &str| template.queues.iter().find(|queue| queue.name == name).map(|queue| queue.logical_id.clone());
        let sources = template.event_sources.iter().map(|source| {
            let queue = queue(&source.queue).unwrap_or_default();
            (source.function.clone(), queue, f64::from(source.batch_size), f64::from(source.concurrency_max))
        });
        Self {
            processor: Processor::Arm64,
            logs_info: true,
            memory_mb: memory_mb.collect(),
            parameters: BTreeMap::new(),
            most: BTreeMap::new(),
            sources: sources.collect(),
        }
    }

    /// What a parameter of the template is.
    ///
    /// # Errors
    /// When there is none of that name whose default is a number.
    pub fn parameter(&self, name: &str) -> Result<f64, Unknown> {
        self.parameters.get(name).copied().ok_or_else(|| Unknown::new("parameter with a number", name))
    }

    /// The most that the template lets a parameter be, where it says that.
    #[must_use]
    pub fn most(&self, name: &str) -> Option<f64> {
        self.most.get(name).copied()
    }

    /// Messages a batch of a queue's function.
    ///
    /// # Errors
    /// When no function has that queue.
    pub fn batch(&self, queue: &str) -> Result<f64, Unknown> {
        let found = self.sources.iter().find(|(_, of, _, _)| of == queue);
        found.map(|(_, _, batch, _)| *batch).ok_or_else(|| Unknown::new("source of messages", queue))
    }

    /// Whether every function of a profile is in the template.
    ///
    /// # Errors
    /// When one is not: nobody knows what memory it has.
    pub fn has_all_of(&self, profile: &Profile) -> Result<(), Unknown> {
        let mut names = profile.scenarios.values().flat_map(|counted| counted.functions.keys());
        names
            .find(|name| !self.memory_mb.contains_key(*name))
            .map_or(Ok(()), |name| Err(Unknown::new("function", name)))
    }

    /// A function's memory in megabytes.
    #[must_use]
    pub fn memory_mb(&self, function: &str) -> f64 {
        self.memory_mb.get(function).copied().unwrap_or(256.0)
    }

    /// How much of a core it has.
    #[must_use]
    pub fn cores(&self, function: &str) -> f64 {
        (self.memory_mb(function) / MEGABYTES_PER_CORE).min(1.0)
    }

    /// The same on another processor.
    #[must_use]
    pub fn on(&self, processor: Processor) -> Self {
        Self { processor, ..self.clone() }
    }

    /// The same without lines of level info.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { logs_info: false, ..self.clone() }
    }

    /// The same with another memory of a function.
    #[must_use]
    pub fn with_memory(&self, function: &str, megabytes: f64) -> Self {
        let mut other = self.clone();
        other.memory_mb.insert(function.to_owned(), megabytes);
        other
    }
}
