//! The host: everything of the template, started in order and stopped in the opposite one.

pub mod clients;
pub mod data;
mod demo;
pub mod format;
pub mod invoke;
pub mod options;
pub mod poller;
mod registry;
pub mod schedule;
pub mod settings;
mod ticker;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustack_events_core::provider::RustackEvents;
use rustack_events_http::service::{EventsHttpConfig, EventsHttpService};
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use serde_json::Value;
use signalbox::environment::Environment;
use signalbox::function::Function;
use signalbox::outside::Outside;
use signalbox::telemetry::metrics::Metrics;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engines::events::{EventHandler, Seen, Targets};
use crate::engines::journal::Journal;
use crate::engines::queues::{QueueHandler, Queues};
use crate::engines::{self, EngineError, dynamodb};
use crate::gateway::{self, Gateway, routes::Routes};
use crate::host::clients::Endpoints;
use crate::host::data::DataFolder;
use crate::host::invoke::{Deployed, InvokeError, Invoker};
use crate::host::options::{HostError, Options};
use crate::host::settings::Secrets;
use crate::template::{ACCOUNT, Bindings, FunctionModel, REGION, Schedule, Source, Template};
use crate::token::{self, Grant};

/// How long a stop waits for work in flight; the rest of the ten seconds is for closing files.
const STOP_MAX: Duration = Duration::from_secs(8);
/// How often expired items are removed; DynamoDB itself may take days.
const SWEEP: Duration = Duration::from_secs(5);

/// A running host. Dropping it ends everything at once, much as kill -9 would.
pub struct Host {
    address: SocketAddr,
    endpoints: Endpoints,
    environments: BTreeMap<String, Environment>,
    invoker: Arc<Invoker>,
    schedules: Vec<Schedule>,
    outside: Outside,
    secrets: Secrets,
    seen: Seen,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    events: Arc<RustackEvents>,
    stop: watch::Sender<bool>,
    /// What takes work in: ended first.
    intake: JoinSet<()>,
    /// What the work needs: ended last.
    services: JoinSet<()>,
    data: DataFolder,
}

impl Host {
    /// Starts everything in the template; returns when the front answers.
    ///
    /// # Errors
    /// When the template, the data folder, a port or a function is unusable. Nothing is left running then.
    pub async fn start(options: Options) -> Result<Self, HostError> {
        let source = options.template.as_deref().map_or_else(Source::built_in, Source::parse)?;
        let data = DataFolder::open(&options.storage)?;
        let front = engines::listen((Ipv4Addr::LOCALHOST, options.port).into()).map_err(|error| match error {
            EngineError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                HostError::PortInUse(options.port)
            }
            other => other.into(),
        })?;
        let address = local_address(&front)?;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let [tables_port, queues_port, events_port] =
            [engines::listen(any_port)?, engines::listen(any_port)?, engines::listen(any_port)?];
        let endpoints = Endpoints {
            dynamodb: format!("http://{}", local_address(&tables_port)?),
            sqs: format!("http://{}", local_address(&queues_port)?),
            eventbridge: format!("http://{}", local_address(&events_port)?),
        };

        let secrets = settings::secrets(&source, &options.variables, data.path().or(options.secrets.as_deref()))?;
        let catalogue_root = match settings::value(&options.variables, "CATALOG_ROOT") {
            None if settings::is_local(&options.variables) => Some(data.catalogue_root()?),
            _ => None,
        };
        let parameters = settings::parameters(&source, &options.variables, &secrets, catalogue_root.as_deref());
        let bindings =
            Bindings { parameters, sqs_endpoint: endpoints.sqs.clone(), api_endpoint: format!("http://{address}") };
        let template = source.resolve(&bindings)?;
        let routes = Routes::new(&template.routes)?;
        let cors = gateway::cors::layer(template.cors.as_ref(), settings::is_local(&options.variables))?;

        let mut outside = options.outside.clone();
        // Standard output has the ready line and nothing else.
        outside.metrics = Metrics::to(|line| tracing::debug!(target: "signalbox::metrics", "{line}"));
        if data.is_new && options.demo {
            data.request_demo()?;
        }

        // From here on tasks run; dropping `services` and `intake` on an error ends them.
        let mut services = JoinSet::new();
        let database = dynamodb::open(data.tables().as_deref())?;
        dynamodb::create_tables(&database, &template.tables)?;
        let served = database.clone();
        services.spawn(async move {
            // Ends when the task is dropped; an orderly end would wait for clients that keep connections open.
            let _ended = dynoxide::server::serve_with_shutdown(tables_port, served, std::future::pending()).await;
        });
        let journal = Journal::open(data.journal().as_deref()).map_err(EngineError::from)?;
        let port = local_address(&queues_port)?.port();
        let (clock, entropy) = (outside.clock.clone(), outside.entropy.clone());
        let queues = Queues::start(port, &template.queues, journal, clock.clone(), entropy.clone()).await?;
        let handler = Arc::new(QueueHandler(Arc::clone(&queues)));
        services.spawn(engines::serve(queues_port, SqsHttpService::new(handler, SqsHttpConfig::default())));
        let (seen, targets) = (Seen::default(), Arc::new(Targets::default()));
        let (handler, events) =
            EventHandler::start(&template.buses, &template.rules, Arc::clone(&targets), seen.clone())?;
        let handler = EventsHttpService::new(Arc::new(handler), EventsHttpConfig::default());
        services.spawn(engines::serve(events_port, handler));
        services.spawn(sweep(database, queues));

        let environments: BTreeMap<String, Environment> = template
            .functions
            .iter()
            .map(|function| (function.name.clone(), environment(function, &endpoints)))
            .collect();
        let deployed = deploy(&template, &environments, &outside, &options.functions).await?;
        let invoker = Invoker::new(deployed, clock.clone(), entropy.clone());
        let sqs = clients::sqs(&endpoints.sqs);
        targets.connect(Arc::clone(&invoker), sqs.clone(), endpoints.sqs.clone());

        let (stop, stopped) = watch::channel(false);
        let mut intake = JoinSet::new();
        for source in template.event_sources.iter().filter(|_| options.poll) {
            let queue_url = format!("{}/{ACCOUNT}/{}", endpoints.sqs, source.queue);
            let invoker = Arc::clone(&invoker);
            intake.spawn(poller::poll(source.clone(), queue_url, sqs.clone(), invoker, stopped.clone()));
        }
        for schedule in template.schedules.iter().filter(|schedule| options.schedules && schedule.enabled) {
            let invoker = Arc::clone(&invoker);
            intake.spawn(ticker::tick(schedule.clone(), invoker, clock.clone(), entropy.clone(), stopped.clone()));
        }
        let gateway = Gateway { routes, invoker: Arc::clone(&invoker), clock, entropy, cors };
        let mut front_stopped = stopped;
        let served = gateway::serve(front, gateway, async move {
            let _stopped = front_stopped.wait_for(|stop| *stop).await;
        });
        intake.spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the HTTP front has ended");
            }
        });

        let host = Self {
            address,
            dynamodb: clients::dynamodb(&endpoints.dynamodb),
            endpoints,
            environments,
            invoker,
            schedules: template.schedules,
            outside,
            secrets,
            seen,
            sqs,
            events,
            stop,
            intake,
            services,
            data,
        };
        Ok(host.with_demo(&bindings, options.demo))
    }

    /// The front's address, for example `http://127.0.0.1:9000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a function, from which a test can build its own, with faults.
    #[must_use]
    pub fn environment(&self, function: &str) -> Environment {
        self.environments.get(function).cloned().unwrap_or_default()
    }

    /// Where the engines listen.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// A client of the embedded DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// A client of the embedded SQS.
    #[must_use]
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }

    /// A client of the embedded EventBridge.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        clients::eventbridge(&self.endpoints.eventbridge)
    }

    /// The secrets that the host generated.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The latest events that were put on a bus, at most a thousand, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.seen.all()
    }

    /// Invokes a function with an event of your own.
    ///
    /// # Errors
    /// When there is no such function, or it gave no answer.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, InvokeError> {
        self.invoker.invoke(function, event).await
    }

    /// Fires a schedule now, once, by its name (`signalbox-nightly`) or its event's name (`Nightly`). Twice within a second
    /// is the same tick delivered twice.
    ///
    /// # Errors
    /// When there is no such schedule, or its function failed.
    pub async fn fire(&self, schedule: &str) -> Result<(), InvokeError> {
        let found = self.schedules.iter().find(|known| known.name == schedule || known.event == schedule);
        let found = found.ok_or_else(|| InvokeError::Unknown(format!("for the schedule {schedule}")))?;
        let event = ticker::event(found, self.outside.clock.now(), &self.outside.entropy);
        self.invoker.invoke(&found.function, event).await.map(drop)
    }

    /// Takes no more work in, finishes what is in flight, and ends within ten seconds. Says whether all of it was
    /// finished; what was not is on its queue, or has a lease that expires.
    pub async fn stop(mut self) -> bool {
        let deadline = Instant::now() + STOP_MAX;
        self.stop.send_replace(true);
        let ended = async { while self.intake.join_next().await.is_some() {} };
        let taken_in = tokio::time::timeout_at(deadline, ended).await.is_ok();
        let delivered = matches!(tokio::time::timeout_at(deadline, self.events.quiesce()).await, Ok(Ok(())));
        let drained = self.invoker.drain(deadline.saturating_duration_since(Instant::now())).await;
        self.intake.shutdown().await;
        self.services.shutdown().await;
        taken_in && delivered && drained
    }

    fn with_demo(mut self, bindings: &Bindings, wanted: bool) -> Self {
        let mark = self.data.demo_mark();
        let secret = bindings.parameters.get("ServiceJwtSecret").cloned();
        let (Some(secret), true) = (secret, wanted && mark.exists()) else { return self };
        let audience = bindings.parameters.get("ServiceJwtAudience").map_or(token::AUDIENCE_DEFAULT, String::as_str);
        let now = self.outside.clock.now();
        let grant = Grant { audience, scopes: token::scopes("write"), ..Grant::default() };
        let token = token::mint(grant, &secret, now);
        let url = self.url();
        // Behind the ready line, and no reason to fail: the host is as useful without it.
        self.services.spawn(async move {
            let outcome = match token {
                Ok(token) => demo::sync(&url, &token).await,
                Err(error) => Err(error.to_string()),
            };
            match outcome {
                Ok(answer) => {
                    tracing::info!(run = %answer["runId"], metrics = %answer["metrics"], "the demo catalogue is synced");
                    // Left there by a crash, the demo would run again, and find nothing changed.
                    let _gone_already = std::fs::remove_file(mark);
                }
                Err(reason) => tracing::warn!(reason, "the demo catalogue was not synced"),
            }
        });
        self
    }
}

async fn deploy(
    template: &Template,
    environments: &BTreeMap<String, Environment>,
    outside: &Outside,
    stand_ins: &BTreeMap<String, Function>,
) -> Result<Vec<Deployed>, HostError> {
    let mut deployed = Vec::with_capacity(template.functions.len());
    for model in &template.functions {
        let function = match stand_ins.get(&model.name) {
            Some(function) => Some(Ok(function.clone())),
            None => registry::build(&model.name, &environments[&model.name], outside).await,
        };
        let (logical_id, name) = (model.logical_id.clone(), model.name.clone());
        let function = function.ok_or(HostError::NotRegistered { logical_id, name })?;
        deployed.push(Deployed {
            function: function.map_err(|source| HostError::Function { function: model.name.clone(), source })?,
            name: model.name.clone(),
            arn: model.arn.clone(),
            timeout: model.timeout,
            async_retries_max: model.async_retries_max,
        });
    }
    Ok(deployed)
}

/// A function's variables: the template's, and what Lambda adds to them.
fn environment(function: &FunctionModel, endpoints: &Endpoints) -> Environment {
    let lambda = [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SQS", endpoints.sqs.clone()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoints.eventbridge.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", clients::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", clients::SECRET_KEY.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
    ];
    let lambda = lambda.map(|(name, value)| (name.to_owned(), value));
    function.environment.clone().into_iter().chain(lambda).collect()
}

/// Removes expired items and messages, for ever.
async fn sweep(database: dynoxide::Database, queues: Arc<Queues>) {
    let mut interval = tokio::time::interval(SWEEP);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let (database, queues) = (database.clone(), Arc::clone(&queues));
        let swept = tokio::task::spawn_blocking(move || {
            let items = database.sweep_ttl().map(drop).map_err(|error| error.to_string());
            items.and(queues.expire().map_err(|error| error.to_string()))
        });
        if let Ok(Err(error)) = swept.await {
            tracing::warn!(error, "expired items were not removed");
        }
    }
}

fn local_address(listener: &tokio::net::TcpListener) -> Result<SocketAddr, EngineError> {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.local_addr().map_err(|source| EngineError::Listen { address: unknown, source })
}
