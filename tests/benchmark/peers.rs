//! The functions that people would write for the same work: Powertools for AWS Lambda, in TypeScript and in Python.

use std::path::{Path, PathBuf};

use signalbox::environment::Environment;
use tokio::process::Command;

use crate::Result;
use crate::build::{root, target};
use crate::install::{self, run};

/// A function that can be started: ours or a peer.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    folder: PathBuf,
    pub(crate) environment: Environment,
}

impl Contender {
    /// A binary of ours.
    pub(crate) fn ours(name: &'static str, program: PathBuf, environment: Environment) -> Self {
        Self { name, program, arguments: &[], folder: root(), environment }
    }

    /// What starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments).current_dir(&self.folder);
        command
    }
}

/// Installs the peers. They are given the environment that our function has, and a table of theirs.
pub(crate) fn install(environment: &Environment, table: &str) -> Result<Vec<Contender>> {
    let sources = root().join("tests/benchmark/peers");
    let folder = target()?.join("benchmark-peers");
    let environment = |folder: &Path| {
        let mut environment = environment.clone();
        let added = [
            ("IDEMPOTENCY_TABLE", table.to_owned()),
            // Lambda sets both names; boto3 reads this one.
            ("AWS_DEFAULT_REGION", environment.get("AWS_REGION").unwrap_or_default().to_owned()),
            ("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", "peer".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("LAMBDA_TASK_ROOT", folder.to_string_lossy().into_owned()),
        ];
        environment.extend(added.map(|(name, value)| (name.to_owned(), value)));
        environment
    };

    let typescript = folder.join("typescript");
    install::node(&sources.join("typescript"), &typescript)?;
    // Past the shims of version managers, which would be measured with it.
    let node = run(std::process::Command::new("node").args(["-p", "process.execPath"]))?;
    let node = PathBuf::from(String::from_utf8(node)?.trim());

    let python = folder.join("python");
    let interpreter = install::python(&sources.join("python/requirements.txt"), &python)?;
    // Beside the environment, so that what Python compiles does not end up among the sources.
    std::fs::copy(sources.join("python/handler.py"), python.join("handler.py"))?;

    Ok(vec![
        Contender {
            name: "Powertools TypeScript",
            program: node,
            arguments: &["bundle.cjs"],
            environment: environment(&typescript),
            folder: typescript,
        },
        Contender {
            name: "Powertools Python",
            program: interpreter,
            arguments: &["-m", "awslambdaric", "handler.handler"],
            environment: environment(&python),
            folder: python,
        },
    ])
}
