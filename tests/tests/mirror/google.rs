//! Google over a connection: lists that are whole or an error, edits, and quotas.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use signalbox::domain::mirror::categories::GoogleCategoryId;
use signalbox::domain::runs::lease::WaitReason;
use signalbox::engine::gbp::Google;
use signalbox::engine::runs::slice::SliceFault;
use signalbox::http::auth::CONNECTIONS_WRITE;
use signalbox::vendors::gbp::LocationName;
use signalbox_simulators::{Fault, FaultKind, GoogleChange, Limits, Rate, Seen};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::google_kit::{code, connected, google, locations, operator, worker};

fn ids(names: &[&str]) -> Vec<GoogleCategoryId> {
    names.iter().map(|name| GoogleCategoryId::parse(&format!("gcid:{name}")).unwrap()).collect()
}

fn name(number: u32) -> LocationName {
    format!("locations/{number}").parse().unwrap()
}

/// The most requests in any window of a minute.
fn most(seen: &[&Seen]) -> usize {
    let within = |(first, from): (usize, &&Seen)| {
        seen[first..].iter().take_while(|request| request.at_ms < from.at_ms + 60_000).count()
    };
    seen.iter().enumerate().map(within).max().unwrap_or_default()
}

#[tokio::test]
async fn no_fault_of_a_list_makes_it_shorter() {
    let system = System::start().await;
    let google = google(&system, |options| {
        options.rows_of = [("locations".into(), 230), ("categories".into(), 250)].into();
    })
    .await;
    let connection = connected(&system, &google, ("acme", 1), json!({"breakerFailures": 100})).await;
    let worker = worker(&system, &Wire::whole());
    let all = locations(&worker, &connection).await.unwrap();
    assert_eq!(all.len(), 230);
    let empty = |page| Fault { rows: Some(100), ..Fault::new(FaultKind::Truncated) }.hits(page, 1);
    let without_names = Fault { field: Some("name".into()), ..Fault::new(FaultKind::MissingField) };
    for (fault, expected) in [
        (empty(1), "nothing_listed"),
        (empty(2), "pages_inconsistent"),
        (Fault::new(FaultKind::Html).hits(2, 1), "page_invalid"),
        (Fault::new(FaultKind::NotJson).hits(1, 1), "page_invalid"),
        (Fault::new(FaultKind::Repeated).hits(2, 1), "pages_inconsistent"),
        (without_names.hits(3, 1), "page_invalid"),
        (Fault { status: Some(403), ..Fault::new(FaultKind::Status) }, "vendor_not_permitted"),
        (Fault { status: Some(404), ..Fault::new(FaultKind::Status) }, "request_refused"),
        (Fault::new(FaultKind::Status), "source_unreadable"),
        (Fault::new(FaultKind::Dropped), "source_unreadable"),
    ] {
        google.set_fault(fault.clone().of("locations")).unwrap();
        assert_eq!(code(locations(&worker, &connection).await), expected, "{fault:?}");
        google.clear_faults();
    }
    for kind in [FaultKind::Status, FaultKind::Dropped, FaultKind::CutOff] {
        google.set_fault(Fault::new(kind).of("locations").hits(2, 2)).unwrap();
        assert_eq!(locations(&worker, &connection).await.unwrap(), all, "{kind:?} passes");
        google.clear_faults();
    }
    // A list that ends early looks whole where nobody says how long it is. Whoever names locations has them all or an error.
    let named = json!({"locations": ["locations/1001", "locations/1150"], "breakerFailures": 100});
    let named = connected(&system, &google, ("named", 1), named).await;
    assert_eq!(locations(&worker, &named).await.unwrap().len(), 2);
    google.set_fault(Fault::new(FaultKind::Truncated).of("locations").hits(1, 1)).unwrap();
    assert_eq!(code(locations(&worker, &named).await), "pages_inconsistent");
}

#[tokio::test]
async fn the_list_of_categories_is_whole_by_its_total_and_is_kept_for_a_day() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let settings = json!({"regionCode": "DK", "languageCode": "da", "breakerFailures": 100});
    let connection = connected(&system, &google, ("acme", 1), settings).await;
    let worker = worker(&system, &Wire::whole());
    let mut client = Google::of(&worker, &connection).await.unwrap();
    let truncated = Fault { rows: Some(1), ..Fault::new(FaultKind::Truncated) };
    for fault in
        [truncated.hits(1, 1), Fault::new(FaultKind::ShrinkingTotal).hits(2, 1), Fault::new(FaultKind::Repeated)]
    {
        google.set_fault(fault.clone().of("categories")).unwrap();
        assert_eq!(code(client.categories().await), "pages_inconsistent", "{fault:?}");
        google.clear_faults();
    }
    let list = client.categories().await.unwrap();
    let bakery = GoogleCategoryId::parse("gcid:bakery").unwrap();
    assert_eq!((list.all().len(), list.get(&bakery).unwrap().name.as_str()), (225, "Bakery [da]"));
    let before = google.requests().0;
    client.categories().await.unwrap();
    assert_eq!(google.requests().0, before, "it is kept");
    system.pass(Duration::from_secs(86_400));
    client.categories().await.unwrap();
    assert_eq!(google.requests().0, before + 4, "three pages, with another token");
    let some = client.categories_named(&ids(&["bakery", "nothing"])).await.unwrap();
    assert_eq!(some.iter().map(|category| category.id.as_str()).collect::<Vec<_>>(), ["gcid:bakery"]);
}

#[tokio::test]
async fn an_edit_sets_all_categories_and_what_cannot_be_is_not_sent() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({"additionalCategoriesMax": 2})).await;
    let worker = worker(&system, &Wire::whole());
    let mut client = Google::of(&worker, &connection).await.unwrap();
    let (one, all) = (name(1001), ids(&["bakery", "florist", "optician", "dentist"]));
    let before = client.location(&one).await.unwrap();
    let asked = google.requests().0;
    assert_eq!(code(client.set_categories(&one, None, &all[..1], false).await), "no_primary_category");
    assert_eq!(code(client.set_categories(&one, Some(&all[0]), &all[1..], false).await), "too_many_categories");
    assert_eq!(google.requests().0, asked);

    client.set_categories(&one, Some(&all[0]), &all[1..3], true).await.unwrap();
    assert_eq!(client.location(&one).await.unwrap(), before, "it was only looked at");
    let unknown = ids(&["nothing"]);
    assert_eq!(code(client.set_categories(&one, Some(&unknown[0]), &[], true).await), "request_refused");
    // Two are the burst.
    system.pass(Duration::from_secs(8));
    client.set_categories(&one, Some(&all[0]), &all[1..3], false).await.unwrap();
    let after = client.location(&one).await.unwrap();
    assert_eq!(after.primary.as_ref().map(|category| &category.id), Some(&all[0]));
    assert_eq!(after.additional.iter().map(|category| category.id.clone()).collect::<Vec<_>>(), all[1..3]);
    assert!(!after.has_pending_edits);

    google.change_google(&GoogleChange { moderate: vec![name(1002).to_string()], ..GoogleChange::default() }).unwrap();
    client.set_categories(&name(1002), Some(&all[0]), &[], false).await.unwrap();
    assert!(client.location(&name(1002)).await.unwrap().has_pending_edits);
    // After a fault nobody knows whether it was done: it is sent once, and looked for by whoever tries again.
    google.set_fault(Fault::new(FaultKind::Dropped).of("edits").hits(1, 1)).unwrap();
    assert_eq!(code(client.set_categories(&name(1003), Some(&all[0]), &[], false).await), "source_unreadable");
    let (counts, _) = google.edits();
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(client.location(&name(1003)).await.unwrap().primary.unwrap().id, all[0]);
}

#[tokio::test]
async fn a_429_is_waited_for_as_long_as_google_says_or_for_its_window() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let worker = worker(&system, &Wire::whole());
    for (number, spelling, seconds) in [(1, "documented", 17), (2, "none", 60)] {
        let connection = connected(&system, &google, (&format!("t-{number}"), 1), json!({})).await;
        let mut client = Google::of(&worker, &connection).await.unwrap();
        client.location(&name(1001)).await.unwrap();
        let busy = json!({"fault": "rate-limited", "spelling": spelling, "entity": "locations", "for": 1});
        let mut busy: Fault = serde_json::from_value(busy).unwrap();
        busy.seconds = (spelling == "documented").then_some(17);
        google.set_fault(busy).unwrap();
        match client.location(&name(1001)).await {
            Err(SliceFault::Waits(wait)) => {
                assert_eq!(wait.reason, WaitReason::RetryAfter);
                let long = wait.until.duration_since(system.clock.now());
                assert_eq!(long.as_secs(), seconds, "{spelling}");
            }
            other => panic!("{other:?}"),
        }
        system.pass(Duration::from_secs(120));
        client.location(&name(1001)).await.unwrap();
    }
}

#[tokio::test]
async fn requests_of_all_instances_stay_within_the_connection_s_quota() {
    const PER_MINUTE: u32 = 60;
    let system = System::start().await;
    let google = google(&system, |options| {
        options.limits = Limits::Own(vec![Rate { count: PER_MINUTE, seconds: 60 }]);
    })
    .await;
    let connection = connected(&system, &google, ("acme", 1), json!({"requestsPerMinute": PER_MINUTE})).await;
    let workers = [0; 2].map(|_| worker(&system, &Wire::whole()));
    let mut clients = Vec::new();
    for worker in &workers {
        clients.push((Google::of(worker, &connection).await.unwrap(), Timestamp::MIN));
    }
    // A minute and a half of two instances that read as much as they may.
    for _ in 0..45 {
        for (client, wait) in clients.iter_mut().filter(|(_, wait)| *wait <= system.clock.now()) {
            loop {
                match client.location(&name(1001)).await {
                    Ok(_) => {}
                    Err(SliceFault::Waits(until)) => break *wait = until.until,
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        system.pass(Duration::from_secs(2));
    }
    let (count, requests) = google.requests();
    assert!(requests.iter().all(|request| request.status == 200), "no 429 in {count} requests");
    let asked: Vec<&Seen> = requests.iter().filter(|request| request.path != "/token").collect();
    let in_a_minute = most(&asked);
    assert!((40..=PER_MINUTE as usize).contains(&in_a_minute), "{in_a_minute} in a minute");
}

#[tokio::test]
async fn edits_of_all_instances_stay_within_each_location_s_quota() {
    let system = System::start().await;
    let google = google(&system, |options| options.limits = Limits::Own(Vec::new())).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let (one, two) = (worker(&system, &Wire::whole()), worker(&system, &Wire::whole()));
    let mut clients = [Google::of(&one, &connection).await.unwrap(), Google::of(&two, &connection).await.unwrap()];
    let all = ids(&["bakery", "florist"]);
    for tick in 0..75_usize {
        for client in &mut clients {
            for number in [1001, 1002] {
                match client.set_categories(&name(number), Some(&all[tick % 2]), &[], false).await {
                    Ok(()) | Err(SliceFault::Waits(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        system.pass(Duration::from_secs(2));
    }
    let (count, requests) = google.requests();
    assert!(requests.iter().all(|request| request.status == 200), "no 429 in {count} requests");
    for number in [1001, 1002] {
        let path = format!("/v1/{}", name(number));
        let in_a_minute = most(&requests.iter().filter(|request| request.path == path).collect::<Vec<_>>());
        assert!((8..=10).contains(&in_a_minute), "{in_a_minute} edits of {path} in a minute");
    }
}

#[tokio::test]
async fn a_connection_is_tested_pinged_and_checked_as_those_that_are_pulled() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let tested = operator(&system, "POST", &format!("{connection}/test"), Value::Null).await.expect(200);
    let tested = tested.to_string();
    assert!(tested.contains(r#""ok":true"#) && tested.contains(r#""totalItems":5"#), "{tested}");
    let token = system.service_token("ada", "default", &[CONNECTIONS_WRITE]);
    let ask = async |path: &str| {
        system.get(&format!("/api/admin/integrations/gbp/{path}tenant=acme")).bearer(&token).answer().await
    };
    let pinged = ask("ping?").await.expect(200);
    assert_eq!(
        (&pinged["ok"], &pinged["authenticated"], &pinged["sampleCount"]),
        (&json!(true), &json!(true), &json!(1))
    );
    let checked = ask("check?endpoint=categories&page_size=3&").await.expect(200);
    assert_eq!((&checked["count"], &checked["total"]), (&json!(3), &json!(250)));
    google.set_fault(Fault { status: Some(403), ..Fault::new(FaultKind::Status) }.of("locations")).unwrap();
    let refused = ask("ping?").await.expect(200);
    assert_eq!(
        (&refused["ok"], &refused["code"], &refused["upstreamStatus"]),
        (&json!(false), &json!("vendor_not_permitted"), &json!(403))
    );
}

#[tokio::test]
async fn secrets_are_given_again_where_they_would_go_elsewhere() {
    let system = System::start().await;
    let google = google(&system, |_| {}).await;
    let connection = connected(&system, &google, ("acme", 1), json!({})).await;
    let mut body = super::google_kit::body(&google, 1, json!({"tokenUrl": "http://127.0.0.1:1/token"}));
    body.as_object_mut().unwrap().remove("secrets");
    let refused = operator(&system, "PUT", &connection.to_string(), body).await.expect(400);
    let refused = refused.to_string();
    assert!(refused.contains("where tokenUrl leads to another host"), "{refused}");
}
