//! Connections of a running Signalbox, over its routes: what `signalbox connections` does. Nothing here prints, and no secret leaves
//! but in the body of a request.

mod compare;
mod export;
mod import;

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use signalbox::domain::connections::provider::Settings;
use signalbox::domain::connections::schedule::Schedule;
use signalbox::domain::ids::Connection;

pub use export::{Exported, export, variable};
pub use import::{Done, ImportOptions, Line, Report, import, import_limits};

use super::{Answer, Asked, NoAnswer, Remote};

const LIST: &str = "/api/admin/connections";
/// The state of what stands still.
const PAUSED: &str = "paused";
/// The most that a page may have.
const PAGE: &str = "200";

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// There was no answer.
    #[error("{about}: {why} from {base}")]
    NoAnswer {
        /// What was asked about.
        about: String,
        /// Why.
        why: NoAnswer,
        /// Whom.
        base: String,
    },
    /// It was refused.
    #[error("{about}: {told}{why}")]
    Refused {
        /// What was asked about.
        about: String,
        /// Status and code.
        told: String,
        /// What the answer says for people; empty, or behind a colon.
        why: String,
        /// The status.
        status: u16,
    },
    /// The answer is none of Signalbox's.
    #[error("{0}: the answer cannot be read: is it Signalbox that answers there, of this version?")]
    Unreadable(String),
    /// What was given is wrong.
    #[error("{0}")]
    Wrong(String),
}

impl Failed {
    /// Whether it is about this one connection, so that others may be gone on with.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 404 | 409 | 412 | 413 | 422, .. })
    }
}

/// A connection as it is shown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Which.
    pub connection: Connection,
    /// The name people read.
    pub display_name: String,
    /// What its provider is told; parts of URLs are masked.
    pub settings: Settings,
    /// When it is synced by itself.
    pub schedule: Schedule,
    /// `active` or `paused`
    pub state: String,
    /// What is shown of its secrets.
    pub secrets: Option<ShownSecrets>,
    /// `operators` or `configuration`
    pub kept_by: String,
    /// In which configuration.
    pub kept_in: Option<String>,
    /// Its version.
    pub version: u64,
}

/// What is shown of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownSecrets {
    /// The end of the current one.
    pub masked: String,
    /// Whether the one before is good as well.
    pub has_previous: bool,
}

/// Which connections are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Whose.
    pub tenant: Option<String>,
    /// Of which provider.
    pub provider: Option<String>,
}

/// A page, and where the next one starts.
pub type Page = (Vec<Shown>, Option<String>);

/// What a test found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// Whether it can be used.
    pub ok: bool,
    /// Of a catalogue, the rows that were read.
    pub total_items: Option<u64>,
    /// Why not.
    pub error: Option<String>,
}

/// The routes of connections, with a token.
#[derive(Debug, Clone)]
pub struct Connections {
    remote: Remote,
    token: String,
}

/// What a change is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// That it is not there.
    Absent,
    /// That it is at this version.
    Version(u64),
}

impl Connections {
    /// The routes of whoever answers there.
    #[must_use]
    pub fn new(remote: Remote, token: impl Into<String>) -> Self {
        Self { remote, token: token.into() }
    }

    /// A connection, if it is there.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub async fn get(&self, connection: &Connection) -> Result<Option<Shown>, Failed> {
        let path = format!("{LIST}/{connection}");
        match self.ask(connection, Asked { path: &path, ..Asked::default() }).await {
            Ok(body) => one(connection, &body).map(Some),
            Err(Failed::Refused { status: 404, .. }) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// A page of connections.
    ///
    /// # Errors
    /// When they cannot be asked for.
    pub async fn page(&self, listed: &Listed, cursor: Option<&str>, limit: &str) -> Result<Page, Failed> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            items: Vec<Shown>,
            next_cursor: Option<String>,
        }
        let named =
            [("tenant", listed.tenant.as_deref()), ("provider", listed.provider.as_deref()), ("cursor", cursor)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: Vec<(&str, &str)> = named.chain([("limit", limit)]).collect();
        let about = "the list";
        let body = self.ask(&about, Asked { path: LIST, query: &query, ..Asked::default() }).await?;
        let body: Body = serde_json::from_value(body).map_err(|_| Failed::Unreadable(about.to_owned()))?;
        Ok((body.items, body.next_cursor))
    }

    /// All connections, page after page, to whoever takes them.
    ///
    /// # Errors
    /// When they cannot be asked for.
    pub async fn each(&self, listed: &Listed, mut take: impl FnMut(Shown)) -> Result<(), Failed> {
        let mut cursor: Option<String> = None;
        loop {
            let (items, next) = self.page(listed, cursor.as_deref(), PAGE).await?;
            items.into_iter().for_each(&mut take);
            match next {
                // One that stands still would be asked for ever.
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    }

    /// Makes a connection, or changes it.
    ///
    /// # Errors
    /// When it is refused, or there is no answer: it may have been done then.
    pub async fn put(&self, connection: &Connection, body: &Value, on: On) -> Result<Shown, Failed> {
        let version = match on {
            On::Absent => ("if-none-match", "*".to_owned()),
            On::Version(version) => ("if-match", format!("\"{version}\"")),
        };
        let path = format!("{LIST}/{connection}");
        let headers = [(version.0, version.1.as_str())];
        let asked = Asked {
            method: Method::PUT,
            path: &path,
            headers: &headers,
            body: Some(body.to_string()),
            ..Asked::default()
        };
        one(connection, &self.ask(connection, asked).await?)
    }

    /// Changes secrets. Those that are the same already are left as they are.
    ///
    /// # Errors
    /// As with [`Connections::put`].
    pub async fn rotate(&self, connection: &Connection, body: &Value) -> Result<Shown, Failed> {
        one(connection, &self.post(connection, "rotate", Some(body.to_string())).await?)
    }

    /// Looks whether a connection can be used.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub async fn test(&self, connection: &Connection) -> Result<Tested, Failed> {
        let body = self.post(connection, "test", None).await?;
        serde_json::from_value(body["data"].clone()).map_err(|_| Failed::Unreadable(connection.to_string()))
    }

    /// Removes a connection at the version that was seen.
    ///
    /// # Errors
    /// As with [`Connections::put`].
    pub async fn delete(&self, connection: &Connection, version: u64) -> Result<(), Failed> {
        let (path, version) = (format!("{LIST}/{connection}"), format!("\"{version}\""));
        let headers = [("if-match", version.as_str())];
        let asked = Asked { method: Method::DELETE, path: &path, headers: &headers, ..Asked::default() };
        self.ask(connection, asked).await.map(drop)
    }

    async fn post(&self, connection: &Connection, action: &str, body: Option<String>) -> Result<Value, Failed> {
        let path = format!("{LIST}/{connection}/{action}");
        self.ask(connection, Asked { method: Method::POST, path: &path, body, ..Asked::default() }).await
    }

    async fn ask(&self, about: &impl fmt::Display, asked: Asked<'_>) -> Result<Value, Failed> {
        let no_answer = |why| Failed::NoAnswer { about: about.to_string(), why, base: self.remote.base().to_string() };
        let answer = self.remote.ask(asked, &self.token).await.map_err(no_answer)?;
        if !(200..300).contains(&answer.status) {
            let why = detail(&answer);
            let why = if why.is_empty() { why } else { format!(": {why}") };
            return Err(Failed::Refused { about: about.to_string(), told: answer.told(), why, status: answer.status });
        }
        serde_json::from_str(&answer.text).map_err(|_| Failed::Unreadable(about.to_string()))
    }
}

fn one(connection: &Connection, body: &Value) -> Result<Shown, Failed> {
    serde_json::from_value(body["data"].clone()).map_err(|_| Failed::Unreadable(connection.to_string()))
}

/// What an answer says of a refusal: a sentence, or what is wrong with which field.
fn detail(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    if let Some(text) = body["detail"].as_str() {
        return text.to_owned();
    }
    let fields = body["detail"]["fieldErrors"].as_object().into_iter().flatten();
    let field = |(name, why): (&String, &Value)| {
        let why: Vec<&str> = why.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!("{name} {}", why.join(", "))
    };
    fields.map(field).collect::<Vec<_>>().join("; ")
}
