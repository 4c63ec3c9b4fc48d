//! What Trackstar's routes take and answer in common, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

/// The headers of either scheme.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes headers; the signature is verified over the raw request")]
pub(crate) struct Signature {
    /// Svix: the delivery's id; or as webhook-id
    #[param(rename = "svix-id")]
    svix_id: Option<String>,
    /// Svix: when it was signed, seconds of the Unix epoch; or as webhook-timestamp
    #[param(rename = "svix-timestamp")]
    svix_timestamp: Option<String>,
    /// Svix: a list of `v1,<signature>`; or as webhook-signature
    #[param(rename = "svix-signature")]
    svix_signature: Option<String>,
    /// Without these: HMAC-SHA256 of the raw body, hex, with or without `sha256=`
    #[param(rename = "x-trackstar-signature")]
    x_trackstar_signature: Option<String>,
}

type Answers = BTreeMap<String, RefOr<Response>>;

/// What all of them answer in the same words.
pub(crate) struct Failures;

impl IntoResponses for Failures {
    fn responses() -> Answers {
        answers(&[
            ("409", "conflict"),
            ("500", "Storage failed: send it again"),
            (
                "503",
                "no_secret: none that can be used is configured; unavailable: secret or connection could not be read, send it again after `Retry-After`",
            ),
        ])
    }
}

/// All that the routes of shipments and of their receipts answer.
pub(crate) struct Shipment;

impl IntoResponses for Shipment {
    fn responses() -> Answers {
        let own = answers(&[
            ("200", "Taken in, already processed, or of no connection: `{success, message, shipmentId?}`"),
            ("400", "bad_body"),
            ("401", "bad_signature"),
            ("413", "too_large: over 900 KB, or over 350 KB and of no connection"),
        ]);
        own.into_iter().chain(Failures::responses()).collect()
    }
}

fn answers(all: &[(&str, &str)]) -> Answers {
    let object = || ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object).build())).build();
    let response = |description: &str| {
        ResponseBuilder::new().description(description).content("application/json", object()).build().into()
    };
    all.iter().map(|(status, description)| ((*status).to_owned(), response(description))).collect()
}
