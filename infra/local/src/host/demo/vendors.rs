//! The demo's vendors: simulated, on ports of their own, each with a connection that is pulled. Their rows are the same at each start, so
//! that what was pulled before is what they have.
//!
//! Ports and key are kept in the data folder. Where a port is taken by now another one is opened, and the connection is led there before
//! anything is asked. Each folder has a key of its own: a host that comes to another one's vendor is not let in.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::connections::stored::{ConnectionState, KeptBy, Knows, StoredConnection, Wanted};
use signalbox::domain::ids::{Connection, TenantId};
use signalbox::domain::secret::Secret;
use signalbox::engine::connections::change::{Deed, change};
use signalbox::engine::connections::desk::Desk;
use signalbox::engine::connections::secrets::{Given, Rotation};
use signalbox::engine::operators::Operator;
use signalbox::environment::Environment;
use signalbox::outside::{Clock, Outside};
use signalbox_simulators::{DemoOptions, DemoVendors, start_demo_vendors};

use crate::host::data::DataFolder;
use crate::host::settings;

/// The function that changes connections: what it may reach is all that this needs.
pub(super) const CONTROL: &str = "sync-control";
/// Who makes and leads them.
pub(super) const ACTOR: &str = "demo";
/// Of which each has a connection.
const PROVIDERS: [&str; 3] = ["doorloop", "trackstar", "gbp"];
/// Why their connections are paused where the host was started without them.
const NOT_THERE: &str = "the demo's vendors are not simulated: start with SIGNALBOX_DEMO=1";
/// Where all vendors are that may be led elsewhere.
const HERE: &str = "http://127.0.0.1:";
/// Nobody waits longer for a host that starts, or stops.
const LEADING_MAX: Duration = Duration::from_secs(10);
const STOPPING_MAX: Duration = Duration::from_secs(1);
/// The channel that alerts of the demo are told over.
pub(super) const CHANNEL: &str = "default/teams/demo";
/// Each hour: seen to go by itself, and no burden to a laptop.
const EVERY_MINUTES: u32 = 60;

/// What the data folder keeps of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    doorloop: u16,
    trackstar: u16,
    /// Of a start before this one had it, none.
    #[serde(default)]
    teams: u16,
    /// The same.
    #[serde(default)]
    gbp: u16,
    key: String,
}

/// The demo's vendors, as long as this is kept.
pub(crate) struct Vendors {
    running: DemoVendors,
    /// Whether a start before this one had them, so that there may be connections to them.
    were_there: bool,
}

/// One of them, as its connection is told of it.
pub(super) struct Simulated {
    pub(super) connection: Connection,
    base_url: String,
    body: Value,
    /// Whether its lists are pulled.
    pub(super) is_pulled: bool,
}

impl Simulated {
    /// The body of the `PUT` that makes the connection.
    pub(super) fn body(&self) -> String {
        self.body.to_string()
    }
}

/// Starts them where a start before this one had them, or the demo is about to be made. A host is as useful without them, so a fault is no
/// reason not to start.
pub(crate) async fn start(data: &DataFolder, clock: &Clock) -> Option<Vendors> {
    let path = data.demo_vendors();
    let kept = read(&path);
    if kept.is_none() && !data.demo_mark().exists() {
        return None;
    }
    match try_start(&path, kept, clock).await {
        Ok(vendors) => Some(vendors),
        Err(reason) => {
            tracing::warn!(reason, "the demo's vendors are not simulated");
            None
        }
    }
}

async fn try_start(path: &Path, kept: Option<Kept>, clock: &Clock) -> Result<Vendors, String> {
    let were_there = kept.is_some();
    let before = match &kept {
        Some(kept) => kept.clone(),
        None => {
            let key = settings::generate().map_err(|error| error.to_string())?;
            Kept { doorloop: 0, trackstar: 0, teams: 0, gbp: 0, key }
        }
    };
    let Kept { doorloop, trackstar, teams, gbp, key } = before;
    let options = DemoOptions { doorloop, trackstar, gbp, teams, key: key.clone(), clock: clock.clone() };
    let running = start_demo_vendors(&options).await.map_err(|error| error.to_string())?;
    let (doorloop, trackstar) = (running.doorloop.address().port(), running.trackstar.address().port());
    let (teams, gbp) = (running.teams.address().port(), running.gbp.address().port());
    let now = Kept { doorloop, trackstar, teams, gbp, key };
    if kept.as_ref() != Some(&now) {
        write(path, &now).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(Vendors { running, were_there })
}

/// What is no such file, or damaged, is made anew.
fn read(path: &Path) -> Option<Kept> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Written beside and renamed: a crash leaves the old file or the new one, never half of it.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(kept)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

impl Vendors {
    /// The name of each, and where it is asked and controlled.
    pub(crate) fn places(&self) -> [(&'static str, String); 4] {
        let DemoVendors { doorloop, trackstar, gbp, teams } = &self.running;
        let google = ("Google", gbp.url());
        [("DoorLoop", doorloop.url()), ("Trackstar", trackstar.url()), google, ("Teams", teams.url())]
    }

    /// The URL that alerts are posted to.
    pub(super) fn workflow_url(&self) -> String {
        self.running.teams.workflow_url()
    }

    /// Each of them, as its connection is told of it.
    pub(super) fn simulated(&self) -> Vec<Simulated> {
        let DemoVendors { doorloop, trackstar, gbp, .. } = &self.running;
        let both = format!("{} {}", trackstar.key(), trackstar.access_token().unwrap_or_default());
        let [of_doorloop, of_trackstar, of_google] = PROVIDERS;
        let google = json!({"account": "accounts/1", "clientId": "simulated-client", "tokenUrl": gbp.token_url()});
        [
            (of_doorloop, "DoorLoop, simulated (demo)", doorloop.base_url(), doorloop.key(), json!({})),
            (
                of_trackstar,
                "Trackstar, simulated (demo)",
                trackstar.base_url(),
                both,
                json!({"connectionId": trackstar.connection_id()}),
            ),
            (of_google, "Google Business Profile, simulated (demo)", gbp.base_url(), gbp.google_secret(1), google),
        ]
        .into_iter()
        .filter_map(|(provider, name, base_url, secret, mut settings)| {
            settings["baseUrl"] = base_url.clone().into();
            // Categories are mirrored when somebody says so: they have two sides, and the demo's tenant may have changed one.
            let is_pulled = provider != of_google;
            let mut body = json!({"displayName": name, "settings": settings, "secrets": {"current": secret}});
            if is_pulled {
                body["schedule"] = json!({"every": EVERY_MINUTES});
            }
            Some(Simulated { connection: connection(provider)?, base_url, body, is_pulled })
        })
        .collect()
    }

    /// Leads their connections to where they are now. To be called before anything is pulled.
    pub(crate) async fn lead(&self, environments: &BTreeMap<String, Environment>, outside: &Outside) {
        let Some(environment) = environments.get(CONTROL).filter(|_| self.were_there) else { return };
        match tokio::time::timeout(LEADING_MAX, self.try_lead(environment, outside)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error, "the demo's connections lead to where its vendors were"),
            Err(_) => {
                tracing::warn!("the demo's connections lead to where its vendors were: leading them took too long")
            }
        }
    }

    async fn try_lead(&self, environment: &Environment, outside: &Outside) -> Result<(), String> {
        let (desk, operator) = (desk(environment, outside)?, operator());
        for simulated in self.simulated() {
            let connection = &simulated.connection;
            let read = desk.store.read(connection).await.map_err(|error| error.to_string())?;
            let Some(mut stored) = read else { continue };
            if rests(&stored) {
                let knows = Knows::Version(stored.version);
                let resumed = change(&desk, &operator, connection, knows, &Deed::Resume).await;
                stored = resumed.map_err(|error| error.to_string())?.connection;
                tracing::info!(%connection, "resumed, as its vendor is there again");
            }
            let Some(wanted) = led(&stored, &simulated) else { continue };
            // Another address is another host, to which no stored secret goes by itself.
            let secret = simulated.body.pointer("/secrets/current").and_then(Value::as_str).unwrap_or_default();
            let secrets = Some(Given { current: Secret::new(secret), previous: None });
            let deed = Deed::Put { wanted, secrets, active: None };
            let led = change(&desk, &operator, connection, Knows::Version(stored.version), &deed).await;
            led.map_err(|error| error.to_string())?;
            tracing::info!(%connection, to = simulated.base_url, "its port was taken by others");
        }
        self.lead_channel(&desk, &operator).await
    }

    /// The same of the channel, whose address is its secret.
    async fn lead_channel(&self, desk: &Desk, operator: &Operator) -> Result<(), String> {
        let connection: Connection = CHANNEL.parse().map_err(|_| format!("{CHANNEL} is no connection"))?;
        let stored = desk.store.read(&connection).await.map_err(|error| error.to_string())?;
        let Some((stored, secrets)) = stored.and_then(|stored| Some((stored.clone(), stored.secrets?))) else {
            return Ok(());
        };
        let secret = desk.keys.open(&connection, &secrets.current).await.map_err(|error| error.to_string())?;
        let url = self.workflow_url();
        if secret.expose() == url.as_bytes() || !secret.expose().starts_with(HERE.as_bytes()) {
            return Ok(());
        }
        let rotated = Deed::Rotate(Rotation::Both(Given { current: Secret::new(&url), previous: None }));
        let led = change(desk, operator, &connection, Knows::Version(stored.version), &rotated).await;
        led.map(drop).map_err(|error| error.to_string())
    }

    /// Stops them, once what was asked of them is answered or has had its time.
    pub(crate) async fn stop(self) {
        let _in_time = tokio::time::timeout(STOPPING_MAX, self.running.stop()).await;
    }
}

/// Pauses the connections of a demo whose vendors are not there, as they would fail each hour, or ask whoever has their ports by now. A
/// crash leaves some of them as they were, and the next start looks again.
pub(crate) async fn rest(data: &DataFolder, environments: &BTreeMap<String, Environment>, outside: &Outside) {
    let Some(environment) = environments.get(CONTROL).filter(|_| data.demo_vendors().exists()) else { return };
    let reason = match tokio::time::timeout(LEADING_MAX, try_rest(environment, outside)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(reason, "connections of the demo go on, though its vendors are not there");
}

async fn try_rest(environment: &Environment, outside: &Outside) -> Result<(), String> {
    let (desk, operator) = (desk(environment, outside)?, operator());
    for connection in PROVIDERS.iter().filter_map(|provider| connection(provider)) {
        let stored = desk.store.read(&connection).await.map_err(|error| error.to_string())?;
        let works = stored.filter(|stored| stored.is_active() && is_here(stored).is_some());
        let Some(stored) = works else { continue };
        let deed = Deed::Pause { why: NOT_THERE.to_owned() };
        let paused = change(&desk, &operator, &connection, Knows::Version(stored.version), &deed).await;
        paused.map_err(|error| error.to_string())?;
        tracing::info!(%connection, "paused, as the demo's vendors are not there; a start with the demo resumes it");
    }
    Ok(())
}

/// Whether it was paused for that, and by nobody else.
fn rests(stored: &StoredConnection) -> bool {
    matches!(&stored.state, ConnectionState::Paused { by, why, .. } if by == ACTOR && why == NOT_THERE)
}

fn connection(provider: &str) -> Option<Connection> {
    format!("default/{provider}/demo").parse().ok()
}

fn desk(environment: &Environment, outside: &Outside) -> Result<Desk, String> {
    let clients = Clients::connect(environment, outside).map_err(|error| error.to_string())?;
    Desk::connect(&clients, environment, outside).map_err(|error| error.to_string())
}

fn operator() -> Operator {
    Operator { tenant: TenantId::DEFAULT, actor: ACTOR.into(), correlation_id: "demo-vendors".into() }
}

/// Where it leads, unless somebody has led it away from this machine.
fn is_here(stored: &StoredConnection) -> Option<&str> {
    stored.settings.get("baseUrl").and_then(Value::as_str).filter(|given| given.starts_with(HERE))
}

/// The connection as it leads there; none where it does already, or somebody has led it away from this machine.
fn led(stored: &StoredConnection, simulated: &Simulated) -> Option<Wanted> {
    if is_here(stored)? == simulated.base_url {
        return None;
    }
    let mut settings = stored.settings.clone();
    for place in ["baseUrl", "tokenUrl"] {
        let to = simulated.body.pointer(&format!("/settings/{place}"));
        settings.extend(to.map(|to| (place.to_owned(), to.clone())));
    }
    Some(Wanted {
        display_name: Some(stored.display_name.clone()),
        settings,
        schedule: Some(stored.schedule.clone()),
        kept_by: KeptBy::Operators,
    })
}
