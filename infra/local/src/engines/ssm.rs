//! SSM's Parameter Store, of which functions read secrets by name. It holds what the host puts there, in memory: the host's own
//! files and variables are where the values are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{Engine, Refused, no_operation, read};
use crate::template::{ACCOUNT, REGION};

/// SSM's own limit.
const NAMES_MAX: usize = 10;

/// The parameters of a host. Clones are the same.
#[derive(Clone, Default)]
pub struct Parameters(Arc<Mutex<BTreeMap<String, Parameter>>>);

struct Parameter {
    value: String,
    version: u64,
}

impl Parameters {
    /// Gives a parameter a value, as `PutParameter` with `Overwrite` would.
    pub fn put(&self, name: impl Into<String>, value: impl Into<String>) {
        let (mut all, value) = (self.all(), value.into());
        let parameter = all.entry(name.into()).or_insert(Parameter { value: String::new(), version: 0 });
        *parameter = Parameter { value, version: parameter.version + 1 };
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.all().get(name).map(|parameter| parameter.value.clone())
    }

    /// Takes a parameter away.
    pub fn delete(&self, name: &str) {
        self.all().remove(name);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.all().keys()).finish()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetParameters {
    names: Vec<String>,
    with_decryption: Option<bool>,
}

impl Engine for Parameters {
    const TARGET: &'static str = "AmazonSSM";

    fn perform(&self, operation: &str, request: &[u8]) -> Result<Value, Refused> {
        if operation != "GetParameters" {
            return Err(no_operation(operation));
        }
        let GetParameters { mut names, with_decryption } = read(request)?;
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(Refused::validation("1 to 10 names are asked for at a time"));
        }
        // Without it AWS answers with what no function could use.
        if with_decryption != Some(true) {
            return Err(Refused::validation(
                "the local host hands out secrets decrypted alone: WithDecryption must be true",
            ));
        }
        names.sort();
        let all = self.all();
        let (found, missing): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| all.contains_key(*name));
        let shown = |name: &&String| {
            let parameter = &all[*name];
            let slash = if name.starts_with('/') { "" } else { "/" };
            json!({
                "Name": name, "Type": "SecureString", "Value": parameter.value, "Version": parameter.version,
                "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{slash}{name}"), "DataType": "text",
            })
        };
        let found: Vec<Value> = found.iter().map(shown).collect();
        Ok(json!({"Parameters": found, "InvalidParameters": missing}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name_and_others_are_named() {
        let parameters = Parameters::default();
        parameters.put("/s/b", "first");
        parameters.put("/s/b", "second");
        parameters.put("a", "plain");
        parameters.put("gone", "x");
        parameters.delete("gone");
        let ask = |request: Value| parameters.perform("GetParameters", request.to_string().as_bytes());
        let answer = ask(json!({"Names": ["gone", "a", "/s/b"], "WithDecryption": true})).unwrap();
        let found = answer["Parameters"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|one| (one["ARN"].as_str().unwrap(), &one["Value"], &one["Version"])).collect();
        let arn = |rest: &str| format!("arn:aws:ssm:us-east-1:000000000000:parameter{rest}");
        let (first, second) = (arn("/s/b"), arn("/a"));
        assert_eq!(found, [(first.as_str(), &json!("second"), &json!(2)), (&second, &json!("plain"), &json!(1))]);
        assert_eq!(answer["InvalidParameters"], json!(["gone"]));
        assert_eq!(format!("{parameters:?}"), r#"{"/s/b", "a"}"#);
        for refused in [
            json!({"Names": [], "WithDecryption": true}),
            json!({"Names": vec!["a"; 11], "WithDecryption": true}),
            json!({"Names": ["a"]}),
            json!({"Names": ["a"], "WithDecryption": false}),
            json!({"Name": "a"}),
        ] {
            assert_eq!(ask(refused.clone()).unwrap_err().code, "ValidationException", "{refused}");
        }
        assert_eq!(parameters.perform("PutParameter", b"{}").unwrap_err().code, "UnknownOperationException");
    }
}
