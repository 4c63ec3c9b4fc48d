//! Which function and which version a deployment is about, from the text in which it says so, the AppSpec.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A version that waits for traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The function's name in AWS.
    pub function: String,
    /// Its logical id in `template.yaml`.
    pub logical_id: String,
    /// The version's number.
    pub version: u64,
}

/// It says nothing that can be invoked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// It is none, or of another form.
    #[error("the specification of the deployment is of another form")]
    Form,
    /// It deploys none, or several.
    #[error("the deployment is of {0} functions and not of one")]
    Functions(usize),
    /// The name of its function does not begin as those of the stack do.
    #[error("{0} is no function of the stack")]
    Name(String),
    /// What can be told apart from others has a number.
    #[error("{0} is no published version")]
    Version(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    resources: Vec<BTreeMap<String, Resource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    /// A name, or an ARN.
    name: String,
    target_version: String,
}

impl Target {
    /// Reads it. CloudFormation writes JSON, and one function a deployment.
    ///
    /// # Errors
    /// When it says anything else.
    pub fn read(specification: &str, stack: &str) -> Result<Self, Unreadable> {
        let read: Result<Specification, _> = serde_json::from_str(specification);
        let functions: Vec<Properties> = read
            .map_err(|_| Unreadable::Form)?
            .resources
            .into_iter()
            .flat_map(BTreeMap::into_values)
            .map(|resource| resource.properties)
            .collect();
        let [Properties { name, target_version }] = functions.as_slice() else {
            return Err(Unreadable::Functions(functions.len()));
        };
        // `arn:aws:lambda:region:account:function:name`, perhaps with an alias behind it.
        let function = name.split_once(":function:").map_or(name.as_str(), |(_, name)| name);
        let function = function.split(':').next().unwrap_or_default();
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        // CloudFormation names a function `stack-LogicalId-CHANCE`.
        let below = function.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).filter(|rest| is_name(rest));
        let logical_id = below.and_then(|rest| rest.split('-').next()).filter(|id| !id.is_empty());
        let logical_id = logical_id.ok_or_else(|| Unreadable::Name(name.chars().take(200).collect()))?;
        // Not `$LATEST`: what is invoked under that name is not what gets the traffic.
        let version = target_version.parse().ok().filter(|version| *version > 0);
        let version = version.ok_or_else(|| Unreadable::Version(target_version.chars().take(40).collect()))?;
        Ok(Self { function: function.to_owned(), logical_id: logical_id.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn specification(functions: &[(&str, &str)]) -> String {
        let one = |(name, version): &(&str, &str)| {
            json!({"Function": {"Type": "AWS::Lambda::Function",
                "Properties": {"Name": name, "Alias": "live", "CurrentVersion": "6", "TargetVersion": version}}})
        };
        let functions: Vec<_> = functions.iter().map(one).collect();
        json!({"version": 0.0, "Resources": functions, "Hooks": [{"BeforeAllowTraffic": "hook"}]}).to_string()
    }

    #[test]
    fn the_one_function_of_the_stack_and_its_new_version_are_read() {
        let arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-live-ReadApi-AbC123";
        for name in ["shop-live-ReadApi-AbC123", arn, &format!("{arn}:live")] {
            let read = Target::read(&specification(&[(name, "7")]), "shop-live").unwrap();
            let (function, logical_id) = ("shop-live-ReadApi-AbC123".into(), "ReadApi".into());
            assert_eq!(read, Target { function, logical_id, version: 7 }, "{name}");
        }
    }

    #[test]
    fn anything_else_is_in_doubt() {
        let read = |text: &str| Target::read(text, "shop").unwrap_err();
        assert_eq!(read("version: 0.0"), Unreadable::Form);
        assert_eq!(read("{}"), Unreadable::Form);
        assert_eq!(read(&specification(&[])), Unreadable::Functions(0));
        assert_eq!(read(&specification(&[("shop-A-1", "2"), ("shop-B-1", "2")])), Unreadable::Functions(2));
        for name in ["other-ReadApi-1", "shop", "shop-", "shopReadApi-1", "shop-Read/../x-1", "shop-ReadApi-1?x"] {
            assert_eq!(read(&specification(&[(name, "7")])), Unreadable::Name(name.into()));
        }
        for version in ["$LATEST", "", "0", "-1", "7/x"] {
            assert_eq!(read(&specification(&[("shop-ReadApi-1", version)])), Unreadable::Version(version.into()));
        }
    }
}
