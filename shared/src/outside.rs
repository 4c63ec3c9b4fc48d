//! What a function takes from the world around it: time, randomness, the network, a place for metrics.
//! All of it is passed in, so that a test can stop the clock, replay a seed, or cut a wire.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;

use crate::telemetry::metrics::Metrics;
use crate::vendors::catalogue::StoreFactory;

/// Everything from outside that a function may use.
#[derive(Clone, Default)]
pub struct Outside {
    /// The time.
    pub clock: Clock,
    /// Randomness for ids and nonces; never for secrets.
    pub entropy: Entropy,
    /// The HTTP client below the AWS SDK; `None` takes the SDK's own. Tests put faults here.
    pub aws_http: Option<SharedHttpClient>,
    /// How the AWS SDK waits between its attempts; `None` takes the real clock. Tests do not wait.
    pub aws_sleep: Option<SharedAsyncSleep>,
    /// Where catalogue files come from. Tests put faults here.
    pub stores: StoreFactory,
    /// Where EMF metric lines go.
    pub metrics: Metrics,
    /// Whether storage takes a write, for probes.
    pub storage: StorageCheck,
}

/// Whether storage takes a write. DynamoDB and SQS always do, so that in AWS nothing is asked; a laptop's disk may be full.
#[derive(Clone, Default)]
pub struct StorageCheck(Option<Arc<Check>>);

type Check = dyn Fn() -> Result<(), String> + Send + Sync;

impl StorageCheck {
    /// One that asks this, which may block.
    pub fn by(check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(check)))
    }

    /// Asks.
    ///
    /// # Errors
    /// Why nothing can be written, for the log.
    pub async fn takes_writes(&self) -> Result<(), String> {
        let Some(check) = self.0.clone() else { return Ok(()) };
        let asked = tokio::task::spawn_blocking(move || check()).await;
        asked.unwrap_or_else(|error| Err(error.to_string()))
    }
}

impl fmt::Debug for StorageCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "StorageCheck(asks)" } else { "StorageCheck" })
    }
}

/// The clock, real or set by a test.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands at `start` until it is advanced.
    #[must_use]
    pub fn fixed(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_millisecond()))))
    }

    /// The time, to the millisecond: that is what is stored and shown.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    pub fn now(&self) -> Timestamp {
        let millisecond = match &self.0 {
            Some(fixed) => fixed.load(Ordering::SeqCst),
            None => Timestamp::now().as_millisecond(),
        };
        Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
    }

    /// Moves a fixed clock on; a real one takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// Randomness, from the operating system or from a test's seed.
#[derive(Clone, Default)]
pub struct Entropy(Option<Arc<AtomicI64>>);

impl Entropy {
    /// A sequence that depends on the seed alone.
    #[must_use]
    pub fn seeded(seed: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(seed))))
    }

    /// Sixteen bytes that no other call returns.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads real randomness")]
    pub fn bytes16(&self) -> [u8; 16] {
        match &self.0 {
            None => uuid::Uuid::new_v4().into_bytes(),
            Some(state) => {
                // SplitMix64 (Steele, Lea and Flood 2014), twice: plenty for ids in a test.
                let step = || {
                    let mut mixed = state.fetch_add(0x9E37_79B9_7F4A_7C15_u64 as i64, Ordering::SeqCst) as u64;
                    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                    mixed ^ (mixed >> 31)
                };
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&step().to_le_bytes());
                bytes[8..].copy_from_slice(&step().to_le_bytes());
                bytes
            }
        }
    }
}
