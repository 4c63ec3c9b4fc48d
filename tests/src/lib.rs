//! The test kit: a whole Signalbox in one process, with a wire that can be cut at every call.
//!
//! [`system::System`] starts the local host's engines; a [`process::Process`] is one set of function instances with a
//! [`wire::Wire`] of its own between them and everything outside. Crashing a process drops it in the middle of a call,
//! as the end of a machine would; the next process finds what the engines have stored, and nothing else. Messages are
//! handed out by [`queues`], once their time has come by the test's clock.
//!
//! On top of that stand [`runs`] and [`deliveries`]: what their tests send, and what they look for.
#![expect(clippy::unwrap_used, reason = "a kit for tests, where a panic is the report")]
#![expect(clippy::print_stdout, reason = "what a test was given, shown when it fails")]

pub mod answer;
pub mod client;
pub mod deliveries;
pub mod events;
pub mod items;
pub mod logged;
pub mod meter;
pub mod process;
pub mod queues;
pub mod recorder;
pub mod runs;
pub mod system;
pub mod tokens;
pub mod walk;
pub mod wire;
