//! The host's own SDK clients. Functions make theirs from their environment; faults that a test puts into those do not
//! reach the pollers.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Region};

use crate::template::REGION;

/// Any key will do; the engines check no signatures.
pub(crate) const ACCESS_KEY: &str = "local";
/// As above.
pub(crate) const SECRET_KEY: &str = "local";
/// Longer than the longest poll.
const CALL_MAX: Duration = Duration::from_secs(30);

/// Where the engines listen.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// DynamoDB.
    pub dynamodb: String,
    /// SQS.
    pub sqs: String,
    /// EventBridge.
    pub eventbridge: String,
}

macro_rules! client {
    ($name:ident, $sdk:ident, $documentation:literal) => {
        #[doc = $documentation]
        pub(crate) fn $name(endpoint: &str) -> $sdk::Client {
            let config = $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(REGION))
                .credentials_provider(Credentials::from_keys(ACCESS_KEY, SECRET_KEY, None))
                .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_MAX).build())
                .endpoint_url(endpoint)
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb, "A client of the embedded DynamoDB.");
client!(sqs, aws_sdk_sqs, "A client of the embedded SQS.");
client!(eventbridge, aws_sdk_eventbridge, "A client of the embedded EventBridge.");
