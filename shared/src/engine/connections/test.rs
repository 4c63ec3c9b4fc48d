//! Test a connection: read a catalogue's source from end to end, ask a vendor that is pulled for a row, and Google for its locations, tell a
//! channel of alerts or a receiver of completion webhooks that it is tested, or look whether a sender's settings and secrets can be used. Nothing is changed but the note of the
//! test, and of a channel that takes it that it refused before.

use std::time::Duration;

use serde_json::json;

use super::desk::{Desk, Refused};
use crate::aws::alerts::AlertStore;
use crate::aws::connections::last_test::{LastTests, VendorTest};
use crate::aws::keys::KeyFault;
use crate::domain::alerts::channel::{ChannelKind, Tried};
use crate::domain::audit::Action;
use crate::domain::catalogue::vendor::{Integration, Vendor};
use crate::domain::connections::provider::SecretUse;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::deliveries::signature::{LiveSecret, sign};
use crate::domain::ids::{Connection, ProviderId, RunId};
use crate::domain::redact;
use crate::domain::time;
use crate::engine::alerts::try_channel::Trial;
use crate::engine::catalogue::test_vendor::test_vendor;
use crate::engine::connections::pulled::is_asked;
use crate::engine::operators::Operator;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::kinds::pull::look::{NotLooked, Sight, try_look};
use crate::engine::runs::slice::SliceFault;
use crate::vendors::catalogue::provider::vendor;
use crate::vendors::completion_webhook;

/// Who waits is answered before the gateway gives up.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Tests a connection. One that cannot be used is a result. A crash leaves what a test before found.
///
/// # Errors
/// When there is no such connection, or AWS fails: then nothing is known of it.
pub async fn test(
    desk: &Desk,
    worker: &RunWorker,
    (tests, alerts): (&LastTests, &AlertStore),
    operator: &Operator,
    connection: &Connection,
) -> Result<VendorTest, Refused> {
    let stored = desk.store.read(connection).await.map_err(Refused::Unread)?.ok_or(Refused::NotFound)?;
    let trial = Trial { desk, store: alerts, quotas: &worker.quotas };
    let is_told = connection.provider == ProviderId::COMPLETION_WEBHOOK;
    if (is_told || ChannelKind::of(&connection.provider).is_some())
        && let Some(until) = trial.rests_until(connection).await.map_err(Refused::Unread)?
    {
        return Err(Refused::TooOften(until));
    }
    let target = connection.to_string();
    desk.operators.record_change(operator, Action::TestConnection, target, Vec::new()).await?;
    let error = match usable(desk, &stored).await? {
        Ok(Usable::Catalogue(vendor)) => return Ok(test_vendor(worker, tests, &vendor, None).await?),
        Ok(Usable::Asked) => return asked(worker, tests, connection).await,
        Ok(Usable::Configured) if is_told => receiver(desk, &stored).await?,
        Ok(Usable::Configured) => match trial.one(&stored).await? {
            Some(Tried::Failed(why)) => Some(redact::error_text(&why)),
            Some(Tried::Taken | Tried::Rests(_)) | None => None,
        },
        Err(why) => Some(redact::error_text(&why)),
    };
    let checked_at = desk.operators.now();
    let test = VendorTest { checked_at, ok: error.is_none(), source_path: None, total_items: None, error };
    tests.keep(connection, &test).await?;
    Ok(test)
}

/// Tells a receiver of completion webhooks that it is tested: why it did not take that.
async fn receiver(desk: &Desk, stored: &StoredConnection) -> Result<Option<String>, Refused> {
    let Some(secrets) = &stored.secrets else { return Ok(Some("it has no secret".to_owned())) };
    let secret = match desk.keys.open(&stored.connection, &secrets.current).await {
        Ok(secret) => secret,
        Err(KeyFault::Unreadable(unreadable)) => return Ok(Some(unreadable.to_string())),
        Err(fault) => return Err(fault.into()),
    };
    let now = desk.operators.now();
    let id = RunId::new(now, desk.operators.random()).to_string();
    let body = json!({"type": "test", "timestamp": time::text(now), "data": {"tenant": stored.connection.tenant}});
    let sent = completion_webhook::post_signed(&stored.settings, &secret, (&id, body.to_string()), now, desk.is_local);
    let Some(answered) = desk.operators.clock().within(ANSWER_MAX, sent).await else {
        return Ok(Some(format!("no answer within {} s", ANSWER_MAX.as_secs())));
    };
    Ok((!answered.is_taken()).then(|| redact::error_text(&answered.why())))
}

/// How a connection that seems usable is tried.
enum Usable {
    /// Its source is read.
    Catalogue(Box<Vendor>),
    /// Its vendor is asked for what it lists first.
    Asked,
    /// The configuration is all there is to look at; a channel is told something besides.
    Configured,
}

/// Asks a vendor for one row of its first list, or Google for all of it, within quota and breaker.
async fn asked(worker: &RunWorker, tests: &LastTests, connection: &Connection) -> Result<VendorTest, Refused> {
    let sight = Sight { rows: 1, ..Sight::default() };
    let tried = try_look(&worker.as_of_now(), connection, sight).await;
    let (total_items, error) = match tried.looked {
        Ok(looked) => (looked.total, None),
        Err(NotLooked::Fault(SliceFault::Aws(fault))) => return Err(Refused::Unread(fault)),
        Err(NotLooked::Fault(SliceFault::VendorGone)) => return Err(Refused::NotFound),
        Err(NotLooked::Refused(failure, why)) => {
            let remedy = worker.runs.outside.providers.of(&connection.provider).remedy(failure);
            (None, Some(format!("{}. {remedy}", redact::error_text(&why))))
        }
        Err(not) => (None, Some(redact::error_text(&not.to_string()))),
    };
    let source_path = tried.base_url.map(|url| url.to_string());
    let checked_at = worker.runs.now();
    let test = VendorTest { checked_at, ok: error.is_none(), source_path, total_items, error };
    tests.keep(connection, &test).await?;
    Ok(test)
}

/// How a connection is tried, or what is wrong with it.
async fn usable(desk: &Desk, stored: &StoredConnection) -> Result<Result<Usable, String>, Refused> {
    let connection = &stored.connection;
    let wrong = |text: String| Ok(Err(text));
    let mut secrets = Vec::new();
    if let Some(live) = &stored.secrets {
        let live = [("current", Some(&live.current)), ("previous", live.previous.as_ref())];
        for (name, sealed) in live.into_iter().filter_map(|(name, sealed)| Some((name, sealed?))) {
            match desk.keys.open(connection, sealed).await {
                Ok(secret) if name == "current" => secrets.push(LiveSecret::current(secret)),
                Ok(secret) => secrets.push(LiveSecret::previous(secret)),
                Err(KeyFault::Unreadable(unreadable)) => return wrong(format!("the {name} secret: {unreadable}")),
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    let provider = desk.providers.of(&connection.provider);
    if provider.secret == SecretUse::Required && secrets.is_empty() {
        return wrong("it has no secret".to_owned());
    }
    if connection.provider == ProviderId::CATALOGUE {
        return match vendor(stored) {
            Ok(vendor) if vendor.integration == Integration::Api => {
                wrong("a vendor that is reached over an API cannot be tested yet".to_owned())
            }
            Ok(vendor) => Ok(Ok(Usable::Catalogue(vendor.into()))),
            Err(setting) => wrong(format!("settings.{} {}", setting.name, setting.why)),
        };
    }
    // One without a key has webhooks alone.
    if is_asked(&desk.providers, &connection.provider) && !secrets.is_empty() {
        return Ok(Ok(Usable::Asked));
    }
    let Some(sender) = provider.sender else { return Ok(Ok(Usable::Configured)) };
    let sender = match sender(connection, &stored.settings, secrets) {
        Ok(sender) => sender,
        Err(setting) => return wrong(format!("settings.{} {}", setting.name, setting.why)),
    };
    // Whoever can sign with a secret can verify with it.
    let now = desk.operators.now();
    for LiveSecret { label, secret } in &sender.secrets {
        if let Err(refused) = sign(&sender.scheme, secret, Some("test"), now, sender.url.as_deref(), b"{}") {
            // It says "current" of whichever it was given.
            return wrong(refused.to_string().replacen("current", label.as_str(), 1));
        }
    }
    Ok(Ok(Usable::Configured))
}
