//! Connections whose last apply failed: the end of a run marks the item of their lease, and an apply that goes well takes the mark
//! off. The sparse index `attention` of the control table holds the marked ones alone, by the run that failed, so by time.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::Update;

use super::leases::lease_key;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, text};
use crate::aws::table::Table;
use crate::aws::transaction::built;
use crate::domain::ids::{Connection, RunId, TenantId};
use crate::environment::{Environment, StartError};

/// The one key of the index. Ends of runs come some hundreds a second at most, and few of them have failed.
pub(super) const ATTENTION: &str = "attention";
/// Queries that one look makes: each reads 1 MB of marks at most, of which each has some 200 bytes.
const QUERIES_MAX: usize = 4;

/// The control table, to read what failed.
#[derive(Clone, Debug)]
pub struct FailedRuns(Table);

/// The removal of a mark, to be written with something else or not at all.
#[derive(Debug, Clone)]
pub struct Unmark(pub(in crate::aws) Update);

/// Connections whose last apply failed, and whether there are more than these.
pub type Failed = (Vec<(Connection, RunId)>, bool);

impl FailedRuns {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// Those whose last apply failed, the one that was started last first, of all tenants or of one, and those that were started before
    /// `below` alone. One query of so many marks; of one tenant's it reads those of others as well, which cost no more than that.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn newest(
        &self,
        tenant: Option<&TenantId>,
        below: Option<&RunId>,
        limit: usize,
    ) -> Result<Failed, AwsFault> {
        let (mut found, mut from) = (Vec::new(), None::<Item>);
        for _ in 0..QUERIES_MAX {
            let mut call = self
                .0
                .query()
                .index_name("attention")
                .key_condition_expression("attention = :attention AND failedRun < :below")
                .expression_attribute_values(":attention", text(ATTENTION))
                // Ids are hexadecimal digits.
                .expression_attribute_values(":below", text(below.map_or("g", RunId::as_str)))
                .scan_index_forward(false)
                .set_exclusive_start_key(from);
            call = match tenant {
                None => call.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX)),
                Some(tenant) => call
                    .filter_expression("begins_with(pk, :tenant)")
                    .expression_attribute_values(":tenant", text(format!("{tenant}/"))),
            };
            let page = call.send().await.map_err(|error| fault("read failed runs", &error))?;
            found.extend(page.items.unwrap_or_default().iter().filter_map(marked));
            from = page.last_evaluated_key;
            if from.is_none() || found.len() >= limit {
                break;
            }
        }
        let more = from.is_some() || found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// What takes the mark off a connection that is removed; none where it has none. Whoever makes one of its name again starts anew.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn unmark(&self, connection: &Connection) -> Result<Option<Unmark>, AwsFault> {
        let found = self.0.read(lease_key(connection), "read failed run").await?;
        if !found.is_some_and(|lease| lease.contains_key("failedRun")) {
            return Ok(None);
        }
        let update = self.0.update(lease_key(connection)).update_expression("REMOVE attention, failedRun");
        Ok(Some(Unmark(built(update.build())?)))
    }

    /// The run that failed of each of these, none of them twice, whose last apply did.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(
        &self,
        connections: impl Iterator<Item = &Connection>,
    ) -> Result<HashMap<Connection, RunId>, AwsFault> {
        let keys = connections.map(lease_key).collect();
        let found = self.0.glance_at(keys, Some("pk, failedRun"), "read failed runs").await?;
        Ok(found.iter().filter_map(marked).collect())
    }
}

fn marked(item: &Item) -> Option<(Connection, RunId)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    Some((text("pk")?.parse().ok()?, RunId::parse(text("failedRun")?)?))
}
