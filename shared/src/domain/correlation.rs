//! The trace of a request: where it is looked for, and which texts can be one.

use jiff::Timestamp;

/// The headers that may carry it, in the order in which they are asked.
pub const SOURCES: [&str; 4] = ["x-correlation-id", "x-request-id", "x-trackstar-request-id", "x-delivery-id"];

const LENGTH_MAX: usize = 128;

/// A trace of our own, for a request that brings none: a version 7 UUID (RFC 9562), so that it says when the request came, and
/// what became of it is looked for in that minute alone. `random` keeps two of the same millisecond apart.
#[must_use]
pub fn made(at: Timestamp, random: [u8; 16]) -> String {
    let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let [tail @ .., _, _, _, _, _, _] = random;
    uuid::Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid().to_string()
}

/// The moment that a trace says, epoch milliseconds. One that somebody else made says none, or one of their clock.
#[must_use]
pub fn moment(trace: &str) -> Option<i64> {
    let id = uuid::Uuid::try_parse(trace).ok().filter(|id| id.get_version_num() == 7)?;
    // The first 48 bits of 128.
    i64::try_from(id.as_u128() >> 80).ok()
}

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
    fn a_trace_of_ours_says_when_it_was_made_and_no_other_does() {
        let at = Timestamp::from_millisecond(1_731_705_121_123).unwrap();
        let ours = made(at, [0xAB; 16]);
        assert_eq!((moment(&ours), is_plain(&ours)), (Some(1_731_705_121_123), true), "{ours}");
        assert_ne!(ours, made(at, [0xAC; 16]));
        for other in ["", "trace-1", "4bf92f3577b34da6a3ce929d0e0e4736", "f81d4fae-7dec-4d0d-a765-00a0c91e6bf6"] {
            assert_eq!(moment(other), None, "{other}");
        }
    }

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
