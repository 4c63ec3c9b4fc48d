//! How a host is started, and why it does not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use signalbox::environment::StartError;
use signalbox::function::Function;
use signalbox::outside::Outside;

use crate::engines::EngineError;
use crate::host::data::{DataError, Storage};
use crate::host::record::Recorder;
use crate::host::settings::Variables;
use crate::template::TemplateError;

/// How a host is started. The default is a test's: a free port, nothing on disk, no clockwork.
#[derive(Clone)]
pub struct Options {
    /// The HTTP front's port on 127.0.0.1; 0 picks one.
    pub port: u16,
    /// Host names that the front answers to in local mode, beside those of this machine.
    pub allowed_hosts: Vec<String>,
    /// Where data is kept.
    pub storage: Storage,
    /// Where generated secrets are kept when `storage` is ephemeral; `None` forgets them with the rest.
    pub secrets: Option<PathBuf>,
    /// Whether a host without data makes some to look at: simulated vendors, runs, webhooks, a dead letter. In local mode alone.
    pub demo: bool,
    /// Whether schedules fire by themselves; [`Host::fire`](crate::Host::fire) fires them by hand.
    pub schedules: bool,
    /// Whether queues trigger their functions.
    pub poll: bool,
    /// Environment variables: values of the template's parameters by their environment names.
    pub variables: Variables,
    /// What every function is given from outside.
    pub outside: Outside,
    /// Another template than the repository's, for tests of the host.
    pub template: Option<String>,
    /// Handlers in place of this binary's, by package, for tests of the host.
    pub functions: BTreeMap<String, Function>,
    /// Where it is written down what functions do; nowhere by default.
    pub recorder: Recorder,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            allowed_hosts: Vec::new(),
            storage: Storage::Ephemeral,
            secrets: None,
            demo: false,
            schedules: false,
            poll: true,
            variables: Variables::new(),
            outside: Outside::default(),
            template: None,
            functions: BTreeMap::new(),
            recorder: Recorder::default(),
        }
    }
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The data folder.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The front's port.
    #[error("port {0} is in use: choose another with --port or SIGNALBOX_PORT (0 picks one)")]
    PortInUse(u16),
    /// The template has a function that this binary does not contain.
    #[error(
        "template.yaml: {logical_id}: this binary contains no function {name}; add it to infra/local/src/host/registry.rs"
    )]
    NotRegistered {
        /// The logical id.
        logical_id: String,
        /// The package it would have.
        name: String,
    },
    /// A function refuses its environment.
    #[error("{function} does not start: {source}")]
    Function {
        /// The function.
        function: String,
        /// Why.
        source: StartError,
    },
}
