//! The host's own SDK clients. Functions make theirs from their environment; faults that a test puts into those do not
//! reach the pollers.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use subtle::ConstantTimeEq as _;

use crate::host::data::DataError;
use crate::host::settings;
use crate::template::REGION;

/// Longer than the longest poll.
const CALL_MAX: Duration = Duration::from_secs(30);

/// What the engines know their clients by, made anew at each start.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// As in `AWS_ACCESS_KEY_ID`. The engines ask for it, so that it is as secret as the other half.
    pub id: String,
    /// As in `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
}

impl AccessKey {
    pub(crate) fn generate() -> Result<Self, DataError> {
        Ok(Self { id: settings::generate()?, secret: settings::generate()? })
    }

    /// Whether an id is this key's.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.id.as_bytes().ct_eq(id.as_bytes()).into()
    }
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AccessKey")
    }
}

/// Where the engines listen, and what lets a client in.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// For all of them.
    pub access_key: AccessKey,
    /// DynamoDB.
    pub dynamodb: String,
    /// SQS.
    pub sqs: String,
    /// EventBridge.
    pub eventbridge: String,
    /// KMS.
    pub kms: String,
    /// SSM.
    pub ssm: String,
    /// SES.
    pub sesv2: String,
}

macro_rules! client {
    ($name:ident, $sdk:ident, $documentation:literal) => {
        #[doc = $documentation]
        pub(crate) fn $name(endpoints: &Endpoints) -> $sdk::Client {
            let AccessKey { id, secret } = &endpoints.access_key;
            let config = $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(REGION))
                .credentials_provider(Credentials::from_keys(id, secret, None))
                .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_MAX).build())
                .endpoint_url(&endpoints.$name)
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb, "A client of the embedded DynamoDB.");
client!(sqs, aws_sdk_sqs, "A client of the embedded SQS.");
client!(eventbridge, aws_sdk_eventbridge, "A client of the embedded EventBridge.");
