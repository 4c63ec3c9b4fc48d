//! Rows of Trackstar's lists as the records that its webhooks make: a stock level and a shipment are one thing, whichever way they come.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Data, read_inventory, read_shipment};
use crate::domain::connections::pull_api::Met;
use crate::domain::deliveries::version::Version;
use crate::domain::ids::ConnectionName;

/// What stands where a webhook's event would be named.
const EVENT: &str = "pulled";

/// A stock level.
pub(super) fn inventory(brand: &ConnectionName, row: &str, began_at: Timestamp) -> Result<Met, String> {
    let inventory = read_inventory(brand.as_str(), &data(row)?).map_err(|bad| bad.to_string())?;
    met(&inventory, inventory.version, began_at)
}

/// A shipment to the warehouse.
pub(super) fn shipment(brand: &ConnectionName, row: &str, began_at: Timestamp) -> Result<Met, String> {
    let shipment = read_shipment(brand.as_str(), EVENT, &data(row)?, began_at).map_err(|bad| bad.to_string())?;
    met(&shipment, shipment.version, began_at)
}

fn data(row: &str) -> Result<Data, String> {
    serde_json::from_str(row).map_err(|_| "it is no JSON".to_owned())
}

fn met(kept: &impl Serialize, version: Version, began_at: Timestamp) -> Result<Met, String> {
    let fields: Map<String, Value> = match serde_json::to_value(kept) {
        Ok(Value::Object(fields)) => fields,
        _ => return Err("it cannot be kept".to_owned()),
    };
    let (version, _ahead) = version.as_of(began_at);
    Ok(Met { fields, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_as_webhooks_are() {
        let (brand, began) = (ConnectionName::parse("north").unwrap(), "2026-01-15T12:00:00Z".parse().unwrap());
        let row = r#"{"id":"i","sku":"A-1","onhand":5,"updated_date":"2026-01-15T11:00:00Z"}"#;
        let met = inventory(&brand, row, began).unwrap();
        assert_eq!(
            (&met.fields["sku"], &met.fields["onHand"], &met.fields["brand"]),
            (&"A-1".into(), &5.0.into(), &"north".into())
        );
        assert_eq!(Some(met.version), Version::parse("2026-01-15T11:00:00Z"));
        assert!(inventory(&brand, r#"{"id":"i","sku":"A-1"}"#, began).is_err());
        let met = shipment(&brand, r#"{"id":"s","status":"open"}"#, began).unwrap();
        assert_eq!((&met.fields["id"], met.version), (&"s".into(), Version::at(began)));
        // A clock that is ahead must not keep everything else out.
        let ahead = inventory(&brand, &row.replace("2026-01-15", "2036-01-15"), began).unwrap();
        assert_eq!(ahead.version, Version::at(began));
    }
}
