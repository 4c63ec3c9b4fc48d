//! The first sync, so that a new user has something to see: one request to the host's own front, as a client makes it.

use std::time::Duration;

use serde_json::Value;

use crate::remote::Remote;

/// The front answers within 30 s, whatever happens.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// Syncs the project's catalogue and returns what the front answered.
///
/// # Errors
/// Why there is no run, in a sentence.
pub(crate) async fn sync(url: &str, token: &str) -> Result<Value, String> {
    let remote = Remote::new(url, WAIT_MAX).map_err(|error| error.to_string())?;
    let answer = remote.post_json("/api/catalog/moscot/sync", token, "{}").await.map_err(|error| error.to_string())?;
    if !(200..300).contains(&answer.status) {
        return Err(format!("{}: {}", answer.status, answer.text));
    }
    serde_json::from_str(&answer.text).map_err(|error| error.to_string())
}
