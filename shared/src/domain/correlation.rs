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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_short_and_of_plain_characters() {
        for (id, expected) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("a/b+c:d_e.f", true),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("\"a\"", false),
            ("æ", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            assert_eq!(is_plain(id), expected, "{id}");
        }
    }
}
