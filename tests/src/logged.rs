//! What a process logs, for tests that read it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// A log that is kept. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
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
