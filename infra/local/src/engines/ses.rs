//! SES, of which functions send mail: of its operations SendEmail alone. Nothing leaves the machine: a mail is a file of the data folder,
//! `outbox/….eml`, which any mail program opens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use serde::Deserialize;
use serde_json::{Value, json};
use signalbox::outside::{Clock, Entropy};

use super::json::{Refused, read};

/// Where the SDK posts mails.
pub(crate) const PATH: &str = "/v2/email/outbound-emails";
/// Much more than a digest has.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);
/// So many mails are kept, the newest.
const KEPT_MAX: usize = 1_000;
/// How long the base64 of a line may be (RFC 2045, section 6.8).
const LINE_MAX: usize = 76;

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What its sender was told, and what its file is called.
    pub id: String,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// The mails of a host. Clones are the same.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    clock: Clock,
    entropy: Entropy,
    sent: Mutex<VecDeque<Mail>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Simple {
    subject: Part,
    body: Body,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    text: Part,
    html: Part,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Part {
    data: String,
    #[serde(rename = "Charset")]
    _charset: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

impl Outbox {
    /// Mails that are kept in a folder.
    pub(crate) fn new(folder: PathBuf, clock: Clock, entropy: Entropy) -> Self {
        Self(Arc::new(Inner { folder, clock, entropy, sent: Mutex::default() }))
    }

    /// The mails since the start, the oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Mail> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn send(&self, request: &[u8]) -> Result<Value, Refused> {
        let bad = |why: &str| Refused::new("BadRequestException", why);
        let SendEmail { from_email_address: from, destination, content: Content { simple } } = read(request)?;
        let [to] = destination.to_addresses.as_slice() else { return Err(bad("one address is written to at a time")) };
        let named = simple.headers.iter().flat_map(|header| [&header.name, &header.value]);
        if named.chain([&from, to, &simple.subject.data]).any(|text| text.contains(['\r', '\n'])) {
            return Err(bad("a header has a line break"));
        }
        let now = self.0.clock.now();
        let random: String = self.0.entropy.bytes16().iter().map(|byte| format!("{byte:02x}")).collect();
        let mail = Mail {
            id: format!("{:013}-{random}", now.as_millisecond().max(0)),
            from,
            to: to.clone(),
            subject: simple.subject.data,
            text: simple.body.text.data,
            html: simple.body.html.data,
            headers: simple.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        };
        let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
        keep(&self.0.folder, &mail.id, &eml(&mail, &date)).map_err(|error| {
            tracing::error!(%error, "a mail cannot be kept");
            Refused::new("InternalFailure", "the mail cannot be kept")
        })?;
        let answer = json!({"MessageId": mail.id});
        let mut sent = self.0.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= KEPT_MAX {
            sent.pop_front();
        }
        sent.push_back(mail);
        Ok(answer)
    }
}

/// Writes a mail, and removes the oldest where there are too many.
fn keep(folder: &Path, id: &str, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{id}.eml")), text)?;
    let mut names: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.retain(|name| name.extension().is_some_and(|extension| extension == "eml"));
    names.sort();
    let over = names.len().saturating_sub(KEPT_MAX);
    names[..over].iter().try_for_each(fs::remove_file)
}

/// A mail as its file has it (RFC 5322, RFC 2045).
fn eml(mail: &Mail, date: &str) -> String {
    let boundary = format!("=_{}", mail.id);
    let mut lines = vec![
        format!("Message-ID: <{}@signalbox.localhost>", mail.id),
        format!("Date: {date}"),
        format!("From: {}", mail.from),
        format!("To: {}", mail.to),
        format!("Subject: {}", word(&mail.subject)),
    ];
    lines.extend(mail.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push("MIME-Version: 1.0".to_owned());
    lines.push(format!("Content-Type: multipart/alternative; boundary=\"{boundary}\""));
    for (kind, body) in [("plain", &mail.text), ("html", &mail.html)] {
        lines.extend([String::new(), format!("--{boundary}"), format!("Content-Type: text/{kind}; charset=UTF-8")]);
        lines.extend(["Content-Transfer-Encoding: base64".to_owned(), String::new()]);
        let encoded = BASE64_STANDARD.encode(body);
        lines.extend(encoded.as_bytes().chunks(LINE_MAX).map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    lines.extend([format!("--{boundary}--"), String::new()]);
    lines.join("\r\n")
}

/// A text in a header (RFC 2047).
fn word(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text)) }
}

/// SES's server.
#[derive(Clone)]
pub(crate) struct MailHandler(pub(crate) Outbox);

impl Service<Request<Incoming>> for MailHandler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let outbox = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let answer = if parts.method != Method::POST || parts.uri.path() != PATH {
                Err(Refused::new("NotFoundException", "the local host sends mail, and knows nothing else of SES"))
            } else {
                match tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await {
                    Ok(Ok(body)) => outbox.send(&body.to_bytes()),
                    Ok(Err(error)) => Err(Refused::new("BadRequestException", error.to_string())),
                    Err(_) => Err(Refused::new("BadRequestException", "the body did not arrive in time")),
                }
            };
            let (status, code, body) = match answer {
                Ok(body) => (StatusCode::OK, None, body),
                Err(Refused { code, message }) => (StatusCode::BAD_REQUEST, Some(code), json!({"message": message})),
            };
            let mut response = Response::new(Full::new(body.to_string().into()));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(code) = code {
                response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(to: &[&str], subject: &str) -> Vec<u8> {
        let part = |text: &str| json!({"Data": text, "Charset": "UTF-8"});
        json!({
            "FromEmailAddress": "Signalbox <digest@s.example>", "Destination": {"ToAddresses": to},
            "Content": {"Simple": {
                "Subject": part(subject), "Body": {"Text": part("hello"), "Html": part("<p>hello</p>")},
                "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://s.example/u>"}],
            }},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_mail_is_a_file_that_a_mail_program_opens_and_what_is_odd_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(folder.path().join("outbox"), Clock::default(), Entropy::default());
        let id = outbox.send(&request(&["ada@s.example"], "Ugens tal på én side")).unwrap()["MessageId"].clone();
        let file = folder.path().join("outbox").join(format!("{}.eml", id.as_str().unwrap()));
        let text = fs::read_to_string(file).unwrap();
        for line in ["To: ada@s.example", "List-Unsubscribe: <https://s.example/u>", "MIME-Version: 1.0", "aGVsbG8="] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        assert!(text.contains("Subject: =?UTF-8?B?") && text.contains("\r\n") && text.is_ascii(), "{text}");
        assert_eq!((outbox.sent().len(), outbox.sent()[0].text.as_str()), (1, "hello"));
        for odd in [
            request(&[], "x"),
            request(&["a@s.example", "b@s.example"], "x"),
            request(&["a@s.example"], "x\r\nBcc: e@s.example"),
            b"{}".to_vec(),
        ] {
            assert!(outbox.send(&odd).is_err());
        }
    }
}
