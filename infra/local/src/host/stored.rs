//! The two files that hold all data, before the engines open them.
//!
//! SQLite takes a file without bytes, or none, for a database to be, and would start empty where data was. So a file comes to
//! be under its name only once it is a database: made beside and renamed. From then on one that is empty, cut or gone was
//! damaged by somebody, and is left as it is found.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::host::data::{DataError, unusable};

/// Marks a database as Signalbox's, to `file` and its like: "SIGN". Written first, it is also what makes the file a database.
const APPLICATION_ID: i32 = 0x5349_474E;

/// How long to wait for whoever still has a file open.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Makes the files that are missing in a new folder, and looks whether those of an old one are whole.
///
/// The queues come first: a crash between the two leaves a journal that nobody has written to, which is told from one whose
/// tables are gone.
///
/// # Errors
/// When a file is damaged or gone, or cannot be made.
pub(crate) fn prepare(tables: &Path, queues: &Path) -> Result<(), DataError> {
    for file in [queues, tables] {
        if file.exists() {
            whole(file)?;
        }
    }
    for (file, other) in [(queues, tables), (tables, queues)] {
        if !file.exists() {
            if other.exists() && !is_blank(other)? {
                return Err(damaged(file, format!("it is missing, and {} beside it is in use", name(other))));
            }
            make(file)?;
        }
    }
    Ok(())
}

/// Copies a file's log into it, so that the file alone is whole: for a host that was stopped. One that cannot be settled is
/// as good with its log.
pub(crate) fn settle(file: &Path) {
    // None is made in place of one that is gone.
    let settled = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        connection.busy_timeout(SETTLE_MAX)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    });
    if let Err(error) = settled {
        tracing::warn!(file = name(file), %error, "the log stays beside its file");
    }
}

fn whole(file: &Path) -> Result<(), DataError> {
    let length = |path: &Path| fs::metadata(path).map(|found| found.len()).unwrap_or(0);
    if length(file) == 0 {
        return Err(damaged(file, "it is empty".into()));
    }
    // A host that was stopped leaves none.
    let was_killed = length(&beside(file, "-wal")) > 0;
    let sound = || {
        let connection = Connection::open(file)?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
        if !was_killed {
            // To open it was enough: the first page says how many pages there are.
            return Ok("ok".to_owned());
        }
        // What the log holds covers what the file lacks of it, until pages are looked at one by one.
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    match sound() {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(damaged(file, answer)),
        Err(error) => Err(damaged(file, error.to_string())),
    }
}

/// Whether nothing was ever stored in it.
fn is_blank(file: &Path) -> Result<bool, DataError> {
    let count = Connection::open(file).and_then(|connection| {
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
    });
    count.map(|count| count == 0).map_err(|error| damaged(file, error.to_string()))
}

fn make(file: &Path) -> Result<(), DataError> {
    let unfinished = beside(file, ".new");
    let failed = |error: io::Error| unusable(file, error);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let made = Connection::open(&unfinished).and_then(|connection| {
        // Cannot be chosen any more once there is a page; the journal gives freed ones back.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.close().map_err(|(_, error)| error)
    });
    made.map_err(|error| failed(io::Error::other(error)))?;
    // It holds what all tenants sent; what SQLite puts beside it takes its mode.
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&unfinished, file).map_err(failed)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn damaged(file: &Path, reason: String) -> DataError {
    DataError::Damaged { file: file.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with both files, and a row in each: more than one page.
    fn used() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (tables, queues) = (folder.path().join("tables.sqlite"), folder.path().join("queues.sqlite"));
        prepare(&tables, &queues).unwrap();
        for file in [&tables, &queues] {
            let connection = Connection::open(file).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection.execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES (zeroblob(100000));").unwrap();
        }
        (folder, tables, queues)
    }

    #[track_caller]
    fn check(found: Result<(), DataError>, expected: Option<(&Path, &str)>) {
        match (found, expected) {
            (Ok(()), None) => {}
            (Err(DataError::Damaged { file, reason }), Some((expected, part))) => {
                assert!(file == expected && reason.contains(part), "{file:?}: {reason}");
            }
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn whole_files_are_taken_and_missing_ones_made() {
        let (_folder, tables, queues) = used();
        check(prepare(&tables, &queues), None);
        // The host died between the two.
        let folder = tempfile::tempdir().unwrap();
        let (tables, queues) = (folder.path().join("tables.sqlite"), folder.path().join("queues.sqlite"));
        make(&queues).unwrap();
        fs::write(folder.path().join("tables.sqlite.new"), "half").unwrap();
        check(prepare(&tables, &queues), None);
        assert!(is_blank(&tables).unwrap() && is_blank(&queues).unwrap());
    }

    #[test]
    fn a_file_that_is_cut_or_gone_is_refused_and_left_as_it_is() {
        for which in [0, 1] {
            let cut = |length: Option<u64>| {
                let (folder, tables, queues) = used();
                let file = [&tables, &queues][which].clone();
                match length {
                    Some(length) => fs::File::options().write(true).open(&file).unwrap().set_len(length).unwrap(),
                    None => fs::remove_file(&file).unwrap(),
                }
                let found = prepare(&tables, &queues);
                assert_eq!(fs::metadata(&file).ok().map(|found| found.len()), length, "it was changed");
                drop(folder);
                (found, file)
            };
            for (length, part) in [
                (Some(0), "it is empty"),
                (Some(10), "not a database"),
                (Some(4096), "malformed"),
                (Some(50_000), "malformed"),
                (None, "it is missing"),
            ] {
                let (found, file) = cut(length);
                check(found, Some((&file, part)));
            }
        }
    }

    #[test]
    fn what_the_log_of_a_killed_host_would_hide_is_found() {
        let (folder, tables, queues) = used();
        // Both files are copied while they are open, as a kill leaves them.
        let connection = Connection::open(&tables).unwrap();
        connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let killed = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), killed.path().join(entry.file_name())).unwrap();
        }
        drop((connection, queues));
        let (tables, queues) = (killed.path().join("tables.sqlite"), killed.path().join("queues.sqlite"));
        let log = killed.path().join("tables.sqlite-wal");
        assert!(fs::metadata(&log).unwrap().len() > 0);
        fs::File::options().write(true).open(&tables).unwrap().set_len(50_000).unwrap();
        let found = prepare(&tables, &queues);
        assert!(matches!(&found, Err(DataError::Damaged { file, .. }) if *file == tables), "{found:?}");
    }

    #[test]
    fn a_file_that_was_settled_is_whole_without_its_log() {
        let (folder, tables, _) = used();
        let open = Connection::open(&tables).unwrap();
        open.execute_batch("INSERT INTO t VALUES (1);").unwrap();
        settle(&tables);
        let copy = folder.path().join("copy.sqlite");
        fs::copy(&tables, &copy).unwrap();
        let count =
            Connection::open(&copy).unwrap().query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(count, Ok(2));
        let absent = folder.path().join("absent.sqlite");
        settle(&absent);
        assert!(!absent.exists());
    }
}
