//! A store of catalogues on the wire: opening a catalogue and each piece read of it are calls that can be cut.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::{Fault, Verdict, Wire};

/// Pieces that a catalogue arrives in.
const PIECES: usize = 3;

/// A store whose reads pass over a wire.
#[derive(Debug)]
pub struct WiredStore {
    wire: Wire,
    next: Arc<dyn ObjectStore>,
}

impl WiredStore {
    /// Puts a wire before a store.
    #[must_use]
    pub fn new(wire: Wire, next: Arc<dyn ObjectStore>) -> Self {
        Self { wire, next }
    }
}

impl fmt::Display for WiredStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "wired {}", self.next)
    }
}

fn cut() -> object_store::Error {
    object_store::Error::Generic { store: "wired", source: "connection reset, says the plan".into() }
}

/// What the verdict makes of something that was read.
async fn arrived<T>(wire: &Wire, verdict: Verdict, read: Result<T>) -> Result<T> {
    match verdict {
        Verdict::KillAfter => {
            wire.die().await;
            unreachable!("a dead process goes no further");
        }
        // What can only befall a table does not befall a file.
        Verdict::Fail(Fault::Conflict | Fault::Unprocessed) => read,
        Verdict::Fail(_) => Err(cut()),
        Verdict::Pass | Verdict::Hold | Verdict::Announce | Verdict::KillBefore => read,
    }
}

#[async_trait]
impl ObjectStore for WiredStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let verdict = self.wire.ask("Store.get", Vec::new(), None).await;
        let opened = self.next.get_opts(location, options).await;
        let GetResult { payload, meta, range, attributes, extensions } = arrived(&self.wire, verdict, opened).await?;
        // A local file would be read without a call; as a stream it arrives as from S3.
        let pieces = match payload {
            GetResultPayload::File(mut file, _) => {
                let mut whole = Vec::new();
                std::io::Read::read_to_end(&mut file, &mut whole).map_err(|_| cut())?;
                let length = whole.len() / PIECES + 1;
                let pieces: Vec<Result<Bytes>> = whole.chunks(length).map(|piece| Ok(piece.to_vec().into())).collect();
                futures::stream::iter(pieces).boxed()
            }
            GetResultPayload::Stream(stream) => stream,
        };
        let wire = self.wire.clone();
        let pieces = pieces.then(move |piece| {
            let wire = wire.clone();
            async move {
                let verdict = wire.ask("Store.read", Vec::new(), None).await;
                arrived(&wire, verdict, piece).await
            }
        });
        Ok(GetResult { payload: GetResultPayload::Stream(pieces.boxed()), meta, range, attributes, extensions })
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.next.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.next.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.next.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.next.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.next.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.next.copy_opts(from, to, options).await
    }
}
