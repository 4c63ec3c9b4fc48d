//! What DoorLoop lists. Of the fields, `id`, `name`, `createdAt` and `updatedAt` are sure; the others are as such rows
//! have them, so that there is something to nest, to map and to be wrong about.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::rows::{Entity, Facts};

pub(crate) const ENTITIES: &[Entity] = &[
    Entity { name: "owners", share: 4, row: owner },
    Entity { name: "properties", share: 6, row: property },
    Entity { name: "units", share: 30, row: unit },
    Entity { name: "leases", share: 30, row: lease },
    Entity { name: "tenants", share: 30, row: tenant },
];

const FIRST_NAMES: &[&str] =
    &["Ada", "Benjamin", "Chiara", "David", "Elif", "Frank", "Grace", "Hassan", "Ines", "José", "Kaja", "Søren"];
const LAST_NAMES: &[&str] = &[
    "Almeida",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Hughes",
    "O’Neill",
    "Okafor",
    "Zhang",
];
const STREETS: &[&str] = &["Alder Street", "Birch Avenue", "Cedar Lane", "Dogwood Court", "Elm Street", "Fir Road"];
const CITIES: &[(&str, &str, &str)] = &[
    ("Austin", "TX", "73301"),
    ("Boise", "ID", "83702"),
    ("Columbus", "OH", "43004"),
    ("Denver", "CO", "80014"),
    ("Portland", "OR", "97035"),
];
const AMENITIES: &[&str] = &["AIR_CONDITIONING", "BALCONY", "DISHWASHER", "LAUNDRY", "PARKING", "PETS_ALLOWED"];
/// Dollars that a change of a row moves a price by.
const RAISE: u64 = 25;

fn pick<'a>(dice: &mut Rng, of: &[&'a str]) -> &'a str {
    dice.choice(of).copied().unwrap_or_default()
}

fn address(dice: &mut Rng) -> Value {
    let (city, state, zip) = CITIES[dice.usize(..CITIES.len())];
    json!({
        "street1": format!("{} {}", dice.u32(1..2000), pick(dice, STREETS)),
        "street2": if dice.u8(..4) == 0 { Value::from(format!("Apt {}", dice.u8(1..40))) } else { Value::Null },
        "city": city, "state": state, "zip": zip, "country": "US",
        "lat": f64::from(dice.u32(30_000..48_000)) / 1000.0,
        "lng": -f64::from(dice.u32(70_000..123_000)) / 1000.0,
    })
}

/// What people have: names, emails and numbers that can be nobody's.
fn person(facts: &Facts<'_>, dice: &mut Rng) -> Value {
    let (first, last) = (pick(dice, FIRST_NAMES), pick(dice, LAST_NAMES));
    json!({
        "id": facts.id,
        "firstName": first,
        "lastName": last,
        "name": format!("{first} {last}"),
        "emails": [{"type": "PRIMARY", "address": format!("person{}@example.com", facts.index)}],
        "phones": [{"type": "MOBILE", "number": format!("+1555{:07}", (dice.u64(..10_000_000) + facts.revision) % 10_000_000)}],
        "createdAt": facts.created,
        "updatedAt": facts.updated,
    })
}

fn owner(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let mut row = person(facts, &mut dice);
    row["type"] = "OWNER".into();
    row["active"] = true.into();
    row["company"] = (dice.u8(..5) == 0).into();
    row["primaryAddress"] = address(&mut dice);
    row
}

fn property(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let address = address(&mut dice);
    let owners: Vec<Value> = facts
        .related("owners", facts.index)
        .map(|owner| json!({"owner": owner, "ownershipPercentage": 100}))
        .into_iter()
        .collect();
    json!({
        "id": facts.id,
        "name": address["street1"],
        "type": pick(&mut dice, &["RESIDENTIAL_MULTI_FAMILY", "RESIDENTIAL_SINGLE_FAMILY", "COMMERCIAL_OFFICE"]),
        "active": true,
        "address": address,
        "owners": owners,
        "numActiveUnits": 1 + dice.u64(..40) + facts.revision,
        "settings": {"lateFee": {"enabled": dice.bool(), "graceDays": dice.u8(1..10)}, "reserveFunds": dice.u32(..50) * 100},
        "createdAt": facts.created,
        "updatedAt": facts.updated,
    })
}

fn unit(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let amenities: Vec<&str> = AMENITIES.iter().copied().filter(|_| dice.bool()).collect();
    json!({
        "id": facts.id,
        "name": format!("Unit {}", facts.index + 1),
        "property": facts.related("properties", facts.index),
        "active": true,
        "beds": dice.u8(0..5),
        "baths": f64::from(dice.u8(2..7)) / 2.0,
        "size": dice.u32(300..2400),
        "marketRent": 700 + u64::from(dice.u16(..120)) * 25 + facts.revision * RAISE,
        "amenities": amenities,
        "createdAt": facts.created,
        "updatedAt": facts.updated,
    })
}

fn lease(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    // The property of the lease is that of its unit.
    let unit = facts.related_index("units", facts.index);
    let year = 2023 + u32::from(dice.u8(..2));
    let month = dice.u8(1..13);
    json!({
        "id": facts.id,
        "name": format!("Lease {}", facts.index + 1),
        "status": pick(&mut dice, &["ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE"]),
        "term": pick(&mut dice, &["FIXED", "AT_WILL"]),
        "start": format!("{year}-{month:02}-01"),
        "end": format!("{}-{month:02}-01", year + 1),
        "property": unit.and_then(|unit| facts.related("properties", unit)),
        "units": facts.related("units", facts.index).into_iter().collect::<Vec<_>>(),
        "tenants": facts.related("tenants", facts.index).into_iter().collect::<Vec<_>>(),
        "totalRecurringRent": 700 + u64::from(dice.u16(..120)) * 25 + facts.revision * RAISE,
        "totalBalanceDue": f64::from(dice.u32(..20_000)) / 100.0,
        "settings": {"proofOfInsuranceRequired": dice.bool(), "rentDay": 1},
        "createdAt": facts.created,
        "updatedAt": facts.updated,
    })
}

fn tenant(facts: &Facts<'_>) -> Value {
    let mut dice = facts.dice();
    let mut row = person(facts, &mut dice);
    row["type"] = pick(&mut dice, &["LEASE_TENANT", "LEASE_TENANT", "LEASE_TENANT", "PROSPECT"]).into();
    row["emergencyContacts"] = json!([{"name": format!("{} {}", pick(&mut dice, FIRST_NAMES), pick(&mut dice, LAST_NAMES)), "relationship": "FRIEND"}]);
    row["pets"] = if dice.u8(..5) == 0 { json!([{"type": "CAT", "name": "Miso"}]) } else { json!([]) };
    row["portalInfo"] =
        json!({"status": pick(&mut dice, &["ACTIVE", "INVITED", "NONE"]), "loginEmail": row["emails"][0]["address"]});
    row
}
