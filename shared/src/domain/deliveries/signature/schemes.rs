//! The ten schemes that come with Signalbox, and those of its own doors.

use std::borrow::Cow;

use super::scheme::{Encoding, IdSource, KeyForm, Part, Scheme, Spelling, Text, TimestampForm, ValueForm};

const fn text(text: &'static str) -> Text {
    Text::Borrowed(text)
}

const fn spelling(signature: &'static str) -> Spelling {
    Spelling { signature: text(signature), timestamp: None, id: None }
}

const fn optional(prefix: &'static str) -> ValueForm {
    ValueForm::One { prefix: text(prefix), required: false }
}

const fn required(prefix: &'static str) -> ValueForm {
    ValueForm::One { prefix: text(prefix), required: true }
}

const BODY: &[Part] = &[Part::Body];
const ID_TIMESTAMP_BODY: &[Part] =
    &[Part::Id, Part::Literal(text(".")), Part::Timestamp, Part::Literal(text(".")), Part::Body];

const WEBHOOK_HEADERS: Spelling = Spelling {
    signature: text("webhook-signature"),
    timestamp: Some(text("webhook-timestamp")),
    id: Some(text("webhook-id")),
};
const SVIX_HEADERS: Spelling =
    Spelling { signature: text("svix-signature"), timestamp: Some(text("svix-timestamp")), id: Some(text("svix-id")) };

/// Standard Webhooks, standardwebhooks.com.
pub static STANDARD_WEBHOOKS: Scheme = Scheme {
    name: text("standard-webhooks"),
    spellings: Cow::Borrowed(&[WEBHOOK_HEADERS]),
    template: Cow::Borrowed(ID_TIMESTAMP_BODY),
    key: KeyForm::Base64,
    value: ValueForm::Versions { version: text("v1") },
    encoding: Encoding::Base64,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: Some(300),
    id: Some(IdSource::SignedHeader),
};

/// Svix, which Trackstar sends through: Standard Webhooks under older header names.
pub static SVIX: Scheme = Scheme {
    name: text("svix"),
    spellings: Cow::Borrowed(&[SVIX_HEADERS, WEBHOOK_HEADERS]),
    template: Cow::Borrowed(ID_TIMESTAMP_BODY),
    key: KeyForm::Base64,
    value: ValueForm::Versions { version: text("v1") },
    encoding: Encoding::Base64,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: Some(300),
    id: Some(IdSource::SignedHeader),
};

/// Packr's own header.
pub static PACKR: Scheme = Scheme {
    name: text("packr"),
    spellings: Cow::Borrowed(&[spelling("x-trackstar-signature")]),
    template: Cow::Borrowed(BODY),
    key: KeyForm::Raw,
    value: optional("sha256="),
    encoding: Encoding::Hex,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: None,
    id: Some(IdSource::BodyField(text("event_id"))),
};

/// Points of sale: the header that the original server read, and the one that its clients sent.
pub static POS: Scheme = pos("pos", BODY, Some(IdSource::Header(text("idempotency-key"))));

/// The same at their own door, which reads the key itself: one that cannot be used says nothing about the signature.
pub static POS_DOOR: Scheme = pos("pos", BODY, None);

/// The same where the signature covers what names the event as well: the path, the tenant and the key.
pub static POS_SIGNED_HEADERS: Scheme = pos("pos-signed-headers", &POS_SIGNED_TEXT, None);

static POS_SIGNED_TEXT: [Part; 7] = [
    Part::Url,
    Part::Literal(text("\n")),
    Part::Header(text("x-tenant-id")),
    Part::Literal(text("\n")),
    Part::Header(text("idempotency-key")),
    Part::Literal(text("\n")),
    Part::Body,
];

static POS_HEADERS: [Spelling; 2] = [spelling("x-webhook-signature"), spelling("x-signature")];

const fn pos(name: &'static str, template: &'static [Part], id: Option<IdSource>) -> Scheme {
    Scheme {
        name: text(name),
        spellings: Cow::Borrowed(&POS_HEADERS),
        template: Cow::Borrowed(template),
        key: KeyForm::Raw,
        value: optional("sha256="),
        encoding: Encoding::Hex,
        timestamp: TimestampForm::Seconds,
        tolerance_seconds: None,
        id,
    }
}

/// Stripe. Its secrets start with `whsec_` too, but there that is a part of the key.
pub static STRIPE: Scheme = Scheme {
    name: text("stripe"),
    spellings: Cow::Borrowed(&[spelling("stripe-signature")]),
    template: Cow::Borrowed(&[Part::Timestamp, Part::Literal(text(".")), Part::Body]),
    key: KeyForm::Raw,
    value: ValueForm::Fields { timestamp: text("t"), signature: text("v1") },
    encoding: Encoding::Hex,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: Some(300),
    id: Some(IdSource::BodyField(text("id"))),
};

/// GitHub. The older `X-Hub-Signature` is SHA-1 and is not read.
pub static GITHUB: Scheme = Scheme {
    name: text("github"),
    spellings: Cow::Borrowed(&[spelling("x-hub-signature-256")]),
    template: Cow::Borrowed(BODY),
    key: KeyForm::Raw,
    value: required("sha256="),
    encoding: Encoding::Hex,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: None,
    id: Some(IdSource::Header(text("x-github-delivery"))),
};

/// Shopify, with the app's client secret.
pub static SHOPIFY: Scheme = Scheme {
    name: text("shopify"),
    spellings: Cow::Borrowed(&[spelling("x-shopify-hmac-sha256")]),
    template: Cow::Borrowed(BODY),
    key: KeyForm::Raw,
    value: optional(""),
    encoding: Encoding::Base64,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: None,
    id: Some(IdSource::Header(text("x-shopify-webhook-id"))),
};

/// Square: over the notification URL as it was registered, and the body.
pub static SQUARE: Scheme = Scheme {
    name: text("square"),
    spellings: Cow::Borrowed(&[spelling("x-square-hmacsha256-signature")]),
    template: Cow::Borrowed(&[Part::Url, Part::Body]),
    key: KeyForm::Raw,
    value: optional(""),
    encoding: Encoding::Base64,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: None,
    id: Some(IdSource::BodyField(text("event_id"))),
};

/// Slack.
pub static SLACK: Scheme = Scheme {
    name: text("slack"),
    spellings: Cow::Borrowed(&[Spelling {
        signature: text("x-slack-signature"),
        timestamp: Some(text("x-slack-request-timestamp")),
        id: None,
    }]),
    template: Cow::Borrowed(&[Part::Literal(text("v0:")), Part::Timestamp, Part::Literal(text(":")), Part::Body]),
    key: KeyForm::Raw,
    value: required("v0="),
    encoding: Encoding::Hex,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: Some(300),
    // The Events API alone has it: what else Slack sends goes by its content.
    id: Some(IdSource::BodyField(text("event_id"))),
};

/// Hookdeck.
pub static HOOKDECK: Scheme = Scheme {
    name: text("hookdeck"),
    spellings: Cow::Borrowed(&[spelling("x-hookdeck-signature")]),
    template: Cow::Borrowed(BODY),
    key: KeyForm::Raw,
    value: optional(""),
    encoding: Encoding::Base64,
    timestamp: TimestampForm::Seconds,
    tolerance_seconds: None,
    id: Some(IdSource::Header(text("x-hookdeck-eventid"))),
};

/// All that a sender can be configured with.
pub static ALL: [&Scheme; 10] =
    [&STANDARD_WEBHOOKS, &SVIX, &PACKR, &POS, &STRIPE, &GITHUB, &SHOPIFY, &SQUARE, &SLACK, &HOOKDECK];

/// The scheme of that name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scheme> {
    ALL.into_iter().find(|scheme| scheme.name.eq_ignore_ascii_case(name.trim()))
}
