//! Alerts as people read them: a tenant's, and what became of one.

use std::fmt;
use std::str::FromStr;

use super::{AlertStore, list_key, partition};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, key, text, value};
use crate::domain::alerts::life::{Alert, AlertState, Past};
use crate::domain::ids::TenantId;
use crate::domain::place::NoPlace;

/// So many transitions of an alert are shown, the newest.
const HISTORY_MAX: i32 = 200;

pub(super) fn history_key(alert: &Alert) -> Item {
    let number = alert.transitions;
    key(format!("{}#history", partition(&alert.connection.tenant)), format!("{}#{number:06}", alert.id))
}

/// A place in a list of alerts: in which part of it, and below which alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPlace {
    state: AlertState,
    id: String,
}

impl fmt::Display for ListPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.state.as_str(), self.id)
    }
}

impl FromStr for ListPlace {
    type Err = NoPlace;
    fn from_str(place: &str) -> Result<Self, NoPlace> {
        let (state, id) = place.split_once('-').ok_or(NoPlace)?;
        let state = AlertState::parse(state).ok_or(NoPlace)?;
        is_id(id).then(|| Self { state, id: id.to_owned() }).ok_or(NoPlace)
    }
}

/// Whether a text can be an id of ours.
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A page of alerts, and where the next one begins.
pub type AlertPage = (Vec<Alert>, Option<ListPlace>);

impl AlertStore {
    /// A tenant's alerts, those that are open first, the newest first of both: of one state, or of both. A page is one query, or two
    /// where it goes over from the one to the other.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(
        &self,
        tenant: &TenantId,
        state: Option<AlertState>,
        below: Option<&ListPlace>,
        limit: usize,
    ) -> Result<AlertPage, AwsFault> {
        let wanted = limit + 1;
        let mut found: Vec<Alert> = Vec::new();
        for part in [AlertState::Open, AlertState::Resolved] {
            let is_behind = part == AlertState::Open && below.is_some_and(|below| below.state == AlertState::Resolved);
            if state.is_some_and(|state| state != part) || is_behind || found.len() >= wanted {
                continue;
            }
            let below = below.filter(|below| below.state == part).map_or("~", |below| below.id.as_str());
            found.extend(self.part(tenant, part, below, wanted - found.len()).await?);
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| ListPlace { state: last.state, id: last.id.clone() });
        Ok((found, next))
    }

    async fn part(
        &self,
        tenant: &TenantId,
        state: AlertState,
        below: &str,
        limit: usize,
    ) -> Result<Vec<Alert>, AwsFault> {
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk < :below")
            .expression_attribute_values(":pk", text(format!("{}#{}", partition(tenant), state.as_str())))
            .expression_attribute_values(":below", text(below))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault("list alerts", &error))?;
        page.items.unwrap_or_default().into_iter().map(value).collect()
    }

    /// One of a tenant's alerts, with what became of it, the newest first. Another tenant's is not found.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn one(&self, tenant: &TenantId, id: &str) -> Result<Option<(Alert, Vec<Past>)>, AwsFault> {
        let Some(alert) = self.listed(tenant, id).await? else { return Ok(None) };
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :id)")
            .expression_attribute_values(":pk", text(format!("{}#history", partition(tenant))))
            .expression_attribute_values(":id", text(format!("{id}#")))
            .scan_index_forward(false)
            .limit(HISTORY_MAX);
        let page = call.send().await.map_err(|error| fault("read history of alert", &error))?;
        let history: Result<_, _> = page.items.unwrap_or_default().into_iter().map(value).collect();
        Ok(Some((alert, history?)))
    }

    /// One of a tenant's alerts, as it is listed.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn listed(&self, tenant: &TenantId, id: &str) -> Result<Option<Alert>, AwsFault> {
        if !is_id(id) {
            return Ok(None);
        }
        for state in [AlertState::Open, AlertState::Resolved] {
            if let Some(found) = self.0.read(list_key(tenant, state, id), "read alert").await? {
                return value(found).map(Some);
            }
        }
        Ok(None)
    }
}
