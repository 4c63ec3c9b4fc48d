//! Links that are being made or taken away at their vendor: an item beside the connection's own, for as long as our record does not say
//! the same, and a month at most.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;

use super::store::connection_key_as;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, is_expired, item, number, text, value};
use crate::aws::table::Table;
use crate::aws::transaction::{OLD, past_conflicts};
use crate::domain::connections::linking::Linking;
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};

/// How long one that came to no end is kept, in seconds.
const KEPT_SECONDS: i64 = 30 * 86_400;

pub(super) fn linking_key(connection: &Connection) -> Item {
    connection_key_as("linking", connection)
}

fn fields(connection: &Connection, linking: &Linking) -> Result<Item, AwsFault> {
    let mut fields = item(linking, linking_key(connection))?;
    // Compared with what is stale: one that is over is.
    let since_ms = if linking.is_over { 0 } else { linking.since.as_millisecond() };
    fields.insert("sinceMs".into(), number(since_ms));
    fields.insert("expires_at".into(), number(linking.since.as_second() + KEPT_SECONDS));
    Ok(fields)
}

/// Links that are being made or taken away.
#[derive(Clone, Debug)]
pub struct Linkings(Table);

/// What is there in the place of one that is to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is noted; before it there was this one, which came to no end.
    Yes(Option<Linking>),
    /// Somebody is at it.
    Busy(Linking),
}

impl Linkings {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONNECTIONS_TABLE").map(Self)
    }

    /// What is noted of a connection, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection, now: Timestamp) -> Result<Option<Linking>, AwsFault> {
        let found = self.0.read(linking_key(connection), "read linking").await?;
        found.filter(|item| !is_expired(item, now)).map(value).transpose()
    }

    /// Notes that somebody is at it, unless somebody else is.
    ///
    /// # Errors
    /// When the table cannot be written: the vendor is not to be asked then.
    pub async fn begin(&self, connection: &Connection, linking: &Linking) -> Result<Begun, AwsFault> {
        const OPERATION: &str = "note linking";
        let call = self
            .0
            .put_item(fields(connection, linking)?)
            .condition_expression("attribute_not_exists(pk) OR sinceMs <= :stale OR id = :id")
            .expression_attribute_values(":stale", number(Linking::stale_since(linking.since).as_millisecond()))
            .expression_attribute_values(":id", text(&linking.id))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(OLD);
        let error = match past_conflicts(|| call.clone().send()).await {
            Ok(done) => {
                let before: Option<Linking> =
                    done.attributes.filter(|before| !before.is_empty()).map(value).transpose()?;
                return Ok(Begun::Yes(before.filter(|before| before.id != linking.id)));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                let busy: Option<Linking> = refused.item.clone().map(value).transpose()?;
                Ok(Begun::Busy(busy.unwrap_or_else(|| linking.clone())))
            }
            _ => Err(fault(OPERATION, &error)),
        }
    }

    /// Keeps one whose end nobody knows, as nobody is at it any more: the next one need not wait.
    ///
    /// # Errors
    /// When the table cannot be written: then it is taken for under way for as long as a function lives.
    pub async fn leave(&self, connection: &Connection, linking: &Linking) -> Result<(), AwsFault> {
        let over = Linking { is_over: true, ..linking.clone() };
        let call = self
            .0
            .put_item(fields(connection, &over)?)
            .condition_expression("id = :id")
            .expression_attribute_values(":id", text(&linking.id));
        conditional(past_conflicts(|| call.clone().send()).await, "leave linking").map(drop)
    }

    /// Forgets one that came to its end, or to none that anybody has to know of. Another one that was begun since stays.
    ///
    /// # Errors
    /// When the table cannot be written: then it is shown for as long as our record does not say the same.
    pub async fn end(&self, connection: &Connection, linking: &Linking) -> Result<(), AwsFault> {
        let call = self
            .0
            .delete_item(linking_key(connection))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", text(&linking.id));
        conditional(past_conflicts(|| call.clone().send()).await, "forget linking").map(drop)
    }
}
