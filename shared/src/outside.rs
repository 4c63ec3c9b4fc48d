//! What a function takes from the world around it: time, randomness, the network, a place for metrics, and word that it
//! is about to end.
//! All of it is passed in, so that a test can stop the clock, replay a seed, or cut a wire.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::telemetry::metrics::Metrics;
use crate::vendors::Providers;
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
    /// How the AWS SDK and [`Outside::pause`] wait between attempts; `None` takes the real clock. Tests do not wait.
    pub aws_sleep: Option<SharedAsyncSleep>,
    /// Where catalogue files come from. Tests put faults here.
    pub stores: StoreFactory,
    /// Which providers there are. Tests add one.
    pub providers: Providers,
    /// Where EMF metric lines go.
    pub metrics: Metrics,
    /// Whether the process is about to end.
    pub shutdown: Shutdown,
    /// Whether storage takes a write, for probes.
    pub storage: StorageCheck,
}

impl Outside {
    /// Waits before another attempt.
    pub async fn pause(&self, time: Duration) {
        match &self.aws_sleep {
            Some(sleep) => sleep.sleep(time).await,
            None => tokio::time::sleep(time).await,
        }
    }
}

/// Word that the process is about to end: what can go on elsewhere is handed on instead of finished. Clones are the same.
///
/// The local host gives it when it is stopped. On Lambda nobody does: an environment is shut down while it is frozen, when
/// no invocation runs and so nobody holds a run, and one whose invocation timed out is killed without a word
/// (docs/runs.md).
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Says so, for good.
    pub fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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
pub struct Clock(Option<watch::Sender<i64>>);

impl Clock {
    /// A clock that stands at `start` until it is advanced.
    #[must_use]
    pub fn fixed(start: Timestamp) -> Self {
        Self(Some(watch::Sender::new(start.as_millisecond())))
    }

    /// The time, to the millisecond: that is what is stored and shown.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    pub fn now(&self) -> Timestamp {
        let millisecond = match &self.0 {
            Some(fixed) => *fixed.borrow(),
            None => Timestamp::now().as_millisecond(),
        };
        Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
    }

    /// Moves a fixed clock on; a real one takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            fixed.send_modify(|now| *now = now.saturating_add(milliseconds(by)));
        }
    }

    /// What work comes to, unless it takes longer than this by this clock: it is given up then. On a fixed clock that is when
    /// a test says so, however slow the machine is.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let Some(fixed) = &self.0 else { return tokio::time::timeout(limit, work).await.ok() };
        let mut clock = fixed.subscribe();
        let until = clock.borrow_and_update().saturating_add(milliseconds(limit));
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = clock.wait_for(|now| *now >= until) => None,
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
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
