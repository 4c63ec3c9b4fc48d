//! How the tables of a host that runs are reached by the commands that work at all of them: a file in the data folder, which its owner
//! alone reads, as they do what lies beside it. It is gone once the host has ended.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use signalbox::environment::Environment;

use crate::host::data::{DataError, unusable};

const FILE: &str = "tables.json";
/// Whose environment it is made of: the function that uses all tables.
pub(crate) const FUNCTION: &str = "sync-control";
/// What of it the tables are reached by, and how long what is written there is kept.
const NAMES: [&str; 5] =
    ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_DYNAMODB", "AUDIT_RETENTION_DAYS"];

/// Why the tables of a host cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum NotLent {
    /// There is no file, or none that can be read.
    #[error(
        "no local host runs on the folder {0}: start one (cargo run), choose its folder with --data-dir, or name the \
         tables in AWS with --stack-outputs or --table"
    )]
    NoHost(String),
}

pub(crate) fn lend(folder: &Path, environment: &Environment) -> Result<(), DataError> {
    let is_lent = |name: &str| NAMES.contains(&name) || name.ends_with("_TABLE");
    let lent: BTreeMap<&str, &str> = environment.iter().filter(|(name, _)| is_lent(name)).collect();
    let path = folder.join(FILE);
    // Anew, so that it is its owner's alone whatever was there.
    take_back(folder);
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
    let written = file.and_then(|mut file| file.write_all(serde_json::json!(lent).to_string().as_bytes()));
    written.map_err(|error| unusable(&path, error))
}

pub(crate) fn take_back(folder: &Path) {
    // It may be gone, with all of the folder; a host that is killed leaves it, and what it says leads nowhere then.
    let _gone = fs::remove_file(folder.join(FILE));
}

/// What the tables of the host are reached by that runs on a folder.
///
/// # Errors
/// When none does.
pub fn read(folder: &Path) -> Result<Environment, NotLent> {
    let no_host = || NotLent::NoHost(folder.display().to_string());
    let text = fs::read_to_string(folder.join(FILE)).map_err(|_| no_host())?;
    let lent: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|_| no_host())?;
    Ok(lent.into_iter().collect())
}
