//! A release while it is on its way: what CodeDeploy says of it, the new version of a function, invoked, and the verdict.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::clients::Clients;
use super::faults::AwsFault;
use super::signed::{Call, Service, Signed};
use super::through::Answered;
use crate::outside::Outside;

const CODE_DEPLOY: Service = Service { name: "codedeploy", variable: "CODEDEPLOY" };
const LAMBDA: Service = Service { name: "lambda", variable: "LAMBDA" };
/// As `x-amz-target` names the interface.
const TARGET: &str = "CodeDeploy_20141006";
const CALL_MAX: Duration = Duration::from_secs(10);
/// The HTTP API waits for 30 s; a version that takes longer is none to let in.
const INVOKE_MAX: Duration = Duration::from_secs(30);

/// Asks CodeDeploy and Lambda. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Releases {
    code_deploy: Signed,
    lambda: Signed,
}

/// What a version answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// Whether the function itself failed, and how Lambda calls that.
    pub error: Option<String>,
    /// Its answer, or what it says of its failure.
    pub payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    deployment_info: DeploymentInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentInfo {
    application_name: String,
    /// Handed back as it came.
    revision: Value,
}

#[derive(Deserialize)]
struct Revision {
    revision: Location,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    string: Option<Content>,
    app_spec_content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

impl Releases {
    /// Nothing is called.
    #[must_use]
    pub fn connect(clients: &Clients, outside: &Outside) -> Self {
        Self { code_deploy: clients.signed(CODE_DEPLOY, outside), lambda: clients.signed(LAMBDA, outside) }
    }

    /// The text in which a deployment says what it deploys, the AppSpec. `GetDeployment` leaves it out of its answer, and the targets
    /// of a deployment are known only once traffic moves.
    ///
    /// # Errors
    /// When CodeDeploy cannot be asked, or says something else.
    pub async fn specification(&self, deployment: &str) -> Result<String, AwsFault> {
        let Deployment { deployment_info: DeploymentInfo { application_name, revision } } =
            self.ask("GetDeployment", &json!({"deploymentId": deployment})).await?;
        let about = json!({"applicationName": application_name, "revision": revision});
        let Revision { revision } = self.ask("GetApplicationRevision", &about).await?;
        let content = revision.string.or(revision.app_spec_content);
        let missing = || AwsFault::damaged("GetApplicationRevision", "the revision has no text");
        content.map(|content| content.content).ok_or_else(missing)
    }

    /// Invokes one version of a function, and waits for its answer. `function` is a name and no ARN, and `version` a number, so that
    /// both are parts of a path as they are.
    ///
    /// # Errors
    /// When it could not be invoked.
    pub async fn invoke(&self, function: &str, version: u64, event: &Value) -> Result<Invoked, AwsFault> {
        let call = Call {
            operation: "Invoke",
            path: format!("/2015-03-31/functions/{function}/invocations?Qualifier={version}"),
            headers: vec![("content-type", "application/json".to_owned())],
            body: event.to_string(),
        };
        let Answered { function_error, body, .. } = self.lambda.send(&call, INVOKE_MAX).await?;
        Ok(Invoked { error: function_error, payload: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Says whether the version may come in.
    ///
    /// # Errors
    /// When CodeDeploy could not be told. It waits for an hour then, and takes the release back.
    pub async fn tell(&self, deployment: &str, execution: &str, passed: bool) -> Result<(), AwsFault> {
        let status = if passed { "Succeeded" } else { "Failed" };
        let verdict = json!({"deploymentId": deployment, "lifecycleEventHookExecutionId": execution, "status": status});
        let _echo: Value = self.ask("PutLifecycleEventHookExecutionStatus", &verdict).await?;
        Ok(())
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, operation: &'static str, about: &Value) -> Result<T, AwsFault> {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("{TARGET}.{operation}")),
        ];
        let call = Call { operation, path: "/".to_owned(), headers, body: about.to_string() };
        let answered = self.code_deploy.send(&call, CALL_MAX).await?;
        serde_json::from_slice(&answered.body).map_err(|error| AwsFault::damaged(operation, error.to_string()))
    }
}
