//! The binaries that are measured: built as they are deployed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::report::note;

/// The profile that `cargo lambda build --release`, and so SAM, builds functions with.
const PROFILE: &str = "release";

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Function binaries by name.
pub(crate) struct Build {
    folder: PathBuf,
    /// Those that are measured, sorted.
    pub(crate) functions: Vec<String>,
}

impl Build {
    /// Builds the functions, those named in `only` or all, or takes those in `folder`.
    pub(crate) fn make(folder: Option<&Path>, only: &[&str]) -> Result<Self> {
        let mut functions = Vec::new();
        for entry in std::fs::read_dir(root().join("functions"))? {
            functions.push(entry?.file_name().to_string_lossy().into_owned());
        }
        functions.retain(|function| only.is_empty() || only.contains(&function.as_str()));
        functions.sort();
        if let Some(folder) = folder {
            return Ok(Self { folder: folder.to_owned(), functions });
        }
        note("building the functions as they are deployed");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // One by one: built together, features that one function asks for would swell the others.
        for function in &functions {
            let package = format!("signalbox-{function}");
            let arguments = ["build", "--locked", "--quiet", "--profile", PROFILE, "--package", &package];
            if !Command::new(&cargo).current_dir(root()).args(arguments).status()?.success() {
                return Err(format!("{package} does not build").into());
            }
        }
        Ok(Self { folder: target()?.join(PROFILE), functions })
    }

    /// The binary of a function.
    pub(crate) fn binary(&self, function: &str) -> PathBuf {
        self.folder.join(function)
    }
}

/// Cargo's target folder: this program lies in `<target>/<profile>/`.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).ok_or("this program lies in no target folder")?.to_owned())
}
