//! The snapshots table: per connection the state that clients see; per dataset the manifest, and the manifest's segments.
//!
//! | key | holds |
//! |---|---|
//! | `tenant/provider/name`, `state` | [`SnapshotState`] |
//! | `tenant/provider/name/entity`, `manifest` | [`Manifest`]: names the live layers and the unfinished plans |
//! | `tenant/provider/name/entity`, `segment#<layer>#<number>` | a part of a layer; of a page of a pull also which rows it had |
//! | `tenant/provider/name/entity`, `shape` | [`KnownShape`] of a dataset that is pulled, as JSON |

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use jiff::Timestamp;
use serde::Deserialize;

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::items::{Item, conditional, item, key, number, text, value};
use crate::aws::table::Table;
use crate::aws::transaction::built;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::datasets::manifest::{Fingerprint, Layer, LayerRef};
use crate::domain::datasets::snapshot::{KnownShape, Manifest, Pulled, SnapshotState};
use crate::domain::ids::{Connection, Dataset};
use crate::domain::time;
use crate::environment::{Environment, StartError};

/// A replaced layer can still be compared with for this long, in seconds.
const REPLACED_LAYER_SECONDS: i64 = 90 * 86_400;

fn segment_key(dataset: &Dataset, layer: &LayerRef, number: u32) -> Item {
    key(dataset.to_string(), format!("segment#{}#{number:05}", layer.id))
}

/// The snapshots table.
#[derive(Clone, Debug)]
pub struct SnapshotStore(Table);

impl SnapshotStore {
    /// The table that `SNAPSHOTS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "SNAPSHOTS_TABLE").map(Self)
    }

    /// What clients see of the snapshot; none before the first run.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn state(&self, connection: &Connection) -> Result<Option<SnapshotState>, AwsFault> {
        self.0.glance(key(connection.to_string(), "state"), "read snapshot").await?.map(value).transpose()
    }

    /// When the last apply of each of these, none of them named twice, went well; those of which none did are not among them. What one
    /// that was removed did under the name is not told.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn synced_at(
        &self,
        connections: impl Iterator<Item = &StoredConnection>,
    ) -> Result<HashMap<Connection, Timestamp>, AwsFault> {
        let asked: HashMap<&Connection, &StoredConnection> =
            connections.map(|stored| (&stored.connection, stored)).collect();
        let keys = asked.keys().map(|connection| key(connection.to_string(), "state")).collect();
        let found = self.0.glance_at(keys, Some("pk, lastRunAt"), "read snapshots").await?;
        let synced = |item: &Item| {
            let text = |name: &str| item.get(name)?.as_s().ok();
            let (connection, at) = (text("pk")?.parse().ok()?, text("lastRunAt")?.parse().ok()?);
            asked.get(&connection).is_some_and(|stored| stored.was_there(at)).then_some((connection, at))
        };
        Ok(found.iter().filter_map(synced).collect())
    }

    /// The last pull of some datasets, none of them named twice, that went well, as of a moment ago: of those that had one.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn pulled(&self, datasets: impl Iterator<Item = &Dataset>) -> Result<HashMap<Dataset, Pulled>, AwsFault> {
        #[derive(Deserialize)]
        struct Last {
            pk: String,
            pulled: Option<Pulled>,
        }
        let keys = datasets.map(|dataset| key(dataset.to_string(), "manifest")).collect();
        let found = self.0.glance_at(keys, Some("pk, pulled"), "read manifests").await?;
        let found: Vec<Last> = found.into_iter().map(value).collect::<Result<_, _>>()?;
        Ok(found.into_iter().filter_map(|last| Some((last.pk.parse().ok()?, last.pulled?))).collect())
    }

    /// The manifest; empty before the first run.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn manifest(&self, dataset: &Dataset) -> Result<Manifest, AwsFault> {
        let found = self.0.read(key(dataset.to_string(), "manifest"), "read manifest").await?;
        Ok(found.map(value).transpose()?.unwrap_or_default())
    }

    /// Stores a layer's segments. The same layer stored twice is the same items.
    ///
    /// # Errors
    /// When the table cannot be written. Segments that no manifest names are never read.
    pub async fn put_segment(
        &self,
        dataset: &Dataset,
        layer: &LayerRef,
        number: u32,
        bytes: Vec<u8>,
    ) -> Result<(), AwsFault> {
        let mut fields = segment_key(dataset, layer, number);
        fields.insert("data".into(), AttributeValue::B(Blob::new(bytes)));
        self.0.write(fields, "write manifest segment").await
    }

    /// Stores what a page of a pull puts or removes, and which rows it had, as a segment. The same page stored twice is the same item.
    ///
    /// # Errors
    /// As [`Self::put_segment`].
    pub async fn put_page(
        &self,
        dataset: &Dataset,
        layer: &LayerRef,
        number: u32,
        bytes: Vec<u8>,
        seen: &[Fingerprint],
    ) -> Result<(), AwsFault> {
        let mut fields = segment_key(dataset, layer, number);
        fields.insert("data".into(), AttributeValue::B(Blob::new(bytes)));
        if !seen.is_empty() {
            let seen: Vec<u8> = seen.iter().flat_map(|fingerprint| fingerprint.0).collect();
            fields.insert("seen".into(), AttributeValue::B(Blob::new(seen)));
        }
        self.0.write(fields, "write page of a pull").await
    }

    /// Reads such a segment back.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub async fn page(
        &self,
        dataset: &Dataset,
        layer: &LayerRef,
        number: u32,
    ) -> Result<(Layer, Vec<Fingerprint>), AwsFault> {
        const OPERATION: &str = "read page of a pull";
        let (part, item) = self.part(dataset, layer, number, OPERATION).await?;
        let bytes = item.get("seen").and_then(|seen| seen.as_b().ok()).map(Blob::as_ref).unwrap_or_default();
        let seen = bytes.chunks_exact(16).filter_map(|bytes| bytes.try_into().ok().map(Fingerprint));
        Ok((part, seen.collect()))
    }

    /// Reads one segment of a layer.
    ///
    /// # Errors
    /// When the table cannot be read, or a segment that the manifest names is missing or damaged.
    pub async fn segment(&self, dataset: &Dataset, layer: &LayerRef, number: u32) -> Result<Layer, AwsFault> {
        Ok(self.part(dataset, layer, number, "read manifest segment").await?.0)
    }

    async fn part(
        &self,
        dataset: &Dataset,
        layer: &LayerRef,
        number: u32,
        operation: &'static str,
    ) -> Result<(Layer, Item), AwsFault> {
        // A segment is written before a manifest names it, and never changed: but it may be a moment old.
        let found = self.0.read(segment_key(dataset, layer, number), operation).await?;
        let data = found.as_ref().and_then(|item| item.get("data")).and_then(|data| data.as_b().ok());
        let data =
            data.ok_or_else(|| AwsFault::damaged(operation, format!("segment {number} of {} is missing", layer.id)))?;
        let mut part = Layer::default();
        part.append_segment(data.as_ref()).map_err(|error| AwsFault::damaged(operation, error.to_string()))?;
        Ok((part, found.unwrap_or_default()))
    }

    /// Reads a whole layer.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub async fn layer(&self, dataset: &Dataset, layer: &LayerRef) -> Result<Layer, AwsFault> {
        let mut whole = Layer::default();
        for number in 0..layer.segments {
            let part = self.segment(dataset, layer, number).await?;
            whole.puts.extend(part.puts);
            whole.removals.extend(part.removals);
        }
        Ok(whole)
    }

    /// Lets a replaced layer expire. A crash before it is done leaves items that nothing reads: pennies, not faults.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn expire_layer(&self, dataset: &Dataset, layer: &LayerRef, now: Timestamp) -> Result<(), AwsFault> {
        for segment in 0..layer.segments {
            let call = self
                .0
                .update_item(segment_key(dataset, layer, segment))
                .update_expression("SET expires_at = :at")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":at", number(now.as_second() + REPLACED_LAYER_SECONDS));
            conditional(call.send().await, "expire manifest segment")?;
        }
        Ok(())
    }

    /// What is known of a dataset's fields, if it was pulled.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn shape(&self, dataset: &Dataset) -> Result<Option<KnownShape>, AwsFault> {
        const OPERATION: &str = "read shape";
        let found = self.0.read(key(dataset.to_string(), "shape"), OPERATION).await?;
        let json = found.as_ref().and_then(|item| item.get("json")?.as_s().ok());
        let shape = json.map(|json| serde_json::from_str(json));
        shape.transpose().map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))
    }

    /// Stores it. As JSON: paths are a vendor's, and a table takes not every name.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_shape(&self, dataset: &Dataset, shape: &KnownShape) -> Result<(), AwsFault> {
        const OPERATION: &str = "write shape";
        let json = serde_json::to_string(shape).map_err(|error| AwsFault::damaged(OPERATION, error.to_string()))?;
        let mut fields = key(dataset.to_string(), "shape");
        fields.insert("json".into(), text(json));
        self.0.write(fields, OPERATION).await
    }

    pub(in crate::aws) fn put_manifest(&self, dataset: &Dataset, manifest: &Manifest) -> Result<Put, AwsFault> {
        built(self.0.put(item(manifest, key(dataset.to_string(), "manifest"))?).build())
    }

    /// The state after an applied run; the first one's time stays as `createdAt`.
    pub(in crate::aws) fn update_state(
        &self,
        connection: &Connection,
        state: &SnapshotState,
    ) -> Result<Update, AwsFault> {
        let fields = item(state, Item::new())?;
        let mut update = self
            .0
            .update(key(connection.to_string(), "state"))
            .expression_attribute_values(":createdAt", text(state.updated_at.map(time::text).unwrap_or_default()))
            .expression_attribute_names("#createdAt", "createdAt");
        let mut sets = vec!["#createdAt = if_not_exists(#createdAt, :createdAt)".to_owned()];
        for (name, value) in fields.into_iter().filter(|(name, _)| name != "createdAt") {
            sets.push(format!("#{name} = :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), &name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let expression = format!("SET {} REMOVE lastError", sets.join(", "));
        built(update.update_expression(expression).build())
    }

    /// The state after a failed run: all stays but the error.
    pub(in crate::aws) fn update_state_error(
        &self,
        connection: &Connection,
        error: &str,
        now: Timestamp,
    ) -> Result<Update, AwsFault> {
        built(
            self.0
                .update(key(connection.to_string(), "state"))
                .update_expression(
                    "SET lastError = :error, updatedAt = :now, vendor = :vendor, \
                     createdAt = if_not_exists(createdAt, :now), totalItems = if_not_exists(totalItems, :zero)",
                )
                .expression_attribute_values(":error", text(error))
                .expression_attribute_values(":now", text(time::text(now)))
                .expression_attribute_values(":vendor", text(connection.name.as_str()))
                .expression_attribute_values(":zero", number(0))
                .build(),
        )
    }
}
