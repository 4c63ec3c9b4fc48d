//! Signatures once more, written from the senders' documentation and sharing nothing with what is tested: a table, and
//! one HMAC. It cannot refuse; it only says whether the right signature stands in the request at all.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Name, signed text, signature header, timestamp header, id header, prefix, whether it is hexadecimal, id in the body.
type Row = (&'static str, &'static str, [&'static str; 3], &'static str, bool, Option<&'static str>);

const WEBHOOK: [&str; 3] = ["webhook-signature", "webhook-timestamp", "webhook-id"];
const SVIX: [&str; 3] = ["svix-signature", "svix-timestamp", "svix-id"];
const ROWS: &[Row] = &[
    ("standard-webhooks", "{id}.{timestamp}.{body}", WEBHOOK, "v1,", false, None),
    ("svix", "{id}.{timestamp}.{body}", SVIX, "v1,", false, None),
    ("svix", "{id}.{timestamp}.{body}", WEBHOOK, "v1,", false, None),
    ("packr", "{body}", ["x-trackstar-signature", "", ""], "sha256=", true, Some("event_id")),
    ("pos", "{body}", ["x-webhook-signature", "", ""], "sha256=", true, None),
    ("pos", "{body}", ["x-signature", "", ""], "sha256=", true, None),
    ("stripe", "{timestamp}.{body}", ["stripe-signature", "", ""], "", true, Some("id")),
    ("github", "{body}", ["x-hub-signature-256", "", ""], "sha256=", true, None),
    ("shopify", "{body}", ["x-shopify-hmac-sha256", "", ""], "", false, None),
    ("square", "{url}{body}", ["x-square-hmacsha256-signature", "", ""], "", false, Some("event_id")),
    ("slack", "v0:{timestamp}:{body}", ["x-slack-signature", "x-slack-request-timestamp", ""], "v0=", true, None),
    ("hookdeck", "{body}", ["x-hookdeck-signature", "", ""], "", false, None),
];

/// One way in which a scheme's headers can be spelt.
struct Spelling {
    signature: String,
    timestamp: Option<String>,
    id: Option<String>,
}

/// What a scheme signs, and where.
pub(crate) struct Reference {
    template: String,
    spellings: Vec<Spelling>,
    prefix: String,
    hex: bool,
    decodes_key: bool,
    timestamp_in_value: bool,
    id_field: Option<String>,
}

impl Reference {
    /// Reads what the crate reads: the name of one of its schemes, or a description.
    pub(crate) fn of(json: &str) -> Self {
        let json: serde_json::Value = serde_json::from_str(json).expect("the crate has read it");
        let name = json.as_str().map(|name| name.trim().to_ascii_lowercase());
        let Some(name) = name else { return Self::described(&json) };
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.0 == name).collect();
        let (_, template, _, prefix, hex, id_field) = **rows.first().expect("every scheme has a row");
        let header = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let spelling = |[signature, timestamp, id]: [&str; 3]| Spelling {
            signature: signature.to_owned(),
            timestamp: header(timestamp),
            id: header(id),
        };
        Self {
            template: template.to_owned(),
            spellings: rows.iter().map(|row| spelling(row.2)).collect(),
            prefix: prefix.to_owned(),
            hex,
            decodes_key: prefix == "v1,",
            timestamp_in_value: name == "stripe",
            id_field: id_field.map(str::to_owned),
        }
    }

    fn described(json: &serde_json::Value) -> Self {
        let text = |field: &str| json[field].as_str().map(str::to_owned);
        let header = |field: &str| text(field).map(|name| name.trim().to_ascii_lowercase());
        let template = text("template").unwrap_or_else(|| "{body}".to_owned());
        let id = header("idHeader").filter(|_| template.contains("{id}"));
        let signature = header("header").expect("the crate has seen it");
        Self {
            spellings: vec![Spelling { signature, timestamp: header("timestampHeader"), id }],
            template,
            prefix: text("prefix").unwrap_or_default(),
            hex: json["encoding"] != "base64",
            decodes_key: json["key"] == "base64",
            timestamp_in_value: false,
            id_field: text("idField"),
        }
    }

    pub(crate) fn has_timestamp(&self) -> bool {
        self.template.contains("{timestamp}")
    }

    /// The field of the body that holds the id.
    pub(crate) fn id_field(&self) -> Option<&str> {
        self.id_field.as_deref()
    }

    /// The header that holds the id, where that is signed; under the first of the spellings, as the next two.
    pub(crate) fn id_header(&self) -> Option<&str> {
        self.spellings[0].id.as_deref()
    }

    /// What stands between the id and the body, where nothing else is signed.
    pub(crate) fn separator(&self) -> Option<&str> {
        let between = self.template.strip_prefix("{id}")?.strip_suffix("{body}")?;
        (!between.contains('{')).then_some(between)
    }

    pub(crate) fn timestamp_header(&self) -> Option<&str> {
        self.spellings[0].timestamp.as_deref()
    }

    /// The headers of which no letter may be another.
    pub(crate) fn protected(&self) -> impl Iterator<Item = &str> {
        let Spelling { signature, timestamp, id } = &self.spellings[0];
        [Some(signature.as_str()), timestamp.as_deref(), id.as_deref()].into_iter().flatten()
    }

    /// Whether two values of the signature header mean the same: hexadecimal and prefixes are read in any case.
    pub(crate) fn is_same(&self, a: &[u8], b: &[u8]) -> bool {
        let any_case = if self.hex { a.len() } else { self.prefix.len().min(a.len()) };
        a.len() == b.len() && a[..any_case].eq_ignore_ascii_case(&b[..any_case]) && a[any_case..] == b[any_case..]
    }

    /// Whether the signature under this secret stands in one of the headers where it belongs.
    pub(crate) fn has_signed(
        &self,
        secret: &[u8],
        headers: &[(String, Vec<u8>)],
        url: Option<&str>,
        body: &[u8],
    ) -> bool {
        self.spellings.iter().any(|spelling| {
            let Some(mut value) = sent(headers, &spelling.signature).map(<[u8]>::to_vec) else { return false };
            if self.hex {
                value.make_ascii_lowercase();
            }
            let written = self.written(spelling, secret, headers, url, body);
            let written = written.map(|[hex, base64]| if self.hex { hex } else { base64 });
            written.is_some_and(|text| value.windows(text.len()).any(|window| window == text.as_bytes()))
        })
    }

    /// The right signatures, in every way they could be written.
    pub(crate) fn signatures(
        &self,
        secret: &[u8],
        headers: &[(String, Vec<u8>)],
        url: Option<&str>,
        body: &[u8],
    ) -> Vec<String> {
        let written = |spelling| self.written(spelling, secret, headers, url, body);
        self.spellings.iter().filter_map(written).flatten().collect()
    }

    /// In hexadecimal and in base64 without `=`.
    fn written(
        &self,
        spelling: &Spelling,
        secret: &[u8],
        headers: &[(String, Vec<u8>)],
        url: Option<&str>,
        body: &[u8],
    ) -> Option<[String; 2]> {
        let key = match self.decodes_key {
            true => {
                let text = secret.strip_prefix(b"whsec_").unwrap_or(secret);
                STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?
            }
            false => secret.to_vec(),
        };
        let header = |name: &Option<String>| sent(headers, name.as_deref()?);
        let timestamp = if self.timestamp_in_value {
            let value = sent(headers, &spelling.signature)?;
            value.split(|byte| *byte == b',').find_map(|field| field.trim_ascii().strip_prefix(b"t="))
        } else {
            header(&spelling.timestamp)
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        let mut rest = self.template.as_str();
        while !rest.is_empty() {
            let part = [
                ("{id}", header(&spelling.id)),
                ("{timestamp}", timestamp),
                ("{url}", url.map(str::as_bytes)),
                ("{body}", Some(body)),
            ]
            .into_iter()
            .find_map(|(name, value)| Some((rest.strip_prefix(name)?, value)));
            rest = if let Some((after, value)) = part {
                mac.update(value?);
                after
            } else {
                let end = rest[1..].find('{').map_or(rest.len(), |at| at + 1);
                mac.update(&rest.as_bytes()[..end]);
                &rest[end..]
            };
        }
        let tag = mac.finalize().into_bytes();
        Some([hex::encode(tag), STANDARD_NO_PAD.encode(tag)])
    }
}

/// The first header of that name, without white space around it.
fn sent<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_ascii())
}
