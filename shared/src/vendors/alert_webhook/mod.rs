//! Webhooks that alerts are sent by, to any https address, signed.

use super::channels::posted;
use super::signed::{self, signed, url};
use crate::domain::alerts::card::webhook;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::alerts::quiet::{self, QuietHours};
use crate::domain::connections::provider::{Mistake, Provider, SecretUse, Setting, SettingKind, Settings};
use crate::domain::secret::Secret;
use crate::vendors::channels::Sending;

const URL: Setting = Setting {
    name: signed::URL,
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

/// Posts a message, signed.
pub(super) async fn send(sending: &Sending<'_>, settings: &Settings, secret: &Secret, message: &Message) -> Answered {
    let url = match url(settings) {
        Ok(url) => url,
        Err(wrong) => return Answered::Refused(format!("settings.{} {}", wrong.name, wrong.why)),
    };
    let body = webhook(message, sending.link).to_string();
    match signed(url, secret, &message.id, sending.now, body) {
        Ok(request) => posted(sending, request).await,
        Err(refused) => Answered::Refused(refused.to_string()),
    }
}
