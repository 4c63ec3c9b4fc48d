//! Fingerprints: which failures are one and the same, though each names another row, page or time.

use sha2::{Digest as _, Sha256};

/// How much of an answer tells what it is, in characters.
const ANSWER_CHARACTERS_MAX: usize = 200;
/// How many bytes of the digest tell a few failures apart.
const BYTES: usize = 6;

/// The fingerprint of a failure: of its code, the list that was asked for, why, and how the answer began. Numbers in these count as one.
#[must_use]
pub fn fingerprint(code: &str, path: &str, detail: &str, answer: Option<&str>) -> String {
    let answer: String = answer.unwrap_or_default().chars().take(ANSWER_CHARACTERS_MAX).collect();
    let mut digest = Sha256::new();
    for part in [code, path, detail, &answer] {
        digest.update(without_numbers(part));
        digest.update([0]);
    }
    digest.finalize().iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn without_numbers(text: &str) -> String {
    let mut shortened = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_ascii_digit() {
            true if shortened.ends_with('#') => {}
            true => shortened.push('#'),
            false => shortened.push(character),
        }
    }
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_no_difference_and_all_else_does() {
        let of = |detail, answer| fingerprint("page_invalid", "/tenants", detail, answer);
        let one = of("page 3 is a web page", Some("<html>1700000001"));
        assert_eq!(one, of("page 12 is a web page", Some("<html>1700000022")));
        assert_eq!(one.len(), 12);
        for other in [
            of("page 3 is no JSON", Some("<html>1700000001")),
            of("page 3 is a web page", Some("<body>1700000001")),
            of("page 3 is a web page", None),
            fingerprint("page_invalid", "/units", "page 3 is a web page", Some("<html>1700000001")),
            fingerprint("source_unreadable", "/tenants", "page 3 is a web page", Some("<html>1700000001")),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_comes_late_in_an_answer_makes_none() {
        let beginning = "<html>".repeat(60);
        let of = |answer: &str| fingerprint("page_invalid", "/tenants", "why", Some(answer));
        assert_eq!(of(&beginning), of(&format!("{beginning}another end")));
    }
}
