//! What is shown of a delivery's headers and body: within bounds, and without what looks like a credential. A signature is
//! shortened, as whoever has it and the body could send both again; its form stays, as that tells why one was refused.
//!
//! What is masked is found by names. So it is for what senders put into members that are called what they are; it does not
//! find a secret in the middle of a text, nor in a body that is no text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The most of a body that is shown, in bytes. An answer may have 6 MB, and base64 makes a third more of it.
pub const BODY_SHOWN_BYTES_MAX: usize = 256 * 1024;

/// What stands in place of what is masked.
const MASK: &str = "***";
/// How much of a signature is shown, and from which length on something may be one.
const SIGNATURE_SHOWN: usize = 6;
const SIGNATURE_LENGTH: usize = 16;

/// Parts of names of what nobody is shown, in lower case and without what joins words.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
    "cardnumber",
];
/// Headers that are shown whole: ids and descriptions, which may be as long as a signature.
const PLAIN_HEADERS: [&str; 5] = ["idempotency-key", "user-agent", "content-type", "content-encoding", "x-tenant-id"];
const PLAIN_ENDS: [&str; 5] = ["-id", "-delivery", "-event", "-topic", "timestamp"];

/// A body as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownBody {
    /// The text, or base64 of what is none.
    pub content: ShownContent,
    /// How many bytes the body has, all of it.
    pub bytes: u64,
    /// Whether this is its beginning alone.
    pub cut: bool,
    /// Whether something was masked.
    pub masked: bool,
}

/// What a body is shown as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownContent {
    /// As it came, but for what is masked.
    Text(String),
    /// No text: as it came.
    Base64(String),
}

/// What is shown of a body of which this is the beginning, or all.
#[must_use]
pub fn body(beginning: &[u8], bytes: u64) -> ShownBody {
    let shown = beginning.get(..BODY_SHOWN_BYTES_MAX).unwrap_or(beginning);
    let cut = bytes > shown.len() as u64;
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // Cut within a character.
        Err(error) if cut && error.error_len().is_none() => {
            shown.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    };
    let Some(text) = text else {
        return ShownBody { content: ShownContent::Base64(BASE64.encode(shown)), bytes, cut, masked: false };
    };
    let (text, masked) = masked_text(text);
    ShownBody { content: ShownContent::Text(text), bytes, cut, masked }
}

/// A header's value as it is shown, and whether something of it was masked.
#[must_use]
pub fn header(name: &str, value: &str) -> (String, bool) {
    let lower = name.to_lowercase();
    if is_secret(&lower) {
        return (MASK.to_owned(), true);
    }
    if PLAIN_HEADERS.contains(&lower.as_str()) || PLAIN_ENDS.iter().any(|end| lower.ends_with(end)) {
        return (value.to_owned(), false);
    }
    let (mut shown, mut rest, mut masked) = (String::new(), value, false);
    while !rest.is_empty() {
        let end = rest.find(|character: char| !is_of_signature(character)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        match run.get(..SIGNATURE_SHOWN).filter(|_| run.len() >= SIGNATURE_LENGTH) {
            Some(beginning) => {
                shown.push_str(beginning);
                shown.push_str(MASK);
                masked = true;
            }
            None => shown.push_str(run),
        }
        let next = behind.chars().next().map_or(0, char::len_utf8);
        let (between, behind) = behind.split_at(next);
        shown.push_str(between);
        rest = behind;
    }
    (shown, masked)
}

/// Hex, and base64 of both alphabets. Without `=`, which stands between names and values too.
fn is_of_signature(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+/-_".contains(character)
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|character| character.is_alphanumeric()).collect();
    let plain = plain.to_lowercase();
    SECRET_NAMES.iter().any(|part| plain.contains(part)) || ["cvc", "cvv", "pin"].contains(&plain.as_str())
}

fn masked_text(text: &str) -> (String, bool) {
    match text.trim_start_matches('\u{FEFF}').trim_start().chars().next() {
        Some('{' | '[') => masked_json(text),
        _ if text.contains('=') && !text.contains(['<', '{', '\n']) => masked_form(text),
        _ => (text.to_owned(), false),
    }
}

/// `a=1&token=2`
fn masked_form(text: &str) -> (String, bool) {
    let mut masked = false;
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => {
            masked = true;
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    });
    let text = pairs.collect::<Vec<_>>().join("&");
    (text, masked)
}

/// Masks values of members by their names, and leaves every other byte as it is: it is what was signed. It needs no whole
/// JSON, as what is cut is none.
fn masked_json(text: &str) -> (String, bool) {
    let mut masking = Masking { shown: String::with_capacity(text.len()), ..Masking::default() };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            ',' | ':' | '{' | '}' | '[' | ']' => 1,
            _ if first.is_whitespace() => first.len_utf8(),
            _ => rest.find(|next: char| next.is_whitespace() || "\",:{}[]".contains(next)).unwrap_or(rest.len()),
        };
        let (piece, behind) = rest.split_at(length);
        masking.take(piece, first, behind.trim_start().starts_with(':'));
        rest = behind;
    }
    (masking.shown, masking.masked)
}

/// The length of the string that a text begins with; all of it where that does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[derive(Default)]
struct Masking {
    shown: String,
    masked: bool,
    depth: usize,
    /// Whether the value that comes next is a secret one's.
    next_is_secret: bool,
    /// Within which depth all is a secret one's.
    secret_from: Option<usize>,
}

impl Masking {
    fn take(&mut self, piece: &str, first: char, is_name: bool) {
        match first {
            '{' | '[' => {
                self.depth += 1;
                if self.next_is_secret && self.secret_from.is_none() {
                    self.secret_from = Some(self.depth);
                }
                self.next_is_secret = false;
            }
            '}' | ']' => {
                self.secret_from = self.secret_from.filter(|from| *from < self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            ',' => self.next_is_secret = false,
            ':' => {}
            _ if first.is_whitespace() => {}
            '"' if is_name => {
                let name = serde_json::from_str::<String>(piece);
                self.next_is_secret = is_secret(&name.unwrap_or_else(|_| piece.to_owned()));
            }
            _ if self.next_is_secret || self.secret_from.is_some() => {
                self.next_is_secret = false;
                self.masked = true;
                self.shown.push('"');
                self.shown.push_str(MASK);
                self.shown.push('"');
                return;
            }
            _ => {}
        }
        self.shown.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_of_a_body_are_masked_and_every_other_byte_stays() {
        for (came, expected) in [
            (r#"{"sku": "A",  "qty":1}"#, r#"{"sku": "A",  "qty":1}"#),
            (r#"{"password": "p\"w", "a": "b"}"#, r#"{"password": "***", "a": "b"}"#),
            (r#"{"api_key":17,"pin":null,"pinned":1}"#, r#"{"api_key":"***","pin":"***","pinned":1}"#),
            (
                r#"{"Access-Token" : ["a", {"b": "c"}], "d": "e"}"#,
                r#"{"Access-Token" : ["***", {"b": "***"}], "d": "e"}"#,
            ),
            (r#"{"a": {"client\u0053ecret": "x"}}"#, r#"{"a": {"client\u0053ecret": "***"}}"#),
            (r#"[{"token": "ab"#, r#"[{"token": "***""#),
            (r#"{"note": "token: x"}"#, r#"{"note": "token: x"}"#),
            ("a=1&client_secret=x&b=", "a=1&client_secret=***&b="),
            ("<a token=\"x\"/>", "<a token=\"x\"/>"),
            ("", ""),
        ] {
            let shown = body(came.as_bytes(), came.len() as u64);
            assert_eq!(shown.content, ShownContent::Text(expected.to_owned()));
            assert_eq!((shown.masked, shown.cut), (came != expected, false), "{came}");
        }
    }

    #[test]
    fn a_long_body_is_cut_between_characters_and_one_that_is_no_text_is_encoded() {
        let long = format!("{}æ", "x".repeat(BODY_SHOWN_BYTES_MAX - 1));
        let shown = body(long.as_bytes(), long.len() as u64);
        assert_eq!(shown.content, ShownContent::Text("x".repeat(BODY_SHOWN_BYTES_MAX - 1)));
        assert_eq!((shown.bytes, shown.cut), (long.len() as u64, true));
        let shown = body(&[0x1F, 0x8B, 0xFF], 3);
        assert_eq!((shown.content, shown.cut), (ShownContent::Base64("H4v/".into()), false));
        // A part of a longer one.
        assert!(body(b"ab", 3).cut);
    }

    #[test]
    fn signatures_are_shortened_and_what_describes_is_whole() {
        let hash = "ab12cd34".repeat(8);
        for (name, value, expected) in [
            ("x-webhook-signature", hash.clone(), "ab12cd***".to_owned()),
            (
                "stripe-signature",
                format!("t=1731705121,v1={hash},v0=short"),
                "t=1731705121,v1=ab12cd***,v0=short".into(),
            ),
            ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=".into(), "v1,K5oZfz***=".into()),
            ("x-erp-auth", hash.clone(), "ab12cd***".into()),
            ("X-Gitlab-Token", "short".into(), "***".into()),
            ("authorization", "Basic x".into(), "***".into()),
            (
                "x-github-delivery",
                "72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
                "72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
            ),
            ("idempotency-key", "a-key-that-is-as-long-as-that".into(), "a-key-that-is-as-long-as-that".into()),
            ("x-signature", "not hex, æ".into(), "not hex, æ".into()),
        ] {
            let (shown, masked) = header(name, &value);
            assert_eq!(shown, expected, "{name}");
            assert_eq!(masked, shown != value, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_what_names_no_secret_stays_as_it_came(text in "[ \"{}:,\\\\a-e0-9æ\\[\\]]{0,64}") {
            let shown = body(text.as_bytes(), text.len() as u64);
            prop_assert_eq!(shown.content, ShownContent::Text(text));
        }

        #[test]
        fn what_a_secret_s_member_holds_is_never_shown(value in "[a-z]{9,20}", before in "[ {}a-e:,]{0,20}") {
            let came = serde_json::json!({"before": before, "the_token": value, "x": [1]}).to_string();
            let ShownContent::Text(shown) = body(came.as_bytes(), came.len() as u64).content else { panic!("no text") };
            prop_assert!(!shown.contains(&value), "{}", shown);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
        }
    }
}
