//! How channels are told: each provider's way, and what its answer comes to.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::client::{Answer, NoAnswer, Request, VendorClient};
use super::hosts::{Forbidden, Hosts};
use super::{alert_webhook, signed, teams};
use crate::domain::alerts::channel::ChannelKind;
use crate::domain::alerts::delivery::{Answered, Message};
use crate::domain::connections::provider::{Settings, WrongSetting};
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
pub fn wrong_secret(provider: &ProviderId, secret: &Secret, is_local: bool) -> Option<String> {
    if *provider == ProviderId::COMPLETION_WEBHOOK {
        return signed::wrong_secret(secret);
    }
    match ChannelKind::of(provider)? {
        ChannelKind::Teams => teams::wrong_secret(secret, is_local),
        ChannelKind::Webhook => signed::wrong_secret(secret),
    }
}

/// What is wrong with the settings of a connection to which nothing could ever be sent; none where nothing is, or it is none that
/// names where it is posted to.
#[must_use]
pub fn wrong_settings(provider: &ProviderId, settings: &Settings, is_local: bool) -> Option<WrongSetting> {
    let is_posted_to =
        *provider == ProviderId::COMPLETION_WEBHOOK || ChannelKind::of(provider) == Some(ChannelKind::Webhook);
    is_posted_to.then(|| signed::wrong_settings(settings, is_local)).flatten()
}

/// Why nothing could ever be posted to a URL, without the URL. Where a name leads is seen when it is looked up.
pub(super) fn never_reachable(url: &Url, is_local: bool) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("must have no user or password in it");
    }
    if url.scheme() != "https" && !is_local {
        return Some("must be an https URL");
    }
    let hosts = Hosts::named(&[&named(url)], is_local);
    let is_ours = url.domain().is_some_and(|name| name == "localhost" || name.ends_with(".localhost"));
    match hosts.map(|hosts| hosts.may_fetch(url)) {
        Ok(Err(Forbidden::Address)) => Some("is at an address that is not public, where nothing is sent"),
        Ok(Ok(())) if is_ours && !is_local => Some("is at an address that is not public, where nothing is sent"),
        Ok(Ok(())) => None,
        Ok(Err(_)) | Err(_) => Some("has no host that can be asked"),
    }
}

/// The host of a URL, with its port where that is not the scheme's own.
fn named(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Posts to the host that the address names, and to no other.
pub(super) async fn post(local: bool, request: Request) -> Result<Answer, NoAnswer> {
    // It may quote the address.
    let hosts =
        Hosts::named(&[&named(&request.url)], local).map_err(|_| NoAnswer::Misconfigured(UNUSABLE.to_owned()))?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "must be the URL of the Workflow";
    const PRIVATE: &str = "is at an address that is not public";

    #[test]
    fn a_url_to_which_nothing_could_ever_be_sent_is_refused_of_teams_and_of_webhooks() {
        for (url, is_local, wrong) in [
            ("https://flow.example/invoke?sig=hunter2", false, None),
            ("https://flow.example:8443/invoke?sig=hunter2", false, None),
            ("http://flow.example/?sig=hunter2", false, Some("must be an https URL")),
            ("http://127.0.0.1:9103/?sig=hunter2", true, None),
            ("https://localhost/?sig=hunter2", true, None),
            ("https://ann:hunter2@flow.example/", false, Some("must have no user or password")),
            ("https://10.0.0.1/?sig=hunter2", false, Some(PRIVATE)),
            ("https://169.254.169.254/latest?sig=hunter2", true, Some(PRIVATE)),
            ("https://[fe80::1]/?sig=hunter2", false, Some(PRIVATE)),
            ("https://2130706433/?sig=hunter2", false, Some(PRIVATE)),
            ("https://localhost/?sig=hunter2", false, Some(PRIVATE)),
            ("https://a.localhost/?sig=hunter2", false, Some(PRIVATE)),
            ("mailto:hunter2@flow.example", false, Some("must be")),
        ] {
            let settings = json!({"url": url}).as_object().cloned().unwrap_or_default();
            let of_teams = wrong_secret(&ProviderId::TEAMS, &Secret::new(url), is_local);
            let of_webhook = wrong_settings(&ProviderId::ALERT_WEBHOOK, &settings, is_local).map(|wrong| wrong.why);
            for found in [of_teams, of_webhook] {
                assert_eq!(found.is_some(), wrong.is_some(), "{url} {is_local}: {found:?}");
                let found = found.unwrap_or_default();
                assert!(found.starts_with(wrong.unwrap_or_default()) && !found.contains("hunter2"), "{url}: {found}");
            }
        }
        assert!(
            wrong_secret(&ProviderId::TEAMS, &Secret::new("hunter2"), false).is_some_and(|why| why.starts_with(URL))
        );
    }

    #[test]
    fn a_secret_that_cannot_sign_is_refused() {
        for (secret, is_wrong) in [
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false),
            ("whsec_", true),
            ("whsec_not base64, hunter2", true),
            ("hunter2!", true),
        ] {
            let found = wrong_secret(&ProviderId::ALERT_WEBHOOK, &Secret::new(secret), false);
            assert_eq!(found.is_some(), is_wrong, "{secret}: {found:?}");
            assert!(!found.unwrap_or_default().contains("hunter2"));
        }
    }
}
