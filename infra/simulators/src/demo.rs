//! The vendors of a first start: small, on free ports, and said to be simulated.

use signalbox::outside::Clock;

use crate::options::Options;
use crate::server::{Running, Simulator, StartError};
use crate::vendor::Vendor;

/// Enough for some pages, and few enough for the documented limits.
const ROWS: u64 = 500;

/// Both vendors, as long as this is kept.
pub struct DemoVendors {
    /// DoorLoop.
    pub doorloop: Running,
    /// Trackstar.
    pub trackstar: Running,
}

/// Starts both, with rows that are the same at each start.
///
/// # Errors
/// When no port can be opened.
pub async fn start_demo_vendors(clock: &Clock) -> Result<DemoVendors, StartError> {
    let options = |vendor| Options { rows: ROWS, clock: clock.clone(), ..Options::new(vendor) };
    Ok(DemoVendors {
        doorloop: Simulator::start(options(Vendor::Doorloop)).await?,
        trackstar: Simulator::start(options(Vendor::Trackstar)).await?,
    })
}
