//! Simulated vendors: servers on this machine that speak what DoorLoop, Trackstar and Google Business Profile document, over rows that are made
//! up, with faults on demand. What they speak, and what of it is a guess, is in docs/simulators.md.
//!
//! [`Simulator::start`] is what `signalbox simulate` and tests call.

mod answer;
mod channel;
mod control;
mod demo;
mod doorloop;
mod faults;
mod gbp;
mod limits;
mod options;
mod rows;
mod seen;
mod server;
mod state;
mod trackstar;
mod vendor;

pub use self::channel::{ChannelAnswer, ChannelMessage, SimulatedChannel};
pub use self::demo::{DemoOptions, DemoVendors, start_demo_vendors};
pub use self::faults::{Fault, FaultKind, Spelling};
pub use self::gbp::google::{CategorySet, Edit, GoogleChange};
pub use self::limits::{Limits, Rate};
pub use self::options::{Filters, Options, ROWS_MAX, Unusable};
pub use self::rows::change::{RowsChange, RowsChanged, Touched, Which};
pub use self::seen::Seen;
pub use self::server::{Running, Simulator, StartError};
pub use self::vendor::Vendor;
