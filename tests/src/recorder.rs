//! What the tests of this process see of rights and metrics is written down where `SIGNALBOX_RECORD` names a folder, for the comparison
//! behind all tests: `tests/run` sets it, and `tests/tests/house/recorded.rs` reads what was written.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::json;
use signalbox_local::host::record::Recorder;

/// The variable that names the folder.
pub const FOLDER: &str = "SIGNALBOX_RECORD";

/// The recorder of this process: one file for all its systems.
#[must_use]
pub fn recorder() -> Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| std::env::var_os(FOLDER).map(|folder| start(folder.as_ref())).unwrap_or_default()).clone()
}

fn start(folder: &Path) -> Recorder {
    let program = std::env::current_exe().unwrap();
    let program = program.file_stem().unwrap().to_string_lossy().into_owned();
    // Behind a test's name stands a hash of how it was built.
    let test = program.rsplit_once('-').map_or(program.as_str(), |(test, _)| test);
    // A filter leaves tests out.
    let whole = std::env::args_os().len() == 1;
    let name = format!("{test}-{}.ndjson", std::process::id());
    Recorder::to(folder, &name, &json!({"test": test, "whole": whole})).expect("a file of the recording")
}
