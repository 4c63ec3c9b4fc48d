//! The trace of a request: which texts can be one.

const LENGTH_MAX: usize = 128;

/// Whether a caller's id can be logged and stored as it is.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    !id.is_empty() && id.len() <= LENGTH_MAX && id.bytes().all(allowed)
}
