//! The vendors of a first start: small, on ports that are kept where they can be, and said to be simulated.

use signalbox::outside::Clock;

use crate::channel::SimulatedChannel;
use crate::options::Options;
use crate::server::{Running, Simulator, StartError};
use crate::vendor::Vendor;

/// Enough for some pages, and few enough for the documented limits.
const ROWS: u64 = 500;

/// Where a demo's vendors are to be, and who is let in.
#[derive(Clone)]
pub struct DemoOptions {
    /// DoorLoop's port. Where it is taken, and where it is 0, another one is opened.
    pub doorloop: u16,
    /// Trackstar's port, by the same rule.
    pub trackstar: u16,
    /// Google's port, by the same rule.
    pub gbp: u16,
    /// The port of the channel of Teams, by the same rule.
    pub teams: u16,
    /// The key that all let in.
    pub key: String,
    /// What limits and changed rows go by.
    pub clock: Clock,
}

/// The vendors and a channel, as long as this is kept.
pub struct DemoVendors {
    /// DoorLoop.
    pub doorloop: Running,
    /// Trackstar.
    pub trackstar: Running,
    /// Google.
    pub gbp: Running,
    /// A channel of Teams, for alerts.
    pub teams: SimulatedChannel,
}

/// Starts them, with rows that are the same at each start.
///
/// # Errors
/// When no port can be opened.
pub async fn start_demo_vendors(options: &DemoOptions) -> Result<DemoVendors, StartError> {
    Ok(DemoVendors {
        doorloop: start(options, Vendor::Doorloop, options.doorloop).await?,
        trackstar: start(options, Vendor::Trackstar, options.trackstar).await?,
        gbp: start(options, Vendor::Gbp, options.gbp).await?,
        teams: match SimulatedChannel::start(options.teams).await {
            Err(StartError::Port { .. }) if options.teams != 0 => SimulatedChannel::start(0).await?,
            started => started?,
        },
    })
}

async fn start(DemoOptions { key, clock, .. }: &DemoOptions, vendor: Vendor, port: u16) -> Result<Running, StartError> {
    let at = |port| Options { rows: ROWS, port, key: key.clone(), clock: clock.clone(), ..Options::new(vendor) };
    match Simulator::start(at(port)).await {
        Err(StartError::Port { .. }) if port != 0 => Simulator::start(at(0)).await,
        started => started,
    }
}

impl DemoVendors {
    /// Stops them, as each is stopped.
    pub async fn stop(self) {
        tokio::join!(self.doorloop.stop(), self.trackstar.stop(), self.gbp.stop(), self.teams.stop());
    }
}
