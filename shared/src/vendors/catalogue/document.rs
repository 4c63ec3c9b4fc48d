//! A small document of the deployment's own, read whole: in one of its buckets, or on somebody's own machine a file.

use std::time::Duration;

use object_store::{Error as Store, GetOptions};
use tokio::time::timeout;

use super::{Location, SourceRules, StoreFactory};
use crate::domain::catalogue::vendor::Asked;
use crate::domain::redact;
use crate::environment::Environment;
use crate::vendors::hosts::Hosts;

/// Who reads it has a few seconds in all.
const READ_MAX: Duration = Duration::from_secs(5);

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub text: String,
    /// Tells it from another, and from the same written again.
    pub version: String,
}

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} cannot be read: {why}")]
pub struct Unread {
    /// Its place, as it was given.
    pub place: String,
    /// What is in the way.
    pub why: String,
}

/// Reads the document at `s3://bucket/key`, or on somebody's own machine at a path.
///
/// # Errors
/// When it may not be read, is not there, cannot be read, or has more than so many bytes.
pub async fn read_document(
    place: &str,
    bytes_max: usize,
    stores: &StoreFactory,
    environment: &Environment,
) -> Result<Document, Unread> {
    let unread = |why: String| Unread { place: redact::source(place), why };
    let rules = SourceRules::from_environment(environment).map_err(|error| unread(error.to_string()))?;
    let location = locate(place, &rules, environment).map_err(unread)?;
    let (store, path) = stores.open(&location, environment).map_err(|error| unread(error.to_string()))?;
    let read = async {
        let found = store.get_opts(&path, GetOptions::new()).await.map_err(|error| why(&error))?;
        let meta = &found.meta;
        if meta.size > bytes_max as u64 {
            return Err(format!("it has {} bytes, more than {bytes_max}", meta.size));
        }
        let changed = meta.last_modified.timestamp_millis();
        let version = format!("{}/{}/{changed}", meta.e_tag.as_deref().unwrap_or("-"), meta.size);
        let bytes = found.bytes().await.map_err(|error| why(&error))?;
        let text = String::from_utf8(bytes.into()).map_err(|_| "it is not UTF-8".to_owned())?;
        Ok(Document { text, version })
    };
    let read = timeout(READ_MAX, read).await.unwrap_or_else(|_| Err("it did not answer in time".into()));
    read.map_err(unread)
}

fn locate(place: &str, rules: &SourceRules, environment: &Environment) -> Result<Location, String> {
    if place.contains("://") || !environment.is_local() {
        if !place.starts_with("s3://") {
            return Err("it must be s3://bucket/key; a path in local mode alone".into());
        }
        return rules.find(Asked::Named(place), Hosts::default()).map_err(|error| error.to_string());
    }
    let real = std::fs::canonicalize(place).map_err(|error| error.kind().to_string())?;
    let path = real.to_str().ok_or("the path cannot be used")?;
    Ok(Location::File { root: "/".into(), path: path.trim_start_matches('/').to_owned() })
}

/// In our words: the store's own may quote paths and signed URLs.
fn why(error: &Store) -> String {
    match error {
        Store::NotFound { .. } => "nothing is there".into(),
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => "access was denied".into(),
        _ => "the store failed".into(),
    }
}
