//! What lets new versions in: its samples, sent to the real functions, write nothing; and whatever is in doubt is refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use lambda_runtime::Context;
use serde_json::{Value, json};
use signalbox::function::Function;
use signalbox_local::template::{Bindings, FunctionModel, Source};
use signalbox_pre_traffic::samples;
use signalbox_tests::process::Process;
use signalbox_tests::wire::Wire;

use crate::routes::kit::World;

const HOOK: &str = "pre-traffic";
/// All that samples may call.
const READS: [&str; 4] = ["DynamoDB.GetItem", "DynamoDB.BatchGetItem", "DynamoDB.Query", "SQS.GetQueueAttributes"];

fn functions() -> Vec<FunctionModel> {
    Source::built_in().unwrap().resolve(&Bindings::default()).unwrap().functions
}

#[tokio::test]
async fn every_function_has_samples_and_none_of_them_writes() {
    let world = World::production().await;
    let process = world.process(Wire::whole()).await;
    for FunctionModel { name, logical_id, .. } in functions().iter().filter(|function| function.name != HOOK) {
        let samples = samples::of(logical_id).unwrap_or_else(|| panic!("samples.rs has none of {logical_id}"));
        for sample in samples {
            let answer = process.invoke(name, sample.event.clone()).await.unwrap();
            assert_eq!(sample.judge(None, &answer.to_string()), Ok(()), "{name}: {answer}");
        }
    }
    let calls = process.wire().calls();
    assert!(calls.contains(&"DynamoDB.GetItem".to_owned()), "readiness looks at no table: {calls:?}");
    let others: Vec<&String> = calls.iter().filter(|call| !READS.contains(&call.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// What CodeDeploy and Lambda are to the hook: one deployment, whose version is a process of the test or another answer.
#[derive(Clone)]
struct Release {
    function: &'static str,
    version: &'static str,
    serves: Serves,
    told: Arc<Mutex<Vec<Value>>>,
}

#[derive(Clone)]
enum Serves {
    Really(Arc<Process>),
    Status(u16),
    Failing,
    Throttled,
}

async fn code_deploy(State(release): State<Release>, headers: HeaderMap, body: String) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let signed = headers["authorization"].to_str().unwrap().starts_with("AWS4-HMAC-SHA256 Credential=");
    assert!(signed, "CodeDeploy takes no call without a signature");
    let asked: Value = serde_json::from_str(&body).unwrap();
    let sha256 = json!({"revisionType": "String", "string": {"sha256": "abc"}});
    let answer = match target {
        "CodeDeploy_20141006.GetDeployment" if asked == json!({"deploymentId": "d-1"}) => {
            json!({"deploymentInfo": {"deploymentId": "d-1", "applicationName": "app", "revision": sha256}})
        }
        "CodeDeploy_20141006.GetApplicationRevision"
            if asked == json!({"applicationName": "app", "revision": sha256}) =>
        {
            let properties = json!({"Name": release.function, "Alias": "live", "CurrentVersion": "6",
                "TargetVersion": release.version});
            let resource = json!({"F": {"Type": "AWS::Lambda::Function", "Properties": properties}});
            let content = json!({"version": 0.0, "Resources": [resource]}).to_string();
            json!({"applicationName": "app", "revision": {"revisionType": "String", "string": {"content": content}}})
        }
        "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus" => {
            release.told.lock().unwrap().push(asked);
            json!({"lifecycleEventHookExecutionId": "e-1"})
        }
        _ => return (StatusCode::BAD_REQUEST, r#"{"__type":"ValidationException"}"#).into_response(),
    };
    answer.to_string().into_response()
}

async fn lambda(State(release): State<Release>, Path(function): Path<String>, body: String) -> Response {
    assert_eq!(function, release.function);
    match release.serves {
        Serves::Really(process) => {
            let logical_id = function.strip_prefix("signalbox-").unwrap();
            let model = functions().into_iter().find(|model| model.logical_id == logical_id).unwrap();
            let event = serde_json::from_str(&body).unwrap();
            process.invoke(&model.name, event).await.unwrap().to_string().into_response()
        }
        Serves::Status(status) => json!({"statusCode": status}).to_string().into_response(),
        Serves::Failing => ([("x-amz-function-error", "Unhandled")], "{}").into_response(),
        Serves::Throttled => (StatusCode::TOO_MANY_REQUESTS, "{}").into_response(),
    }
}

/// What CodeDeploy is told of a version.
async fn verdict(world: &World, function: &'static str, version: &'static str, serves: Serves) -> String {
    let told = Arc::default();
    let release = Release { function, version, serves, told: Arc::clone(&told) };
    let aws = Router::new()
        .route("/", post(code_deploy))
        .route("/2015-03-31/functions/{name}/invocations", post(lambda))
        .with_state(release);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, aws).await });

    let mut outside = world.outside(&Wire::whole());
    outside.aws_http = outside.aws_http.map(|http| world.host.rights(HOOK).guard(http));
    let mut environment = world.environment(HOOK);
    let endpoints = ["AWS_ENDPOINT_URL_CODEDEPLOY", "AWS_ENDPOINT_URL_LAMBDA"];
    environment.extend(endpoints.map(|name| (name.to_owned(), url.clone())));
    let hook: Function = signalbox_pre_traffic::build(&environment, &outside).await.unwrap();
    let asked = json!({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"});
    hook.invoke(asked, Context::default()).await.unwrap();
    serving.abort();
    let [told] = std::mem::take(&mut *told.lock().unwrap()).try_into().unwrap();
    let status = told["status"].as_str().unwrap().to_owned();
    assert_eq!(told, json!({"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": status}));
    status
}

#[tokio::test]
async fn a_version_that_answers_as_it_must_is_let_in_and_no_other() {
    let world = World::production().await;
    let process = Arc::new(world.process(Wire::whole()).await);
    let really = || Serves::Really(Arc::clone(&process));
    for function in ["signalbox-ReadApi", "signalbox-Webhooks", "signalbox-SyncWorker", "signalbox-Scheduler"] {
        assert_eq!(verdict(&world, function, "7", really()).await, "Succeeded", "{function}");
    }
    for (function, version, serves, why) in [
        ("signalbox-ReadApi", "7", Serves::Status(503), "it is not ready"),
        ("signalbox-Webhooks", "7", Serves::Status(200), "a door takes what it must not"),
        ("signalbox-Scheduler", "7", Serves::Failing, "it does not start"),
        ("signalbox-Console", "7", Serves::Throttled, "it cannot be asked"),
        ("signalbox-ReadApi", "$LATEST", really(), "no version is named"),
        ("other-ReadApi", "7", really(), "it is of another stack"),
        ("signalbox-Unknown", "7", really(), "nobody knows what it must answer"),
    ] {
        assert_eq!(verdict(&world, function, version, serves).await, "Failed", "{why}");
    }
    assert_eq!(world.host.rights(HOOK).unused(), [], "rights of template.yaml that the hook does not need");
}
