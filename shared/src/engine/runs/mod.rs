//! A run's way: [`start_run`] → [`advance_run`], a [`slice`] at a time (→ [`scan_catalogue`] → [`write_changes`]) → [`end_run`] →
//! [`publish`]. What stops moving on that way is found by [`watchdog`]; [`nightly`] starts what is due, [`history`] shows what was.

pub mod advance_run;
pub mod context;
pub mod end_run;
pub mod history;
pub mod nightly;
pub mod publish;
pub mod scan_catalogue;
pub mod slice;
pub mod start_run;
pub mod test_vendor;
pub mod vendors;
pub mod watchdog;
pub mod write_changes;
