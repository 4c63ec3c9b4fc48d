//! The data folder: tables, the queues' journal, the root key, secrets, catalogues, the mark of the data's format; the locks that keep a
//! second host out; and whether it is still there and takes a write.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::host::format::{self, FORMAT, Found};
use crate::host::root_key::RootKey;
use crate::host::stored;

/// The tables' file.
pub(crate) const TABLES: &str = "tables.sqlite";
/// The file of the queues' journal.
pub(crate) const QUEUES: &str = "queues.sqlite";
/// The file of the embedded KMS's root key.
pub(crate) const KEYS: &str = "keys.json";
/// The folder of mails that were sent.
const OUTBOX: &str = "outbox";
/// The file that is locked while a host runs.
const LOCK: &str = "host.lock";
/// The catalogue that the project ships.
const DEMO_CATALOGUE: &str = include_str!("../../demo/moscot.catalog.json");
/// Its name below the catalogue root.
const DEMO_FILE: &str = "moscot.catalog.json";

/// What is written to see whether there is room: more than a small file's own block, less than anybody waits for.
const ROOM_BYTES: usize = 64 * 1024;

/// Where a host keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory, and a temporary folder for catalogues; nothing is left behind.
    Ephemeral,
    /// In a folder, which is made if need be.
    Folder(PathBuf),
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another host has it.
    #[error("another host is using the data folder {0}: stop it, or choose another folder with --data-dir")]
    InUse(PathBuf),
    /// What is stored there is not what this version stores.
    #[error(
        "the data folder {path} {found}. This version reads format {FORMAT} alone and converts nothing: move or delete \
         that folder, or choose another with --data-dir"
    )]
    OtherFormat {
        /// The folder.
        path: PathBuf,
        /// What its mark says.
        found: Found,
    },
    /// A file of it is not whole.
    #[error(
        "{file} is damaged: {reason}. It was left as it is: put a copy of it back, or start anew by moving the whole data \
         folder away or choosing another with --data-dir"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be read or written.
    #[error("the data folder {path} is not usable: {source}")]
    Unusable {
        /// The folder, or the file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A data folder that is this host's alone while the value lives; also kill -9 gives it free.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    persistent: bool,
    /// Nothing was stored here before.
    pub(crate) is_new: bool,
    lock: Option<File>,
    _path_lock: Option<UnixListener>,
    _temporary: Option<TempDir>,
}

impl DataFolder {
    pub(crate) fn open(storage: &Storage) -> Result<Self, DataError> {
        match storage {
            Storage::Ephemeral => {
                let temporary = TempDir::with_prefix("signalbox-");
                let temporary = temporary.map_err(|error| unusable(&std::env::temp_dir(), error))?;
                let path = temporary.path().to_owned();
                Ok(Self {
                    path,
                    persistent: false,
                    is_new: true,
                    lock: None,
                    _path_lock: None,
                    _temporary: Some(temporary),
                })
            }
            Storage::Folder(path) => {
                let path = create(path)?;
                let path_lock = lock_path_of(&path)?;
                let lock_path = path.join(LOCK);
                let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock_path);
                let lock = lock.map_err(|error| unusable(&lock_path, error))?;
                // The kernel drops the lock with the process, so there is no stale lock to clear by hand.
                match lock.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => return Err(DataError::InUse(path)),
                    Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, error)),
                }
                // Under the lock: who is told to delete a folder must not do so below a host that runs.
                format::check(&path)?;
                let is_new = !path.join(TABLES).exists();
                let lock = Some(lock);
                Ok(Self { path, persistent: true, is_new, lock, _path_lock: path_lock, _temporary: None })
            }
        }
    }

    /// Makes the files of a new folder, and refuses those of an old one that are not whole. To be called before the engines
    /// open them.
    pub(crate) fn prepare(&self) -> Result<(), DataError> {
        match (self.tables(), self.journal()) {
            (Some(tables), Some(queues)) => stored::prepare(&tables, &queues),
            _ => Ok(()),
        }
    }

    /// What the keys of the embedded KMS come out of. To be called once the files are made.
    pub(crate) fn root_key(&self) -> Result<RootKey, DataError> {
        match self.journal() {
            Some(journal) => RootKey::open(&self.path.join(KEYS), &journal),
            None => RootKey::generate(),
        }
    }

    /// What this host has opened, to look after; `None` when it is all in memory. To be called once the engines have opened
    /// their files.
    pub(crate) fn opened(&self) -> Result<Option<Opened>, DataError> {
        let Some(lock) = &self.lock else { return Ok(None) };
        let failed = |error| unusable(&self.path, error);
        let mut files = vec![(self.path.join(LOCK), identity(&lock.metadata().map_err(failed)?))];
        for file in [TABLES, QUEUES, KEYS] {
            let path = self.path.join(file);
            let found = fs::metadata(&path).map_err(failed)?;
            files.push((path, identity(&found)));
        }
        Ok(Some(Opened { folder: self.path.clone(), files }))
    }

    /// The tables' file; `None` keeps them in memory.
    pub(crate) fn tables(&self) -> Option<PathBuf> {
        self.persistent.then(|| self.path.join(TABLES))
    }

    /// The journal's file; `None` keeps it in memory.
    pub(crate) fn journal(&self) -> Option<PathBuf> {
        self.persistent.then(|| self.path.join(QUEUES))
    }

    /// The folder, to show.
    pub(crate) fn outbox(&self) -> PathBuf {
        self.path.join(OUTBOX)
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.persistent.then_some(self.path.as_path())
    }

    /// A catalogue root with the project's own catalogue in it, as an absolute path. A file that is there already is
    /// left alone: it may have been edited to see a diff.
    pub(crate) fn catalogue_root(&self) -> Result<PathBuf, DataError> {
        let root = create(&self.path.join("catalogs"))?;
        let file = root.join(DEMO_FILE);
        match OpenOptions::new().write(true).create_new(true).open(&file) {
            Ok(mut new) => new.write_all(DEMO_CATALOGUE.as_bytes()).map_err(|error| unusable(&file, error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unusable(&file, error)),
        }
        Ok(root)
    }

    /// Notes that the demo is still to run: a first start that is killed before it ran is made up for by the next.
    pub(crate) fn request_demo(&self) -> Result<(), DataError> {
        let mark = self.demo_mark();
        File::create(&mark).map(drop).map_err(|error| unusable(&mark, error))
    }

    /// The file that says so.
    pub(crate) fn demo_mark(&self) -> PathBuf {
        self.path.join("demo.pending")
    }

    /// The file of the demo's vendors: their ports and their key.
    pub(crate) fn demo_vendors(&self) -> PathBuf {
        self.path.join("demo-vendors.json")
    }
}

/// The files that a host has open, each with what it is besides its name.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    folder: PathBuf,
    files: Vec<(PathBuf, (u64, u64))>,
}

impl Opened {
    /// Whether what is open is what lies there. A file that was removed or put in the place of another can be written to as
    /// before, and all of it is gone with the process.
    ///
    /// # Errors
    /// Which file is not, in a sentence.
    pub(crate) fn is_there(&self) -> Result<(), String> {
        for (path, opened) in &self.files {
            match fs::metadata(path) {
                Ok(found) if identity(&found) == *opened => {}
                Ok(_) => return Err(format!("{} was replaced while the host had it open", path.display())),
                Err(error) => return Err(format!("{} is gone: {error}", path.display())),
            }
        }
        Ok(())
    }

    /// Whether something could be stored now: a file without a name is written and thrown away. The tables would not say:
    /// their log takes some more while its file has room, on a disk that has none.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub(crate) fn takes_writes(&self) -> Result<(), String> {
        self.is_there()?;
        let written = tempfile::tempfile_in(&self.folder).and_then(|mut file| file.write_all(&[b'x'; ROOM_BYTES]));
        written.map_err(|error| format!("nothing can be written below {}: {error}", self.folder.display()))
    }
}

/// What a file is, whatever its name.
fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Locks the folder's path, beside the file in it: a folder that was removed took its lock along, and another host could make
/// it anew beside the one that still writes to the removed one. The kernel frees the name with the process.
#[cfg(target_os = "linux")]
fn lock_path_of(path: &Path) -> Result<Option<UnixListener>, DataError> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;

    use sha2::{Digest as _, Sha256};

    // Hashed, as such a name has room for 107 bytes.
    let hash: String = Sha256::digest(path.as_os_str().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!("signalbox/{hash}"));
    match name.and_then(|name| UnixListener::bind_addr(&name)) {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(DataError::InUse(path.to_owned())),
        // Where there are no such names the file's lock has to do.
        Err(_) => Ok(None),
    }
}

/// There are no names outside of the file system. The host that runs notices within a second that its folder is gone.
#[cfg(not(target_os = "linux"))]
fn lock_path_of(_path: &Path) -> Result<Option<UnixListener>, DataError> {
    Ok(None)
}

/// Makes a folder that only its owner can look into, and returns its absolute path.
pub(crate) fn create(path: &Path) -> Result<PathBuf, DataError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| path.canonicalize()).map_err(|error| unusable(path, error))
}

pub(crate) fn unusable(path: &Path, source: io::Error) -> DataError {
    DataError::Unusable { path: path.to_owned(), source }
}
