//! Every HTTP route through the local host: its answers, its refusals, and the documents that describe it.

mod routes {
    mod golden;
    mod kit;

    mod catalogue {
        mod background;
        mod isolation;
        mod observability;
        mod paging;
        mod reads;
        mod refusals;
        mod registry;
        mod triggers;
    }
    mod service {
        mod admin_token;
        mod console;
        mod cors;
        mod documents;
        mod openapi;
        mod pre_traffic;
        mod rights;
        mod samples;
        mod secrets;
        mod session;
        mod starts;
    }
}
