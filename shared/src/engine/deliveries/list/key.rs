//! A key is found through its claim, which says where its event lies: a few reads, whenever it was.

use jiff::Timestamp;

use super::{ListReads, Listed, Source, Which};
use crate::aws::faults::AwsFault;
use crate::domain::deliveries::delivery::{BODY_KEY, CONTENT_KEY, GIVEN_KEY, ID_KEY, claim_key, given_claim_key};
use crate::domain::deliveries::placement::{DeliveryPlace, ListPlace};
use crate::domain::ids::{Connection, ProviderId, TenantId};

/// The keys that a text may mean: as lists show it, or as its sender knows it.
pub(super) fn candidates(provider: &ProviderId, text: &str) -> Vec<String> {
    let prefix = if *provider == ProviderId::POS { GIVEN_KEY } else { ID_KEY };
    let shown = [GIVEN_KEY, ID_KEY, CONTENT_KEY, BODY_KEY].iter().any(|prefix| text.starts_with(prefix));
    // A sender's own id may begin like that too.
    shown.then(|| text.to_owned()).into_iter().chain([format!("{prefix}{text}")]).collect()
}

/// Finds what a key names; none where nothing was claimed under it, or longer ago than keys are remembered.
pub(super) async fn find(
    reads: ListReads<'_>,
    now: Timestamp,
    tenant: &TenantId,
    source: &Source,
    text: &str,
    which: Which,
) -> Result<Option<(ListPlace, Listed)>, AwsFault> {
    let mut keys = candidates(&source.provider, text);
    let mut claimed = None;
    for index in 0.. {
        let Some(key) = keys.get(index).cloned() else { break };
        let claim_key = match source.name.clone() {
            Some(name) => claim_key(&Connection::new(tenant.clone(), source.provider.clone(), name), &key),
            None => given_claim_key(tenant, &key),
        };
        let claim = reads.store.claim_of(&claim_key).await?;
        let Some(claim) = claim.filter(|claim| claim.expires_at > now.as_second()) else { continue };
        let Some(name) = claim.connection.clone() else {
            // That of a body, which names the key that the body came with first.
            if key.starts_with(BODY_KEY) && !keys.contains(&claim.fingerprint) {
                keys.push(claim.fingerprint);
            }
            continue;
        };
        let connection = Connection::new(tenant.clone(), source.provider.clone(), name);
        let place = DeliveryPlace::new(&connection, &key, claim.received_ms, claim.shard);
        let at = ListPlace::of_delivery(&place);
        let entry = reads.deliveries.at(tenant, &place).await?.and_then(|entry| entry.delivery);
        if let Some(delivery) = entry.filter(|delivery| delivery.processed_at.is_some()) {
            return Ok(Some((at, Listed::Processed(place, delivery))));
        }
        // Where the body is claimed too, it may have come under another id before, and have had its effect under that.
        let of_body = format!("{BODY_KEY}{}", claim.fingerprint);
        if key.starts_with(ID_KEY) && !keys.contains(&of_body) {
            keys.push(of_body);
        }
        claimed.get_or_insert((at, Listed::Claimed(place, connection, key, claim)));
    }
    Ok(claimed.filter(|_| which == Which::All))
}
