//! Test a vendor: read its source from end to end, change nothing but the note of the test.

use std::collections::HashSet;
use std::time::Duration;

use crate::aws::connections::last_test::{LastTests, VendorTest};
use crate::aws::faults::AwsFault;
use crate::domain::catalogue::vendor::Vendor;
use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::redact;
use crate::engine::runs::context::{RunWorker, Sources};
use crate::vendors::catalogue::{CatalogueReader, SourceError};

/// How long a test may read, in milliseconds: the caller waits for it.
const TEST_MS_MAX: i64 = 20_000;

/// Tests a vendor's source, or another one, and notes the result.
///
/// # Errors
/// When the result cannot be stored. A source that cannot be read is a result.
pub async fn test_vendor(
    worker: &RunWorker,
    tests: &LastTests,
    vendor: &Vendor,
    source: Option<&str>,
) -> Result<VendorTest, AwsFault> {
    let source = source.map(redact::source).or_else(|| vendor.shown_source());
    let limit = Duration::from_millis(TEST_MS_MAX.unsigned_abs() + 4_000);
    let outcome = tokio::time::timeout(limit, read(worker, vendor, source.as_deref())).await.unwrap_or_else(|_| {
        let reason = "it did not come in time".to_owned();
        Err(SourceError::Unreadable { source_path: String::new(), reason, transient: true })
    });
    let test = VendorTest {
        checked_at: worker.runs.now(),
        ok: outcome.is_ok(),
        source_path: source,
        total_items: outcome.as_ref().ok().copied(),
        error: outcome.err().map(|error| redact::error_text(&error.to_string())),
    };
    tests.keep(&vendor.connection(), &test).await?;
    Ok(test)
}

async fn read(worker: &RunWorker, vendor: &Vendor, source: Option<&str>) -> Result<u64, SourceError> {
    let until = worker.runs.now().as_millisecond() + TEST_MS_MAX;
    let source =
        source.ok_or_else(|| SourceError::NotAllowed("no source is configured or named (sourcePath)".into()))?;
    let Sources { rules, environment } = worker.sources();
    let stores = &worker.runs.outside.stores;
    let location = rules.locate(vendor, source)?;
    let mut reader = CatalogueReader::open(&location, &vendor.form, stores, environment).await?;
    let mut ids = HashSet::new();
    loop {
        while let Some(row) = reader.next_row()? {
            ids.insert(Fingerprint::of(row.catalog_id().as_bytes()));
        }
        if !reader.more().await? {
            return Ok(ids.len() as u64);
        }
        if worker.runs.now().as_millisecond() > until {
            let reason = format!("it is too large to be read in {} s", TEST_MS_MAX / 1000);
            return Err(SourceError::Unreadable { source_path: source.to_owned(), reason, transient: false });
        }
    }
}
