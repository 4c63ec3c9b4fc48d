//! How channels are told: each provider's way, and what its answer comes to.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::client::{Answer, NoAnswer, Request, VendorClient};
use super::hosts::Hosts;
use super::{alert_webhook, signed, teams};
use crate::domain::alerts::channel::ChannelKind;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::connections::provider::Settings;
use crate::domain::ids::ProviderId;
use crate::domain::pull::answer::Class;
use crate::domain::secret::Secret;

/// What is said of a secret that is no URL, without it.
pub(super) const UNUSABLE: &str = "the connection's secret is no URL";

/// What a message is sent with.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// Where what it is about is shown.
    pub link: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// Whether this is somebody's own machine, where plain http will do, and so will what runs beside us.
    pub local: bool,
}

/// Sends a message once.
pub async fn send(
    kind: ChannelKind,
    settings: &Settings,
    secret: &Secret,
    message: &Message,
    sending: Sending<'_>,
) -> Answered {
    match kind {
        ChannelKind::Teams => teams::send(&sending, secret, message).await,
        ChannelKind::Webhook => alert_webhook::send(&sending, settings, secret, message).await,
    }
}

/// Sends a card over a channel of Teams, once.
pub async fn send_card(sending: &Sending<'_>, secret: &Secret, card: &Value) -> Answered {
    teams::post(sending, secret, card).await
}

/// What is wrong with a secret that a connection is given, without it; none where nothing is, or the provider is none that is told
/// something, or whose secret can be looked at.
#[must_use]
pub fn wrong_secret(provider: &ProviderId, secret: &Secret, is_local: bool) -> Option<&'static str> {
    if *provider == ProviderId::COMPLETION_WEBHOOK {
        return signed::wrong_secret(secret);
    }
    match ChannelKind::of(provider)? {
        ChannelKind::Teams => teams::wrong_secret(secret, is_local),
        ChannelKind::Webhook => None,
    }
}

/// Posts to the host that the address names, and to no other.
pub(super) async fn post(local: bool, request: Request) -> Result<Answer, NoAnswer> {
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let named = request.url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    // It may quote the address.
    let hosts = Hosts::named(&[&named], local).map_err(|_| NoAnswer::Misconfigured(UNUSABLE.to_owned()))?;
    VendorClient::new(hosts)?.send(request).await
}

/// Posts, and says what came of it. Texts name the host alone.
pub(super) async fn posted(sending: &Sending<'_>, request: Request) -> Answered {
    let host = request.url.host_str().unwrap_or_default().to_owned();
    match post(sending.local, request).await {
        Ok(answer) => match answer.class() {
            Class::Fine => Answered::Taken,
            class if class.may_pass() => {
                let why = format!("{host} answered {}", answer.status.as_u16());
                Answered::Later(why, answer.asked(sending.now).not_before(class))
            }
            _ => {
                let why = format!("{host} answered {}", answer.status.as_u16());
                match answer.status {
                    // It is about what was sent.
                    StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Answered::Never(why),
                    // It took too long to be sent.
                    StatusCode::REQUEST_TIMEOUT => Answered::Later(why, None),
                    // It is about the channel, which somebody may mend meanwhile.
                    _ => Answered::Refused(why),
                }
            }
        },
        Err(error) if error.class().may_pass() => Answered::Later(error.to_string(), None),
        Err(error) => Answered::Refused(error.to_string()),
    }
}
