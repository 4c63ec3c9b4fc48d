//! Every await that touches AWS or a store, killed before and after, one at a time (I2, I3, I5).
use serde_json::json;
use signalbox_tests::catalogue::Catalogue;
use signalbox_tests::system::System;

#[tokio::test]
async fn smoke() {
    let start = std::time::Instant::now();
    let system = System::start().await;
    eprintln!("host {:?}", start.elapsed());
    for c in [Catalogue::real(), Catalogue::small(60)] {
    let world = system.world();
    world.publish(&c);
    let start = std::time::Instant::now();
    let process = world.healthy().await;
    eprintln!("process {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let answer = process.sync(json!({})).await;
    eprintln!("sync {:?} {} {}", start.elapsed(), answer.status, answer.body);
    eprintln!("{:?}", process.wire().calls());
    let start = std::time::Instant::now();
    let stored = world.stored().await;
    eprintln!("stored {:?}", start.elapsed());
    stored.check_consistent();
    eprintln!("{:?} {:?} {:?} {:?}", stored.runs, stored.state, stored.lease, stored.statistics);
    eprintln!("{:?}", world.events());
    let start = std::time::Instant::now();
    process.watchdog().await.unwrap().unwrap();
    process.drain().await.unwrap();
    eprintln!("wd {:?}", start.elapsed());
    }
}
