//! The template's parameters, and the environment variables that stand for them locally.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;

/// The stage of somebody's own machine, which opens reads and mints sessions. The template does not allow it, so that nothing
/// can be deployed with it; the local host alone passes it.
pub const LOCAL_STAGE: &str = "local";

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name, in Pascal case.
    pub name: String,
    /// The value it has when nobody gives one.
    pub default: Option<String>,
    /// The only values it may have; empty when any will do.
    pub allowed: Vec<String>,
    /// The least that a number may be.
    pub least: Option<f64>,
    /// The most that a number may be.
    pub most: Option<f64>,
    /// Whether a reference to it is a list.
    pub list: bool,
    /// Whether a reference to it is a number.
    pub number: bool,
}

impl Parameter {
    /// The environment variable that sets it locally.
    #[must_use]
    pub fn environment_name(&self) -> String {
        environment_name(&self.name)
    }
}

/// `CatalogBucketArns` becomes `CATALOG_BUCKET_ARNS`.
#[must_use]
pub fn environment_name(parameter: &str) -> String {
    separated(parameter, '_').to_ascii_uppercase()
}

/// `SyncControl` becomes `sync-control`.
pub(super) fn package_name(logical_id: &str) -> String {
    separated(logical_id, '-').to_ascii_lowercase()
}

fn separated(pascal: &str, separator: char) -> String {
    let mut text = String::with_capacity(pascal.len() + 4);
    for letter in pascal.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(separator);
        }
        text.push(letter);
    }
    text
}

pub(super) fn parse(section: Map<String, Value>) -> Result<Vec<Parameter>, TemplateError> {
    section.into_iter().map(|(name, value)| one(name, &value)).collect()
}

fn one(name: String, value: &Value) -> Result<Parameter, TemplateError> {
    let place = format!("Parameters.{name}");
    let Some(fields) = value.as_object() else {
        return Err(TemplateError::at(place, "is not a mapping"));
    };
    let mut parameter =
        Parameter { name, default: None, allowed: Vec::new(), least: None, most: None, list: false, number: false };
    for (field, value) in fields {
        let unreadable = || TemplateError::at(format!("{place}.{field}"), "has an unexpected value");
        match field.as_str() {
            "Type" => match value.as_str() {
                Some("String") => {}
                Some("Number") => parameter.number = true,
                Some("CommaDelimitedList") => parameter.list = true,
                _ => return Err(TemplateError::at(format!("{place}.Type"), format!("{value} is not supported"))),
            },
            "Default" => parameter.default = Some(scalar(value).ok_or_else(unreadable)?),
            "AllowedValues" => {
                let values = value.as_array().ok_or_else(unreadable)?;
                parameter.allowed =
                    values.iter().map(|value| scalar(value).ok_or_else(unreadable)).collect::<Result<_, _>>()?;
            }
            "MinValue" => parameter.least = Some(value.as_f64().ok_or_else(unreadable)?),
            "MaxValue" => parameter.most = Some(value.as_f64().ok_or_else(unreadable)?),
            // A function's variables have a limit in AWS, which has none on a laptop (docs/configuration.md).
            "MaxLength" if value.is_u64() => {}
            "NoEcho" | "Description" | "ConstraintDescription" => {}
            _ => return Err(TemplateError::at(format!("{place}.{field}"), "is not supported")),
        }
    }
    Ok(parameter)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Every parameter has a value, and one that is allowed.
pub(super) fn check(parameters: &[Parameter], values: &BTreeMap<String, String>) -> Result<(), TemplateError> {
    for parameter in parameters {
        let place = || format!("Parameters.{}", parameter.name);
        let Some(value) = values.get(&parameter.name).or(parameter.default.as_ref()) else {
            let reason = format!("has no value: set {}", parameter.environment_name());
            return Err(TemplateError::at(place(), reason));
        };
        let local = (parameter.name == "Stage").then_some(LOCAL_STAGE);
        let allowed: Vec<&str> = parameter.allowed.iter().map(String::as_str).chain(local).collect();
        if !parameter.allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let allowed: Vec<&str> = allowed.into_iter().filter(|allowed| !allowed.is_empty()).collect();
            let name = parameter.environment_name();
            let reason = format!("{value:?} is not one of {}: on a laptop {name} sets it", allowed.join(", "));
            return Err(TemplateError::at(place(), reason));
        }
        let (least, most) = (parameter.least.unwrap_or(f64::MIN), parameter.most.unwrap_or(f64::MAX));
        let is_bounded = parameter.least.is_some() || parameter.most.is_some();
        if is_bounded && !value.parse().is_ok_and(|number: f64| (least..=most).contains(&number)) {
            let name = parameter.environment_name();
            let reason = format!("{value:?} is no number from {least} to {most}: on a laptop {name} sets it");
            return Err(TemplateError::at(place(), reason));
        }
    }
    Ok(())
}
