//! Quantities times prices, over a profile that is made up so that each product can be done in the head.

use serde_json::{Value, json};
use signalbox::domain::cost::prices::{BUILT_IN, PriceList};

use super::*;
use crate::cost::deployment::Deployment;
use crate::cost::profile;

/// Prices of a dollar for one of anything.
fn prices() -> PriceList {
    let mut list: Value = serde_json::from_str(BUILT_IN).unwrap();
    for price in list["regions"]["us-east-1"]["prices"].as_object_mut().unwrap().values_mut() {
        (price["usd"], price["per"]) = (json!(1), json!(1));
    }
    PriceList::parse(&list.to_string()).unwrap()
}

fn made_up() -> Value {
    let mut profile: Value = serde_json::from_str(profile::BUILT_IN).unwrap();
    profile["cpu"]["ms"] = json!({"newEvent": 1, "duplicate": 1, "appliedEvent": 2, "row": 1, "changedRow": 3, "pulledRow": 1,
        "call": 1});
    profile["waits"] = json!({"source": "made up", "callMs": 10, "atOnce": {"webhook-worker": 10}});
    let nightly = |rows: u64, changed: u64, units: u64| json!({"of": rows, "changed": changed, "tables": {"RunsTable": {"write": 20 + 5 * u64::from(changed > 0) + changed, "read": units}}});
    profile["scenarios"]["nightlyFew"] = nightly(100, 0, 11);
    profile["scenarios"]["nightlyMany"] = nightly(1_000, 0, 20);
    profile["scenarios"]["nightlyChanged"] = nightly(1_000, 50, 20);
    profile["scenarios"]["nightlyChangedMore"] = nightly(1_000, 150, 20);
    let webhooks = |receive: u64| {
        json!({"of": 10, "api": {"requests": 10}, "queues": {"WebhookQueue": {"send": 10, "receive": receive, "delete": receive,
            "fair": 10 + 2 * receive}}})
    };
    profile["scenarios"]["webhooksFull"] = webhooks(1);
    profile["scenarios"]["webhooksAlone"] = webhooks(10);
    profile
}

fn parsed(profile: &Value) -> Profile {
    Profile::parse(&profile.to_string()).unwrap()
}

fn lines(bill: &Bill) -> Vec<(&str, f64, f64)> {
    let rounded = |number: f64| (number * 1e6).round() / 1e6;
    bill.lines.iter().map(|line| (line.what.as_str(), rounded(line.quantity), rounded(line.dollars))).collect()
}

#[test]
fn each_line_is_a_quantity_times_its_price() {
    let (list, deployment) = (prices(), Deployment::of_template().unwrap());
    let profile = parsed(&made_up());
    let basis = Basis { profile: &profile, prices: list.region("us-east-1").unwrap(), deployment: &deployment };
    let counted: Counted = serde_json::from_value(json!({
        "of": 1, "api": {"requests": 7, "bytesOut": 1_073_741_824_u64, "logBytes": 536_870_912},
        "functions": {
            // 4 calls that are in the work's time, one after the other, with a core: 3 + 40 + 1.
            "webhooks": {"invocations": 2, "calls": 4, "logBytes": 2_147_483_648_u64, "logBytesWarn": 0, "work": {"newEvent": 3}},
            // 20 calls in tens, which no work stands for: 20 + 20 + 0.5.
            "webhook-worker": {"invocations": 1, "calls": 20},
        },
        "tables": {"RunsTable": {"write": 5, "read": 0.5}}, "queues": {"SyncQueue": {"send": 1, "receive": 2, "delete": 3, "fair": 6}},
        "busEvents": 4, "firings": 8, "kms": 9,
    }))
    .unwrap();
    let whole = deployment.with_memory("webhooks", 2048.0).with_memory("webhook-worker", 2048.0);
    let bill = basis.of(&whole).bill("all", &counted);
    let expected = [
        ("HTTP API: requests", 7.0),
        ("webhook-worker: invocations", 1.0),
        ("webhook-worker: GB-seconds", 0.081),
        ("webhooks: invocations", 2.0),
        ("webhooks: GB-seconds", 0.088),
        ("RunsTable: write units", 5.0),
        ("RunsTable: read units", 0.5),
        ("SyncQueue: requests", 6.0),
        ("SyncQueue: of fair queues", 6.0),
        ("event bus: events", 4.0),
        ("schedules: firings", 8.0),
        ("KMS: calls", 9.0),
        ("webhooks: GB of log", 2.0),
        ("HTTP API: GB of log", 0.5),
        ("HTTP API: GB out", 1.0),
    ];
    assert_eq!(lines(&bill), expected.map(|(what, number)| (what, number, number)));
    assert!((bill.dollars - expected.iter().map(|(_, number)| number).sum::<f64>()).abs() < 1e-9);
    let quiet = whole.quiet();
    assert!((bill.dollars - basis.of(&quiet).bill("all", &counted).dollars - 2.0).abs() < 1e-9);
    // Of a batch of one no two calls are under way at once, so 4 take four times as long; of 4 messages 20 calls go four at a time.
    for (messages, ms) in [(1, 2.0 + 40.0 + 0.5), (4, 8.0 + 50.0 + 0.5), (20, 40.0 + 20.0 + 0.5)] {
        let calls = if messages == 1 { 4 } else { 20 };
        let worker = json!({"invocations": 1, "calls": calls, "work": {"appliedEvent": messages}});
        let batch = serde_json::from_value(json!({"of": 1, "functions": {"webhook-worker": worker}})).unwrap();
        let billed = basis.of(&whole).billed_ms("webhook-worker", &batch);
        assert!((billed - ms).abs() < 1e-9, "{messages}: {billed}");
    }
    // Half the memory has half of the processor: half the gigabytes for twice that part of the time.
    let half = whole.with_memory("webhooks", 884.5);
    assert!((basis.of(&half).billed_ms("webhooks", &counted) - 47.0).abs() < 1e-9);
}

#[test]
fn a_nightly_has_parts_for_each_run_each_row_any_change_and_each_change() {
    let profile = parsed(&made_up());
    for (rows, changed, write, read) in
        [(100.0, 0.0, 20.0, 11.0), (1_000_000.0, 0.0, 20.0, 10_010.0), (1_000_000.0, 0.01, 10_025.0, 10_010.0)]
    {
        let counted = nightly(&profile, rows, changed);
        let units = counted.tables["RunsTable"];
        assert!((units.write - write).abs() < 1e-6 && (units.read - read).abs() < 1e-6, "{rows}, {changed}: {units:?}");
        assert!((counted.of - rows).abs() < 1e-6, "{}", counted.of);
    }
}

#[test]
fn what_a_batch_costs_once_is_shared_by_its_messages() {
    let profile = parsed(&made_up());
    for (batch, receive) in [(10.0, 0.1), (5.0, 0.2), (2.0, 0.5), (1.0, 1.0)] {
        let queue = webhooks(&profile, batch).queues["WebhookQueue"];
        assert!(
            (queue.receive / MILLION - receive).abs() < 1e-9 && (queue.send / MILLION - 1.0).abs() < 1e-9,
            "{batch}: {queue:?}"
        );
    }
}

#[test]
fn a_profile_that_is_broken_or_of_another_time_is_refused_with_what_to_do() {
    type Change = fn(&mut Value);
    let table: [(Change, &str); 8] = [
        (|profile| profile["waits"]["atOnce"]["webhook-worker"] = json!(0), "waits.atOnce"),
        (|profile| profile["format"] = json!(0), "format 0"),
        (|profile| profile["format"] = json!("new"), "no profile"),
        (
            |profile| drop(profile["scenarios"].as_object_mut().unwrap().remove("duplicates")),
            "Duplicates was not counted",
        ),
        (|profile| profile["scenarios"]["pullNew"]["of"] = json!(0), "PullNew is of nothing"),
        (|profile| drop(profile["cpu"]["ms"].as_object_mut().unwrap().remove("row")), "cpu.ms lacks Row"),
        (|profile| profile["scenarios"]["nightlyMany"]["of"] = json!(100), "do not differ"),
        (|profile| profile["scenarios"]["nightlyFew"]["lambdas"] = json!(1), "lambdas"),
    ];
    for (change, part) in table {
        let mut profile = made_up();
        change(&mut profile);
        let error = Profile::parse(&profile.to_string()).unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_bill_says_whether_its_target_is_met_and_hides_what_is_next_to_nothing() {
    let (list, deployment, profile) = (prices(), Deployment::of_template().unwrap(), parsed(&made_up()));
    let basis = Basis { profile: &profile, prices: list.region("us-east-1").unwrap(), deployment: &deployment };
    let used = vec![
        ("writes".to_owned(), 3.0, Item::WriteUnit),
        ("reads".to_owned(), 1.0, Item::ReadUnit),
        ("little".to_owned(), 0.001, Item::BusEvent),
    ];
    let bill = basis.priced("All", used);
    for (target, verdict) in [(3.6, "at most $3.60: missed by $0.40"), (4.5, "at most $4.50: met")] {
        let text = bill.clone().within(target).text(basis.prices).join("\n");
        let expected = [
            "All",
            "  writes                                         3  $1.00 each                 $3.00",
            "  reads                                          1  $1.00 each                 $1.00",
            "  less than $0.005 each: 1                                                     $0.00",
            "  together                                                                     $4.00",
            &format!("  target: {verdict}"),
        ];
        assert_eq!(text, expected.join("\n"));
    }
}

#[test]
fn what_is_there_each_month_is_on_the_bill_of_a_month_in_which_nothing_happens() {
    let (list, deployment) = (prices(), Deployment::of_template().unwrap());
    let mut profile = made_up();
    profile["standing"] = json!({"alarmMetrics": 11, "compositeAlarms": 12, "dashboards": 13, "keys": 14, "seriesIdle": 15,
        "series": 25});
    let gigabyte = 1_073_741_824_u64;
    profile["scenarios"]["webhooksFull"]["stored"] = json!({"DeliveriesTable": {"kept": 0, "expiring": gigabyte, "days": 30},
        "RecordsTable": {"kept": 2 * gigabyte, "expiring": 0, "days": 0}});
    let profile = parsed(&profile);
    let basis = Basis { profile: &profile, prices: list.region("us-east-1").unwrap(), deployment: &deployment };
    let [idle, metrics] = months(basis);
    let standing = &lines(&idle)[idle.lines.len() - 5..];
    let expected = [
        ("alarms: metrics that are watched", 11.0),
        ("alarms: levels of service", 12.0),
        ("dashboards", 13.0),
        ("metrics: series with a value", 15.0),
        ("KMS: keys", 14.0),
    ];
    assert_eq!(standing, expected.map(|(what, number)| (what, number, number)));
    let sum: f64 = idle.lines.iter().map(|line| line.dollars).sum();
    assert!((idle.dollars - sum).abs() < 1e-9 && (metrics.dollars - 10.0).abs() < 1e-9, "{idle:?} {metrics:?}");
    let storage = basis.storage("stored", &profile.of(Scenario::WebhooksFull));
    let expected = [
        ("DeliveriesTable: GB kept for 30 days", 1.0),
        ("DeliveriesTable: GB of its backups", 1.0),
        ("RecordsTable: GB kept until deleted", 2.0),
        ("RecordsTable: GB of its backups", 2.0),
    ];
    assert_eq!(lines(&storage), expected.map(|(what, number)| (what, number, number)));
}

#[test]
fn a_function_or_parameter_that_the_template_does_not_have_is_named() {
    let deployment = Deployment::of_template().unwrap();
    let mut profile = made_up();
    assert!(deployment.has_all_of(&parsed(&profile)).is_ok());
    profile["scenarios"]["webhooksFull"]["functions"] = json!({"hooks": {"invocations": 1}});
    let error = deployment.has_all_of(&parsed(&profile)).unwrap_err().to_string();
    assert!(error.contains("function hooks"), "{error}");
    let error = deployment.parameter("ThrottlingRates").unwrap_err().to_string();
    assert!(error.contains("ThrottlingRates"), "{error}");
}

#[test]
fn the_report_of_the_built_in_profile_has_every_line_of_each_region() {
    let (list, deployment, profile) =
        (PriceList::built_in().unwrap(), Deployment::of_template().unwrap(), Profile::built_in().unwrap());
    for region in list.regions() {
        let basis = Basis { profile: &profile, prices: list.region(region).unwrap(), deployment: &deployment };
        let report = Report::of(basis, Asked::default());
        let text = report.text(basis);
        for part in [
            "HTTP API: requests",
            "webhooks: GB-seconds",
            "DeliveriesTable: write units",
            "WebhookQueue: of fair queues",
            "event bus: events",
            "webhook-worker: GB of log",
            "HTTP API: GB out",
            "target: at most $3.60",
            "target: at most $0.01",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(report.bills.iter().all(|bill| bill.dollars.is_finite() && bill.dollars > 0.0), "{text}");
    }
}
