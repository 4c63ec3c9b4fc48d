//! Cuts a catalogue's bytes into rows as they arrive: a JSON array of objects, one object a line (NDJSON), or an array in an
//! object around it.
//!
//! Sans-IO: bytes are pushed in, rows come out; the buffer never holds more than one row and one chunk. A
//! document that ends early is an error, never a shorter catalogue (I4).

mod around;
mod error;
mod skipped;

use crate::domain::canonical::{Hash, Node, VolatilePath, item_hash};
use crate::domain::catalogue::findings::{BAD_ROWS_KEPT_MAX, BAD_ROWS_MAX, BadRow, Findings};
use crate::domain::catalogue::form::{BadRows, Form, Id, text_at};
use crate::domain::catalogue::shape::LOOKED_AT;
use around::{Member, whole_number};
use error::{offset_of, what_is_wrong};
use skipped::Brackets;

pub use crate::domain::catalogue::shape::Looks;
pub use error::{RowError, RowFault};

/// The longest row, in bytes. DynamoDB items end at 400 KB, and a record carries its provenance beside the row. What stands
/// around a list is bounded by the same, each member by itself.
pub const ROW_BYTES_MAX: usize = 380 * 1024;
/// The longest id, in bytes: it stands in a record twice.
pub const ID_BYTES_MAX: usize = 1024;
/// The most rows of one catalogue.
pub const ROWS_MAX: u64 = 5_000_000;
/// How much longer a row may be in canonical form than in the source: 1e20 has 21 digits.
const GROWTH_MAX: usize = 6;
/// The longest character, in bytes.
const CHARACTER_BYTES_MAX: usize = 4;
/// The longest name of a field that is told, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// One row.
#[derive(Debug)]
pub struct Row<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Where it starts.
    pub byte: u64,
    /// The parsed item; its id was checked.
    pub item: Node<'a>,
    /// How long it is in the source, in bytes.
    length: usize,
    form: &'a Form,
    id: Id<'a>,
}

impl Row<'_> {
    /// The row's id.
    #[must_use]
    pub fn catalog_id(&self) -> &str {
        match self.id {
            Id::Digits(digits) => digits,
            Id::Text => self.form.text_id(&self.item),
        }
    }

    /// The row's hash; `scratch` is overwritten.
    #[must_use]
    pub fn hash(&mut self, volatile: &[VolatilePath], scratch: &mut Vec<u8>) -> Hash {
        item_hash(&mut self.item, volatile, scratch)
    }

    /// The text that is stored of it, into `text`; false when that is too long.
    pub fn write_stored(&mut self, text: &mut Vec<u8>) -> bool {
        text.clear();
        self.item.write_canonical(&[], text);
        text.len() <= ROW_BYTES_MAX
    }

    /// Whether what is stored of it is too long, volatile fields included; `scratch` is overwritten.
    #[must_use]
    pub fn is_too_long(&mut self, scratch: &mut Vec<u8>) -> bool {
        self.length > ROW_BYTES_MAX / GROWTH_MAX && !self.write_stored(scratch)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// In an object around the list: a name must follow; `first` also allows `}`.
    Name {
        first: bool,
    },
    /// After a name of it.
    Colon(Member),
    /// After the colon.
    Value(Member),
    /// After a member of it: `,` or `}`.
    AfterMember,
    /// After `[` or `,`: a row must follow; `first` also allows `]`.
    Element {
        first: bool,
    },
    /// After a row of an array: `,` or `]`.
    Separator,
    Lines,
    /// In a line that is set aside; with the last byte of it that is no space.
    SkipLine(Brackets, u8),
    /// In a row of an array that is set aside. Its end is found by its brackets.
    SkipValue(Brackets),
    End,
}

/// The row reader.
#[derive(Debug, Default)]
pub struct Rows {
    buffer: Vec<u8>,
    form: Form,
    cutter: Cutter,
}

/// Where the reader is. Apart from the buffer, which rows that were handed out borrow from.
#[derive(Debug)]
struct Cutter {
    position: usize,
    /// Bytes of the document before the buffer.
    dropped: u64,
    rows: u64,
    state: State,
    /// Objects around the list that are open.
    depth: usize,
    list_found: bool,
    whole: bool,
    /// The number of rows that the document says it has.
    total: Option<u64>,
    bad: u64,
    bad_kept: Vec<BadRow>,
}

impl Default for Cutter {
    fn default() -> Self {
        Self {
            position: 0,
            dropped: 0,
            rows: 0,
            state: State::Start,
            depth: 0,
            list_found: false,
            whole: false,
            total: None,
            bad: 0,
            bad_kept: Vec::new(),
        }
    }
}

/// What reading at a row's start came to.
enum Read<'a> {
    Row(Row<'a>),
    /// More bytes are needed.
    More,
    /// It is a row that cannot be read, and its length where it is JSON.
    Bad(RowFault, Option<usize>),
    /// It was no row to hand out; look on.
    Again,
}

impl Rows {
    /// A reader of a catalogue that is written in a form.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// Takes the next bytes of the document.
    pub fn push(&mut self, chunk: &[u8]) {
        let position = std::mem::take(&mut self.cutter.position);
        self.buffer.drain(..position);
        self.cutter.dropped += position as u64;
        self.buffer.extend_from_slice(chunk);
    }

    /// Says that the document has no more bytes.
    pub fn end(&mut self) {
        self.cutter.whole = true;
    }

    /// How many bytes of the document have been read into rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.cutter.bytes_read()
    }

    /// Whether the document says by itself where it ends: of lines, the last that came may always be the last.
    #[must_use]
    pub fn shows_its_end(&self) -> bool {
        self.cutter.state == State::End
    }

    /// What was set aside so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let cutter = &self.cutter;
        Findings { bad_rows: cutter.bad, bad_rows_kept: cutter.bad_kept.clone(), ..Findings::default() }
    }

    /// Takes back a row that was handed out: in the form in which it is stored it is too long.
    ///
    /// # Errors
    /// Where rows are not set aside, or too many were.
    pub fn refuse_as_too_long(&mut self, row: u64, byte: u64) -> Result<(), RowError> {
        self.cutter.set_aside(&self.form, row, byte, RowFault::TooLong)
    }

    /// The next row; `None` when more bytes are needed, or, after [`Rows::end`], when the document is whole and done.
    ///
    /// # Errors
    /// When the document is not a catalogue, or ends before its time.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, RowError> {
        let Self { buffer, form, cutter } = self;
        let (buffer, form) = (buffer.as_slice(), &*form);
        loop {
            if !cutter.find_row(buffer, form)? {
                return Ok(None);
            }
            match cutter.read_row(buffer, form)? {
                Read::Row(row) => return Ok(Some(row)),
                Read::More => return Ok(None),
                Read::Bad(..) | Read::Again => {}
            }
        }
    }
}

impl Cutter {
    fn bytes_read(&self) -> u64 {
        self.dropped + self.position as u64
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, RowError> {
        Err(RowError::Broken { row: self.rows, byte: self.bytes_read(), what })
    }

    fn cut_off<T>(&self, buffer: &[u8]) -> Result<T, RowError> {
        Err(RowError::CutOff { row: self.rows, byte: self.dropped + buffer.len() as u64 })
    }

    fn read_row<'a>(&mut self, buffer: &'a [u8], form: &'a Form) -> Result<Read<'a>, RowError> {
        let (number, byte) = (self.rows + 1, self.bytes_read());
        // Not parsed: of a number nobody knows whether the next chunk goes on with it.
        let read = match buffer[self.position] {
            b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Read::Bad(RowFault::NoObject, None),
            _ => self.parse_row(buffer, form)?,
        };
        let Read::Bad(fault, length) = read else { return Ok(read) };
        self.set_aside(form, number, byte, fault)?;
        self.count_row()?;
        self.position += length.unwrap_or_default();
        self.state = match (self.state, length) {
            (State::Lines, Some(_)) => State::Lines,
            (State::Lines, None) => State::SkipLine(Brackets::default(), b'\n'),
            (_, Some(_)) => State::Separator,
            (_, None) => State::SkipValue(Brackets::default()),
        };
        Ok(Read::Again)
    }

    fn parse_row<'a>(&mut self, buffer: &'a [u8], form: &'a Form) -> Result<Read<'a>, RowError> {
        let rest = &buffer[self.position..];
        let (number, byte) = (self.rows + 1, self.bytes_read());
        let mut parser = serde_json::Deserializer::from_slice(rest).into_iter::<Node<'a>>();
        let mut item = match parser.next() {
            Some(Ok(item)) => item,
            Some(Err(error)) if !self.may_go_on(rest, &error) => {
                return Ok(Read::Bad(what_is_wrong(rest, byte, &error), None));
            }
            Some(Err(_)) if self.whole => return self.cut_off(buffer),
            Some(Err(_)) if rest.len() > ROW_BYTES_MAX => return Ok(Read::Bad(RowFault::TooLong, None)),
            Some(Err(_)) | None => return Ok(Read::More),
        };
        let length = parser.byte_offset();
        if length > ROW_BYTES_MAX {
            // However much of it had come: its length is not always known.
            return Ok(Read::Bad(RowFault::TooLong, None));
        }
        item.keep_digits(&rest[..length]);
        let Some(id) = form.id_of(&item, &rest[..length]) else {
            if !self.is_end_mark(form, &rest[..length]) {
                return Ok(Read::Bad(self.no_id(form, &item), Some(length)));
            }
            self.position += length;
            self.state = State::End;
            return Ok(Read::Again);
        };
        let row = Row { number, byte, item, length, form, id };
        if row.catalog_id().len() > ID_BYTES_MAX {
            return Ok(Read::Bad(RowFault::IdTooLong, Some(length)));
        }
        self.count_row()?;
        self.position += length;
        if self.state != State::Lines {
            self.state = State::Separator;
        }
        Ok(Read::Row(row))
    }

    /// Whether more bytes may make right what a parser stopped at, or say more of it: of a number that is cut off it does not
    /// always say that it is, and a character may go on.
    fn may_go_on(&self, rest: &[u8], error: &serde_json::Error) -> bool {
        error.is_eof() || !self.whole && offset_of(rest, error) + CHARACTER_BYTES_MAX > rest.len()
    }

    fn count_row(&mut self) -> Result<(), RowError> {
        self.rows += 1;
        if self.rows > ROWS_MAX { Err(RowError::TooMany) } else { Ok(()) }
    }

    fn set_aside(&mut self, form: &Form, row: u64, byte: u64, fault: RowFault) -> Result<(), RowError> {
        if form.bad_rows == BadRows::Fail {
            return Err(RowError::Row { row, byte, fault });
        }
        if self.bad == BAD_ROWS_MAX {
            return Err(RowError::TooManyBad { row, byte, fault });
        }
        self.bad += 1;
        if self.bad_kept.len() < BAD_ROWS_KEPT_MAX {
            self.bad_kept.push(BadRow { row, byte, reason: fault.to_string() });
        }
        Ok(())
    }

    /// Whether a line without an id is the last one, which says how many rows there are.
    fn is_end_mark(&mut self, form: &Form, line: &[u8]) -> bool {
        let Some(path) = form.total.as_ref().filter(|_| self.state == State::Lines) else { return false };
        self.total = text_at(line, path.steps()).and_then(whole_number);
        self.total.is_some()
    }

    fn no_id(&self, form: &Form, item: &Node<'_>) -> RowFault {
        let kind = if form.id.is_some() { "text or number" } else { "string" };
        let is_list =
            |value: &Node<'_>| matches!(value, Node::Array(rows) if matches!(rows.first(), Some(Node::Object(_))));
        let list = match item {
            Node::Object(fields) if self.state == State::Lines && self.rows == 0 => {
                fields.iter().find(|(name, value)| is_list(value) && is_plain_name(name))
            }
            _ => None,
        };
        let hint = match list {
            Some((name, _)) => format!("; if the list is inside of it, the vendor needs \"items\": \"{name}\""),
            None if form.id.is_none() => "; the vendor's \"id\" can name another field".to_owned(),
            None => String::new(),
        };
        RowFault::NoId { field: form.id_name(), kind, hint }
    }

    /// Moves to where the next row starts; false when there is none yet, or none any more.
    fn find_row(&mut self, buffer: &[u8], form: &Form) -> Result<bool, RowError> {
        loop {
            if !self.skip_line(buffer)? || !self.skip_value(buffer)? {
                return Ok(false);
            }
            while buffer.get(self.position).is_some_and(u8::is_ascii_whitespace) {
                self.position += 1;
            }
            let rest = &buffer[self.position..];
            let Some(byte) = rest.first().copied() else { return self.at_the_end(buffer, form) };
            self.state = match (self.state, byte) {
                // A byte order mark is not JSON, but Windows tools write one, and files of lines are put behind each other.
                (State::Start | State::Lines, 0xEF) if self.state == State::Lines || self.bytes_read() == 0 => {
                    match (rest.starts_with(&[0xEF, 0xBB, 0xBF]), self.whole || rest.len() >= 3) {
                        (true, _) => self.position += 3,
                        (false, false) => return Ok(false),
                        (false, true) if self.state == State::Lines => return Ok(true),
                        (false, true) => return Err(RowError::NotACatalogue(Looks::Unknown)),
                    }
                    continue;
                }
                // Without what follows, UTF-16 looks like JSON.
                (State::Start, b'[' | b'{') if rest.len() < 2 + usize::from(rest.ends_with(&[0])) && !self.whole => {
                    return Ok(false);
                }
                (State::Start, b'[' | b'{') if rest.get(1) == Some(&0) => {
                    let encoding = if rest.get(2) == Some(&0) { "UTF-32" } else { "UTF-16" };
                    return Err(RowError::NotACatalogue(Looks::Encoded(encoding)));
                }
                (State::Start, b'[' | b'{') => match (&form.items, byte) {
                    (Some(items), b'[') => {
                        return Err(RowError::NoList {
                            field: items.to_string(),
                            found: "a list with nothing around it",
                        });
                    }
                    (Some(_), _) => {
                        self.depth = 1;
                        State::Name { first: true }
                    }
                    (None, b'[') => State::Element { first: true },
                    (None, _) => {
                        self.state = State::Lines;
                        return Ok(true);
                    }
                },
                (State::Start, _) if rest.len() < LOOKED_AT && !self.whole => return Ok(false),
                (State::Start, _) => return Err(RowError::NotACatalogue(Looks::of(rest))),
                (State::Name { .. } | State::Colon(_) | State::Value(_) | State::AfterMember, _) => {
                    match self.around(buffer, form, byte)? {
                        Some(state) => {
                            self.state = state;
                            continue;
                        }
                        None => return Ok(false),
                    }
                }
                (State::Element { first: true }, b']') | (State::Separator, b']') if self.depth > 0 => {
                    State::AfterMember
                }
                (State::Element { first: true }, b']') | (State::Separator, b']') => State::End,
                (State::Element { first: false }, b']') => return self.broken("a row is missing after the last comma"),
                (State::Lines, b',') => {
                    return self
                        .broken("there is a comma between objects that no list is around: write [ and ] around them");
                }
                (State::Element { .. } | State::Lines, _) => return Ok(true),
                (State::Separator, b',') => State::Element { first: false },
                (State::Separator, _) => return self.broken("expected `,` or `]` after a row"),
                (State::End, _) => {
                    let what = if form.items.is_some() {
                        "object around the list"
                    } else if form.total.is_some() && self.total.is_some() {
                        "list, which the line with the number of rows ends"
                    } else {
                        "array"
                    };
                    return Err(RowError::Trailing { byte: self.bytes_read(), what });
                }
                // Passed over above.
                (State::SkipLine(..) | State::SkipValue(_), _) => continue,
            };
            self.position += 1;
        }
    }

    /// All bytes that there are have been read.
    fn at_the_end(&self, buffer: &[u8], form: &Form) -> Result<bool, RowError> {
        match self.state {
            _ if !self.whole => Ok(false),
            State::Start => Err(RowError::NotACatalogue(Looks::Empty)),
            State::End | State::Lines => match (&form.total, self.total) {
                (Some(_), Some(said)) if said != self.rows => Err(RowError::OtherTotal { said, rows: self.rows }),
                (Some(path), None) => Err(RowError::NoTotal { field: path.to_string() }),
                _ => Ok(false),
            },
            _ => self.cut_off(buffer),
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
