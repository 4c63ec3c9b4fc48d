//! A function as Lambda runs it: its own process, fed over the Lambda Runtime API.
//! Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::path::Path as FilePath;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use http::StatusCode;
use serde_json::Value;
use signalbox::environment::Environment;
use signalbox::outside::Clock;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::callgrind::{self, Callgrind};
use crate::{Result, process};

/// An invocation that takes longer has hung.
const ANSWER_MAX: Duration = Duration::from_secs(900);
const START_MAX: Duration = Duration::from_secs(10);

/// What the function said, and when it had been asked and had answered.
struct Answered {
    at: Instant,
    failed: bool,
    body: Bytes,
}

struct RuntimeApi {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    first_poll: watch::Sender<Option<Instant>>,
    polls: watch::Sender<u64>,
    handed_out: watch::Sender<Option<Instant>>,
    answers: mpsc::UnboundedSender<Answered>,
}

/// A running function.
pub(crate) struct FunctionProcess {
    child: Child,
    pid: u32,
    events: mpsc::UnboundedSender<String>,
    handed_out: watch::Receiver<Option<Instant>>,
    answers: mpsc::UnboundedReceiver<Answered>,
    first_poll: watch::Receiver<Option<Instant>>,
    polls: watch::Receiver<u64>,
    invocations: u64,
    spawned: Instant,
    server: JoinHandle<()>,
    callgrind: Option<Callgrind>,
}

/// An answer, how long it took from handing the event out to having the answer whole, and how long after the process
/// was started that was.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) took: Duration,
    pub(crate) after_spawn: Duration,
}

impl FunctionProcess {
    /// Starts the binary, without its log, and waits for its first poll.
    pub(crate) async fn start(binary: &FilePath, environment: &Environment) -> Result<Self> {
        let mut environment = environment.clone();
        environment.extend([("LOG_LEVEL".to_owned(), "warn".to_owned())]);
        let mut function = Self::spawn(Command::new(binary), &environment).await?;
        function.polled().await?;
        Ok(function)
    }

    /// Starts the binary on valgrind's processor, which counts its instructions, and does not wait for it.
    pub(crate) async fn spawn_counted(binary: &FilePath, environment: &Environment) -> Result<Self> {
        let callgrind = Callgrind::new()?;
        let mut environment = environment.clone();
        environment.extend([callgrind::TUNED].map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut function = Self::spawn(callgrind.command(binary), &environment).await?;
        function.callgrind = Some(callgrind);
        Ok(function)
    }

    /// Starts a process on this environment alone, and does not wait for it: an event may be there before it polls.
    pub(crate) async fn spawn(mut command: Command, environment: &Environment) -> Result<Self> {
        let (events, queue) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        let (polled, first_poll) = watch::channel(None);
        let (counted, polls) = watch::channel(0);
        let (handed_out, handed) = watch::channel(None);
        let api = RuntimeApi { events: Mutex::new(queue), first_poll: polled, polls: counted, handed_out, answers };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        // Without it an answer in two packets waits for the other side's delayed acknowledgement.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(api));
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });

        command
            .env_clear()
            .envs(environment.iter())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let spawned = Instant::now();
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let pid = child.id().ok_or("the function has ended at once")?;
        let (handed_out, answers) = (handed, answered);
        let (invocations, callgrind) = (0, None);
        Ok(Self { child, pid, events, handed_out, answers, first_poll, polls, invocations, spawned, server, callgrind })
    }

    /// Waits for the first request for an event.
    pub(crate) async fn polled(&mut self) -> Result<()> {
        let polled = tokio::select! {
            polled = timeout(START_MAX, self.first_poll.wait_for(Option::is_some)) => polled,
            ended = self.child.wait() => return Err(format!("the function has ended: {}", ended?).into()),
        };
        polled.map_err(|_| format!("process {} does not poll", self.pid))??;
        Ok(())
    }

    /// Waits until it asks for another event: what it still does after an answer is part of that event's cost.
    async fn idle(&mut self) -> Result<()> {
        let invocations = self.invocations;
        let idle = timeout(START_MAX, self.polls.wait_for(|polls| *polls > invocations)).await;
        idle.map_err(|_| format!("process {} does not poll again", self.pid))??;
        Ok(())
    }

    /// The instructions since this was asked last, or since the start, the kernel's left out. Of a function that counts them.
    pub(crate) async fn instructions(&mut self) -> Result<u64> {
        self.idle().await?;
        let callgrind = self.callgrind.as_mut().ok_or("the function does not run under callgrind")?;
        callgrind.take(self.pid).await
    }

    /// From the call that starts the process to its first request for an event.
    pub(crate) fn spawn_to_first_poll(&self) -> Option<Duration> {
        self.first_poll.borrow().map(|polled| polled.duration_since(self.spawned))
    }

    /// Invokes the function once.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Answer> {
        self.events.send(event.to_string())?;
        self.invocations += 1;
        let answered = tokio::select! {
            answered = timeout(ANSWER_MAX, self.answers.recv()) => answered?.ok_or("the runtime API has ended")?,
            ended = self.child.wait() => return Err(format!("the function has ended: {}", ended?).into()),
        };
        if answered.failed {
            return Err(format!("the function failed: {}", String::from_utf8_lossy(&answered.body)).into());
        }
        let handed_out = self.handed_out.borrow().unwrap_or(answered.at);
        let took = answered.at.duration_since(handed_out);
        let after_spawn = answered.at.duration_since(self.spawned);
        Ok(Answer { value: serde_json::from_slice(&answered.body)?, took, after_spawn })
    }

    /// Invokes the function, and says how much CPU time that took it.
    pub(crate) async fn invoke_counting_cpu(&mut self, event: &Value) -> Result<(Answer, Duration)> {
        let before = self.cpu()?;
        let answer = self.invoke(event).await?;
        Ok((answer, self.cpu()? - before))
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu(self.pid)
    }

    /// The most memory that was resident at once, and what is now, in megabytes.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        process::memory(self.pid)
    }
}

impl Drop for FunctionProcess {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> impl IntoResponse {
    api.first_poll.send_if_modified(|at| {
        let first = at.is_none();
        at.get_or_insert_with(Instant::now);
        first
    });
    api.polls.send_modify(|polls| *polls += 1);
    let Some(event) = api.events.lock().await.recv().await else {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let deadline = Clock::default().now().as_millisecond() + 900_000;
    api.handed_out.send_replace(Some(Instant::now()));
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:f".to_owned()),
        ("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    Ok((headers, event))
}

async fn response(State(api): State<Arc<RuntimeApi>>, Path(_id): Path<String>, body: Bytes) -> StatusCode {
    answer(&api, false, body)
}

async fn error(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> StatusCode {
    answer(&api, true, body)
}

fn answer(api: &RuntimeApi, failed: bool, body: Bytes) -> StatusCode {
    // Nobody waits any more when the benchmark is over.
    let _over = api.answers.send(Answered { at: Instant::now(), failed, body });
    StatusCode::ACCEPTED
}
