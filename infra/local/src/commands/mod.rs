//! The commands, and the one place that writes to the terminal: standard output is for programs (the ready line, a
//! token), standard error for people.

pub(crate) mod check_loadtest;
pub(crate) mod connections;
pub(crate) mod cost;
pub(crate) mod data;
pub(crate) mod loadtest;
pub(crate) mod local;
mod remote;
mod sender;
pub(crate) mod simulate;
pub(crate) mod smoke;
mod tables;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod wait_for_health;

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use signalbox_local::host::settings::{self, Variables};

/// What the command is for, on standard output. Who reads no more of it, as `head` does, has what was wanted.
pub(crate) fn say(line: &dyn Display) {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            hint(&format!("signalbox: standard output cannot be written: {error}"));
        }
        _ => {}
    }
}

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "a hint for the person at the terminal")]
pub(crate) fn hint(line: &dyn Display) {
    eprintln!("{line}");
}

/// Says what went wrong, and fails.
pub(crate) fn fail(error: &dyn Display) -> ExitCode {
    hint(&format!("signalbox: {error}"));
    ExitCode::FAILURE
}

/// The process's environment; what is not Unicode is not a setting of ours.
pub(crate) fn variables() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A secret from the environment, else the one in the local host's data folder, which is made if need be. What was
/// generated there is right for the local host alone.
pub(crate) fn secret(variable: &str, data_dir: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let variables = variables();
    if let Some(secret) = settings::value(&variables, variable) {
        return Ok(secret.to_owned());
    }
    let generated = settings::secrets(&variables, Some(data_dir))?;
    let secret = generated.get(variable).map(str::to_owned);
    Ok(secret.ok_or_else(|| format!("{variable} is not set, and outside local mode none is generated"))?)
}

/// Waits for a command's work.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work))
}
