//! Where looks go on: over the alerts that are watched, and over all connections. And how many alerts are open.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AlertStore, WATCHED_STATE};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, text, value};
use crate::domain::alerts::life::AlertState;
use crate::domain::alerts::rules::Rule;
use crate::domain::ids::Connection;

fn cursor_key() -> Item {
    key("@alerts", "cursor")
}

/// Where the next looks begin, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Behind which watched alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_after: Option<String>,
    /// When the round over all connections began.
    #[serde(default, with = "crate::domain::time::optional")]
    pub round_began_at: Option<Timestamp>,
    /// Behind which connection it goes on; none where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_after: Option<Connection>,
}

/// Connections with alerts that are watched, each once, and behind which alert others are.
pub type Watched = (Vec<Connection>, Option<String>);

/// How many alerts of each rule are open, and whether these are all.
pub type OpenByRule = (BTreeMap<&'static str, u64>, bool);

impl AlertStore {
    /// Where the next looks begin.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn cursor(&self) -> Result<Cursor, AwsFault> {
        let found = self.0.glance(cursor_key(), "read cursor of alerts").await?;
        // One that cannot be read would stop all looks; without it they begin anew.
        let log = |fault: &AwsFault| tracing::error!(%fault, "the cursor of alerts cannot be read");
        Ok(found.and_then(|found| value(found).inspect_err(log).ok()).unwrap_or_default())
    }

    /// Keeps where the next looks begin. A crash before it lets them look at the same once more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_cursor(&self, cursor: &Cursor) -> Result<(), AwsFault> {
        self.0.write(item(cursor, cursor_key())?, "keep cursor of alerts").await
    }

    /// Connections of alerts that are watched, behind one of them, so many alerts at most.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watched(&self, after: Option<&str>, limit: usize) -> Result<Watched, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", text("@alerts#open"))
            .expression_attribute_values(":after", text(after.unwrap_or("#")))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("read watched alerts", &error))?;
        let items = page.items.unwrap_or_default();
        let place = |item: &Item| item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        let next = items.last().filter(|_| items.len() == limit).and_then(place);
        let connection = |item: &Item| place(item)?.split_once('#')?.0.parse().ok();
        let mut found: Vec<Connection> = items.iter().filter_map(connection).collect();
        found.dedup();
        Ok((found, next))
    }

    /// How many alerts of each rule are open, of all tenants: among so many that are watched. One query, also where none is.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_by_rule(&self, limit: usize) -> Result<OpenByRule, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text("@alerts#open"))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("count open alerts", &error))?;
        let are_all = page.last_evaluated_key.is_none_or(|key| key.is_empty());
        let mut open: BTreeMap<&'static str, u64> = Rule::all().map(|rule| (rule.as_str(), 0)).collect();
        for item in page.items.unwrap_or_default() {
            let text = |name: &str| item.get(name).and_then(|text| text.as_s().ok()).map(String::as_str);
            // One that is over and flaps is watched as well. A version before this one did not say.
            let is_open = text(WATCHED_STATE).is_none_or(|state| state == AlertState::Open.as_str());
            let rule = text("sk").and_then(|place| place.rsplit_once('#')).map_or("", |(_, rule)| rule);
            if let Some(count) = open.get_mut(rule).filter(|_| is_open) {
                *count += 1;
            }
        }
        Ok((open, are_all))
    }
}
