//! Faults on demand: what each is, which requests it hits, and what it does to a page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::Unusable;
use crate::vendor::Vendor;

/// The most faults at a time.
pub(crate) const FAULTS_MAX: usize = 100;
/// The longest wait that a fault can cause or ask for.
const SECONDS_MAX: u64 = 86_400;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// 429, for `seconds` (1), said in a `spelling`.
    RateLimited,
    /// Another `status` (500).
    Status,
    /// The answer comes `seconds` (5) later.
    Slow,
    /// The connection ends before anything is answered.
    Dropped,
    /// The connection ends in the middle of the answer.
    CutOff,
    /// A page for people, with 200.
    Html,
    /// 200 and the type of JSON, and a text that is none.
    NotJson,
    /// Once a page is answered, its list loses its first `rows` (1) and gets as many new ones at the end.
    MovingRows,
    /// A page that came before: by number the page before this one, by token a token that leads to this page again.
    Repeated,
    /// The page lacks its last `rows` (half). A list by token ends with it.
    Truncated,
    /// The total is `rows` (1) less than it is.
    ShrinkingTotal,
    /// The first `rows` (all) of the page lack a `field`.
    MissingField,
    /// In the first `rows` (all) of the page a `field` has another type.
    RetypedField,
    /// The first `rows` (all) of the page have a `field` more.
    NewField,
}

impl FaultKind {
    /// Which members a fault of the kind may have, besides those that say which requests it hits.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::RateLimited => &["seconds", "spelling"],
            Self::Status => &["status"],
            Self::Slow => &["seconds"],
            Self::Dropped | Self::CutOff | Self::Html | Self::NotJson | Self::Repeated => &[],
            Self::MovingRows | Self::Truncated | Self::ShrinkingTotal => &["rows"],
            Self::MissingField | Self::RetypedField | Self::NewField => &["rows", "field"],
        }
    }

    const fn is_drift(self) -> bool {
        matches!(self, Self::MissingField | Self::RetypedField | Self::NewField)
    }
}

/// In which header a 429 says how long to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// `retry-after`, in seconds.
    #[default]
    Documented,
    /// `retry-after`, as a date.
    Date,
    /// `x-rate-limit-retry-after`, as older clients read it.
    Old,
    /// `x-ratelimit-reset` alone, in seconds of the Unix epoch.
    Reset,
    /// In none.
    None,
}

/// A fault, and which requests it hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub fault: FaultKind,
    /// The entity, or other part of the API, whose requests it hits; without one those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The first request that it hits, of those in question since the fault was set; from 1.
    #[serde(default = "first")]
    pub from: u64,
    /// How many requests it hits; without it there is no end.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The status of [`FaultKind::Status`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long, see [`FaultKind`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many rows, see [`FaultKind`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Which field, with dots where it lies in another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How a 429 says how long to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spelling: Option<Spelling>,
}

const fn first() -> u64 {
    1
}

impl Fault {
    /// A fault that hits every request.
    #[must_use]
    pub const fn new(fault: FaultKind) -> Self {
        Self {
            fault,
            entity: None,
            from: 1,
            times: None,
            status: None,
            seconds: None,
            rows: None,
            field: None,
            spelling: None,
        }
    }

    /// The same, of an entity alone.
    #[must_use]
    pub fn of(mut self, entity: &str) -> Self {
        self.entity = Some(entity.into());
        self
    }

    /// The same, from such a request on and for so many.
    #[must_use]
    pub const fn hits(mut self, from: u64, times: u64) -> Self {
        self.from = from;
        self.times = Some(times);
        self
    }

    /// Whether it makes sense, and of this vendor.
    pub(crate) fn check(&self, vendor: Vendor) -> Result<(), Unusable> {
        let text = serde_json::to_value(self).unwrap_or_default();
        let always = ["fault", "entity", "from", "for"];
        let strange = text.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        if let Some(name) =
            strange.filter(|name| !always.contains(name)).find(|name| !self.fault.members().contains(name))
        {
            return Err(Unusable::new(format!("the fault {} has no {name}", text["fault"])));
        }
        if let Some(entity) = self.entity.as_deref().filter(|entity| !vendor.subjects().any(|name| name == *entity)) {
            return Err(Unusable::new(format!("no request of {vendor} is about {entity}")));
        }
        if self.fault == FaultKind::ShrinkingTotal && !vendor.promises_a_total() {
            return Err(Unusable::new(format!("{vendor} promises no total that could shrink")));
        }
        if self.fault.is_drift() && self.field.as_deref().is_none_or(str::is_empty) {
            return Err(Unusable::new("say which field"));
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Err(Unusable::new("the status of a fault is from 400 to 599"));
        }
        if self.seconds.is_some_and(|seconds| seconds > SECONDS_MAX) {
            return Err(Unusable::new(format!("a fault lasts {SECONDS_MAX} seconds at most")));
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = Unusable;

    /// The members of the JSON, as `html,entity=tenants,from=3,for=2`: the kind, then what else there is to say.
    fn from_str(text: &str) -> Result<Self, Unusable> {
        let mut parts = text.split(',');
        let kind = parts.next().unwrap_or_default();
        let mut members = Map::from_iter([("fault".to_owned(), Value::from(kind))]);
        for part in parts {
            let (name, value) =
                part.split_once('=').ok_or_else(|| Unusable::new(format!("{part}: write name=value")))?;
            members.insert(name.to_owned(), value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from));
        }
        serde_json::from_value(Value::Object(members)).map_err(|error| Unusable::new(format!("{text}: {error}")))
    }
}

/// A fault that is set, and how many requests it had to do with.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Armed {
    #[serde(flatten)]
    fault: Fault,
    /// Requests in question since it was set.
    seen: u64,
    /// Requests that it hit.
    hit: u64,
}

impl Armed {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self { fault, seen: 0, hit: 0 }
    }

    /// The fault, if it hits this request.
    fn meet(&mut self, subject: Option<&str>) -> Option<Fault> {
        if self.fault.entity.is_some() && self.fault.entity.as_deref() != subject {
            return None;
        }
        self.seen += 1;
        let over = self.fault.times.is_some_and(|times| self.hit >= times);
        if self.seen < self.fault.from || over {
            return None;
        }
        self.hit += 1;
        Some(self.fault.clone())
    }
}

/// The faults that hit one request.
pub(crate) struct PageFaults(Vec<Fault>);

impl PageFaults {
    pub(crate) fn meet(armed: &mut [Armed], subject: Option<&str>) -> Self {
        Self(armed.iter_mut().filter_map(|armed| armed.meet(subject)).collect())
    }

    pub(crate) fn find(&self, kind: FaultKind) -> Option<&Fault> {
        self.0.iter().find(|fault| fault.fault == kind)
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.0
    }

    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.find(kind).is_some()
    }

    /// How many of a page's rows are left of it.
    pub(crate) fn kept(&self, rows: usize) -> usize {
        let Some(fault) = self.find(FaultKind::Truncated) else { return rows };
        let lost = fault.rows.map_or(rows.div_ceil(2), |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        rows.saturating_sub(lost)
    }

    /// What is said of a total.
    pub(crate) fn total(&self, total: u64) -> u64 {
        self.find(FaultKind::ShrinkingTotal).map_or(total, |fault| total.saturating_sub(fault.rows.unwrap_or(1)))
    }

    /// Changes the rows of a page as a vendor's new version would.
    pub(crate) fn drift(&self, page: &mut [Value]) {
        for fault in self.0.iter().filter(|fault| fault.fault.is_drift()) {
            let rows = fault.rows.map_or(page.len(), |rows| usize::try_from(rows).unwrap_or(usize::MAX));
            for row in page.iter_mut().take(rows) {
                drift(row, fault.field.as_deref().unwrap_or_default(), fault.fault);
            }
        }
    }
}

fn drift(row: &mut Value, field: &str, kind: FaultKind) {
    let Value::Object(members) = row else { return };
    if let Some((outer, inner)) = field.split_once('.') {
        if let Some(nested) = members.get_mut(outer) {
            drift(nested, inner, kind);
        }
        return;
    }
    match kind {
        FaultKind::MissingField => drop(members.remove(field)),
        FaultKind::NewField => drop(members.insert(field.to_owned(), Value::from("simulated"))),
        _ => {
            if let Some(value) = members.get_mut(field) {
                *value = match &*value {
                    Value::String(text) => Value::from(text.len()),
                    Value::Null => Value::from(0),
                    other => Value::from(other.to_string()),
                };
            }
        }
    }
}
