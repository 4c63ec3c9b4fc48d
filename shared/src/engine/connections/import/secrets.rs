//! The secrets that a configuration names, read from where they are. All of them are read before anything is changed: one that is not there
//! makes the configuration wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::faults::AwsFault;
use crate::aws::parameters::Parameters;
use crate::domain::connections::import::{Entry, SecretAt, SecretsAt, Wrong};
use crate::domain::connections::sealed::SECRET_BYTES_MAX;
use crate::domain::secret::Secret;
use crate::engine::connections::secrets::Given;
use crate::environment::Environment;

/// Before the names of variables that the local host hands on, so that none of them changes how a function works.
pub const VARIABLE: &str = "env:";

/// Secrets by where they are.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    variables: BTreeMap<String, Secret>,
    parameters: BTreeMap<String, Secret>,
}

impl Resolved {
    fn get(&self, at: &SecretAt) -> Option<Secret> {
        match at {
            SecretAt::Given(secret) => Some(secret.clone()),
            SecretAt::Variable(name) => self.variables.get(name).cloned(),
            // One file is good for a laptop and for AWS.
            SecretAt::Parameter(name) => self.variables.get(name).or_else(|| self.parameters.get(name)).cloned(),
        }
    }

    /// The secrets of an entry.
    pub(super) fn given(&self, at: &SecretsAt) -> Option<Given> {
        let previous = at.previous.as_ref().and_then(|previous| self.get(previous));
        Some(Given { current: self.get(&at.current)?, previous })
    }
}

/// All secrets that are named, with the place of each.
fn named(entries: &[Entry]) -> impl Iterator<Item = (String, &SecretAt)> {
    entries.iter().flat_map(|entry| {
        let secrets = entry.secrets.iter();
        secrets.flat_map(move |SecretsAt { current, previous }| {
            let current = (format!("{}.secrets.current", entry.place), current);
            let previous = previous.as_ref().map(|previous| (format!("{}.secrets.previous", entry.place), previous));
            std::iter::once(current).chain(previous)
        })
    })
}

/// What the variables that are named have, in local mode; elsewhere nothing.
fn of_variables(entries: &[Entry], environment: &Environment) -> BTreeMap<String, Secret> {
    if !environment.is_local() {
        return BTreeMap::new();
    }
    let value = |(_, at): (String, &SecretAt)| match at {
        // No shell sets another, so that none is there by intent.
        SecretAt::Parameter(name) if !is_variable(name) => None,
        SecretAt::Variable(name) | SecretAt::Parameter(name) => {
            let value = environment.get(&format!("{VARIABLE}{name}"))?.trim();
            Some((name.clone(), Secret::new(value)))
        }
        SecretAt::Given(_) => None,
    };
    named(entries).filter_map(value).collect()
}

/// A text that changes with the variables that are named.
pub(super) fn variables(entries: &[Entry], environment: &Environment) -> String {
    let found = of_variables(entries, environment);
    let lines = found.iter().map(|(name, secret)| format!("{name}={}", String::from_utf8_lossy(secret.expose())));
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads all secrets that are named.
///
/// # Errors
/// When Parameter Store cannot be asked; and, within, when one is not there or is none.
pub(super) async fn resolve(
    entries: &[Entry],
    environment: &Environment,
    parameters: &Parameters,
) -> Result<Result<Resolved, Wrong>, AwsFault> {
    let variables = of_variables(entries, environment);
    let names: BTreeSet<String> = named(entries)
        .filter_map(|(_, at)| match at {
            SecretAt::Parameter(name) if !variables.contains_key(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let resolved = Resolved { parameters: parameters.get(&names).await?, variables };
    let wrong = named(entries).find_map(|(place, at)| {
        let why = match resolved.get(at) {
            // What stands in the variables themselves is judged by the plan, each entry by itself.
            Some(_) if matches!(at, SecretAt::Given(_)) => return None,
            Some(secret) if secret.expose().len() > SECRET_BYTES_MAX => {
                format!("has more than {SECRET_BYTES_MAX} bytes")
            }
            Some(_) => return None,
            None => missing(at, environment, parameters),
        };
        Some(Wrong::at(place, why))
    });
    Ok(wrong.map_or(Ok(resolved), Err))
}

/// These entries, of which those whose secrets lie elsewhere are given none: what needs a secret is refused by the plan then, and stays
/// as it is stored.
pub(super) fn without_named(entries: &[Entry]) -> Vec<Entry> {
    let is_given = |at: &SecretsAt| matches!(at.current, SecretAt::Given(_));
    let without = |entry: &Entry| Entry { secrets: entry.secrets.clone().filter(is_given), ..entry.clone() };
    entries.iter().map(without).collect()
}

const NO_VARIABLE: &str = "cannot be a variable, whose name has letters, digits and '_' alone and begins with no digit";

/// Whether shells can set a variable of this name.
fn is_variable(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// The name nearest to this one that shells can set.
fn as_variable(name: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' };
    let plain: String = name.chars().map(plain).collect();
    if is_variable(&plain) { plain } else { format!("_{plain}") }
}

fn missing(at: &SecretAt, environment: &Environment, parameters: &Parameters) -> String {
    match at {
        SecretAt::Variable(name) if environment.is_local() && !is_variable(name) => {
            format!("is not there: {name} {NO_VARIABLE}; name it {} and set that", as_variable(name))
        }
        SecretAt::Variable(name) if environment.is_local() => format!("is not there: set {name}"),
        SecretAt::Variable(_) => "names a variable, and outside of local mode no secret is one: use ssm".into(),
        SecretAt::Parameter(name) if environment.is_local() && !is_variable(name) => {
            let variable = as_variable(name);
            format!("is not there: {name} {NO_VARIABLE}; write {{\"env\": \"{variable}\"}} here, and set {variable}")
        }
        SecretAt::Parameter(name) if environment.is_local() => format!("is not there: set {name}"),
        SecretAt::Parameter(name) => format!("is not there: {} in Parameter Store", parameters.path(name)),
        SecretAt::Given(_) => "is not there".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_variable_s_where_a_shell_can_set_it_and_has_one_near_it_elsewhere() {
        for (name, is, near) in [
            ("ACME_GITHUB", true, "ACME_GITHUB"),
            ("acme", true, "ACME"),
            ("acme-github", false, "ACME_GITHUB"),
            ("1.key", false, "_1_KEY"),
        ] {
            assert_eq!((is_variable(name), as_variable(name).as_str()), (is, near), "{name}");
            assert!(is_variable(&as_variable(name)));
        }
    }
}
