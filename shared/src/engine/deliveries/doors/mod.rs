//! The doors, a file each: what each verifies with, whom its deliveries say they are from, and what a verified one is.

mod pos;
mod sender;
mod trackstar;

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::deliveries::delivery::{Channel, Door};
use crate::domain::deliveries::signature::{LiveSecret, Refused, Scheme, VerifiedDelivery};
use crate::domain::ids::Connection;
use crate::engine::connections::readers::Known;
use crate::engine::deliveries::arrival::Arrival;
use crate::engine::deliveries::refusal::Refusal;
use crate::engine::deliveries::senders::Senders;

/// What differs between doors.
pub(super) trait DoorRules<'a>: Send + Sync {
    /// Whom its deliveries say they are from: that is all there is to go by until one is verified.
    fn claimed(&self) -> Claimed;

    /// The scheme that is configured for this door alone, if there is one.
    fn own_scheme(&self) -> Option<&'a Scheme> {
        None
    }

    /// What to verify an arrival with: a sender's own secrets, or the service's for this door.
    ///
    /// # Errors
    /// When nobody is configured who could have sent it.
    fn verifier(&self, arrival: &Arrival, of_service: &'a [LiveSecret]) -> Result<Verifier<'a>, Refusal>;

    /// Whether a delivery could not be verified for a fault of ours, so that its sender must come again.
    fn is_our_fault(&self, refused: &Refused) -> bool {
        refused.is_ours()
    }

    /// The challenge that a verified delivery asks to echo, if it is no event but a question whether anybody is here.
    fn challenge(&self, _delivery: &VerifiedDelivery) -> Option<String> {
        None
    }

    /// The connection that a verified body names, where it names one.
    fn named_in(&self, _delivery: &VerifiedDelivery) -> Option<Named> {
        None
    }

    /// What a verified delivery is. `named` is the connection that its body names, where that is in the table.
    ///
    /// # Errors
    /// When its body or its headers are not what the door takes.
    fn identify(
        &self,
        arrival: &Arrival,
        delivery: &VerifiedDelivery,
        named: Option<&Known>,
    ) -> Result<Identity, Refusal>;
}

/// The rules of a door. `behind` is the connection of the table that the door names.
pub(super) fn rules<'a>(
    senders: &'a Senders,
    behind: Option<&'a Known>,
    door: &'a Door,
) -> Box<dyn DoorRules<'a> + 'a> {
    match door {
        Door::Pos { source, tenant } => Box::new(pos::Rules { senders, behind, source, tenant }),
        Door::Trackstar { channel } => Box::new(trackstar::Rules { senders, door, channel: *channel }),
        Door::Sender { provider, connection } => {
            let sender = senders.sender(provider, connection).or_else(|| behind?.sender.as_ref());
            let paused = behind.is_some_and(|known| !known.stored.is_active());
            Box::new(sender::Rules { sender, paused, door, provider, connection })
        }
    }
}

/// Which connection a verified body names.
pub(super) enum Named {
    /// One that no variable has, by its address in the table.
    Address(String),
    /// One that the variables have.
    Configured(Connection),
}

/// Whom a delivery says it is from. Nothing of it is proved, and callers may have made it up.
pub(super) struct Claimed {
    /// One of a bounded set: the origin whose ring keeps it if it is refused.
    pub(super) origin: String,
    /// The kind of sender.
    pub(super) provider: String,
    /// Over which connection; empty where only the body names it.
    pub(super) connection: String,
    /// Whose; empty where only the body names it.
    pub(super) tenant: String,
}

/// What to verify with.
pub(super) struct Verifier<'a> {
    /// How it is signed.
    pub(super) scheme: &'a Scheme,
    /// The scheme that is still good enough while senders move from it to the other.
    pub(super) or: Option<&'a Scheme>,
    /// With one of these.
    pub(super) secrets: &'a [LiveSecret],
    /// The URL that was registered with the sender, or at the door of points of sale its path, for schemes that sign it.
    pub(super) url: Option<Cow<'a, str>>,
    /// The scheme that is not good enough any more.
    pub(super) weaker: Option<Weaker<'a>>,
}

/// A scheme that is not good enough any more: whoever still signs by it is told apart from whoever knows no secret.
pub(super) struct Weaker<'a> {
    /// How it was signed.
    pub(super) scheme: &'a Scheme,
    /// What to say of a signature by it.
    pub(super) detail: &'static str,
    /// What to say of a signature by neither.
    pub(super) mismatch: &'static str,
}

/// What a verified delivery is.
#[derive(Debug)]
pub(super) struct Identity {
    /// Over which connection it comes.
    pub(super) connection: Connection,
    /// What it does.
    pub(super) channel: Channel,
    /// Its idempotency key.
    pub(super) key: String,
    /// The sender's name of the event, where it has one.
    pub(super) event_type: Option<String>,
    /// The trace: the request's, or a better one of the body.
    pub(super) correlation_id: String,
    /// The id of what the event is about, as its body gives it; null where the door reads none.
    pub(super) subject_id: Value,
    /// Whether its body is claimed too, as its id is not signed: see [`claim`](super::claim::claim).
    pub(super) claims_body: bool,
    /// Whether the signature covers its id, so that the key alone says which event it is.
    pub(super) signed_id: bool,
    /// What tells its content from another, where the body's hash does not.
    pub(super) content_hash: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::deliveries::sender::parse_senders;

    proptest! {
        /// Rings, allowances and counters are by origin: whatever a caller writes into a path or a header, it makes none.
        #[test]
        fn an_origin_is_configured_or_one_of_three(
            provider in "github|gitlab|GitHub|pos|[a-z:/#]{0,8}|\\PC{0,40}",
            connection in "acme|Acme|\\PC{0,40}",
            tenant in "\\PC{0,40}",
        ) {
            let others = r#"[{"provider": "github", "connection": "acme", "scheme": "github", "secrets": ["secret"]}]"#;
            let senders = Senders { others: parse_senders(others).unwrap(), ..Senders::default() };
            for door in [
                Door::Pos { source: provider.clone(), tenant },
                Door::Trackstar { channel: Channel::TrackstarOther },
                Door::Sender { provider, connection },
            ] {
                let origin = rules(&senders, None, &door).claimed().origin;
                prop_assert!(["pos", "trackstar", "unknown", "github/acme"].contains(&origin.as_str()), "{origin}");
            }
        }
    }
}
