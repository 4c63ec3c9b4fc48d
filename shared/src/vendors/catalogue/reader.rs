//! Reads a catalogue as a stream: memory holds one chunk and one row.

use std::error::Error;
use std::io::{self, Read as _};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::StatusCode;
use object_store::{Attribute, GetOptions, GetResultPayload};
use tokio::time::{Instant, timeout, timeout_at};

use super::files::NoRegularFile;
use super::https::{NoLength, Refused, may_pass};
use super::store::describe;
use super::unpacked::{NotPacked, Unpacker};
use super::{Location, SourceError, StoreFactory};
use crate::domain::catalogue::findings::Findings;
use crate::domain::catalogue::form::Form;
use crate::domain::catalogue::rows::{Row, Rows};
use crate::domain::redact;
use crate::environment::Environment;
use crate::vendors::web::Unreached;

/// Bytes that are gathered before rows are cut: a row that straddles two chunks is parsed twice.
const CHUNK_BYTES: usize = 256 * 1024;
/// No step of a run may outlast what is left of a lease that is due for renewal.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(15);
/// Of a store, whose status is private.
const DENIED: &str = "access was denied";
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest catalogue, as it comes and as it is unpacked.
const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// A catalogue being read.
pub struct CatalogueReader {
    rows: Rows,
    payload: Payload,
    unpacker: Option<Unpacker>,
    source_path: String,
    version: String,
    length: Length,
    /// Bytes that came.
    taken: u64,
    /// Bytes that they were unpacked to.
    unpacked: u64,
    over: bool,
}

enum Payload {
    /// And a buffer; `None` while it is being read, and for good once reading it has hung.
    File(Option<(std::fs::File, Vec<u8>)>),
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
}

/// What proves that a document came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// As many bytes came.
    Bytes(u64),
    /// Something else, or nothing.
    None(NoLength),
}

impl CatalogueReader {
    /// Opens the catalogue at a location, which is written in a form.
    ///
    /// # Errors
    /// When it is not there, cannot be reached, or is too large.
    pub async fn open(
        location: &Location,
        form: &Form,
        stores: &StoreFactory,
        environment: &Environment,
    ) -> Result<Self, SourceError> {
        let source_path = describe(location);
        let (store, path) = stores.open(location, environment)?;
        let never = |reason: String| {
            Err(SourceError::Unreadable { source_path: source_path.clone(), reason, transient: false })
        };
        let late = || SourceError::Unreadable {
            source_path: source_path.clone(),
            reason: "it did not answer in time".into(),
            transient: true,
        };
        let opened = timeout(OPEN_TIMEOUT, store.get_opts(&path, GetOptions::new())).await.map_err(|_| late())?;
        let found = opened.map_err(|error| unreadable(&source_path, &error))?;
        let meta = &found.meta;
        let length = found.extensions.get().copied().map_or(Length::Bytes(meta.size), Length::None);
        if meta.size > SOURCE_BYTES_MAX {
            return never(format!("it has {} bytes, more than {SOURCE_BYTES_MAX}", meta.size));
        }
        let encoding = found.attributes.get(&Attribute::ContentEncoding).map_or("", AsRef::as_ref).to_ascii_lowercase();
        // What came in signed chunks stands in S3 as if it were encoded, though they are gone.
        let is_one = |coding: &&str| !matches!(*coding, "" | "identity" | "aws-chunked");
        let codings: Vec<&str> = encoding.split(',').map(str::trim).filter(is_one).collect();
        let packed = match codings[..] {
            // Of a file that is packed, some servers say it and some do not; it is packed once in either case.
            [] => location.is_packed(),
            ["gzip" | "x-gzip"] => true,
            _ => return never("it is compressed in another way than gzip (Content-Encoding)".to_owned()),
        };
        let changed = meta.last_modified.timestamp_millis();
        let version = format!("{}/{}/{changed}", meta.e_tag.as_deref().unwrap_or("-"), meta.size);
        let payload = match found.payload {
            GetResultPayload::File(file, _) => Payload::File(Some((file, vec![0; CHUNK_BYTES]))),
            GetResultPayload::Stream(stream) => Payload::Stream(stream),
        };
        Ok(Self {
            rows: Rows::new(form.clone()),
            payload,
            unpacker: packed.then(Unpacker::new),
            source_path,
            version,
            length,
            taken: 0,
            unpacked: 0,
            over: false,
        })
    }

    /// Tells one version of the source from another.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What was set aside so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.rows.findings()
    }

    /// The next row that has arrived; `None` when [`Self::more`] must be called.
    ///
    /// # Errors
    /// When the document is not a catalogue.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, SourceError> {
        Ok(self.rows.next_row()?)
    }

    /// Takes back a row: in the form in which it is stored it is too long.
    ///
    /// # Errors
    /// Where rows are not set aside, or too many were.
    pub fn refuse_as_too_long(&mut self, row: u64, byte: u64) -> Result<(), SourceError> {
        Ok(self.rows.refuse_as_too_long(row, byte)?)
    }

    /// Waits for more of the document; false when it was whole and is read.
    ///
    /// # Errors
    /// When the connection breaks, or the document is shorter than announced.
    pub async fn more(&mut self) -> Result<bool, SourceError> {
        if self.over {
            return self.check_end().map(|()| false);
        }
        let until = Instant::now() + CHUNK_TIMEOUT;
        let mut gathered = 0;
        // What unpacks to nothing, over and over, must not keep a run from its lease.
        while gathered < CHUNK_BYTES && Instant::now() < until {
            let unpacked = self.unpack()?;
            gathered += unpacked;
            if unpacked > 0 {
                continue;
            }
            let Some(count) = self.take(until, gathered > 0).await? else { break };
            self.taken += count as u64;
            if self.taken > SOURCE_BYTES_MAX {
                return Err(self.failed(&format!("it has more than {SOURCE_BYTES_MAX} bytes"), false));
            }
            if self.unpacker.is_none() {
                gathered += count;
            }
            if count == 0 {
                self.end()?;
                break;
            }
        }
        Ok(true)
    }

    fn failed(&self, reason: &str, transient: bool) -> SourceError {
        unread(&self.source_path, reason, transient)
    }

    /// Takes the next piece; its length, 0 at the end. None when there is something to be read first and no more came in time.
    async fn take(&mut self, until: Instant, gathered: bool) -> Result<Option<usize>, SourceError> {
        let Self { payload, unpacker, rows, source_path, .. } = self;
        let failed = |reason: &str| unread(source_path, reason, true);
        match payload {
            Payload::File(held) => {
                let read = match held.take() {
                    Some((file, buffer)) => timeout_at(until, read_on(file, buffer)).await,
                    None => Ok(Err(io::Error::other("it was not read to its end before"))),
                };
                let read = read.map_err(|_| failed("it stopped coming"))?;
                let (file, buffer, count) = read.map_err(|error| failed(&error.to_string()))?;
                match unpacker {
                    Some(unpacker) => unpacker.push(Bytes::copy_from_slice(&buffer[..count])),
                    None => rows.push(&buffer[..count]),
                }
                *held = Some((file, buffer));
                Ok(Some(count))
            }
            Payload::Stream(stream) => loop {
                match timeout_at(until, stream.next()).await {
                    // Slow, but moving: what came is read first.
                    Err(_) if gathered => return Ok(None),
                    Err(_) => return Err(failed("it stopped coming")),
                    Ok(Some(Ok(piece))) if piece.is_empty() => {}
                    Ok(Some(Ok(piece))) => {
                        let count = piece.len();
                        match unpacker {
                            Some(unpacker) => unpacker.push(piece),
                            None => rows.push(&piece),
                        }
                        return Ok(Some(count));
                    }
                    Ok(Some(Err(error))) => return Err(unreadable(source_path, &error)),
                    Ok(None) => return Ok(Some(0)),
                }
            },
        }
    }

    /// Unpacks a part of what came; how many bytes it came to, 0 where nothing is left.
    fn unpack(&mut self) -> Result<usize, SourceError> {
        let Some(unpacker) = &mut self.unpacker else { return Ok(0) };
        let part = match unpacker.next() {
            Ok(part) => part,
            Err(error) => {
                // With a connection that may have been cut, it may be whole the next time.
                let transient = error == NotPacked::CutOff && self.length == Length::None(NoLength::Connection);
                return Err(unread(&self.source_path, &error.to_string(), transient));
            }
        };
        let count = part.len();
        self.rows.push(part);
        self.unpacked += count as u64;
        if self.unpacked > SOURCE_BYTES_MAX {
            return Err(self.failed(&format!("it has more than {SOURCE_BYTES_MAX} bytes once it is unpacked"), false));
        }
        Ok(count)
    }

    /// Nothing more comes.
    fn end(&mut self) -> Result<(), SourceError> {
        self.over = true;
        if let Length::Bytes(size) = self.length
            && self.taken != size
        {
            return Err(self.failed(&format!("it ended after {} of {size} bytes", self.taken), true));
        }
        if let Some(unpacker) = &mut self.unpacker {
            unpacker.end();
            while self.unpack()? > 0 {}
        }
        self.rows.end();
        Ok(())
    }

    /// All is read. Where neither a length nor the connection proves that it was whole, it must say so itself.
    fn check_end(&self) -> Result<(), SourceError> {
        // Not gzip's checksum: that is one member's, of which a file may have several, and the connection may be cut between two.
        if self.length != Length::None(NoLength::Connection) || self.rows.shows_its_end() {
            return Ok(());
        }
        let reason = "its server says neither how long it is nor where it ends, and lines do not say it themselves";
        Err(self.failed(reason, false))
    }
}

fn unread(source_path: &str, reason: &str, transient: bool) -> SourceError {
    SourceError::Unreadable { source_path: source_path.to_owned(), reason: reason.to_owned(), transient }
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
    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<Refused>()) {
        let source_path = source_path.to_owned();
        return match *refused {
            Refused::Busy(retry_after) => SourceError::Busy { source_path, retry_after },
            Refused::Unreached(Unreached::Redirect) => SourceError::NotAllowed(refused.to_string()),
            Refused::Unreached(Unreached::Address { .. }) => SourceError::NotPublic(refused.to_string()),
            Refused::Status(StatusCode::NOT_FOUND | StatusCode::GONE) => SourceError::NotFound(source_path),
            Refused::Status(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                let reason = format!("{DENIED} (status {})", status.as_u16());
                SourceError::Unreadable { source_path, reason, transient: false }
            }
            Refused::Status(_) | Refused::Unreached(Unreached::Certificate | Unreached::Connection(_)) => {
                let transient = refused.is_transient();
                SourceError::Unreadable { source_path, reason: refused.to_string(), transient }
            }
        };
    }
    let (reason, transient) = match error {
        Store::NotFound { .. } => return SourceError::NotFound(source_path.to_owned()),
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => (DENIED.to_owned(), false),
        Store::InvalidPath { .. } | Store::NotSupported { .. } | Store::NotImplemented { .. } => {
            ("the path cannot be used".to_owned(), false)
        }
        other => what_happened(other),
    };
    // The store's own text quotes what the vendor answered, signed URLs and paths of this machine: it is for the log.
    tracing::warn!(source_path, error = redact::error_text(&error.to_string()), "catalogue could not be read");
    SourceError::Unreadable { source_path: source_path.to_owned(), reason, transient }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// What a store's error comes to, in our words, and whether it may pass.
fn what_happened(error: &object_store::Error) -> (String, bool) {
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
            return (said.to_owned(), true);
        }
    }
    // The type that has the status is private.
    let text = error.to_string();
    let status =
        text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)).and_then(|text| text.parse().ok());
    match status {
        Some(status) => (format!("its host answered {status}"), may_pass(status)),
        None => ("reading failed".to_owned(), true),
    }
}
