//! The data folder: tables, the queues' journal, secrets, catalogues, the mark of the data's format; and the lock that keeps
//! a second host out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::host::format::{self, FORMAT, Found};

/// The tables' file.
pub(crate) const TABLES: &str = "tables.sqlite";
/// The file of the queues' journal.
pub(crate) const QUEUES: &str = "queues.sqlite";
/// The catalogue that the project ships.
const DEMO_CATALOGUE: &str = include_str!("../../demo/moscot.catalog.json");
/// Its name below the catalogue root.
const DEMO_FILE: &str = "moscot.catalog.json";

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
    _lock: Option<File>,
    _temporary: Option<TempDir>,
}

impl DataFolder {
    pub(crate) fn open(storage: &Storage) -> Result<Self, DataError> {
        match storage {
            Storage::Ephemeral => {
                let temporary = TempDir::with_prefix("signalbox-");
                let temporary = temporary.map_err(|error| unusable(&std::env::temp_dir(), error))?;
                let path = temporary.path().to_owned();
                Ok(Self { path, persistent: false, is_new: true, _lock: None, _temporary: Some(temporary) })
            }
            Storage::Folder(path) => {
                let path = create(path)?;
                let lock_path = path.join("host.lock");
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
                Ok(Self { path, persistent: true, is_new, _lock: Some(lock), _temporary: None })
            }
        }
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
}

/// Makes a folder that only its owner can look into, and returns its absolute path.
pub(crate) fn create(path: &Path) -> Result<PathBuf, DataError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| path.canonicalize()).map_err(|error| unusable(path, error))
}

pub(crate) fn unusable(path: &Path, source: io::Error) -> DataError {
    DataError::Unusable { path: path.to_owned(), source }
}
