//! When each connection's live secrets were used last, in the control table under the connection, `used`: beside the connection,
//! which would be written anew each time.

use jiff::Timestamp;

use crate::aws::clients::{Clients, Patience};
use crate::aws::faults::AwsFault;
use crate::aws::items::{conditional, key, number};
use crate::aws::table::Table;
use crate::domain::connections::last_used::LastUsed;
use crate::domain::deliveries::signature::SecretLabel;
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};

/// When secrets were used last.
#[derive(Clone, Debug)]
pub struct LastUses(Table);

impl LastUses {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// When a connection's secrets were used last, as it was noted.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<LastUsed, AwsFault> {
        let found = self.0.glance(key(connection.to_string(), "used"), "read last use").await?.unwrap_or_default();
        let time = |label: SecretLabel| {
            let millisecond = found.get(label.as_str())?.as_n().ok()?.parse().ok()?;
            Timestamp::from_millisecond(millisecond).ok()
        };
        Ok(LastUsed { current: time(SecretLabel::Current), previous: time(SecretLabel::Previous) })
    }

    /// Notes that a secret was used: one write unit. A later use that was noted before stays. It is tried once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note(&self, connection: &Connection, label: SecretLabel, at_ms: i64) -> Result<(), AwsFault> {
        let call = self.0.update_item(key(connection.to_string(), "used"));
        let call = call
            .update_expression("SET #used = :at")
            .condition_expression("attribute_not_exists(#used) OR #used < :at")
            .expression_attribute_names("#used", label.as_str())
            .expression_attribute_values(":at", number(at_ms));
        let sent = call.customize().config_override(Patience::Once.of_call()).send().await;
        conditional(sent, "note last use").map(drop)
    }
}
