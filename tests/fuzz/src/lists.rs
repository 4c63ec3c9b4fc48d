//! Svix's lists: `v1,<signature> v2,<signature> …`. One is let in if, and only if, a right signature is in it, in its own
//! place and in bounds.
//!
//! An input is the value of the header. `$1` in it stands for the signature under the current secret, `$2` for the one
//! under the previous secret, `$3` for one of another body.

use jiff::Timestamp;
use signalbox::domain::deliveries::signature::{LiveSecret, Refused, Scheme, SecretLabel, schemes, sign, verify};
use signalbox::domain::secret::Secret;

/// What the README of the schemes promises: a list that only costs time is not read.
const SIGNATURES_MAX: usize = 16;
const BYTES_MAX: usize = 4096;

const CURRENT: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";
const PREVIOUS: &str = "whsec_c2lnbmFsYm94LW90aGVyLWtleSE=";
const BODY: &[u8] = br#"{"event_type":"ping","data":{"success":true}}"#;

/// Checks a list.
///
/// # Panics
/// When a list is let in or refused that should not be.
pub fn check(data: &[u8]) {
    let now = Timestamp::from_second(1_731_705_121).expect("a time");
    let signed = |scheme: &Scheme, secret: &str, body: &[u8]| {
        sign(scheme, &Secret::new(secret), Some("msg_1"), now, None, body).expect("a key")
    };
    for scheme in [&schemes::SVIX, &schemes::STANDARD_WEBHOOKS] {
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in signed(scheme, CURRENT, BODY) {
            headers.push((name.into_owned(), value.into_bytes()));
        }
        let text = |secret: &str, body: &[u8]| signed(scheme, secret, body)[0].1.replace("v1,", "");
        let right = [text(CURRENT, BODY), text(PREVIOUS, BODY)];
        let value = filled_in(data, &[&right[0], &right[1], &text(CURRENT, b"{}")]);
        headers[0].1.clone_from(&value);

        let secrets = [LiveSecret::current(Secret::new(CURRENT)), LiveSecret::previous(Secret::new(PREVIOUS))];
        let found = verify(scheme, &secrets, headers.as_slice(), None, BODY, now);
        match expected(&value, &right) {
            Ok(label) => {
                let verified = found.unwrap_or_else(|refused| panic!("refused a right list: {refused}"));
                assert_eq!(verified.secret_label, label);
                assert_eq!(verified.delivery_id.map(|id| (id.text, id.signed)), Some(("msg_1".to_owned(), true)));
            }
            Err(code) => assert_eq!(found.as_ref().map_err(Refused::code), Err(code), "{found:?}"),
        }
    }
}

/// What must come of a list, read from its description and not from the code: which secret proves it, or the code it is
/// refused with.
fn expected(value: &[u8], right: &[String; 2]) -> Result<SecretLabel, &'static str> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Err("missing_signature");
    }
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= BYTES_MAX);
    let Some(text) = text.filter(|text| !text.contains(char::is_control)) else { return Err("malformed") };
    let ours: Vec<&str> = text.split(' ').filter_map(|item| item.strip_prefix("v1,")).collect();
    if ours.len() > SIGNATURES_MAX {
        return Err("malformed");
    }
    // 32 bytes are 43 letters and one `=`, which is often lost.
    let holds = |right: &String| ours.iter().any(|found| found == right || Some(*found) == right.strip_suffix('='));
    if holds(&right[0]) {
        Ok(SecretLabel::Current)
    } else if holds(&right[1]) {
        Ok(SecretLabel::Previous)
    } else if ours.iter().any(|found| is_a_signature(found)) {
        Err("signature_mismatch")
    } else {
        Err("malformed")
    }
}

/// Whether the text is base64 of 32 bytes, whose last letter then carries two bits that must be zero.
fn is_a_signature(text: &str) -> bool {
    let letters = text.strip_suffix('=').unwrap_or(text).as_bytes();
    letters.len() == 43
        && letters.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
        && b"AEIMQUYcgkosw048".contains(&letters[42])
}

fn filled_in(data: &[u8], signatures: &[&str; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((first, after)) = rest.split_first() {
        match (first, after.first()) {
            (b'$', Some(digit @ b'1'..=b'3')) => {
                out.extend_from_slice(signatures[usize::from(digit - b'1')].as_bytes());
                rest = &after[1..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}
