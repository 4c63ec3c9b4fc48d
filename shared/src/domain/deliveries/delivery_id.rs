//! The id of a delivery in lists, whatever became of it. Each fate has ids of its own form, so none has to be named beside them.

use std::str::FromStr;

use crate::domain::datasets::manifest::Fingerprint;
use crate::domain::dead_letter::DeadLetterId;
use crate::domain::deliveries::placement::{DeliveryPlace, SHARDS_MAX};
use crate::domain::deliveries::rejected::RejectedId;
use crate::domain::place::{NoPlace, split_time};

/// Which delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryId {
    /// One that was not let in.
    Rejected(RejectedId),
    /// One that a queue gave up on.
    Dead(DeadLetterId),
    /// One that was taken in: where its effect is listed.
    TakenIn(DeliveryPlace),
}

impl FromStr for DeliveryId {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if let Some(place) = taken_in(text) {
            return Ok(Self::TakenIn(place));
        }
        // Before dead letters: any visible text may stand behind the moment of those.
        text.parse().map(Self::Rejected).or_else(|_| text.parse().map(Self::Dead))
    }
}

/// Reads what [`DeliveryPlace`] is shown as.
fn taken_in(text: &str) -> Option<DeliveryPlace> {
    let (received_ms, rest) = split_time(text)?;
    let (rest, shard) = rest.rsplit_once('-')?;
    let (source, key) = rest.rsplit_once('-')?;
    let mut fingerprint = [0; 16];
    hex::decode_to_slice(key, &mut fingerprint).ok()?;
    let shard = shard.parse().ok().filter(|shard| *shard < SHARDS_MAX)?;
    let place = DeliveryPlace { received_ms, shard, source: source.to_owned(), key: Fingerprint(fingerprint) };
    // Only as it was given out: a second spelling would be a second id of one delivery.
    (source.contains('/') && place.to_string() == text).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Connection;

    #[test]
    fn each_id_that_lists_give_out_is_read_as_what_it_is_of() {
        let connection: Connection = "acme/pos/shop-1".parse().unwrap();
        let place = DeliveryPlace::new(&connection, "key:sale-17", 1_731_705_121_000, 7);
        assert_eq!(place.to_string().parse(), Ok(DeliveryId::TakenIn(place)));
        let rejected = ["pos#17", "github/acme:proved#3", "1731705121000-made-up#1"];
        for id in rejected {
            assert_eq!(id.parse(), id.parse().map(DeliveryId::Rejected), "{id}");
        }
        let dead = "1731705121000-5fea7756-0ea4-451a-a703-a558b933e274";
        assert_eq!(dead.parse(), dead.parse().map(DeliveryId::Dead));
    }

    #[test]
    fn nothing_else_is_read() {
        let key = "0".repeat(32);
        for bad in ["", "verify", "pos", "pos#0", &format!("17317051210-pos/shop-{key}-0"), "1731705121000-æ"] {
            assert_eq!(bad.parse::<DeliveryId>(), Err(NoPlace), "{bad}");
        }
        for other in [format!("1731705121000-pos/shop-{}-0", "A".repeat(32)), format!("1731705121000-pos/shop-{key}-8")]
        {
            let found = other.parse::<DeliveryId>();
            assert!(!matches!(found, Ok(DeliveryId::TakenIn(_))), "{other}: {found:?}");
        }
    }
}
