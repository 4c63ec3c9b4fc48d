//! Every call of a mirror crashed before and after: each goes on to its end, and no location is edited twice.

use serde_json::{Value, json};
use signalbox_simulators::{Limits, Running};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::mirrored::{Mirrored, google, location};

/// Says where, if the test fails.
struct Here(String);

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// A tenant for each crash.
const ACCOUNTS: u32 = 100;

/// The two locations of an account: they are divided among the accounts one by one.
fn locations(account: u32) -> [u64; 2] {
    let first = u64::from(account - 1);
    [first, first + u64::from(ACCOUNTS)]
}

async fn begun<'a>(system: &'a System, google: &'a Running, account: u32, strategy: &str) -> Mirrored<'a> {
    let tenant = Mirrored::of(system, google, account).await;
    tenant.has(&["bakery", "florist", "dentist", "optician"]).await;
    let [first, second] = locations(account);
    tenant.given(first, &["bakery", "florist", "dentist", "toy_store"]);
    tenant.given(second, &["bakery", "florist", "dentist"]);
    tenant.start(strategy, false).await;
    tenant
}

async fn check(tenant: &Mirrored<'_>, strategy: &str, account: u32) {
    let run = tenant.newest().await;
    assert_eq!((&run["status"], run.get("error")), (&json!("Success"), None), "{run:?}");
    let row = tenant.log("").await["data"][0].clone();
    let counts: Vec<&Value> = ["created", "updated", "deleted"].iter().map(|name| &row[*name]).collect();
    if strategy == "platform_to_gbp" {
        assert_eq!(counts, [&json!(2), &json!(0), &json!(1)]);
        for index in locations(account) {
            assert_eq!(tenant.edited()[&location(index)], 1, "{}", location(index));
        }
    } else {
        assert_eq!(counts, [&json!(1), &json!(0), &json!(1)]);
        let mut platform = tenant.platform().await;
        platform.sort();
        assert_eq!(platform, ["bakery", "dentist", "florist", "toy_store"]);
    }
    assert_eq!(tenant.runs().await.len(), 1);
}

async fn matrix(strategy: &str) {
    let system = System::start().await;
    let google = google(&system, u64::from(ACCOUNTS) * 2, ACCOUNTS, Limits::Off).await;
    let tenant = begun(&system, &google, 1, strategy).await;
    let process = tenant.world.healthy().await;
    process.drain_with_time().await.unwrap();
    let calls = process.wire().calls();
    drop(process);
    check(&tenant, strategy, 1).await;
    println!("killed before and after each of {} calls: {}", calls.len(), calls.join(" "));
    let mut account = 1;
    for (number, call) in calls.iter().enumerate() {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            account += 1;
            assert!(account <= ACCOUNTS, "{} calls are more than there are accounts for", calls.len());
            let _here = Here(format!("{verdict:?} of call {number} ({call})"));
            let tenant = begun(&system, &google, account, strategy).await;
            tenant.drive(|round| if round == 0 { Wire::when(at(number), verdict) } else { Wire::whole() }).await;
            check(&tenant, strategy, account).await;
        }
    }
}

#[tokio::test]
async fn a_mirror_to_google_goes_on_after_any_crash() {
    matrix("platform_to_gbp").await;
}

#[tokio::test]
async fn a_mirror_to_the_platform_goes_on_after_any_crash() {
    matrix("gbp_to_platform").await;
}
