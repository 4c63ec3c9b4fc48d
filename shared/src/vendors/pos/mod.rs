//! Points of sale as a provider. A connection is one source of one tenant, with a secret of its own; the deployment's secret is good
//! for whoever has none.

use crate::domain::connections::provider::{CADENCE, Mistake, Provider, SecretUse};

/// Points of sale.
pub const PROVIDER: Provider = Provider {
    name: "Point of sale",
    icon: "PS",
    colour: "#b45309",
    entities: &[],
    settings: &[CADENCE],
    secret: SecretUse::Optional,
    secret_about: "What it signs its events with; without one the deployment's is good",
    scheduled: false,
    // It has a door of its own.
    sender: None,
    pull: None,
    check: |_, _| Ok(()),
    addresses: |_, _| Vec::new(),
    mistakes: &[Mistake {
        seen: "bad_signature",
        remedy: "The signature is over the raw body: sign the bytes that are sent, not the object they were made of",
    }],
};
