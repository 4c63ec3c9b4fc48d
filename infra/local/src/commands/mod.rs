//! The commands, and the one place that writes to the terminal: standard output is for programs (the ready line, a
//! token), standard error for people.

pub(crate) mod check_loadtest;
pub(crate) mod loadtest;
pub(crate) mod local;
mod sender;
pub(crate) mod smoke;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod wait_for_health;

use std::fmt::Display;
use std::process::ExitCode;

use signalbox_local::settings::Variables;

/// One line on standard output.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn say(line: &dyn Display) {
    println!("{line}");
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

/// The process's environment; what is not Unicode is no setting of ours.
pub(crate) fn variables() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
