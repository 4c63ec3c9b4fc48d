//! The wire: every call that a process makes to AWS or to a store of catalogues passes here, numbered, and a plan says
//! what becomes of it.

mod calls;
mod faults;
pub(crate) mod request;
pub mod store;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture, SharedHttpClient};
use signalbox::outside::Shutdown;
use signalbox_local::host::layer::layer;
use tokio::sync::{Notify, Semaphore};

pub use self::calls::{Call, Calls, any, at, every, first};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes through.
    Pass,
    /// The process ends before the call is sent.
    KillBefore,
    /// The process ends after the call took effect, before it learns of it.
    KillAfter,
    /// The call waits until [`Wire::release`], then goes through.
    Hold,
    /// The process is told that it is about to end; the call goes through.
    Announce,
    /// It goes wrong.
    Fail(Fault),
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused for lack of throughput: it took no effect.
    Throttled,
    /// 500 with a code, from the service: it took no effect.
    ServerError,
    /// 503 without a body, from something in front of the service: it took no effect.
    Unavailable,
    /// It took effect, but the reply was lost.
    LostReply,
    /// It was never sent: the connection failed.
    Unreachable,
    /// A write met a transaction on the same item: it took no effect. Other calls pass.
    Conflict,
    /// The second half of a batch write is refused, the first takes effect. Other calls pass.
    Unprocessed,
}

type Plan = Box<dyn FnMut(&Call) -> Verdict + Send>;

/// Who decides about a call.
enum Decider {
    /// Whatever the test thought of.
    Plan(Plan),
    /// These calls get this verdict, all others pass.
    Meant(Calls, Verdict),
}

struct Inner {
    decider: Mutex<Decider>,
    calls: Mutex<Vec<Call>>,
    dead: AtomicBool,
    killed: Notify,
    held: Semaphore,
    released: Semaphore,
    shutdown: Shutdown,
}

/// The wire of one process. Clones are the same wire.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").field("calls", &self.0.calls).finish_non_exhaustive()
    }
}

impl Wire {
    fn new(decider: Decider) -> Self {
        Self(Arc::new(Inner {
            decider: Mutex::new(decider),
            calls: Mutex::default(),
            dead: AtomicBool::new(false),
            killed: Notify::new(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
            shutdown: Shutdown::default(),
        }))
    }

    /// A wire on which `plan` decides about each call.
    pub fn planned(plan: impl FnMut(&Call) -> Verdict + Send + 'static) -> Self {
        Self::new(Decider::Plan(Box::new(plan)))
    }

    /// A wire without faults.
    #[must_use]
    pub fn whole() -> Self {
        Self::planned(|_| Verdict::Pass)
    }

    /// A wire on which these calls get this verdict and all others pass. One of them must come: see [`Wire::check`].
    #[must_use]
    pub fn when(calls: Calls, verdict: Verdict) -> Self {
        Self::new(Decider::Meant(calls, verdict))
    }

    /// The calls made so far, in order.
    #[must_use]
    pub fn made(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    /// Checks that a call came which the test means: without it the test would pass for nothing.
    ///
    /// # Panics
    /// When none came.
    pub fn check(&self) {
        let made = self.calls();
        if let Decider::Meant(calls, verdict) = &*self.0.decider.lock().unwrap() {
            assert!(calls.came(), "{calls} was to get {verdict:?} and never came: {made:?}");
        }
    }

    /// The operations called so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().iter().map(|call| call.operation.clone()).collect()
    }

    /// What the process is told of its end.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.0.shutdown.clone()
    }

    /// Waits until the plan has killed the process.
    pub async fn killed(&self) {
        self.0.killed.notified().await;
    }

    /// Waits until a call is held.
    pub async fn held(&self) {
        self.0.held.acquire().await.unwrap().forget();
    }

    /// Lets a held call go.
    pub fn release(&self) {
        self.0.released.add_permits(1);
    }

    /// Asks the plan about a call, and performs all of the verdict that does not need the call itself: from here on
    /// the call is to be sent, unless the verdict is a fault that keeps it.
    pub(crate) async fn ask(&self, operation: &str, about: Vec<String>, group: Option<&str>) -> Verdict {
        if self.0.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let verdict = {
            let mut calls = self.0.calls.lock().unwrap();
            let (number, operation, group) = (calls.len(), operation.to_owned(), group.map(String::from));
            calls.push(Call { number, operation, about, group });
            let call = calls.last().expect("just pushed");
            match &mut *self.0.decider.lock().unwrap() {
                Decider::Plan(plan) => plan(call),
                Decider::Meant(meant, verdict) => {
                    if meant.take(call) {
                        *verdict
                    } else {
                        Verdict::Pass
                    }
                }
            }
        };
        match verdict {
            Verdict::KillBefore => self.die().await,
            Verdict::Hold => {
                self.0.held.add_permits(1);
                self.0.released.acquire().await.unwrap().forget();
            }
            Verdict::Announce => self.0.shutdown.announce(),
            Verdict::Pass | Verdict::KillAfter | Verdict::Fail(_) => {}
        }
        verdict
    }

    /// Ends the process: its driver drops it, and no other call of it is sent until then.
    pub(crate) async fn die(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        self.0.killed.notify_one();
        std::future::pending::<()>().await;
    }

    /// A client for the AWS SDK that sends over this wire by way of another client.
    #[must_use]
    pub fn http(&self, by_way_of: SharedHttpClient) -> SharedHttpClient {
        let wire = self.clone();
        layer(by_way_of, move |next, request| HttpConnectorFuture::new(faults::send(wire.clone(), next, request)))
    }

    /// The same, but that reads of the service's secrets go past it. Instances make them when they start, before a test has
    /// anything to do with them.
    #[must_use]
    pub(crate) fn http_but_for_secrets(&self, by_way_of: SharedHttpClient) -> SharedHttpClient {
        let wire = self.clone();
        layer(by_way_of, move |next, request| match request::operation(&request).as_str() {
            "SSM.GetParameters" => next.call(request),
            _ => HttpConnectorFuture::new(faults::send(wire.clone(), next, request)),
        })
    }
}
