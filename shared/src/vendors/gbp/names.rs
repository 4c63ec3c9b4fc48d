//! Google's names of things. Each is a part of a path, and so holds nothing that could lead elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id within a name, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Why a text is no name of Google's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidName(&'static str);

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    // A dash alone is Google's wildcard.
    !id.is_empty() && id != "-" && id.len() <= ID_BYTES_MAX && id.bytes().all(plain)
}

/// Types that hold a collection and an id, as in `locations/1`.
macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident = $collection:literal, $example:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it stands in paths.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let text = text.trim();
                let is_one = text.strip_prefix($collection).is_some_and(is_id);
                if is_one { Ok(Self(text.to_owned())) } else { Err(InvalidName($example)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
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

names! {
    /// An account: a person, or a group of locations.
    AccountName = "accounts/", "accounts/ and a number";
    /// A location: one profile.
    LocationName = "locations/", "locations/ and a number";
}
