//! The same JSON, written as other programs write it: what a sender may have signed when it signed what it would have
//! sent, or what a proxy between us made of it. Numbers and strings are copied, keys keep their order.

/// How a program writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `{"a":1,"b":[1,2]}`, as `JSON.stringify`.
    Compact,
    /// `{"a": 1, "b": [1, 2]}`, as Python's `json.dumps`.
    Spaced,
    /// On lines of their own, indented by so many spaces.
    Indented(usize),
}

/// Writes JSON in a style. What is not JSON comes out as something, too.
pub(super) fn reformat(json: &[u8], style: Style) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    let mut at = 0;
    while at < json.len() {
        let byte = json[at];
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                let start = at - 1;
                while at < json.len() && json[at] != b'"' {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(json.len());
                out.extend_from_slice(&json[start..at]);
            }
            b'{' | b'[' => {
                out.push(byte);
                let next = json[at..].iter().find(|byte| !byte.is_ascii_whitespace());
                if let Some(close @ (b'}' | b']')) = next {
                    out.push(*close);
                    at += json[at..].iter().position(|byte| byte == close).map_or(0, |skipped| skipped + 1);
                } else {
                    depth += 1;
                    new_line(&mut out, style, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, style, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                if style == Style::Spaced {
                    out.push(b' ');
                }
                new_line(&mut out, style, depth);
            }
            b':' => {
                out.push(byte);
                if style != Style::Compact {
                    out.push(b' ');
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// How a program writes the strings of JSON. What it leaves alone is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `<`, `>`, `&` and two line separators as `\u003c` and so on.
    Html,
    /// `/` as `\/`.
    Slash,
    /// All beyond ASCII as `\u00e9`.
    Letters,
    /// All beyond ASCII as `\u00E9`.
    LettersUpper,
    /// `/` and all beyond ASCII.
    SlashAndLetters,
    /// None that is not needed.
    None,
    /// None that is not needed, but for `/`.
    NoneButSlash,
}

impl Escapes {
    /// All of them, and what is to be said of each.
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::Html, r"<, > and & written as \u003c, \u003e and \u0026 (Go, Rails, Shopify)"),
        (Self::Slash, r"/ written as \/ (PHP)"),
        (Self::Letters, r"letters beyond ASCII written as \u00e9 (Python)"),
        (Self::LettersUpper, r"letters beyond ASCII written as \u00E9"),
        (Self::SlashAndLetters, r"/ written as \/ and letters beyond ASCII as \u00e9 (PHP)"),
        (Self::None, "characters written as they are that the body given here has as escapes"),
        (Self::NoneButSlash, r"characters written as they are, but / as \/"),
    ];

    /// Writes the strings of JSON with these escapes. What is not JSON comes out as something, too.
    pub(super) fn write(self, json: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(json);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_ref();
        let mut within = false;
        while let Some(first) = rest.chars().next() {
            let (character, length) = match first {
                '"' => {
                    within = !within;
                    (None, 1)
                }
                '\\' if within => unescaped(rest),
                other => (Some(other).filter(|_| within), other.len_utf8()),
            };
            match character {
                Some(character) => self.push(character, &mut out),
                // As it stands: outside of strings, or an escape that JSON needs.
                None => out.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        out.into_bytes()
    }

    fn push(self, character: char, out: &mut String) {
        let unit = |out: &mut String, upper: bool| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
            }
        };
        match (self, character) {
            (Self::Html, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => unit(out, false),
            (Self::Slash | Self::SlashAndLetters | Self::NoneButSlash, '/') => out.push_str("\\/"),
            (Self::Letters | Self::SlashAndLetters, other) if !other.is_ascii() => unit(out, false),
            (Self::LettersUpper, other) if !other.is_ascii() => unit(out, true),
            (_, other) => out.push(other),
        }
    }
}

/// The character that an escape stands for, unless JSON needs it, and the escape's length.
fn unescaped(text: &str) -> (Option<char>, usize) {
    let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let needed = |character: char| character < ' ' || matches!(character, '"' | '\\');
    if text.starts_with("\\/") {
        return (Some('/'), 2);
    }
    let Some(first) = unit(text) else {
        let length = text.chars().take(2).map(char::len_utf8).sum();
        return (None, length);
    };
    let second = text.get(6..).and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match (pair, char::from_u32(u32::from(first))) {
        (_, Some(character)) => (Some(character).filter(|character| !needed(*character)), 6),
        (Some(character), None) => (Some(character), 12),
        (None, None) => (None, 6),
    }
}

fn new_line(out: &mut Vec<u8>, style: Style, depth: usize) {
    if let Style::Indented(width) = style {
        out.push(b'\n');
        out.resize(out.len() + width * depth, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles() {
        let json = b" {\"b\" : [1, {\"a\\\"}\":null}],\n\"a\":{ }, \"c\":[] }\n";
        for (style, expected) in [
            (Style::Compact, r#"{"b":[1,{"a\"}":null}],"a":{},"c":[]}"#),
            (Style::Spaced, r#"{"b": [1, {"a\"}": null}], "a": {}, "c": []}"#),
            (
                Style::Indented(2),
                "{\n  \"b\": [\n    1,\n    {\n      \"a\\\"}\": null\n    }\n  ],\n  \"a\": {},\n  \"c\": []\n}",
            ),
        ] {
            assert_eq!(String::from_utf8(reformat(json, style)).unwrap(), expected);
        }
        for broken in ["{", "\"", "\"\\", "]", "{\"a", "[ "] {
            reformat(broken.as_bytes(), Style::Indented(4));
        }
    }

    #[test]
    fn escapes() {
        let json = r#"{"t/":"<é😀\u00E9\ud83d\ude00\/\"\\\n\u0000/"}"#;
        for (escapes, expected) in [
            (Escapes::Html, r#"{"t/":"\u003cé😀é😀/\"\\\n\u0000/"}"#),
            (Escapes::Slash, r#"{"t\/":"<é😀é😀\/\"\\\n\u0000\/"}"#),
            (Escapes::Letters, r#"{"t/":"<\u00e9\ud83d\ude00\u00e9\ud83d\ude00/\"\\\n\u0000/"}"#),
            (Escapes::LettersUpper, r#"{"t/":"<\u00E9\uD83D\uDE00\u00E9\uD83D\uDE00/\"\\\n\u0000/"}"#),
            (Escapes::SlashAndLetters, r#"{"t\/":"<\u00e9\ud83d\ude00\u00e9\ud83d\ude00\/\"\\\n\u0000\/"}"#),
            (Escapes::None, r#"{"t/":"<é😀é😀/\"\\\n\u0000/"}"#),
            (Escapes::NoneButSlash, r#"{"t\/":"<é😀é😀\/\"\\\n\u0000\/"}"#),
        ] {
            assert_eq!(String::from_utf8(escapes.write(json.as_bytes())).unwrap(), expected, "{escapes:?}");
        }
        for broken in ["\"\\", "\"\\u", "\"\\uD83D", "\"\\uD83D\\u", "\"\\é", "\"\\u00é", "\"é", "\\"] {
            assert_eq!(Escapes::None.write(broken.as_bytes()), broken.as_bytes());
        }
    }

    #[test]
    fn an_indented_text_is_what_serde_writes() {
        let value = serde_json::json!({"a": [1, {"b": [], "c": {}}], "d": "x\ny", "e": [[["f"]]]});
        let compact = serde_json::to_vec(&value).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(reformat(&compact, Style::Indented(2)), pretty);
        assert_eq!(reformat(&pretty, Style::Compact), compact);
    }
}
