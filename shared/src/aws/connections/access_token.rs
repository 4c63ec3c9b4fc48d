//! The access tokens of connections, sealed: an item beside each connection's own, for as long as its token lasts.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use jiff::Timestamp;

use super::store::connection_key_as;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, number, value};
use crate::aws::table::Table;
use crate::aws::transaction::{OLD, past_conflicts};
use crate::domain::connections::access_token::AccessToken;
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};

pub(super) fn access_token_key(connection: &Connection) -> Item {
    connection_key_as("access-token", connection)
}

/// The access tokens.
#[derive(Clone, Debug)]
pub struct AccessTokens(Table);

impl AccessTokens {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONNECTIONS_TABLE").map(Self)
    }

    /// A connection's, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<AccessToken, AwsFault> {
        let found = self.0.read(access_token_key(connection), "read access token").await?;
        Ok(found.map(value).transpose()?.unwrap_or_default())
    }

    /// Writes what follows from what was read; what is stored instead, where somebody came first. A write of ours whose reply was lost is
    /// known by the version and whoever asks in it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn write(
        &self,
        connection: &Connection,
        after: &AccessToken,
        now: Timestamp,
    ) -> Result<Result<(), AccessToken>, AwsFault> {
        let mut fields = item(after, access_token_key(connection))?;
        fields.insert("expires_at".into(), number(after.ends_at(now)));
        let call = self
            .0
            .put_item(fields)
            .condition_expression("attribute_not_exists(pk) OR version = :before")
            .expression_attribute_values(":before", number(after.version.saturating_sub(1)))
            .return_values_on_condition_check_failure(OLD);
        let Err(error) = past_conflicts(|| call.clone().send()).await else { return Ok(Ok(())) };
        let refused = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => refused,
            _ => return Err(fault("write access token", &error)),
        };
        let found: AccessToken = refused.item.clone().map(value).transpose()?.unwrap_or_default();
        Ok(if found == *after { Ok(()) } else { Err(found) })
    }
}
