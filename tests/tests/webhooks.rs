//! Webhooks, from the door to their effect.

mod webhooks {
    mod crash_matrix;
    mod driver;
    mod walk;
}
