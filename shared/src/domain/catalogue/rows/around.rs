//! The object around a list: its members are passed over until the list comes, and after it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Cutter, ROW_BYTES_MAX, RowError, State};
use crate::domain::catalogue::form::{Form, text_at};

/// A member of an object around the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    List,
    /// The list is further inside.
    Around,
    /// The number of rows is in it.
    Total,
    Other,
}

impl Cutter {
    /// Reads on in an object around the list, at a byte that is no white space. Says what comes next, or none when more bytes
    /// are needed.
    pub(super) fn around(&mut self, buffer: &[u8], form: &Form, byte: u8) -> Result<Option<State>, RowError> {
        const NO_JSON: &str = "the object around the list is not valid JSON";
        let next = match (self.state, byte) {
            (State::Name { first: true }, b'}') | (State::AfterMember, b'}') => {
                self.depth -= 1;
                if self.depth == 0 && !self.list_found {
                    return self.no_list(form, "nothing");
                }
                if self.depth == 0 { State::End } else { State::AfterMember }
            }
            (State::AfterMember, b',') => State::Name { first: false },
            (State::Colon(member), b':') => State::Value(member),
            (State::Value(Member::List), b'[') if self.list_found => {
                return self.broken("the list stands there a second time");
            }
            (State::Value(Member::List), b'[') => {
                self.list_found = true;
                State::Element { first: true }
            }
            (State::Value(Member::Around), b'{') => {
                self.depth += 1;
                State::Name { first: true }
            }
            (State::Value(Member::List | Member::Around), byte) => return self.no_list(form, kind_of(byte)),
            (State::Name { .. }, b'"') => {
                let Some((name, length)) = self.whole_value::<Cow<'_, str>>(buffer, NO_JSON)? else { return Ok(None) };
                self.position += length;
                return Ok(Some(State::Colon(self.member(form, &name))));
            }
            (State::Value(member), _) => {
                let Some((value, length)) = self.whole_value::<&RawValue>(buffer, NO_JSON)? else { return Ok(None) };
                if member == Member::Total {
                    self.total = self.total_in(form, value.get());
                }
                self.position += length;
                return Ok(Some(State::AfterMember));
            }
            _ => return self.broken(NO_JSON),
        };
        self.position += 1;
        Ok(Some(next))
    }

    /// Reads a value that is kept whole; none when more bytes are needed.
    fn whole_value<'a, T: serde::Deserialize<'a>>(
        &self,
        buffer: &'a [u8],
        no_json: &'static str,
    ) -> Result<Option<(T, usize)>, RowError> {
        let rest = &buffer[self.position..];
        let mut parser = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        match parser.next() {
            // A number that the next chunk may continue is not read yet.
            Some(Ok(value)) if parser.byte_offset() < rest.len().min(ROW_BYTES_MAX) => {
                Ok(Some((value, parser.byte_offset())))
            }
            _ if rest.len() > ROW_BYTES_MAX => self.broken("what stands beside the list is too long"),
            Some(Err(error)) if !self.may_go_on(rest, &error) => self.broken(no_json),
            _ if self.whole => self.cut_off(buffer),
            _ => Ok(None),
        }
    }

    fn no_list<T>(&self, form: &Form, found: &'static str) -> Result<T, RowError> {
        let field = form.items.as_ref().map(ToString::to_string).unwrap_or_default();
        Err(RowError::NoList { field, found })
    }

    /// What a member of the innermost open object is.
    fn member(&self, form: &Form, name: &str) -> Member {
        let items = form.items.as_ref().map_or(&[][..], |path| path.steps());
        let total = form.total.as_ref().map_or(&[][..], |path| path.steps());
        let level = self.depth.saturating_sub(1);
        let on = |path: &[String]| path.get(level).is_some_and(|step| step == name);
        let beside = total.get(..level).is_some_and(|above| Some(above) == items.get(..level));
        match (on(items), on(total) && beside) {
            (true, _) if items.len() == self.depth => Member::List,
            (true, _) => Member::Around,
            (false, true) => Member::Total,
            (false, false) => Member::Other,
        }
    }

    fn total_in(&self, form: &Form, value: &str) -> Option<u64> {
        let rest = form.total.as_ref()?.steps().get(self.depth..)?;
        let text = if rest.is_empty() { value } else { text_at(value.as_bytes(), rest)? };
        whole_number(text)
    }
}

/// Some write numbers as texts.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    text.trim_matches('"').parse().ok()
}

fn kind_of(byte: u8) -> &'static str {
    match byte {
        b'{' => "an object",
        b'[' => "a list",
        b'"' => "a text",
        b'n' => "null",
        b't' | b'f' => "true or false",
        _ => "something else",
    }
}
