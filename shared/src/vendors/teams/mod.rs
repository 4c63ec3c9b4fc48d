//! Teams as a provider: a channel that alerts are told to, by a Workflow ("When a Teams webhook request is received"). Its URL has a
//! signature in it and lets whoever has it post, so the URL is the secret.

use http::Method;
use serde_json::Value;
use url::Url;

use super::channels::{UNUSABLE, never_reachable, posted};
use crate::domain::alerts::card::card;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::alerts::quiet::{self, QuietHours};
use crate::domain::connections::provider::{Mistake, Provider, SecretUse};
use crate::domain::digest::recipient;
use crate::domain::secret::Secret;
use crate::vendors::channels::Sending;
use crate::vendors::client::Request;

/// Channels of Teams.
pub const PROVIDER: Provider = Provider {
    name: "Microsoft Teams",
    icon: "TE",
    colour: "#4b53bc",
    entities: &[],
    settings: &[quiet::FROM, quiet::TO, quiet::ZONE, recipient::WEEKLY],
    secret: SecretUse::Required,
    secret_about: "The URL of the Workflow that posts to the channel: whoever has it can post",
    scheduled: false,
    sender: None,
    pull: None,
    check: |connection, settings| {
        recipient::check_channel(connection, settings)?;
        QuietHours::of(settings).map(drop)
    },
    addresses: |_, _| Vec::new(),
    mistakes: &[
        Mistake {
            seen: "400",
            remedy: "The URL is that of a connector, which Teams has retired: make a Workflow, and rotate the secret to its URL",
        },
        Mistake {
            seen: "401",
            remedy: "The URL was cut off, or its Workflow lets only people of the tenant post: copy it whole, and let anyone trigger it",
        },
        Mistake {
            seen: "404",
            remedy: "The Workflow was removed or turned off: turn it on, or rotate the secret to another",
        },
    ],
};

/// The URL that a secret is. Nothing says why it is none: the text is the secret.
fn url(secret: &Secret) -> Option<Url> {
    let url = std::str::from_utf8(secret.expose()).ok().and_then(|url| Url::parse(url.trim()).ok())?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// What is wrong with a secret, without it; none where it is a URL that can be posted to.
pub(super) fn wrong_secret(secret: &Secret, is_local: bool) -> Option<String> {
    const FORM: &str = "must be the URL of the Workflow, as in https://…/triggers/manual/paths/invoke?…&sig=…";
    let why = url(secret).map_or(Some(FORM), |url| never_reachable(&url, is_local));
    why.map(str::to_owned)
}

/// Posts a message as a card.
pub(super) async fn send(sending: &Sending<'_>, secret: &Secret, message: &Message) -> Answered {
    post(sending, secret, &card(message, sending.link)).await
}

/// Posts a card in its envelope.
pub(super) async fn post(sending: &Sending<'_>, secret: &Secret, body: &Value) -> Answered {
    let Some(url) = url(secret) else { return Answered::Refused(UNUSABLE.to_owned()) };
    let body = body.to_string();
    posted(sending, Request { method: Method::POST, body: Some(body.into()), ..Request::get(url) }).await
}
