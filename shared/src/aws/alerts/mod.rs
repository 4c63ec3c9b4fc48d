//! Alerts, in the control table, as they say how things stand and not what happened to a run.
//!
//! | key | holds |
//! |---|---|
//! | `tenant#alerts`, `at#provider/name#rule` | the newest [`Alert`] of a rule and a connection: what the next look is compared with |
//! | `tenant#alerts#open` or `tenant#alerts#resolved`, id | the same, for lists |
//! | `tenant#alerts#history`, `id#number` | a [`Past`] transition, for 90 days |
//! | `@alerts#open`, `tenant/provider/name#rule` | that it is to be looked at again, and whether it is open |
//! | `@alerts#notes`, `tenant#id` | a note, until it is part of a message |
//! | `tenant#alerts`, `sender` | what is known of the tenant's messages |
//! | `tenant#alerts`, `channel#provider/name` | that a channel took no message last |
//! | `tenant#alerts#messages`, id | a message, for 90 days |
//! | `@alerts#unsent`, `time#tenant#id` | that a message is due at that time |
//! | `@alerts`, `cursor` | where the next looks begin |
//!
//! What begins with `@` is of all tenants, as a tick looks for it; each key has the tenant in it all the same. These are empty while
//! nothing is wrong.

mod lists;
mod messages;
mod outbox;
mod refusals;
mod rounds;

pub use self::lists::{AlertPage, ListPlace};
pub use self::messages::{Due, MessagePage, MessagePlace};
pub use self::rounds::{Cursor, OpenByRule, Watched};

use jiff::Timestamp;

use super::clients::Clients;
use super::faults::AwsFault;
use super::items::{Item, item, key, number, text, value};
use super::table::Table;
use super::transaction::{Declined, OLD, Transaction, built};
use crate::aws::faults::fault;
use crate::domain::alerts::life::{Alert, AlertState, Past, Step};
use crate::domain::alerts::outbox::Note;
use crate::domain::alerts::rules::Rule;
use crate::domain::ids::{Connection, TenantId};
use crate::environment::{Environment, StartError};

/// For how long what is over is kept, in seconds.
const KEPT_SECONDS: i64 = 90 * 86_400;

/// Whether an alert that is watched is open, or over and flaps.
const WATCHED_STATE: &str = "state";

/// The alerts.
#[derive(Clone, Debug)]
pub struct AlertStore(Table);

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is stored, all of it.
    Yes,
    /// Somebody else has changed the alert since it was read; nothing is stored.
    Raced,
}

fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#alerts")
}

fn subject(connection: &Connection) -> String {
    format!("at#{}/{}#", connection.provider, connection.name)
}

fn alert_key(connection: &Connection, rule: Rule) -> Item {
    key(partition(&connection.tenant), format!("{}{}", subject(connection), rule.as_str()))
}

fn list_key(tenant: &TenantId, state: AlertState, id: &str) -> Item {
    key(format!("{}#{}", partition(tenant), state.as_str()), id)
}

fn watched_key(connection: &Connection, rule: Rule) -> Item {
    key("@alerts#open", format!("{connection}#{}", rule.as_str()))
}

fn expiring(mut fields: Item, now: Timestamp) -> Item {
    fields.insert("expires_at".into(), number(now.as_second() + KEPT_SECONDS));
    fields
}

impl AlertStore {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// The newest alert of each rule of a connection, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<Vec<Alert>, AwsFault> {
        let call = self
            .0
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :subject)")
            .expression_attribute_values(":pk", text(partition(&connection.tenant)))
            .expression_attribute_values(":subject", text(subject(connection)));
        let page = call.send().await.map_err(|error| fault("read alerts", &error))?;
        // One of a rule that a younger version has is not ours to judge.
        let read = |item: Item| value(item).inspect_err(|error| tracing::warn!(%error, "alert passed over")).ok();
        Ok(page.items.unwrap_or_default().into_iter().filter_map(read).collect())
    }

    /// The newest alert of a rule and a connection, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn current(&self, connection: &Connection, rule: Rule) -> Result<Option<Alert>, AwsFault> {
        self.0.read(alert_key(connection, rule), "read alert").await?.map(value).transpose()
    }

    /// Stores what became of an alert: the alert where it is compared and where it is listed, its history, whether it is looked at again,
    /// and the note of whoever is to be told, all or nothing. So a crash leaves no alert that nobody is told of.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn commit(&self, before: Option<&Alert>, step: &Step, now: Timestamp) -> Result<Committed, AwsFault> {
        const OPERATION: &str = "store alert";
        let alert = &step.alert;
        let (connection, tenant) = (&alert.connection, &alert.connection.tenant);
        let kept = |fields: Item| if alert.is_watched() { fields } else { expiring(fields, now) };
        let put = self.0.put(kept(item(alert, alert_key(connection, alert.rule))?));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("id = :id AND version = :version")
                .expression_attribute_values(":id", text(&before.id))
                .expression_attribute_values(":version", number(before.version)),
        };
        let put = built(put.return_values_on_condition_check_failure(OLD).build())?;
        let listed = self.0.put(kept(item(alert, list_key(tenant, alert.state, &alert.id))?));
        let mut transaction = Transaction::default().put(put).put(built(listed.build())?);
        if let Some(before) = before.filter(|before| before.id == alert.id && before.state != alert.state) {
            let moved = self.0.delete(list_key(tenant, before.state, &before.id));
            transaction = transaction.delete(built(moved.build())?);
        }
        // Another alert takes its place before people were told how it stayed: only its list has it from now on.
        if let Some(before) = before.filter(|before| before.id != alert.id && before.is_watched()) {
            let over = Alert { flapping: false, ..before.clone() };
            let left = self.0.put(expiring(item(&over, list_key(tenant, before.state, &before.id))?, now));
            transaction = transaction.put(built(left.build())?);
        }
        let mut watched = watched_key(connection, alert.rule);
        transaction = match alert.is_watched() {
            true => {
                watched.insert(WATCHED_STATE.into(), text(alert.state.as_str()));
                transaction.put(built(self.0.put(watched).build())?)
            }
            false => transaction.delete(built(self.0.delete(watched).build())?),
        };
        if let Some(past) = Past::of(step) {
            let fields = expiring(item(&past, lists::history_key(alert))?, now);
            transaction = transaction.put(built(self.0.put(fields).build())?);
        }
        if let Some(note) = Note::of(step) {
            let fields = item(&note, outbox::note_key(tenant, &note.id))?;
            transaction = transaction.put(built(self.0.put(fields).build())?);
        }
        match transaction.commit(&self.0.client, OPERATION).await {
            Ok(()) => Ok(Committed::Yes),
            Err(Declined::Condition(_)) => Ok(Committed::Raced),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }
}
