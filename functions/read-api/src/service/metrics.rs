//! `GET /metrics`: the fleet's counters as Prometheus text (exposition format 0.0.4).
//!
//! One instance's memory says nothing about the fleet, so every sample comes from durable counters. A name without such a
//! counter still has its HELP and TYPE, for the gates that look for them. No label names a tenant: there may be thousands,
//! and each would be a time series of its own. Sources are bounded by configuration.
//!
//! What is counted of deliveries is counted by source for all tenants together, so only the operators' own tenant, the default one,
//! sees it. Runs are counted for each vendor of a tenant, and a token shows its own tenant's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use signalbox::aws::deliveries::rejected::RejectedCounts;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::deliveries::counters::{Counter, FleetTally, LATENCY_BOUNDS, bound};
use signalbox::domain::deliveries::rejected::Rejection;
use signalbox::domain::ids::{ConnectionName, TenantId};
use signalbox::domain::runs::run::SeenStatus;
use signalbox::engine::runs::history::totals;
use signalbox::http::problem::{Problem, ProblemView};
use signalbox::http::wire::parameters::TenantMeant;

use crate::Reads;

const LATENCY: &str = "ingest_latency_seconds";
const REJECTED: &str = "ingest_rejected_total";
const OPERATIONS: &str = "sync_operations_total";
const UNKEPT: &str = "ingest_rejected_unkept_total";

/// Name, type, help.
const METRICS: [(&str, &str, &str); 17] = [
    ("build_info", "gauge", "Always 1, with the version"),
    (LATENCY, "histogram", "Time to take a delivery in, new or seen before, by source"),
    ("ingest_dedup_total", "counter", "Deliveries seen before, by source"),
    (REJECTED, "counter", "Deliveries not let in, by source and reason"),
    (UNKEPT, "counter", "Those of them that were only counted, by source"),
    ("signature_secret_matched_total", "counter", "Deliveries proved, by source and by which live secret"),
    ("deliveries_applied_total", "counter", "Deliveries applied, by source and outcome"),
    ("deliveries_dead_total", "counter", "Deliveries given up, by source"),
    ("http_request_duration_seconds", "histogram", "Time to answer; see the access log and CloudWatch"),
    ("http_requests_total", "counter", "Requests answered; see the access log and CloudWatch"),
    ("retry_attempts_total", "counter", "Calls tried again; no samples"),
    (OPERATIONS, "counter", "Runs over, by source and status; of this token's tenant"),
    ("database_query_duration_seconds", "histogram", "Time of a storage call; see CloudWatch"),
    ("active_connections", "gauge", "Open connections; the gateway's, see CloudWatch"),
    ("background_jobs_total", "counter", "Background jobs, by type and status; see CloudWatch"),
    ("db_connection_status", "gauge", "1 when storage can be read, else 0"),
    ("api_request_latency_seconds", "histogram", "Time to answer, by route; see CloudWatch"),
];

/// Lines of samples by the name they belong to.
type Samples = BTreeMap<&'static str, Vec<String>>;

/// Counters as Prometheus text: the token's tenant's runs, and for the default tenant the deliveries of the whole fleet. Outside
/// local mode it needs a token that may read.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    params(TenantMeant),
    responses(
        (status = 200, description = "Prometheus text, 0.0.4", body = String, content_type = "text/plain"),
        (status = 401, description = "missing_token, invalid_token", body = ProblemView),
        (status = 403, description = "forbidden, insufficient_scope", body = ProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn metrics(State(reads): State<Reads>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let caller = reads.reader_within(&uri, &headers)?;
    let mut samples = Samples::new();
    samples.insert("build_info", vec![format!("build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))]);
    let counted = tokio::try_join!(operations(&reads, &caller.tenant), deliveries(&reads, &caller.tenant));
    // A page that fails with storage would not say that it is storage.
    let counted = counted.inspect_err(|fault| tracing::error!(%fault, "counters not read")).ok();
    samples.insert("db_connection_status", vec![format!("db_connection_status {}", u8::from(counted.is_some()))]);
    if let Some((operations, deliveries)) = counted {
        samples.insert(OPERATIONS, operations);
        if let Some((tally, rejected)) = deliveries {
            fleet(&mut samples, &tally, &rejected);
        }
    }
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(&samples)).into_response())
}

/// The runs of a tenant that are over, by vendor.
async fn operations(reads: &Reads, tenant: &TenantId) -> Result<Vec<String>, AwsFault> {
    let totals = totals(&reads.runs, &reads.vendors, reads.now(), tenant).await?;
    let line = |vendor: &ConnectionName, status: SeenStatus, count: u64| {
        let labels =
            format!("operation=\"sync\",source=\"{}\"{}", plain(vendor.as_str()), label("status", status.as_str()));
        format!("{OPERATIONS}{{{labels}}} {count}")
    };
    let over = [SeenStatus::Success, SeenStatus::Error];
    Ok(totals.iter().flat_map(|(vendor, tally)| over.map(|status| line(vendor, status, tally.count(status)))).collect())
}

/// What is counted of the fleet's deliveries, for whoever may see it.
async fn deliveries(reads: &Reads, tenant: &TenantId) -> Result<Option<(FleetTally, RejectedCounts)>, AwsFault> {
    if *tenant != TenantId::default() {
        return Ok(None);
    }
    tokio::try_join!(reads.deliveries.fleet_counts(), reads.deliveries.rejected_counts()).map(Some)
}

fn text(samples: &Samples) -> String {
    let mut text = String::new();
    for (name, kind, help) in METRICS {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for line in samples.get(name).into_iter().flatten() {
            let _infallible = writeln!(text, "{line}");
        }
    }
    text
}

fn fleet(samples: &mut Samples, tally: &FleetTally, rejected: &RejectedCounts) {
    for ((origin, reason), count) in refused(tally, rejected) {
        let labels = format!("source=\"{}\"{}", plain(&origin), label("reason", reason.as_str()));
        samples.entry(REJECTED).or_default().push(format!("{REJECTED}{{{labels}}} {count}"));
    }
    for (origin, counters) in tally.origins() {
        let source = format!("source=\"{}\"", plain(origin));
        for (counter, count) in counters {
            let (name, more) = match counter {
                Counter::Duplicate => ("ingest_dedup_total", String::new()),
                Counter::Matched(secret) => ("signature_secret_matched_total", label("secret", secret.as_str())),
                Counter::Applied(outcome) => ("deliveries_applied_total", label("outcome", outcome.as_str())),
                Counter::Dead => ("deliveries_dead_total", String::new()),
                Counter::Unkept => (UNKEPT, String::new()),
                Counter::Latency(_) | Counter::LatencySumMs | Counter::Refused(_) => continue,
            };
            samples.entry(name).or_default().push(format!("{name}{{{source}{more}}} {count}"));
        }
        samples.entry(LATENCY).or_default().extend(latency(&source, counters));
    }
}

/// All that were refused: those that got a number in their ring, and those that were counted alone. None is in both.
fn refused(tally: &FleetTally, rejected: &RejectedCounts) -> RejectedCounts {
    let mut all = rejected.clone();
    // Those were answered as duplicates, and are counted as such.
    all.retain(|(_, reason), _| *reason != Rejection::SameBody);
    for (origin, counters) in tally.origins() {
        for (counter, count) in counters {
            if let Counter::Refused(reason) = counter {
                let refused = all.entry((origin.to_owned(), *reason)).or_default();
                *refused = refused.saturating_add(*count);
            }
        }
    }
    all
}

/// The histogram of an origin. Each bucket is stored by itself and shown with those below it, so that the last one is the
/// count whatever was added in between.
fn latency(source: &str, counters: &BTreeMap<Counter, u64>) -> Vec<String> {
    let of = |counter: Counter| counters.get(&counter).copied().unwrap_or(0);
    let mut lines = Vec::new();
    let mut count = 0;
    for place in 0..=LATENCY_BOUNDS.len() {
        count += of(Counter::Latency(place));
        lines.push(format!("{LATENCY}_bucket{{{source},le=\"{}\"}} {count}", bound(place)));
    }
    let sum_ms = of(Counter::LatencySumMs);
    lines.push(format!("{LATENCY}_sum{{{source}}} {}.{:03}", sum_ms / 1000, sum_ms % 1000));
    lines.push(format!("{LATENCY}_count{{{source}}} {count}"));
    // An origin of which nothing was taken in has no histogram, rather than an empty one.
    if count > 0 { lines } else { Vec::new() }
}

fn label(name: &str, value: &str) -> String {
    format!(",{name}=\"{value}\"")
}

/// Sources are names from our configuration; whatever else got in must not break the format.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, '"' | '\\' | '\n')).collect()
}
