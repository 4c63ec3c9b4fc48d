//! CloudFormation's intrinsic functions: `!Ref`, `!Sub`, `!GetAtt`, `!If` and `!Split`, with the physical names that things have locally.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::conditions::Conditions;
use super::parameters::package_name;
use super::{Parameter, TemplateError};
use crate::gateway::function_url;

/// The stack's name locally; physical names begin with it, as CloudFormation's do.
pub const STACK: &str = "signalbox";
/// The region of every ARN.
pub const REGION: &str = "us-east-1";
/// The account of every ARN.
pub const ACCOUNT: &str = "000000000000";

/// The application of CodeDeploy that SAM makes for the functions' deployment groups.
pub const APPLICATION: &str = "signalbox-ServerlessDeploymentApplication";

/// What references resolve to.
#[derive(Debug, Default, Clone)]
pub struct Bindings {
    /// Values of parameters; what is absent takes the template's default.
    pub parameters: BTreeMap<String, String>,
    /// Where queues are: queue URLs begin with it.
    pub sqs_endpoint: String,
    /// Where the HTTP API answers.
    pub api_endpoint: String,
}

/// Turns YAML into JSON, short forms (`!Ref x`) into long ones (`{"Ref": "x"}`).
pub(super) fn from_yaml(value: serde_norway::Value) -> Result<Value, TemplateError> {
    use serde_norway::Value as Yaml;
    Ok(match value {
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(from_yaml).collect::<Result<_, _>>()?),
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (key, value) in mapping {
                let Yaml::String(key) = key else {
                    return Err(TemplateError::at(format!("{key:?}"), "a key must be a string"));
                };
                object.insert(key, from_yaml(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let argument = from_yaml(tagged.value)?;
            match tag.trim_start_matches('!') {
                "Ref" => json!({"Ref": argument}),
                "Sub" => json!({"Fn::Sub": argument}),
                "GetAtt" => json!({"Fn::GetAtt": argument}),
                // Left for the place that reads it, which can name itself in the error.
                other => json!({format!("Fn::{other}"): argument}),
            }
        }
        scalar => serde_json::to_value(scalar).map_err(|error| TemplateError::at("document", error.to_string()))?,
    })
}

/// Resolves references inside properties.
pub(super) struct Resolver<'a> {
    bindings: &'a Bindings,
    parameters: BTreeMap<&'a str, &'a Parameter>,
    conditions: &'a Conditions,
    /// Logical id to type and physical name.
    physical: BTreeMap<&'a str, (&'a str, String)>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        parameters: &'a [Parameter],
        resources: &'a Map<String, Value>,
        conditions: &'a Conditions,
        bindings: &'a Bindings,
    ) -> Result<Self, TemplateError> {
        let parameters = parameters.iter().map(|parameter| (parameter.name.as_str(), parameter)).collect();
        let mut resolver = Self { bindings, parameters, conditions, physical: BTreeMap::new() };
        for (id, resource) in resources {
            let kind = resource["Type"].as_str().unwrap_or_default();
            let given = match kind {
                "AWS::DynamoDB::Table" => &resource["Properties"]["TableName"],
                "AWS::SQS::Queue" => &resource["Properties"]["QueueName"],
                "AWS::Events::EventBus" => &resource["Properties"]["Name"],
                "AWS::Serverless::Function" => &resource["Properties"]["FunctionName"],
                _ => &Value::Null,
            };
            let name = match given {
                Value::Null => format!("{STACK}-{id}"),
                // Names are built from parameters and pseudo parameters alone, so one pass is enough.
                given => resolver.text(given, &format!("{id}.Name"))?,
            };
            resolver.physical.insert(id, (kind, name));
        }
        Ok(resolver)
    }

    /// The physical name of a resource.
    pub(super) fn physical_name(&self, id: &str) -> String {
        self.physical.get(id).map_or_else(|| format!("{STACK}-{id}"), |(_, name)| name.clone())
    }

    /// Resolves every reference below `value`; `place` is for the error.
    pub(super) fn resolve(&self, value: &Value, place: &str) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => {
                Ok(Value::Array(items.iter().map(|item| self.resolve(item, place)).collect::<Result<_, _>>()?))
            }
            Value::Object(object) => match single(object) {
                Some(("Ref", argument)) => self.reference(argument.as_str().unwrap_or_default(), place),
                Some(("Fn::GetAtt", argument)) => {
                    let (id, attribute) = attribute_of(argument, place)?;
                    self.attribute(&id, &attribute, place).map(Value::String)
                }
                Some(("Fn::Sub", argument)) => self.substitute(argument, place).map(Value::String),
                Some(("Fn::If", argument)) => self.choose(argument, place),
                Some(("Fn::Split", argument)) => self.split(argument, place),
                Some((function, _)) if function.starts_with("Fn::") || function == "Condition" => {
                    Err(TemplateError::at(place, format!("the local host does not understand {function}")))
                }
                _ => {
                    let mut resolved = Map::new();
                    for (key, value) in object {
                        resolved.insert(key.clone(), self.resolve(value, &format!("{place}.{key}"))?);
                    }
                    Ok(Value::Object(resolved))
                }
            },
            scalar => Ok(scalar.clone()),
        }
    }

    /// Resolves a value that has to be text.
    pub(super) fn text(&self, value: &Value, place: &str) -> Result<String, TemplateError> {
        match self.resolve(value, place)? {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
            _ => Err(TemplateError::at(place, "is not a string")),
        }
    }

    fn reference(&self, name: &str, place: &str) -> Result<Value, TemplateError> {
        if let Some(pseudo) = pseudo_parameter(name) {
            return Ok(Value::from(pseudo));
        }
        if let Some(parameter) = self.parameters.get(name) {
            let value = self.bindings.parameters.get(name).or(parameter.default.as_ref());
            let value = value.ok_or_else(|| TemplateError::at(place, format!("parameter {name} has no value")))?;
            return Ok(match parameter.list {
                true => value.split(',').map(str::trim).map(Value::from).collect(),
                false => match parameter.number.then(|| value.parse::<u64>()) {
                    Some(Ok(number)) => number.into(),
                    _ => value.as_str().into(),
                },
            });
        }
        if name == "ServerlessDeploymentApplication" {
            return Ok(APPLICATION.into());
        }
        let Some((kind, physical)) = self.physical.get(name) else {
            return Err(TemplateError::at(place, format!("refers to {name}, which does not exist")));
        };
        match *kind {
            "AWS::SQS::Queue" => Ok(format!("{}/{ACCOUNT}/{physical}", self.bindings.sqs_endpoint).into()),
            "AWS::Serverless::HttpApi" => Ok("local".into()),
            "AWS::DynamoDB::Table" | "AWS::Events::EventBus" | "AWS::Serverless::Function" | "AWS::Logs::LogGroup" => {
                Ok(physical.as_str().into())
            }
            "AWS::KMS::Key" => Ok(physical.as_str().into()),
            _ => Err(TemplateError::at(place, format!("!Ref {name}: not understood for {kind}"))),
        }
    }

    fn attribute(&self, id: &str, attribute: &str, place: &str) -> Result<String, TemplateError> {
        // SAM makes a resource of a function's URL, named after the function.
        if let Some(function) = id.strip_suffix("Url").filter(|_| attribute == "FunctionUrl")
            && self.physical.get(function).is_some_and(|(kind, _)| *kind == "AWS::Serverless::Function")
        {
            return Ok(function_url::path_of(&package_name(function)));
        }
        let Some((kind, name)) = self.physical.get(id) else {
            return Err(TemplateError::at(place, format!("refers to {id}, which does not exist")));
        };
        let arn = |service: &str, resource: String| Ok(format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"));
        match (*kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => arn("dynamodb", format!("table/{name}")),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", name.clone()),
            ("AWS::Serverless::Function", "Arn") => arn("lambda", format!("function:{name}")),
            ("AWS::Events::EventBus", "Arn") => arn("events", format!("event-bus/{name}")),
            ("AWS::KMS::Key", "Arn") => arn("kms", format!("key/{name}")),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", format!("log-group:{name}")),
            ("AWS::SQS::Queue", "QueueName") | ("AWS::Events::EventBus", "Name") => Ok(name.clone()),
            ("AWS::SQS::Queue", "QueueUrl") => Ok(format!("{}/{ACCOUNT}/{name}", self.bindings.sqs_endpoint)),
            ("AWS::Serverless::HttpApi", "ApiEndpoint") => Ok(self.bindings.api_endpoint.clone()),
            _ => Err(TemplateError::at(place, format!("!GetAtt {id}.{attribute}: not understood for {kind}"))),
        }
    }

    fn choose(&self, argument: &Value, place: &str) -> Result<Value, TemplateError> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(condition), then, otherwise]) => {
                let holds = self.conditions.holds(condition, place, self)?;
                self.resolve(if holds { then } else { otherwise }, place)
            }
            _ => Err(TemplateError::at(place, "!If needs a condition and two values")),
        }
    }

    fn split(&self, argument: &Value, place: &str) -> Result<Value, TemplateError> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(separator), text]) => {
                Ok(self.text(text, place)?.split(separator.as_str()).map(Value::from).collect())
            }
            _ => Err(TemplateError::at(place, "!Split needs a separator and a text")),
        }
    }

    fn substitute(&self, argument: &Value, place: &str) -> Result<String, TemplateError> {
        let Some(text) = argument.as_str() else {
            return Err(TemplateError::at(place, "the local host understands !Sub with a string alone"));
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            result.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else {
                return Err(TemplateError::at(place, "!Sub: a ${ has no }"));
            };
            let name = &rest[start + 2..start + length];
            match (name.strip_prefix('!'), name.split_once('.')) {
                // ${!name} is how CloudFormation spells a literal ${name}.
                (Some(literal), _) => result.push_str(&format!("${{{literal}}}")),
                (None, Some((id, attribute))) => result.push_str(&self.attribute(id, attribute, place)?),
                (None, None) => match self.reference(name, place)? {
                    Value::String(value) => result.push_str(&value),
                    Value::Number(value) => result.push_str(&value.to_string()),
                    _ => return Err(TemplateError::at(place, format!("!Sub: {name} is not a string"))),
                },
            }
            rest = &rest[start + length + 1..];
        }
        result.push_str(rest);
        Ok(result)
    }
}

pub(super) fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = object.iter().next()?;
    (object.len() == 1).then_some((key.as_str(), value))
}

fn attribute_of(argument: &Value, place: &str) -> Result<(String, String), TemplateError> {
    let pair = match argument {
        Value::String(text) => text.split_once('.').map(|(id, attribute)| (id.to_owned(), attribute.to_owned())),
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(id), Value::String(attribute)] => Some((id.clone(), attribute.clone())),
            _ => None,
        },
        _ => None,
    };
    pair.ok_or_else(|| TemplateError::at(place, "!GetAtt needs a logical id and an attribute"))
}

fn pseudo_parameter(name: &str) -> Option<&'static str> {
    Some(match name {
        "AWS::StackName" => STACK,
        "AWS::Region" => REGION,
        "AWS::AccountId" => ACCOUNT,
        "AWS::Partition" => "aws",
        "AWS::URLSuffix" => "amazonaws.com",
        _ => return None,
    })
}
