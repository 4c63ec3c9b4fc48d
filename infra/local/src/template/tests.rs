//! What the template's reader understands, and how it refuses the rest.

use super::*;
use crate::host::schedule::Input;

fn bindings() -> Bindings {
    Bindings {
        parameters: [("Stage".into(), "local".into())].into(),
        sqs_endpoint: "http://127.0.0.1:1".into(),
        api_endpoint: "http://127.0.0.1:2".into(),
    }
}

fn resolved(yaml: &str) -> Result<Template, TemplateError> {
    Source::parse(yaml)?.resolve(&bindings())
}

#[test]
fn the_repositorys_template_is_understood() {
    let template = resolved(TEMPLATE).unwrap();
    let worker = template.functions.iter().find(|function| function.name == "sync-worker").unwrap();
    assert_eq!(worker.environment["SYNC_QUEUE_URL"], "http://127.0.0.1:1/000000000000/signalbox-SyncQueue");
    assert_eq!(worker.environment["RUNS_TABLE"], "signalbox-RunsTable");
    assert_eq!(worker.environment["EVENT_BUS_NAME"], "signalbox-events");
    assert_eq!(worker.environment["SIGNALBOX_STAGE"], "local");
    assert_eq!((worker.timeout.as_secs(), worker.memory_mb), (300, 512));
    let queue = "arn:aws:sqs:us-east-1:000000000000:signalbox-SyncQueue";
    assert!(worker.rights.contains(&Right {
        action: "sqs:SendMessage".into(),
        resource: queue.into(),
        context: Vec::new()
    }));
    let source = template.event_sources.iter().find(|source| source.function == "sync-worker").unwrap();
    assert_eq!((source.queue.as_str(), source.batch_size, source.concurrency_max), ("signalbox-SyncQueue", 1, 10));
    assert!(source.partial_failures);
    let queue = template.queues.iter().find(|queue| queue.logical_id == "SyncQueue").unwrap();
    let redrive = queue.redrive.as_ref().unwrap();
    assert_eq!((redrive.queue.as_str(), redrive.receives_max), ("signalbox-SyncDeadLetterQueue", 5));
    assert!(template.schedules.iter().any(|schedule| schedule.name == "signalbox-nightly"));
    assert!(template.tables.iter().any(|table| table.indexes.len() == 2));
}

#[test]
fn the_built_in_template_is_the_repositorys() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    assert_eq!(std::fs::read_to_string(file).unwrap(), TEMPLATE, "rebuild: template.yaml has changed");
}

#[test]
fn events_rules_and_schedules_of_every_kind_are_read() {
    let template = resolved(
        r#"
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}-bus"}}
  Jobs: {Type: AWS::SQS::Queue}
  Alerts:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Any: {Type: HttpApi}
        Failed: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [signalbox]}}}
        Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), Input: '{"job":"sweep"}'}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
  Copy:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !GetAtt Bus.Arn
      EventPattern: {source: [signalbox]}
      Targets: [{Id: jobs, Arn: !GetAtt Jobs.Arn, RetryPolicy: {MaximumRetryAttempts: 1}}]
"#,
    )
    .unwrap();
    assert_eq!(template.routes[0].path, "$default");
    assert_eq!(template.rules[0].bus, "signalbox-bus");
    assert_eq!(template.rules[1].bus, "signalbox-bus");
    assert_eq!(template.rules[1].targets[0]["Arn"], "arn:aws:sqs:us-east-1:000000000000:signalbox-Jobs");
    assert_eq!(template.rules[1].targets[0].get("RetryPolicy"), None);
    assert_eq!(template.schedules[0].input, Input::parse(r#"{"job":"sweep"}"#).unwrap());
    assert_eq!(template.event_sources[0].batch_size, 10);
}

#[track_caller]
fn refused(yaml: &str, place: &str, reason: &str) {
    let error = resolved(yaml).unwrap_err().to_string();
    assert!(error.contains(place) && error.contains(reason), "{error}");
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    refused("Resources: {Topic: {Type: AWS::Kinesis::Stream}}", "Topic.Type", "AWS::Kinesis::Stream");
    refused("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}}", "Q", "FifoQueue");
    refused("Resources: {Q: {Type: AWS::SQS::Queue, Condition: Production}}", "Q.Condition", "no condition Production");
    refused("Conditions: {Production: true}", "Conditions.Production", "not understand");
    refused("Conditions: {Production: !Or [!Equals [a, a]]}", "Conditions.Production", "not understand");
    let api = |cors: &str| format!("Resources: {{A: {{Type: AWS::Serverless::HttpApi, Properties: {{{cors}}}}}}}");
    refused(&api("CorsConfiguration: !If [Nowhere, {AllowOrigins: []}, !Ref AWS::NoValue]"), "A.CorsC", "Nowhere");
    refused(&api("CorsConfiguration: !If [a, {AllowOrigins: []}, {AllowOrigins: []}]"), "A.CorsC", "NoValue");
    refused(&api("CorsConfiguration: {AllowOrigins: [], AllowAll: true}"), "A.CorsC", "AllowAll");
    refused(&api("CorsConfiguration: {AllowOrigins: !Split a}"), "A.CorsC", "!Split needs");
    refused(&api("StageName: dev"), "A.StageName", "not understand");
    refused(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Nowhere}}}",
        "Q.DelaySeconds",
        "Nowhere",
    );
    refused(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !If [a, 1, 2]}}}",
        "Q.DelaySeconds",
        "no condition a",
    );
    refused(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: Kafka}}}}}",
        "F.Events.E",
        "Kafka",
    );
    refused(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: hourly, Input: '{}'}}}}}}",
        "F.Events.E",
        "hourly",
    );
    refused(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}}}}",
        "F.Events.E",
        "Input",
    );
    let grant = |grant: &str| {
        format!(
            "Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Policies: [{{Version: x, Statement: [{{{grant}}}]}}]}}}}}}"
        )
    };
    refused(&grant("Effect: Deny, Action: a:B, Resource: r"), "F.Policies", "the effect Deny");
    refused(&grant("Effect: Allow, Action: a:B, Resource: '*'"), "F.Policies", "the wildcard in a:B on *");
    refused(&grant("Effect: Allow, Action: 'a:*', Resource: r"), "F.Policies", "the wildcard in a:* on r");
    refused(&grant("Effect: Allow, Action: a:B, Resource: r, Condition: {Bool: {}}"), "F", "Bool");
    refused(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Policies: [Admin]}}}",
        "F",
        "PolicyProperties",
    );
    refused("Parameters: {Key: {Type: String, MaxLength: long}}", "Parameters.Key.MaxLength", "not supported");
    refused("Parameters: {Key: {Type: String}}", "Parameters.Key", "set KEY");
    refused("Parameters: {Size: {Type: String, AllowedValues: [m, l], Default: s}}", "Parameters.Size", "one of m, l");
}

#[test]
fn nothing_can_be_deployed_as_local_and_the_local_host_alone_may_be_it() {
    let source = Source::parse(TEMPLATE).unwrap();
    let stage = source.parameters().iter().find(|parameter| parameter.name == "Stage").unwrap();
    assert_eq!(stage.allowed, ["production", "staging"]);
    let mut bindings = bindings();
    for (stage, allowed) in [(LOCAL_STAGE, true), ("staging", true), ("Local", false)] {
        bindings.parameters.insert("Stage".into(), stage.into());
        assert_eq!(source.resolve(&bindings).is_ok(), allowed, "{stage}");
    }
}

#[test]
fn a_reference_to_a_number_is_a_number() {
    let yaml = "Parameters: {Size: {Type: Number, Default: 256}, Text: {Type: String, Default: 256, MaxLength: 9}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {MemorySize: !Ref Size, Environment: {Variables: {T: !Ref Text, S: !Sub '${Size} MB'}}}}
";
    let template = resolved(&format!("{yaml}\n")).unwrap();
    let function = &template.functions[0];
    assert_eq!(function.memory_mb, 256);
    assert_eq!((function.environment["T"].as_str(), function.environment["S"].as_str()), ("256", "256 MB"));
    refused(&yaml.replace("!Ref Size,", "!Ref Text,"), "F", "invalid type");
}

#[test]
fn parameters_and_environment_variables_have_one_name() {
    assert_eq!(environment_name("CatalogBucketArns"), "CATALOG_BUCKET_ARNS");
    assert_eq!(parameters::package_name("SyncControl"), "sync-control");
}

#[test]
fn the_repositorys_template_allows_the_origins_that_are_configured() {
    let source = Source::parse(TEMPLATE).unwrap();
    let mut bindings = bindings();
    for (origins, expected) in
        [("", &[][..]), ("https://a.example,https://b.example", &["https://a.example", "https://b.example"])]
    {
        bindings.parameters.insert("CorsAllowedOrigins".into(), origins.into());
        let cors = source.resolve(&bindings).unwrap().cors.unwrap();
        assert_eq!(cors.origins, expected);
        assert!(cors.credentials && cors.headers.contains(&"authorization".to_owned()), "{cors:?}");
        assert_eq!(cors.methods, ["GET", "POST", "PUT", "DELETE"]);
    }
}

#[test]
fn a_resource_under_a_condition_is_there_where_the_condition_holds() {
    let yaml = "Parameters: {Other: {Type: String, Default: ''}}
Conditions: {Own: !Equals [!Ref Other, '']}
Resources:
  K: {Type: AWS::KMS::Key, Condition: Own, Properties: {EnableKeyRotation: true, KeyPolicy: {}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {KEY: !If [Own, !GetAtt K.Arn, !Ref Other]}}
      Policies:
        - Version: '2012-10-17'
          Statement:
            - Effect: Allow
              Action: kms:Decrypt
              Resource: !If [Own, !GetAtt K.Arn, !Ref Other]
              Condition: {'Null': {'kms:EncryptionContext:tenant': 'false'}}
";
    let with = |other: &str| {
        let parameters = [("Other".to_owned(), other.to_owned())].into();
        let template = Source::parse(yaml).unwrap().resolve(&Bindings { parameters, ..Bindings::default() }).unwrap();
        let function = &template.functions[0];
        (template.keys.clone(), function.environment["KEY"].clone(), function.rights.clone())
    };
    let right = |resource: &str| {
        let (resource, context) = (resource.to_owned(), vec!["tenant".to_owned()]);
        vec![Right { action: "kms:Decrypt".into(), resource, context }]
    };
    let own = "arn:aws:kms:us-east-1:000000000000:key/signalbox-K";
    assert_eq!(with(""), (vec!["signalbox-K".to_owned()], own.to_owned(), right(own)));
    assert_eq!(with("arn:x"), (vec![], "arn:x".to_owned(), right("arn:x")));
    let refused = |from: &str, to: &str| {
        Source::parse(&yaml.replace(from, to)).unwrap().resolve(&Bindings::default()).unwrap_err()
    };
    for (from, to, reason) in [
        ("'false'", "'true'", "the condition on kms:EncryptionContext:tenant"),
        ("kms:EncryptionContext:tenant", "aws:SourceIp", "the condition on aws:SourceIp"),
        ("'Null'", "StringEquals", "StringEquals"),
        ("EnableKeyRotation: true", "KeySpec: RSA_2048", "KeySpec"),
    ] {
        let error = refused(from, to).to_string();
        assert!(error.contains(reason), "{error}");
    }
}
