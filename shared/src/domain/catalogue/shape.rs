//! What a document is that is no catalogue, by its first bytes: a text that says "not JSON" of a packed file helps nobody.

use std::fmt;

/// What a document looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// It has no byte but white space.
    Empty,
    /// Packed.
    Packed(&'static str),
    /// In another encoding.
    Encoded(&'static str),
    /// HTML or XML.
    Markup,
    /// Anything else.
    Unknown,
}

/// Bytes that are looked at.
pub(super) const LOOKED_AT: usize = 6;

impl Looks {
    /// Tells from the first bytes.
    pub(super) fn of(start: &[u8]) -> Self {
        const KNOWN: [(&[u8], Looks); 11] = [
            (&[0x1F, 0x8B], Looks::Packed("gzip")),
            (&[0x28, 0xB5, 0x2F, 0xFD], Looks::Packed("Zstandard")),
            (&[0x50, 0x4B, 0x03, 0x04], Looks::Packed("ZIP")),
            (&[0x42, 0x5A, 0x68], Looks::Packed("bzip2")),
            (&[0xFD, 0x37, 0x7A, 0x58, 0x5A], Looks::Packed("xz")),
            (&[0xFF, 0xFE, 0x00, 0x00], Looks::Encoded("UTF-32")),
            (&[0x00, 0x00, 0xFE, 0xFF], Looks::Encoded("UTF-32")),
            (&[0x00, 0x00, 0x00], Looks::Encoded("UTF-32")),
            (&[0xFF, 0xFE], Looks::Encoded("UTF-16")),
            (&[0xFE, 0xFF], Looks::Encoded("UTF-16")),
            (&[0x00], Looks::Encoded("UTF-16")),
        ];
        match start.first() {
            None => Self::Empty,
            Some(b'<') => Self::Markup,
            Some(_) => {
                KNOWN.iter().find(|(bytes, _)| start.starts_with(bytes)).map_or(Self::Unknown, |(_, looks)| *looks)
            }
        }
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const RULE: &str = "it must be a JSON array of objects, or one JSON object a line";
        match self {
            Self::Empty => write!(formatter, "the catalogue is empty: {RULE}, and [] where there is nothing"),
            Self::Packed("gzip") => formatter.write_str(
                "the catalogue is compressed with gzip, and neither does its name end in .gz nor its server say so (Content-Encoding)",
            ),
            Self::Packed(by) => {
                write!(formatter, "the catalogue is compressed ({by}): it must be plain, or compressed with gzip")
            }
            Self::Encoded(encoding) => write!(formatter, "the catalogue is encoded in {encoding}: it must be in UTF-8"),
            Self::Markup => write!(
                formatter,
                "the catalogue is HTML or XML, of a page for people or of an error perhaps: {RULE}"
            ),
            Self::Unknown => write!(formatter, "the catalogue starts with neither [ nor {{: {RULE}"),
        }
    }
}
