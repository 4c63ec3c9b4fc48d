//! What holds for any delivery of any scheme.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::domain::deliveries::signature::reformat::{Style, reformat};
use crate::domain::deliveries::signature::scheme::Encoding;
use crate::domain::deliveries::signature::schemes;

fn any_scheme() -> impl Strategy<Value = Scheme> {
    let json = r#"{"header":"x-a","idHeader":"x-i","timestampHeader":"x-t","template":"{id}/{timestamp}/{body}"}"#;
    let described = Scheme::from_json(json).unwrap();
    select(schemes::ALL.into_iter().cloned().chain([described]).collect::<Vec<_>>())
}

fn flipped(bytes: &[u8], at: Index, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
    bytes
}

/// Headers as bytes: a flipped bit need not leave text.
fn bytes(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.clone().into_bytes())).collect()
}

proptest! {
    #[test]
    fn what_is_signed_verifies_whatever_the_body(
        scheme in any_scheme(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let headers = signed(&scheme, SECRET, &body);
        prop_assert!(check(&scheme, SECRET, &headers, &body).is_ok());
        prop_assert_eq!(check(&scheme, OTHER_SECRET, &headers, &body), Err(Refused::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_the_body_fails(
        scheme in any_scheme(),
        body in prop::collection::vec(any::<u8>(), 1..200),
        at in any::<Index>(),
        bit in 0..8u8,
    ) {
        let headers = signed(&scheme, SECRET, &body);
        prop_assert_eq!(check(&scheme, SECRET, &headers, &flipped(&body, at, bit)), Err(Refused::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_a_signed_header_fails(
        scheme in any_scheme(),
        which in any::<Index>(),
        place in any::<Index>(),
        bit in 0..8u8,
    ) {
        let good = signed(&scheme, SECRET, BODY.as_bytes());
        let mut headers = bytes(&good);
        // An id that is not signed comes last, and may be anything.
        let protected = headers.iter().filter(|(name, _)| {
            scheme.spellings[0].id.as_deref() == Some(name)
                || scheme.spellings[0].timestamp.as_deref() == Some(name)
                || scheme.spellings[0].signature == *name
        }).count();
        let value = &mut headers[which.index(protected)].1;
        let changed = flipped(value, place, bit);
        // The case of hexadecimal letters and of a prefix does not matter, base64's does.
        prop_assume!(scheme.encoding == Encoding::Base64
            || !changed.eq_ignore_ascii_case(value));
        *value = changed;
        let found = verify(&scheme, &current(SECRET), headers.as_slice(), Some(URL), BODY.as_bytes(), at(AT));
        prop_assert!(found.is_err(), "{:?}", headers);
    }

    #[test]
    fn any_flipped_bit_of_the_signature_itself_fails(scheme in any_scheme(), at in 0..32usize, bit in 0..8u8) {
        use crate::domain::deliveries::signature::{mac, verify::{Sent, read_value}};
        let headers = signed(&scheme, SECRET, BODY.as_bytes());
        let sent = Sent::locate(&scheme, headers.as_slice()).unwrap();
        let (tags, _) = read_value(&scheme, &sent).unwrap();
        let mut other = tags[0];
        other[at] ^= 1 << bit;
        prop_assert!(mac::any_equal(&tags[0], &tags));
        prop_assert!(!mac::any_equal(&tags[0], &[other]));
        prop_assert!(mac::any_equal(&tags[0], &[other, tags[0]]));
        prop_assert!(mac::any_equal(&tags[0], &[tags[0], tags[0]]));
    }

    #[test]
    fn the_same_json_in_other_bytes_fails(scheme in any_scheme(), width in 0..8usize) {
        let headers = signed(&scheme, SECRET, BODY.as_bytes());
        for style in [Style::Spaced, Style::Indented(width)] {
            let body = reformat(BODY.as_bytes(), style);
            prop_assert_eq!(
                serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
                serde_json::from_str::<serde_json::Value>(BODY).unwrap()
            );
            prop_assert_eq!(check(&scheme, SECRET, &headers, &body), Err(Refused::Mismatch));
        }
        // And the other way round: what was signed with odd spacing verifies with it.
        let body = reformat(BODY.as_bytes(), Style::Indented(width));
        prop_assert!(check(&scheme, SECRET, &signed(&scheme, SECRET, &body), &body).is_ok());
    }

    #[test]
    fn the_case_of_hexadecimal_does_not_matter(upper in prop::collection::vec(any::<bool>(), 80)) {
        for scheme in [&schemes::PACKR, &schemes::POS, &schemes::GITHUB, &schemes::SLACK] {
            let mut headers = signed(scheme, SECRET, BODY.as_bytes());
            let mixed = headers[0].1.chars().zip(&upper);
            headers[0].1 = mixed.map(|(letter, upper)| if *upper { letter.to_ascii_uppercase() } else { letter }).collect();
            prop_assert!(check(scheme, SECRET, &headers, BODY.as_bytes()).is_ok(), "{:?}", headers);
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_order(scheme in any_scheme(), turn in 0..4usize) {
        let mut headers = signed(&scheme, SECRET, BODY.as_bytes());
        let expected = check(&scheme, SECRET, &headers, BODY.as_bytes());
        let count = headers.len();
        headers.rotate_left(turn % count);
        for (name, value) in &mut headers {
            *name = name.to_ascii_uppercase().into();
            *value = format!(" {value}\t");
        }
        prop_assert_eq!(check(&scheme, SECRET, &headers, BODY.as_bytes()), expected);
    }

    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        scheme in any_scheme(),
        value in prop::collection::vec(any::<u8>(), 0..200),
        list in "[vt0-9=, A-Fa-f+/]{0,120}",
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        for value in [value.as_slice(), list.as_bytes()] {
            let headers: Vec<(&str, &[u8])> = scheme.spellings.iter()
                .flat_map(|one| [Some(&one.signature), one.id.as_ref(), one.timestamp.as_ref()])
                .flatten().map(|name| (name.as_ref(), value)).collect();
            let found = verify(&scheme, &current(SECRET), headers.as_slice(), Some(URL), &body, at(AT));
            prop_assert!(found.is_err());
        }
    }
}
