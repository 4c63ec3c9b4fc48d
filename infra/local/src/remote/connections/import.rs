//! Connections of a file, over the routes of operators. All of the file is looked at before anything is changed; each change is made
//! at the version that was seen, so that it is safe to stop anywhere and to start again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};
use signalbox::domain::connections::import::{Entry, Limits, SecretAt, SecretsAt, read_file};
use signalbox::domain::ids::{Connection, ProviderId, TenantId};

use super::compare::{Found, compare};
use super::{Connections, Failed, Listed, On, PAUSED, Shown};

/// How large a file may be.
#[must_use]
pub fn import_limits() -> Limits {
    Limits { bytes: 16 << 20, connections: 10_000 }
}

/// How a file is imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Nothing is changed.
    pub dry_run: bool,
    /// What operators keep of the file's tenants and providers goes, where the file does not name it.
    pub remove: bool,
}

/// What becomes of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is made.
    Made,
    /// It is changed in what these names name.
    Changed(Vec<String>),
    /// It is removed.
    Removed,
    /// It is as the file has it.
    Left,
    /// It is as the file has it, but for its secrets, which are compared where they are written.
    SecretsUnknown,
    /// It is not changed.
    Refused(String),
}

/// A line of the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub connection: Connection,
    /// What becomes of it.
    pub done: Done,
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, done } = self;
        match done {
            Done::Made => write!(formatter, "+ {connection}"),
            Done::Changed(names) => write!(formatter, "~ {connection}  {}", names.join(", ")),
            Done::Removed => write!(formatter, "- {connection}"),
            Done::Left => write!(formatter, "= {connection}"),
            Done::SecretsUnknown => {
                write!(formatter, "? {connection}  secrets are compared when they are written")
            }
            Done::Refused(why) => write!(formatter, "! {connection}  {why}"),
        }
    }
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Made.
    pub made: usize,
    /// Changed.
    pub changed: usize,
    /// Removed.
    pub removed: usize,
    /// Left as they are.
    pub left: usize,
    /// Of a dry run: the same but for their secrets, which are compared where they are written.
    pub unknown: usize,
    /// Refused.
    pub refused: usize,
}

impl Report {
    fn count(&mut self, done: &Done) {
        let count = match done {
            Done::Made => &mut self.made,
            Done::Changed(_) => &mut self.changed,
            Done::Removed => &mut self.removed,
            Done::Left => &mut self.left,
            Done::SecretsUnknown => &mut self.unknown,
            Done::Refused(_) => &mut self.refused,
        };
        *count += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, changed, removed, left, unknown, refused } = self;
        write!(formatter, "{made} made, {changed} changed, {removed} removed, {left} left, ")?;
        if *unknown > 0 {
            write!(formatter, "{unknown} with secrets to compare, ")?;
        }
        write!(formatter, "{refused} refused")
    }
}

/// Imports a file, whose secrets are where `variable` finds them.
///
/// # Errors
/// When the file is wrong in any part, or what is there cannot be looked at: nothing was changed then. And when there is no answer in
/// the middle: what was done stays, and is found done by the next try.
pub async fn import(
    connections: &Connections,
    file: &str,
    variable: impl Fn(&str) -> Option<String>,
    options: ImportOptions,
    mut say: impl FnMut(&Line),
) -> Result<Report, Failed> {
    let entries = read_file(file, import_limits()).map_err(|wrong| Failed::Wrong(wrong.to_string()))?;
    let secrets = secrets(&entries, variable)?;
    let mut found = Vec::with_capacity(entries.len());
    for entry in &entries {
        let there = connections.get(&entry.connection).await?;
        found.push((entry, compare(entry, there.as_ref())?, there));
    }
    let gone = if options.remove { gone(connections, &entries).await? } else { Vec::new() };

    let mut report = Report::default();
    let mut tell = |connection: &Connection, done: Done| {
        report.count(&done);
        say(&Line { connection: connection.clone(), done });
    };
    // First, as an address that goes with a connection may be another's from now on.
    for Shown { connection, version, .. } in &gone {
        let removed = if options.dry_run { Ok(()) } else { connections.delete(connection, *version).await };
        tell(connection, of_one(removed.map(|()| Done::Removed))?);
    }
    for (entry, found, there) in &found {
        let secrets = secrets.get(&entry.connection);
        let done = if options.dry_run {
            Ok(expected(found, secrets))
        } else {
            put(connections, entry, found, there.as_ref(), secrets).await
        };
        tell(&entry.connection, of_one(done)?);
    }
    Ok(report)
}

/// What is wrong with one connection alone keeps no other waiting.
fn of_one(done: Result<Done, Failed>) -> Result<Done, Failed> {
    match done {
        Err(Failed::Refused { told, why, status, about }) => {
            let failed = Failed::Refused { told: told.clone(), why: why.clone(), status, about };
            if failed.is_of_one() { Ok(Done::Refused(format!("{told}{why}"))) } else { Err(failed) }
        }
        other => other,
    }
}

fn expected(found: &Found, secrets: Option<&Value>) -> Done {
    match found {
        Found::New => Done::Made,
        Found::Kept(by) => kept(by),
        Found::There(names) if !names.is_empty() => Done::Changed(names.clone()),
        Found::There(_) if secrets.is_some() => Done::SecretsUnknown,
        Found::There(_) => Done::Left,
    }
}

fn kept(by: &str) -> Done {
    Done::Refused(format!("it is kept by {by}, and otherwise there: change it there"))
}

async fn put(
    connections: &Connections,
    entry: &Entry,
    found: &Found,
    there: Option<&Shown>,
    secrets: Option<&Value>,
) -> Result<Done, Failed> {
    let Entry { connection, display_name, settings, schedule, paused, .. } = entry;
    let mut body = json!({"settings": settings});
    if let Some(name) = display_name {
        body["displayName"] = json!(name);
    }
    if let Some(schedule) = schedule {
        body["schedule"] = json!(schedule);
    }
    if *paused {
        body["state"] = json!(PAUSED);
    }
    let (mut names, there) = match (found, there) {
        (Found::Kept(by), _) => return Ok(kept(by)),
        (Found::There(names), Some(there)) => (names.clone(), there),
        _ => {
            if let Some(secrets) = secrets {
                body["secrets"] = secrets.clone();
            }
            return connections.put(connection, &body, On::Absent).await.map(|_| Done::Made);
        }
    };
    let mut version = there.version;
    if !names.is_empty() {
        version = connections.put(connection, &body, On::Version(version)).await?.version;
    }
    // Whoever keeps it elsewhere has its secrets there too.
    if let Some(secrets) = secrets.filter(|_| there.kept_by == "operators")
        && connections.rotate(connection, secrets).await?.version != version
    {
        names.push("secrets".to_owned());
    }
    Ok(if names.is_empty() { Done::Left } else { Done::Changed(names) })
}

/// The secrets of each connection, as a body has them.
fn secrets(
    entries: &[Entry],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<Connection, Value>, Failed> {
    let value = |place: String, at: &SecretAt| match at {
        SecretAt::Variable(name) => {
            let value = variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
            value.ok_or_else(|| Failed::Wrong(format!("{place} is not there: set {name}")))
        }
        SecretAt::Parameter(_) | SecretAt::Given(_) => {
            let why = "names a parameter, which a deployment's own import reads: this command takes env";
            Err(Failed::Wrong(format!("{place} {why}")))
        }
    };
    let mut found = BTreeMap::new();
    for Entry { place, connection, secrets, .. } in entries {
        let Some(SecretsAt { current, previous }) = secrets else { continue };
        let mut body = json!({"current": value(format!("{place}.secrets.current"), current)?});
        if let Some(previous) = previous {
            body["previous"] = json!(value(format!("{place}.secrets.previous"), previous)?);
        }
        found.insert(connection.clone(), body);
    }
    Ok(found)
}

/// What operators keep of the file's tenants and providers, and the file does not name.
async fn gone(connections: &Connections, entries: &[Entry]) -> Result<Vec<Shown>, Failed> {
    let named: BTreeSet<&Connection> = entries.iter().map(|entry| &entry.connection).collect();
    let of = |connection: &Connection| (connection.tenant.clone(), connection.provider.clone());
    let lists: BTreeSet<(TenantId, ProviderId)> = named.iter().map(|connection| of(connection)).collect();
    let mut gone = Vec::new();
    for (tenant, provider) in lists {
        let listed = Listed { tenant: Some(tenant.to_string()), provider: Some(provider.to_string()) };
        let is_gone = |shown: &Shown| shown.kept_by == "operators" && !named.contains(&shown.connection);
        connections.each(&listed, |shown| gone.extend(Some(shown).filter(is_gone))).await?;
    }
    Ok(gone)
}
