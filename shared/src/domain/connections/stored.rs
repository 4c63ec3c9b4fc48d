//! A connection as it is stored, and what an operator's change makes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{CADENCE, Provider, SecretUse, Settings, WrongSetting, is_masked};
use super::schedule::{PULL_EVERY_MINUTES_MIN, Schedule};
use super::sealed::Sealed;
use crate::domain::ids::{Connection, RunId};
use crate::domain::redact;
use crate::domain::time;

/// The longest name that people read, in characters.
pub const DISPLAY_NAME_CHARACTERS_MAX: usize = 100;
/// The longest reason of a pause, in characters.
pub const REASON_CHARACTERS_MAX: usize = 300;

/// Whether a connection works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub enum ConnectionState {
    /// It does.
    #[default]
    Active,
    /// Nothing is started for it by itself, and nobody's webhooks are taken in. What it has is kept.
    Paused {
        /// By whom.
        by: String,
        /// Why; empty where nobody said.
        why: String,
        /// Since when.
        #[serde(with = "time")]
        since: Timestamp,
    },
}

/// Who keeps a connection: whoever last wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub enum KeptBy {
    /// Operators, over the API.
    Operators,
    /// A deployment's configuration, which writes it again whenever it changes. Operators may pause it, and no more: whatever
    /// else they wrote would be gone with the next import.
    Configuration {
        /// The name of what it was imported from.
        source: String,
    },
}

/// The live secrets of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveSecrets {
    /// The one to sign and to ask with.
    pub current: Sealed,
    /// The one that still is good for what others sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sealed>,
    /// When the current one took the place of another, or was the first.
    #[serde(with = "time")]
    pub rotated_at: Timestamp,
}

/// When something was done, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// A connection as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredConnection {
    /// Which.
    pub connection: Connection,
    /// The name people read.
    pub display_name: String,
    /// What its provider is told; as JSON, as a table takes neither all names nor all numbers that JSON has.
    #[serde(with = "as_json")]
    pub settings: Settings,
    /// When it is synced by itself.
    pub schedule: Schedule,
    /// Whether it works.
    pub state: ConnectionState,
    /// Its secrets, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<LiveSecrets>,
    /// Who keeps it.
    pub kept_by: KeptBy,
    /// When it was made, and by whom.
    pub created: Change,
    /// When it was changed last, and by whom.
    pub changed: Change,
    /// An `ETag`: the time of its making in milliseconds of the Unix epoch, and one more with each change. So one that was removed
    /// and made again has no version that the first one had, which somebody may know still.
    pub version: u64,
}

/// The version of a connection that is made at this time.
fn first_version(made_at: Timestamp) -> u64 {
    u64::try_from(made_at.as_millisecond()).unwrap_or(1)
}

/// What a connection is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The name people read; that of the connection where nobody gives one.
    pub display_name: Option<String>,
    /// What its provider is told.
    pub settings: Settings,
    /// When it is synced by itself.
    pub schedule: Option<Schedule>,
    /// Who keeps it.
    pub kept_by: KeptBy,
}

/// What a connection is to be, as its provider takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The name people read.
    pub display_name: String,
    /// What its provider is told.
    pub settings: Settings,
    /// When it is synced by itself.
    pub schedule: Schedule,
}

impl Wanted {
    /// Whether a connection can be so.
    ///
    /// # Errors
    /// All that its provider does not take, by name.
    pub fn checked(
        &self,
        connection: &Connection,
        provider: &Provider,
        has_secrets: bool,
    ) -> Result<Checked, Vec<WrongSetting>> {
        let mut wrong = Vec::new();
        let settings = provider.checked(connection, &self.settings).unwrap_or_else(|found| {
            wrong = found.into_iter().map(WrongSetting::within_settings).collect();
            Settings::new()
        });
        let schedule = self.schedule.clone().unwrap_or_default();
        if schedule != Schedule::Off && !provider.scheduled {
            wrong.push(WrongSetting::new("schedule", "must be off: there is nothing to sync of this provider"));
        }
        let says_full = schedule.pull_times().is_some_and(|times| times.full_at_hour_utc.is_some());
        if says_full && provider.pull.is_none() {
            wrong.push(WrongSetting::new(
                "schedule",
                "has fullAtHourUtc, and each sync of this provider is of everything",
            ));
        }
        let is_too_often = schedule.pull_times().is_some_and(|times| times.every < PULL_EVERY_MINUTES_MIN);
        if is_too_often && provider.pull.is_some() {
            let why = format!("must leave {PULL_EVERY_MINUTES_MIN} minutes at least between two pulls");
            wrong.push(WrongSetting::new("schedule.every", why));
        }
        let display_name = self.display_name.clone().unwrap_or_else(|| connection.name.to_string());
        if !(1..=DISPLAY_NAME_CHARACTERS_MAX).contains(&display_name.chars().count()) {
            let why = format!("must have 1 to {DISPLAY_NAME_CHARACTERS_MAX} characters");
            wrong.push(WrongSetting::new("displayName", why));
        } else if display_name.chars().any(char::is_control) {
            wrong.push(WrongSetting::new("displayName", "must have no control characters"));
        }
        match (provider.secret, has_secrets) {
            (SecretUse::Required, false) => wrong.push(WrongSetting::new("secrets", "must be there")),
            (SecretUse::None, true) => wrong.push(WrongSetting::new("secrets", "are not used by this provider")),
            _ => {}
        }
        if wrong.is_empty() { Ok(Checked { display_name, settings, schedule }) } else { Err(wrong) }
    }
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It was changed meanwhile.
    #[error("the connection is at version {0}: read it again")]
    Stale(u64),
    /// It is not there, and the caller thinks it is.
    #[error("the connection is not there")]
    Gone,
    /// It is there, and the caller thinks it is not.
    #[error("the connection is there already, at version {0}")]
    Exists(u64),
    /// It is kept by a deployment's configuration.
    #[error("the connection is kept by {0}: change it there, or delete it there first. It can be paused here")]
    KeptElsewhere(String),
    /// Settings, schedule or secrets that its provider does not take.
    #[error("the connection cannot be so")]
    Wrong(Vec<WrongSetting>),
}

/// What a caller knows of the version it changes: `If-Match` and `If-None-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    /// Nothing: the change is made whatever is there.
    Nothing,
    /// That it is not there.
    Absent,
    /// That it is there, at whatever version.
    Present,
    /// That it is at this version.
    Version(u64),
}

impl Knows {
    /// Whether what is stored is what the caller knows.
    ///
    /// # Errors
    /// When it is not.
    pub fn agrees(self, stored: Option<&StoredConnection>) -> Result<(), ChangeError> {
        match (self, stored) {
            (Self::Nothing, _) | (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Absent, Some(stored)) => Err(ChangeError::Exists(stored.version)),
            (Self::Present | Self::Version(_), None) => Err(ChangeError::Gone),
            (Self::Version(version), Some(stored)) if stored.version == version => Ok(()),
            (Self::Version(_), Some(stored)) => Err(ChangeError::Stale(stored.version)),
        }
    }
}

/// The settings that say where secrets are sent.
const PLACES: [&str; 2] = ["baseUrl", "tokenUrl"];

/// Where the secrets of these settings are sent by one of them; none is the vendor's own address.
fn host(settings: &Settings, place: &str) -> Option<String> {
    let url = settings.get(place)?.as_str()?.trim();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    Some(format!("{scheme}://{authority}").to_lowercase())
}

impl StoredConnection {
    /// Whether a run is of this connection, and of none that was removed and had its name before.
    #[must_use]
    pub fn has_run(&self, run: &RunId) -> bool {
        run.started_at().is_some_and(|at| self.was_there(at))
    }

    /// Whether it was there at a time: what came of its name before that is of another one, which was removed.
    #[must_use]
    pub fn was_there(&self, at: Timestamp) -> bool {
        at.as_millisecond() >= self.created.at.as_millisecond()
    }

    /// What a connection becomes, written by `by` at `at`. Its secrets stay, unless others are given.
    ///
    /// # Errors
    /// When it is kept elsewhere, or its provider does not take it.
    pub fn put(
        before: Option<&Self>,
        connection: &Connection,
        provider: &Provider,
        mut wanted: Wanted,
        secrets: Option<LiveSecrets>,
        change: Change,
    ) -> Result<Self, ChangeError> {
        if let Some(before) = before {
            before.may_be_written_by(&wanted.kept_by)?;
            before.unmask(&mut wanted.settings);
            let has_kept_secrets = secrets.is_none() && before.secrets.is_some();
            let is_moved = |place: &&&str| host(&before.settings, place) != host(&wanted.settings, place);
            if let Some(place) = PLACES.iter().find(is_moved).filter(|_| has_kept_secrets) {
                let why = format!(
                    "must be given again where {place} leads to another host: the stored ones would be sent there"
                );
                return Err(ChangeError::Wrong(vec![WrongSetting::new("secrets", why)]));
            }
        }
        let secrets = secrets.or_else(|| before?.secrets.clone());
        let checked = wanted.checked(connection, provider, secrets.is_some()).map_err(ChangeError::Wrong)?;
        let Checked { display_name, settings, schedule } = checked;
        Ok(Self {
            connection: connection.clone(),
            display_name,
            settings,
            schedule,
            state: before.map(|before| before.state.clone()).unwrap_or_default(),
            secrets,
            kept_by: wanted.kept_by,
            created: before.map_or_else(|| change.clone(), |before| before.created.clone()),
            version: before.map_or_else(|| first_version(change.at), |before| before.version + 1),
            changed: change,
        })
    }

    /// Whether operators may change it.
    ///
    /// # Errors
    /// When a deployment's configuration keeps it.
    pub fn kept_here(&self) -> Result<(), ChangeError> {
        match &self.kept_by {
            KeptBy::Operators => Ok(()),
            KeptBy::Configuration { source } => Err(ChangeError::KeptElsewhere(source.clone())),
        }
    }

    /// Whether whoever is to keep it may write it: what operators keep is never taken over by an import, and what a
    /// configuration keeps is not changed by operators.
    ///
    /// # Errors
    /// When it is kept by the other of the two.
    pub fn may_be_written_by(&self, keeper: &KeptBy) -> Result<(), ChangeError> {
        match (&self.kept_by, keeper) {
            (_, KeptBy::Operators) => self.kept_here(),
            (KeptBy::Operators, KeptBy::Configuration { .. }) => Err(ChangeError::KeptElsewhere("operators".into())),
            (KeptBy::Configuration { .. }, KeptBy::Configuration { .. }) => Ok(()),
        }
    }

    /// The connection in another state: paused and resumed wherever it is kept, as what is on fire must be stopped at once.
    #[must_use]
    pub fn in_state(&self, state: ConnectionState, change: Change) -> Self {
        Self { state, version: self.version + 1, changed: change, ..self.clone() }
    }

    /// When it is due next by itself; none while it is paused.
    #[must_use]
    pub fn due_after(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            ConnectionState::Active => self.schedule.next_after(now, &self.connection),
            ConnectionState::Paused { .. } => None,
        }
    }

    /// The connection with these secrets.
    #[must_use]
    pub fn with_secrets(&self, secrets: LiveSecrets, change: Change) -> Self {
        Self { secrets: Some(secrets), version: self.version + 1, changed: change, ..self.clone() }
    }

    /// Its settings as people are shown them.
    #[must_use]
    pub fn shown_settings(&self) -> Settings {
        shown(&self.settings)
    }

    /// Puts what is stored in place of what is sent back masked, as it was shown. Another masked value stays, and is refused.
    fn unmask(&self, settings: &mut Settings) {
        let shown = self.shown_settings();
        for (name, value) in settings.iter_mut().filter(|(_, value)| is_masked(value)) {
            if let Some(stored) = self.settings.get(name).filter(|_| shown.get(name) == Some(&*value)) {
                stored.clone_into(value);
            }
        }
    }

    /// How often something is expected of it, in minutes, where it is told.
    #[must_use]
    pub fn cadence_minutes(&self) -> Option<u32> {
        self.settings.get(CADENCE.name)?.as_u64()?.try_into().ok()
    }

    /// Whether its vendor is pulled over it: a link that has no secret has webhooks alone.
    #[must_use]
    pub fn is_pulled(&self, provider: &Provider) -> bool {
        provider.pull.is_some() && self.secrets.is_some()
    }

    /// Whether something is expected of it by itself: by its schedule, or because it is told how often.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.schedule != Schedule::Off || self.cadence_minutes().is_some()
    }

    /// Whether it works.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == ConnectionState::Active
    }
}

/// Settings as people are shown them. What comes after the address in a URL may be a credential, and is masked.
#[must_use]
pub fn shown(settings: &Settings) -> Settings {
    let shown = |setting: (bool, &Value)| match setting {
        // A scheme may be misspelt: whatever names a place is shown as a source is.
        (true, Value::String(text)) => Value::from(redact::source(text)),
        (false, Value::String(text)) if text.contains("://") => Value::from(redact::source(text)),
        (_, value) => value.clone(),
    };
    let is_place = |name: &str| ["source", "url"].contains(&name);
    settings.iter().map(|(name, value)| (name.clone(), shown((is_place(name), value)))).collect()
}

mod as_json {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Settings;

    pub(super) fn serialize<S: Serializer>(settings: &Settings, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::Value::from(settings.clone()).to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
