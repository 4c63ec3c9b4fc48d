//! Webhooks of ours, to any https address: signed as Standard Webhooks say, so that whoever takes them in can tell that they are ours, and
//! which came twice.

use http::{HeaderName, Method};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::channels::never_reachable;
use super::client::Request;
use crate::domain::connections::provider::{Settings, WrongSetting};
use crate::domain::deliveries::signature::schemes::STANDARD_WEBHOOKS;
use crate::domain::deliveries::signature::{Refused, Text, sign};
use crate::domain::secret::Secret;

/// The setting that says where webhooks are posted to.
pub(super) const URL: &str = "url";

/// Where webhooks are posted to.
pub(super) fn url(settings: &Settings) -> Result<Url, WrongSetting> {
    let text = settings.get(URL).and_then(Value::as_str).unwrap_or_default();
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| WrongSetting::new(URL, "must be a URL, as in https://pager.example/alerts"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WrongSetting::new(URL, "must have no user or password in it: it is shown"));
    }
    Ok(url)
}

/// A post of a body, signed with an id and a time.
pub(super) fn signed(url: Url, secret: &Secret, id: &str, now: Timestamp, body: String) -> Result<Request, Refused> {
    let signed = sign(&STANDARD_WEBHOOKS, secret, Some(id), now, None, body.as_bytes())?;
    let header = |(name, value): (Text, String)| Some((name.parse::<HeaderName>().ok()?, Secret::new(value)));
    let secrets = signed.into_iter().filter_map(header).collect();
    Ok(Request { method: Method::POST, secrets, body: Some(body.into()), ..Request::get(url) })
}

/// What is wrong with settings that name a place to which nothing could ever be sent.
pub(super) fn wrong_settings(settings: &Settings, is_local: bool) -> Option<WrongSetting> {
    match url(settings) {
        Ok(url) => never_reachable(&url, is_local).map(|why| WrongSetting::new(URL, why)),
        Err(wrong) => Some(wrong),
    }
}

/// What is wrong with a secret that nothing could be signed with, without it.
pub(super) fn wrong_secret(secret: &Secret) -> Option<String> {
    let signed = sign(&STANDARD_WEBHOOKS, secret, Some("test"), Timestamp::UNIX_EPOCH, None, b"{}");
    signed.err().map(|_| "must be a key as Standard Webhooks have it: base64, behind whsec_ or alone".to_owned())
}
