//! What a signature scheme is: data. Verifying is one function for all of them, in [`verify()`](super::verify()).

use std::borrow::Cow;

use super::schemes;

/// Text that is a constant of ours or comes from a configuration.
pub type Text = Cow<'static, str>;

/// How one kind of sender signs. All are HMAC-SHA256; what differs is where things stand and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    pub(super) name: Text,
    /// The names its headers go by, in order of preference.
    pub(super) spellings: Cow<'static, [Spelling]>,
    /// The text that is signed.
    pub(super) template: Cow<'static, [Part]>,
    pub(super) key: KeyForm,
    pub(super) value: ValueForm,
    pub(super) encoding: Encoding,
    pub(super) timestamp: TimestampForm,
    /// How far the timestamp may lie from now, either way.
    pub(super) tolerance_seconds: Option<u32>,
    /// Where the delivery's id stands; without one the caller goes by the content.
    pub(super) id: Option<IdSource>,
}

/// One set of header names, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    pub(super) signature: Text,
    pub(super) timestamp: Option<Text>,
    pub(super) id: Option<Text>,
}

/// A part of the signed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(Text),
    Id,
    Timestamp,
    Url,
    /// A header's value without white space around it; nothing where it was not sent.
    Header(Text),
    Body,
}

/// How the key comes out of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyForm {
    /// The secret's own bytes.
    Raw,
    /// Base64, after `whsec_` if it is there.
    Base64,
}

/// The prefix of Standard Webhooks' secrets. It is a part of the secret for Stripe, and none for the others.
pub(super) const SECRET_PREFIX: &str = "whsec_";

/// How the signature header's value is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueForm {
    /// One signature, after a prefix that must or may be there.
    One { prefix: Text, required: bool },
    /// `v1,<signature> v1,<signature>`: other versions are passed over.
    Versions { version: Text },
    /// `t=<timestamp>,v1=<signature>,v1=<signature>`: other fields are passed over.
    Fields { timestamp: Text, signature: Text },
}

/// How the signature's 32 bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    /// Of either case.
    Hex,
    Base64,
}

/// How the timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TimestampForm {
    /// Of the Unix epoch.
    Seconds,
    /// Of the Unix epoch.
    Milliseconds,
    /// `2026-01-02T03:04:05Z`
    Rfc3339,
}

/// Where the delivery's id stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IdSource {
    /// In the spelling's id header, which is a part of the signed text.
    SignedHeader,
    /// In a header that nothing protects.
    Header(Text),
    /// In a field of the JSON body, which is signed with it.
    BodyField(Text),
}

impl Scheme {
    /// What it is called: `stripe`, `github`, …, or `generic`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The headers that may carry its signature, in lower case.
    pub fn signature_headers(&self) -> impl Iterator<Item = &str> {
        self.spellings.iter().map(|spelling| spelling.signature.as_ref())
    }

    /// All headers that it reads, in lower case.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        let id = match &self.id {
            Some(IdSource::Header(name)) => Some(name),
            Some(IdSource::SignedHeader | IdSource::BodyField(_)) | None => None,
        };
        let signed = self.template.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name),
            _ => None,
        });
        let spelt =
            self.spellings.iter().flat_map(|one| [Some(&one.signature), one.timestamp.as_ref(), one.id.as_ref()]);
        spelt.chain([id]).flatten().chain(signed).map(AsRef::as_ref)
    }

    /// How far a timestamp may lie from now, either way; `None` where nothing limits a replay but the claim.
    #[must_use]
    pub fn tolerance_seconds(&self) -> Option<u32> {
        self.tolerance_seconds
    }

    /// Whether the URL that was registered with the sender is a part of the signed text.
    #[must_use]
    pub fn needs_url(&self) -> bool {
        self.template.contains(&Part::Url)
    }

    /// Whether its sender asks a new URL to echo a challenge before it sends anything there.
    #[must_use]
    pub fn has_challenges(&self) -> bool {
        self.name == schemes::SLACK.name
    }

    /// Whether it has an id that its signature may leave out: one in a header.
    #[must_use]
    pub fn may_leave_its_id_unsigned(&self) -> bool {
        matches!(self.id, Some(IdSource::Header(_) | IdSource::SignedHeader))
    }

    /// Whether the request carries a signature header of this scheme. Routes that take several schemes choose by it.
    #[must_use]
    pub fn is_addressed(&self, headers: &(impl HeaderLookup + ?Sized)) -> bool {
        self.signature_headers().any(|name| sent(headers, name).is_some())
    }

    /// Whether nobody can sign one delivery and have it read under another id: it is plain where the id starts and where
    /// it ends, by a separator that it does not contain. `{id}.{timestamp}.{body}` with the id `a.1` reads as the id
    /// `a` as well, and `{body}{id}.` as an id without its first letter.
    pub(super) fn binds(&self, id: &str, timestamp: Option<&str>) -> bool {
        let mut parts = self.template.iter().peekable();
        while let Some(part) = parts.next() {
            let text = match part {
                Part::Literal(_) => continue,
                Part::Id => id,
                Part::Timestamp => timestamp.unwrap_or_default(),
                // They may hold anything, the separator too.
                Part::Url | Part::Header(_) | Part::Body => return false,
            };
            let Some(Part::Literal(separator)) = parts.peek() else { return false };
            // A separator may also begin in what is before it: `--` after `a-`.
            if format!("{text}{separator}").find(separator.as_ref()) != Some(text.len()) {
                return false;
            }
            if *part == Part::Id {
                return true;
            }
        }
        false
    }
}

/// The headers of a request.
pub trait HeaderLookup {
    /// The first value of the header. Names are asked for in lower case; those of the request may be in any.
    fn get(&self, name: &str) -> Option<&[u8]>;
}

impl<K: AsRef<str>, V: AsRef<[u8]>> HeaderLookup for [(K, V)] {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(key, _)| key.as_ref().eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

/// The header's value without white space around it; a blank one counts as not sent.
pub(super) fn sent<'a>(headers: &'a (impl HeaderLookup + ?Sized), name: &str) -> Option<&'a [u8]> {
    headers.get(name).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty())
}
