//! Conditions: what the template decides by its parameters. The functions that it uses are understood, no others.

use serde_json::{Map, Value};

use super::TemplateError;
use super::intrinsics::{Resolver, single};

/// The template's conditions, by name.
#[derive(Debug, Default)]
pub(super) struct Conditions(Map<String, Value>);

impl Conditions {
    pub(super) fn new(section: Map<String, Value>) -> Self {
        Self(section)
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, name: &str, place: &str, resolver: &Resolver<'_>) -> Result<bool, TemplateError> {
        let missing = || TemplateError::at(place, format!("there is no condition {name}"));
        truth(self.0.get(name).ok_or_else(missing)?, &format!("Conditions.{name}"), resolver)
    }

    /// Evaluates all of them, as one that nothing asks for must be understood too.
    pub(super) fn check(&self, resolver: &Resolver<'_>) -> Result<(), TemplateError> {
        self.0.keys().try_for_each(|name| self.holds(name, name, resolver).map(drop))
    }
}

fn truth(value: &Value, place: &str, resolver: &Resolver<'_>) -> Result<bool, TemplateError> {
    let function = value.as_object().and_then(single).and_then(|(name, arguments)| Some((name, arguments.as_array()?)));
    match function.map(|(name, arguments)| (name, arguments.as_slice())) {
        Some(("Fn::Not", [inner])) => truth(inner, place, resolver).map(|truth| !truth),
        Some(("Fn::Equals", [left, right])) => Ok(resolver.text(left, place)? == resolver.text(right, place)?),
        _ => Err(TemplateError::at(place, "the local host does not understand this condition")),
    }
}
