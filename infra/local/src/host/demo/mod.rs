//! What a new user has to look at: runs, pulls of simulated vendors, a mirror, webhooks of every fate, a dead letter and rejected deliveries, made by
//! requests to the host's own front, as clients make them. Only on one's own machine.
//!
//! All of it is the default tenant's, as that is whom a browser signs in as; the source `demo` and keys, bodies and traces that say
//! so tell it from one's own.

mod mirror;
mod pulls;
pub(crate) mod vendors;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use signalbox::domain::catalogue::vendor::parse_vendors;
use signalbox::domain::secret::Secret;
use signalbox::environment::Environment;
use signalbox::outside::Outside;
use tokio::task::JoinSet;

use self::pulls::Pulls;
use self::vendors::{ACTOR, CHANNEL, CONTROL, Vendors};
use self::webhooks::{DeadLetterQueue, Webhooks};
use crate::host::data::DataFolder;
use crate::remote::{Asked, Remote};
use crate::template::{Bindings, Template};
use crate::token::{self, Grant};

/// The vendor whose run fails: a connection, which can be mended in the registry.
const BROKEN: &str = "demo-vendor";
/// The front answers within 30 s, whatever happens.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// What the host that the demo is for is like.
pub(crate) struct Setting<'a> {
    pub(crate) bindings: &'a Bindings,
    pub(crate) template: &'a Template,
    pub(crate) front: SocketAddr,
    pub(crate) sqs: &'a aws_sdk_sqs::Client,
    /// The secret of tokens.
    pub(crate) tokens: Option<&'a str>,
    /// The secret of points of sale.
    pub(crate) webhooks: Option<&'a str>,
    pub(crate) now: Timestamp,
    /// The vendors that are simulated.
    pub(crate) vendors: Option<&'a Vendors>,
    pub(crate) environments: &'a BTreeMap<String, Environment>,
    pub(crate) outside: &'a Outside,
}

impl Setting<'_> {
    fn token(&self) -> Option<Result<String, token::TokenError>> {
        let audience = self.bindings.parameters.get("ServiceJwtAudience");
        let audience = audience.map_or(token::AUDIENCE_DEFAULT, String::as_str);
        let scopes = token::scopes("catalog:sync:write,connections:write");
        let grant = Grant { actor: ACTOR, audience, scopes, ..Grant::default() };
        Some(token::mint(grant, self.tokens?, self.now))
    }

    fn pulls(&self) -> Option<Result<Pulls, String>> {
        let (environment, vendors) = (self.environments.get(CONTROL)?, self.vendors?);
        Some(Pulls::connect(environment, self.outside, vendors.simulated()))
    }

    fn webhooks(&self, remote: &Remote) -> Option<Webhooks> {
        let signs_headers = self.bindings.parameters.get("PosSignedHeaders").is_some_and(|value| value == "required");
        // Runs have a dead-letter queue too.
        let source = self.template.event_sources.iter().find(|source| source.function == "webhook-worker")?;
        let queue = self.template.queues.iter().find(|queue| queue.name == source.queue)?;
        let name = queue.redrive.as_ref()?.queue.clone();
        let dead_letters = DeadLetterQueue { sqs: self.sqs.clone(), name };
        Some(Webhooks::new(remote.clone(), Secret::new(self.webhooks?), signs_headers, dead_letters))
    }
}

/// Whoever names vendors of their own has something to see.
pub(crate) fn is_wanted(bindings: &Bindings) -> bool {
    let Some(named) = bindings.parameters.get("Vendors") else { return true };
    parse_vendors(named).unwrap_or_default().iter().any(|vendor| vendor.slug.as_str() == "moscot")
}

/// Makes the demo's data where a start has asked for it and none has made it yet: behind the ready line, and without a reason
/// to fail, as the host is as useful without it. A crash leaves the mark, and the next start makes all of it again: the same
/// webhooks are duplicates then, and there may be a dead letter more.
pub(crate) fn run_if_requested(tasks: &mut JoinSet<()>, data: &DataFolder, setting: &Setting<'_>) {
    let mark = data.demo_mark();
    if !mark.exists() {
        return;
    }
    if !is_wanted(setting.bindings) {
        return;
    }
    let (Some(token), Ok(remote)) = (setting.token(), Remote::new(&format!("http://{}", setting.front), WAIT_MAX))
    else {
        return;
    };
    let (pulls, webhooks, now) = (setting.pulls(), setting.webhooks(&remote), setting.now);
    let workflow_url = setting.vendors.map(Vendors::workflow_url);
    tasks.spawn(async move {
        tracing::info!(
            "making demo data: runs, pulls of simulated vendors, a mirror, webhooks of every fate, a dead letter; what is logged of it \
             is meant to be. SIGNALBOX_DEMO=0 starts empty"
        );
        let made = async {
            // Before anything fails, so that somebody is told.
            if let (Some(url), Ok(token)) = (&workflow_url, &token) {
                channel(&remote, token, url).await?;
            }
            let token = token.map_err(|error| error.to_string())?;
            let answer = runs(&remote, &token).await?;
            tracing::info!(run = %answer["runId"], metrics = %answer["metrics"], "the demo catalogue is synced");
            if let Some(pulls) = pulls {
                pulls?.make(&remote, &token).await?;
                mirror::make(&remote, &token).await?;
            }
            match webhooks {
                Some(webhooks) => webhooks.make(now).await,
                None => Ok(()),
            }
        };
        match made.await {
            Ok(()) => {
                tracing::info!("demo data is made: source demo of the tenant default");
                let _gone_already = std::fs::remove_file(mark);
            }
            Err(reason) => tracing::warn!(reason, "not all demo data was made"),
        }
    });
}

/// Makes the channel that alerts are told over.
///
/// # Errors
/// Why there is none, in a sentence.
async fn channel(remote: &Remote, token: &str, url: &str) -> Result<(), String> {
    let body = json!({"displayName": "Teams, simulated (demo)", "settings": {}, "secrets": {"current": url}});
    let path = format!("/api/admin/connections/{CHANNEL}");
    let asked = Asked { method: Method::PUT, path: &path, body: Some(body.to_string()), ..Asked::default() };
    let made = remote.ask(asked, token).await.map_err(|error| error.to_string())?;
    if (200..300).contains(&made.status) { Ok(()) } else { Err(format!("{CHANNEL}: {}", made.told())) }
}

/// Syncs the project's catalogue, and returns what the front answered; then compares it once more, and has a run of another vendor
/// fail, whose file is not there.
///
/// # Errors
/// Why there is no run, in a sentence.
async fn runs(remote: &Remote, token: &str) -> Result<Value, String> {
    let post = async |body: &str| {
        let answer = remote.post_json("/api/catalog/moscot/sync", token, body).await;
        answer.map_err(|error| error.to_string())
    };
    let synced = post("{}").await?;
    if !(200..300).contains(&synced.status) {
        return Err(format!("{}: {}", synced.status, synced.text));
    }
    post(r#"{"dryRun": true}"#).await?;
    fail(remote, token).await?;
    serde_json::from_str(&synced.text).map_err(|error| error.to_string())
}

/// Makes a vendor whose file is missing, and lets a run of it be applied, which fails, as somebody then has to see to it.
///
/// # Errors
/// Why there is none, in a sentence.
async fn fail(remote: &Remote, token: &str) -> Result<(), String> {
    let connection = json!({"displayName": "Demo", "settings": {"source": "demo-of-a-missing-file.json"}});
    let path = format!("/api/admin/connections/default/catalogue/{BROKEN}");
    let asked = Asked { method: Method::PUT, path: &path, body: Some(connection.to_string()), ..Asked::default() };
    let made = remote.ask(asked, token).await.map_err(|error| error.to_string())?;
    if !(200..300).contains(&made.status) {
        return Err(format!("{BROKEN}: {}", made.told()));
    }
    let path = format!("/api/catalog/vendor-sync/{BROKEN}/sync");
    remote.post_json(&path, token, r#"{"dryRun": false}"#).await.map(drop).map_err(|error| error.to_string())
}
