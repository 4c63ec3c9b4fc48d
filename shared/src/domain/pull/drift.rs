//! Schema drift: the fields that a dataset's records have, beside those that they had.
//!
//! A field is known by its path (`address.city`, `lines[].sku`) and the types that were seen at it. `null` is no type of its own: it says
//! nothing. A field is missing where all records had it and one lacks it, though the object around it is there; below a list, which
//! may be empty, nothing is missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::canonical::Node;

/// The most paths of a dataset. Records whose keys are data have more: the rest is not looked at.
pub const PATHS_MAX: usize = 1_000;
/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 200;
/// How deep fields are looked at.
const DEPTH_MAX: usize = 8;
/// So many changes are told one by one.
pub const CHANGES_MAX: usize = 100;

/// What is done about a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is told, and known from then on.
    #[default]
    Accept,
    /// It is told, and the run fails before it applies anything.
    Freeze,
    /// Nothing is looked at.
    Ignore,
}

/// The types of values, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Types(u8);

/// Their names, by bit.
const NAMES: [&str; 5] = ["boolean", "number", "text", "list", "object"];

impl Types {
    fn of(value: &Node<'_>) -> Self {
        Self(match value {
            Node::Null => 0,
            Node::Bool(_) => 1,
            Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) | Node::Exact(_) => 1 << 1,
            Node::Text(_) => 1 << 2,
            Node::Array(_) => 1 << 3,
            Node::Object(_) => 1 << 4,
        })
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What these have that others do not.
    fn beyond(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// In words.
    #[must_use]
    pub fn text(self) -> String {
        let names: Vec<&str> =
            NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name).collect();
        if names.is_empty() { "null".to_owned() } else { names.join(" or ") }
    }
}

/// What is known of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The types that were seen.
    #[serde(rename = "t")]
    pub types: Types,
    /// Whether each record had it.
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}

/// What is known of a dataset's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// By path.
    pub fields: BTreeMap<String, Field>,
    /// Whether there are more than are known, so that one which is not known may be old.
    #[serde(default)]
    pub more: bool,
}

/// How a field changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// No record had it.
    New,
    /// All records had it, and one does not.
    Missing,
    /// It has another type.
    Retyped,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Of which field.
    pub path: String,
    /// How.
    pub kind: Kind,
    /// Its types before; none of one that is new.
    pub was: Option<String>,
    /// Its types now; none of one that is missing.
    pub is: Option<String>,
    /// The key of the first record that showed it.
    pub first_record: String,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The changes, the first [`CHANGES_MAX`] of them by path.
    pub changes: Vec<Change>,
    /// How many there are beside.
    pub further: usize,
    /// What is known from now on; none where that is as before.
    pub known: Option<Shape>,
    /// Whether the run is to fail before it applies anything.
    pub freezes: bool,
}

/// What was seen of a field.
#[derive(Debug, Clone, Default)]
struct Seen {
    types: Types,
    /// In how many records.
    records: u64,
    /// In which of them last.
    last: u64,
    /// Whether all records before had it.
    always: bool,
    /// The first record of each set of types that added one.
    firsts: Vec<(Types, String)>,
}

/// In how many records there was an object, and in which of them last.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    records: u64,
    last: u64,
}

/// Looks at a run's records.
#[derive(Debug)]
pub struct Observer<'a> {
    known: Option<&'a Shape>,
    policy: Policy,
    /// How many records were looked at.
    records: u64,
    fields: BTreeMap<String, Seen>,
    /// Objects by their path; the record itself is at the empty one.
    objects: BTreeMap<String, Around>,
    /// How many fields all records before had, and how many of them this one has.
    always: (usize, usize),
    /// Which of them are missing, and from which record first.
    missing: BTreeMap<String, String>,
    more: bool,
}

impl<'a> Observer<'a> {
    /// Looks with this in mind; with nothing, at a dataset's first run.
    #[must_use]
    pub fn new(known: Option<&'a Shape>, policy: Policy) -> Self {
        let (fields, objects, missing) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let always = known.map_or(0, |known| known.fields.values().filter(|field| field.always).count());
        Self { known, policy, records: 0, fields, objects, always: (always, 0), missing, more: false }
    }

    /// Looks at a record. Of two members of one name the later counts, once a record is canonical.
    pub fn observe(&mut self, key: &str, record: &Node<'_>) {
        if self.policy == Policy::Ignore {
            return;
        }
        self.records += 1;
        self.always.1 = 0;
        self.walk(record, &mut String::new(), 0, key);
        // Where more fields were seen than are kept, nobody knows whether it has this one.
        if self.always.1 < self.always.0 && self.fields.len() < PATHS_MAX {
            self.miss(key);
        }
    }

    fn walk(&mut self, value: &Node<'_>, path: &mut String, depth: usize, key: &str) {
        if depth > DEPTH_MAX || path.len() > PATH_BYTES_MAX {
            self.more = true;
            return;
        }
        if !path.is_empty() {
            self.see(path, Types::of(value), key);
        }
        let above = path.len();
        match value {
            Node::Object(members) => {
                self.see_object(path);
                for (index, (name, member)) in members.iter().enumerate() {
                    if members.get(index + 1).is_some_and(|next| next.0 == *name) {
                        continue;
                    }
                    if above > 0 {
                        path.push('.');
                    }
                    // A dot in a name is no step.
                    path.extend(name.chars().map(|letter| if letter == '.' { '\u{2024}' } else { letter }));
                    self.walk(member, path, depth + 1, key);
                    path.truncate(above);
                }
            }
            Node::Array(items) => {
                path.push_str("[]");
                for item in items {
                    self.walk(item, path, depth + 1, key);
                }
                path.truncate(above);
            }
            _ => {}
        }
    }

    fn see(&mut self, path: &str, types: Types, key: &str) {
        if !self.fields.contains_key(path) {
            if self.fields.len() >= PATHS_MAX {
                self.more = true;
                return;
            }
            let always = self.known.and_then(|known| known.fields.get(path)).is_some_and(|field| field.always);
            self.fields.insert(path.to_owned(), Seen { always, ..Seen::default() });
        }
        let Some(seen) = self.fields.get_mut(path) else { return };
        if seen.records == 0 || types.beyond(seen.types) != Types::default() {
            seen.firsts.push((types, key.to_owned()));
        }
        seen.types = seen.types.with(types);
        if seen.last != self.records {
            (seen.last, seen.records) = (self.records, seen.records + 1);
            self.always.1 += usize::from(seen.always);
        }
    }

    fn see_object(&mut self, path: &str) {
        if !self.objects.contains_key(path) {
            if !path.is_empty() && !self.fields.contains_key(path) {
                return;
            }
            self.objects.insert(path.to_owned(), Around::default());
        }
        let Some(around) = self.objects.get_mut(path) else { return };
        if around.last != self.records {
            (around.last, around.records) = (self.records, around.records + 1);
        }
    }

    /// Notes what the record lacks that all before had, where what is around it is there.
    fn miss(&mut self, key: &str) {
        for (path, _) in self.known.iter().flat_map(|known| &known.fields).filter(|(_, field)| field.always) {
            let is_here = self.fields.get(path).is_some_and(|seen| seen.last == self.records);
            let around = self.objects.get(parent(path));
            if !is_here && around.is_some_and(|around| around.last == self.records) {
                self.missing.entry(path.clone()).or_insert_with(|| key.to_owned());
            }
        }
    }

    /// Whether what was seen so far is to keep the run from applying it.
    #[must_use]
    pub fn freezes(&self) -> bool {
        self.policy == Policy::Freeze && !self.changes().is_empty()
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self) -> Drift {
        let mut changes = self.changes();
        let further = changes.len().saturating_sub(CHANGES_MAX);
        changes.truncate(CHANGES_MAX);
        let freezes = self.policy == Policy::Freeze && !changes.is_empty();
        let known = Some(self.merged())
            .filter(|shape| self.policy != Policy::Ignore && !freezes && self.known.is_none_or(|known| known != shape));
        Drift { changes, further, known, freezes }
    }

    fn changes(&self) -> Vec<Change> {
        let Some(known) = self.known else { return Vec::new() };
        let seen = self.fields.iter().filter_map(|(path, seen)| match known.fields.get(path) {
            // It may be one of those that were not looked at.
            None if known.more => None,
            None => {
                let first = seen.firsts.first().map(|(_, key)| key.clone()).unwrap_or_default();
                Some(change(path, Kind::New, None, Some(seen.types), first))
            }
            Some(field) => {
                let added = |types: Types| types.beyond(field.types) != Types::default();
                let (_, first) = seen.firsts.iter().find(|(types, _)| added(*types))?;
                let was_typed = field.types != Types::default();
                was_typed.then(|| change(path, Kind::Retyped, Some(field.types), Some(seen.types), first.clone()))
            }
        });
        let missing = self.missing.iter().map(|(path, first)| {
            let was = known.fields.get(path).map(|field| field.types);
            change(path, Kind::Missing, was, None, first.clone())
        });
        let mut changes: Vec<Change> = seen.chain(missing).collect();
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        changes
    }

    fn merged(&self) -> Shape {
        let mut shape = self.known.cloned().unwrap_or_default();
        for path in self.missing.keys() {
            if let Some(field) = shape.fields.get_mut(path) {
                field.always = false;
            }
        }
        let is_known = |path: &str| self.known.is_some_and(|known| path.is_empty() || known.fields.contains_key(path));
        let mut more = self.more || shape.more;
        for (path, seen) in &self.fields {
            if let Some(field) = shape.fields.get_mut(path) {
                field.types = field.types.with(seen.types);
                continue;
            }
            if shape.fields.len() >= PATHS_MAX {
                more = true;
                continue;
            }
            // Records before lacked it, where they had what is around it.
            let around = self.objects.get(parent(path)).map(|around| around.records);
            let always = !is_known(parent(path)) && !path.contains("[]") && around == Some(seen.records);
            shape.fields.insert(path.clone(), Field { types: seen.types, always });
        }
        shape.more = more;
        shape
    }
}

fn change(path: &str, kind: Kind, was: Option<Types>, is: Option<Types>, first_record: String) -> Change {
    Change { path: path.to_owned(), kind, was: was.map(Types::text), is: is.map(Types::text), first_record }
}

/// The path of the object that a field is in.
fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
