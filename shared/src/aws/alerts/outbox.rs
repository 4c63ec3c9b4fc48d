//! Notes, and the messages that are made of them. What a message took is kept with it in one transaction, and only then are its notes
//! removed: a crash leaves notes that are known to be taken, and never one that is in no message.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::messages::{message_key, unsent};
use super::{AlertStore, expiring, partition};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, item, key, number, text, value};
use crate::aws::transaction::{Declined, Transaction, built};
use crate::domain::alerts::delivery::Message;
use crate::domain::alerts::outbox::{NOTES_MAX, Note, Plan, Sender};
use crate::domain::ids::TenantId;

const NOTES: &str = "@alerts#notes";
const OPERATION: &str = "read notes";
/// So many notes of no tenant are passed over, one after another.
const PASSED_OVER_MAX: usize = 100;
/// Notes that are removed beside one another.
const WIDTH: usize = 16;

pub(super) fn note_key(tenant: &TenantId, id: &str) -> Item {
    key(NOTES, format!("{tenant}#{id}"))
}

fn sender_key(tenant: &TenantId) -> Item {
    key(partition(tenant), "sender")
}

impl AlertStore {
    /// The first tenant behind another that has notes: so none waits behind the notes of one that has many.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn next_noted(&self, after: Option<&TenantId>) -> Result<Option<TenantId>, AwsFault> {
        let mut after = after.map_or_else(|| "#".to_owned(), ToString::to_string);
        for _ in 0..PASSED_OVER_MAX {
            // A tenant's keys go on with '#', and '$' is the sign behind it. No name has either.
            let call = self
                .0
                .query()
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":pk", text(NOTES))
                .expression_attribute_values(":after", text(format!("{after}$")))
                .limit(1);
            let first = call.send().await.map_err(|error| fault(OPERATION, &error))?.items.unwrap_or_default();
            let Some(place) = first.first().and_then(|item| item.get("sk")?.as_s().ok()) else { return Ok(None) };
            let name = place.split('#').next().unwrap_or_default();
            match TenantId::parse(name) {
                Ok(tenant) => return Ok(Some(tenant)),
                Err(_) => tracing::error!(place, "a note of no tenant passed over"),
            }
            after = name.to_owned();
        }
        Ok(None)
    }

    /// The notes of a tenant, in order, [`NOTES_MAX`] at most. One that cannot be read keeps no other from being told.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn notes(&self, tenant: &TenantId) -> Result<Vec<Note>, AwsFault> {
        let call = self
            .0
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :tenant)")
            .expression_attribute_values(":pk", text(NOTES))
            .expression_attribute_values(":tenant", text(format!("{tenant}#")))
            .limit(i32::try_from(NOTES_MAX).unwrap_or(i32::MAX));
        let found = call.send().await.map_err(|error| fault(OPERATION, &error))?.items.unwrap_or_default();
        let log = |error: &AwsFault| tracing::error!(%tenant, %error, "a note that cannot be read passed over");
        Ok(found.into_iter().filter_map(|note| value(note).inspect_err(log).ok()).collect())
    }

    /// What is known of a tenant's messages, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn sender(&self, tenant: &TenantId) -> Result<Sender, AwsFault> {
        let found = self.0.read(sender_key(tenant), "read sender").await?;
        Ok(found.map(value).transpose()?.unwrap_or_default())
    }

    /// Stores the messages that are made, and what they took. False where somebody else has made some since.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn make_messages(&self, tenant: &TenantId, plan: &Plan, now: Timestamp) -> Result<bool, AwsFault> {
        let before = plan.sender.version - 1;
        let put = self.0.put(item(&plan.sender, sender_key(tenant))?);
        let put = match before {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            before => {
                put.condition_expression("version = :version").expression_attribute_values(":version", number(before))
            }
        };
        let mut transaction = Transaction::default().put(built(put.build())?);
        for message in &plan.messages {
            transaction = transaction.and(self.made(tenant, message, now)?);
        }
        match transaction.commit(&self.0.client, "make messages of alerts").await {
            Ok(()) => Ok(true),
            Err(Declined::Condition(_)) => Ok(false),
            Err(Declined::Fault(fault)) => Err(fault),
        }
    }

    /// A message that is new, or has grown and is not under way.
    fn made(&self, tenant: &TenantId, message: &Message, now: Timestamp) -> Result<Transaction, AwsFault> {
        let put = self.0.put(expiring(item(message, message_key(tenant, &message.id))?, now));
        let put = put
            .condition_expression("attribute_not_exists(pk) OR attempts = :none")
            .expression_attribute_values(":none", number(0));
        let unsent = self.0.put(unsent(tenant, message)).build();
        Ok(Transaction::default().put(built(put.build())?).put(built(unsent)?))
    }

    /// Removes notes that messages took. Doing it twice is harmless.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn remove_notes(&self, tenant: &TenantId, ids: &[String]) -> Result<(), AwsFault> {
        let keys: Vec<Item> = ids.iter().map(|id| note_key(tenant, id)).collect();
        let removed = keys.into_iter().map(|key| async move {
            let call = self.0.delete_item(key).send().await;
            call.map(drop).map_err(|error| fault("remove note", &error))
        });
        stream::iter(removed).buffer_unordered(WIDTH).try_collect().await
    }
}
