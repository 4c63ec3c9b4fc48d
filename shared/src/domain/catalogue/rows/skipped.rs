//! Passes over what is set aside, to where the next row may start.

use super::{Cutter, RowError, State};

/// What is open where something is passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Brackets {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Brackets {
    /// Takes the next byte of it.
    fn take(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_outside(self) -> bool {
        self.depth == 0 && !self.in_text
    }
}

impl Cutter {
    /// Passes over a line to its end; false while that has not come.
    ///
    /// A row may stand on several lines, and then what follows its first is a part of it, which must not pass for rows. An
    /// object inside of a row follows `[`, `:` or `,`: behind anything else, one that starts the next line is a row.
    pub(super) fn skip_line(&mut self, buffer: &[u8]) -> Result<bool, RowError> {
        let State::SkipLine(mut brackets, mut last) = self.state else { return Ok(true) };
        while let Some(byte) = buffer.get(self.position).copied() {
            if byte == b'\n' {
                let next = buffer.get(self.position + 1);
                if next.is_none() && !self.whole && !brackets.is_outside() {
                    break;
                }
                if brackets.is_outside() || next == Some(&b'{') && !b"[:,".contains(&last) {
                    self.state = State::Lines;
                    return Ok(true);
                }
                return self.broken("a row that cannot be read does not end with its line");
            }
            brackets.take(byte);
            if !byte.is_ascii_whitespace() {
                last = byte;
            }
            self.position += 1;
        }
        self.state = State::SkipLine(brackets, last);
        match (self.whole, brackets.is_outside()) {
            (false, _) => Ok(false),
            (true, false) => self.cut_off(buffer),
            (true, true) => {
                self.state = State::Lines;
                Ok(true)
            }
        }
    }

    /// Passes over a row of an array, to the `,` or `]` behind it; false while that has not come.
    pub(super) fn skip_value(&mut self, buffer: &[u8]) -> Result<bool, RowError> {
        let State::SkipValue(mut brackets) = self.state else { return Ok(true) };
        while let Some(byte) = buffer.get(self.position).copied() {
            match byte {
                b',' | b']' if brackets.is_outside() => {
                    self.state = State::Separator;
                    return Ok(true);
                }
                b'}' if brackets.is_outside() => {
                    return self.broken("a row that cannot be read has no end that could be found");
                }
                _ => brackets.take(byte),
            }
            self.position += 1;
        }
        self.state = State::SkipValue(brackets);
        if self.whole { self.cut_off(buffer) } else { Ok(false) }
    }
}
