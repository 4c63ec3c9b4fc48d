//! One table: its name, and one item read or written.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, ReturnConsumedCapacity, Update,
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::clients::{Clients, Patience};
use super::faults::{AwsFault, fault};
use super::items::Item;
use super::transaction::{OLD, built};
use super::wire::{NewItem, Put as Stored, Wire};
use crate::environment::{Environment, StartError};

/// Keys of one BatchGetItem: DynamoDB takes no more.
const BATCH_MAX: usize = 100;
/// Batches that are read beside one another.
const BATCHES_AT_ONCE: usize = 4;
/// How often what a batch left out is asked for again: it leaves out what is beyond 16 MB, or throttled.
const BATCH_ATTEMPTS_MAX: u32 = 3;

/// A table of ours. Every call asks what it consumed: the benchmark and the tests of costs count by it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    wire: Wire,
}

impl Table {
    /// The table that a variable names; nothing is called.
    pub(super) fn connect(
        clients: &Clients,
        environment: &Environment,
        variable: &'static str,
    ) -> Result<Self, StartError> {
        let name = environment.require(variable)?.to_owned();
        Ok(Self { client: clients.dynamodb.clone(), name, wire: clients.wire.clone() })
    }

    pub(super) fn get_item(&self, key: Item) -> GetItemFluentBuilder {
        let call = self.client.get_item().table_name(&self.name).set_key(Some(key));
        call.return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    pub(super) fn put_item(&self, item: Item) -> PutItemFluentBuilder {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    pub(super) fn update_item(&self, key: Item) -> UpdateItemFluentBuilder {
        let call = self.client.update_item().table_name(&self.name).set_key(Some(key));
        call.return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    pub(super) fn delete_item(&self, key: Item) -> DeleteItemFluentBuilder {
        self.client.delete_item().table_name(&self.name).set_key(Some(key))
    }

    pub(super) fn query(&self) -> QueryFluentBuilder {
        self.client.query().table_name(&self.name).return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// A put of a transaction.
    pub(super) fn put(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.name).set_item(Some(item))
    }

    /// An update of a transaction.
    pub(super) fn update(&self, key: Item) -> UpdateBuilder {
        Update::builder().table_name(&self.name).set_key(Some(key))
    }

    /// A delete of a transaction.
    pub(super) fn delete(&self, key: Item) -> DeleteBuilder {
        Delete::builder().table_name(&self.name).set_key(Some(key))
    }

    /// A condition of a transaction.
    pub(super) fn check(&self, key: Item) -> ConditionCheckBuilder {
        ConditionCheck::builder().table_name(&self.name).set_key(Some(key))
    }

    /// An item, as of now.
    pub(super) async fn read(&self, key: Item, operation: &'static str) -> Result<Option<Item>, AwsFault> {
        let call = self.get_item(key).consistent_read(true);
        Ok(call.send().await.map_err(|error| fault(operation, &error))?.item)
    }

    /// An item, as of a moment ago, for half the price.
    pub(super) async fn glance(&self, key: Item, operation: &'static str) -> Result<Option<Item>, AwsFault> {
        Ok(self.get_item(key).send().await.map_err(|error| fault(operation, &error))?.item)
    }

    /// The items of some keys, each asked for once, as of a moment ago: those that there are, in no order. With a projection these
    /// attributes alone, which saves their way and no read unit.
    pub(super) async fn glance_at(
        &self,
        keys: Vec<Item>,
        projection: Option<&str>,
        operation: &'static str,
    ) -> Result<Vec<Item>, AwsFault> {
        let batches: Vec<Vec<Item>> = keys.chunks(BATCH_MAX).map(<[Item]>::to_vec).collect();
        let batches = batches.into_iter().map(|keys| self.batch(keys, projection, operation));
        let found: Vec<Vec<Item>> = stream::iter(batches).buffered(BATCHES_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn batch(
        &self,
        keys: Vec<Item>,
        projection: Option<&str>,
        operation: &'static str,
    ) -> Result<Vec<Item>, AwsFault> {
        let (mut left, mut found) = (keys, Vec::new());
        for _ in 0..BATCH_ATTEMPTS_MAX {
            let wanted = KeysAndAttributes::builder().set_keys(Some(left));
            let wanted = built(wanted.set_projection_expression(projection.map(String::from)).build())?;
            let call = self.client.batch_get_item().request_items(&self.name, wanted);
            let call = call.return_consumed_capacity(ReturnConsumedCapacity::Total);
            let page = call.send().await.map_err(|error| fault(operation, &error))?;
            found.extend(page.responses.unwrap_or_default().into_values().flatten());
            left = page.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
            if left.is_empty() {
                return Ok(found);
            }
        }
        Err(AwsFault { operation, detail: "throttled".into(), transient: true })
    }

    /// As [`Table::glance`], and tried once: for whoever has somebody waiting, who comes again.
    pub(super) async fn glance_once(&self, key: Item, operation: &'static str) -> Result<Option<Item>, AwsFault> {
        let call = self.get_item(key).customize().config_override(Patience::Once.of_call());
        Ok(call.send().await.map_err(|error| fault(operation, &error))?.item)
    }

    /// Writes an item, in place of the one under its key.
    pub(super) async fn write(&self, item: Item, operation: &'static str) -> Result<(), AwsFault> {
        self.put_item(item).send().await.map(drop).map_err(|error| fault(operation, &error))
    }

    /// Puts an item over the wire, or through the SDK where that says nothing. So it may be put twice, and its own condition may be what
    /// refuses the second: who has one must recognise its own item in what stands there.
    pub(super) async fn store(&self, new: NewItem, operation: &'static str) -> Result<Stored, AwsFault> {
        if let Some(stored) = self.wire.put_item(&self.name, &new).await {
            return Ok(stored);
        }
        let NewItem { item, condition, values } = new;
        let call = self.put_item(item).condition_expression(condition);
        let call = call
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(OLD);
        let error = match call.send().await {
            Ok(_) => return Ok(Stored::Done),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Stored::Refused(refused.item.clone().unwrap_or_default()))
            }
            _ => Err(fault(operation, &error)),
        }
    }

    /// Writes parts of a body, each into an item of its own under `attribute`. The item that names them is written after
    /// them, so a crash leaves parts that nothing names, and never a name without its parts.
    pub(super) async fn write_parts<'a>(
        &self,
        attribute: &str,
        parts: impl Iterator<Item = (Item, &'a [u8])> + Send,
        operation: &'static str,
    ) -> Result<(), AwsFault> {
        for (mut fields, part) in parts {
            fields.insert(attribute.to_owned(), AttributeValue::B(Blob::new(part)));
            self.write(fields, operation).await?;
        }
        Ok(())
    }
}
