//! Stock levels.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BadPayload, Data, read_at};
use crate::domain::deliveries::version::Version;
use crate::domain::members::Members;
use crate::domain::{number, time};

/// What the table takes as a number besides zero, by its size.
const NUMBERS: Range<f64> = 1e-130..1e126;

fn number_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    match number.filter(|number| *number != 0.0 && !NUMBERS.contains(&number.abs())) {
        Some(_) => Err(D::Error::custom("expected 0, or a number from 1e-130 to below 1e126, or below 0 the same")),
        None => Ok(number),
    }
}

/// A quantity as it is kept: a number, or its text where a double holds only a neighbour.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Quantity {
    Number(f64),
    Exact(String),
}

/// Null and absent are zero.
fn number_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(number_or_none(deserializer)?.unwrap_or_default())
}

/// A warehouse's quantities, which are kept as they were sent: here they are numbers or they are not.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only their types are looked at")]
struct Quantities {
    awaiting: Option<f64>,
    onhand: Option<f64>,
    committed: Option<f64>,
    unfulfillable: Option<f64>,
    fulfillable: Option<f64>,
    unsellable: Option<f64>,
    sellable: Option<f64>,
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
    #[serde(default, deserialize_with = "number_or_none")]
    unit_cost: Option<f64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "number_or_zero")]
    awaiting: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    onhand: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    committed: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    unfulfillable: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    fulfillable: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    unsellable: f64,
    #[serde(default, deserialize_with = "number_or_zero")]
    sellable: f64,
    #[serde(default)]
    #[expect(dead_code, reason = "kept as it was sent")]
    inventory_by_warehouse_id: Option<BTreeMap<String, Members<Quantities>>>,
    #[serde(default)]
    substitute_skus: Option<Vec<String>>,
    #[serde(default)]
    external_system_url: Option<String>,
}

/// A stock level as it is kept: one item per tenant, brand and sku. What it holds beside its quantities is kept as the text
/// that was sent: a table takes neither every name nor every number that JSON takes, nor every depth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Which article.
    pub sku: String,
    brand: String,
    trackstar_product_id: String,
    warehouse_customer_id: Option<String>,
    name: Option<String>,
    unit_cost: Option<Quantity>,
    active: bool,
    on_hand: Quantity,
    available: Quantity,
    incoming: Quantity,
    awaiting: Quantity,
    committed: Quantity,
    unfulfillable: Quantity,
    unsellable: Quantity,
    sellable: Quantity,
    by_warehouse: Option<String>,
    substitute_skus: Option<Vec<String>>,
    lots: Option<String>,
    measurements: Option<String>,
    locations: Option<String>,
    external_system_url: Option<String>,
    additional_fields: Option<String>,
    created_at: Option<String>,
    last_trackstar_update_at: String,
    /// When the vendor last changed it: an older event never overwrites a newer one.
    #[serde(skip)]
    pub version: Version,
}

/// Reads the `data` of an inventory event.
///
/// # Errors
/// When it lacks `id`, `sku` or `updated_date`, a field is of the wrong type, or a number cannot be stored.
pub fn read_inventory(brand: &str, data: &Data) -> Result<Inventory, BadPayload> {
    let Members(wire) = read_at::<Members<Wire>>("data", &**data)?;
    // Of two members of one name the last counts, here as there.
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(data.as_sent()).map_err(|_| BadPayload("data: expected an object".into()))?;
    let as_sent = |name: &str| {
        let text = members.get(name).map(|member| member.get()).filter(|text| *text != "null");
        text.map(str::to_owned)
    };
    let quantity = |name: &str, read: f64| match as_sent(name) {
        Some(text) if number::is_rounded(&text) => Quantity::Exact(text),
        _ => Quantity::Number(read),
    };
    let no_time = || BadPayload("data: updated_date is not a time".into());
    let version = Version::parse(&wire.updated_date).ok_or_else(no_time)?;
    if wire.sku.trim().is_empty() {
        return Err(BadPayload("data: sku must not be empty".into()));
    }
    Ok(Inventory {
        sku: wire.sku,
        brand: brand.to_owned(),
        trackstar_product_id: wire.id,
        warehouse_customer_id: wire.warehouse_customer_id,
        name: wire.name,
        unit_cost: wire.unit_cost.map(|read| quantity("unit_cost", read)),
        active: wire.active.unwrap_or(true),
        on_hand: quantity("onhand", wire.onhand),
        available: quantity("fulfillable", wire.fulfillable),
        incoming: quantity("awaiting", wire.awaiting),
        awaiting: quantity("awaiting", wire.awaiting),
        committed: quantity("committed", wire.committed),
        unfulfillable: quantity("unfulfillable", wire.unfulfillable),
        unsellable: quantity("unsellable", wire.unsellable),
        sellable: quantity("sellable", wire.sellable),
        by_warehouse: as_sent("inventory_by_warehouse_id"),
        substitute_skus: wire.substitute_skus,
        lots: as_sent("lots"),
        measurements: as_sent("measurements"),
        locations: as_sent("locations"),
        external_system_url: wire.external_system_url,
        additional_fields: as_sent("additional_fields"),
        created_at: wire.created_date,
        last_trackstar_update_at: time::text(version.moment()),
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(data: &Value) -> Result<Inventory, BadPayload> {
        read_inventory("brand", &serde_json::from_str(&data.to_string()).unwrap())
    }

    #[test]
    fn all_fields_are_mapped_and_nulls_are_taken() {
        let data = json!({
            "id": "p1", "warehouse_customer_id": "w", "created_date": "2024-01-01T00:00:00Z",
            "updated_date": "2024-06-07T08:09:10Z", "sku": "A-1", "name": null, "unit_cost": null, "active": null,
            "awaiting": 1, "onhand": 2, "committed": 3, "unfulfillable": 4, "fulfillable": 5, "unsellable": null,
            "inventory_by_warehouse_id": {"wh": {"onhand": 2}}, "lots": [{"lot_id": "l", "onhand": 2, "warehouse_id": "wh"}],
        });
        let found = serde_json::to_value(read(&data).unwrap()).unwrap();
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
        assert_eq!(found["byWarehouse"], r#"{"wh":{"onhand":2}}"#);
        assert_eq!(found["locations"], Value::Null);
    }

    #[test]
    fn a_quantity_keeps_its_digits() {
        for (sent, kept) in [
            ("19.99", json!(19.99)),
            ("19.990000000000000001", json!("19.990000000000000001")),
            ("1e-129", json!(1e-129)),
            ("19.990000000000002", json!(19.990000000000002)),
            ("0.30000000000000004", json!(0.30000000000000004)),
            ("30000000000000004e-17", json!(0.30000000000000004)),
            ("0.300000000000000041", json!("0.300000000000000041")),
            ("18446744073709551617", json!("18446744073709551617")),
        ] {
            let data = format!(
                r#"{{"id":"p","sku":"s","updated_date":"2024-06-07T00:00:00Z","unit_cost":{sent},"onhand":{sent}}}"#
            );
            let found = read_inventory("brand", &serde_json::from_str(&data).unwrap()).unwrap();
            let found = serde_json::to_value(found).unwrap();
            assert_eq!((&found["unitCost"], &found["onHand"]), (&kept, &kept), "{sent}");
        }
    }

    #[test]
    fn what_is_no_stock_level_is_refused() {
        let good = json!({"id": "p", "sku": "s", "updated_date": "2024-06-07T00:00:00Z"});
        assert!(read(&good).is_ok());
        for (field, bad) in
            [("id", json!(null)), ("sku", json!(" ")), ("updated_date", json!("soon")), ("onhand", json!("two"))]
        {
            let mut data = good.clone();
            data[field] = bad;
            assert!(read(&data).is_err(), "{field}");
        }
        for (data, expected) in [
            (json!(null), "data: expected a JSON object"),
            (json!(["p", "s", "2024-06-07T00:00:00Z"]), "data: expected a JSON object"),
            (json!("hush"), "data: expected a JSON object"),
        ] {
            assert_eq!(read(&data).unwrap_err().to_string(), expected);
        }
        let warehouse = json!({"id": "p", "sku": "s", "updated_date": "2024-06-07T00:00:00Z", "inventory_by_warehouse_id": {"w": [1]}});
        let error = read(&warehouse).unwrap_err().to_string();
        assert_eq!(error, "data.inventory_by_warehouse_id.w: expected a JSON object");
    }
}
