//! What could be different from what was given: each guess is a value to try, and the mistake that it stands for.

use base64::Engine as _;

use super::{Encoding, Finding, KeyForm, Part, Scheme, Sent, Text, Values, key, mac, read_value};
use crate::domain::canonical::Node;
use crate::domain::deliveries::signature::mac::Tag;
use crate::domain::deliveries::signature::reformat::{Escapes, Style, reformat};
use crate::domain::deliveries::signature::scheme::{SECRET_PREFIX, ValueForm};

/// A value to try; without a mistake it is the one that was given.
pub(super) struct Guess<T> {
    value: T,
    mistake: Option<Finding>,
}

impl<T> Guess<T> {
    fn given(value: T) -> Self {
        Self { value, mistake: None }
    }
    fn wrong(value: T, mistake: Finding) -> Self {
        Self { value, mistake: Some(mistake) }
    }
}

/// Everything to try, by what it is about. Any of one kind goes with any of another.
pub(super) struct Guesses<'a> {
    values: Values<'a>,
    keys: Vec<(Vec<u8>, Vec<Finding>)>,
    bodies: Vec<Guess<Vec<u8>>>,
    templates: Vec<Guess<Vec<Part>>>,
    urls: Vec<Guess<Option<String>>>,
    signatures: Vec<Guess<Vec<Tag>>>,
}

impl<'a> Guesses<'a> {
    pub(super) fn new(scheme: &Scheme, sent: &Sent<'_>, secret: &[u8], values: &Values<'a>) -> Self {
        Self {
            values: *values,
            keys: keys(scheme.key, secret),
            bodies: bodies(values.body),
            templates: templates(scheme, values),
            urls: if scheme.needs_url() { urls(values.url) } else { vec![Guess::given(None)] },
            signatures: signatures(scheme, sent),
        }
    }

    /// The first combination of exactly so many mistakes that makes the signature right.
    pub(super) fn find(&self, mistakes: usize) -> Option<Vec<Finding>> {
        for (key, key_mistakes) in &self.keys {
            for template in &self.templates {
                for url in &self.urls {
                    for body in &self.bodies {
                        let found: Vec<&Finding> = key_mistakes
                            .iter()
                            .chain(&template.mistake)
                            .chain(&url.mistake)
                            .chain(&body.mistake)
                            .collect();
                        // One may be left for the signature's form.
                        if found.len() > mistakes || found.len() + 1 < mistakes {
                            continue;
                        }
                        let url = url.value.as_deref().or(self.values.url);
                        let tag = Values { url, body: &body.value, ..self.values }.tag(&template.value, key);
                        let fits = self.signatures.iter().find(|signatures| {
                            found.len() + usize::from(signatures.mistake.is_some()) == mistakes
                                && mac::any_equal(&tag, &signatures.value)
                        });
                        if let Some(signatures) = fits {
                            return Some(found.into_iter().chain(&signatures.mistake).cloned().collect());
                        }
                    }
                }
            }
        }
        None
    }
}

/// Texts of the secret, each made a key in several ways.
fn keys(form: KeyForm, secret: &[u8]) -> Vec<(Vec<u8>, Vec<Finding>)> {
    let mut secrets = vec![Guess::given(secret.to_vec())];
    let trimmed = secret.trim_ascii();
    if trimmed != secret {
        secrets.push(Guess::wrong(trimmed.to_vec(), Finding::SecretWhitespace));
    }
    for quote in [b'"', b'\''] {
        if let Some(inner) = trimmed.strip_prefix(&[quote]).and_then(|rest| rest.strip_suffix(&[quote])) {
            secrets.push(Guess::wrong(inner.to_vec(), Finding::SecretQuotes));
        }
    }
    secrets.push(Guess::wrong([secret, b"\n"].concat(), Finding::SecretLineBreak));

    let mut keys = Vec::new();
    for Guess { value: secret, mistake } in &secrets {
        let mut add = |key: Option<Vec<u8>>, wrong: Option<Finding>| {
            keys.extend(key.map(|key| (key, mistake.iter().cloned().chain(wrong).collect())));
        };
        add(key(form, secret), None);
        match form {
            KeyForm::Raw => add(key(KeyForm::Base64, secret), Some(Finding::KeyIsBase64)),
            KeyForm::Base64 => add(Some(secret.clone()), Some(Finding::KeyIsText)),
        }
        let after_prefix = secret.strip_prefix(SECRET_PREFIX.as_bytes());
        add(after_prefix.map(<[u8]>::to_vec), Some(Finding::KeyIsTextAfterPrefix));
        add(hex::decode(after_prefix.unwrap_or(secret)).ok(), Some(Finding::KeyIsHex));
    }
    keys
}

fn bodies(body: &[u8]) -> Vec<Guess<Vec<u8>>> {
    let mut bodies = vec![Guess::given(body.to_vec())];
    let mut add = |value: Vec<u8>, mistake: Finding| {
        if bodies.iter().all(|guess| guess.value != value) {
            bodies.push(Guess::wrong(value, mistake));
        }
    };
    let without = body.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    if let Some(without) = without {
        add(without.to_vec(), Finding::BodyLineBreakAdded);
    }
    add([body, b"\n"].concat(), Finding::BodyLineBreakLost);
    add([body, b"\r\n"].concat(), Finding::BodyLineBreakLost);
    let unix = replace(body, b"\r\n", b"\n");
    add(replace(&unix, b"\n", b"\r\n"), Finding::BodyLineBreaksChanged);
    add(unix, Finding::BodyLineBreaksChanged);
    match body.strip_prefix("\u{FEFF}".as_bytes()) {
        Some(without) => add(without.to_vec(), Finding::BodyMarkAdded),
        None => add(["\u{FEFF}".as_bytes(), body].concat(), Finding::BodyMarkLost),
    }
    add(Vec::new(), Finding::BodyEmpty);
    if let Ok(mut json) = Node::read(body) {
        let style = |style: &'static str| Finding::BodyRewritten { style };
        add(reformat(body, Style::Compact), style("compact JSON (JSON.stringify)"));
        add(reformat(body, Style::Spaced), style("JSON with a space after each comma and colon (Python's json.dumps)"));
        add(reformat(body, Style::Indented(2)), style("JSON indented by two spaces"));
        add(reformat(body, Style::Indented(4)), style("JSON indented by four spaces"));
        // Whoever writes strings in another way often writes the rest in another way as well.
        let layouts = [
            (body.to_vec(), ""),
            (reformat(body, Style::Compact), " and no white space"),
            (reformat(body, Style::Spaced), " and a space after each comma and colon"),
        ];
        for (layout, and) in layouts {
            for (escapes, how) in Escapes::ALL {
                add(escapes.write(&layout), Finding::BodyEscapes { how: format!("{how}{and}") });
            }
        }
        let mut sorted = Vec::new();
        json.write_canonical(&[], &mut sorted);
        add(reformat(&sorted, Style::Spaced), style("JSON with sorted keys and spaces"));
        add(sorted, style("compact JSON with sorted keys"));
    }
    if let Ok(decoded) = mac::BASE64.decode(body.trim_ascii()) {
        add(decoded, Finding::BodyIsBase64);
    }
    bodies
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(byte) = rest.first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
        } else {
            out.push(*byte);
            rest = &rest[1..];
        }
    }
    out
}

/// The texts that other schemes sign, as far as their parts are known.
fn templates(scheme: &Scheme, values: &Values<'_>) -> Vec<Guess<Vec<Part>>> {
    let dot = || Part::Literal(Text::Borrowed("."));
    let colon = |text| Part::Literal(Text::Borrowed(text));
    let others = [
        vec![Part::Body],
        vec![Part::Timestamp, dot(), Part::Body],
        vec![Part::Timestamp, Part::Body],
        vec![Part::Id, dot(), Part::Timestamp, dot(), Part::Body],
        vec![Part::Id, Part::Timestamp, Part::Body],
        vec![Part::Id, dot(), Part::Body],
        vec![colon("v0:"), Part::Timestamp, colon(":"), Part::Body],
        vec![Part::Timestamp, colon(":"), Part::Body],
        vec![Part::Url, Part::Body],
    ];
    let known = |part: &Part| match part {
        Part::Literal(_) | Part::Header(_) | Part::Body => true,
        Part::Id => values.id.is_some(),
        Part::Timestamp => values.timestamp.is_some(),
        Part::Url => values.url.is_some(),
    };
    let expected = text(&scheme.template);
    let wrong = others.into_iter().filter(|template| *template != *scheme.template && template.iter().all(known));
    let wrong = wrong.map(|template| {
        let mistake = Finding::SignedText { template: text(&template), expected: expected.clone() };
        Guess::wrong(template, mistake)
    });
    std::iter::once(Guess::given(scheme.template.to_vec())).chain(wrong).collect()
}

/// A template as a configuration writes it.
fn text(template: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Literal(literal) => literal.to_string(),
        Part::Id => "{id}".into(),
        Part::Timestamp => "{timestamp}".into(),
        Part::Url => "{url}".into(),
        Part::Header(name) => format!("{{{name}}}"),
        Part::Body => "{body}".into(),
    };
    template.iter().map(part).collect()
}

fn urls(url: Option<&str>) -> Vec<Guess<Option<String>>> {
    let mut urls = vec![Guess::given(None)];
    let Some(url) = url else { return urls };
    let mut add = |url: String, difference: &'static str| {
        urls.push(Guess::wrong(Some(url), Finding::OtherUrl { difference }));
    };
    match url.strip_suffix('/') {
        Some(without) => add(without.to_owned(), "without the slash at its end"),
        None => add(format!("{url}/"), "with a slash at its end"),
    }
    if let Some(rest) = url.strip_prefix("https://") {
        add(format!("http://{rest}"), "http instead of https");
    } else if let Some(rest) = url.strip_prefix("http://") {
        add(format!("https://{rest}"), "https instead of http");
    }
    if let Some((before, _)) = url.split_once('?') {
        add(before.to_owned(), "without the query");
    }
    if url.trim() != url {
        add(url.trim().to_owned(), "without white space around it");
    }
    urls
}

/// The signatures as the scheme reads them, and whatever else in the header has the length of one.
fn signatures(scheme: &Scheme, sent: &Sent<'_>) -> Vec<Guess<Vec<Tag>>> {
    let as_given = read_value(scheme, sent).map(|(signatures, _)| signatures).unwrap_or_default();
    let mut guesses = vec![Guess::given(as_given)];
    let url_safe = |text: &str| mac::BASE64_URL.decode(text).ok().and_then(|bytes| Tag::try_from(bytes).ok());
    let items = sent.value.split([' ', ',']).flat_map(|item| {
        let item = item.trim();
        let after_prefix = item.split_once('=').map(|(_, rest)| rest);
        [(Some(item), false), (after_prefix, true)].into_iter().filter_map(|(text, prefix)| Some((text?, prefix)))
    });
    for (text, after_prefix) in items {
        let read = [
            (mac::decode(text, Encoding::Hex).ok(), ["hex", "hex after a prefix"]),
            (mac::decode(text, Encoding::Base64).ok(), ["base64", "base64 after a prefix"]),
            (url_safe(text), ["base64 of URLs", "base64 of URLs after a prefix"]),
        ];
        for (tag, found) in read {
            let mistake = Finding::SignatureForm { found: found[usize::from(after_prefix)], expected: form(scheme) };
            guesses.extend(tag.map(|tag| Guess::wrong(vec![tag], mistake)));
        }
    }
    guesses
}

/// How the scheme writes a signature.
fn form(scheme: &Scheme) -> String {
    let encoding = match scheme.encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
    };
    match &scheme.value {
        ValueForm::One { prefix, required: true } if !prefix.is_empty() => format!("{encoding} after {prefix}"),
        ValueForm::One { .. } => encoding.to_owned(),
        ValueForm::Versions { version } => format!("{encoding} after {version},"),
        ValueForm::Fields { timestamp, signature } => format!("{encoding} after {timestamp}=…,{signature}="),
    }
}
