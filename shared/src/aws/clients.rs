//! The AWS clients.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::signed::{Service, Signed};
use super::tls;
use super::wire::Wire;
use crate::aws::meter::Counted;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// A call that takes longer than this has failed. Three attempts stay well below what is left of a lease that is due
/// for renewal, see [`crate::domain::runs::lease::RENEW_AFTER_MS`].
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As any other: some attempts, within some seconds.
    Usual,
    /// Once. How long that may take is the caller's to bound.
    Once,
}

impl Patience {
    /// What it changes about one call. The call goes over the connections that the client has: a client of its own would
    /// open others, at the very moment when time is short.
    pub(super) fn of_call(self) -> aws_sdk_dynamodb::config::Builder {
        let unchanged = aws_sdk_dynamodb::Config::builder();
        match self {
            Self::Usual => unchanged,
            Self::Once => unchanged.retry_config(RetryConfig::disabled()),
        }
    }
}

/// The clients. What they reach is the handles' to name: a function asks for the tables, queues and bus that it uses, and for
/// no other.
#[derive(Clone, Debug)]
pub struct Clients {
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) eventbridge: aws_sdk_eventbridge::Client,
    pub(super) wire: Wire,
    settings: Settings,
}

/// What all clients are made with.
#[derive(Clone, Debug)]
struct Settings {
    region: Region,
    credentials: Credentials,
    timeouts: TimeoutConfig,
    endpoints: Environment,
    http: Option<SharedHttpClient>,
    sleep: Option<SharedAsyncSleep>,
    is_counted: bool,
}

impl Settings {
    fn endpoint(&self, service: &str) -> Option<String> {
        let own = self.endpoints.get(&format!("AWS_ENDPOINT_URL_{service}"));
        own.or_else(|| self.endpoints.get("AWS_ENDPOINT_URL")).map(String::from)
    }
}

/// The builders share no type, only their methods.
macro_rules! client {
    ($settings:expr, $sdk:ident, $service:literal) => {{
        let settings: &Settings = $settings;
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(settings.region.clone())
            .credentials_provider(settings.credentials.clone())
            .retry_config(RetryConfig::standard())
            .timeout_config(settings.timeouts.clone());
        config.set_endpoint_url(settings.endpoint($service));
        config.set_http_client(settings.http.clone());
        if let Some(sleep) = settings.sleep.clone() {
            config.set_sleep_impl(Some(sleep));
        }
        if settings.is_counted {
            config = config.interceptor(Counted);
        }
        $sdk::Client::from_conf(config.build())
    }};
}

impl Clients {
    /// Makes the clients; nothing is called.
    ///
    /// Credentials are the ones Lambda puts into the environment, so the SDK's whole chain of providers
    /// (`aws-config`) is left out: it would double the size of a function.
    ///
    /// # Errors
    /// When the region or the credentials are missing, and in local mode anywhere but on somebody's own machine.
    pub fn connect(environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        // Here, as no function comes past it, whichever runtime drives it.
        environment.refuse_local_mode_elsewhere()?;
        let required = |name| environment.require(name).map(String::from);
        let region = Region::new(required("AWS_REGION")?);
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            environment.get("AWS_SESSION_TOKEN").map(String::from),
            None,
            "environment",
        );
        let timeouts =
            TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let (endpoints, sleep) = (environment.clone(), outside.aws_sleep.clone());
        let http = Some(outside.aws_http.clone().unwrap_or_else(|| tls::http_client(sleep.clone())));
        let settings = Settings { region, credentials, timeouts, endpoints, http, sleep, is_counted: false };
        Ok(Self::of(settings, Wire::default()))
    }

    /// The same, with the wire where `LEAN_WIRE` says so: for functions whose calls are made for each webhook. What is made of the
    /// clients before has none.
    ///
    /// # Errors
    /// When the variable cannot be read.
    pub fn wired(self, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        let Settings { credentials, region, .. } = &self.settings;
        let endpoint = |service: &str| self.settings.endpoint(service);
        let wire = Wire::connect(environment, outside, credentials, region.as_ref(), endpoint)?;
        Ok(Self { wire, ..self })
    }

    fn of(settings: Settings, wire: Wire) -> Self {
        Self {
            dynamodb: client!(&settings, aws_sdk_dynamodb, "DYNAMODB"),
            sqs: client!(&settings, aws_sdk_sqs, "SQS"),
            eventbridge: client!(&settings, aws_sdk_eventbridge, "EVENTBRIDGE"),
            wire,
            settings,
        }
    }

    /// The same, but that calls for a run are counted: for a function that advances runs.
    #[must_use]
    pub fn counted(self) -> Self {
        Self::of(Settings { is_counted: true, ..self.settings }, self.wire)
    }

    /// Opens the wire's connections beside what else is done: for a function whose first event would wait for them.
    pub fn prepare_wire(&self) {
        self.wire.prepare();
    }

    /// A client of KMS. Made by whoever needs one: a function that has no secrets to open carries none.
    pub(super) fn kms(&self) -> aws_sdk_kms::Client {
        client!(&self.settings, aws_sdk_kms, "KMS")
    }

    /// A client of SES. Made by whoever needs one.
    pub(super) fn sesv2(&self) -> aws_sdk_sesv2::Client {
        client!(&self.settings, aws_sdk_sesv2, "SESV2")
    }

    /// What signs and sends calls to a service that has no client here.
    pub(super) fn signed(&self, service: Service, outside: &Outside) -> Signed {
        let Settings { region, credentials, endpoints, http, sleep, .. } = &self.settings;
        let endpoint = self.settings.endpoint(service.variable).or_else(|| {
            // A laptop has neither of them: what it does there must not reach somebody's account.
            (!endpoints.is_local()).then(|| format!("https://{}.{region}.amazonaws.com", service.name))
        });
        let (region, credentials) = (region.clone(), credentials.clone());
        let (http, sleep, outside) = (http.clone(), sleep.clone(), outside.clone());
        Signed { service, endpoint, region, credentials, http, sleep, outside }
    }

    /// A client of SSM. Made by whoever needs one.
    pub(super) fn ssm(&self) -> aws_sdk_ssm::Client {
        client!(&self.settings, aws_sdk_ssm, "SSM")
    }
}
