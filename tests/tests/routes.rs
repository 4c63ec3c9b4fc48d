//! Every HTTP route through the local host: its answers, its refusals, and the documents that describe it.

mod routes {
    mod background;
    mod cors;
    mod documents;
    mod golden;
    mod isolation;
    mod kit;
    mod observability;
    mod openapi;
    mod paging;
    mod reads;
    mod refusals;
    mod registry;
    mod samples;
    mod secrets;
    mod starts;
    mod triggers;
}
