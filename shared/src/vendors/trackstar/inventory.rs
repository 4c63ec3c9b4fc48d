//! Stock levels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BadPayload;
use crate::domain::time;

/// The seven quantities of a warehouse, or of all of them. Null and absent are zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Quantities {
    #[serde(deserialize_with = "or_zero")]
    awaiting: f64,
    #[serde(deserialize_with = "or_zero")]
    onhand: f64,
    #[serde(deserialize_with = "or_zero")]
    committed: f64,
    #[serde(deserialize_with = "or_zero")]
    unfulfillable: f64,
    #[serde(deserialize_with = "or_zero")]
    fulfillable: f64,
    #[serde(deserialize_with = "or_zero")]
    unsellable: f64,
    #[serde(deserialize_with = "or_zero")]
    sellable: f64,
}

fn or_zero<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    sku: String,
    updated_date: String,
    #[serde(default)]
    created_date: Option<String>,
    #[serde(default)]
    warehouse_customer_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    unit_cost: Option<f64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(flatten)]
    quantities: Quantities,
    #[serde(default)]
    inventory_by_warehouse_id: Option<BTreeMap<String, Quantities>>,
    #[serde(default)]
    substitute_skus: Option<Vec<String>>,
    #[serde(default)]
    lots: Option<Value>,
    #[serde(default)]
    measurements: Option<Value>,
    #[serde(default)]
    locations: Option<Value>,
    #[serde(default)]
    external_system_url: Option<String>,
    #[serde(default)]
    additional_fields: Option<Value>,
}

/// A stock level as it is kept: one item per tenant, brand and sku.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Which article.
    pub sku: String,
    brand: String,
    trackstar_product_id: String,
    warehouse_customer_id: Option<String>,
    name: Option<String>,
    unit_cost: Option<f64>,
    active: bool,
    on_hand: f64,
    available: f64,
    incoming: f64,
    awaiting: f64,
    committed: f64,
    unfulfillable: f64,
    unsellable: f64,
    sellable: f64,
    by_warehouse: Option<BTreeMap<String, Quantities>>,
    substitute_skus: Option<Vec<String>>,
    lots: Option<Value>,
    measurements: Option<Value>,
    locations: Option<Value>,
    external_system_url: Option<String>,
    additional_fields: Option<Value>,
    created_at: Option<String>,
    last_trackstar_update_at: String,
    /// When the vendor last changed it, epoch milliseconds: an older event never overwrites a newer one.
    #[serde(skip)]
    pub version_ms: i64,
}

/// Reads the `data` of an inventory event.
///
/// # Errors
/// When it lacks `id`, `sku` or `updated_date`, or a field is of the wrong type.
pub fn read_inventory(brand: &str, data: &Value) -> Result<Inventory, BadPayload> {
    let wire = Wire::deserialize(data).map_err(|error| BadPayload(format!("data: {error}")))?;
    let updated = time::parse(&wire.updated_date).ok_or_else(|| BadPayload("data: updated_date is no time".into()))?;
    if wire.sku.trim().is_empty() {
        return Err(BadPayload("data: sku must not be empty".into()));
    }
    let all = wire.quantities;
    Ok(Inventory {
        sku: wire.sku,
        brand: brand.to_owned(),
        trackstar_product_id: wire.id,
        warehouse_customer_id: wire.warehouse_customer_id,
        name: wire.name,
        unit_cost: wire.unit_cost,
        active: wire.active.unwrap_or(true),
        on_hand: all.onhand,
        available: all.fulfillable,
        incoming: all.awaiting,
        awaiting: all.awaiting,
        committed: all.committed,
        unfulfillable: all.unfulfillable,
        unsellable: all.unsellable,
        sellable: all.sellable,
        by_warehouse: wire.inventory_by_warehouse_id,
        substitute_skus: wire.substitute_skus,
        lots: wire.lots,
        measurements: wire.measurements,
        locations: wire.locations,
        external_system_url: wire.external_system_url,
        additional_fields: wire.additional_fields,
        created_at: wire.created_date,
        last_trackstar_update_at: time::text(updated),
        version_ms: updated.as_millisecond(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_fields_are_mapped_and_nulls_are_taken() {
        let data = json!({
            "id": "p1", "warehouse_customer_id": "w", "created_date": "2024-01-01T00:00:00Z",
            "updated_date": "2024-06-07T08:09:10Z", "sku": "A-1", "name": null, "unit_cost": null, "active": null,
            "awaiting": 1, "onhand": 2, "committed": 3, "unfulfillable": 4, "fulfillable": 5, "unsellable": null,
            "inventory_by_warehouse_id": {"wh": {"onhand": 2}}, "lots": [{"lot_id": "l", "onhand": 2, "warehouse_id": "wh"}],
        });
        let found = serde_json::to_value(read_inventory("brand", &data).unwrap()).unwrap();
        for (field, expected) in [
            ("trackstarProductId", json!("p1")),
            ("onHand", json!(2.0)),
            ("available", json!(5.0)),
            ("incoming", json!(1.0)),
            ("unsellable", json!(0.0)),
            ("sellable", json!(0.0)),
            ("active", json!(true)),
            ("unitCost", json!(null)),
            ("lastTrackstarUpdateAt", json!("2024-06-07T08:09:10.000Z")),
        ] {
            assert_eq!(found[field], expected, "{field}");
        }
        assert_eq!(found["byWarehouse"]["wh"]["onhand"], json!(2.0));
    }

    #[test]
    fn what_is_no_stock_level_is_refused() {
        let good = json!({"id": "p", "sku": "s", "updated_date": "2024-06-07T00:00:00Z"});
        assert!(read_inventory("b", &good).is_ok());
        for (field, bad) in
            [("id", json!(null)), ("sku", json!(" ")), ("updated_date", json!("soon")), ("onhand", json!("two"))]
        {
            let mut data = good.clone();
            data[field] = bad;
            assert!(read_inventory("b", &data).is_err(), "{field}");
        }
    }
}
