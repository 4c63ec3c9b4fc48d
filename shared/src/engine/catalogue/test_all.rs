//! Test all vendors of a tenant. A crash leaves the notes of those that were tested.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};

use super::test_vendor::test_vendor;
use crate::aws::connections::last_test::LastTests;
use crate::aws::faults::AwsFault;
use crate::domain::catalogue::vendor::{Integration, Vendor};
use crate::domain::ids::{ConnectionName, TenantId};
use crate::engine::runs::context::RunWorker;

/// How many are tested at once.
const AT_ONCE: usize = 5;
/// How long the caller is kept waiting for all of them.
const ALL_MAX: Duration = Duration::from_secs(24);
/// What is said of a test that failed without a reason.
const NO_REASON: &str = "Ukendt fejl";

/// What the tests found.
#[derive(Debug, Default)]
pub struct AllTested {
    /// How many can be read.
    pub passed: usize,
    /// Those that cannot, by slug, and why.
    pub failed: Vec<(ConnectionName, String)>,
    /// How many there was no time for.
    pub left: usize,
}

/// Tests all vendors of a tenant, five at once. What there is no time for is left, and counted.
///
/// # Errors
/// When the vendors cannot be read, or a result cannot be stored.
pub async fn test_all(worker: &RunWorker, tests: &LastTests, tenant: &TenantId) -> Result<AllTested, AwsFault> {
    let vendors = worker.runs.vendors.of(tenant).await?;
    let all = vendors.len();
    let mut found = AllTested::default();
    let mut results = stream::iter(vendors).map(|vendor| tested(worker, tests, vendor)).buffer_unordered(AT_ONCE);
    let every = async {
        while let Some((slug, failure)) = results.next().await.transpose()? {
            match failure {
                None => found.passed += 1,
                Some(reason) => found.failed.push((slug, reason)),
            }
        }
        Ok::<(), AwsFault>(())
    };
    worker.runs.outside.clock.within(ALL_MAX, every).await.transpose()?;
    found.failed.sort();
    found.left = all - found.passed - found.failed.len();
    Ok(found)
}

/// Why a vendor cannot be used, if it cannot.
async fn tested(
    worker: &RunWorker,
    tests: &LastTests,
    vendor: Vendor,
) -> Result<(ConnectionName, Option<String>), AwsFault> {
    if vendor.integration == Integration::Api {
        let why = "a vendor that is reached over an API cannot be tested yet";
        return Ok((vendor.slug, Some(why.to_owned())));
    }
    let test = test_vendor(worker, tests, &vendor, None).await?;
    let failure = (!test.ok).then(|| test.error.unwrap_or_else(|| NO_REASON.to_owned()));
    Ok((vendor.slug, failure))
}
