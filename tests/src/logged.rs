//! What a process logs, for tests that read it.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use serde_json::Value;
use signalbox::telemetry::logs::lines;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

thread_local! {
    /// Where what this thread logs is kept.
    static HERE: RefCell<Option<Logged>> = const { RefCell::new(None) };
}

/// What no test asked for is dropped.
#[derive(Debug)]
struct ByThread;

impl MakeWriter<'_> for ByThread {
    type Writer = Box<dyn Write>;

    fn make_writer(&self) -> Box<dyn Write> {
        HERE.with_borrow(Clone::clone).map_or_else(|| Box::new(std::io::sink()) as _, |logged| Box::new(logged) as _)
    }
}

/// A log that is kept. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    /// What this thread logs from here on, as a deployed function does. The subscriber is the process's: with one of a thread's own,
    /// a place that another thread logs from first counts as never logging.
    #[must_use]
    pub fn here() -> Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| tracing_subscriber::registry().with(LevelFilter::INFO).with(lines(ByThread)).init());
        let logged = Self::default();
        HERE.set(Some(logged.clone()));
        logged
    }

    /// All of it.
    ///
    /// # Panics
    /// When another thread panicked while it wrote.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// The first line of JSON with this message.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn line(&self, message: &str) -> Option<Value> {
        let lines = self.text();
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.find(|line| line["message"] == message)
    }

    /// Forgets it.
    ///
    /// # Panics
    /// When another thread panicked while it wrote.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logged {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
