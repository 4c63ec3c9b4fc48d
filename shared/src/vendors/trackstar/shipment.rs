//! Shipments to the warehouse, and their receipts. The vendor's schema of them is not published with its webhooks, so they
//! are kept as they come; only what orders them is read.

use jiff::Timestamp;
use serde::Serialize;

use super::{BadPayload, Data};
use crate::domain::deliveries::version::Version;

/// A shipment or a receipt as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    /// The vendor's id.
    pub id: String,
    brand: String,
    event_type: String,
    payload: String,
    /// When the vendor last changed it; when it was received, where the vendor says nothing.
    #[serde(skip)]
    pub version: Version,
}

/// Reads the `data` of a shipment or receipt event.
///
/// # Errors
/// When it has no `id`.
pub fn read_shipment(
    brand: &str,
    event_type: &str,
    data: &Data,
    received_at: Timestamp,
) -> Result<Shipment, BadPayload> {
    let id = data["id"].as_str().filter(|id| !id.trim().is_empty());
    let id = id.ok_or_else(|| BadPayload("data: id must be a non-empty string".into()))?;
    let changed = ["updated_date", "received_date", "created_date"].iter().find_map(|field| data[*field].as_str());
    Ok(Shipment {
        id: id.to_owned(),
        brand: brand.to_owned(),
        event_type: event_type.to_owned(),
        payload: data.as_sent().to_owned(),
        version: changed.and_then(Version::parse).unwrap_or_else(|| Version::at(received_at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shipment_is_kept_as_it_was_sent() {
        let sent = r#"{"id":"s-1", "purchase_order": 123456789012345678901}"#;
        let data: Data = serde_json::from_str(sent).unwrap();
        let kept = serde_json::to_value(
            read_shipment("brand", "inbound_shipment.created", &data, Timestamp::UNIX_EPOCH).unwrap(),
        )
        .unwrap();
        assert_eq!(kept["payload"], sent);
    }
}
