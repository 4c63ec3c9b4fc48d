//! Which format the data in a folder has. Stored keys and items change between versions, and nothing converts them: data
//! of another format is left alone, as reading half of it would be worse than reading none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::host::data::{DataError, QUEUES, TABLES, unusable};

/// The format that this version writes: that of the first release. One more with each change that code of the release before
/// cannot live beside (docs/rollout.md); what may be absent and is ignored by who does not know it is none.
pub(crate) const FORMAT: u32 = 1;
/// The mark: a file with the number.
const MARK: &str = "stored-format";

/// What a folder's mark says, where it does not say [`FORMAT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is data and no mark.
    None,
    /// Another number.
    Other(u32),
    /// No number.
    Unreadable,
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(formatter, "was written before the first release (it has no file named {MARK})"),
            Self::Other(number) => write!(formatter, "was written by another version (its format is {number})"),
            Self::Unreadable => write!(formatter, "is of an unknown version (its file named {MARK} holds no number)"),
        }
    }
}

/// Marks a folder without data, and refuses one whose data this version cannot read. To be called while the folder is
/// locked.
pub(crate) fn check(folder: &Path) -> Result<(), DataError> {
    let mark = folder.join(MARK);
    let found = match fs::read_to_string(&mark).map(|text| text.trim().parse()) {
        Ok(Ok(FORMAT)) => return Ok(()),
        Ok(Ok(number)) => Found::Other(number),
        Ok(Err(_)) => Found::Unreadable,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Found::Unreadable,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if ![TABLES, QUEUES].iter().any(|file| folder.join(file).exists()) {
                return write(&mark).map_err(|error| unusable(&mark, error));
            }
            Found::None
        }
        Err(error) => return Err(unusable(&mark, error)),
    };
    Err(DataError::OtherFormat { path: folder.to_owned(), found })
}

/// Written beside and renamed: a crash leaves no mark or a whole one, never an empty file.
fn write(mark: &Path) -> io::Result<()> {
    let beside: PathBuf = mark.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&beside, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::data::{DataFolder, Storage};

    /// Name and content.
    type File = (String, Vec<u8>);

    /// Opens a folder with these files in it; says what is found, and which files there are then.
    fn open(files: &[(&str, &[u8])]) -> (Result<bool, String>, Vec<File>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let opened = DataFolder::open(&Storage::Folder(folder.path().to_owned()));
        let opened = opened.map(|data| data.is_new).map_err(|error| error.to_string());
        let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let left =
            entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()));
        let mut left: Vec<_> = left.collect();
        left.sort();
        (opened, left)
    }

    #[test]
    fn a_new_folder_is_marked_and_a_marked_one_is_read() {
        let mark = ("stored-format".to_owned(), b"1\n".to_vec());
        let (opened, left) = open(&[]);
        assert_eq!((opened, left.contains(&mark)), (Ok(true), true));
        // A host in memory keeps its generated secrets there.
        let (opened, left) = open(&[("secrets.json", b"{}")]);
        assert_eq!((opened, left.contains(&mark)), (Ok(true), true));
        // The host died between the mark and the tables.
        assert_eq!(open(&[("stored-format", b"1\n")]).0, Ok(true));
        assert_eq!(open(&[("stored-format", b"1\n"), ("tables.sqlite", b"t")]).0, Ok(false));
    }

    #[test]
    fn data_of_another_format_is_refused_and_left_as_it_is() {
        let tables: (&str, &[u8]) = ("tables.sqlite", b"t");
        let lock: (&str, &[u8]) = ("host.lock", b"");
        for (files, found) in [
            (vec![lock, tables], "before the first release"),
            (vec![lock, ("queues.sqlite", b"q")], "before the first release"),
            // What came before the first release had numbers of its own, in a file of another name.
            (vec![("format", b"1\n"), lock, tables], "before the first release"),
            (vec![("stored-format", b"0\n"), lock, tables], "its format is 0"),
            (vec![("stored-format", b"2\n"), lock], "its format is 2"),
            (vec![("stored-format", b""), lock, tables], "holds no number"),
            (vec![("stored-format", b"two"), lock, tables], "holds no number"),
            (vec![("stored-format", b"\xff"), lock, tables], "holds no number"),
        ] {
            let (opened, left) = open(&files);
            let refused = opened.unwrap_err();
            assert!(refused.contains(found), "{refused}");
            assert!(refused.contains("move or delete") && refused.contains("--data-dir"), "{refused}");
            let mut before: Vec<_> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
            before.sort();
            assert_eq!(left, before);
        }
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(MARK)).unwrap();
        let refused = check(folder.path()).unwrap_err();
        assert!(matches!(&refused, DataError::Unusable { path, .. } if path.ends_with(MARK)), "{refused}");
    }
}
