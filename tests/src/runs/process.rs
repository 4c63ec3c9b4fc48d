//! A process of one world: what its clients ask of it, and its queue.

use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::time::Duration;

use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::restart::take_up;
use signalbox::http::auth::{READ, WRITE};

use crate::answer::Answer;
use crate::process::{Crashed, Process};
use crate::queues::Queue;
use crate::runs::world::World;
use crate::wire::Wire;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// There was none.
    Nothing,
    /// It is done with.
    Done,
    /// It comes again.
    Failed,
}

/// A process in the environment of a world.
pub struct WorldProcess<'a> {
    world: &'a World<'a>,
    process: Process,
}

impl Deref for WorldProcess<'_> {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl<'a> WorldProcess<'a> {
    pub(crate) async fn start(world: &'a World<'a>, wire: Wire) -> Self {
        // Runs sort by their start: those of two processes must not share a millisecond.
        world.system.pass(Duration::from_secs(1));
        let variables: Vec<(&str, &str)> = world.variables().collect();
        Self { world, process: world.system.process_with(wire, &variables).await }
    }

    fn token(&self) -> String {
        self.world.system.service_token("tester", &self.world.tenant, &[READ, WRITE])
    }

    /// `POST /api/catalog/moscot/sync`, by a client of a process that may die.
    ///
    /// # Errors
    /// When it dies.
    pub async fn try_sync(&self, body: Value) -> Result<Answer, Crashed> {
        self.ask("sync-control", "POST", "/api/catalog/moscot/sync", &self.token(), Some(body)).await
    }

    /// `POST /api/catalog/moscot/sync`.
    pub async fn sync(&self, body: Value) -> Answer {
        self.try_sync(body).await.expect("the process lives")
    }

    /// As [`WorldProcess::sync`]: when the wire holds a call, `meanwhile` happens, and the call is let go.
    pub async fn sync_around<T>(&self, body: Value, meanwhile: impl Future<Output = T>) -> (Answer, T) {
        let mut syncing = pin!(self.sync(body));
        tokio::select! {
            biased;
            answer = &mut syncing => panic!("no call was held: {}", answer.body),
            () = self.wire().held() => {}
        }
        tokio::join!(syncing, async {
            let done = meanwhile.await;
            self.wire().release();
            done
        })
    }

    /// A `GET` of the read API.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("read-api", "GET", path, &self.token(), None).await.expect("the process lives")
    }

    /// Fires the watchdog.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn watchdog(&self) -> Result<Result<(), String>, Crashed> {
        self.fire("watchdog").await
    }

    /// Takes up what is left of runs, as a host does that starts again: how many.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn restart(&self) -> Result<u64, Crashed> {
        let (environment, outside) = (self.world.environment("scheduler"), &self.process.outside);
        let clients = Clients::connect(&environment, outside).expect("clients");
        let runs = Runs::connect(&clients, &environment, outside).expect("the runs");
        Ok(self.alive(take_up(&runs)).await?.expect("nothing fails"))
    }

    /// Hands the sync queue's messages to the worker, one by one, until none is due or one fails.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn drain(&self) -> Result<(), Crashed> {
        while self.work_once().await? == Work::Done {}
        Ok(())
    }

    /// As [`WorldProcess::drain`], and lets time pass whenever a message waits, until none does.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn drain_with_time(&self) -> Result<(), Crashed> {
        self.drain().await?;
        while self.world.system.pass_until_due(Queue::Sync) {
            self.drain().await?;
        }
        Ok(())
    }

    /// Hands the worker one message. If it failed, or the worker died, the message is left on the queue, as if its
    /// visibility timeout had passed.
    ///
    /// # Errors
    /// When the process dies.
    pub async fn work_once(&self) -> Result<Work, Crashed> {
        let system = self.world.system;
        let messages = system.receive_up_to(Queue::Sync, 1).await;
        if messages.is_empty() {
            return Ok(Work::Nothing);
        }
        let failed = self.handle(Queue::Sync, &messages).await;
        let again = || messages.iter().filter_map(|message| message.message_id().map(String::from)).collect();
        system.finish(Queue::Sync, &messages, &failed.clone().unwrap_or_else(|Crashed| again())).await;
        Ok(if failed?.is_empty() { Work::Done } else { Work::Failed })
    }
}
