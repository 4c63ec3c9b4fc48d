//! Webhooks, from the door to their effect.

mod webhooks {
    mod costs;
    mod crash_matrix;
    mod dead_letters;
    mod driver;
    mod pos;
    mod probes;
    mod rejected;
    mod sender;
    mod trackstar;
    mod walk;
}
