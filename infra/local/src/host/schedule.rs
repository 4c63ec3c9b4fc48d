//! EventBridge Scheduler's schedules: when they fire (`rate(5 minutes)`, the six fields of `cron(0 2 * * ? *)`, in UTC), and
//! what they deliver.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// When something fires.
#[derive(Debug, Clone)]
pub enum Expression {
    /// Every so often, counted from the host's start.
    Rate(Duration),
    /// At the times that a cron pattern names.
    Cron(Box<Cron>),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let body = |name: &str| text.trim().strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = body("rate") {
            return parse_rate(rate).map(Self::Rate);
        }
        if let Some(cron) = body("cron") {
            return parse_cron(cron).map(|cron| Self::Cron(Box::new(cron)));
        }
        Err(format!("{text:?} is neither rate(…) nor cron(…)"))
    }

    /// The first time after `now` at which it fires; `None` when its years are over.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(interval) => now.checked_add(*interval).ok(),
            Self::Cron(cron) => {
                let next = cron.find_next_occurrence(&now.to_zoned(TimeZone::UTC), false).ok()?;
                Some(next.timestamp())
            }
        }
    }
}

/// What every context attribute begins with.
const ATTRIBUTE: &str = "<aws.scheduler.";

/// What a schedule delivers: JSON, in whose texts context attributes may stand, such as
/// `<aws.scheduler.scheduled-time>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input(Value);

/// The values of the context attributes at one firing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes<'a> {
    /// The schedule's ARN.
    pub(crate) schedule_arn: &'a str,
    /// When it was due.
    pub(crate) scheduled_time: &'a str,
    /// Another one for each firing.
    pub(crate) execution_id: &'a str,
    /// How often EventBridge has tried to deliver it; Lambda's own retries do not count.
    pub(crate) attempt_number: &'a str,
}

impl Attributes<'_> {
    fn put_in(&self, text: &str) -> String {
        let values = [
            ("schedule-arn", self.schedule_arn),
            ("scheduled-time", self.scheduled_time),
            ("execution-id", self.execution_id),
            ("attempt-number", self.attempt_number),
        ];
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{ATTRIBUTE}{name}>"), value))
    }
}

impl Input {
    /// Reads a schedule's `Input`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let input = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        let left = Attributes::default().put_in(text);
        match left.find(ATTRIBUTE) {
            None => Ok(Self(input)),
            // It would be delivered as it stands, which nobody means.
            Some(at) => Err(format!("has an attribute that there is not: {}", &left[at..])),
        }
    }

    /// What is delivered at one firing.
    #[must_use]
    pub(crate) fn filled(&self, attributes: &Attributes<'_>) -> Value {
        fn fill(value: &Value, attributes: &Attributes<'_>) -> Value {
            match value {
                Value::String(text) => Value::String(attributes.put_in(text)),
                Value::Array(items) => items.iter().map(|item| fill(item, attributes)).collect(),
                Value::Object(fields) => {
                    fields.iter().map(|(name, value)| (attributes.put_in(name), fill(value, attributes))).collect()
                }
                other => other.clone(),
            }
        }
        fill(&self.0, attributes)
    }
}

fn parse_rate(text: &str) -> Result<Duration, String> {
    let mut words = text.split_whitespace();
    let (Some(value), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("rate({text}) needs a value and a unit"));
    };
    let value: u64 = value.parse().map_err(|_| format!("rate({text}): {value:?} is not a whole number"))?;
    // EventBridge insists on the singular for one and the plural for more; a template that fails there must fail here.
    let seconds = match (value, unit) {
        (0, _) => return Err(format!("rate({text}): the rate must be above zero")),
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 3_600,
        (1, "day") | (2.., "days") => 86_400,
        _ => return Err(format!("rate({text}): {unit:?} does not fit {value}")),
    };
    value.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| format!("rate({text}) is too long"))
}

fn parse_cron(text: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday, year] = fields.as_slice() else {
        return Err(format!("cron({text}) needs six fields, not {}", fields.len()));
    };
    if (*day == "?") == (*weekday == "?") {
        return Err(format!("cron({text}): exactly one of day-of-month and day-of-week is ?"));
    }
    // Seven fields are what croner takes as seconds to years; its alternative weekdays count as AWS does, 1 is Sunday.
    // A bare L as the weekday is Saturday there, which croner spells 7.
    let weekday = if *weekday == "L" { "7" } else { weekday };
    // `0/15` is from 0 on, which croner takes as a range alone.
    let field = |text: &str, last: &str| {
        let step = |part: &str| match part.split_once('/') {
            Some((from, step)) if from.bytes().all(|byte| byte.is_ascii_digit()) && !from.is_empty() => {
                format!("{from}-{last}/{step}")
            }
            _ => part.to_owned(),
        };
        text.split(',').map(step).collect::<Vec<_>>().join(",")
    };
    let (minute, hour, day) = (field(minute, "59"), field(hour, "23"), field(day, "31"));
    let (month, weekday, year) = (field(month, "12"), field(weekday, "7"), field(year, "2199"));
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .dom_and_dow(true)
        .build();
    parser
        .parse(&format!("0 {minute} {hour} {day} {month} {weekday} {year}"))
        .map_err(|error| format!("cron({text}): {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn next(expression: &str, now: &str, expected: &str) {
        let next = Expression::parse(expression).unwrap().next_after(now.parse().unwrap());
        assert_eq!(next.unwrap().to_string(), expected, "{expression} after {now}");
    }

    #[test]
    fn expressions_fire_when_eventbridge_says() {
        next("rate(1 minute)", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        next("rate(12 hours)", "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z");
        next("rate(1 day)", "2026-02-28T07:00:00Z", "2026-03-01T07:00:00Z");
        next("cron(0 2 * * ? *)", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z");
        next("cron(0 2 * * ? *)", "2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z");
        next("cron(0/15 * * * ? *)", "2026-01-01T00:16:00Z", "2026-01-01T00:30:00Z");
        // 2026-01-01 is a Thursday: day 5 where Sunday is 1.
        next("cron(0 9 ? * 5 *)", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z");
        next("cron(0 9 ? * 1 *)", "2026-01-01T00:00:00Z", "2026-01-04T09:00:00Z");
        next("cron(0 9 ? * MON-FRI *)", "2026-01-02T10:00:00Z", "2026-01-05T09:00:00Z");
        next("cron(0 9 ? * SUN *)", "2026-01-01T00:00:00Z", "2026-01-04T09:00:00Z");
        // The last day of the month, the weekday nearest to the 4th (a Sunday), the third Monday, the last Friday.
        next("cron(0 9 L * ? *)", "2026-02-01T00:00:00Z", "2026-02-28T09:00:00Z");
        next("cron(0 9 4W * ? *)", "2026-01-01T00:00:00Z", "2026-01-05T09:00:00Z");
        next("cron(0 9 ? * 2#3 *)", "2026-01-01T00:00:00Z", "2026-01-19T09:00:00Z");
        next("cron(0 9 ? * 6L *)", "2026-01-01T00:00:00Z", "2026-01-30T09:00:00Z");
        next("cron(0 9 ? * L *)", "2026-01-01T00:00:00Z", "2026-01-03T09:00:00Z");
        next("cron(30 6 1 JAN ? 2028)", "2026-01-01T00:00:00Z", "2028-01-01T06:30:00Z");
    }

    #[test]
    fn an_expression_that_eventbridge_would_refuse_is_refused() {
        for expression in [
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5)",
            "rate(-1 day)",
            "cron(0 2 * * *)",
            "cron(0 2 * * * *)",
            "cron(0 2 ? * ? *)",
            "cron(61 2 * * ? *)",
            "every day",
        ] {
            assert!(Expression::parse(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn an_input_is_delivered_with_its_attributes_filled_in() {
        let input = Input::parse(
            r#"{"job":"<aws.scheduler.schedule-arn>","at":["<aws.scheduler.scheduled-time>",1],
                "try":"<aws.scheduler.attempt-number> of <aws.scheduler.execution-id>","<b>":"<c>"}"#,
        );
        let attributes =
            Attributes { schedule_arn: "arn", scheduled_time: "now", execution_id: "e-1", attempt_number: "1" };
        let delivered = serde_json::json!({"job": "arn", "at": ["now", 1], "try": "1 of e-1", "<b>": "<c>"});
        assert_eq!(input.unwrap().filled(&attributes), delivered);
    }

    #[test]
    fn an_input_that_could_not_be_delivered_is_refused() {
        for input in ["", "nightly", r#"{"at":"<aws.scheduler.time>"}"#, r#"{"at":<aws.scheduler.scheduled-time>}"#] {
            assert!(Input::parse(input).is_err(), "{input}");
        }
    }

    #[test]
    fn a_pattern_whose_years_are_over_never_fires() {
        let past = Expression::parse("cron(0 0 1 1 ? 2020)").unwrap();
        assert_eq!(past.next_after("2026-01-01T00:00:00Z".parse().unwrap()), None);
    }
}
