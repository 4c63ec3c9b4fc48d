//! Webhooks, from the door to their effect.

mod webhooks {
    mod crash_matrix;
    mod driver;
    mod pos;
    mod rejected;
    mod sender;
    mod trackstar;
    mod walk;
}
