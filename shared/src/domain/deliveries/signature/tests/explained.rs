//! Mistakes that operators and senders make, and what `explain` says of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;
use crate::domain::deliveries::signature::{Explanation, explain, mac, schemes};

fn explained(scheme: &Scheme, secret: &str, headers: &Headers, body: &str) -> Explanation {
    explain(scheme, &current(secret), headers.as_slice(), Some(URL), body.as_bytes(), at(AT))
}

/// The findings' codes, after having seen that no text gives anything away.
#[track_caller]
fn codes(explanation: &Explanation, secret: &str) -> Vec<&'static str> {
    let text: String = explanation.findings.iter().map(|finding| format!("{finding} {finding:?}")).collect();
    assert!(!text.contains(secret.trim()), "{text}");
    explanation.findings.iter().map(|finding| finding.code()).collect()
}

/// The scheme's headers with a signature that was made in another way.
fn signed_as(scheme: &Scheme, key: &[u8], text: &str, write: impl Fn(&mac::Tag) -> String) -> Headers {
    let mut headers = signed(scheme, SECRET, b"");
    headers[0].1 = write(&mac::hmac_sha256(key, [text.as_bytes()]));
    headers
}

fn hex_of(tag: &mac::Tag) -> String {
    hex::encode(tag)
}

#[test]
fn what_verifies_needs_no_explanation() {
    for scheme in schemes::ALL {
        let explanation = explained(scheme, SECRET, &signed(scheme, SECRET, BODY.as_bytes()), BODY);
        assert!(explanation.outcome.is_ok() && explanation.findings.is_empty(), "{}", scheme.name());
    }
}

#[test]
fn nothing_explains_a_wrong_secret() {
    for scheme in schemes::ALL {
        let headers = signed(scheme, OTHER_SECRET, BODY.as_bytes());
        assert_eq!(codes(&explained(scheme, SECRET, &headers, BODY), SECRET), ["nothing"], "{}", scheme.name());
    }
}

#[test]
fn a_late_delivery_whose_signature_is_right() {
    for scheme in [&schemes::SVIX, &schemes::STRIPE, &schemes::SLACK] {
        let headers = signed(scheme, SECRET, BODY.as_bytes());
        let now = at(AT + 4000);
        let explanation = explain(scheme, &current(SECRET), headers.as_slice(), None, BODY.as_bytes(), now);
        assert_eq!(explanation.outcome.as_ref().unwrap_err().code(), "timestamp_too_old");
        assert_eq!(codes(&explanation, SECRET), ["only_the_timestamp"]);
    }
}

#[test]
fn a_timestamp_in_milliseconds() {
    let headers = with(signed(&schemes::SVIX, SECRET, BODY.as_bytes()), "svix-timestamp", &format!("{AT}000"));
    assert_eq!(codes(&explained(&schemes::SVIX, SECRET, &headers, BODY), SECRET), ["milliseconds"]);
    // Signed with them, so that nothing else is wrong.
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("msg_1.{AT}000.{BODY}");
    let headers = signed_as(&schemes::SVIX, &key, &signed, |tag| format!("v1,{}", STANDARD.encode(tag)));
    let headers = with(headers, "svix-timestamp", &format!("{AT}000"));
    assert_eq!(codes(&explained(&schemes::SVIX, SECRET, &headers, BODY), SECRET), ["milliseconds"]);
    let headers = signed_as(&schemes::STRIPE, SECRET.as_bytes(), &format!("{AT}000.{BODY}"), |tag| {
        format!("t={AT}000,v1={}", hex_of(tag))
    });
    assert_eq!(codes(&explained(&schemes::STRIPE, SECRET, &headers, BODY), SECRET), ["milliseconds"]);
}

#[test]
fn secrets_that_are_written_or_used_in_another_way() {
    let after_prefix = SECRET.strip_prefix("whsec_").unwrap();
    let decoded = STANDARD.decode(after_prefix).unwrap();
    let svix = |key: &[u8]| {
        signed_as(&schemes::SVIX, key, &format!("msg_1.{AT}.{BODY}"), |tag| format!("v1,{}", STANDARD.encode(tag)))
    };
    let pos = |key: &[u8]| signed_as(&schemes::POS, key, BODY, hex_of);
    let hexadecimal = hex::encode("some key");
    for (scheme, secret, headers, expected) in [
        (&schemes::SVIX, SECRET, svix(SECRET.as_bytes()), vec!["key_is_text"]),
        (&schemes::SVIX, SECRET, svix(after_prefix.as_bytes()), vec!["key_is_text_after_prefix"]),
        (&schemes::SVIX, &format!("{SECRET}\n"), svix(&decoded), vec!["secret_whitespace"]),
        (&schemes::SVIX, &format!("\"{SECRET}\""), svix(&decoded), vec!["secret_quotes"]),
        (&schemes::POS, SECRET, pos(&decoded), vec!["key_is_base64"]),
        (&schemes::POS, SECRET, pos(after_prefix.as_bytes()), vec!["key_is_text_after_prefix"]),
        (&schemes::POS, &hexadecimal, pos(b"some key"), vec!["key_is_hex"]),
        (&schemes::POS, "hunter2\n", pos(b"hunter2"), vec!["secret_whitespace"]),
        (&schemes::POS, "hunter2", pos(b"hunter2\n"), vec!["secret_line_break"]),
        (&schemes::POS, "'hunter2'", pos(b"hunter2"), vec!["secret_quotes"]),
        (&schemes::POS, &format!("{SECRET}\n"), pos(&decoded), vec!["secret_whitespace", "key_is_base64"]),
    ] {
        assert_eq!(codes(&explained(scheme, secret, &headers, BODY), secret), expected, "{secret:?}");
    }
}

#[test]
fn bodies_whose_text_was_read_and_written_again_on_the_way() {
    let mark = |body: &str| format!("\u{FEFF}{body}");
    for (was_signed, given, expected) in [
        (r#"{"t":"\u003cp\u003e\u0026"}"#, r#"{"t":"<p>&"}"#, "body_escapes"),
        (r#"{"t":"<p>&"}"#, r#"{"t":"\u003cp\u003e\u0026"}"#, "body_escapes"),
        (r#"{"t":"a\/b"}"#, r#"{"t":"a/b"}"#, "body_escapes"),
        (r#"{"t":"a/b"}"#, r#"{"t":"a\/b"}"#, "body_escapes"),
        (r#"{"t": "\u00e9"}"#, r#"{"t": "é"}"#, "body_escapes"),
        (r#"{"t": "\u00E9"}"#, r#"{"t": "é"}"#, "body_escapes"),
        (r#"{"t": "é😀"}"#, r#"{"t": "\u00e9\ud83d\ude00"}"#, "body_escapes"),
        (r#"{"t":"\u00e9\/"}"#, r#"{"t":"é/"}"#, "body_escapes"),
        // Python's json.dumps, and JSON.stringify after it.
        (r#"{"t": "\u00e9", "u": 1}"#, r#"{"t":"é","u":1}"#, "body_escapes"),
        (r#"{"t":"é","u":1}"#, r#"{"t": "\u00e9", "u": 1}"#, "body_escapes"),
        (&mark(BODY), BODY, "body_mark_lost"),
        (BODY, &mark(BODY), "body_mark_added"),
        ("", BODY, "body_empty"),
        (r#"{"t":"mâneca"}"#, "{\"t\":\"m\u{FFFD}\u{FFFD}neca\"}", "body_decoded"),
    ] {
        for scheme in schemes::ALL {
            let headers = signed(scheme, SECRET, was_signed.as_bytes());
            let found = explained(scheme, SECRET, &headers, given);
            assert_eq!(codes(&found, SECRET), [expected], "{}: {was_signed} and {given}", scheme.name());
        }
    }
}

#[test]
fn bodies_that_are_not_the_bytes_that_were_signed() {
    let sorted = r#"{"data":{"a":[true,null],"b":1},"event_id":"evt_1","id":"evt_1"}"#;
    let spaced = r#"{"id": "evt_1", "event_id": "evt_1", "data": {"b": 1, "a": [true, null]}}"#;
    let crlf = "{\r\n\"a\": \"b\"\r\n}";
    let encoded = STANDARD.encode(BODY);
    for (was_signed, given, expected) in [
        (BODY, &*format!("{BODY}\n"), "body_line_break_added"),
        (BODY, &format!("{BODY}\r\n"), "body_line_break_added"),
        (&*format!("{BODY}\n"), BODY, "body_line_break_lost"),
        (crlf, &crlf.replace('\r', ""), "body_line_breaks_changed"),
        (&crlf.replace('\r', ""), crlf, "body_line_breaks_changed"),
        (BODY, spaced, "body_rewritten"),
        (spaced, BODY, "body_rewritten"),
        (sorted, BODY, "body_rewritten"),
        (BODY, &encoded, "body_is_base64"),
    ] {
        for scheme in schemes::ALL {
            let headers = signed(scheme, SECRET, was_signed.as_bytes());
            let found = explained(scheme, SECRET, &headers, given);
            assert_eq!(codes(&found, SECRET), [expected], "{}: {was_signed} given as {given}", scheme.name());
        }
    }
}

#[test]
fn signatures_that_are_written_in_another_way() {
    let key = SECRET.as_bytes();
    for (scheme, write) in [
        (&schemes::POS, &(|tag: &mac::Tag| STANDARD.encode(tag)) as &dyn Fn(&mac::Tag) -> String),
        (&schemes::POS, &|tag| format!("v1={}", hex_of(tag))),
        (&schemes::GITHUB, &hex_of),
        (&schemes::SHOPIFY, &hex_of),
        (&schemes::SHOPIFY, &|tag| format!("sha256={}", STANDARD.encode(tag))),
        (&schemes::SHOPIFY, &|tag| URL_SAFE.encode(tag)),
    ] {
        let headers = signed_as(scheme, key, BODY, write);
        // One in some has the same text in both alphabets of base64.
        let found = explained(scheme, SECRET, &headers, BODY);
        if found.outcome.is_err() {
            assert_eq!(codes(&found, SECRET), ["signature_form"], "{}: {headers:?}", scheme.name());
        }
    }
    let svix_key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let headers = signed_as(&schemes::SVIX, &svix_key, &format!("msg_1.{AT}.{BODY}"), |tag| STANDARD.encode(tag));
    assert_eq!(codes(&explained(&schemes::SVIX, SECRET, &headers, BODY), SECRET), ["signature_form"]);
}

#[test]
fn a_signature_form_says_what_the_scheme_writes() {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let bare = Scheme::from_json(r#"{"header":"x-a"}"#).unwrap();
    let base64_of = |tag: &mac::Tag| STANDARD.encode(tag);
    let other_field = |tag: &mac::Tag| format!("t={AT},v1={},v0={}", "ab".repeat(32), hex_of(tag));
    for (scheme, key, signed, write, expected) in [
        (&schemes::GITHUB, SECRET.as_bytes(), BODY, &base64_of as &dyn Fn(&mac::Tag) -> String, "hex after sha256="),
        (&schemes::POS, SECRET.as_bytes(), BODY, &base64_of, "hex"),
        (&bare, SECRET.as_bytes(), BODY, &base64_of, "hex"),
        (&schemes::SHOPIFY, SECRET.as_bytes(), BODY, &hex_of, "base64"),
        (&schemes::SVIX, &key, &format!("msg_1.{AT}.{BODY}"), &base64_of, "base64 after v1,"),
        (&schemes::STRIPE, SECRET.as_bytes(), &format!("{AT}.{BODY}"), &other_field, "hex after t=…,v1="),
    ] {
        let found = explained(scheme, SECRET, &signed_as(scheme, key, signed, write), BODY);
        assert_eq!(codes(&found, SECRET), ["signature_form"], "{}", scheme.name());
        let text = found.findings[0].to_string();
        assert!(text.ends_with(&format!(", where the scheme has {expected}")), "{text}");
    }
}

#[test]
fn senders_that_sign_another_text() {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    for (template, signed) in [
        ("{body}", BODY.to_owned()),
        ("{timestamp}.{body}", format!("{AT}.{BODY}")),
        ("{timestamp}{body}", format!("{AT}{BODY}")),
        ("{id}{timestamp}{body}", format!("msg_1{AT}{BODY}")),
        ("{id}.{body}", format!("msg_1.{BODY}")),
        ("v0:{timestamp}:{body}", format!("v0:{AT}:{BODY}")),
        ("{timestamp}:{body}", format!("{AT}:{BODY}")),
        ("{url}{body}", format!("{URL}{BODY}")),
    ] {
        let headers = signed_as(&schemes::SVIX, &key, &signed, |tag| format!("v1,{}", STANDARD.encode(tag)));
        let found = explained(&schemes::SVIX, SECRET, &headers, BODY);
        assert_eq!(codes(&found, SECRET), ["signed_text"], "{template}");
        let text = found.findings[0].to_string();
        assert_eq!(text, format!("the sender signs {template}, where the scheme signs {{id}}.{{timestamp}}.{{body}}"));
    }
    // A text with parts that the request does not have is not one to try.
    let headers = signed_as(&schemes::POS, SECRET.as_bytes(), &format!(".{BODY}"), hex_of);
    assert_eq!(codes(&explained(&schemes::POS, SECRET, &headers, BODY), SECRET), ["nothing"]);
}

#[test]
fn senders_that_sign_another_url() {
    for (registered, signed, difference) in [
        ("https://a.example/x/", "https://a.example/x", "without the slash at its end"),
        ("https://a.example/x", "https://a.example/x/", "with a slash at its end"),
        ("https://a.example/x", "http://a.example/x", "http instead of https"),
        ("http://a.example/x", "https://a.example/x", "https instead of http"),
        ("https://a.example/x?q=1", "https://a.example/x", "without the query"),
        (" https://a.example/x", "https://a.example/x", "without white space around it"),
    ] {
        let body = BODY.as_bytes();
        let headers = sign(&schemes::SQUARE, &Secret::new(SECRET), None, at(AT), Some(signed), body).unwrap();
        let secrets = current(SECRET);
        let found = explain(&schemes::SQUARE, &secrets, headers.as_slice(), Some(registered), body, at(AT));
        assert_eq!(codes(&found, SECRET), ["other_url"], "{registered:?}");
        assert!(found.findings[0].to_string().ends_with(difference), "{}", found.findings[0]);
    }
}

#[test]
fn deliveries_of_another_scheme() {
    for scheme in schemes::ALL {
        let headers = signed(scheme, SECRET, BODY.as_bytes());
        let asked = if scheme.name() == "pos" { &schemes::GITHUB } else { &schemes::POS };
        let found = explained(asked, SECRET, &headers, BODY);
        assert_eq!(found.outcome.as_ref().unwrap_err().code(), "missing_signature");
        assert_eq!(codes(&found, SECRET), ["other_scheme"], "{}", scheme.name());

        let found = explained(asked, OTHER_SECRET, &headers, BODY);
        assert_eq!(codes(&found, OTHER_SECRET)[0], "header_of_other_scheme", "{}", scheme.name());
    }
    // The same headers, another key: Stripe's secrets are not decoded.
    let headers = signed(&schemes::GITHUB, SECRET, BODY.as_bytes());
    let found = explained(&schemes::STRIPE, SECRET, &headers, BODY);
    assert_eq!(
        found.findings[0].to_string(),
        "the delivery is signed by scheme github, not stripe, and verifies with it"
    );
}

#[test]
fn a_refusal_that_says_what_is_wrong_has_no_guess_beside_it() {
    let headers = without(signed(&schemes::SVIX, OTHER_SECRET, BODY.as_bytes()), "svix-id");
    let found = explained(&schemes::SVIX, SECRET, &headers, BODY);
    assert_eq!((found.outcome.unwrap_err().code(), found.findings), ("missing_header", Vec::new()));
}

#[test]
fn without_a_secret_there_is_nothing_to_try() {
    let headers = signed(&schemes::POS, SECRET, BODY.as_bytes());
    let found = explained(&schemes::POS, " ", &headers, BODY);
    assert_eq!((found.outcome, found.findings), (Err(Refused::NoSecret), Vec::new()));
}
