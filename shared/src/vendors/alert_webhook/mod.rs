//! Webhooks that alerts are sent by, to any https address: signed as Standard Webhooks say, so that whoever takes them in can tell that
//! they are ours, and which came twice.

use http::{HeaderName, Method};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::channels::{never_reachable, posted};
use crate::domain::alerts::card::webhook;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::alerts::quiet::{self, QuietHours};
use crate::domain::connections::provider::{
    Mistake, Provider, SecretUse, Setting, SettingKind, Settings, WrongSetting,
};
use crate::domain::deliveries::signature::{Text, schemes, sign};
use crate::domain::secret::Secret;
use crate::vendors::channels::Sending;
use crate::vendors::client::Request;

const URL: Setting = Setting {
    name: "url",
    kind: SettingKind::Text,
    required: true,
    about: "Where alerts are posted to: an https address, without a password in it",
};

/// Signed webhooks of alerts.
pub const PROVIDER: Provider = Provider {
    name: "Alert webhook",
    icon: "AW",
    colour: "#be123c",
    entities: &[],
    settings: &[URL, quiet::FROM, quiet::TO, quiet::ZONE],
    secret: SecretUse::Required,
    secret_about: "What alerts are signed with, as Standard Webhooks have it: whsec_ and base64",
    scheduled: false,
    sender: None,
    pull: None,
    check: |_, settings| {
        url(settings)?;
        QuietHours::of(settings).map(drop)
    },
    addresses: |_, _| Vec::new(),
    mistakes: &[Mistake {
        seen: "bad_signature",
        remedy: "The signature is over webhook-id, webhook-timestamp and the raw body: verify the bytes that came, not the object",
    }],
};

fn url(settings: &Settings) -> Result<Url, WrongSetting> {
    let text = settings.get(URL.name).and_then(Value::as_str).unwrap_or_default();
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| WrongSetting::new(URL.name, "must be a URL, as in https://pager.example/alerts"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WrongSetting::new(URL.name, "must have no user or password in it: it is shown"));
    }
    Ok(url)
}

/// What is wrong with settings that name a place to which nothing could ever be sent.
pub(super) fn wrong_settings(settings: &Settings, is_local: bool) -> Option<WrongSetting> {
    match url(settings) {
        Ok(url) => never_reachable(&url, is_local).map(|why| WrongSetting::new(URL.name, why)),
        Err(wrong) => Some(wrong),
    }
}

/// What is wrong with a secret that nothing could be signed with, without it.
pub(super) fn wrong_secret(secret: &Secret) -> Option<String> {
    let signed = sign(&schemes::STANDARD_WEBHOOKS, secret, Some("test"), Timestamp::UNIX_EPOCH, None, b"{}");
    signed.err().map(|_| "must be a key as Standard Webhooks have it: base64, behind whsec_ or alone".to_owned())
}

/// Posts a message, signed.
pub(super) async fn send(sending: &Sending<'_>, settings: &Settings, secret: &Secret, message: &Message) -> Answered {
    let url = match url(settings) {
        Ok(url) => url,
        Err(wrong) => return Answered::Refused(format!("settings.{} {}", wrong.name, wrong.why)),
    };
    let body = webhook(message, sending.link).to_string();
    let Some(scheme) = schemes::find("standard-webhooks") else {
        return Answered::Refused("there is no scheme to sign with".to_owned());
    };
    let signed = match sign(scheme, secret, Some(&message.id), sending.now, None, body.as_bytes()) {
        Ok(signed) => signed,
        Err(refused) => return Answered::Refused(refused.to_string()),
    };
    let header = |(name, value): (Text, String)| Some((name.parse::<HeaderName>().ok()?, Secret::new(value)));
    let secrets = signed.into_iter().filter_map(header).collect();
    posted(sending, Request { method: Method::POST, secrets, body: Some(body.into()), ..Request::get(url) }).await
}
