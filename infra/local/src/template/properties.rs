//! The properties of each resource type, as the local host reads them. `deny_unknown_fields` makes a property that
//! nobody thought about an error; the ones that only matter in AWS are listed by name in `resources.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::TemplateError;
use super::intrinsics::Resolver;

/// Resolves and reads the properties at `place`, those in `elsewhere` apart: they matter in AWS alone.
pub(super) fn read<T: DeserializeOwned>(
    properties: &Value,
    elsewhere: &[&str],
    place: &str,
    resolver: &Resolver<'_>,
) -> Result<T, TemplateError> {
    let empty = Map::new();
    let properties = match properties {
        Value::Null => &empty,
        Value::Object(properties) => properties,
        _ => return Err(TemplateError::at(place, "properties are not a mapping")),
    };
    let mut resolved = Map::new();
    for (name, value) in properties.iter().filter(|(name, _)| !elsewhere.contains(&name.as_str())) {
        resolved.insert(name.clone(), resolver.resolve(value, &format!("{place}.{name}"))?);
    }
    serde_json::from_value(Value::Object(resolved)).map_err(|error| TemplateError::at(place, error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FunctionProperties {
    pub(super) timeout: Option<u64>,
    pub(super) memory_size: Option<u32>,
    #[serde(default)]
    pub(super) environment: EnvironmentProperties,
    #[serde(default)]
    pub(super) events: BTreeMap<String, EventProperties>,
    pub(super) event_invoke_config: Option<EventInvokeConfig>,
    pub(super) function_url_config: Option<FunctionUrlConfig>,
    #[serde(default)]
    pub(super) policies: Vec<PolicyProperties>,
}

/// What is granted is written out in the template. A policy that is named alone lies in AWS, where nothing here can read it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PolicyProperties {
    #[serde(rename = "Version")]
    pub(super) _version: String,
    pub(super) statement: Vec<StatementProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StatementProperties {
    pub(super) effect: String,
    pub(super) action: OneOrMany,
    pub(super) resource: OneOrMany,
    pub(super) condition: Option<ConditionProperties>,
}

/// That a call names something at all is the one condition that is understood.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ConditionProperties {
    #[serde(default)]
    pub(super) null: BTreeMap<String, String>,
}

/// A key of KMS: symmetric, for encryption, as it is by default. Another kind would be another engine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyProperties {}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EnvironmentProperties {
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Value>,
}

/// A function's own URL.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FunctionUrlConfig {
    pub(super) auth_type: String,
    pub(super) invoke_mode: Option<String>,
    pub(super) cors: Option<CorsProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EventInvokeConfig {
    pub(super) maximum_retry_attempts: Option<u32>,
    /// On a laptop nothing waits so long.
    #[serde(rename = "MaximumEventAgeInSeconds")]
    pub(super) _maximum_event_age: Option<u32>,
    /// On a laptop the log says what failed.
    #[serde(rename = "DestinationConfig")]
    pub(super) _destination: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EventProperties {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApiEvent {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CorsProperties {
    pub(super) allow_origins: Vec<String>,
    #[serde(default)]
    pub(super) allow_credentials: bool,
    #[serde(default)]
    pub(super) allow_methods: Vec<String>,
    #[serde(default)]
    pub(super) allow_headers: Vec<String>,
    #[serde(default)]
    pub(super) expose_headers: Vec<String>,
    #[serde(default)]
    pub(super) max_age: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SqsEvent {
    pub(super) queue: String,
    pub(super) batch_size: Option<u32>,
    pub(super) maximum_batching_window_in_seconds: Option<u32>,
    #[serde(default)]
    pub(super) function_response_types: Vec<String>,
    pub(super) scaling_config: Option<ScalingConfig>,
    pub(super) enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScalingConfig {
    pub(super) maximum_concurrency: Option<u32>,
}

/// `ScheduleV2`. Without an input AWS would deliver an event of its own, by which a function could not tell its schedules
/// apart but for their names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleEvent {
    pub(super) name: Option<String>,
    pub(super) schedule_expression: String,
    pub(super) schedule_expression_timezone: Option<String>,
    pub(super) state: Option<String>,
    pub(super) input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RuleEvent {
    pub(super) event_bus_name: Option<String>,
    pub(super) pattern: Value,
    pub(super) rule_name: Option<String>,
    pub(super) state: Option<String>,
    pub(super) input: Option<String>,
    pub(super) input_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RuleProperties {
    pub(super) name: Option<String>,
    pub(super) event_bus_name: Option<String>,
    pub(super) event_pattern: Option<Value>,
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) targets: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct QueueProperties {
    #[serde(rename = "QueueName")]
    pub(super) _queue_name: Option<String>,
    pub(super) visibility_timeout: Option<u32>,
    pub(super) message_retention_period: Option<u32>,
    pub(super) delay_seconds: Option<u32>,
    pub(super) redrive_policy: Option<RedriveProperties>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedriveProperties {
    #[serde(rename = "deadLetterTargetArn")]
    pub(super) target: String,
    #[serde(rename = "maxReceiveCount")]
    pub(super) receives_max: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TableProperties {
    #[serde(rename = "TableName")]
    pub(super) _table_name: Option<String>,
    pub(super) attribute_definitions: Value,
    pub(super) key_schema: Value,
    #[serde(default)]
    pub(super) global_secondary_indexes: Vec<Value>,
    pub(super) time_to_live_specification: Option<TimeToLive>,
    pub(super) stream_specification: Option<StreamProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeToLive {
    pub(super) attribute_name: String,
    pub(super) enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StreamProperties {
    pub(super) stream_view_type: String,
}
