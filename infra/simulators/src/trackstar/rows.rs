//! What Trackstar lists. Stock levels are as its events have them; the other shapes are as such rows have them, as no
//! description of them was at hand.

use serde_json::{Map, Value, json};

use crate::rows::{Entity, Facts};

pub(crate) const ENTITIES: &[Entity] = &[
    Entity { name: "products", share: 20, row: product },
    Entity { name: "inventory", share: 20, row: inventory },
    Entity { name: "orders", share: 45, row: order },
    Entity { name: "inbound-shipments", share: 10, row: inbound_shipment },
    Entity { name: "returns", share: 4, row: product_return },
    Entity { name: "warehouses", share: 1, row: warehouse },
];

const CUSTOMER: &str = "simulated-customer";
const THINGS: &[&str] = &["Candle", "Lamp", "Mug", "Notebook", "Pillow", "Scarf", "Tray", "Vase"];
const COLOURS: &[&str] = &["blue", "cream", "green", "grey", "ochre", "rosé"];
/// Warehouses that hold an article, at most.
const HELD_IN_MAX: u64 = 2;

fn sku(index: u64) -> String {
    format!("SIM-{:06}", index + 1)
}

/// By the number alone, so that an article has the name of its product.
fn name(index: u64) -> String {
    let nth = usize::try_from(index).unwrap_or_default();
    format!("{} {}", THINGS[nth % THINGS.len()], COLOURS[nth / THINGS.len() % COLOURS.len()])
}

/// What all rows have.
fn base(facts: &Facts<'_>, more: Value) -> Value {
    let mut row = json!({
        "id": facts.id,
        "warehouse_customer_id": CUSTOMER,
        "created_date": facts.created,
        "updated_date": facts.updated,
        "external_system_url": null,
        "additional_fields": {},
    });
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more);
    }
    row
}

fn product(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let more = json!({
        "name": name(facts.index),
        "sku": sku(facts.index),
        "gtin": format!("0{:012}", dice.u64(..1_000_000_000_000)),
        "unit_price": f64::from(dice.u32(300..20_000)) / 100.0 + facts.revision as f64,
        "active": dice.u8(..10) != 0,
        "is_kit": false,
        "inventory_items": [{"sku": sku(facts.index), "unit_quantity": 1}],
        "measurements": {"length": dice.u8(1..90), "width": dice.u8(1..60), "height": dice.u8(1..40), "unit": "cm",
            "weight": f64::from(dice.u16(5..3000)) / 100.0, "weight_unit": "kg"},
    });
    base(facts, more)
}

fn inventory(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let (onhand, committed) = (u64::from(dice.u16(20..900)) + facts.revision, u64::from(dice.u16(..20)));
    let mut held = Map::new();
    let mut left = onhand;
    for nth in 0..HELD_IN_MAX {
        let Some(warehouse) = facts.related("warehouses", facts.index + nth) else { break };
        let here = if nth + 1 == HELD_IN_MAX { left } else { onhand / HELD_IN_MAX };
        left -= here;
        held.insert(warehouse, json!({"onhand": here, "committed": 0, "fulfillable": here}));
    }
    let more = json!({
        "sku": sku(facts.index),
        "name": name(facts.index),
        "unit_cost": f64::from(dice.u32(100..9000)) / 100.0,
        "active": true,
        "awaiting": dice.u16(..200),
        "onhand": onhand,
        "committed": committed,
        "unfulfillable": 0,
        "fulfillable": onhand - committed,
        "unsellable": 0,
        "sellable": onhand - committed,
        "substitute_skus": [],
        "inventory_by_warehouse_id": held,
        "lots": [],
        "locations": [],
    });
    base(facts, more)
}

/// Articles of an order or a shipment.
fn lines(facts: &Facts<'_>, quantity: &str) -> Vec<Value> {
    let mut dice = facts.dice();
    let count = dice.u64(1..4);
    (0..count)
        .filter_map(|nth| {
            let index = facts.related_index("products", facts.index.wrapping_mul(7) + nth)?;
            let product = facts.related("products", index);
            Some(json!({"product_id": product, "sku": sku(index), quantity: dice.u8(1..6)}))
        })
        .collect()
}

fn order(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    const STEPS: &[&str] = &["open", "confirmed", "processing", "fulfilled"];
    let step = (u64::from(dice.u8(..4)) + facts.revision).min(3);
    let status = STEPS[usize::try_from(step).unwrap_or_default()];
    let more = json!({
        "order_number": format!("#{}", 1000 + facts.index),
        "reference_id": format!("shop-{}", 1_000_000 + facts.index),
        "status": status,
        "raw_status": status.to_uppercase(),
        "channel": "simulated shop",
        "type": "d2c",
        "invoice_currency_code": "USD",
        "total_price": f64::from(dice.u32(500..90_000)) / 100.0 + facts.revision as f64,
        "line_items": lines(facts, "quantity"),
        "ship_to_address": {"full_name": "Sam Sample", "address1": format!("{} Elm Street", dice.u16(1..900)),
            "city": "Denver", "state": "CO", "postal_code": "80014", "country": "US"},
        "shipments": [],
    });
    base(facts, more)
}

fn inbound_shipment(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let more = json!({
        "purchase_order_number": format!("PO-{:05}", facts.index + 1),
        "status": if dice.bool() { "open" } else { "received" },
        "supplier": "Sample Supplies",
        "warehouse_id": facts.related("warehouses", facts.index),
        "line_items": lines(facts, "expected_quantity"),
        "receipts": [],
        "tracking_numbers": [format!("1Z{:010}", u64::from(dice.u32(..)) + facts.revision)],
    });
    base(facts, more)
}

fn product_return(facts: &Facts<'_>) -> Value {
    let more = json!({
        "order_id": facts.related("orders", facts.index.wrapping_mul(3)),
        "status": if facts.revision == 0 { "open" } else { "received" },
        "line_items": lines(facts, "expected_quantity"),
    });
    base(facts, more)
}

fn warehouse(facts: &Facts<'_>) -> Value {
    let more = json!({
        "name": format!("Warehouse {}", facts.index + 1),
        "address": {"address1": "1 Dock Road", "city": "Columbus", "state": "OH", "postal_code": "43004", "country": "US"},
    });
    base(facts, more)
}
