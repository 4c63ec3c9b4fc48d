//! The life of an alert: opened, updated, resolved, and flapping.
//!
//! | it is | and the rule | becomes | is told |
//! |---|---|---|---|
//! | not there, or resolved for longer than half an hour | holds | opened | yes |
//! | resolved, not for long | holds | opened again, and flapping | that it flaps, once |
//! | open | holds for a new reason, or for the 10th, 100th … time | updated | unless it flaps or is acknowledged |
//! | open | holds for a reason that it had before, and half an hour has passed since the last update | updated | the same |
//! | open | does not hold | resolved | unless it flaps |
//! | flapping, and as it is for half an hour | is as it was | let go | how it stayed |

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rules::{Finding, Rule, Seen, Severity};
use crate::domain::ids::Connection;

/// Whatever opens again within this time flaps, and what stays as it is for as long does not any more.
pub const FLAPS_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// How long the reasons of an alert may take turns before people are told again which it is.
pub const UPDATED_EVERY: SignedDuration = SignedDuration::from_mins(30);
/// So many reasons of an alert are remembered, the last ones.
const REASONS_MAX: usize = 8;
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
    /// Whether it flaps, and is not told of meanwhile. It has the name that it was stored by first.
    #[serde(default, rename = "held")]
    pub flapping: bool,
    /// How often it was opened again.
    #[serde(default)]
    pub flaps: u64,
    /// The codes that it was opened or updated with, each once, the last one last. One of another version has none.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// When it was given the last of them.
    #[serde(default, with = "crate::domain::time::optional")]
    pub reasoned_at: Option<Timestamp>,
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
        flapping: false,
        flaps: 0,
        reasons: vec![finding.code.clone()],
        reasoned_at: None,
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
        flapping: true,
        flaps: before.flaps + 1,
        count: before.count + 1,
        reasons: vec![finding.code.clone()],
        reasoned_at: None,
        ..alert.with(finding)
    };
    Step { alert, transition: Some(Transition::Reopened), is_told: !before.flapping }
}

fn resolved(before: &Alert, now: Timestamp) -> Step {
    let alert = Alert { state: AlertState::Resolved, resolved_at: Some(now), ..before.turned(now) };
    Step { is_told: !before.flapping, alert, transition: Some(Transition::Resolved) }
}

fn occurred(before: &Alert, finding: &Finding, now: Timestamp) -> Option<Step> {
    let (is_another, is_new) = (finding.mark != before.mark, before.is_news(&finding.code, now));
    if !is_another && finding.code == before.code && !is_new {
        return None;
    }
    let count = before.count + u64::from(is_another);
    let alert = Alert { count, updated_at: now, version: before.version + 1, ..before.clone().with(finding) };
    let tells = is_new || is_another && is_power_of_ten(count);
    if !tells {
        return Some(Step { alert, transition: None, is_told: false });
    }
    let alert = Alert { transitions: before.transitions + 1, ..alert.reasoned(now) };
    let is_told = !before.flapping && before.acknowledged.is_none();
    Some(Step { alert, transition: Some(Transition::Updated), is_told })
}

fn is_power_of_ten(count: u64) -> bool {
    count >= 10 && 10_u64.checked_pow(count.ilog10()) == Some(count)
}

/// What stayed as it is for long flaps no more.
fn released(before: &Alert, now: Timestamp) -> Option<Step> {
    if !before.flapping || !before.is_steady(now) {
        return None;
    }
    let (transitions, version) = (before.transitions + 1, before.version + 1);
    let alert = Alert { flapping: false, updated_at: now, transitions, version, ..before.clone().reasoned(now) };
    Some(Step { alert, transition: Some(Transition::Released), is_told: true })
}

impl Alert {
    /// Whether there is anything to look at again: it is open, or somebody is to be told that it stays resolved.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.state == AlertState::Open || self.flapping
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

    /// Whether a reason is worth an update: it is a new one, or people were told of another one for long. So two that take turns are not
    /// told each time, and the one that stays is told in the end.
    fn is_news(&self, code: &str, now: Timestamp) -> bool {
        let Some(last) = self.reasons.last() else { return code != self.code };
        let is_due = self.reasoned_at.is_none_or(|at| now.duration_since(at) >= UPDATED_EVERY);
        last != code && (is_due || !self.reasons.iter().any(|known| known == code))
    }

    /// With its code as the last of its reasons.
    fn reasoned(mut self, now: Timestamp) -> Self {
        let code = self.code.clone();
        self.reasons.retain(|known| *known != code);
        self.reasons.push(code);
        let forgotten = self.reasons.len().saturating_sub(REASONS_MAX);
        self.reasons.drain(..forgotten);
        self.reasoned_at = Some(now);
        self
    }

    fn is_steady(&self, now: Timestamp) -> bool {
        now.duration_since(self.turned_at) >= FLAPS_WITHIN
    }

    /// Whether it was resolved so long ago that the next trouble is another alert.
    fn is_over(&self, now: Timestamp) -> bool {
        self.state == AlertState::Resolved && self.is_steady(now)
    }
}
