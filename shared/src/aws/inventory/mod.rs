//! All tables at once, for operators' tools: every item there is, whose it is and of which kind ([`kinds`]), and how it is written into
//! a file and out of it ([`line`]). No function uses it: each asks for the tables that it needs, by the stores beside this one.
//!
//! Tables are read from end to end, a page of 1 MB at a time. That costs what they hold and finds everything, whatever it is keyed by.

mod astray;
mod forget;
pub mod kinds;
mod line;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use jiff::Timestamp;

pub use self::forget::Forgotten;
use self::kinds::{Kind, TableName, classify};
pub use self::line::NoItem;
use super::clients::Clients;
use super::connections::store::{address_key, address_put, connection_key};
use super::faults::{AwsFault, fault};
use super::items::{Item, conditional, is_expired, key, text, value};
use super::table::Table;
use super::transaction::{Declined, OLD, Transaction, built};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::TenantId;
use crate::environment::{Environment, StartError};

const READ: &str = "read table";
const DELETE: &str = "delete items";
const PUT: &str = "put item";
/// Items that are deleted in a call; DynamoDB's limit.
const BATCH_MAX: usize = 25;
/// A batch of which parts were refused for lack of throughput is sent again this often.
const ATTEMPTS_MAX: u32 = 8;

/// What of a connection changes by itself, or is not in an export.
const OF_ONE_COPY: [&str; 4] = ["secrets", "state", "version", "changed"];

/// An item, and which table it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    table: TableName,
    item: Item,
}

/// Where a page of a table begins.
#[derive(Debug, Clone)]
pub struct Place(Item);

/// A page of a table, and where the next one begins.
pub type Page = (Vec<Stored>, Option<Place>);

/// What became of an item that was to be put where none is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there now, or would be.
    New,
    /// It was there, and is the same.
    Same,
    /// Another one is there under its key, and stays.
    Differs,
    /// It is a connection of which an address leads to another one already: nothing was put.
    Taken,
}

impl Stored {
    /// Which table it is of.
    #[must_use]
    pub fn table(&self) -> TableName {
        self.table
    }

    /// Which kind it is of and whose it is, where it is one tenant's; none of a kind that this version does not know.
    #[must_use]
    pub fn kind(&self) -> Option<(&'static Kind, Option<TenantId>)> {
        classify(self.table, &self.item)
    }

    /// Whether it has expired, and is only not swept yet.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        is_expired(&self.item, now)
    }

    /// Its partition, for people who look for it.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.item.get("pk").and_then(|pk| pk.as_s().ok()).map_or("", String::as_str)
    }

    /// Whether somebody is named in it, by a whole word of a text.
    #[must_use]
    pub fn names(&self, tenant: &TenantId) -> bool {
        self.item.values().any(|value| forget::names(value, tenant.as_str()))
    }

    /// The secrets that it has, by name, sealed as they are; only connections have any.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let secrets =
            self.item.get("secrets").filter(|_| self.is("connection")).and_then(|secrets| secrets.as_m().ok());
        let live = |name: &&str| secrets.is_some_and(|secrets| secrets.contains_key(*name));
        ["current", "previous"].into_iter().filter(live).map(String::from).collect()
    }

    /// The same without its secrets.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        if self.is("connection") {
            self.item.remove("secrets");
        }
        self
    }

    /// The connection that it is; none of another kind.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        self.item.get("connection").filter(|_| self.is("connection"))?.as_s().ok().map(String::as_str)
    }

    /// The connection that it is, as the service reads it, without its secrets; none of another kind, or where the service could not read it.
    #[must_use]
    pub fn as_connection(&self) -> Option<StoredConnection> {
        let item = self.is("connection").then(|| self.clone().without_secrets().item)?;
        value(item).ok().filter(|stored: &StoredConnection| connection_key(&stored.connection) == self.key())
    }

    /// A connection that works by itself, and not as a deployment's configuration says: whether it works, and whether it is kept so.
    #[must_use]
    pub fn stands(&self) -> (bool, bool) {
        let is = |name: &str, word: &str| {
            let of = self.item.get(name).and_then(|value| value.as_m().ok()?.get("is")?.as_s().ok());
            of.is_some_and(|of| of == word)
        };
        (!is("state", "paused"), is("keptBy", "configuration"))
    }

    /// A connection as it is put where there is none: paused, as it has no secrets yet.
    #[must_use]
    pub fn paused(mut self, by: &str, why: &str, now: Timestamp) -> Self {
        if self.is("connection") {
            let since = crate::domain::time::text(now);
            let state = [("is", "paused"), ("by", by), ("why", why), ("since", &since)];
            let state = state.map(|(name, value)| (name.to_owned(), text(value)));
            self.item.insert("state".to_owned(), AttributeValue::M(state.into()));
        }
        self
    }

    fn is(&self, name: &str) -> bool {
        self.kind().is_some_and(|(kind, _)| kind.name == name)
    }

    fn key(&self) -> Item {
        let part = |name: &str| Some((name.to_owned(), self.item.get(name)?.clone()));
        ["pk", "sk"].into_iter().filter_map(part).collect()
    }

    /// Whether two copies of an item say the same. Of connections what each copy has for itself does not count.
    fn is_like(&self, item: &Item) -> bool {
        if !self.is("connection") {
            return self.item == *item;
        }
        let common = |item: &Item| -> Item {
            let mut item = item.clone();
            item.retain(|name, _| !OF_ONE_COPY.contains(&name.as_str()));
            item
        };
        common(&self.item) == common(item)
    }
}

/// All tables.
#[derive(Clone, Debug)]
pub struct Inventory([Table; 7]);

impl Inventory {
    /// The tables that the environment names; nothing is called.
    ///
    /// # Errors
    /// When one is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        let tables = TableName::ALL.map(|table| Table::connect(clients, environment, table.variable()));
        let [a, b, c, d, e, f, g] = tables;
        Ok(Self([a?, b?, c?, d?, e?, f?, g?]))
    }

    fn table(&self, name: TableName) -> &Table {
        // In the order of their names.
        let place = TableName::ALL.iter().position(|table| *table == name).unwrap_or_default();
        &self.0[place]
    }

    /// A page of a table, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, table: TableName, from: Option<Place>) -> Result<Page, AwsFault> {
        let Table { client, name, .. } = self.table(table);
        let call = client.scan().table_name(name).consistent_read(true);
        let page = call.set_exclusive_start_key(from.map(|from| from.0)).send().await;
        let page = page.map_err(|error| fault(READ, &error))?;
        let items = page.items.unwrap_or_default().into_iter().map(|item| Stored { table, item }).collect();
        Ok((items, page.last_evaluated_key.filter(|key| !key.is_empty()).map(Place)))
    }

    /// What is stored of a tenant's connections, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn connections_of(&self, tenant: &TenantId) -> Result<Vec<Stored>, AwsFault> {
        let table = self.table(TableName::Connections);
        let call = table.query().consistent_read(true);
        let call = call.key_condition_expression("pk = :pk AND begins_with(sk, :connection)");
        let call = call.expression_attribute_values(":pk", text(tenant.as_str()));
        let mut pages = call.expression_attribute_values(":connection", text("connection#")).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| fault(READ, &error))?.items.unwrap_or_default();
            found.extend(items.into_iter().map(|item| Stored { table: TableName::Connections, item }));
        }
        Ok(found)
    }

    /// The partitions of a tenant's runs that are open, or whose end was not told of: a run each.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn open_runs_of(&self, tenant: &TenantId) -> Result<Vec<String>, AwsFault> {
        let table = self.table(TableName::Runs);
        let call = table.query().index_name("open").key_condition_expression("#open = :open");
        let call = call.expression_attribute_names("#open", "open").expression_attribute_values(":open", text("open"));
        let call = call.filter_expression("begins_with(pk, :tenant)");
        let call = call.expression_attribute_values(":tenant", text(format!("{tenant}/")));
        let mut pages = call.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| fault(READ, &error))?.items.unwrap_or_default();
            found.extend(items.iter().filter_map(|item| item.get("pk")?.as_s().ok().cloned()));
        }
        Ok(found)
    }

    /// Puts an item where none is under its key. To do it again finds it there, the same.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_new(&self, stored: &Stored) -> Result<Put, AwsFault> {
        use aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException;
        let call = self.table(stored.table).put_item(stored.item.clone());
        let call = call.condition_expression("attribute_not_exists(pk)");
        let Err(error) = call.return_values_on_condition_check_failure(OLD).send().await else { return Ok(Put::New) };
        match error.as_service_error() {
            Some(ConditionalCheckFailedException(refused)) => {
                let is_same = refused.item.as_ref().is_some_and(|found| stored.is_like(found));
                Ok(if is_same { Put::Same } else { Put::Differs })
            }
            _ => Err(fault(PUT, &error)),
        }
    }

    /// What [`Self::put_new`] would come to.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn look(&self, stored: &Stored) -> Result<Put, AwsFault> {
        Ok(match self.table(stored.table).read(stored.key(), READ).await? {
            None => Put::New,
            Some(found) if stored.is_like(&found) => Put::Same,
            Some(_) => Put::Differs,
        })
    }

    /// Puts a connection where none is under its key, with the addresses that lead to it, as who makes one does: all of it, or nothing. An
    /// address of another one is never taken, as what is signed for all would go to whoever has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_connection(
        &self,
        stored: &Stored,
        made: &StoredConnection,
        addresses: &[String],
    ) -> Result<Put, AwsFault> {
        self.note_provider(stored).await?;
        let table = self.table(TableName::Connections);
        let put = table.put(stored.item.clone()).condition_expression("attribute_not_exists(pk)");
        let put = put.return_values_on_condition_check_failure(OLD);
        let mut transaction = Transaction::default().put(built(put.build())?);
        for address in addresses {
            transaction = transaction.put(address_put(table, address, &made.connection)?);
        }
        match transaction.commit(&table.client, PUT).await {
            Ok(()) => Ok(Put::New),
            Err(Declined::Fault(fault)) => Err(fault),
            Err(declined) => Ok(match declined.at(0) {
                Some(found) if stored.is_like(found) => Put::Same,
                Some(_) => Put::Differs,
                None => Put::Taken,
            }),
        }
    }

    /// What [`Self::put_connection`] would come to.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn look_at_connection(&self, stored: &Stored, addresses: &[String]) -> Result<Put, AwsFault> {
        let found = self.look(stored).await?;
        if found != Put::New {
            return Ok(found);
        }
        for address in addresses {
            let there = self.table(TableName::Connections).read(address_key(address), READ).await?;
            if there.is_some_and(|there| there.get("connection") != stored.item.get("connection")) {
                return Ok(Put::Taken);
            }
        }
        Ok(Put::New)
    }

    /// Puts an item, in place of another one under its key.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put(&self, stored: &Stored) -> Result<(), AwsFault> {
        self.table(stored.table).write(stored.item.clone(), PUT).await
    }

    /// Notes the provider of a connection that is put, as lists of all go by provider.
    async fn note_provider(&self, stored: &Stored) -> Result<(), AwsFault> {
        let Some(provider) = stored.item.get("provider").filter(|_| stored.is("connection")) else { return Ok(()) };
        let providers = provider.as_s().cloned().unwrap_or_default();
        let call = self.table(TableName::Connections).update_item(key("@providers", "providers"));
        let call = call.update_expression("ADD providers :provider");
        let call = call.expression_attribute_values(":provider", AttributeValue::Ss(vec![providers]));
        call.send().await.map(drop).map_err(|error| fault("note provider", &error))
    }

    /// Deletes items of a table. Those that are gone are no error.
    ///
    /// # Errors
    /// When the table cannot be written; some may be gone then.
    pub async fn delete(&self, items: &[Stored]) -> Result<(), AwsFault> {
        for stored in items.iter().filter(|stored| stored.is("rejected delivery")) {
            self.delete_rejected_body(stored).await?;
        }
        for batch in items.chunks(BATCH_MAX) {
            let Some(first) = batch.first() else { continue };
            let request = |stored: &Stored| {
                let delete = built(DeleteRequest::builder().set_key(Some(stored.key())).build())?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            };
            let requests = batch.iter().map(request).collect::<Result<_, AwsFault>>()?;
            self.delete_batch(self.table(first.table), requests).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, table: &Table, mut requests: Vec<WriteRequest>) -> Result<(), AwsFault> {
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(25 << attempt)).await;
            }
            let call = table.client.batch_write_item().request_items(&table.name, requests);
            let done = call.send().await.map_err(|error| fault(DELETE, &error))?;
            requests = done.unprocessed_items.unwrap_or_default().remove(&table.name).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(AwsFault { operation: DELETE, detail: "throttled".into(), transient: true })
    }

    /// The body of a refused delivery says not whose it is: it goes with the entry that it is of.
    async fn delete_rejected_body(&self, stored: &Stored) -> Result<(), AwsFault> {
        let place = stored.item.get("sk").and_then(|sk| sk.as_s().ok());
        let (Some(place), Some(number)) = (place, stored.item.get("number")) else { return Ok(()) };
        let call = self.table(stored.table).delete_item(key(stored.partition(), format!("body#{place}")));
        let call = call.condition_expression("#number = :number").expression_attribute_names("#number", "number");
        let call = call.expression_attribute_values(":number", number.clone());
        conditional(call.send().await, DELETE).map(drop)
    }

    /// Takes a tenant out of an item of all tenants that names it. False where somebody else has changed the item meanwhile.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn forget(&self, stored: &Stored, forgotten: Forgotten) -> Result<bool, AwsFault> {
        const OPERATION: &str = "take a tenant out";
        let table = self.table(stored.table);
        let version = stored.item.get("version");
        match forgotten {
            Forgotten::Item => self.delete(std::slice::from_ref(stored)).await.map(|()| true),
            Forgotten::Attribute(name) => {
                let call = table.update_item(stored.key()).update_expression("REMOVE #name");
                let call = call.condition_expression("#name = :seen").expression_attribute_names("#name", name);
                let call = call.set_expression_attribute_values(
                    stored.item.get(name).map(|seen| [(":seen".to_owned(), seen.clone())].into()),
                );
                Ok(conditional(call.send().await, OPERATION)?.is_some())
            }
            Forgotten::Rest(item) => {
                let call = table.put_item(item);
                let call = match version {
                    Some(version) => call
                        .condition_expression("version = :version")
                        .expression_attribute_values(":version", version.clone()),
                    None => call.condition_expression("attribute_exists(pk)"),
                };
                Ok(conditional(call.send().await, OPERATION)?.is_some())
            }
        }
    }
}
