//! The whole system on the local engines, with a wire that can be cut at every call.

mod system {
    mod crash_matrix;
}
