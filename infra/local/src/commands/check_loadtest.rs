//! `signalbox check-loadtest`: the gate behind a load test.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use signalbox_local::remote::gate::judge;

use super::{fail, hint, say};

/// More than any report has.
const REPORT_BYTES_MAX: u64 = 1 << 20;

/// Passes when everything was answered with 2xx, as many requests were sent as expected, at least a fifth of them were
/// duplicates, and no duplicate was accepted as a new event. Exit code 0 when it passes, 1 when not.
#[derive(Args)]
pub(crate) struct CheckLoadtestArguments {
    /// What `signalbox loadtest` printed; "-" is standard input
    file: PathBuf,
    /// How many requests the load must have had
    #[arg(env = "EXPECTED_TOTAL")]
    expected: usize,
}

pub(crate) fn run(arguments: &CheckLoadtestArguments) -> ExitCode {
    let shown = arguments.file.display();
    let text = match read(&arguments.file) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{shown} cannot be read: {error}")),
    };
    match judge(&text, arguments.expected) {
        Ok(judgement) => {
            say(&judgement.line);
            for problem in &judgement.problems {
                hint(&format!("signalbox: {problem}"));
            }
            if judgement.problems.is_empty() {
                say(&"OK");
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => fail(&format!("{shown}: {error}")),
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(REPORT_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(REPORT_BYTES_MAX).read_to_string(&mut text)?;
    }
    Ok(text)
}
