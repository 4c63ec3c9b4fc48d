//! The life of an alert: opened, updated, resolved, and held while it flaps.
//!
//! | it is | and the rule | becomes | is told |
//! |---|---|---|---|
//! | not there, or resolved for longer than half an hour | holds | opened | yes |
//! | resolved, not for long | holds | opened again, and held | that it flaps, once |
//! | open | holds for another reason, or for the 10th, 100th … time | updated | unless it is held or acknowledged |
//! | open | does not hold | resolved | unless it is held |
//! | held, and as it is for half an hour | is as it was | let go | how it stayed |

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rules::{Finding, Rule, Seen, Severity};
use crate::domain::ids::Connection;

/// Whatever opens again within this time flaps, and what stays as it is for as long does not any more.
pub const FLAPS_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// How much of a detail is kept, in characters.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// Whether an alert is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It is.
    Open,
    /// It is not any more.
    Resolved,
}

impl AlertState {
    /// Its name in keys and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Resolved].into_iter().find(|state| state.as_str() == text.trim().to_lowercase())
    }
}

/// That somebody has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
}

/// An alert, as stored: one rule that does not let go of one connection, from when it first did until it has for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Sorts by when it was opened first.
    pub id: String,
    /// What it is about.
    pub connection: Connection,
    /// Which rule.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// What it says.
    pub title: String,
    /// What happened last.
    pub detail: String,
    /// What kind of trouble that is.
    pub code: String,
    /// Which occurrence.
    pub mark: String,
    /// Whether it is open.
    pub state: AlertState,
    /// How often it occurred.
    pub count: u64,
    /// When it was opened first.
    #[serde(with = "crate::domain::time")]
    pub opened_at: Timestamp,
    /// When it was opened or resolved last.
    #[serde(with = "crate::domain::time")]
    pub turned_at: Timestamp,
    /// When anything of it changed last.
    #[serde(with = "crate::domain::time")]
    pub updated_at: Timestamp,
    /// When it was resolved, while it is.
    #[serde(default, with = "crate::domain::time::optional")]
    pub resolved_at: Option<Timestamp>,
    /// Whether somebody has seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// Whether it flaps, and is not told of meanwhile.
    #[serde(default)]
    pub held: bool,
    /// How often it was opened again.
    #[serde(default)]
    pub flaps: u64,
    /// How many transitions it has had: that many entries its history has.
    pub transitions: u64,
    /// One more with each write.
    pub version: u64,
}

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// It was opened.
    Opened,
    /// It was opened again, soon after it was resolved.
    Reopened,
    /// It is open for another reason, or for long.
    Updated,
    /// It is over.
    Resolved,
    /// It flaps no more.
    Released,
    /// Somebody has seen it.
    Acknowledged,
    /// It is none: somebody tries a channel.
    Tested,
}

impl Transition {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
            Self::Released => "released",
            Self::Acknowledged => "acknowledged",
            Self::Tested => "tested",
        }
    }
}

/// What follows from a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The alert as it is then.
    pub alert: Alert,
    /// What became of it; none where it only occurred once more.
    pub transition: Option<Transition>,
    /// Whether somebody is told.
    pub is_told: bool,
}

/// A transition that an alert had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// What became of it.
    pub transition: Transition,
    /// When.
    #[serde(with = "crate::domain::time")]
    pub at: Timestamp,
    /// What happened.
    pub detail: String,
    /// How often it had occurred.
    pub count: u64,
    /// Whether a message said so.
    pub told: bool,
    /// Who did it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Past {
    /// That of a step; none where it is none.
    #[must_use]
    pub fn of(step: &Step) -> Option<Self> {
        let (alert, transition) = (&step.alert, step.transition?);
        let seen = alert.acknowledged.as_ref().filter(|_| transition == Transition::Acknowledged);
        Some(Self {
            transition,
            at: alert.updated_at,
            detail: alert.detail.clone(),
            count: alert.count,
            told: step.is_told,
            by: seen.map(|seen| seen.by.clone()),
        })
    }
}

/// What an alert is about, and what it is called when it is opened.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Which connection.
    pub connection: &'a Connection,
    /// The name that people know it by.
    pub display_name: &'a str,
    /// Which rule.
    pub rule: Rule,
    /// The id of an alert that is opened.
    pub id: &'a str,
}

/// What becomes of an alert, by what its rule sees now; none where nothing does.
#[must_use]
pub fn next(before: Option<&Alert>, subject: Subject<'_>, seen: &Seen, now: Timestamp) -> Option<Step> {
    match (before, seen) {
        (None, Seen::Holds(finding)) => Some(opened(subject, finding, now)),
        (None, Seen::Clear | Seen::Unknown) => None,
        (Some(alert), seen) => match (alert.state, seen) {
            (AlertState::Resolved, Seen::Holds(_)) if alert.is_over(now) => next(None, subject, seen, now),
            (AlertState::Resolved, Seen::Holds(finding)) => Some(reopened(alert, finding, now)),
            (AlertState::Open, Seen::Clear) => Some(resolved(alert, now)),
            (AlertState::Open, Seen::Holds(finding)) => occurred(alert, finding, now).or_else(|| released(alert, now)),
            (AlertState::Open, Seen::Unknown) | (AlertState::Resolved, _) => released(alert, now),
        },
    }
}

fn opened(subject: Subject<'_>, finding: &Finding, now: Timestamp) -> Step {
    let alert = Alert {
        id: subject.id.to_owned(),
        connection: subject.connection.clone(),
        rule: subject.rule,
        severity: subject.rule.severity(),
        title: format!("{}: {}", subject.display_name, subject.rule.title()),
        detail: detail(finding),
        code: finding.code.clone(),
        mark: finding.mark.clone(),
        state: AlertState::Open,
        count: 1,
        opened_at: now,
        turned_at: now,
        updated_at: now,
        resolved_at: None,
        acknowledged: None,
        held: false,
        flaps: 0,
        transitions: 1,
        version: 1,
    };
    Step { alert, transition: Some(Transition::Opened), is_told: true }
}

fn detail(finding: &Finding) -> String {
    finding.detail.chars().take(DETAIL_CHARACTERS_MAX).collect()
}

fn reopened(before: &Alert, finding: &Finding, now: Timestamp) -> Step {
    let alert = before.turned(now);
    let alert = Alert {
        state: AlertState::Open,
        resolved_at: None,
        // Whoever saw it saw it end as well.
        acknowledged: None,
        held: true,
        flaps: before.flaps + 1,
        count: before.count + 1,
        ..alert.with(finding)
    };
    Step { alert, transition: Some(Transition::Reopened), is_told: !before.held }
}

fn resolved(before: &Alert, now: Timestamp) -> Step {
    let alert = Alert { state: AlertState::Resolved, resolved_at: Some(now), ..before.turned(now) };
    Step { is_told: !before.held, alert, transition: Some(Transition::Resolved) }
}

fn occurred(before: &Alert, finding: &Finding, now: Timestamp) -> Option<Step> {
    let (is_another, is_of_another_kind) = (finding.mark != before.mark, finding.code != before.code);
    if !is_another && !is_of_another_kind {
        return None;
    }
    let count = before.count + u64::from(is_another);
    let alert = Alert { count, updated_at: now, version: before.version + 1, ..before.clone().with(finding) };
    if !is_of_another_kind && !is_power_of_ten(count) {
        return Some(Step { alert, transition: None, is_told: false });
    }
    let alert = Alert { transitions: before.transitions + 1, ..alert };
    let is_told = !before.held && before.acknowledged.is_none();
    Some(Step { alert, transition: Some(Transition::Updated), is_told })
}

fn is_power_of_ten(count: u64) -> bool {
    count >= 10 && 10_u64.checked_pow(count.ilog10()) == Some(count)
}

/// What flapped and stayed as it is for long is held no more.
fn released(before: &Alert, now: Timestamp) -> Option<Step> {
    if !before.held || !before.is_steady(now) {
        return None;
    }
    let (transitions, version) = (before.transitions + 1, before.version + 1);
    let alert = Alert { held: false, updated_at: now, transitions, version, ..before.clone() };
    Some(Step { alert, transition: Some(Transition::Released), is_told: true })
}

impl Alert {
    /// Whether there is anything to look at again: it is open, or somebody is to be told that it stays resolved.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.state == AlertState::Open || self.held
    }

    /// The alert, seen by somebody; none where it was seen, or is over.
    #[must_use]
    pub fn acknowledged(&self, by: &str, at: Timestamp) -> Option<Step> {
        if self.state != AlertState::Open || self.acknowledged.is_some() {
            return None;
        }
        let alert = Self {
            acknowledged: Some(Acknowledged { by: by.to_owned(), at }),
            updated_at: at,
            transitions: self.transitions + 1,
            version: self.version + 1,
            ..self.clone()
        };
        Some(Step { alert, transition: Some(Transition::Acknowledged), is_told: false })
    }

    fn turned(&self, now: Timestamp) -> Self {
        let (transitions, version) = (self.transitions + 1, self.version + 1);
        Self { turned_at: now, updated_at: now, transitions, version, ..self.clone() }
    }

    fn with(self, finding: &Finding) -> Self {
        Self { code: finding.code.clone(), mark: finding.mark.clone(), detail: detail(finding), ..self }
    }

    fn is_steady(&self, now: Timestamp) -> bool {
        now.duration_since(self.turned_at) >= FLAPS_WITHIN
    }

    /// Whether it was resolved so long ago that the next trouble is another alert.
    fn is_over(&self, now: Timestamp) -> bool {
        self.state == AlertState::Resolved && self.is_steady(now)
    }
}
