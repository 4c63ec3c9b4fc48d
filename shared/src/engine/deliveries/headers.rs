//! Which headers of a request matter to a door: they are read, and kept with what was not let in, and no others. So no
//! credential of another kind is stored, and nothing that a sender adds pushes out what verifying needs.

use std::collections::BTreeSet;

use crate::domain::correlation;
use crate::domain::deliveries::delivery::Door;
use crate::domain::deliveries::signature::{Scheme, schemes};
use crate::engine::connections::readers::Known;
use crate::engine::deliveries::arrival::{CONTENT_ENCODING, EVENT_TYPES, IDEMPOTENCY_KEY, TENANT};
use crate::engine::deliveries::doors;
use crate::engine::deliveries::senders::Senders;

/// What tells operators who it was.
const DESCRIBING: [&str; 2] = ["content-type", "user-agent"];

/// The headers that matter to a door, in lower case.
///
/// Those of every known scheme, as the configuration may have been wrong, or not have named the sender yet, and a delivery
/// is verified again once it is corrected. The generic schemes of others are not known to a sender's door.
#[must_use]
pub fn needed<'a>(senders: &'a Senders, behind: Option<&'a Known>, door: &'a Door) -> BTreeSet<&'a str> {
    let own = doors::rules(senders, behind, door).own_scheme();
    let known = schemes::ALL.into_iter().flat_map(Scheme::headers);
    known
        .chain(own.into_iter().flat_map(Scheme::headers))
        .chain([IDEMPOTENCY_KEY, TENANT, CONTENT_ENCODING])
        .chain(correlation::SOURCES)
        .chain(EVENT_TYPES)
        .chain(DESCRIBING)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deliveries::sender::parse_senders;

    #[test]
    fn a_door_needs_its_sender_s_headers_and_those_of_every_known_scheme_and_no_credential() {
        let scheme = r#"{"header": "X-Erp-Signature", "timestampHeader": "x-erp-time", "idHeader": "x-erp-id",
            "template": "{id}.{timestamp}.{body}"}"#;
        let others = format!(r#"[{{"provider": "erp", "connection": "main", "scheme": {scheme}, "secrets": ["s"]}}]"#);
        let senders = Senders { others: parse_senders(&others).unwrap(), ..Senders::default() };
        let door = |provider: &str| Door::Sender { provider: provider.into(), connection: "main".into() };
        let (erp, nobody) = (door("erp"), door("nobody"));
        let (own, unknown) = (needed(&senders, None, &erp), needed(&senders, None, &nobody));
        for name in ["x-erp-signature", "x-erp-time", "x-erp-id"] {
            assert!(own.contains(name) && !unknown.contains(name), "{name}");
        }
        for name in ["svix-id", "webhook-timestamp", "x-github-delivery", "x-slack-request-timestamp", "x-signature"] {
            assert!(own.contains(name) && unknown.contains(name), "{name}");
        }
        for name in ["authorization", "cookie", "x-api-key", "x-service-token", "x-admin-token"] {
            assert!(!own.contains(name), "{name}");
        }
    }
}
