//! Filters of a list: `field[operator]=value`.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;
use signalbox::domain::time;

use crate::answer::Call;
use crate::rows::Rows;

/// More than anybody would write.
const FILTERS_MAX: usize = 20;
/// What of a query is no filter.
const OTHERS: &[&str] = &["limit", "page_token"];

/// One of them.
pub(super) struct Filter {
    test: Test,
    operator: Operator,
}

enum Test {
    /// Times are looked at without the row, which would have to be made.
    Created(Vec<i64>),
    Updated(Vec<i64>),
    Other(String, Vec<String>),
}

#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Neq,
    Gt,
    Lt,
    Gte,
    Lte,
    In,
    Nin,
}

impl Filter {
    pub(super) fn all(call: &Call) -> Result<Vec<Self>, String> {
        let filters = call.query.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str()));
        let filters: Vec<Self> = filters.map(|(name, value)| Self::read(name, value)).collect::<Result<_, _>>()?;
        if filters.len() > FILTERS_MAX { Err("Too many filters".into()) } else { Ok(filters) }
    }

    fn read(name: &str, value: &str) -> Result<Self, String> {
        let (field, operator) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some(found) => found,
            None => (name, "eq"),
        };
        let operator = match operator {
            "eq" => Operator::Eq,
            "neq" => Operator::Neq,
            "gt" => Operator::Gt,
            "lt" => Operator::Lt,
            "gte" => Operator::Gte,
            "lte" => Operator::Lte,
            "in" => Operator::In,
            "nin" => Operator::Nin,
            _ => return Err(format!("{operator} is no operator")),
        };
        let values: Vec<&str> = match operator {
            Operator::In | Operator::Nin => value.split(',').collect(),
            _ => vec![value],
        };
        let times = || {
            let times = values.iter().map(|value| time::parse_query(value).map(Timestamp::as_millisecond));
            times.collect::<Option<Vec<i64>>>().ok_or_else(|| format!("{value} is no time"))
        };
        let test = match field {
            "created_date" => Test::Created(times()?),
            "updated_date" => Test::Updated(times()?),
            other => Test::Other(other.to_owned(), values.into_iter().map(String::from).collect()),
        };
        Ok(Self { test, operator })
    }

    pub(super) fn fits(&self, rows: &Rows, entity: usize, index: u64) -> bool {
        match &self.test {
            Test::Created(times) => self.operator.fits(times, |time| Some(rows.created_ms(entity, index).cmp(time))),
            Test::Updated(times) => self.operator.fits(times, |time| Some(rows.updated_ms(entity, index).cmp(time))),
            Test::Other(name, values) => {
                let row = rows.row(entity, index);
                self.operator.fits(values, |value| compare(&row[name.as_str()], value))
            }
        }
    }
}

impl Operator {
    fn fits<T>(self, values: &[T], compare: impl Fn(&T) -> Option<Ordering>) -> bool {
        let mut found = values.iter().map(compare);
        match self {
            Self::Eq | Self::In => found.any(|order| order == Some(Ordering::Equal)),
            Self::Neq | Self::Nin => found.all(|order| order != Some(Ordering::Equal)),
            Self::Gt => found.any(|order| order == Some(Ordering::Greater)),
            Self::Lt => found.any(|order| order == Some(Ordering::Less)),
            Self::Gte => found.any(|order| order.is_some_and(Ordering::is_ge)),
            Self::Lte => found.any(|order| order.is_some_and(Ordering::is_le)),
        }
    }
}

/// How a value of a row stands to one of a query. A query has no types, so the row's counts.
fn compare(found: &Value, value: &str) -> Option<Ordering> {
    match found {
        Value::String(text) => Some(text.as_str().cmp(value)),
        Value::Number(number) => number.as_f64()?.partial_cmp(&value.parse().ok()?),
        Value::Bool(flag) => Some(flag.to_string().as_str().cmp(value)),
        _ => None,
    }
}
