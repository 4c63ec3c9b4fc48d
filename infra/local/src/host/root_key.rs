//! The root of the embedded KMS's keys: 32 bytes in a file of the data folder, or in memory where nothing is kept.
//!
//! Without it no secret that is stored opens any more. So the journal of the queues, which no host starts without, notes which
//! one the data belongs to: a file that is gone, damaged or of another folder is refused, and never made anew.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::host::data::{DataError, unusable};
use crate::host::settings;

const BYTES: usize = 32;

/// The root key. Nothing prints it.
pub(crate) struct RootKey([u8; BYTES]);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    root: String,
}

impl RootKey {
    pub(crate) fn generate() -> Result<Self, DataError> {
        let mut bytes = [0; BYTES];
        settings::random(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The folder's root key; made where the folder never had one. The journal's file must be there.
    ///
    /// # Errors
    /// When the file is gone, damaged, or another than the data belongs to.
    pub(crate) fn open(file: &Path, queues: &Path) -> Result<Self, DataError> {
        let (known, found) = (known(queues)?, read(file)?);
        let root = match (known, found) {
            (Some(_), None) => {
                return Err(damaged(file, "it is missing, and the secrets that are stored were encrypted with it"));
            }
            (Some(known), Some(found)) if known != found.mark() => {
                return Err(damaged(file, "it is another one than the secrets that are stored were encrypted with"));
            }
            (Some(_), Some(found)) => return Ok(found),
            // The host died before it noted the file.
            (None, Some(found)) => found,
            (None, None) => {
                let made = Self::generate()?;
                made.write(file).map_err(|error| unusable(file, error))?;
                made
            }
        };
        // After the file: a note without one would be taken for a loss.
        let noted =
            Connection::open(queues).and_then(|journal| journal.pragma_update(None, "user_version", root.mark()));
        noted.map_err(|error| unusable(queues, io::Error::other(error)))?;
        Ok(root)
    }

    /// What the journal knows the key by: never zero, which stands for none.
    fn mark(&self) -> i32 {
        let hash = Sha256::digest(self.0);
        i32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) | 1
    }

    /// Written beside and renamed: a crash leaves no file or a whole one.
    fn write(&self, path: &Path) -> io::Result<()> {
        let beside: PathBuf = path.with_extension("json.new");
        let root = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        serde_json::to_writer(&mut file, &File { root })?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

fn known(queues: &Path) -> Result<Option<i32>, DataError> {
    let mark = Connection::open(queues)
        .and_then(|journal| journal.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0)));
    mark.map(|mark| (mark != 0).then_some(mark)).map_err(|error| damaged(queues, error.to_string()))
}

fn read(file: &Path) -> Result<Option<RootKey>, DataError> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(file, error)),
    };
    let bytes = serde_json::from_slice(&text).ok().and_then(|File { root }| from_hex(&root));
    bytes.map(|bytes| Some(RootKey(bytes))).ok_or_else(|| damaged(file, "it holds no key"))
}

fn from_hex(text: &str) -> Option<[u8; BYTES]> {
    let bytes = text.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    let bytes: Option<Vec<u8>> = bytes.chunks_exact(2).map(pair).collect();
    bytes.filter(|_| text.len() == 2 * BYTES)?.try_into().ok()
}

fn damaged(file: &Path, reason: impl Into<String>) -> DataError {
    DataError::Damaged { file: file.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder with a journal in use, and the path of a key's file.
    fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let queues = folder.path().join("queues.sqlite");
        Connection::open(&queues).unwrap().execute_batch("CREATE TABLE t (v)").unwrap();
        let file = folder.path().join("keys.json");
        (folder, file, queues)
    }

    #[test]
    fn a_root_key_is_made_once_for_the_owners_eyes_and_kept() {
        let (_folder, file, queues) = folder();
        let first = RootKey::open(&file, &queues).unwrap();
        assert_eq!(RootKey::open(&file, &queues).unwrap().0, first.0);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // The host died between the file and the note.
        let (_folder, other, queues) = folder_without_note(&file);
        assert_eq!(RootKey::open(&other, &queues).unwrap().0, first.0);
        fs::remove_file(&other).unwrap();
        assert!(RootKey::open(&other, &queues).is_err(), "it is noted now");
    }

    fn folder_without_note(file: &Path) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let (folder, other, queues) = folder();
        fs::copy(file, &other).unwrap();
        (folder, other, queues)
    }

    #[test]
    fn a_root_key_that_is_gone_damaged_or_anothers_is_refused_and_left_as_it_is() {
        let (_another, anothers, queues) = folder();
        RootKey::open(&anothers, &queues).unwrap();
        let anothers = fs::read(anothers).unwrap();
        let zeros = format!("{{\"root\":\"{}\"}}", "0".repeat(64));
        for (content, reason) in [
            (None, "it is missing"),
            (Some(&b""[..]), "it holds no key"),
            (Some(b"{\"root\":\"00\"}"), "it holds no key"),
            (Some("{\"root\":\"é\"}".as_bytes()), "it holds no key"),
            (Some(zeros.as_bytes()), "another one"),
            (Some(&anothers), "another one"),
        ] {
            let (_folder, file, queues) = folder();
            RootKey::open(&file, &queues).unwrap();
            match content {
                Some(content) => fs::write(&file, content).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let refused = RootKey::open(&file, &queues).err().unwrap().to_string();
            assert!(refused.contains(reason) && refused.contains("put a copy of it back"), "{refused}");
            assert_eq!(fs::read(&file).ok().as_deref(), content, "it was changed");
        }
    }
}
