//! Receivers: what each is told of, and when it is disabled.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::{KINDS, OUTCOMES, outcome};
use crate::domain::connections::provider::{Setting, SettingKind, Settings, WrongSetting};
use crate::domain::connections::stored::{ConnectionState, REASON_CHARACTERS_MAX, StoredConnection};
use crate::domain::ids::ProviderId;
use crate::domain::runs::run::Run;

/// So many receivers of a tenant are told, the first by name: each run is a notice for each.
pub const RECEIVERS_MAX: usize = 5;
/// A receiver that takes nothing for so long is disabled.
pub const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);
/// Days are in a row where no more than this lies between two attempts.
const GAP_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Whom the record names where a receiver is disabled.
pub const DISABLED_BY: &str = "completions";

/// Which kinds of runs a receiver is told of.
pub const OF_KINDS: Setting = Setting {
    name: "kinds",
    kind: SettingKind::Texts,
    required: false,
    about: "Which kinds of runs it is told of: catalogue, pull, mirror. All where none is named",
};
/// Of which ends a receiver is told.
pub const OF_OUTCOMES: Setting = Setting {
    name: "outcomes",
    kind: SettingKind::Texts,
    required: false,
    about: "Of which ends it is told: completed, failed, skipped, cancelled. All where none is named",
};

fn texts<'a>(settings: &'a Settings, setting: &Setting) -> impl Iterator<Item = &'a str> {
    settings.get(setting.name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Looks whether what is named exists.
///
/// # Errors
/// When it does not.
pub fn check(settings: &Settings) -> Result<(), WrongSetting> {
    for (setting, known) in [(OF_KINDS, &KINDS[..]), (OF_OUTCOMES, &OUTCOMES[..])] {
        if texts(settings, &setting).any(|text| !known.contains(&text)) {
            return Err(WrongSetting::new(setting.name, format!("may name {}", known.join(", "))));
        }
    }
    Ok(())
}

/// Whether a receiver is told of a run that is over: one that names nothing is told of all.
#[must_use]
pub fn is_told(settings: &Settings, run: &Run) -> bool {
    let names = |setting: Setting, one: &str| {
        let mut named = texts(settings, &setting).peekable();
        named.peek().is_none() || named.any(|text| text == one)
    };
    outcome(run).is_some_and(|outcome| names(OF_KINDS, run.work.kind()) && names(OF_OUTCOMES, outcome))
}

/// Why a connection takes no webhooks any more, where it is a receiver that was disabled, and when.
#[must_use]
pub fn disabled(stored: &StoredConnection) -> Option<(&str, Timestamp)> {
    match &stored.state {
        ConnectionState::Paused { by, why, since }
            if by == DISABLED_BY && stored.connection.provider == ProviderId::COMPLETION_WEBHOOK =>
        {
            Some((why, *since))
        }
        _ => None,
    }
}

/// That a receiver takes nothing, as stored from the first attempt that failed until one does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When it began.
    #[serde(with = "crate::domain::time")]
    pub since: Timestamp,
    /// When it was tried last.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u64,
    /// What happened then; without secrets.
    pub why: String,
}

impl Failing {
    /// What is known after an attempt that failed. What was before somebody changed the receiver, or before a day without an attempt,
    /// says nothing about it any more.
    #[must_use]
    pub fn after(before: Option<&Self>, changed_at: Timestamp, why: String, now: Timestamp) -> Self {
        let is_in_a_row = |before: &&Self| before.at >= changed_at && now.duration_since(before.at) <= GAP_MAX;
        match before.filter(is_in_a_row) {
            Some(before) => Self { since: before.since, at: now, attempts: before.attempts + 1, why },
            None => Self { since: now, at: now, attempts: 1, why },
        }
    }

    /// Whether it is disabled for it.
    #[must_use]
    pub fn is_for_days(&self) -> bool {
        self.at.duration_since(self.since) >= DISABLED_AFTER
    }

    /// What is said to whoever finds it disabled.
    #[must_use]
    pub fn reason(&self, is_gone: bool) -> String {
        let why = match is_gone {
            true => "disabled: it answered 410, which says that it is gone for good".to_owned(),
            false => format!(
                "disabled: {} attempts within {} days failed, and none went well, the last one: {}",
                self.attempts,
                self.at.duration_since(self.since).as_hours() / 24,
                self.why
            ),
        };
        why.chars().filter(|character| !character.is_control()).take(REASON_CHARACTERS_MAX).collect()
    }
}
