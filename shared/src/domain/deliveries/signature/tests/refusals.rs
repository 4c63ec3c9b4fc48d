//! What is refused, under which code, and what is let through.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::domain::deliveries::signature::{LocalBypass, Proof, SecretLabel, VerifiedDelivery, schemes};

/// The scheme, what to do to a good delivery's headers, and the code that comes out of it.
type Case<'a> = (&'a Scheme, &'a dyn Fn(Headers) -> Headers, Result<(), &'a str>);

#[test]
fn each_flaw_has_its_code() {
    let several = |count: usize, version: &str| vec![format!("{version},AAAA"); count].join(" ");
    let hex = "ab".repeat(32);
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        (&schemes::SVIX, &|good| good, Ok(())),
        (&schemes::SVIX, &|good| without(good, "svix-signature"), Err("missing_signature")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", "  "), Err("missing_signature")),
        (&schemes::SVIX, &|good| without(good, "svix-id"), Err("missing_header")),
        (&schemes::SVIX, &|good| without(good, "svix-timestamp"), Err("missing_header")),
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", "soon"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", "-5"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", "+1731705121"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", "99999999999999999999"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", &"1".repeat(41)), Err("malformed")),
        // The same moment in other digits is not what was signed.
        (&schemes::SVIX, &|good| with(good, "svix-timestamp", &format!("0{AT}")), Err("signature_mismatch")),
        (&schemes::SVIX, &|good| with(good, "svix-id", &"m".repeat(256)), Err("signature_mismatch")),
        (&schemes::SVIX, &|good| with(good, "svix-id", &"m".repeat(257)), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-id", "a\u{1}b"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-id", "msg_2"), Err("signature_mismatch")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", "v1"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", "v2,AAAA"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", "v1,AAAA"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", "v1,***"), Err("malformed")),
        (&schemes::SVIX, &|good| with(good, "svix-signature", &"x".repeat(4097)), Err("malformed")),
        // A header of the other spelling does not stand in for a missing one.
        (&schemes::SVIX, &|good| with(without(good, "svix-id"), "webhook-id", "msg_1"), Err("missing_header")),
        // Beside the right one: signatures that we cannot read, and versions that we do not know.
        (&schemes::SVIX, &|good| prepended(good, "v1,*** v1a,AAAA v2,AAAA ?"), Ok(())),
        (&schemes::SVIX, &|good| prepended(good, &several(16, "v2")), Ok(())),
        (&schemes::SVIX, &|good| prepended(good, &several(15, "v1")), Ok(())),
        (&schemes::SVIX, &|good| prepended(good, &several(16, "v1")), Err("malformed")),
        // Whichever spelling is whole.
        (&schemes::SVIX, &|good| with(good, "webhook-signature", "v1,AAAA"), Ok(())),
        (&schemes::SVIX, &webhook_names, Ok(())),
        (&schemes::SVIX, &|good| with(webhook_names(good), "svix-signature", "v1,AAAA"), Ok(())),
        (&schemes::STANDARD_WEBHOOKS, &|good| good, Ok(())),
        (&schemes::STRIPE, &|good| good, Ok(())),
        (&schemes::STRIPE, &|good| with(good, "stripe-signature", &format!("v1={hex}")), Err("malformed")),
        (&schemes::STRIPE, &|good| with(good, "stripe-signature", &format!("t={AT}")), Err("malformed")),
        (&schemes::STRIPE, &|good| with(good, "stripe-signature", &format!("t={AT},v0={hex}")), Err("malformed")),
        (&schemes::STRIPE, &|good| with(good, "stripe-signature", &format!("t=now,v1={hex}")), Err("malformed")),
        (&schemes::STRIPE, &|good| with(good, "stripe-signature", &format!("t={AT},v1={hex}")), Err("signature_mismatch")),
        (&schemes::GITHUB, &|good| good, Ok(())),
        (&schemes::GITHUB, &|good| with(good, "x-hub-signature-256", &hex), Err("malformed")),
        (&schemes::GITHUB, &|good| with(good, "x-hub-signature-256", "sha256="), Err("malformed")),
        (&schemes::GITHUB, &|good| with(good, "x-hub-signature-256", &format!("sha256={hex}ab")), Err("malformed")),
        (&schemes::GITHUB, &|good| with(good, "x-hub-signature-256", &format!("sha1={}", &hex[..40])), Err("malformed")),
        (&schemes::GITHUB, &|good| without(good, "x-github-delivery"), Ok(())),
        (&schemes::GITHUB, &|good| with(good, "x-github-delivery", &"g".repeat(256)), Ok(())),
        (&schemes::GITHUB, &|good| with(good, "x-github-delivery", &"g".repeat(257)), Err("unusable_id")),
        (&schemes::POS, &|good| good, Ok(())),
        (&schemes::POS, &|good| with(good, "x-webhook-signature", "é"), Err("malformed")),
        (&schemes::POS, &|good| with(good, "x-webhook-signature", &format!("SHA256={hex}")), Err("signature_mismatch")),
        (&schemes::POS, &|good| without(good, "x-webhook-signature"), Err("missing_signature")),
        (&schemes::PACKR, &|good| good, Ok(())),
        (&schemes::SHOPIFY, &|good| good, Ok(())),
        (&schemes::SHOPIFY, &|good| with(good, "x-shopify-hmac-sha256", &hex), Err("malformed")),
        (&schemes::SQUARE, &|good| good, Ok(())),
        (&schemes::SLACK, &|good| good, Ok(())),
        (&schemes::SLACK, &|good| without(good, "x-slack-request-timestamp"), Err("missing_header")),
        (&schemes::HOOKDECK, &|good| good, Ok(())),
    ];
    for (index, (scheme, change, expected)) in cases.iter().enumerate() {
        let headers = change(signed(scheme, SECRET, BODY.as_bytes()));
        let found = check(scheme, SECRET, &headers, BODY.as_bytes());
        let code = found.as_ref().map(drop).map_err(Refused::code);
        assert_eq!(code, *expected, "case {index}, {}: {headers:?}: {found:?}", scheme.name());
    }
}

#[test]
fn an_id_in_the_body_fits_a_key_or_is_refused() {
    for (id, expected) in [
        ("m".repeat(256), Ok(Some("m".repeat(256)))),
        ("m".repeat(257), Err("unusable_id")),
        ("a\\u0001b".to_owned(), Err("unusable_id")),
        (" evt_1 ".to_owned(), Ok(Some("evt_1".to_owned()))),
        ("  ".to_owned(), Ok(None)),
    ] {
        let body = format!(r#"{{"id":"{id}"}}"#);
        let found =
            check(&schemes::STRIPE, SECRET, &signed(&schemes::STRIPE, SECRET, body.as_bytes()), body.as_bytes());
        let found = found.map(|verified| verified.delivery_id.map(|id| id.text)).map_err(|refused| refused.code());
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn only_our_own_configuration_is_ours_to_mend() {
    let header = || Text::Borrowed("x-a");
    for (refused, expected) in [
        (Refused::NoSecret, true),
        (Refused::SecretUnusable { label: SecretLabel::Previous }, true),
        (Refused::NoUrl, true),
        (Refused::MissingHeader { header: header() }, false),
        (Refused::Mismatch, false),
    ] {
        assert_eq!(refused.is_ours(), expected, "{refused}");
    }
    let unsigned = sign(&schemes::SQUARE, &Secret::new(SECRET), None, at(AT), None, b"");
    assert_eq!(unsigned, Err(Refused::NoUrl));
}

#[test]
fn a_scheme_names_all_headers_that_it_reads() {
    for (scheme, expected) in [
        (
            &schemes::SVIX,
            &["svix-signature", "svix-timestamp", "svix-id", "webhook-signature", "webhook-timestamp", "webhook-id"][..],
        ),
        (&schemes::STRIPE, &["stripe-signature"]),
        (&schemes::GITHUB, &["x-hub-signature-256", "x-github-delivery"]),
        (&schemes::POS, &["x-webhook-signature", "x-signature", "idempotency-key"]),
    ] {
        assert_eq!(scheme.headers().collect::<Vec<_>>(), expected);
        for name in expected {
            let addressed = scheme.is_addressed(&[(*name, "?")][..]);
            assert_eq!(addressed, name.contains("signature"), "{name}");
        }
    }
}

fn prepended(good: Headers, signatures: &str) -> Headers {
    let value = format!("{signatures} {}", good[0].1);
    with(good, "svix-signature", &value)
}

fn webhook_names(good: Headers) -> Headers {
    good.into_iter().map(|(name, value)| (name.replace("svix-", "webhook-").into(), value)).collect()
}

#[test]
fn a_missing_blank_or_unusable_secret_refuses() {
    let refused = |scheme: &Scheme, secrets: &[LiveSecret]| {
        let headers = signed(scheme, SECRET, BODY.as_bytes());
        verify(scheme, secrets, headers.as_slice(), Some(URL), BODY.as_bytes(), at(AT)).unwrap_err()
    };
    let blank = LiveSecret::previous(Secret::new(" \n"));
    for scheme in schemes::ALL {
        assert_eq!(refused(scheme, &[]).code(), "no_secret", "{}", scheme.name());
        assert_eq!(refused(scheme, &current("")).code(), "no_secret", "{}", scheme.name());
        assert_eq!(refused(scheme, std::slice::from_ref(&blank)).code(), "no_secret", "{}", scheme.name());
    }
    for secret in ["whsec_", "not base64!", "whsec_plJ3nmyCDGBKInavdOK15jsl\n"] {
        let found = refused(&schemes::SVIX, &current(secret));
        assert_eq!(found, Refused::SecretUnusable { label: SecretLabel::Current }, "{secret:?}");
        assert!(found.is_ours());
        // Beside one that can be used it is passed over: what fits neither is a wrong signature.
        let both =
            [LiveSecret::current(Secret::new("MDEyMzQ1Njc4OWFiY2RlZg==")), LiveSecret::previous(Secret::new(secret))];
        assert_eq!(refused(&schemes::SVIX, &both), Refused::Mismatch, "{secret:?}");
    }
    // A signature over nothing but an empty key is nobody's.
    let forged = signed(&schemes::GITHUB, "", BODY.as_bytes());
    assert_eq!(check(&schemes::GITHUB, "", &forged, BODY.as_bytes()), Err(Refused::NoSecret));
}

#[test]
fn either_of_two_live_secrets_fits_and_which_is_told() {
    let secrets = [LiveSecret::current(Secret::new(OTHER_SECRET)), LiveSecret::previous(Secret::new(SECRET))];
    for scheme in schemes::ALL {
        for (secret, index, label) in [(OTHER_SECRET, 0, SecretLabel::Current), (SECRET, 1, SecretLabel::Previous)] {
            let headers = signed(scheme, secret, BODY.as_bytes());
            let found = verify(scheme, &secrets, headers.as_slice(), Some(URL), BODY.as_bytes(), at(AT)).unwrap();
            assert_eq!((found.secret_index, found.secret_label), (index, label), "{}", scheme.name());
        }
    }
    // A blank or unusable one does not spoil the other.
    for spoilt in ["", "not base64!"] {
        let secrets = [LiveSecret::current(Secret::new(spoilt)), LiveSecret::previous(Secret::new(SECRET))];
        let headers = signed(&schemes::SVIX, SECRET, BODY.as_bytes());
        let found = verify(&schemes::SVIX, &secrets, headers.as_slice(), None, BODY.as_bytes(), at(AT)).unwrap();
        assert_eq!(found.secret_label, SecretLabel::Previous);
    }
}

#[test]
fn a_timestamp_passes_up_to_the_tolerance_both_ways() {
    let generic = r#"{"header":"x-a","timestampHeader":"x-t","timestampFormat":"FORM","template":"{timestamp}{body}",
        "toleranceSeconds":300}"#;
    let described = |form: &str| Scheme::from_json(&generic.replace("FORM", form)).unwrap();
    let described = [described("seconds"), described("milliseconds"), described("rfc3339")];
    let ours = [&schemes::STANDARD_WEBHOOKS, &schemes::SVIX, &schemes::STRIPE, &schemes::SLACK];
    for scheme in ours.into_iter().chain(&described) {
        for (later_seconds, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (-300, Ok(())),
            (301, Err(Refused::TimestampTooOld { seconds: 301, tolerance_seconds: 300 })),
            (-301, Err(Refused::TimestampTooNew { seconds: 301, tolerance_seconds: 300 })),
            (86_400 * 365, Err(Refused::TimestampTooOld { seconds: 86_400 * 365, tolerance_seconds: 300 })),
        ] {
            let headers = signed(scheme, SECRET, BODY.as_bytes());
            let now = at(AT + later_seconds);
            let found = verify(scheme, &current(SECRET), headers.as_slice(), None, BODY.as_bytes(), now);
            assert_eq!(found.map(drop), expected, "{} {later_seconds} s later", scheme.name());
        }
    }
    for scheme in schemes::ALL.into_iter().filter(|scheme| scheme.tolerance_seconds().is_none()) {
        let headers = signed(scheme, SECRET, BODY.as_bytes());
        let found =
            verify(scheme, &current(SECRET), headers.as_slice(), Some(URL), BODY.as_bytes(), at(AT + 1_000_000));
        assert!(found.is_ok(), "{}", scheme.name());
    }
}

#[test]
fn the_registered_url_is_signed_where_the_scheme_says_so() {
    let headers = signed(&schemes::SQUARE, SECRET, BODY.as_bytes());
    let verified = |url| verify(&schemes::SQUARE, &current(SECRET), headers.as_slice(), url, BODY.as_bytes(), at(AT));
    assert!(verified(Some(URL)).is_ok());
    assert_eq!(verified(Some("https://elsewhere.example.com/")), Err(Refused::Mismatch));
    assert_eq!(verified(None), Err(Refused::NoUrl));
    assert_eq!(verified(Some(" ")), Err(Refused::NoUrl));
}

#[test]
fn an_id_counts_as_signed_only_if_the_signature_binds_it() {
    let template = |template: &str| {
        let json = r#"{"header":"x-a","idHeader":"x-i","timestampHeader":"x-t","template":"T"}"#;
        Scheme::from_json(&json.replace('T', template)).unwrap()
    };
    let separated = template("{id}.{timestamp}.{body}");
    let adjacent = template("{id}{timestamp}{body}");
    let behind = template("{timestamp}.{id}.{body}");
    let unended = template("{timestamp}.{id}{body}");
    let unsigned = template("{timestamp}.{body}");
    let signed_id = |scheme: &Scheme, id: &str| {
        let headers = sign(scheme, &Secret::new(SECRET), Some(id), at(AT), None, BODY.as_bytes()).unwrap();
        let verified = check(scheme, SECRET, &headers, BODY.as_bytes()).unwrap();
        verified.delivery_id.map(|id| id.signed)
    };
    assert_eq!(signed_id(&separated, "msg_1"), Some(true));
    // `a.1700000000` and `a` are both ids of the same signed text.
    assert_eq!(signed_id(&separated, "a.1700000000"), Some(false));
    assert_eq!(signed_id(&adjacent, "msg_1"), Some(false));
    assert_eq!(signed_id(&behind, "msg_1"), Some(true));
    assert_eq!(signed_id(&unended, "msg_1"), Some(false));
    assert_eq!(signed_id(&unsigned, "msg_1"), Some(false));
    assert_eq!(signed_id(&schemes::GITHUB, "72d3162e"), Some(false));
    assert_eq!(signed_id(&schemes::STRIPE, ""), Some(true));
    assert_eq!(signed_id(&schemes::SLACK, "msg_1"), Some(true));
    assert_eq!(signed_id(&schemes::POS, " "), None);
}

#[test]
fn a_refusal_tells_no_secret_no_signature_and_nothing_that_was_sent() {
    let secret = "plJ3nmyCDGBKInavdOK15jsl";
    for scheme in schemes::ALL {
        let headers = signed(scheme, secret, BODY.as_bytes());
        let marked: Headers = headers.iter().map(|(name, _)| (name.clone(), "sent-marker".into())).collect();
        let mut refusals = vec![
            check(scheme, OTHER_SECRET, &headers, BODY.as_bytes()).unwrap_err(),
            check(scheme, secret, &marked, BODY.as_bytes()).unwrap_err(),
        ];
        refusals.extend(verify(scheme, &current(secret), headers.as_slice(), None, BODY.as_bytes(), at(0)).err());
        for refused in refusals {
            let text = format!("{refused} {refused:?} {}", refused.code());
            let signature = headers[0].1.rsplit(['=', ',']).find(|part| part.len() > 20).unwrap();
            for hidden in [secret, OTHER_SECRET, "sent-marker", signature, "evt_1"] {
                assert!(!text.contains(hidden), "{}: {text}", scheme.name());
            }
        }
    }
}

#[test]
fn the_hash_of_a_content_is_that_of_its_canonical_text() {
    let canonical = r#"{"data":{"a":[true,null],"b":1},"event_id":"evt_1","id":"evt_1"}"#;
    let right = LocalBypass::new(true, true).unwrap();
    for body in [BODY, canonical] {
        let headers = Headers::new();
        let bytes = Bytes::from_static(body.as_bytes());
        let delivery = VerifiedDelivery::bypass(right, "github", &schemes::GITHUB, headers.as_slice(), bytes).unwrap();
        assert_eq!(delivery.content_hash(&[]), Some(hex::encode(Sha256::digest(canonical))), "{body}");
        assert_eq!(delivery.body_hash(), *Sha256::digest(body), "{body}");
    }
}

#[test]
fn only_what_was_verified_becomes_a_delivery() {
    let headers = signed(&schemes::GITHUB, SECRET, BODY.as_bytes());
    let delivery = |secret: &str| {
        let body = Bytes::from_static(BODY.as_bytes());
        let secrets = current(secret);
        VerifiedDelivery::verify("github", &schemes::GITHUB, &secrets, headers.as_slice(), None, body, at(AT))
    };
    assert_eq!(delivery(OTHER_SECRET).unwrap_err(), Refused::Mismatch);
    let delivery = delivery(SECRET).unwrap();
    assert_eq!(delivery.origin(), "github");
    assert_eq!(delivery.body(), BODY);
    assert_eq!(delivery.body_hash(), *Sha256::digest(BODY));
    assert_eq!(delivery.timestamp(), None);
    assert_eq!(delivery.proof(), Proof::Signature(SecretLabel::Current));
    assert_eq!(delivery.delivery_id().map(|id| id.text.as_str()), Some("msg_1"));
    let printed = format!("{delivery:?}");
    assert!(printed.contains("body_bytes: 64") && !printed.contains("evt_1"), "{printed}");

    let headers = signed(&schemes::SLACK, SECRET, BODY.as_bytes());
    let secrets = [LiveSecret::previous(Secret::new(SECRET))];
    let body = Bytes::from_static(BODY.as_bytes());
    let delivery =
        VerifiedDelivery::verify("slack", &schemes::SLACK, &secrets, headers.as_slice(), None, body, at(AT)).unwrap();
    assert_eq!((delivery.timestamp(), delivery.proof()), (Some(at(AT)), Proof::Signature(SecretLabel::Previous)));
}

#[test]
fn a_proof_is_written_and_read_by_its_name() {
    for (proof, name) in [
        (Proof::Signature(SecretLabel::Current), "\"current\""),
        (Proof::Signature(SecretLabel::Previous), "\"previous\""),
        (Proof::LocalBypass, "\"bypass\""),
    ] {
        assert_eq!(serde_json::to_string(&proof).unwrap(), name);
        assert_eq!(serde_json::from_str::<Proof>(name).unwrap(), proof);
    }
    assert!(serde_json::from_str::<Proof>("\"none\"").is_err());
    assert_eq!(SecretLabel::Previous.to_string(), "previous");
}

#[test]
fn the_bypass_takes_a_switch_and_ones_own_machine() {
    for (switched_on, local) in [(false, false), (true, false), (false, true)] {
        assert!(LocalBypass::new(switched_on, local).is_none());
    }
    let right = LocalBypass::new(true, true).unwrap();
    let headers = without(signed(&schemes::SVIX, SECRET, BODY.as_bytes()), "svix-signature");
    let body = Bytes::from_static(BODY.as_bytes());
    let delivery = VerifiedDelivery::bypass(right, "trackstar", &schemes::SVIX, headers.as_slice(), body).unwrap();
    assert_eq!(delivery.proof(), Proof::LocalBypass);
    let id = delivery.delivery_id().unwrap();
    assert_eq!((id.text.as_str(), id.signed), ("msg_1", false));
}
