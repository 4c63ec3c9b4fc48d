//! What is stored under a dataset stays there: another entity of the same connection may use the same ids.

use signalbox::aws::clients::Clients;
use signalbox::aws::datasets::records::{Provenance, Record, RecordStore};
use signalbox::aws::datasets::snapshots::SnapshotStore;
use signalbox::domain::datasets::manifest::{Entry, Fingerprint, Layer, LayerRef};
use signalbox::domain::datasets::placement::partition;
use signalbox::domain::ids::{Connection, Entity, RunId};
use signalbox::outside::Outside;
use signalbox_tests::system::System;

#[tokio::test]
async fn two_entities_with_the_same_ids_stay_apart() {
    let system = System::start().await;
    let (environment, outside) = (system.environment("sync-control"), Outside::default());
    let clients = Clients::connect(&environment, &outside).unwrap();
    let records = RecordStore::connect(&clients, &environment).unwrap();
    let snapshots = SnapshotStore::connect(&clients, &environment).unwrap();
    let connection: Connection = "acme/doorloop/main".parse().unwrap();
    let [owners, units] = ["owners", "units"].map(|name| connection.dataset(Entity::parse(name).unwrap()));
    let fingerprint = Fingerprint::of(b"17");
    let layer = LayerRef { id: "layer".into(), segments: 1, rows: 1 };
    for (dataset, payload, content) in [(&owners, "an owner", 1), (&units, "a unit", 2)] {
        let from = Provenance {
            source: "test".into(),
            fetched_at: "2026-01-15T12:00:00.000Z".into(),
            run_id: RunId::new(system.clock.now(), [content; 16]),
        };
        let record = Record { fingerprint, catalog_id: "17".into(), payload: payload.into(), hash: "5f".repeat(32) };
        records.put(dataset, &from, vec![record]).await.unwrap();
        let puts = vec![Entry { fingerprint, content: [content; 8] }];
        let segment = Layer { puts, removals: Vec::new() }.segments().next().unwrap();
        snapshots.put_segment(dataset, &layer, 0, segment).await.unwrap();
    }
    for (dataset, content) in [(&owners, 1), (&units, 2)] {
        assert_eq!(snapshots.layer(dataset, &layer).await.unwrap().puts[0].content, [content; 8]);
    }
    records.remove(&owners, &[fingerprint]).await.unwrap();
    let left = system.items("RECORDS_TABLE", &format!("{connection}/")).await;
    let left: Vec<_> =
        left.iter().map(|item| (item["pk"].as_str().unwrap(), item["payload"].as_str().unwrap())).collect();
    assert_eq!(left, [(partition(&units, fingerprint).as_str(), "a unit")]);
}
