//! The trace of a request: where it is looked for, and which texts can be one.

/// The headers that may carry it, in the order in which they are asked.
pub const SOURCES: [&str; 4] = ["x-correlation-id", "x-request-id", "x-trackstar-request-id", "x-delivery-id"];

const LENGTH_MAX: usize = 128;

/// Whether a caller's id can be logged and stored as it is.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    !id.is_empty() && id.len() <= LENGTH_MAX && id.bytes().all(allowed)
}
