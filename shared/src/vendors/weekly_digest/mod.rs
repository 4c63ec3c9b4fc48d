//! Who is written to each Monday.

use crate::domain::connections::provider::{Mistake, Provider, SecretUse};
use crate::domain::digest::recipient::{self, OF, TO};

/// Recipients of the weekly digest, by mail.
pub const PROVIDER: Provider = Provider {
    name: "Weekly digest",
    icon: "WD",
    colour: "#7c3aed",
    entities: &[],
    settings: &[TO, OF],
    secret: SecretUse::None,
    secret_about: "",
    scheduled: false,
    sender: None,
    pull: None,
    check: recipient::check,
    addresses: |_, _| Vec::new(),
    mistakes: &[Mistake {
        seen: "MessageRejected",
        remedy: "SES does not know the sender, or is in its sandbox, where recipients must be verified too: verify DIGEST_FROM, and ask AWS for production access",
    }],
};
