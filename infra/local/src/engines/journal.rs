//! The journal of the queues. The embedded queue engine keeps messages in memory; here they are on disk, before the
//! sender hears that they were accepted and until the receiver deletes them.
//!
//! The journal holds the message and the engine holds its id alone: who may see which message when is the engine's,
//! what a message says, how often it was received and on which queue it is, is the journal's. So nothing is kept
//! twice, ids and receive counts survive a restart, and what the engine would drop (group ids of standard queues,
//! trace headers) is kept. Writing the engine's own messages into a log was tried on paper first: its ids are made
//! inside, after which a crash leaves a message without an entry, or an entry without a message.
//!
//! kill -9 loses nothing that was committed: the write-ahead log is in the kernel's hands by then. A power failure may
//! lose what the kernel had not written yet, as `synchronous=NORMAL` says and as it may of the tables (`dynamodb.rs`); on
//! a laptop that is a fair price for a send without an fsync.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A message as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The message's id, which is also its body inside the engine.
    pub id: String,
    /// The queue it is on.
    pub queue: String,
    /// Its body.
    pub body: String,
    /// Message attributes, as JSON.
    pub attributes: String,
    /// System attributes that the sender gave, as JSON.
    pub system_attributes: String,
    /// The sender's group, for fair queues.
    pub group: Option<String>,
    /// When it was sent.
    pub sent_ms: i64,
    /// Before this it is not to be seen.
    pub visible_ms: i64,
    /// When it was first received.
    pub first_received_ms: Option<i64>,
    /// How often it was received.
    pub receives: u32,
    /// The queue that gave it up, if one did.
    pub source: Option<String>,
}

/// Messages on disk.
pub struct Journal(Mutex<Connection>);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
        system_attributes TEXT NOT NULL, group_id TEXT, sent_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL,
        first_received_ms INTEGER, receives INTEGER NOT NULL DEFAULT 0, source TEXT
    );
    CREATE INDEX IF NOT EXISTS by_queue ON messages (queue, sent_ms);
";

const COLUMNS: &str = "id, queue, body, attributes, system_attributes, group_id, sent_ms, visible_ms, \
                       first_received_ms, receives, source";

impl Journal {
    /// Opens the journal at `path`, or one in memory for a host that leaves nothing behind.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a journal.
    pub fn open(path: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        // Must come before the first table: freed pages go back to the file system, so a burst does not stay on disk.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Keeps messages, all or none.
    ///
    /// # Errors
    /// When they could not be written: the sender must not be told that they were accepted.
    pub fn keep(&self, entries: &[Entry]) -> rusqlite::Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let sql = format!("INSERT INTO messages ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
            let mut insert = transaction.prepare_cached(&sql)?;
            for entry in entries {
                insert.execute(params![
                    entry.id,
                    entry.queue,
                    entry.body,
                    entry.attributes,
                    entry.system_attributes,
                    entry.group,
                    entry.sent_ms,
                    entry.visible_ms,
                    entry.first_received_ms,
                    entry.receives,
                    entry.source,
                ])?;
            }
        }
        transaction.commit()
    }

    /// Counts a receive and returns the message as it then is; `None` when it was deleted meanwhile.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub fn receive(&self, id: &str, now_ms: i64) -> rusqlite::Result<Option<Entry>> {
        let sql = format!(
            "UPDATE messages SET receives = receives + 1, first_received_ms = coalesce(first_received_ms, ?2)
             WHERE id = ?1 RETURNING {COLUMNS}"
        );
        self.connection().prepare_cached(&sql)?.query_row(params![id, now_ms], read).optional()
    }

    /// Moves a message to another queue, where it has never been received. `source` is the queue that gives it up;
    /// `None` for one that goes back.
    ///
    /// # Errors
    /// When the journal cannot be written; the message then stays where it is.
    pub fn move_to(&self, id: &str, queue: &str, source: Option<&str>) -> rusqlite::Result<()> {
        // As in SQS: the age goes on, so that retention counts from the first queue.
        let sql = "UPDATE messages SET queue = ?2, source = ?3, receives = 0, first_received_ms = NULL WHERE id = ?1";
        self.connection().prepare_cached(sql)?.execute(params![id, queue, source]).map(drop)
    }

    /// Forgets a message, if nobody has received it since its `receives`th time.
    ///
    /// # Errors
    /// When the journal cannot be written; the message will then be delivered again.
    pub fn delete(&self, id: &str, receives: u32) -> rusqlite::Result<bool> {
        let sql = "DELETE FROM messages WHERE id = ?1 AND receives = ?2";
        Ok(self.connection().prepare_cached(sql)?.execute(params![id, receives])? > 0)
    }

    /// Forgets a message that was never accepted.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn retract(&self, id: &str) -> rusqlite::Result<()> {
        self.connection().execute("DELETE FROM messages WHERE id = ?1", [id]).map(drop)
    }

    /// Forgets every message of a queue.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn purge(&self, queue: &str) -> rusqlite::Result<usize> {
        self.connection().execute("DELETE FROM messages WHERE queue = ?1", [queue])
    }

    /// Forgets a queue's messages that were sent before `cutoff_ms`, and gives their pages back to the file system.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn expire(&self, queue: &str, cutoff_ms: i64) -> rusqlite::Result<usize> {
        let connection = self.connection();
        let expired =
            connection.execute("DELETE FROM messages WHERE queue = ?1 AND sent_ms < ?2", params![queue, cutoff_ms])?;
        connection.execute_batch("PRAGMA incremental_vacuum(256)")?;
        Ok(expired)
    }

    /// Ids of a queue's messages with the time before which each is hidden, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn waiting(&self, queue: &str) -> rusqlite::Result<Vec<(String, i64)>> {
        let connection = self.connection();
        let mut rows = connection.prepare("SELECT id, visible_ms FROM messages WHERE queue = ?1 ORDER BY rowid")?;
        rows.query_map([queue], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// Queues that have messages.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn queues(&self) -> rusqlite::Result<Vec<String>> {
        let connection = self.connection();
        let mut rows = connection.prepare("SELECT DISTINCT queue FROM messages")?;
        rows.query_map([], |row| row.get(0))?.collect()
    }

    // Taken for one statement at a time, tens of microseconds: cheaper than a hop to another thread.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        queue: row.get(1)?,
        body: row.get(2)?,
        attributes: row.get(3)?,
        system_attributes: row.get(4)?,
        group: row.get(5)?,
        sent_ms: row.get(6)?,
        visible_ms: row.get(7)?,
        first_received_ms: row.get(8)?,
        receives: row.get(9)?,
        source: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            id: id.into(),
            queue: "jobs".into(),
            body: "{}".into(),
            attributes: "{}".into(),
            system_attributes: "{}".into(),
            group: Some("tenant".into()),
            sent_ms: 1,
            visible_ms: 2,
            first_received_ms: None,
            receives: 0,
            source: None,
        }
    }

    #[test]
    fn a_delete_with_an_old_receipt_does_nothing() {
        let journal = Journal::open(None).unwrap();
        journal.keep(&[entry("a")]).unwrap();
        assert_eq!(journal.receive("a", 5).unwrap().unwrap().receives, 1);
        let second = journal.receive("a", 6).unwrap().unwrap();
        assert_eq!((second.receives, second.first_received_ms), (2, Some(5)));
        assert!(!journal.delete("a", 1).unwrap(), "someone else has it by now");
        assert!(journal.delete("a", 2).unwrap());
        assert_eq!(journal.receive("a", 7).unwrap(), None);
    }

    #[test]
    fn messages_outlive_the_process_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queues.sqlite");
        let journal = Journal::open(Some(&path)).unwrap();
        journal.keep(&[entry("b"), entry("a")]).unwrap();
        journal.keep(&[entry("c")]).unwrap();
        journal.retract("c").unwrap();
        drop(journal);
        let journal = Journal::open(Some(&path)).unwrap();
        assert_eq!(journal.waiting("jobs").unwrap(), [("b".to_owned(), 2), ("a".to_owned(), 2)]);
        assert_eq!(journal.receive("b", 9).unwrap().unwrap().group.as_deref(), Some("tenant"));
    }

    #[test]
    fn a_message_that_is_given_up_is_counted_anew() {
        let journal = Journal::open(None).unwrap();
        journal.keep(&[entry("a")]).unwrap();
        journal.receive("a", 5).unwrap();
        journal.move_to("a", "dead", Some("jobs")).unwrap();
        let dead = journal.receive("a", 6).unwrap().unwrap();
        assert_eq!((dead.queue.as_str(), dead.receives, dead.source.as_deref()), ("dead", 1, Some("jobs")));
        assert_eq!(journal.expire("dead", 1).unwrap(), 0);
        assert_eq!(journal.expire("dead", 2).unwrap(), 1);
    }
}
