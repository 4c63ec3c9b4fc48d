//! In which partitions a tenant has deliveries that had their effect, so that a list reads these and passes over empty hours for
//! nothing.
//!
//! | partition | sort key | holds |
//! |---|---|---|
//! | `tenant#deliveries` | `2026-01-15T12#3`, as bytes | nothing: there is an entry in that shard of that hour, or there will be |
//!
//! A partition is named before the first entry is put into it: what dies between the two leaves the name of an empty partition, which
//! costs its readers a query. An instance remembers what it named, so a tenant pays one write unit an hour and shard, and not one an
//! event. Counters of hours would be for nothing, but they may be lost, and a delivery that no list has is not findable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::sync::OnceCell;

use super::listed::DeliveryReads;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, text};
use crate::aws::table::Table;
use crate::domain::deliveries::partition::Partition;
use crate::domain::deliveries::placement::Hour;
use crate::domain::ids::TenantId;

/// Partitions that an instance remembers to have named, some 100 bytes each. When there are more it forgets all of them.
const REMEMBERED_MAX: usize = 10_000;

fn of_tenant(tenant: &TenantId) -> String {
    format!("{tenant}#deliveries")
}

fn sort(sort: String) -> AttributeValue {
    AttributeValue::B(Blob::new(sort))
}

/// What this instance has named. Deliveries of one batch that share a partition wait for one write.
#[derive(Debug, Clone, Default)]
pub(super) struct Named(Arc<Mutex<HashMap<String, Arc<OnceCell<()>>>>>);

impl Named {
    /// Names a partition, if this instance has not; with when its name goes, where it does.
    pub(super) async fn name(
        &self,
        table: &Table,
        tenant: &TenantId,
        partition: Partition,
        goes: Option<(String, AttributeValue)>,
    ) -> Result<(), AwsFault> {
        let cell = {
            let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if named.len() >= REMEMBERED_MAX {
                named.clear();
            }
            named.entry(partition.key(tenant)).or_default().clone()
        };
        let put = || async {
            let key = [("pk".to_owned(), text(of_tenant(tenant))), ("sk".to_owned(), sort(partition.to_string()))];
            let item: Item = key.into_iter().chain(goes.clone()).collect();
            let named = table.put_item(item).send().await;
            named.map(drop).map_err(|error| fault("name partition of deliveries", &error))
        };
        cell.get_or_try_init(put).await.map(drop)
    }
}

/// Some of a tenant's partitions.
#[derive(Debug)]
pub struct Partitions {
    /// The newest first.
    pub found: Vec<Partition>,
    /// Whether there may be more of them below.
    pub more: bool,
}

impl DeliveryReads {
    /// The partitions of a tenant from `highest` down to the hour `from`, so many at most, as of a moment ago: one query.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn partitions(
        &self,
        tenant: &TenantId,
        from: Hour,
        highest: Partition,
        limit: usize,
    ) -> Result<Partitions, AwsFault> {
        const OPERATION: &str = "read partitions of deliveries";
        let call = self
            .0
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", text(of_tenant(tenant)))
            .expression_attribute_values(":low", sort(Partition { hour: from, shard: 0 }.to_string()))
            .expression_attribute_values(":high", sort(highest.to_string()))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = call.send().await.map_err(|error| fault(OPERATION, &error))?;
        let more = page.last_evaluated_key.is_some_and(|key| !key.is_empty());
        let read = |item: &Item| {
            let sort = item.get("sk")?.as_b().ok()?;
            Partition::parse(std::str::from_utf8(sort.as_ref()).ok()?)
        };
        let items = page.items.unwrap_or_default();
        let found = items
            .iter()
            .map(|item| read(item).ok_or_else(|| AwsFault::damaged(OPERATION, "a key that no partition has")))
            .collect::<Result<_, _>>()?;
        Ok(Partitions { found, more })
    }
}
