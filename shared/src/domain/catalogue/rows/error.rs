//! Why a document is not a catalogue, and why a row is none.

use super::{ID_BYTES_MAX, ROW_BYTES_MAX, ROWS_MAX};
use crate::domain::catalogue::findings::BAD_ROWS_MAX;
use crate::domain::catalogue::shape::Looks;

/// Why a document is not a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The document does not start as a catalogue does.
    #[error("{0}")]
    NotACatalogue(Looks),
    /// A row cannot be read.
    #[error("row {row} (from byte {byte}) {fault}")]
    Row {
        /// Counted from 1.
        row: u64,
        /// Where the row starts, counted from 0.
        byte: u64,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// More rows cannot be read than are set aside.
    #[error("more than {BAD_ROWS_MAX} rows cannot be read; the last of them: row {row} (from byte {byte}) {fault}")]
    TooManyBad {
        /// Counted from 1.
        row: u64,
        /// Where the row starts, counted from 0.
        byte: u64,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// The document ends inside a row, or before the array is closed.
    #[error("the catalogue is cut off after row {row} (byte {byte})")]
    CutOff {
        /// Whole rows before the end.
        row: u64,
        /// The document's length.
        byte: u64,
    },
    /// What is between rows or around them is wrong.
    #[error("after row {row}, at byte {byte}: {what}")]
    Broken {
        /// Rows before it.
        row: u64,
        /// Where.
        byte: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The list is not where it should be.
    #[error("there is no list at \"{field}\", where the vendor's \"items\" says it is: {found} is there")]
    NoList {
        /// The path.
        field: String,
        /// What is there.
        found: &'static str,
    },
    /// The number of rows is not where it should be.
    #[error("there is no whole number at \"{field}\", where the vendor's \"total\" says how many rows there are")]
    NoTotal {
        /// The path.
        field: String,
    },
    /// There are more or fewer rows than the catalogue says.
    #[error("the catalogue says that it has {said} rows, and it has {rows}: it is not whole, or one page of several")]
    OtherTotal {
        /// As many as it says.
        said: u64,
        /// As many as there are.
        rows: u64,
    },
    /// The catalogue has more rows than a run may take.
    #[error("the catalogue has more than {ROWS_MAX} rows")]
    TooMany,
    /// Something follows the end of the list.
    #[error("there is something after the end of the {what}, at byte {byte}")]
    Trailing {
        /// Where it starts.
        byte: u64,
        /// What had ended.
        what: &'static str,
    },
}

/// What is wrong with a row. Nothing of the row is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// It is not JSON.
    #[error("is not valid JSON: {reason}, at byte {at}")]
    Syntax {
        /// What the parser says.
        reason: String,
        /// Where.
        at: u64,
    },
    /// It is not in UTF-8.
    #[error("is not encoded in UTF-8, at byte {at}: in Latin-1 or Windows-1252, perhaps")]
    Encoding {
        /// The first byte that is not.
        at: u64,
    },
    /// It is something else than an object.
    #[error("is not a JSON object")]
    NoObject,
    /// It has no usable id.
    #[error("has no {field}: each row must be an object with a non-empty {kind} \"{field}\"{hint}")]
    NoId {
        /// The field.
        field: String,
        /// What it must be.
        kind: &'static str,
        /// What may have been meant.
        hint: String,
    },
    /// Its id is longer than a record can hold.
    #[error("has an id longer than {ID_BYTES_MAX} bytes")]
    IdTooLong,
    /// It is longer than a record can hold.
    #[error("is longer than {ROW_BYTES_MAX} bytes")]
    TooLong,
}

/// Why a row is none, with the byte.
pub(super) fn what_is_wrong(row: &[u8], byte: u64, error: &serde_json::Error) -> RowFault {
    let offset = offset_of(row, error);
    // A character may go on behind the byte that the parser stopped at.
    let seen = &row[..row.len().min(offset + 4)];
    match std::str::from_utf8(seen) {
        Err(error) if error.valid_up_to() <= offset => RowFault::Encoding { at: byte + error.valid_up_to() as u64 },
        _ => RowFault::Syntax { reason: reason_of(error), at: byte + offset as u64 },
    }
}

/// Where in a text a parser stopped, which counts lines and columns of it.
pub(super) fn offset_of(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len().saturating_sub(1))
}

fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
