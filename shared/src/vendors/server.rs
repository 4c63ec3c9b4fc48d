//! A server for tests: what goes to it, byte for byte, and what becomes of what it answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A server that answers every request with the same bytes, and then closes the connection.
pub(super) struct Server {
    pub(super) address: String,
    /// The heads of the requests that came.
    heads: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (heads, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let server = Self { address, heads: Arc::clone(&heads), answer: Arc::clone(&answer) };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let (mut head, mut line) = (String::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    head.push_str(&line);
                    line.clear();
                }
                heads.lock().unwrap().push(head);
                let answer = answer.lock().unwrap().clone();
                // Whoever has read enough may be gone.
                let _gone = reader.get_mut().write_all(&answer);
            }
        });
        server
    }

    /// What it answers from now on.
    pub(super) fn answer(&self, head: &str, body: &[u8]) {
        *self.answer.lock().unwrap() = [b"HTTP/1.1 ", head.as_bytes(), b"\r\nconnection: close\r\n\r\n", body].concat();
    }

    /// The heads of the requests that came since they were taken last.
    pub(super) fn take_heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }

    /// What was asked for since then, as it stood in each request's first line.
    pub(super) fn take_asked(&self) -> Vec<String> {
        let heads = self.take_heads();
        heads.iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }
}
