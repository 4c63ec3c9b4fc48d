//! What a category is called: by people, in addresses, by us, and by Google.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest name and the longest slug, in characters.
pub const NAME_CHARACTERS_MAX: usize = 100;
/// The longest of Google's ids, in bytes.
const GOOGLE_BYTES_MAX: usize = 128;

/// Why a text is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// A name that is empty, too long, or holds what cannot be seen.
    #[error("must have 1 to {NAME_CHARACTERS_MAX} characters, and no control characters")]
    Name,
    /// A slug that is empty, too long, or holds what has no place in an address.
    #[error("must have 1 to {NAME_CHARACTERS_MAX} characters of a-z, 0-9 and '-'")]
    Slug,
    /// A text that is not an id of ours.
    #[error("must be the id of a category")]
    Id,
    /// A text that is not an id of Google's.
    #[error("must be Google's id of a category, such as gcid:restaurant")]
    Google,
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// A category's id: a version 7 UUID, so that lists by id are in the order in which categories were made.
    CategoryId;
    /// A category's name.
    CategoryName;
    /// A category's name in addresses, of which a tenant has no two alike.
    Slug;
    /// Google's id of a category, `gcid:restaurant`. `categories/gcid:restaurant`, as its API has it, is the same.
    GoogleCategoryId;
}

impl CategoryId {
    /// The id of a category that is made at `at`; `random` keeps two of the same millisecond apart.
    #[must_use]
    pub fn new(at: Timestamp, random: [u8; 16]) -> Self {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        Self(uuid::Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid().to_string())
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When it cannot be one of ours.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let id = uuid::Uuid::try_parse(text.trim()).map_err(|_| InvalidName::Id)?;
        if id.get_version_num() == 7 { Ok(Self(id.to_string())) } else { Err(InvalidName::Id) }
    }
}

impl CategoryName {
    /// Reads a name; what surrounds it is left out.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what cannot be seen.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=NAME_CHARACTERS_MAX).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Name) }
    }

    /// As much of a name as fits; a text that has none is called as `otherwise`.
    #[must_use]
    pub fn fitted(text: &str, otherwise: &GoogleCategoryId) -> Self {
        let seen: String = text.chars().filter(|character| !character.is_control()).collect();
        let fitted: String = seen.trim().chars().take(NAME_CHARACTERS_MAX).collect();
        Self::parse(&fitted).unwrap_or_else(|_| Self(otherwise.as_str().chars().take(NAME_CHARACTERS_MAX).collect()))
    }
}

impl Slug {
    /// Reads a slug. Capitals are refused and not lowered: the address would be another than the one that was given.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what has no place in an address.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=NAME_CHARACTERS_MAX).contains(&text.len());
        if fits && text.bytes().all(allowed) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Slug) }
    }

    /// The first slug for a name that is not taken: the name's letters and digits, and a number where others have it.
    #[must_use]
    pub fn free(name: &CategoryName, is_taken: impl Fn(&Self) -> bool) -> Self {
        let plain = name.as_str().to_lowercase();
        let words = plain.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let stem = words.collect::<Vec<_>>().join("-");
        let stem = if stem.is_empty() { "category".to_owned() } else { stem };
        let numbered = |number: usize| {
            let end = if number == 1 { String::new() } else { format!("-{number}") };
            Self(format!("{}{end}", &stem[..stem.len().min(NAME_CHARACTERS_MAX - end.len())]))
        };
        // Of one more than a tenant has, one is free.
        let mut number = 1;
        while is_taken(&numbered(number)) {
            number += 1;
        }
        numbered(number)
    }
}

impl GoogleCategoryId {
    /// Reads an id of Google's. It stands in paths of its API, and so holds nothing that could lead elsewhere; a dash alone is a wildcard
    /// there.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let id = text.strip_prefix("categories/").unwrap_or(text);
        let rest = id.strip_prefix("gcid:").ok_or(InvalidName::Google)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let fits = !rest.is_empty() && rest != "-" && id.len() <= GOOGLE_BYTES_MAX;
        if fits && rest.bytes().all(allowed) { Ok(Self(id.to_owned())) } else { Err(InvalidName::Google) }
    }

    /// The name of the resource in Google's API.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("categories/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_are() {
        let (longest, longer) = ("x".repeat(100), "x".repeat(101));
        for (text, name, slug, google) in [
            ("shoes", true, true, false),
            (longest.as_str(), true, true, false),
            (longer.as_str(), false, false, false),
            ("", false, false, false),
            (" ", false, false, false),
            ("Shoes & Bags", true, false, false),
            ("ærø", true, false, false),
            ("a\u{7}b", false, false, false),
            ("gcid:shoe_store", true, false, true),
            ("categories/gcid:shoe_store", true, false, true),
            ("gcid:", true, false, false),
            ("gcid:a/b", true, false, false),
            ("gcid:a:b", true, false, false),
            ("gcid:a b", true, false, false),
            ("gcid:ø", true, false, false),
            ("gcid:-", true, false, false),
            ("categories/hardware_store", true, false, false),
        ] {
            let found = (CategoryName::parse(text).is_ok(), Slug::parse(text).is_ok());
            assert_eq!(found, (name, slug), "{text}");
            assert_eq!(GoogleCategoryId::parse(text).is_ok(), google, "{text}");
        }
        let id = GoogleCategoryId::parse("categories/gcid:shoe_store").unwrap();
        assert_eq!((id.as_str(), id.resource().as_str()), ("gcid:shoe_store", "categories/gcid:shoe_store"));
    }

    #[test]
    fn a_slug_is_made_of_a_name_and_is_free() {
        let long = "a".repeat(100);
        for (name, taken, expected) in [
            ("Shoes & Bags", &[][..], "shoes-bags"),
            ("Shoes", &["shoes", "shoes-2"], "shoes-3"),
            ("日本", &[], "category"),
            (long.as_str(), &[long.as_str()], &format!("{}-2", "a".repeat(98))),
        ] {
            let slug = Slug::free(&CategoryName::parse(name).unwrap(), |slug| taken.contains(&slug.as_str()));
            assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
            assert_eq!(slug.as_str(), expected);
        }
    }

    #[test]
    fn whatever_google_calls_a_category_can_be_a_name() {
        let id = GoogleCategoryId::parse("gcid:shoe_store").unwrap();
        let long = "x".repeat(200);
        for (text, expected) in
            [("Shoe store", "Shoe store"), ("", "gcid:shoe_store"), ("\n", "gcid:shoe_store"), (&long, &long[..100])]
        {
            assert_eq!(CategoryName::fitted(text, &id).as_str(), expected);
        }
    }
}
