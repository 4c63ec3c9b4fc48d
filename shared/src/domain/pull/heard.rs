//! What is kept of a vendor's answer that was no page: its beginning, without what looks like a credential.

use crate::domain::deliveries::shown::{ShownContent, body};

/// The most of an answer that is kept, in bytes: it is stored in the run.
pub const TOLD_BYTES_MAX: usize = 2_048;

/// The beginning of an answer, as it is kept and shown. Of what is no text only its length is told.
#[must_use]
pub fn told(answer: &[u8]) -> String {
    let bytes = answer.len() as u64;
    let beginning = answer.get(..TOLD_BYTES_MAX).unwrap_or(answer);
    match body(beginning, bytes).content {
        // What masks may be longer than what was masked.
        ShownContent::Text(text) => {
            let end = (0..=TOLD_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
            text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
        }
        ShownContent::Base64(_) => format!("{bytes} bytes that are no text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_told_without_credentials() {
        assert_eq!(told(b"<html><title>Sign in</title>"), "<html><title>Sign in</title>");
        let masked = told(br#"{"message": "no", "apiKey": "a-key-of-a-vendor"}"#);
        assert!(masked.contains("no") && !masked.contains("a-key-of-a-vendor"), "{masked}");
        assert_eq!(told(&[0xFF, 0xFE, 0x00]), "3 bytes that are no text");
        assert_eq!(told(b""), "");
        for long in ["\u{f8}".repeat(5_000), r#"{"token":"x","#.repeat(1_000)] {
            let told = told(long.as_bytes());
            assert!(told.len() <= TOLD_BYTES_MAX && told.len() > TOLD_BYTES_MAX / 2, "{}", told.len());
        }
    }
}
