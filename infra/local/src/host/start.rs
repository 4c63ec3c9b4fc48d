//! How a host starts, phase by phase: data and ports are opened, the template is resolved, the engines are started, the
//! functions deployed, and last whatever takes work in. Each phase needs what those before it have made.
//!
//! Tasks run from the engines on. They live in sets that end them when dropped, so that an error in a later phase leaves
//! nothing running.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use rustack_events_core::provider::RustackEvents;
use rustack_events_http::service::{EventsHttpConfig, EventsHttpService};
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use serde_json::{Map, Value};
use signalbox::domain::service_secrets::WEBHOOK;
use signalbox::environment::Environment;
use signalbox::function::Function;
use signalbox::outside::{Outside, Shutdown, StorageCheck};
use signalbox::telemetry::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engines::events::{EventHandler, Seen, Targets};
use crate::engines::guard::{Guard, LIMITS};
use crate::engines::journal::Journal;
use crate::engines::json::JsonHandler;
use crate::engines::kms::{self, Keys};
use crate::engines::queues::{QueueHandler, Queues};
use crate::engines::ses::{MailHandler, Outbox};
use crate::engines::ssm::Parameters;
use crate::engines::tables::TableHandler;
use crate::engines::{EngineError, dynamodb};
use crate::gateway::hosts::Hosts;
use crate::gateway::{self, Gateway, Pages, routes::Routes};
use crate::host::clients::{self, AccessKey, Endpoints};
use crate::host::data::{DataFolder, Opened};
use crate::host::invoke::{Deployed, Invoker};
use crate::host::kinds::Kinds;
use crate::host::options::{HostError, Options};
use crate::host::record::Recorder;
use crate::host::rights::Rights;
use crate::host::settings::{self, SERVICE_SECRET, Secrets};
use crate::host::{Host, demo, imports, lent, poller, registry, restart, ticker};
use crate::server;
use crate::template::{ACCOUNT, Bindings, FunctionModel, REGION, Source, Template, TemplateError};

/// How often expired items are removed. DynamoDB itself may take days, and nobody is shown them until then. It reads every
/// item of every table: done every few seconds, it would keep a host with a large catalogue busy for nothing.
const SWEEP_ITEMS: Duration = Duration::from_secs(600);
/// How often messages are removed that are too old: a look into an index.
const SWEEP_MESSAGES: Duration = Duration::from_secs(5);
/// How often the host looks whether its files are still there.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn start(options: Options) -> Result<Host, HostError> {
    let source = options.template.as_deref().map_or_else(Source::built_in, Source::parse)?;
    let data = DataFolder::open(&options.storage)?;
    let (front, engine_ports) = open_ports(options.port)?;
    let (address, endpoints) = (local_address(&front)?, engine_ports.endpoints(AccessKey::generate()?)?);
    let Resolved { bindings, secrets, template, routes, pages } =
        resolve(&source, &options, &data, address, &endpoints)?;
    let has_demo = options.demo && settings::is_local(&options.variables);
    if data.is_new && has_demo {
        data.request_demo()?;
    }
    let vendors = match has_demo && demo::is_wanted(&bindings) {
        true => demo::vendors::start(&data, &options.outside.clock).await,
        false => None,
    };

    let mut outside = options.outside.clone();
    // Standard output has the ready line and nothing else.
    let recorder = options.recorder.clone();
    outside.metrics = Metrics::to(move |line| {
        recorder.measured(line);
        say(line);
    });
    // Its own: options may start another host once this one is stopped.
    outside.shutdown = Shutdown::default();
    let key = &endpoints.access_key;
    let mut engines = start_engines(&data, engine_ports, key, &template, &outside, &options.recorder).await?;
    if let Some(opened) = engines.opened.clone() {
        outside.storage = StorageCheck::by(move || opened.takes_writes());
    }
    for (name, value) in settings::service_secrets(&source, &options.variables, &secrets) {
        engines.parameters.put(name, value);
    }
    let mut environments = environments(&template, &endpoints);
    // Where it can be shown what was sent.
    let outbox = data.outbox().to_string_lossy().into_owned();
    environments.values_mut().for_each(|one| one.extend([("SIGNALBOX_OUTBOX".to_owned(), outbox.clone())]));
    imports::lend_secrets(&mut environments, &template, &options.variables);
    if let Some((folder, environment)) = data.path().zip(environments.get(lent::FUNCTION)) {
        lent::lend(folder, environment)?;
    }
    let rights = rights(&template, &options.recorder);
    let invoker = deploy(&template, &environments, &rights, &outside, &options.functions).await?;
    let sqs = clients::sqs(&endpoints);
    engines.targets.connect(Arc::clone(&invoker), sqs.clone(), endpoints.sqs.clone());

    if !data.is_new {
        restart::take_up_runs(&environments, &outside).await;
    }

    match &vendors {
        Some(vendors) => vendors.lead(&environments, &outside).await,
        None => demo::vendors::rest(&data, &environments, &outside).await,
    }

    if options.schedules {
        imports::import(&template, &invoker, &outside).await;
    }

    let mut intake = Intake::new(&invoker, &outside);
    if options.poll {
        intake.poll(&template, &sqs, &endpoints);
    }
    if options.schedules {
        intake.keep_schedules(&template);
    }
    let hosts = match settings::is_local(&options.variables) {
        true => Hosts::Loopback(options.allowed_hosts),
        false => Hosts::Any,
    };
    let lost = watch::Sender::new(None);
    if let Some(opened) = engines.opened {
        engines.services.spawn(look_after(opened, lost.clone(), intake.stop.clone()));
    }
    intake.answer(front, (address.port(), hosts), routes, pages);
    if has_demo {
        let secret = |name: &str| settings::value(&options.variables, name).or(secrets.get(name));
        let setting = demo::Setting {
            bindings: &bindings,
            template: &template,
            front: address,
            sqs: &sqs,
            tokens: secret(SERVICE_SECRET),
            webhooks: secret(WEBHOOK.as_str()),
            now: outside.clock.now(),
            vendors: vendors.as_ref(),
            environments: &environments,
            outside: &outside,
        };
        demo::run_if_requested(&mut engines.services, &data, &setting);
    }

    Ok(Host {
        address,
        dynamodb: clients::dynamodb(&endpoints),
        endpoints,
        environments,
        rights,
        invoker,
        schedules: template.schedules,
        outside,
        secrets,
        seen: engines.seen,
        parameters: engines.parameters,
        outbox: engines.outbox,
        sqs,
        events: engines.events,
        stop: intake.stop,
        lost: lost.subscribe(),
        intake: intake.tasks,
        services: engines.services,
        vendors,
        kinds: engines.kinds,
        data,
    })
}

/// The engines' ports, open before anything listens there: their addresses are in the functions' environments.
struct EnginePorts {
    tables: TcpListener,
    queues: TcpListener,
    events: TcpListener,
    kms: TcpListener,
    ssm: TcpListener,
    sesv2: TcpListener,
}

impl EnginePorts {
    fn endpoints(&self, access_key: AccessKey) -> Result<Endpoints, EngineError> {
        Ok(Endpoints {
            access_key,
            dynamodb: format!("http://{}", local_address(&self.tables)?),
            sqs: format!("http://{}", local_address(&self.queues)?),
            eventbridge: format!("http://{}", local_address(&self.events)?),
            kms: format!("http://{}", local_address(&self.kms)?),
            ssm: format!("http://{}", local_address(&self.ssm)?),
            sesv2: format!("http://{}", local_address(&self.sesv2)?),
        })
    }
}

fn open_ports(front: u16) -> Result<(TcpListener, EnginePorts), HostError> {
    let open = |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server::listen(address).map_err(|source| EngineError::Listen { address, source })
    };
    let front = open(front).map_err(|error| match error {
        EngineError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            HostError::PortInUse(front)
        }
        other => other.into(),
    })?;
    let engines = EnginePorts {
        tables: open(0)?,
        queues: open(0)?,
        events: open(0)?,
        kms: open(0)?,
        ssm: open(0)?,
        sesv2: open(0)?,
    };
    Ok((front, engines))
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, EngineError> {
    let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.local_addr().map_err(|source| EngineError::Listen { address: unknown, source })
}

/// The template with every reference resolved, and what it was resolved with.
struct Resolved {
    bindings: Bindings,
    secrets: Secrets,
    template: Template,
    routes: Routes,
    pages: Pages,
}

fn resolve(
    source: &Source,
    options: &Options,
    data: &DataFolder,
    front: SocketAddr,
    endpoints: &Endpoints,
) -> Result<Resolved, HostError> {
    let is_local = settings::is_local(&options.variables);
    let secrets = settings::secrets(&options.variables, data.path().or(options.secrets.as_deref()))?;
    let catalogue_root = match settings::value(&options.variables, "CATALOG_ROOT") {
        None if is_local => Some(data.catalogue_root()?),
        _ => None,
    };
    let parameters = settings::parameters(source, &options.variables, catalogue_root.as_deref());
    let bindings =
        Bindings { parameters, sqs_endpoint: endpoints.sqs.clone(), api_endpoint: format!("http://{front}") };
    let template = source.resolve(&bindings)?;
    let routes = Routes::new(&template.routes)?;
    let cors = gateway::cors::layer(template.cors.as_ref(), is_local)?;
    let of_urls = template.functions.iter().filter_map(|function| Some((&function.name, function.url.as_ref()?)));
    let urls = of_urls.map(|(name, cors)| Ok((name.clone(), gateway::cors::of_url(cors)?)));
    let pages = Pages { api: cors, urls: urls.collect::<Result<_, TemplateError>>()? };
    Ok(Resolved { bindings, secrets, template, routes, pages })
}

/// The stand-ins for AWS, running.
struct Engines {
    /// Their files, where there are any.
    opened: Option<Opened>,
    kinds: Option<Kinds>,
    /// What the work needs: ended last.
    services: JoinSet<()>,
    events: Arc<RustackEvents>,
    seen: Seen,
    parameters: Parameters,
    outbox: Outbox,
    /// Where matched events go, once there are functions.
    targets: Arc<Targets>,
}

async fn start_engines(
    data: &DataFolder,
    ports: EnginePorts,
    access_key: &AccessKey,
    template: &Template,
    outside: &Outside,
    recorder: &Recorder,
) -> Result<Engines, HostError> {
    let mut services = JoinSet::new();
    data.prepare()?;
    // Its own, and those that a parameter has the functions use beside them or in their place.
    let rights = template.functions.iter().flat_map(|function| &function.rights);
    let named = rights.filter_map(|right| kms::id_in(&right.resource)).map(str::to_owned);
    let keys = Keys::new(template.keys.iter().cloned().chain(named), data.root_key()?);
    let database = dynamodb::open(data.tables().as_deref())?;
    dynamodb::create_tables(&database, &template.tables)?;
    let journal = Journal::open(data.journal().as_deref()).map_err(EngineError::from)?;
    let opened = data.opened()?;
    let guard = Guard { access_key: access_key.clone(), files: opened.clone() };
    let kinds = Kinds::new(database.clone(), template, recorder);
    serve(&mut services, ports.tables, TableHandler(database.clone()), &guard);

    let port = local_address(&ports.queues)?.port();
    let (clock, entropy) = (outside.clock.clone(), outside.entropy.clone());
    let queues = Queues::start(port, &template.queues, journal, clock, entropy).await?;
    let handler = Arc::new(QueueHandler(Arc::clone(&queues)));
    serve(&mut services, ports.queues, SqsHttpService::new(handler, SqsHttpConfig::default()), &guard);

    let (seen, targets) = (Seen::default(), Arc::new(Targets::default()));
    let (handler, events) = EventHandler::start(&template.buses, &template.rules, Arc::clone(&targets), seen.clone())?;
    let handler = EventsHttpService::new(Arc::new(handler), EventsHttpConfig::default());
    serve(&mut services, ports.events, handler, &guard);

    let parameters = Parameters::default();
    serve(&mut services, ports.kms, JsonHandler(keys), &guard);
    serve(&mut services, ports.ssm, JsonHandler(parameters.clone()), &guard);
    let outbox = Outbox::new(data.outbox(), outside.clock.clone(), outside.entropy.clone());
    serve(&mut services, ports.sesv2, MailHandler(outbox.clone()), &guard);

    services.spawn(sweep(SWEEP_ITEMS, move || database.sweep_ttl().map(drop).map_err(|error| error.to_string())));
    services.spawn(sweep(SWEEP_MESSAGES, move || queues.expire().map_err(|error| error.to_string())));
    Ok(Engines { opened, kinds, services, events, seen, parameters, outbox, targets })
}

/// Serves an engine until the tasks are dropped: an orderly end would wait for clients that keep connections open.
fn serve<S, B>(tasks: &mut JoinSet<()>, listener: TcpListener, engine: S, guard: &Guard)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let guarded = guard.before(engine);
    tasks.spawn(server::serve(listener, LIMITS, move |_client| guarded.clone(), std::future::pending()));
}

/// Removes what has expired, for ever.
async fn sweep(every: Duration, remove: impl Fn() -> Result<(), String> + Clone + Send + 'static) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Ok(Err(error)) = tokio::task::spawn_blocking(remove.clone()).await {
            tracing::warn!(error, "what has expired was not removed");
        }
    }
}

/// Looks whether the files that are open are those in the data folder, until they are not: nothing more is taken in then, as
/// all of it would be gone with the process.
async fn look_after(opened: Opened, lost: watch::Sender<Option<String>>, stop: watch::Sender<bool>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let opened = opened.clone();
        if let Ok(Err(reason)) = tokio::task::spawn_blocking(move || opened.is_there()).await {
            tracing::error!(reason, "the data folder is lost");
            stop.send_replace(true);
            lost.send_replace(Some(reason));
            return;
        }
    }
}

/// The functions' environments, by package.
fn environments(template: &Template, endpoints: &Endpoints) -> BTreeMap<String, Environment> {
    let of = |function: &FunctionModel| (function.name.clone(), environment(function, endpoints));
    template.functions.iter().map(of).collect()
}

/// A function's variables: the template's, and what Lambda adds to them.
fn environment(function: &FunctionModel, endpoints: &Endpoints) -> Environment {
    let lambda = [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SQS", endpoints.sqs.clone()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoints.eventbridge.clone()),
        ("AWS_ENDPOINT_URL_KMS", endpoints.kms.clone()),
        ("AWS_ENDPOINT_URL_SSM", endpoints.ssm.clone()),
        ("AWS_ENDPOINT_URL_SESV2", endpoints.sesv2.clone()),
        // Neither is here. An engine that refuses what it does not know is asked, lest somebody's account is.
        ("AWS_ENDPOINT_URL_CODEDEPLOY", endpoints.ssm.clone()),
        ("AWS_ENDPOINT_URL_LAMBDA", endpoints.ssm.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", endpoints.access_key.id.clone()),
        ("AWS_SECRET_ACCESS_KEY", endpoints.access_key.secret.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
    ];
    let lambda = lambda.map(|(name, value)| (name.to_owned(), value));
    function.environment.clone().into_iter().chain(lambda).collect()
}

/// What each function may call, by package.
fn rights(template: &Template, recorder: &Recorder) -> BTreeMap<String, Rights> {
    let rights = |FunctionModel { name, rights, .. }: &_| Rights::new(name, rights.clone(), recorder.clone());
    template.functions.iter().map(|function| (function.name.clone(), rights(function))).collect()
}

async fn deploy(
    template: &Template,
    environments: &BTreeMap<String, Environment>,
    rights: &BTreeMap<String, Rights>,
    outside: &Outside,
    stand_ins: &BTreeMap<String, Function>,
) -> Result<Arc<Invoker>, HostError> {
    let mut deployed = Vec::with_capacity(template.functions.len());
    // The engines speak plain HTTP: no TLS, and one pool of connections for all functions.
    let http = outside.aws_http.clone().unwrap_or_else(|| aws_smithy_http_client::Builder::new().build_http());
    for model in &template.functions {
        let mut outside = outside.clone();
        outside.aws_http = Some(rights[&model.name].guard(http.clone()));
        let function = match stand_ins.get(&model.name) {
            Some(function) => Some(Ok(function.clone())),
            None => registry::build(&model.name, &environments[&model.name], &outside).await,
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
    Ok(Invoker::new(deployed, outside.clock.clone(), outside.entropy.clone()))
}

/// What takes work in, until told to stop: ended first.
struct Intake {
    invoker: Arc<Invoker>,
    outside: Outside,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Intake {
    fn new(invoker: &Arc<Invoker>, outside: &Outside) -> Self {
        let (invoker, outside) = (Arc::clone(invoker), outside.clone());
        Self { invoker, outside, stop: watch::Sender::new(false), tasks: JoinSet::new() }
    }

    fn poll(&mut self, template: &Template, sqs: &aws_sdk_sqs::Client, endpoints: &Endpoints) {
        for source in &template.event_sources {
            let queue_url = format!("{}/{ACCOUNT}/{}", endpoints.sqs, source.queue);
            let (invoker, stopped) = (Arc::clone(&self.invoker), self.stop.subscribe());
            self.tasks.spawn(poller::poll(source.clone(), queue_url, sqs.clone(), invoker, stopped));
        }
    }

    fn keep_schedules(&mut self, template: &Template) {
        for schedule in template.schedules.iter().filter(|schedule| schedule.enabled) {
            let (clock, entropy) = (self.outside.clock.clone(), self.outside.entropy.clone());
            let (invoker, stopped) = (Arc::clone(&self.invoker), self.stop.subscribe());
            self.tasks.spawn(ticker::tick(schedule.clone(), invoker, clock, entropy, stopped));
        }
    }

    fn answer(&mut self, front: TcpListener, (port, hosts): (u16, Hosts), routes: Routes, pages: Pages) {
        let (clock, entropy) = (self.outside.clock.clone(), self.outside.entropy.clone());
        let urls = pages.urls.keys().cloned().collect();
        let gateway = Gateway { routes, urls, hosts, port, invoker: Arc::clone(&self.invoker), clock, entropy };
        let mut stopped = self.stop.subscribe();
        let served = gateway::serve(front, gateway, pages, async move {
            let _stopped = stopped.wait_for(|stop| *stop).await;
        });
        self.tasks.spawn(served);
    }
}

/// What such lines are of: so many that the local host shows only what went wrong, unless it is asked for more.
const DELIVERIES: &str = "signalbox::deliveries";

/// Shows a line of the log that is a metric too, as people read it; one that is a metric alone only to who looks for it.
fn say(line: &str) {
    let mut said: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    let text = |field: Option<Value>| field.as_ref().and_then(Value::as_str).map(str::to_owned);
    let (level, message) = (text(said.remove("level")), text(said.remove("message")));
    let Some(message) = message else { return tracing::debug!(target: "signalbox::metrics", "{line}") };
    // The trace stands in the span that the line is shown in.
    said.retain(|name, _| !["timestamp", "_aws", "span"].contains(&name.as_str()));
    let plain = |value: &Value| {
        value.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic())).map(str::to_owned)
    };
    let field =
        |(name, value): (&String, &Value)| format!(" {name}={}", plain(value).unwrap_or_else(|| value.to_string()));
    let fields: String = said.iter().map(field).collect();
    match level.as_deref() {
        Some("ERROR") => tracing::error!(target: DELIVERIES, "{message}{fields}"),
        Some("WARN") => tracing::warn!(target: DELIVERIES, "{message}{fields}"),
        _ => tracing::info!(target: DELIVERIES, "{message}{fields}"),
    }
}
