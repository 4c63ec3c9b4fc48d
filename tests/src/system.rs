//! A whole system: the local host's engines without its clockwork, a clock that stands, and who asks and drives it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use signalbox::environment::Environment;
use signalbox::outside::{Clock, Entropy, Outside};
use signalbox::vendors::Providers;
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_local::{Host, Options};

use crate::process::Process;
use crate::queues::Delays;
use crate::recorder::recorder;
use crate::tokens::{SERVICE_SECRET, SESSION_SECRET, USER_SECRET};
use crate::wire::Wire;

/// When a system starts, unless told otherwise: within a day, a month and an hour, so that their counters are told apart,
/// and later than any real clock, as the engine sweeps what has expired by the real one.
const START_SECONDS: i64 = 4_102_488_000;

/// The engines, and what all processes share.
pub struct System {
    /// The engines, and the front that is asked over HTTP.
    pub host: Host,
    /// The time of everybody.
    pub clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) delays: Delays,
    /// What functions send to AWS with: delays are on the clock of the test.
    pub http: SharedHttpClient,
    pub(crate) client: reqwest::Client,
    /// How many tenants tests of runs have made up so far.
    pub(crate) worlds: AtomicUsize,
}

/// What a system is started with.
pub struct Settings {
    /// The time of everybody.
    pub clock: Clock,
    /// Where the host's own functions find catalogues.
    pub stores: StoreFactory,
    /// Which providers the host's own functions know.
    pub providers: Providers,
    /// Whether the host hands its queues' messages to its functions by itself. The delays are the engine's then.
    pub poll: bool,
    /// Values of the template's parameters, by their environment names.
    pub variables: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let clock = Clock::fixed(Timestamp::from_second(START_SECONDS).expect("a time"));
        let (stores, providers) = (StoreFactory::default(), Providers::default());
        let settings = Self { clock, stores, providers, poll: false, variables: BTreeMap::new() };
        settings.with(&[
            ("SERVICE_JWT_SECRET", SERVICE_SECRET),
            ("SESSION_JWT_SECRET", SESSION_SECRET),
            ("JWT_SECRET", USER_SECRET),
        ])
    }
}

impl Settings {
    /// With other values of the template's parameters; an empty one counts as unset.
    #[must_use]
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        self.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.variables.retain(|_, value| !value.is_empty());
        self
    }
}

impl System {
    /// Starts the engines. Nothing happens by itself: tests drive the queues, the schedules and the clock.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// As [`System::start`], with other settings.
    pub async fn with(settings: Settings) -> Self {
        let Settings { clock, stores, providers, poll, variables } = settings;
        let delays = Delays::new(clock.clone());
        let http = delays.http(aws_smithy_http_client::Builder::new().build_http());
        let aws_http = (!poll).then(|| http.clone());
        let outside = Outside { clock: clock.clone(), stores, providers, aws_http, ..Outside::default() };
        let options = Options { variables, outside, poll, recorder: recorder(), ..Options::default() };
        let host = Host::start(options).await.expect("the host starts");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { host, clock, entropy: Entropy::seeded(7), delays, http, client, worlds: AtomicUsize::new(0) }
    }

    /// A process: instances of every function whose calls go over a wire.
    pub async fn process(&self, wire: Wire) -> Process {
        self.process_with(wire, &[]).await
    }

    /// A process with other environment variables.
    pub async fn process_with(&self, wire: Wire, variables: &[(&str, &str)]) -> Process {
        Process::start(self, wire, variables).await
    }

    /// What an instance is given from outside: its calls go over this wire, by the clock of the test.
    #[must_use]
    pub fn outside(&self, wire: &Wire) -> Outside {
        Outside {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            aws_http: Some(wire.http(self.http.clone())),
            aws_sleep: Some(no_waiting()),
            shutdown: wire.shutdown(),
            ..Outside::default()
        }
    }

    /// The environment of a function.
    #[must_use]
    pub fn environment(&self, function: &str) -> Environment {
        self.host.environment(function)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// The SDK's timeouts never strike and its pauses between attempts take no time.
#[derive(Debug)]
struct NoWaiting;

impl AsyncSleep for NoWaiting {
    fn sleep(&self, duration: Duration) -> Sleep {
        // The shortest timeout has 6 s, the longest pause of three attempts 4 s.
        if duration > Duration::from_secs(5) {
            Sleep::new(std::future::pending())
        } else {
            Sleep::new(tokio::task::yield_now())
        }
    }
}

fn no_waiting() -> SharedAsyncSleep {
    SharedAsyncSleep::new(NoWaiting)
}
