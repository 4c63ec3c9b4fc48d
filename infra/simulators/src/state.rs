//! A vendor's state, and what it answers to a request: who may not ask, limits, faults, and then the vendor itself.

use std::time::Duration;

use jiff::Timestamp;

use crate::answer::{Answer, Call};
use crate::faults::{Armed, FAULTS_MAX, Fault, FaultKind, PageFaults, Spelling};
use crate::gbp;
use crate::gbp::google::Google;
use crate::limits::{Left, Limiter};
use crate::options::{Options, ROWS_MAX, Unusable};
use crate::rows::Rows;
use crate::seen::{Requests, Seen};
use crate::trackstar::Links;
use crate::vendor::Vendor;

const RETRY_SECONDS_DEFAULT: u64 = 1;
const SLOW_SECONDS_DEFAULT: u64 = 5;
const STATUS_DEFAULT: u16 = 500;
const SHOWN_MAX: usize = 1000;

/// All that a vendor knows.
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) rows: Rows,
    pub(crate) links: Links,
    pub(crate) google: Google,
    pub(crate) armed: Vec<Armed>,
    pub(crate) requests: Requests,
    limiter: Limiter,
}

/// How much of an answer arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Whole,
    /// The first half.
    CutOff,
    /// Nothing.
    Dropped,
}

/// An answer on its way.
pub(crate) struct Sent {
    pub(crate) answer: Answer,
    pub(crate) wire: Wire,
    /// How long it waits before.
    pub(crate) wait: Duration,
}

impl State {
    pub(crate) fn new(options: Options) -> Result<Self, Unusable> {
        let rows = options.checked()?;
        Ok(Self {
            links: Links::new(rows.seed),
            google: Google::new(rows.seed, &options.limits, gbp::EDIT_RATES),
            armed: options.faults.iter().cloned().map(Armed::new).collect(),
            requests: Requests::default(),
            limiter: Limiter::new(&options.limits, options.vendor.rates()),
            rows,
            options,
        })
    }

    /// The access token of Trackstar's oldest connection, if one is left.
    pub(crate) fn access_token(&self) -> Option<&str> {
        self.links.first().filter(|_| self.options.vendor == Vendor::Trackstar)
    }

    /// The id of that connection.
    pub(crate) fn connection_id(&self) -> Option<&str> {
        self.links.first_id().filter(|_| self.options.vendor == Vendor::Trackstar)
    }

    pub(crate) fn arm(&mut self, faults: Vec<Fault>) -> Result<(), Unusable> {
        for fault in &faults {
            fault.check(self.options.vendor)?;
        }
        if self.armed.len() + faults.len() > FAULTS_MAX {
            return Err(Unusable::new(format!("at most {FAULTS_MAX} faults at a time")));
        }
        self.armed.extend(faults.into_iter().map(Armed::new));
        Ok(())
    }

    /// Takes a request of the API in.
    pub(crate) fn take_in(&mut self, call: &Call, query: &str, now: Timestamp) -> Sent {
        let mut left = None;
        let mut sent = match self.options.vendor.admit(self, call) {
            Err(refused) => Sent { answer: refused, wire: Wire::Whole, wait: Duration::ZERO },
            Ok(key) => {
                left = self.limiter.take(key, self.options.vendor.counts_as_read(call), now);
                match left.and_then(|left| left.retry_after_seconds) {
                    Some(seconds) => {
                        let answer = self.options.vendor.refusal(429).with("retry-after", seconds);
                        Sent { answer, wire: Wire::Whole, wait: Duration::ZERO }
                    }
                    None => self.serve(call, now),
                }
            }
        };
        self.requests.push(Seen {
            at_ms: now.as_millisecond(),
            method: call.method.to_string(),
            path: start(&call.path),
            query: start(query),
            status: sent.answer.status.as_u16(),
        });
        if self.options.vendor == Vendor::Trackstar {
            sent.answer = with_trackstar_headers(sent.answer, self.requests.count, left);
        }
        sent
    }

    /// Answers a request that may be answered, unless a fault comes between.
    fn serve(&mut self, call: &Call, now: Timestamp) -> Sent {
        let vendor = self.options.vendor;
        let subject = vendor.subject(call);
        let faults = PageFaults::meet(&mut self.armed, subject);
        let answer = match faults.all().iter().find_map(|fault| instead(fault, vendor, now)) {
            Some(answer) => answer,
            None => vendor.answer(self, call, &faults, now),
        };
        if let (Some(fault), Some(name)) = (faults.find(FaultKind::MovingRows), subject) {
            self.move_rows(name, fault.rows.unwrap_or(1), now);
        }
        let wire = if faults.has(FaultKind::Dropped) {
            Wire::Dropped
        } else if faults.has(FaultKind::CutOff) {
            Wire::CutOff
        } else {
            Wire::Whole
        };
        let slow = faults.find(FaultKind::Slow).map(|fault| fault.seconds.unwrap_or(SLOW_SECONDS_DEFAULT));
        Sent { answer, wire, wait: Duration::from_secs(slow.unwrap_or_default()) }
    }

    fn move_rows(&mut self, name: &str, count: u64, now: Timestamp) {
        let Some(entity) = self.rows.entity(name) else { return };
        let room = ROWS_MAX.saturating_sub(self.rows.added());
        let dataset = self.rows.dataset_mut(entity);
        let first: Vec<u64> = dataset.from(0).take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
        let added = room.min(first.len() as u64);
        dataset.remove(first);
        dataset.add(added, now.as_millisecond());
    }
}

/// As much of a path or a query as is kept.
fn start(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

/// The answer that a fault puts in place of the vendor's.
fn instead(fault: &Fault, vendor: Vendor, now: Timestamp) -> Option<Answer> {
    match fault.fault {
        FaultKind::RateLimited => Some(rate_limited(fault, vendor, now)),
        FaultKind::Status => Some(vendor.refusal(fault.status.unwrap_or(STATUS_DEFAULT))),
        FaultKind::Html => Some(Answer::page_for_people(200, "Sign in")),
        FaultKind::NotJson => Some(Answer::text(200, "application/json", "{\"total\": 3, \"data\": [{\"id\": \"65")),
        _ => None,
    }
}

fn rate_limited(fault: &Fault, vendor: Vendor, now: Timestamp) -> Answer {
    let seconds = fault.seconds.unwrap_or(RETRY_SECONDS_DEFAULT);
    let answer = vendor.refusal(429);
    let until = now.as_millisecond().unsigned_abs() / 1000 + seconds;
    match fault.spelling.unwrap_or_default() {
        Spelling::Documented => answer.with("retry-after", seconds),
        Spelling::Date => {
            let date = std::time::UNIX_EPOCH + Duration::from_secs(until);
            answer.with("retry-after", httpdate::fmt_http_date(date))
        }
        Spelling::Old => answer.with("x-rate-limit-retry-after", seconds),
        Spelling::Reset => answer.with("x-ratelimit-reset", until),
        Spelling::None => answer,
    }
}

/// What all answers of Trackstar carry. A fault has said already when there is room again.
fn with_trackstar_headers(answer: Answer, number: u64, left: Option<Left>) -> Answer {
    let answer = answer.with("x-request-id", format!("simulated-{number}"));
    let Some(left) = left else { return answer };
    let said = answer.status == http::StatusCode::TOO_MANY_REQUESTS && left.retry_after_seconds.is_none();
    let answer = answer.with("x-ratelimit-limit", left.limit);
    if said {
        return answer.with("x-ratelimit-remaining", 0);
    }
    answer.with("x-ratelimit-remaining", left.remaining).with("x-ratelimit-reset", left.reset.as_second())
}
