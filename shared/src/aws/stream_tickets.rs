//! Which tickets of the live log were used: each is good once.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use jiff::{SignedDuration, Timestamp};

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use super::items::{key, number, text};
use super::table::Table;
use super::transaction::OLD;
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};

/// For how long after its end a ticket is remembered: clocks differ.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// The tickets that were used.
#[derive(Clone, Debug)]
pub struct StreamTickets(Table);

impl StreamTickets {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// Notes that a ticket is used: false where it was before. `attempt` tells our own try whose reply was lost from somebody else's.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn spend(
        &self,
        tenant: &TenantId,
        nonce: &str,
        attempt: &str,
        ends: Timestamp,
    ) -> Result<bool, AwsFault> {
        let forgotten_at = ends.checked_add(REMEMBERED).unwrap_or(Timestamp::MAX);
        let mut item = key(format!("{tenant}#stream-tickets"), nonce);
        item.insert("attempt".to_owned(), text(attempt));
        item.insert("expires_at".to_owned(), number(forgotten_at.as_second()));
        let put = self.0.put_item(item).condition_expression("attribute_not_exists(pk)");
        match put.return_values_on_condition_check_failure(OLD).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let before = refused.item().and_then(|item| item.get("attempt")?.as_s().ok());
                    Ok(before.is_some_and(|before| before == attempt))
                }
                _ => Err(fault("spend ticket", &error)),
            },
        }
    }
}
