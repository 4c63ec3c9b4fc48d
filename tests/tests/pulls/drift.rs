//! Fields that change: told with the first row that showed it, and kept from being applied where a connection says so.

use serde_json::json;
use signalbox_simulators::{Fault, FaultKind, Vendor};
use signalbox_tests::system::System;

use super::kit::{Pulled, backfill, change, fault, vendor};

#[tokio::test]
async fn fields_that_change_are_told_or_keep_rows_from_being_applied() {
    let system = System::start().await;
    for (policy, state, told) in [("accept", "done", 1), ("freeze", "failed", 1), ("ignore", "done", 0)] {
        let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
        let settings = json!({"entities": ["units"], "drift": {"units": policy}});
        let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
        let run = pulled.run(&backfill()).await;
        assert_eq!((&run["status"], run["work"]["entities"][0].get("drift")), (&json!("Success"), None), "{policy}");
        let before = pulled.stored("units").await;
        change(&doorloop, json!({"entity": "units", "change": 3}));
        let new = Fault { field: Some("surprise".into()), ..fault(FaultKind::NewField, "units", 1, 9) };
        doorloop.set_fault(new).unwrap();
        let run = pulled.run(&backfill()).await;
        let units = &run["work"]["entities"][0];
        let changes = units.get("drift").and_then(|drift| drift.as_array()).cloned().unwrap_or_default();
        assert_eq!((&units["state"], changes.len()), (&json!(state), told), "{policy}: {run:?}");
        if told > 0 {
            assert_eq!((&changes[0]["path"], &changes[0]["kind"]), (&json!("surprise"), &json!("new")));
            assert!(before.records.contains_key(changes[0]["firstRecord"].as_str().unwrap()));
        }
        if policy == "freeze" {
            assert_eq!(units["error"]["code"], "schema_changed");
            assert_eq!(pulled.stored("units").await.records, before.records);
        }
    }
}
