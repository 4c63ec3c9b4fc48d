//! Reads a catalogue as a stream: memory holds one chunk and one row.

use std::error::Error;
use std::io::{self, Read as _};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::{GetOptions, GetResultPayload};
use tokio::time::{Instant, timeout, timeout_at};

use super::files::NoRegularFile;
use super::retry_after::AskedToWait;
use super::store::{RedirectRefused, describe};
use super::{Location, SourceError, SourceRules, StoreFactory};
use crate::domain::catalogue::rows::{Row, Rows};
use crate::domain::redact;
use crate::environment::Environment;

/// Bytes that are gathered before rows are cut: a row that straddles two chunks is parsed twice.
const CHUNK_BYTES: usize = 256 * 1024;
/// No step of a run may outlast what is left of a lease that is due for renewal.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(15);
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest catalogue.
const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// A catalogue being read.
pub struct CatalogueReader {
    rows: Rows,
    payload: Payload,
    source_path: String,
    version: String,
    size: u64,
    taken: u64,
    over: bool,
}

enum Payload {
    /// And a buffer; `None` while it is being read, and for good once reading it has hung.
    File(Option<(std::fs::File, Vec<u8>)>),
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
}

impl CatalogueReader {
    /// Opens the catalogue at a location.
    ///
    /// # Errors
    /// When it is not there, cannot be reached, or is too large.
    pub async fn open(
        location: &Location,
        rules: &SourceRules,
        stores: &StoreFactory,
        environment: &Environment,
    ) -> Result<Self, SourceError> {
        let source_path = describe(location);
        let (store, path) = stores.open(location, rules, environment)?;
        let late = || SourceError::Unreadable {
            source_path: source_path.clone(),
            reason: "it did not answer in time".into(),
            transient: true,
        };
        let opened = timeout(OPEN_TIMEOUT, store.get_opts(&path, GetOptions::new())).await.map_err(|_| late())?;
        let found = opened.map_err(|error| unreadable(&source_path, &error))?;
        let meta = &found.meta;
        if meta.size > SOURCE_BYTES_MAX {
            let reason = format!("it has {} bytes, more than {SOURCE_BYTES_MAX}", meta.size);
            return Err(SourceError::Unreadable { source_path, reason, transient: false });
        }
        let changed = meta.last_modified.timestamp_millis();
        let version = format!("{}/{}/{changed}", meta.e_tag.as_deref().unwrap_or("-"), meta.size);
        let size = meta.size;
        let payload = match found.payload {
            GetResultPayload::File(file, _) => Payload::File(Some((file, vec![0; CHUNK_BYTES]))),
            GetResultPayload::Stream(stream) => Payload::Stream(stream),
        };
        Ok(Self { rows: Rows::default(), payload, source_path, version, size, taken: 0, over: false })
    }

    /// Tells one version of the source from another.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The next row that has arrived; `None` when [`Self::more`] must be called.
    ///
    /// # Errors
    /// When the document is not a catalogue.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, SourceError> {
        Ok(self.rows.next_row()?)
    }

    /// Waits for more of the document; false when it was whole and is read.
    ///
    /// # Errors
    /// When the connection breaks, or the document is shorter than announced.
    pub async fn more(&mut self) -> Result<bool, SourceError> {
        if self.over {
            return Ok(false);
        }
        let until = Instant::now() + CHUNK_TIMEOUT;
        let mut gathered = 0;
        while gathered < CHUNK_BYTES {
            let count = match &mut self.payload {
                Payload::File(held) => {
                    let read = match held.take() {
                        Some((file, buffer)) => timeout_at(until, read_on(file, buffer)).await,
                        None => Ok(Err(io::Error::other("it was not read to its end before"))),
                    };
                    let failed = |reason: String| SourceError::Unreadable {
                        source_path: self.source_path.clone(),
                        reason,
                        transient: true,
                    };
                    let read = read.map_err(|_| failed("it stopped coming".to_owned()))?;
                    let (file, buffer, count) = read.map_err(|error| failed(error.to_string()))?;
                    self.rows.push(&buffer[..count]);
                    *held = Some((file, buffer));
                    count
                }
                Payload::Stream(stream) => match timeout_at(until, stream.next()).await {
                    // Slow, but moving: what came is read first.
                    Err(_) if gathered > 0 => break,
                    Err(_) => {
                        let reason = "it stopped coming".to_owned();
                        return Err(SourceError::Unreadable {
                            source_path: self.source_path.clone(),
                            reason,
                            transient: true,
                        });
                    }
                    Ok(Some(piece)) => {
                        let piece = piece.map_err(|error| unreadable(&self.source_path, &error))?;
                        self.rows.push(&piece);
                        if piece.is_empty() {
                            continue;
                        }
                        piece.len()
                    }
                    Ok(None) => 0,
                },
            };
            gathered += count;
            self.taken += count as u64;
            if count == 0 {
                self.over = true;
                if self.taken != self.size {
                    let reason = format!("it ended after {} of {} bytes", self.taken, self.size);
                    return Err(SourceError::Unreadable {
                        source_path: self.source_path.clone(),
                        reason,
                        transient: true,
                    });
                }
                self.rows.end();
                break;
            }
        }
        Ok(true)
    }
}

/// Reads what comes next of a file, on a thread where it may block: a disk may take its time, and a file of a network's for
/// ever, while what else this runtime does goes on.
async fn read_on(mut file: std::fs::File, mut buffer: Vec<u8>) -> io::Result<(std::fs::File, Vec<u8>, usize)> {
    let reading = tokio::task::spawn_blocking(move || {
        let count = file.read(&mut buffer)?;
        Ok((file, buffer, count))
    });
    reading.await.map_err(io::Error::other)?
}

/// Whether a store refused what is no file.
pub(super) fn is_no_regular_file(error: &object_store::Error) -> bool {
    // An I/O error hides what it was made of from whoever walks its causes.
    let inside = |cause: &(dyn Error + 'static)| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is::<NoRegularFile>() || wrapped.is_some_and(|wrapped| wrapped.is::<NoRegularFile>())
    };
    causes(error).any(inside)
}

fn unreadable(source_path: &str, error: &object_store::Error) -> SourceError {
    use object_store::Error as Store;
    if is_no_regular_file(error) {
        return SourceError::NotAllowed(format!("{source_path:?} is no regular file"));
    }
    for cause in causes(error) {
        if cause.is::<RedirectRefused>() {
            return SourceError::NotAllowed(RedirectRefused.to_string());
        }
        if let Some(AskedToWait(retry_after)) = cause.downcast_ref() {
            return SourceError::Busy { source_path: source_path.to_owned(), retry_after: *retry_after };
        }
    }
    let (reason, transient) = match error {
        Store::NotFound { .. } => return SourceError::NotFound(source_path.to_owned()),
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => ("access was denied".to_owned(), false),
        Store::InvalidPath { .. } | Store::NotSupported { .. } | Store::NotImplemented { .. } => {
            ("the path cannot be used".to_owned(), false)
        }
        other => (what_happened(other), true),
    };
    // The store's own text quotes what the vendor answered, signed URLs and paths of this machine: it is for the log.
    tracing::warn!(source_path, error = redact::error_text(&error.to_string()), "catalogue could not be read");
    SourceError::Unreadable { source_path: source_path.to_owned(), reason, transient }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// What a store's error comes to, in our words.
fn what_happened(error: &object_store::Error) -> String {
    use object_store::client::HttpErrorKind;
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<object_store::client::HttpError>() {
            let said = match error.kind() {
                HttpErrorKind::Connect => "no connection could be made",
                HttpErrorKind::Timeout => "it did not answer in time",
                HttpErrorKind::Interrupted => "the connection was cut",
                HttpErrorKind::Decode => "its answer was cut short or damaged",
                _ => "the request failed",
            };
            return said.to_owned();
        }
    }
    // The type that has the status is private.
    let text = error.to_string();
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.filter(|status| status.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(status) => format!("its host answered {status}"),
        None => "reading failed".to_owned(),
    }
}
