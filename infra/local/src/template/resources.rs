//! From resolved resources to the model.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::conditions::Conditions;
use super::intrinsics::{ACCOUNT, REGION, Resolver, STACK};
use super::parameters::package_name;
use super::properties::{
    CorsProperties, EventProperties, FunctionProperties, FunctionUrlConfig, HttpApiEvent, KeyProperties,
    PolicyProperties, QueueProperties, RuleEvent, RuleProperties, ScheduleEvent, SqsEvent, TableProperties, read,
};
use super::{
    Cors, EventSource, FunctionModel, Queue, Redrive, Right, Route, Rule, Schedule, Table, Template, TemplateError,
};
use crate::host::schedule::{Expression, Input};

/// Resource types that have no counterpart on a laptop: rights, logs and alarms.
const ELSEWHERE: [&str; 12] = [
    // A name of one's own for the HTTP API.
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Role",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Permission",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::Topic",
];

// Properties that matter in AWS alone, by resource type.
const FUNCTION_ELSEWHERE: [&str; 16] = [
    "Architectures",
    "CodeUri",
    "Description",
    "EphemeralStorage",
    "FunctionName",
    "Handler",
    "LoggingConfig",
    "RecursiveLoop",
    // The account's capacity; the local host bounds invocations as a whole.
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "RuntimeManagementConfig",
    "Tags",
    "Tracing",
    // How versions come in: on a laptop there is one.
    "AutoPublishAlias",
    "DeploymentPreference",
];
const QUEUE_ELSEWHERE: [&str; 5] =
    ["SqsManagedSseEnabled", "KmsMasterKeyId", "RedriveAllowPolicy", "Tags", "ReceiveMessageWaitTimeSeconds"];
/// A key's policy is the account's; of its properties none changes what the embedded KMS does.
const KEY_ELSEWHERE: [&str; 6] =
    ["Description", "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays", "RotationPeriodInDays", "Tags"];
const TABLE_ELSEWHERE: [&str; 8] = [
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TableClass",
    "Tags",
];
/// A target's own retries and dead-letter queue: the embedded bus refuses both, the host retries as Lambda does.
const TARGET_ELSEWHERE: [&str; 3] = ["RetryPolicy", "DeadLetterConfig", "RoleArn"];

pub(super) fn build(
    globals: &Map<String, Value>,
    resources: &Map<String, Value>,
    conditions: &Conditions,
    resolver: &Resolver<'_>,
) -> Result<Template, TemplateError> {
    let mut template = Template::default();
    for (id, resource) in resources {
        let Some(resource) = resource.as_object() else {
            return Err(TemplateError::at(id, "is not a mapping"));
        };
        for attribute in resource.keys() {
            match attribute.as_str() {
                "Type"
                | "Properties"
                | "Metadata"
                | "DependsOn"
                | "DeletionPolicy"
                | "UpdateReplacePolicy"
                | "Condition" => {}
                _ => {
                    return Err(TemplateError::at(
                        format!("{id}.{attribute}"),
                        "the local host does not understand it",
                    ));
                }
            }
        }
        let condition = resource.get("Condition").map(|name| name.as_str().unwrap_or_default());
        if let Some(condition) = condition
            && !conditions.holds(condition, &format!("{id}.Condition"), resolver)?
        {
            continue;
        }
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        match resource.get("Type").and_then(Value::as_str).unwrap_or_default() {
            "AWS::Serverless::Function" => function(id, globals, properties, resolver, &mut template)?,
            "AWS::Serverless::HttpApi" => template.cors = http_api(id, properties, conditions, resolver)?,
            "AWS::SQS::Queue" => template.queues.push(queue(id, properties, resolver)?),
            "AWS::DynamoDB::Table" => template.tables.push(table(id, properties, resolver)?),
            "AWS::Events::EventBus" => template.buses.push(resolver.physical_name(id)),
            "AWS::KMS::Key" => template.keys.push(key(id, properties, resolver)?),
            "AWS::Events::Rule" => template.rules.push(rule(id, properties, resolver)?),
            known if ELSEWHERE.contains(&known) => {}
            unknown => {
                return Err(TemplateError::at(
                    format!("{id}.Type"),
                    format!("the local host does not run {unknown:?}"),
                ));
            }
        }
    }
    check_queues(&template)?;
    Ok(template)
}

/// Messages must not leave for a queue that is not there.
fn check_queues(template: &Template) -> Result<(), TemplateError> {
    let exists = |name: &str| template.queues.iter().any(|queue| queue.name == name);
    for queue in &template.queues {
        if let Some(redrive) = queue.redrive.as_ref().filter(|redrive| !exists(&redrive.queue)) {
            let place = format!("{}.RedrivePolicy", queue.logical_id);
            return Err(TemplateError::at(place, format!("there is no queue {}", redrive.queue)));
        }
    }
    match template.event_sources.iter().find(|source| !exists(&source.queue)) {
        Some(source) => Err(TemplateError::at(&source.function, format!("there is no queue {}", source.queue))),
        None => Ok(()),
    }
}

fn http_api(
    id: &str,
    properties: &Value,
    conditions: &Conditions,
    resolver: &Resolver<'_>,
) -> Result<Option<Cors>, TemplateError> {
    const CORS: &str = "CorsConfiguration";
    let known = [CORS, "Description", "AccessLogSettings", "DefaultRouteSettings", "Tags", "FailOnWarnings"];
    let unknown = properties.as_object().into_iter().flat_map(Map::keys).find(|name| !known.contains(&name.as_str()));
    match unknown {
        // Auth, StageName: each would change what a client sees.
        Some(name) => Err(TemplateError::at(format!("{id}.{name}"), "the local host does not understand it")),
        None if properties[CORS].is_null() => Ok(None),
        None => cors(&format!("{id}.{CORS}"), &properties[CORS], conditions, resolver).map(Some),
    }
}

/// Under a condition that does not hold there are no origins; the rest counts all the same, for the origins that the
/// local host allows by itself.
fn cors(place: &str, value: &Value, conditions: &Conditions, resolver: &Resolver<'_>) -> Result<Cors, TemplateError> {
    let nothing = json!({"Ref": "AWS::NoValue"});
    let (holds, value) = match value.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice) {
        None => (true, value),
        Some([Value::String(name), then, otherwise]) if *otherwise == nothing => {
            (conditions.holds(name, place, resolver)?, then)
        }
        Some(_) => return Err(TemplateError::at(place, "the local host understands !If with AWS::NoValue alone")),
    };
    let cors = allowed(read(value, &[], place, resolver)?);
    Ok(Cors { origins: if holds { cors.origins } else { Vec::new() }, ..cors })
}

fn allowed(cors: CorsProperties) -> Cors {
    Cors {
        origins: cors.allow_origins,
        methods: cors.allow_methods,
        headers: cors.allow_headers,
        exposed: cors.expose_headers,
        max_age: Duration::from_secs(cors.max_age),
        credentials: cors.allow_credentials,
    }
}

fn function(
    id: &str,
    globals: &Map<String, Value>,
    properties: &Value,
    resolver: &Resolver<'_>,
    template: &mut Template,
) -> Result<(), TemplateError> {
    let defaults = Value::Object(globals.clone());
    let defaults: FunctionProperties = read(&defaults, &FUNCTION_ELSEWHERE, "Globals.Function", resolver)?;
    let own: FunctionProperties = read(properties, &FUNCTION_ELSEWHERE, id, resolver)?;
    let mut environment = defaults.environment.variables;
    environment.extend(own.environment.variables);
    let environment = environment.into_iter().map(|(name, value)| {
        let text = resolver.text(&value, &format!("{id}.Environment.Variables.{name}"))?;
        Ok((name, text))
    });
    let name = package_name(id);
    let config = own.event_invoke_config.or(defaults.event_invoke_config);
    template.functions.push(FunctionModel {
        logical_id: id.to_owned(),
        arn: function_arn(&resolver.physical_name(id)),
        environment: environment.collect::<Result<_, TemplateError>>()?,
        // 3 seconds and 128 MB are Lambda's own defaults.
        timeout: Duration::from_secs(own.timeout.or(defaults.timeout).unwrap_or(3)),
        memory_mb: own.memory_size.or(defaults.memory_size).unwrap_or(128),
        async_retries_max: config.and_then(|config| config.maximum_retry_attempts).unwrap_or(2),
        rights: rights(&format!("{id}.Policies"), &own.policies)?,
        url: url(id, own.function_url_config)?,
        name: name.clone(),
    });
    for (event, properties) in &own.events {
        trigger(id, &name, event, properties, resolver, template)?;
    }
    Ok(())
}

/// Which pages may call a function's own URL, where it has one. Another kind of URL would answer otherwise than the host does.
fn url(id: &str, config: Option<FunctionUrlConfig>) -> Result<Option<Cors>, TemplateError> {
    let Some(FunctionUrlConfig { auth_type, invoke_mode, cors }) = config else { return Ok(None) };
    if (auth_type.as_str(), invoke_mode.as_deref()) != ("NONE", Some("RESPONSE_STREAM")) {
        let why = "the local host understands AuthType NONE with InvokeMode RESPONSE_STREAM alone";
        return Err(TemplateError::at(format!("{id}.FunctionUrlConfig"), why));
    }
    Ok(Some(cors.map(allowed).unwrap_or_default()))
}

fn rights(place: &str, policies: &[PolicyProperties]) -> Result<Vec<Right>, TemplateError> {
    let mut rights = Vec::new();
    for statement in policies.iter().flat_map(|policy| &policy.statement) {
        let refuse = |what: String| Err(TemplateError::at(place, format!("the local host does not understand {what}")));
        if statement.effect != "Allow" {
            return refuse(format!("the effect {}", statement.effect));
        }
        let context = statement.condition.iter().flat_map(|condition| &condition.null).map(|(key, absent)| {
            let name = key.strip_prefix("kms:EncryptionContext:").filter(|_| absent == "false");
            name.map(str::to_owned).ok_or_else(|| key.clone())
        });
        let context: Vec<String> = match context.collect() {
            Ok(context) => context,
            Err(key) => return refuse(format!("the condition on {key}")),
        };
        for action in statement.action.as_slice() {
            for resource in statement.resource.as_slice() {
                // A wildcard is for what has no name in the template: the objects of a bucket.
                let start = resource.strip_suffix('*').unwrap_or(resource);
                if start.is_empty() || start.contains('*') || action.contains('*') {
                    return refuse(format!("the wildcard in {action} on {resource}"));
                }
                let context = context.clone();
                rights.push(Right { action: action.clone(), resource: resource.clone(), context });
            }
        }
    }
    Ok(rights)
}

fn trigger(
    id: &str,
    function: &str,
    event: &str,
    trigger: &EventProperties,
    resolver: &Resolver<'_>,
    template: &mut Template,
) -> Result<(), TemplateError> {
    let place = format!("{id}.Events.{event}");
    let properties = &trigger.properties;
    let function = function.to_owned();
    match trigger.kind.as_str() {
        "HttpApi" => {
            // One HTTP API exists, so it need not be named.
            let route: HttpApiEvent = read(properties, &["ApiId", "PayloadFormatVersion"], &place, resolver)?;
            let path = route.path.unwrap_or_else(|| "$default".into());
            let method = route.method.map_or_else(|| "ANY".into(), |method| method.to_ascii_uppercase());
            template.routes.push(Route { method, path, function });
        }
        "SQS" => {
            let source: SqsEvent = read(properties, &[], &place, resolver)?;
            if source.enabled == Some(false) {
                return Ok(());
            }
            let queue = source.queue.rsplit(':').next().unwrap_or_default().to_owned();
            let partial_failures = source.function_response_types.iter().any(|kind| kind == "ReportBatchItemFailures");
            template.event_sources.push(EventSource {
                function,
                queue,
                batch_size: source.batch_size.unwrap_or(10).clamp(1, 10_000),
                window: Duration::from_secs(source.maximum_batching_window_in_seconds.unwrap_or(0).min(300).into()),
                partial_failures,
                // Lambda's own ceiling is 1000; on a laptop more than a few at a time is no faster.
                concurrency_max: source.scaling_config.and_then(|scaling| scaling.maximum_concurrency).unwrap_or(5),
            });
        }
        "ScheduleV2" => {
            let elsewhere = ["Description", "RetryPolicy", "DeadLetterConfig"];
            let schedule: ScheduleEvent = read(properties, &elsewhere, &place, resolver)?;
            if schedule.schedule_expression_timezone.as_deref().is_some_and(|zone| zone != "UTC") {
                return Err(TemplateError::at(place, "ScheduleExpressionTimezone: the local host keeps UTC alone"));
            }
            let expression = Expression::parse(&schedule.schedule_expression);
            let input = Input::parse(&schedule.input);
            template.schedules.push(Schedule {
                name: schedule.name.unwrap_or_else(|| format!("{STACK}-{id}{event}")),
                event: event.to_owned(),
                function,
                expression: expression.map_err(|reason| TemplateError::at(&place, reason))?,
                input: input.map_err(|reason| TemplateError::at(format!("{place}.Input"), reason))?,
                enabled: schedule.state.as_deref() != Some("DISABLED"),
            });
        }
        "EventBridgeRule" | "CloudWatchEvent" => {
            let rule: RuleEvent = read(properties, &["RetryPolicy", "DeadLetterConfig", "Target"], &place, resolver)?;
            let mut target = json!({"Id": event, "Arn": function_arn(&resolver.physical_name(id))});
            target["Input"] = rule.input.into();
            target["InputPath"] = rule.input_path.into();
            template.rules.push(Rule {
                name: rule.rule_name.unwrap_or_else(|| format!("{STACK}-{id}{event}")),
                bus: bus_name(rule.event_bus_name),
                pattern: rule.pattern,
                enabled: rule.state.as_deref() != Some("DISABLED"),
                targets: vec![target],
            });
        }
        kind => {
            return Err(TemplateError::at(
                place,
                format!("the local host does not understand an event of type {kind}"),
            ));
        }
    }
    Ok(())
}

fn queue(id: &str, properties: &Value, resolver: &Resolver<'_>) -> Result<Queue, TemplateError> {
    // FIFO is absent on purpose: runs are kept apart by leases, and a FIFO queue has no delay per message.
    let queue: QueueProperties = read(properties, &QUEUE_ELSEWHERE, id, resolver)?;
    Ok(Queue {
        logical_id: id.to_owned(),
        name: resolver.physical_name(id),
        visibility_seconds: queue.visibility_timeout.unwrap_or(30),
        retention_seconds: queue.message_retention_period.unwrap_or(345_600),
        delay_seconds: queue.delay_seconds.unwrap_or(0),
        redrive: queue.redrive_policy.map(|redrive| Redrive {
            queue: redrive.target.rsplit(':').next().unwrap_or_default().to_owned(),
            receives_max: redrive.receives_max,
        }),
    })
}

fn table(id: &str, properties: &Value, resolver: &Resolver<'_>) -> Result<Table, TemplateError> {
    let table: TableProperties = read(properties, &TABLE_ELSEWHERE, id, resolver)?;
    Ok(Table {
        logical_id: id.to_owned(),
        name: resolver.physical_name(id),
        keys: table.key_schema,
        attributes: table.attribute_definitions,
        indexes: table.global_secondary_indexes,
        expiry: table.time_to_live_specification.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute_name),
        stream: table.stream_specification.map(|stream| stream.stream_view_type),
    })
}

fn key(id: &str, properties: &Value, resolver: &Resolver<'_>) -> Result<String, TemplateError> {
    let KeyProperties {} = read(properties, &KEY_ELSEWHERE, id, resolver)?;
    Ok(resolver.physical_name(id))
}

fn rule(id: &str, properties: &Value, resolver: &Resolver<'_>) -> Result<Rule, TemplateError> {
    let rule: RuleProperties = read(properties, &["Description", "RoleArn"], id, resolver)?;
    let pattern = rule.event_pattern.ok_or_else(|| TemplateError::at(format!("{id}.EventPattern"), "is missing"))?;
    let targets = rule.targets.into_iter().map(|mut target| {
        target.retain(|name, _| !TARGET_ELSEWHERE.contains(&name.as_str()));
        Value::Object(target)
    });
    Ok(Rule {
        name: rule.name.unwrap_or_else(|| format!("{STACK}-{id}")),
        bus: bus_name(rule.event_bus_name),
        pattern,
        enabled: rule.state.as_deref() != Some("DISABLED"),
        targets: targets.collect(),
    })
}

fn bus_name(reference: Option<String>) -> String {
    let reference = reference.unwrap_or_else(|| "default".into());
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}
