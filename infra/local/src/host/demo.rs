//! The first sync, so that a new user has something to see: one request to the host's own front, as a client makes it.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use signalbox::domain::catalogue::vendor::parse_vendors;
use tokio::task::JoinSet;

use crate::host::data::DataFolder;
use crate::remote::Remote;
use crate::template::Bindings;
use crate::token::{self, Grant};

/// The front answers within 30 s, whatever happens.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// Runs the first sync where a start has asked for it and none has run it yet: behind the ready line, and without a reason
/// to fail, as the host is as useful without it.
pub(crate) fn run_if_requested(
    tasks: &mut JoinSet<()>,
    data: &DataFolder,
    bindings: &Bindings,
    secret: Option<&str>,
    front: SocketAddr,
    now: Timestamp,
) {
    let mark = data.demo_mark();
    let Some(secret) = secret.filter(|_| mark.exists()) else { return };
    // Whoever names vendors of their own has something to see.
    let vendors = parse_vendors(bindings.parameters.get("Vendors").map_or("[]", String::as_str)).unwrap_or_default();
    if bindings.parameters.contains_key("Vendors") && !vendors.iter().any(|vendor| vendor.slug.as_str() == "moscot") {
        return;
    }
    let audience = bindings.parameters.get("ServiceJwtAudience").map_or(token::AUDIENCE_DEFAULT, String::as_str);
    let grant = Grant { audience, scopes: token::scopes("write"), ..Grant::default() };
    let token = token::mint(grant, secret, now);
    tasks.spawn(async move {
        let outcome = match token {
            Ok(token) => sync(&format!("http://{front}"), &token).await,
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(answer) => {
                tracing::info!(run = %answer["runId"], metrics = %answer["metrics"], "the demo catalogue is synced");
                // Left there by a crash, the demo would run again, and find nothing changed.
                let _gone_already = std::fs::remove_file(mark);
            }
            Err(reason) => tracing::warn!(reason, "the demo catalogue was not synced"),
        }
    });
}

/// Syncs the project's catalogue and returns what the front answered.
///
/// # Errors
/// Why there is no run, in a sentence.
async fn sync(url: &str, token: &str) -> Result<Value, String> {
    let remote = Remote::new(url, WAIT_MAX).map_err(|error| error.to_string())?;
    let answer = remote.post_json("/api/catalog/moscot/sync", token, "{}").await.map_err(|error| error.to_string())?;
    if !(200..300).contains(&answer.status) {
        return Err(format!("{}: {}", answer.status, answer.text));
    }
    serde_json::from_str(&answer.text).map_err(|error| error.to_string())
}
