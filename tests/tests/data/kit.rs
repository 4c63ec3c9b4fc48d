//! All tables of a system, and everything in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::inventory::kinds::{Part, TableName};
use signalbox::aws::inventory::{Inventory, Stored};
use signalbox::domain::ids::TenantId;
use signalbox::engine::operators::{Operator, Operators};
use signalbox_local::data::Failed;
use signalbox_local::data::erase::{Erased, erase};
use signalbox_local::data::export::{Exported, Wanted, export};
use signalbox_local::data::import::{Imported, Options, check, import};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::samples::{of_all, of_tenant};

/// The tenant that is taken out, or erased.
pub(super) const ONE: &str = "gone-one";
/// The one beside it.
pub(super) const OTHER: &str = "other-one";

/// One of every kind, of both.
pub(super) async fn filled() -> System {
    let system = System::start().await;
    put(&system, &of_tenant(ONE, "a")).await;
    put(&system, &of_tenant(OTHER, "b")).await;
    put(&system, &of_all(ONE, OTHER)).await;
    system
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub(super) fn inventory(system: &System, wire: &Wire) -> Inventory {
    let (environment, outside) = (system.environment("sync-control"), system.outside(wire));
    Inventory::connect(&Clients::connect(&environment, &outside).unwrap(), &environment).unwrap()
}

/// Everything stored, by table and key.
pub(super) async fn everything(system: &System) -> BTreeMap<String, Stored> {
    let inventory = inventory(system, &Wire::whole());
    let mut all = BTreeMap::new();
    for table in TableName::ALL {
        let mut from = None;
        loop {
            let (items, next) = inventory.page(table, from).await.unwrap();
            for stored in items {
                let json = stored.json();
                all.insert(format!("{table} {} {}", json["pk"], json["sk"]), stored);
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
    }
    all
}

pub(super) async fn put(system: &System, items: &[(TableName, Value)]) {
    let inventory = inventory(system, &Wire::whole());
    for (table, item) in items {
        inventory.put(&Stored::of_json(*table, item).unwrap()).await.unwrap();
    }
}

pub(super) async fn erased(system: &System, wire: &Wire, name: &str) -> Result<Erased, Failed> {
    let mut erased = Erased::default();
    erased_in_part(system, wire, name, &mut erased).await.map(|()| erased)
}

/// Erases a tenant, and adds up what went, however it ends.
pub(super) async fn erased_in_part(system: &System, wire: &Wire, name: &str, went: &mut Erased) -> Result<(), Failed> {
    let (environment, outside) = (system.environment("sync-control"), system.outside(wire));
    let clients = Clients::connect(&environment, &outside).unwrap();
    let operators = Operators::connect(&clients, &environment, &outside).unwrap();
    let operator = Operator { tenant: tenant(name), actor: "jo".into(), correlation_id: "trace".into() };
    erase(&inventory(system, wire), &operators, &operator, went, &mut |_, _| {}).await
}

/// What is taken out of a system, as text.
pub(super) async fn exported(system: &System, of: Option<&str>, parts: &[Part]) -> (String, Exported) {
    let parts: BTreeSet<Part> = parts.iter().copied().collect();
    let wanted = Wanted { tenant: of.map(tenant), parts };
    let mut file = Vec::new();
    let inventory = inventory(system, &Wire::whole());
    let done = export(&inventory, &wanted, system.clock.now(), &mut file, &mut |_, _| {}).await.unwrap();
    (String::from_utf8(file).unwrap(), done)
}

pub(super) async fn imported(system: &System, file: &str, dry_run: bool, overwrite: bool) -> Result<Imported, Failed> {
    let checked = check(&mut file.as_bytes())?;
    let options = Options { dry_run, overwrite };
    let inventory = inventory(system, &Wire::whole());
    import(&inventory, &checked, &mut file.as_bytes(), options, system.clock.now(), &mut |_, _| {}).await
}
