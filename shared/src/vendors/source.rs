//! Where catalogue bytes come from.

/// placeholder
#[derive(Clone, Default)]
pub struct StoreFactory;
