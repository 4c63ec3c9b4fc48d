//! A connection's breaker, as operators see and force it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::Connection;
use crate::domain::pull::breaker::{Breaker, COOLDOWN_MS, Forced, State};
use crate::domain::time;

/// A breaker.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneBreakerView {
    /// Always true.
    pub ok: bool,
    /// The breaker.
    pub data: BreakerView,
}

impl OneBreakerView {
    /// That of a connection, as it stands.
    #[must_use]
    pub fn new(connection: &Connection, breaker: &Breaker, now: Timestamp) -> Self {
        let state = breaker.state(now);
        let data = BreakerView {
            connection: connection.to_string(),
            state: state.as_str(),
            is_open: state != State::Closed,
            failures: breaker.failures(now),
            last_failure: breaker.last_failure().map(time::text),
            cooldown_ms: COOLDOWN_MS,
            asks_again_at: breaker.asks_again_at(now).map(time::text),
            forced: breaker.forced().map(ForcedView::from),
        };
        Self { ok: true, data }
    }
}

/// Whether a connection's vendor is asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakerView {
    /// `tenant/provider/name`
    pub connection: String,
    /// `closed`: it is asked. `open`: it is not. `half_open`: one request asks whether it is well again
    pub state: &'static str,
    /// Whether it is not asked as usual.
    pub is_open: bool,
    /// How often it failed in the last 5 minutes; of more than 5 the last 5 are counted.
    pub failures: usize,
    /// When it failed last, if that is known.
    pub last_failure: Option<String>,
    /// How long it is left alone, at least, in milliseconds.
    pub cooldown_ms: i64,
    /// When it is asked again, if that is not now and is known: also where it asked to be left alone while the breaker is closed.
    pub asks_again_at: Option<String>,
    /// Who forced it; null where it decides by itself.
    pub forced: Option<ForcedView>,
}

/// Who forced a breaker.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForcedView {
    /// `open` or `closed`
    pub state: &'static str,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: String,
}

impl From<&Forced> for ForcedView {
    fn from(forced: &Forced) -> Self {
        let since = Timestamp::from_millisecond(forced.since_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            state: if forced.open { State::Open.as_str() } else { State::Closed.as_str() },
            by: forced.by.clone(),
            since: time::text(since),
        }
    }
}

/// What a breaker is to be.
#[derive(Debug, ToSchema)]
pub struct BreakerRequest {
    /// `open`, `closed` or `auto`
    pub state: String,
}
