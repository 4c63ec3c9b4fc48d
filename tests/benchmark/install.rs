//! What the benchmark compares with, installed below the target folder: once, as long as nothing about it changes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::report::note;

/// Makes a virtual environment hold what is required, and says where its Python is.
pub(crate) fn python(requirements: &Path, environment: &Path) -> Result<PathBuf> {
    let python = environment.join("bin/python");
    let installed = environment.join("requirements.txt");
    if std::fs::read(&installed).ok() != Some(std::fs::read(requirements)?) {
        note(&format!("installing {}", requirements.display()));
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(Command::new(&python).args(pip).arg(requirements))?;
        std::fs::copy(requirements, &installed)?;
    }
    Ok(python)
}

/// Makes a folder hold a package's sources and what its lock file names, and bundles it.
pub(crate) fn node(package: &Path, folder: &Path) -> Result<()> {
    let installed = folder.join("node_modules/installed.json");
    std::fs::create_dir_all(folder)?;
    for file in std::fs::read_dir(package)? {
        let file = file?;
        if file.file_type()?.is_file() {
            std::fs::copy(file.path(), folder.join(file.file_name()))?;
        }
    }
    let lock = folder.join("package-lock.json");
    if std::fs::read(&installed).ok() != Some(std::fs::read(&lock)?) {
        note(&format!("installing {}", package.join("package-lock.json").display()));
        // No package's own code runs at its installation; none of these needs to.
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        run(Command::new("npm").args(arguments).current_dir(folder))?;
        std::fs::copy(&lock, &installed)?;
    }
    run(Command::new("npm").args(["run", "--silent", "bundle"]).current_dir(folder)).map(drop)
}

/// Runs a program to its end, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
