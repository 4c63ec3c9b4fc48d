//! The whole system on the local engines, with a wire that can be cut at every call.

mod system {
    mod crash_matrix;
    mod dry_run;
    mod faults;
    mod leases;
    mod removals;
    mod sources;
    mod stale_holders;
}
