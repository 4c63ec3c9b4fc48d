//! Says why a captured delivery does not verify, by trying the usual mistakes: for the operator whose sender and secret
//! disagree. What it says holds no secret and no expected signature; it must never be open to a sender, though: who may
//! ask often enough learns about the secret.

mod guesses;

use jiff::Timestamp;

use self::guesses::Guesses;
use super::live_secret::LiveSecret;
use super::mac;
use super::refused::Refused;
use super::scheme::{Encoding, HeaderLookup, KeyForm, Part, Scheme, Text, TimestampForm, sent};
use super::schemes;
use super::verify::{Sent, Values, Verified, key, read_value, signed_headers, verify};

/// Two mistakes at once are looked for, not three: nearly anything would be found.
const MISTAKES_MAX: usize = 2;
/// Milliseconds of the Unix epoch have so many digits until the year 2286, seconds ten.
const DIGITS_OF_MILLISECONDS: usize = 13;

/// Whether a delivery verifies, and what was found out if it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What [`verify()`] says.
    pub outcome: Result<Verified, Refused>,
    /// What would have to be different, most telling first. Empty when it verifies, or when the refusal says it all.
    pub findings: Vec<Finding>,
}

/// A mistake that explains why a delivery does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Only the clock is in the way.
    #[error("the signature is right; only the timestamp is out of tolerance")]
    OnlyTheTimestamp,
    /// The timestamp has the wrong unit.
    #[error("the timestamp seems to be in milliseconds, and the scheme has seconds")]
    Milliseconds,
    /// White space around the secret here.
    #[error("the secret given here has white space around it (a line break from a file?) that the sender's has not")]
    SecretWhitespace,
    /// White space after the secret at the sender.
    #[error("the sender's secret ends with a line break that the one given here has not")]
    SecretLineBreak,
    /// Quotes around the secret here.
    #[error("the secret given here has quotes around it that do not belong to it")]
    SecretQuotes,
    /// The sender does not decode the secret.
    #[error("the sender uses the secret's text as the key, whsec_ included, without decoding base64")]
    KeyIsText,
    /// The sender takes `whsec_` away and does not decode the rest.
    #[error("the sender uses the secret's text after whsec_ as the key, without decoding base64")]
    KeyIsTextAfterPrefix,
    /// The sender decodes the secret.
    #[error("the sender decodes the secret (after whsec_, if it is there) as base64 to get the key")]
    KeyIsBase64,
    /// The sender decodes the secret in another way.
    #[error("the sender decodes the secret as hexadecimal to get the key")]
    KeyIsHex,
    /// A captured body with a line break more.
    #[error("the body given here ends with a line break that was not signed (an editor or echo adds one)")]
    BodyLineBreakAdded,
    /// A captured body with a line break less.
    #[error("the body that was signed ends with a line break that the one given here has not")]
    BodyLineBreakLost,
    /// A body that went through a text file.
    #[error("the body's line breaks were changed between LF and CRLF")]
    BodyLineBreaksChanged,
    /// A body that was parsed and written again.
    #[error("the JSON was written anew, by the sender or on the way: the signature fits it as {style}")]
    BodyRewritten {
        /// How it was written.
        style: &'static str,
    },
    /// A body whose strings were parsed and written again.
    #[error("the JSON's strings were written anew, by the sender or on the way: the signature fits it with {how}")]
    BodyEscapes {
        /// How they were written.
        how: String,
    },
    /// A captured body with a byte order mark more.
    #[error("the body given here begins with a byte order mark (U+FEFF) that was not signed")]
    BodyMarkAdded,
    /// A captured body with a byte order mark less.
    #[error("the body that was signed begins with a byte order mark (U+FEFF) that the one given here has not")]
    BodyMarkLost,
    /// The sender signed before it had a body, or a proxy read it first.
    #[error("an empty body was signed: the sender signs something else, or before the body is there")]
    BodyEmpty,
    /// A body whose bytes are lost.
    #[error(
        "the body holds the replacement character (U+FFFD): it was read in another encoding on the way, and the bytes that were signed are lost"
    )]
    BodyDecoded,
    /// A body in API Gateway's wrapping.
    #[error("the body given here is base64; what was signed is what it decodes to")]
    BodyIsBase64,
    /// Another layout of the header.
    #[error("the signature is right but written in another way: as {found}, where the scheme has {expected}")]
    SignatureForm {
        /// How it is written.
        found: &'static str,
        /// How it should be.
        expected: String,
    },
    /// Another text is signed.
    #[error("the sender signs {template}, where the scheme signs {expected}")]
    SignedText {
        /// What is signed.
        template: String,
        /// What should be.
        expected: String,
    },
    /// Another URL is signed.
    #[error("the sender signs another spelling of the URL: {difference}")]
    OtherUrl {
        /// What is different.
        difference: &'static str,
    },
    /// Another scheme fits.
    #[error("the delivery is signed by scheme {scheme}, not {expected}, and verifies with it")]
    OtherScheme {
        /// Which one.
        scheme: Text,
        /// The one that was asked for.
        expected: Text,
    },
    /// Another scheme's header is there, though it does not fit either.
    #[error("the request has the header {header}, which belongs to scheme {scheme}")]
    HeaderOfOtherScheme {
        /// Its name.
        header: Text,
        /// Whose it is.
        scheme: Text,
    },
    /// Nothing that was tried fits.
    #[error(
        "none of the usual mistakes explains it: most likely the secret is another one, or the body is not the one that was signed"
    )]
    Nothing,
}

impl Finding {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OnlyTheTimestamp => "only_the_timestamp",
            Self::Milliseconds => "milliseconds",
            Self::SecretWhitespace => "secret_whitespace",
            Self::SecretLineBreak => "secret_line_break",
            Self::SecretQuotes => "secret_quotes",
            Self::KeyIsText => "key_is_text",
            Self::KeyIsTextAfterPrefix => "key_is_text_after_prefix",
            Self::KeyIsBase64 => "key_is_base64",
            Self::KeyIsHex => "key_is_hex",
            Self::BodyLineBreakAdded => "body_line_break_added",
            Self::BodyLineBreakLost => "body_line_break_lost",
            Self::BodyLineBreaksChanged => "body_line_breaks_changed",
            Self::BodyRewritten { .. } => "body_rewritten",
            Self::BodyEscapes { .. } => "body_escapes",
            Self::BodyMarkAdded => "body_mark_added",
            Self::BodyMarkLost => "body_mark_lost",
            Self::BodyEmpty => "body_empty",
            Self::BodyDecoded => "body_decoded",
            Self::BodyIsBase64 => "body_is_base64",
            Self::SignatureForm { .. } => "signature_form",
            Self::SignedText { .. } => "signed_text",
            Self::OtherUrl { .. } => "other_url",
            Self::OtherScheme { .. } => "other_scheme",
            Self::HeaderOfOtherScheme { .. } => "header_of_other_scheme",
            Self::Nothing => "nothing",
        }
    }
}

/// Verifies a captured delivery and, if that fails, looks for the mistake. Arguments as for [`verify()`].
#[must_use]
pub fn explain(
    scheme: &Scheme,
    secrets: &[LiveSecret],
    headers: &(impl HeaderLookup + ?Sized),
    url: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Explanation {
    let outcome = verify(scheme, secrets, headers, url, body, now);
    // What we lack ourselves needs no guessing.
    if matches!(outcome, Ok(_) | Err(Refused::NoSecret)) {
        return Explanation { outcome, findings: Vec::new() };
    }
    let verifies = |scheme: &Scheme| {
        let timeless = Scheme { tolerance_seconds: None, ..scheme.clone() };
        verify(&timeless, secrets, headers, url, body, now).is_ok()
    };
    if verifies(scheme) {
        return Explanation { outcome, findings: vec![Finding::OnlyTheTimestamp] };
    }

    let located = Sent::locate(scheme, headers).ok();
    let mut findings = Vec::new();
    if located.as_ref().is_some_and(|sent| is_in_milliseconds(scheme, sent)) {
        findings.push(Finding::Milliseconds);
        if verifies(&Scheme { timestamp: TimestampForm::Milliseconds, ..scheme.clone() }) {
            return Explanation { outcome, findings };
        }
    }
    let others = schemes::ALL.into_iter().filter(|other| other.name != scheme.name && other.is_addressed(headers));
    let others: Vec<&Scheme> = others.collect();
    if let Some(other) = others.iter().find(|other| verifies(other)) {
        findings.push(Finding::OtherScheme { scheme: other.name.clone(), expected: scheme.name.clone() });
    } else if let Some(mistakes) = located.and_then(|sent| {
        let signed = signed_headers(scheme, headers);
        search(scheme, &sent, secrets, url, &signed, body)
    }) {
        findings.extend(mistakes);
    } else {
        findings.extend(others.iter().filter_map(|other| stray_header(scheme, other, headers)));
    }
    if findings.is_empty() && leaves_open_why(&outcome) {
        // In what is no UTF-8 the character stands nowhere; reading it as text would put it there.
        let decoded = std::str::from_utf8(body).is_ok_and(|text| text.contains(char::REPLACEMENT_CHARACTER));
        findings.push(if decoded { Finding::BodyDecoded } else { Finding::Nothing });
    }
    Explanation { outcome, findings }
}

/// Whether the signature was looked at, or would be. Any other refusal says itself what is wrong: a guess beside it would lead
/// away from it.
fn leaves_open_why(outcome: &Result<Verified, Refused>) -> bool {
    use Refused::{Mismatch, TimestampTooNew, TimestampTooOld};
    matches!(outcome, Err(Mismatch | TimestampTooOld { .. } | TimestampTooNew { .. }))
}

fn is_in_milliseconds(scheme: &Scheme, sent: &Sent<'_>) -> bool {
    let in_value = || read_value(scheme, sent).ok().and_then(|(_, timestamp)| timestamp);
    let timestamp = sent.timestamp.or_else(in_value);
    scheme.timestamp == TimestampForm::Seconds
        && timestamp
            .is_some_and(|text| text.len() == DIGITS_OF_MILLISECONDS && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A signature header that the asked-for scheme does not know.
fn stray_header(scheme: &Scheme, other: &Scheme, headers: &(impl HeaderLookup + ?Sized)) -> Option<Finding> {
    let ours = |name: &str| scheme.signature_headers().any(|our| our == name);
    let names = other.spellings.iter().map(|spelling| &spelling.signature);
    let header = names.filter(|name| !ours(name)).find(|name| sent(headers, name).is_some())?;
    Some(Finding::HeaderOfOtherScheme { header: header.clone(), scheme: other.name.clone() })
}

/// The fewest mistakes that together make the signature right.
fn search(
    scheme: &Scheme,
    sent: &Sent<'_>,
    secrets: &[LiveSecret],
    url: Option<&str>,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Option<Vec<Finding>> {
    let timestamp = read_value(scheme, sent).map_or(sent.timestamp, |(_, timestamp)| timestamp);
    let values = Values { id: sent.id, timestamp, url, headers, body };
    (1..=MISTAKES_MAX).find_map(|mistakes| {
        secrets.iter().find_map(|live| Guesses::new(scheme, sent, live.secret.expose(), &values).find(mistakes))
    })
}
