//! Trackstar: what its webhooks say, and what of it is kept. Facts: docs.trackstarhq.com, "Webhooks".

mod data;
mod inventory;
pub mod link;
pub mod provider;
mod rows;
mod shipment;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

pub use data::Data;
pub use inventory::{Inventory, read_inventory};
pub use shipment::{Shipment, read_shipment};

use crate::domain::correlation;
use crate::domain::deliveries::delivery::{Channel, fits_a_queue, no_json, without_byte_order_mark};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::members::Members;

/// The longest member that is named where something is wrong.
const NAME_BYTES_MAX: usize = 40;
/// The longest name of an event: it is a part of keys.
const EVENT_TYPE_BYTES_MAX: usize = 128;

/// Why a payload is not what its route takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPayload(pub String);

impl BadPayload {
    /// What was expected where, and never what stands there: serde quotes it, and it may be anything of any length (I9).
    fn at(root: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let text = error.inner().to_string();
        let what = match text.rsplit_once("expected ") {
            Some((quoted, expected)) if quoted.starts_with("invalid ") => format!("expected {expected}"),
            _ => text,
        };
        let mut place = root.to_owned();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => place.push_str(&format!("[{index}]")),
                // A member may be the sender's own.
                Segment::Map { key } if !is_plain_name(key) => place.push_str(".…"),
                Segment::Map { key } if place.is_empty() => place.push_str(key),
                Segment::Map { key } => place.push_str(&format!(".{key}")),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        Self(if place.is_empty() { what } else { format!("{place}: {what}") })
    }
}

fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain)
}

/// Reads a value, or says where it is not of its type.
fn read_at<'de, T: Deserialize<'de>>(
    root: &str,
    deserializer: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, BadPayload> {
    serde_path_to_error::deserialize(deserializer).map_err(|error| BadPayload::at(root, &error))
}

/// What every webhook says. There is no event id in it; `event_id` is what the header scheme's senders add, and read with
/// their signature ([`crate::domain::deliveries::signature`]).
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope {
    /// Which connection it is about.
    pub connection_id: String,
    /// For example `inventory.updated`.
    pub event_type: String,
    /// What happened to what.
    #[serde(default)]
    pub data: Data,
    /// Traces, from senders that give them. They are for finding things again, so one of another type is no reason to refuse
    /// the event: it counts as absent.
    #[serde(default, deserialize_with = "text_or_none")]
    pub delivery_id: Option<String>,
    /// As `delivery_id`.
    #[serde(default, deserialize_with = "text_or_none")]
    pub request_id: Option<String>,
    /// As `delivery_id`.
    #[serde(default, deserialize_with = "text_or_none")]
    pub correlation_id: Option<String>,
}

fn text_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    // As text first: a number may be too large for any type.
    Ok(serde_json::from_str(Box::<RawValue>::deserialize(deserializer)?.get()).ok())
}

/// The name of an event, taken apart. The vendor's pages differ in `-`, `_`, `.` and case, and not every action is known.
#[derive(Debug, PartialEq, Eq)]
struct EventName {
    /// Of which route its resource is.
    route: Channel,
    /// Empty where the name is that of the resource alone.
    action: String,
}

impl EventName {
    /// What is an action whatever stands before it.
    const ACTIONS: [&'static str; 3] = ["created", "updated", "deleted"];
    /// What is the end of another resource's name, and not an action.
    const NOT_ACTIONS: [&'static str; 3] = ["ledger", "receipt", "receipts"];

    fn read(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let whole = Self { route: Self::route_of(&text), action: String::new() };
        if whole.route == Channel::TrackstarOther { Self::with_action(&text).unwrap_or(whole) } else { whole }
    }

    fn with_action(text: &str) -> Option<Self> {
        let end = text.rfind(['.', '-', '_'])?;
        let (resource, action) = (&text[..end], &text[end + 1..]);
        let is_action = text[end..].starts_with('.') || Self::ACTIONS.contains(&action);
        let found = || Self { route: Self::route_of(resource), action: action.to_owned() };
        (is_action && !Self::NOT_ACTIONS.contains(&action)).then(found)
    }

    fn route_of(resource: &str) -> Channel {
        match resource.replace(['.', '-', '_'], "").as_str() {
            "inventory" | "inventories" => Channel::TrackstarInventory,
            "inboundshipment" | "inboundshipments" => Channel::TrackstarShipment,
            "inboundshipmentreceipt" | "inboundshipmentreceipts" => Channel::TrackstarReceipt,
            _ => Channel::TrackstarOther,
        }
    }
}

impl Envelope {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not a JSON object with `connection_id` and `event_type`.
    pub fn read(body: &[u8]) -> Result<Self, BadPayload> {
        if let Some(found) = no_json(body) {
            return Err(BadPayload(format!("the body is not JSON: it is {found}")));
        }
        let mut json = serde_json::Deserializer::from_slice(without_byte_order_mark(body));
        let Members(envelope) = read_at::<Members<Self>>("", &mut json)?;
        json.end().map_err(|error| BadPayload(error.to_string()))?;
        if envelope.connection_id.trim().is_empty() || envelope.event_type.trim().is_empty() {
            return Err(BadPayload("connection_id and event_type must not be empty".into()));
        }
        if envelope.event_type.len() > EVENT_TYPE_BYTES_MAX {
            return Err(BadPayload(format!("event_type may have {EVENT_TYPE_BYTES_MAX} bytes")));
        }
        // It travels beside the body through a queue.
        if !fits_a_queue(envelope.event_type.as_bytes()) {
            return Err(BadPayload("event_type must be printable text".into()));
        }
        Ok(envelope)
    }

    /// The trace in the body, if a header has none.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        let ids = [&self.delivery_id, &self.request_id, &self.correlation_id];
        ids.into_iter().filter_map(|id| id.as_deref()).find(|id| correlation::is_plain(id))
    }

    /// What the event does at a route. A name that nobody knows goes by the route if it is one of the route's resource; one
    /// of another resource must not overwrite what the route is about. Nor is a deletion a newer version of the thing.
    #[must_use]
    pub fn channel_at(&self, route: Channel) -> Channel {
        let name = EventName::read(&self.event_type);
        match self.channel() {
            Channel::TrackstarOther if name.route == route && name.action != "deleted" => route,
            known => known,
        }
    }

    /// What the event does.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let name = EventName::read(&self.event_type);
        match (name.route, name.action.as_str()) {
            (_, "deleted") => Channel::TrackstarOther,
            // How the action of a receipt is spelt is not documented.
            (Channel::TrackstarReceipt, _) => Channel::TrackstarReceipt,
            (route, "created" | "updated") => route,
            _ => Channel::TrackstarOther,
        }
    }
}

/// A brand's link to Trackstar, of the configuration. Trackstar calls it a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandLink {
    /// Our connection: its name is the brand's.
    pub connection: Connection,
    /// Whether its webhooks are taken.
    pub active: bool,
}

/// Reads the list of links, by Trackstar's id of each: a JSON array of `{"connectionId", "tenant", "brand", "active"}`.
///
/// # Errors
/// A text that says which link is wrong, and how.
pub fn parse_links(json: &str) -> Result<BTreeMap<String, BrandLink>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Raw {
        connection_id: String,
        tenant: Option<String>,
        brand: Option<String>,
        active: Option<bool>,
    }
    let raw: Vec<Raw> =
        serde_json::from_str(json).map_err(|error| format!("not a JSON array of connections: {error}"))?;
    let mut links = BTreeMap::new();
    for entry in raw {
        let id = entry.connection_id;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if id.is_empty() || id.len() > 128 || !id.bytes().all(plain) {
            return Err(format!("connection {id:?}: an id is 1 to 128 letters, digits, '-', '_' and '.'"));
        }
        let tenant = entry.tenant.map_or_else(|| Ok(TenantId::default()), |tenant| TenantId::parse(&tenant));
        let tenant = tenant.map_err(|error| format!("connection {id:?}: {error}"))?;
        let brand = ConnectionName::parse(entry.brand.as_deref().unwrap_or(&id));
        let brand = brand.map_err(|_| format!("connection {id:?}: its brand is not a valid name"))?;
        let connection = Connection::new(tenant, ProviderId::TRACKSTAR, brand);
        let link = BrandLink { connection, active: entry.active.unwrap_or(true) };
        if links.insert(id.clone(), link).is_some() {
            return Err(format!("connection {id:?} is listed twice"));
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_are_read_in_any_spelling() {
        for (name, expected) in [
            ("inventory.updated", Channel::TrackstarInventory),
            ("Inventory.Created", Channel::TrackstarInventory),
            ("inbound_shipment.updated", Channel::TrackstarShipment),
            ("inbound-shipment.created", Channel::TrackstarShipment),
            ("inbound_shipment_receipt.created", Channel::TrackstarReceipt),
            ("inbound-shipment.receipt.created", Channel::TrackstarReceipt),
            ("inbound_shipment.receipt_created", Channel::TrackstarReceipt),
            ("inbound_shipment_receipt_created", Channel::TrackstarReceipt),
            ("inventory_updated", Channel::TrackstarInventory),
            ("inventory_ledger_updated", Channel::TrackstarOther),
            ("inventory", Channel::TrackstarOther),
            ("inbound_shipment_receipt", Channel::TrackstarReceipt),
            ("inbound_shipment.receipt", Channel::TrackstarReceipt),
            ("inbound_shipment_receipt.deleted", Channel::TrackstarOther),
            ("inbound_shipment_receipt_deleted", Channel::TrackstarOther),
            ("inventory-ledger.created", Channel::TrackstarOther),
            ("order.created", Channel::TrackstarOther),
            ("connection-error.created", Channel::TrackstarOther),
        ] {
            let body = serde_json::json!({"connection_id": "c", "event_type": name});
            assert_eq!(Envelope::read(body.to_string().as_bytes()).unwrap().channel(), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_knows_goes_by_the_route_of_its_resource_alone() {
        use Channel::{TrackstarInventory as Inventory, TrackstarOther as Other};
        use Channel::{TrackstarReceipt as Receipt, TrackstarShipment as Shipment};
        for (route, name, expected) in [
            (Inventory, "inventory.deleted", Other),
            (Inventory, "Inventories.x", Inventory),
            (Inventory, "inventory.adjusted", Inventory),
            // Where the resource ends cannot be told.
            (Inventory, "inventory_adjusted", Other),
            (Inventory, "inventory_ledger", Other),
            (Inventory, "inventory.ledger", Other),
            (Shipment, "inbound_shipment", Shipment),
            (Shipment, "inbound_shipment_receipts", Receipt),
            (Receipt, "inbound-shipment-receipt", Receipt),
            (Receipt, "inbound-shipment-receipt.deleted", Other),
            (Inventory, "inventory", Inventory),
            (Inventory, "inventory-ledger.created", Other),
            (Inventory, "inbound-shipment.created", Shipment),
            (Shipment, "Inbound_Shipments.arrived", Shipment),
            (Shipment, "order.created", Other),
            (Shipment, "shipment.created", Other),
            (Receipt, "inbound_shipment-receipts.x", Receipt),
            (Receipt, "inbound-shipment.x", Other),
            (Other, "inventory.deleted", Other),
        ] {
            let body = serde_json::json!({"connection_id": "c", "event_type": name});
            assert_eq!(Envelope::read(body.to_string().as_bytes()).unwrap().channel_at(route), expected, "{name}");
        }
    }

    #[test]
    fn a_trace_of_another_type_counts_as_absent() {
        for (traces, expected) in [
            (r#""delivery_id":"a","request_id":"b""#, Some("a")),
            (r#""delivery_id":77,"request_id":{"id":1},"correlation_id":"c""#, Some("c")),
            (r#""correlation_id":null"#, None),
            (r#""request_id":1e999,"correlation_id":"c""#, Some("c")),
        ] {
            let body = format!(r#"{{"connection_id":"c","event_type":"e",{traces}}}"#);
            assert_eq!(Envelope::read(body.as_bytes()).unwrap().trace(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said_without_the_body() {
        for (body, expected) in [
            (r#"{"connection_id":"c","event_type":["hush"]}"#, "event_type: expected a string at line 1 column 34"),
            (r#"{"connection_id":"hush, expected nothing"#, "connection_id: EOF while parsing a string"),
            (r#"{"connection_id":{"hush, expected":1},"event_type":"e"}"#, "connection_id: expected a string"),
            (r#"{"connection_id":"c"}"#, "missing field `event_type`"),
            ("\u{FEFF}{\"connection_id\":\"c\"}", "missing field `event_type`"),
            ("<html>hush", "the body is not JSON: it is HTML or XML"),
            (r#""hush""#, "expected a JSON object at line 1 column 6"),
            (r#"["c","e"]"#, "expected a JSON object"),
            ("[1]", "expected a JSON object"),
            ("7", "expected a JSON object"),
            (r#"{"connection_id":"c","event_type":"e"} hush"#, "trailing characters"),
        ] {
            let error = Envelope::read(body.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains("hush"), "{body}: {error}");
        }
    }

    #[test]
    fn a_wrong_list_of_connections_says_which_and_why() {
        for (json, expected) in [
            (r#"{}"#, "not a JSON array"),
            (r#"[{"connectionId":"a/b"}]"#, "\"a/b\": an id is"),
            (r#"[{"connectionId":"a"},{"connectionId":"a"}]"#, "is listed twice"),
            (r#"[{"connectionId":"a","tenant":"A B"}]"#, "a tenant id"),
        ] {
            assert!(parse_links(json).unwrap_err().contains(expected), "{json}");
        }
    }
}
