//! What a pull says of itself is stored with its commits: each line once, in order, whatever crashes.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use signalbox::domain::ids::RunId;
use signalbox::domain::runs::run::Mode;
use signalbox::http::auth::CONNECTIONS_READ;
use signalbox_simulators::{Fault, FaultKind, Vendor};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, every};

use super::kit::{Pulled, backfill, change, delta, fault, vendor};

/// The lines that are stored, in order: run, number of the entry, line.
async fn lines(pulled: &Pulled<'_>) -> Vec<(String, u64, Value)> {
    let items = pulled.world.system.items("RUNS_TABLE", &format!("{}#log", pulled.connection)).await;
    let of_entry = |item: &signalbox_tests::items::Item| {
        let (run, number) = item["sk"].as_str().unwrap().split_once('#').unwrap();
        assert!(item.contains_key("expires_at"), "{item:?}");
        let lines: Vec<Value> = serde_json::from_str(item["lines"].as_str().unwrap()).unwrap();
        let (run, number) = (run.to_owned(), number.parse().unwrap());
        lines.into_iter().map(move |line| (run.clone(), number, line)).collect::<Vec<_>>()
    };
    items.iter().flat_map(of_entry).collect()
}

fn said(lines: &[(String, u64, Value)]) -> Vec<&str> {
    lines.iter().map(|(_, _, line)| line["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_run_is_told_from_its_start_to_its_end() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled =
        Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "owners"], "pageSize": 50})).await;
    let busy = Fault { seconds: Some(600), ..fault(FaultKind::RateLimited, "units", 2, 1) };
    doorloop.set_fault(busy).unwrap();
    doorloop.set_fault(fault(FaultKind::Html, "owners", 1, 1)).unwrap();
    assert_eq!(pulled.run(&backfill()).await["status"], "Failed");
    let told = lines(&pulled).await;
    let texts = said(&told);
    for (place, part) in [
        "A backfill of units, owners has started, asked for by ann.",
        "Reading all of units.",
        "Page 1 of units came, with 50 rows, 50 of them new or changed.",
        "The run is waiting as long as the vendor asked for, until ",
        "Page 2 of units came, with ",
        "Done with units, of ",
        "Reading all of owners.",
        "Pulling owners failed. ",
        "The run failed. owners failed: ",
    ]
    .iter()
    .enumerate()
    {
        assert!(texts.get(place).is_some_and(|text| text.starts_with(part)), "{place} {part}: {texts:#?}");
    }
    assert_eq!(texts.len(), 9, "{texts:#?}");
    let (page, wait) = (&told[2].2, &told[3].2);
    assert_eq!((&page["level"], &page["page"], &page["rows"]), (&json!("progress"), &json!(1), &json!(50)));
    assert_eq!((&page["entity"], page["total"].as_u64().is_some()), (&json!("units"), true), "{page}");
    assert_eq!((&wait["waitingFor"], wait["until"].is_string()), (&json!("retryAfter"), true), "{wait}");
    // A quiet delta is told too, by a run that comes after it.
    pulled.run(&delta()).await;
    let after = lines(&pulled).await;
    assert_eq!(after[..told.len()], told[..]);
    assert!(
        after.len() > told.len() + 3 && after.iter().map(|(run, number, _)| (run, number)).is_sorted(),
        "{after:#?}"
    );
}

/// Each commit is made and its caller dies, before it and after it. A page is told of again only where it is asked for again, and that is
/// said before.
#[tokio::test]
async fn a_page_is_told_once_whatever_crashes() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let settings = json!({"entities": ["units"], "pageSize": 30});
    let mut cut = 0;
    for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
        for call in 0.. {
            doorloop.reset().unwrap();
            let pulled = Pulled::of(&system, &doorloop, "doorloop", settings.clone()).await;
            pulled.start(&backfill(), Mode::Apply).await;
            let mut number = 0;
            let wire = Wire::planned(move |made| {
                let meant = made.operation == "DynamoDB.TransactWriteItems" && {
                    number += 1;
                    number == call + 1
                };
                if meant { verdict } else { Verdict::Pass }
            });
            let died = pulled.work_until(wire).await.is_err();
            assert_eq!(pulled.settle().await["status"], "Success");
            let told = lines(&pulled).await;
            let mut pages = Vec::new();
            for (place, (_, _, line)) in told.iter().enumerate().filter(|(_, (_, _, line))| line["level"] == "progress")
            {
                let page = line["page"].as_u64().unwrap();
                if pages.contains(&page) {
                    let asked_again =
                        |(_, _, line): &(String, u64, Value)| line["level"] == "warn" && line["page"] == page;
                    assert!(told[..place].iter().any(asked_again), "{verdict:?} {call}: {:#?}", said(&told));
                } else {
                    pages.push(page);
                }
            }
            assert!(pages.is_sorted() && pages.len() > 2, "{verdict:?} {call}: {pages:?}");
            let texts = said(&told);
            let once = |part: &str| texts.iter().filter(|text| text.starts_with(part)).count();
            assert_eq!((once("A backfill"), once("Done with"), once("The run succeeded")), (1, 1, 1), "{texts:#?}");
            if !died {
                break;
            }
            cut += 1;
        }
    }
    assert!(cut >= 8, "only {cut} commits were cut");
}

/// A run that another instance started, whose clock is ahead, lies before the next one all the same.
#[tokio::test]
async fn a_run_has_a_later_id_than_the_one_before_whatever_the_clocks_say() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    let ahead = system.clock.now().checked_add(jiff::SignedDuration::from_secs(5)).unwrap();
    let ahead = RunId::new(ahead, [0xFF; 16]);
    let table = system.environment("sync-control").require("CONTROL_TABLE").unwrap().to_owned();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = system.host.dynamodb().put_item().table_name(table).item("untilMs", AttributeValue::N("0".into()));
    let put = put.item("pk", text(&pulled.connection.to_string())).item("sk", text("lease"));
    put.item("newestRun", text(ahead.as_str())).send().await.unwrap();
    assert_eq!(pulled.run(&delta()).await["status"], "Success");
    let run = pulled.newest().await["sk"].as_str().unwrap().to_owned();
    assert!(run.as_str() > ahead.as_str(), "{run} {ahead}");
    pulled.run(&delta()).await;
    assert!(pulled.newest().await["sk"].as_str().unwrap() > run.as_str());
}

/// A dry run writes nothing but itself, and what it has to say, with each page.
#[tokio::test]
async fn a_dry_run_tells_each_page_as_it_comes_and_goes_on_from_there() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"], "pageSize": 30})).await;
    pulled.start(&backfill(), Mode::DryRun).await;
    // Whoever works at it dies in the middle: what was told by then is what somebody who watches has seen.
    let third = Wire::when(every("DynamoDB.TransactWriteItems").nth(3), Verdict::KillBefore);
    assert!(pulled.work_until(third).await.is_err());
    let told = lines(&pulled).await;
    assert_eq!(said(&told).iter().filter(|text| text.starts_with("Page ")).count(), 2, "{:#?}", said(&told));
    let token = system.service_token("ada", pulled.connection.tenant.as_str(), &[CONNECTIONS_READ]);
    let status = system.get("/api/admin/sync/status").bearer(&token).answer().await.expect(200);
    let progress = &status["currentRun"]["progress"];
    assert_eq!((&progress["page"], &progress["rows"]), (&json!(2), &json!(60)), "{status}");
    let run = pulled.settle().await;
    let counts = &run["work"]["entities"][0]["progress"]["counts"];
    let rows = doorloop.rows("units").unwrap().to_string();
    assert_eq!((&run["status"], &counts["created"]), (&json!("Success"), &json!(rows)), "{run:?}");
    let (told, pages) = (lines(&pulled).await, doorloop.rows("units").unwrap().div_ceil(30));
    let texts = said(&told);
    assert!(texts[0].ends_with("as a dry run that writes nothing."), "{texts:#?}");
    let once = |part: String| texts.iter().filter(|text| text.starts_with(&part)).count();
    assert!((1..=pages).all(|page| once(format!("Page {page} of units came")) == 1), "{texts:#?}");
    for table in ["RECORDS_TABLE", "SNAPSHOTS_TABLE"] {
        let items = system.items(table, &pulled.connection.to_string()).await;
        assert!(items.is_empty(), "{table}: {items:?}");
    }
}

#[tokio::test]
async fn a_row_that_is_set_aside_has_a_line_once_its_page_is_committed() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"], "pageSize": 30})).await;
    pulled.run(&delta()).await;
    let id = pulled.records("units").await.into_keys().next().unwrap();
    change(&doorloop, json!({"entity": "units", "change": [id], "set": {"updatedAt": "soon"}}));
    let before = lines(&pulled).await.len();
    pulled.run(&backfill()).await;
    let told = lines(&pulled).await.split_off(before);
    let (place, (.., line)) = told.iter().enumerate().find(|(_, (.., line))| line["code"].is_string()).unwrap();
    assert_eq!(
        (&line["level"], &line["entity"], &line["key"]),
        (&json!("warn"), &json!("units"), &json!(id)),
        "{line}"
    );
    assert_eq!(line["code"], "no_time");
    let page = &told[place - 1];
    assert_eq!((&page.2["page"], page.1), (&line["page"], told[place].1), "beside its page: {:#?}", said(&told));
}
