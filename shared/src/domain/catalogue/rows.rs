//! Cuts a catalogue's bytes into rows as they arrive: a JSON array of objects, or one object a line (NDJSON).
//!
//! Sans-IO: bytes are pushed in, rows come out; the buffer never holds more than one row and one chunk. A
//! document that ends early is an error, never a shorter catalogue (I4).

use crate::domain::canonical::{Hash, Node, VolatilePath, item_hash};

/// The longest row, in bytes. DynamoDB items end at 400 KB, and a record carries its provenance beside the row.
pub const ROW_BYTES_MAX: usize = 380 * 1024;
/// The longest id, in bytes: it stands in a record twice.
pub const ID_BYTES_MAX: usize = 1024;
/// The most rows of one catalogue.
pub const ROWS_MAX: u64 = 5_000_000;

/// Why a document is not a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The document does not start with `[` or `{`.
    #[error("the catalogue must be a JSON array of objects, or one JSON object a line")]
    NotACatalogue,
    /// A row is not JSON.
    #[error("row {row} (from byte {byte}) is not valid JSON: {reason}")]
    Malformed {
        /// Counted from 1.
        row: u64,
        /// Where the row starts, counted from 0.
        byte: u64,
        /// What the parser says.
        reason: String,
    },
    /// The document ends inside a row, or before the array is closed.
    #[error("the catalogue is cut off after row {row} (byte {byte})")]
    CutOff {
        /// Whole rows before the end.
        row: u64,
        /// The document's length.
        byte: u64,
    },
    /// A row has no usable id.
    #[error("row {row} has no catalogId: each row must be an object with a non-empty string \"catalogId\"")]
    NoId {
        /// Counted from 1.
        row: u64,
    },
    /// An id is longer than a record can hold.
    #[error("row {row} has a catalogId longer than {ID_BYTES_MAX} bytes")]
    IdTooLong {
        /// Counted from 1.
        row: u64,
    },
    /// A row is longer than a record can hold.
    #[error("row {row} is longer than {ROW_BYTES_MAX} bytes")]
    TooLong {
        /// Counted from 1.
        row: u64,
    },
    /// The catalogue has more rows than a run may take.
    #[error("the catalogue has more than {ROWS_MAX} rows")]
    TooMany,
    /// Something follows the end of the array.
    #[error("there is something after the end of the array, at byte {byte}")]
    Trailing {
        /// Where it starts.
        byte: u64,
    },
}

/// One row.
#[derive(Debug)]
pub struct Row<'a> {
    /// Counted from 1.
    pub number: u64,
    /// The parsed item; its `catalogId` was checked.
    pub item: Node<'a>,
}

impl Row<'_> {
    /// The row's id.
    #[must_use]
    pub fn catalog_id(&self) -> &str {
        self.item.catalog_id().unwrap_or_default()
    }

    /// The row's hash; `scratch` is overwritten.
    #[must_use]
    pub fn hash(&mut self, volatile: &[VolatilePath], scratch: &mut Vec<u8>) -> Hash {
        item_hash(&mut self.item, volatile, scratch)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// After `[` or `,`: a row must follow; `first` also allows `]`.
    Element {
        first: bool,
    },
    /// After a row of an array: `,` or `]`.
    Separator,
    Lines,
    End,
}

/// The row reader.
#[derive(Debug)]
pub struct Rows {
    buffer: Vec<u8>,
    position: usize,
    /// Bytes of the document before the buffer.
    dropped: u64,
    rows: u64,
    state: State,
    whole: bool,
}

impl Default for Rows {
    fn default() -> Self {
        Self { buffer: Vec::new(), position: 0, dropped: 0, rows: 0, state: State::Start, whole: false }
    }
}

impl Rows {
    /// Takes the next bytes of the document.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.position);
        self.dropped += self.position as u64;
        self.position = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// Says that the document has no more bytes.
    pub fn end(&mut self) {
        self.whole = true;
    }

    /// How many bytes of the document have been read into rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.dropped + self.position as u64
    }

    /// The next row; `None` when more bytes are needed, or, after [`Rows::end`], when the document is whole and done.
    ///
    /// # Errors
    /// When the document is not a catalogue, or ends before its time.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, RowError> {
        if !self.find_row()? {
            return Ok(None);
        }
        let start = self.position;
        let mut parser = serde_json::Deserializer::from_slice(&self.buffer[start..]).into_iter::<RowNode<'_>>();
        match parser.next() {
            Some(Ok(RowNode(mut item))) => {
                let length = parser.byte_offset();
                item.keep_digits(&self.buffer[start..start + length]);
                self.rows += 1;
                if length > ROW_BYTES_MAX {
                    return Err(RowError::TooLong { row: self.rows });
                }
                if self.rows > ROWS_MAX {
                    return Err(RowError::TooMany);
                }
                match item.catalog_id() {
                    None => return Err(RowError::NoId { row: self.rows }),
                    Some(id) if id.len() > ID_BYTES_MAX => return Err(RowError::IdTooLong { row: self.rows }),
                    Some(_) => {}
                }
                self.position += length;
                if self.state != State::Lines {
                    self.state = State::Separator;
                }
                Ok(Some(Row { number: self.rows, item }))
            }
            Some(Err(error)) if error.is_eof() => {
                if self.whole {
                    return Err(RowError::CutOff { row: self.rows, byte: self.dropped + self.buffer.len() as u64 });
                }
                if self.buffer.len() - start > ROW_BYTES_MAX {
                    return Err(RowError::TooLong { row: self.rows + 1 });
                }
                Ok(None)
            }
            Some(Err(error)) => Err(RowError::Malformed {
                row: self.rows + 1,
                byte: self.dropped + start as u64,
                reason: reason_of(&error),
            }),
            None => Ok(None),
        }
    }

    /// Moves to where the next row starts; false when there is none yet, or none any more.
    fn find_row(&mut self) -> Result<bool, RowError> {
        loop {
            while self.buffer.get(self.position).is_some_and(u8::is_ascii_whitespace) {
                self.position += 1;
            }
            let Some(byte) = self.buffer.get(self.position).copied() else {
                let byte = self.bytes_read();
                return match (self.whole, self.state) {
                    (false, _) | (true, State::End | State::Lines) => Ok(false),
                    (true, State::Start) => Err(RowError::NotACatalogue),
                    (true, _) => Err(RowError::CutOff { row: self.rows, byte }),
                };
            };
            self.state = match (self.state, byte) {
                // A byte order mark is not JSON, but Windows tools write one.
                (State::Start, 0xEF) if self.bytes_read() == 0 && (self.whole || self.buffer.len() >= 3) => {
                    if !self.buffer.starts_with(&[0xEF, 0xBB, 0xBF]) {
                        return Err(RowError::NotACatalogue);
                    }
                    self.position += 3;
                    continue;
                }
                (State::Start, 0xEF) if self.bytes_read() == 0 => return Ok(false),
                (State::Start, b'[') => State::Element { first: true },
                (State::Start | State::Lines, b'{') => {
                    self.state = State::Lines;
                    return Ok(true);
                }
                (State::Start, _) => return Err(RowError::NotACatalogue),
                (State::Element { first: true }, b']') | (State::Separator, b']') => State::End,
                (State::Element { .. } | State::Lines, _) => return Ok(true),
                (State::Separator, b',') => State::Element { first: false },
                (State::Separator, _) => {
                    return Err(RowError::Malformed {
                        row: self.rows,
                        byte: self.bytes_read(),
                        reason: "expected `,` or `]` after a row".into(),
                    });
                }
                (State::End, _) => return Err(RowError::Trailing { byte: self.bytes_read() }),
            };
            self.position += 1;
        }
    }
}

/// The parser's words without its position, which counts from the row's start and would mislead.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// A row must be an object: `serde_json`'s stream would also take a bare number that the next chunk continues.
struct RowNode<'a>(Node<'a>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for RowNode<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            item @ Node::Object(_) => Ok(Self(item)),
            _ => Err(serde::de::Error::custom("a row must be a JSON object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    /// The ids of a document that arrives in chunks of `step` bytes.
    fn ids(document: impl AsRef<[u8]>, step: usize) -> Result<Vec<String>, RowError> {
        let mut rows = Rows::default();
        let mut found = Vec::new();
        for chunk in document.as_ref().chunks(step.max(1)) {
            rows.push(chunk);
            while let Some(row) = rows.next_row()? {
                found.push(row.catalog_id().to_owned());
            }
        }
        rows.end();
        while let Some(row) = rows.next_row()? {
            found.push(row.catalog_id().to_owned());
        }
        assert_eq!(rows.bytes_read(), document.as_ref().len() as u64);
        Ok(found)
    }

    #[track_caller]
    fn check<D: AsRef<[u8]> + Copy>(document: D, expected: Result<&[&str], RowError>) {
        let expected = expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        for step in [1, 2, 3, 7, 4096] {
            assert_eq!(ids(document, step), expected, "in chunks of {step}");
        }
    }

    #[test]
    fn whole_documents() {
        check("[]", Ok(&[]));
        check(" [ ] \n", Ok(&[]));
        check(r#"[{"catalogId":"a"} , {"catalogId":"b","x":[1,{"y":"]"}]}]"#, Ok(&["a", "b"]));
        check("{\"catalogId\":\"a\"}\n\n{\"catalogId\":\"b\"}\r\n", Ok(&["a", "b"]));
        check("{\"catalogId\":\"a\"}", Ok(&["a"]));
        check("\u{FEFF}[{\"catalogId\":\"æ\"}]", Ok(&["æ"]));
    }

    #[test]
    fn documents_that_are_no_whole_catalogue() {
        use RowError::*;
        check("", Err(NotACatalogue));
        check("   ", Err(NotACatalogue));
        check("<html>", Err(NotACatalogue));
        // What begins like a byte order mark, is one in the wrong place, or a second one.
        check([0xEF], Err(NotACatalogue));
        check([0xEF, 0xBB], Err(NotACatalogue));
        check("\u{FF46}", Err(NotACatalogue));
        check(" \u{FEFF}[]", Err(NotACatalogue));
        check("\u{FEFF}\u{FEFF}[]", Err(NotACatalogue));
        check(r#"[{"catalogId":"a"}"#, Err(CutOff { row: 1, byte: 18 }));
        check(r#"[{"catalogId":"a"},"#, Err(CutOff { row: 1, byte: 19 }));
        check(r#"[{"catalogId":"a"},{"cat"#, Err(CutOff { row: 1, byte: 24 }));
        check("{\"catalogId\":\"a\"}\n{\"catalogId\":\"b", Err(CutOff { row: 1, byte: 33 }));
        check(r#"[{"catalogId":"a"}] x"#, Err(Trailing { byte: 20 }));
        check(r#"[{"id":"a"}]"#, Err(NoId { row: 1 }));
        check(
            r#"[{"catalogId":"a"} {"catalogId":"b"}]"#,
            Err(Malformed { row: 1, byte: 19, reason: "expected `,` or `]` after a row".into() }),
        );
        check(
            r#"[{"catalogId":"a"}, {"catalogId" 7}]"#,
            Err(Malformed { row: 2, byte: 20, reason: "expected `:`".into() }),
        );
        check(
            "{\"catalogId\":\"a\"}\n[]",
            Err(Malformed { row: 2, byte: 18, reason: "a row must be a JSON object".into() }),
        );
        check(r#"[12]"#, Err(Malformed { row: 1, byte: 1, reason: "a row must be a JSON object".into() }));
    }

    #[test]
    fn a_row_and_its_id_are_as_long_as_they_may_be_and_no_longer() {
        // In bytes of the filling: the rest of the row has 20 more.
        let padded = |padding: usize| format!(r#"{{"catalogId":"a","":"{}"}}"#, "x".repeat(padding));
        let padding_max = ROW_BYTES_MAX - padded(0).len();
        assert_eq!(ROW_BYTES_MAX, 389_120);
        for step in [65_536, ROW_BYTES_MAX * 2] {
            assert_eq!(ids(format!("[{}]", padded(padding_max)), step), Ok(vec!["a".into()]), "in chunks of {step}");
            let long = format!("[{},{}]", padded(0), padded(padding_max + 1));
            assert_eq!(ids(long, step), Err(RowError::TooLong { row: 2 }), "in chunks of {step}");
        }
        let named = |length: usize| ids(format!(r#"[{{"catalogId":"{}"}}]"#, "x".repeat(length)), 4096);
        assert!(named(ID_BYTES_MAX).is_ok());
        assert_eq!(named(ID_BYTES_MAX + 1), Err(RowError::IdTooLong { row: 1 }));
    }

    #[test]
    fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
        let longest = format!(r#"{{"catalogId":"b"{}"#, " ".repeat(ROW_BYTES_MAX - 16));
        assert_eq!(longest.len(), ROW_BYTES_MAX);
        let mut rows = Rows::default();
        rows.push(format!(r#"[{{"catalogId":"a"}},{longest}"#).as_bytes());
        assert!(rows.next_row().unwrap().is_some());
        assert!(rows.next_row().unwrap().is_none());
        rows.push(b" ");
        assert_eq!(rows.next_row().map(drop), Err(RowError::TooLong { row: 2 }));
    }

    #[test]
    fn a_catalogue_has_as_many_rows_as_it_may_and_no_more() {
        let mut rows = Rows { rows: ROWS_MAX - 1, ..Rows::default() };
        rows.push(br#"{"catalogId":"a"} {"catalogId":"b"}"#);
        assert_eq!(rows.next_row().unwrap().map(|row| row.number), Some(ROWS_MAX));
        assert_eq!(rows.next_row().map(drop), Err(RowError::TooMany));
    }

    #[test]
    fn a_row_has_its_items_hash() {
        let mut rows = Rows::default();
        rows.push(br#"{"t":1,"catalogId":"a"}"#);
        let hash = rows.next_row().unwrap().unwrap().hash(&[VolatilePath::parse("t").unwrap()], &mut Vec::new());
        assert_eq!(hash, *Sha256::digest(r#"{"catalogId":"a"}"#));
    }

    proptest! {
        #[test]
        fn cutting_a_document_short_never_yields_a_shorter_catalogue(count in 1usize..6, cut in 0usize..200, step in 1usize..50) {
            let rows: Vec<String> = (0..count).map(|n| format!(r#"{{"catalogId":"id-{n}","t":"a,]}}"}}"#)).collect();
            let document = format!("[{}]", rows.join(","));
            let cut = cut.min(document.len() - 1);
            prop_assert!(ids(&document[..cut], step).is_err());
            prop_assert_eq!(ids(&document, step).unwrap().len(), count);
        }
    }
}
