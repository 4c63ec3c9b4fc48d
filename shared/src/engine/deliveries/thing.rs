//! What a delivery of a warehouse's says about one thing: a stock level, a shipment, a receipt. Read where it is applied, and
//! where it is foreseen what applying it would come to.

use serde::Serialize;

use crate::aws::deliveries::effects::VersionPlace;
use crate::domain::deliveries::delivery::{Channel, Label};
use crate::domain::deliveries::version::Version;
use crate::domain::ids::{Dataset, Entity};
use crate::vendors::trackstar::{BadPayload, Envelope, Inventory, Shipment, read_inventory, read_shipment};

/// A version of a thing.
pub(super) struct Thing {
    dataset: Dataset,
    id: String,
    version: Version,
    /// Whether its sender said a time too far ahead of its receipt.
    pub(super) ahead: bool,
    /// What is stored of it.
    pub(super) fields: ThingFields,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ThingFields {
    Inventory(Box<Inventory>),
    Shipment(Shipment),
}

impl Thing {
    /// Reads a payload.
    ///
    /// # Errors
    /// When it is not what its channel takes.
    pub(super) fn read(label: &Label, body: &[u8]) -> Result<Self, BadPayload> {
        // The brand was settled when the delivery was let in, and names its connection.
        let (brand, envelope) = (label.connection.name.as_str(), Envelope::read(body)?);
        let (entity, id, version, fields) = match label.channel {
            Channel::TrackstarInventory => {
                let inventory = read_inventory(brand, &envelope.data)?;
                (
                    Entity::INVENTORY,
                    inventory.sku.clone(),
                    inventory.version,
                    ThingFields::Inventory(Box::new(inventory)),
                )
            }
            channel => {
                let shipment = read_shipment(brand, &envelope.event_type, &envelope.data, label.received_at())?;
                let entity = match channel {
                    Channel::TrackstarReceipt => Entity::INBOUND_SHIPMENT_RECEIPTS,
                    _ => Entity::INBOUND_SHIPMENTS,
                };
                (entity, shipment.id.clone(), shipment.version, ThingFields::Shipment(shipment))
            }
        };
        let (version, ahead) = version.as_of(label.received_at());
        Ok(Self { dataset: label.connection.dataset(entity), id, version, ahead, fields })
    }

    /// Which thing, and which version.
    pub(super) fn place(&self) -> VersionPlace<'_> {
        VersionPlace { dataset: &self.dataset, id: &self.id, version: self.version, ahead: self.ahead }
    }
}
