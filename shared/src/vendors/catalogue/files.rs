//! Catalogues in a folder.
//!
//! Not object_store's own store of files: that opens whatever lies there, and to open a named pipe is to wait for whoever
//! writes to it, for ever, on a thread that nothing can end. Here opening waits for nobody, and what was opened is looked at,
//! not what the path named a moment before.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Something is there, and it cannot be read to an end, as files can: a folder, a named pipe, a device, a socket.
#[derive(Debug, thiserror::Error)]
#[error("the source is no regular file")]
pub(super) struct NoRegularFile;

/// The regular files below a folder, to read whole.
#[derive(Debug)]
pub(super) struct RegularFiles {
    root: PathBuf,
}

impl RegularFiles {
    pub(super) fn below(root: PathBuf) -> Self {
        Self { root }
    }

    fn absent<T>(&self, operation: &str) -> Result<T> {
        Err(Error::NotImplemented { operation: operation.into(), implementer: self.to_string() })
    }
}

impl fmt::Display for RegularFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("regular files")
    }
}

fn open(path: &std::path::Path) -> io::Result<(File, Metadata)> {
    // Nor does the file become this process's terminal.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other(NoRegularFile)) }
}

fn refused(path: PathBuf, error: io::Error) -> Error {
    let (path, source) = (path.to_string_lossy().into_owned(), Box::new(error));
    // However often it is tried, no file has such a name: a loop of links, a file for a folder, a name that is too long.
    let nameless = [libc::ELOOP, libc::ENOTDIR, libc::ENAMETOOLONG].map(Some).contains(&source.raw_os_error());
    match source.kind() {
        _ if nameless => Error::NotFound { path, source },
        io::ErrorKind::NotFound => Error::NotFound { path, source },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        // A socket cannot even be opened.
        _ if source.raw_os_error() == Some(libc::ENXIO) => {
            Error::Generic { store: "files", source: Box::new(NoRegularFile) }
        }
        _ => Error::Generic { store: "files", source },
    }
}

#[async_trait]
impl ObjectStore for RegularFiles {
    /// The file as a whole: nobody asks for a part of one.
    async fn get_opts(&self, location: &Path, _whole: GetOptions) -> Result<GetResult> {
        let path = self.root.join(location.as_ref());
        let opening = tokio::task::spawn_blocking({
            let path = path.clone();
            move || open(&path)
        });
        let opened = opening.await.map_err(|error| Error::Generic { store: "files", source: Box::new(error) })?;
        let (file, metadata) = opened.map_err(|error| refused(path.clone(), error))?;
        let size = metadata.len();
        let changed =
            DateTime::<Utc>::from_timestamp(metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0));
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: changed.unwrap_or_default(),
            size,
            // A file that was replaced by another of the same size within one tick of the clock has another number.
            e_tag: Some(format!("{:x}-{:x}", metadata.ino(), metadata.mtime_nsec())),
            version: None,
        };
        Ok(GetResult {
            payload: GetResultPayload::File(file, path),
            meta,
            range: 0..size,
            attributes: Attributes::default(),
            extensions: Default::default(),
        })
    }

    async fn put_opts(&self, _location: &Path, _payload: PutPayload, _options: PutOptions) -> Result<PutResult> {
        self.absent("put")
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.absent("put_multipart")
    }

    fn delete_stream(&self, _locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures::stream::iter([self.absent("delete")]))
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Box::pin(futures::stream::iter([self.absent("list")]))
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        self.absent("list")
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        self.absent("copy")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What opening comes to: the size, or the error.
    async fn opened(root: &std::path::Path, name: &str) -> std::result::Result<u64, Error> {
        let store = RegularFiles::below(root.to_owned());
        store.get_opts(&Path::parse(name).unwrap(), GetOptions::new()).await.map(|found| found.meta.size)
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_refused_and_waited_for_by_nobody() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "[]").unwrap();
        std::fs::create_dir(root.path().join("folder")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status().unwrap();
        assert!(made.success());
        let _socket = UnixListener::bind(root.path().join("socket")).unwrap();
        for (link, target) in
            [("null", "/dev/null"), ("linked", "file"), ("linked-pipe", "pipe"), ("nowhere", "gone"), ("loop", "loop")]
        {
            std::os::unix::fs::symlink(target, root.path().join(link)).unwrap();
        }
        assert_eq!(opened(root.path(), "file").await.unwrap(), 2);
        assert_eq!(opened(root.path(), "linked").await.unwrap(), 2);
        for name in ["folder", "pipe", "socket", "null", "linked-pipe"] {
            let error = opened(root.path(), name).await.unwrap_err();
            assert!(super::super::reader::is_no_regular_file(&error), "{name}: {error:?}");
        }
        for name in ["absent", "nowhere", "folder/absent", "loop", "file/x", &"x".repeat(300)] {
            assert!(matches!(opened(root.path(), name).await, Err(Error::NotFound { .. })), "{name}");
        }
    }
}
