//! Webhooks that say which runs are over, to any https address, signed.

use jiff::Timestamp;

use super::channels::post;
use super::client::NoAnswer;
use super::signed::{self, signed, url};
use crate::domain::completions::notice::{self, Answered, Notice};
use crate::domain::completions::receiver;
use crate::domain::connections::provider::{Mistake, Provider, SecretUse, Setting, SettingKind, Settings};
use crate::domain::secret::Secret;

const URL: Setting = Setting {
    name: signed::URL,
    kind: SettingKind::Text,
    required: true,
    about: "Where it is posted to that a run is over: an https address, without a password in it",
};

/// Receivers of completion webhooks.
pub const PROVIDER: Provider = Provider {
    name: "Completion webhook",
    icon: "CW",
    colour: "#0369a1",
    entities: &[],
    settings: &[URL, receiver::OF_KINDS, receiver::OF_OUTCOMES],
    secret: SecretUse::Required,
    secret_about: "What webhooks are signed with, as Standard Webhooks have it: whsec_ and base64",
    scheduled: false,
    sender: None,
    pull: None,
    check: |_, settings| {
        url(settings)?;
        receiver::check(settings)
    },
    addresses: |_, _| Vec::new(),
    mistakes: &[
        Mistake {
            seen: "bad_signature",
            remedy: "The signature is over webhook-id, webhook-timestamp and the raw body: verify the bytes that came, not the object",
        },
        Mistake {
            seen: "410",
            remedy: "It says that the receiver is gone for good, and disables it: answer 404 or 503 while it is only away",
        },
    ],
};

/// Posts a notice, signed, once: a redirect is not followed.
pub async fn send(settings: &Settings, secret: &Secret, notice: &Notice, now: Timestamp, local: bool) -> Answered {
    post_signed(settings, secret, (&notice.id, notice.body.clone()), now, local).await
}

/// Posts a body under an id, as [`send`] does a notice.
pub async fn post_signed(
    settings: &Settings,
    secret: &Secret,
    (id, body): (&str, String),
    now: Timestamp,
    local: bool,
) -> Answered {
    let unsigned = |why: String| Answered::Nothing(notice::NoAnswer::NotSigned, why);
    let url = match url(settings) {
        Ok(url) => url,
        Err(wrong) => return unsigned(format!("settings.{} {}", wrong.name, wrong.why)),
    };
    let request = match signed(url, secret, id, now, body) {
        Ok(request) => request,
        Err(refused) => return unsigned(refused.to_string()),
    };
    match post(local, request).await {
        Ok(answer) => Answered::Status(answer.status.as_u16(), answer.asked(now).not_before(answer.class())),
        Err(error) => {
            let code = match &error {
                NoAnswer::Misconfigured(_) => notice::NoAnswer::NotAllowed,
                NoAnswer::Down { .. } | NoAnswer::TooLarge { .. } => notice::NoAnswer::Unreachable,
            };
            Answered::Nothing(code, error.to_string())
        }
    }
}
