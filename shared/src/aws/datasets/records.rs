//! The records table: one item per synced vendor item, with its provenance. Its sort key is the fingerprint of its
//! id, so that a removal needs no lookup.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, ReturnConsumedCapacity, WriteRequest};
use jiff::Timestamp;

use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, conditional, item, number, text};
use crate::aws::table::Table;
use crate::aws::transaction::built;
use crate::domain::connections::pull_api::Met;
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::datasets::placement::partition;
use crate::domain::deliveries::version::Version;
use crate::domain::ids::{Dataset, RunId};
use crate::environment::{Environment, StartError};

/// The most records of one batch; DynamoDB's limit.
pub const BATCH_RECORDS_MAX: usize = 25;
/// A batch is sent when its payloads reach this, so that few large rows do not fill the memory.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// A batch of which parts were refused for lack of throughput is sent again this often.
const ATTEMPTS_MAX: u32 = 8;
/// All attempts at a batch together take no longer. Records are written without a look at the lease, so no write of a
/// holder may land after its lease ran out, see [`crate::domain::runs::lease::RENEW_AFTER_MS`].
pub const BATCH_MS_MAX: i64 = 20_000;

const OPERATION: &str = "write records";
/// Records that are read beside one another.
const READS_AT_ONCE: usize = 10;

/// One record to be stored.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it goes.
    pub fingerprint: Fingerprint,
    /// The vendor's id.
    pub catalog_id: String,
    /// The item as canonical JSON, volatile fields included.
    pub payload: String,
    /// The item hash, lower hex.
    pub hash: String,
}

/// Where records came from.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// The source, as the run names it.
    pub source: String,
    /// When it was fetched.
    pub fetched_at: String,
    /// The run that wrote them.
    pub run_id: RunId,
}

/// As of when a pull has read: of what was received later, nobody knows whether it is in what was read. Stored where webhooks
/// store when they were received, so that either's condition compares the two.
fn read_as_of(began_at: Timestamp) -> i64 {
    began_at.as_millisecond() - 1
}

/// No write of a holder may land after its lease ran out.
async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, AwsFault> {
    let late = AwsFault { operation: OPERATION, detail: "timed out".into(), transient: true };
    tokio::time::timeout(Duration::from_millis(BATCH_MS_MAX.unsigned_abs()), call).await.map_err(|_| late)
}

fn record_key(dataset: &Dataset, fingerprint: Fingerprint) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(partition(dataset, fingerprint))),
        ("sk".to_owned(), AttributeValue::B(Blob::new(fingerprint.0))),
    ])
}

/// The records table, as runs write it.
#[derive(Clone, Debug)]
pub struct RecordStore(Table);

impl RecordStore {
    /// The table that `RECORDS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "RECORDS_TABLE").map(Self)
    }

    /// Stores up to [`BATCH_RECORDS_MAX`] records. Idempotent: the same record stored twice is the same item.
    ///
    /// # Errors
    /// When the table cannot be written; some of the records may be stored then.
    pub async fn put(&self, dataset: &Dataset, from: &Provenance, records: Vec<Record>) -> Result<(), AwsFault> {
        let put = |record: Record| {
            let mut item = record_key(dataset, record.fingerprint);
            item.extend([
                ("catalogId".to_owned(), text(record.catalog_id)),
                ("payload".to_owned(), text(record.payload)),
                ("hash".to_owned(), text(record.hash)),
                ("source".to_owned(), text(&from.source)),
                ("fetchedAt".to_owned(), text(&from.fetched_at)),
                ("runId".to_owned(), text(from.run_id.as_str())),
            ]);
            let put = built(PutRequest::builder().set_item(Some(item)).build())?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write_batch(records.into_iter().map(put).collect::<Result<_, AwsFault>>()?).await
    }

    /// Removes up to [`BATCH_RECORDS_MAX`] records. One that is not there is not an error.
    ///
    /// # Errors
    /// When the table cannot be written; some of the records may be gone then.
    pub async fn remove(&self, dataset: &Dataset, removals: &[Fingerprint]) -> Result<(), AwsFault> {
        let remove = |fingerprint: &Fingerprint| {
            let remove = built(DeleteRequest::builder().set_key(Some(record_key(dataset, *fingerprint))).build())?;
            Ok(WriteRequest::builder().delete_request(remove).build())
        };
        self.write_batch(removals.iter().map(remove).collect::<Result<_, AwsFault>>()?).await
    }

    /// Stores a record that webhooks write as well, unless a newer version of it is there: by the vendor's time of its change; of two of
    /// one time, this one if its pull began after the other came ([`crate::domain::pull::merge`]). False where it is not the newer one.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_newer(
        &self,
        dataset: &Dataset,
        from: &Provenance,
        record: &Record,
        met: &Met,
        began_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, AwsFault> {
        let mut fields = item(&met.fields, record_key(dataset, record.fingerprint))?;
        fields.extend([
            ("catalogId".to_owned(), text(&record.catalog_id)),
            ("hash".to_owned(), text(&record.hash)),
            ("source".to_owned(), text(&from.source)),
            ("fetchedAt".to_owned(), text(&from.fetched_at)),
            ("runId".to_owned(), text(from.run_id.as_str())),
            ("versionMs".to_owned(), number(met.version.stored())),
            ("receivedMs".to_owned(), number(read_as_of(began_at))),
        ]);
        let call = self
            .0
            .put_item(fields)
            .condition_expression(
                "attribute_not_exists(pk) OR versionMs < :version OR versionMs > :latest \
                 OR (versionMs = :version AND receivedMs <= :read)",
            )
            .expression_attribute_values(":version", number(met.version.stored()))
            .expression_attribute_values(":latest", number(Version::latest(now).stored()))
            .expression_attribute_values(":read", number(read_as_of(began_at)));
        Ok(conditional(in_time(call.send()).await?, OPERATION)?.is_some())
    }

    /// Removes such a record, unless something newer came since the pull began that lacks it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn remove_older(
        &self,
        dataset: &Dataset,
        fingerprint: Fingerprint,
        began_at: Timestamp,
    ) -> Result<(), AwsFault> {
        let call = self
            .0
            .delete_item(record_key(dataset, fingerprint))
            .condition_expression("attribute_not_exists(receivedMs) OR receivedMs <= :read")
            .expression_attribute_values(":read", number(read_as_of(began_at)));
        conditional(in_time(call.send()).await?, OPERATION).map(drop)
    }

    /// The hash of a record, as of a moment ago; none where there is no such record.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn hash_of(&self, dataset: &Dataset, fingerprint: Fingerprint) -> Result<Option<String>, AwsFault> {
        let found = self.0.glance(record_key(dataset, fingerprint), "read record").await?;
        // One that webhooks alone have written has none, and equals no row.
        Ok(found.map(|item| item.get("hash").and_then(|hash| hash.as_s().ok()).cloned().unwrap_or_default()))
    }

    /// The vendor's ids of some records, as of a moment ago: those that there are.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn names_of(&self, dataset: &Dataset, some: &[Fingerprint]) -> Result<Vec<String>, AwsFault> {
        let mut names = Vec::new();
        for some in some.chunks(READS_AT_ONCE) {
            let keys: Vec<Item> = some.iter().map(|fingerprint| record_key(dataset, *fingerprint)).collect();
            let reads = keys.into_iter().map(|key| self.0.glance(key, "read records"));
            let found = futures::future::try_join_all(reads).await?;
            names.extend(found.iter().flatten().filter_map(|item| item.get("catalogId")?.as_s().ok()).cloned());
        }
        Ok(names)
    }

    async fn write_batch(&self, requests: Vec<WriteRequest>) -> Result<(), AwsFault> {
        in_time(self.attempt_batch(requests)).await?
    }

    async fn attempt_batch(&self, mut requests: Vec<WriteRequest>) -> Result<(), AwsFault> {
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(25 << attempt)).await;
            }
            let call = self
                .0
                .client
                .batch_write_item()
                .request_items(&self.0.name, requests)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let done = call.send().await.map_err(|error| fault(OPERATION, &error))?;
            requests = done.unprocessed_items.unwrap_or_default().remove(&self.0.name).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(AwsFault { operation: OPERATION, detail: "throttled".into(), transient: true })
    }
}
