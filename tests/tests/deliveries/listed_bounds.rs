//! What a list costs: over much, over nothing, and over partitions that were named for nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::{Value, json};
use signalbox::domain::deliveries::partition::Partition;
use signalbox::domain::deliveries::placement::{DeliveryPlace, Hour, SHARDS_MAX, shard_of};
use signalbox::domain::ids::TenantId;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::Wire;

use super::listed::{SINCE, each, page, queries, sale, walk};

/// Of `engine/deliveries/list/`.
const QUERIES_MAX: usize = 256;

/// Entries as the worker leaves them: through the door so many would take minutes.
async fn fill(hooks: &Hooks, source: &str, count: usize) {
    let table = hooks.environment("webhook-worker").require("RECORDS_TABLE").unwrap().to_owned();
    let (connection, now) = (format!("t1/{source}"), hooks.clock.now());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let puts = (0..count).map(|number| {
        let key = format!("key:{number}");
        let place = DeliveryPlace::new(&connection.parse().unwrap(), &key, now.as_millisecond(), shard_of(&key, 4));
        let item = [
            ("pk", text(&place.partition().key(&TenantId::parse("t1").unwrap()))),
            ("sk", AttributeValue::B(Blob::new(place.sort()))),
            ("connection", text(&connection)),
            ("key", text(&key)),
            ("bodyHash", text("5f")),
            ("correlationId", text("trace")),
            ("processedAt", text(&now.to_string())),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
    });
    let names = (0..4).map(|shard| named(Partition { hour: Hour::of(now.as_millisecond()), shard }));
    for batch in puts.chain(names).collect::<Vec<_>>().chunks(25) {
        hooks.host.dynamodb().batch_write_item().request_items(&table, batch.to_vec()).send().await.unwrap();
    }
}

#[tokio::test]
async fn a_call_looks_at_two_thousand_and_the_next_one_goes_on_where_it_ended() {
    let hooks = Hooks::start().await;
    fill(&hooks, "pos/rare", 3).await;
    hooks.pass(Duration::from_millis(1));
    fill(&hooks, "pos/often", 2100).await;
    let query = format!("status=all&source=pos/rare&{SINCE}");
    let first = page(&hooks, "t1", &query).await;
    let found = each(&first, "key").len();
    assert!(found < 3 && first["hasMore"] == true, "more than 2,000 were looked at: {found}");
    let (rare, pages) = walk(&hooks, "t1", &query).await;
    assert_eq!((rare.len(), pages), (3, 2));
    let (all, _) = walk(&hooks, "t1", &format!("status=processed&limit=200&{SINCE}")).await;
    let ids: BTreeSet<&str> = all.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((all.len(), ids.len()), (2103, 2103));
}

/// Of some shards the filter leaves out all that a query reads, of others not: the next may be in either.
#[tokio::test]
async fn a_filter_loses_no_row_and_keeps_the_order_whatever_the_size_of_a_page() {
    let hooks = Hooks::start().await;
    fill(&hooks, "pos/rare", 30).await;
    hooks.pass(Duration::from_millis(1));
    // A query reads 256 of each of four shards.
    fill(&hooks, "pos/often", 1030).await;
    let (all, _) = walk(&hooks, "t1", &format!("status=processed&limit=200&{SINCE}")).await;
    let expected: Vec<&Value> = all.iter().filter(|item| item["connection"] == "rare").collect();
    assert_eq!(expected.len(), 30);
    for limit in [1, 7, 200] {
        let query = format!("status=processed&source=pos/rare&limit={limit}&{SINCE}");
        let (found, _) = walk(&hooks, "t1", &query).await;
        assert!(found.iter().eq(expected.iter().copied()), "{limit}: {} found", found.len());
    }
}

#[tokio::test]
async fn time_in_which_there_is_nothing_costs_nothing() {
    let hooks = Hooks::start().await;
    for key in ["old", "young"] {
        assert_eq!(hooks.send(&sale("t1", key)).await.status, 201);
        hooks.work(Queue::Webhooks).await;
        hooks.pass(Duration::from_secs(400 * 24 * 3600));
    }
    let process = hooks.process(Wire::whole()).await;
    // Dead letters, which partitions there are, and each of them.
    for (query, keys, expected) in [
        ("status=all", vec!["key:young", "key:old"], 4),
        ("status=processed", vec!["key:young", "key:old"], 3),
        ("status=processed&to=2100-06-01", vec!["key:old"], 2),
        ("status=processed&from=2101-06-01", vec![], 1),
    ] {
        let (page, made) = queries(&process, &hooks.operator("t1"), query).await;
        assert_eq!((each(&page, "key"), &page["hasMore"], made), (keys, &json!(false), expected), "{query}");
    }
}

/// Names partitions in which there is nothing, as a worker does that dies before it lists what it named them for.
async fn name(hooks: &Hooks, hours: impl Iterator<Item = Hour>) {
    let table = hooks.environment("webhook-worker").require("RECORDS_TABLE").unwrap().to_owned();
    let names = hours.flat_map(|hour| (0..SHARDS_MAX).map(move |shard| Partition { hour, shard }));
    for batch in names.map(named).collect::<Vec<_>>().chunks(25) {
        hooks.host.dynamodb().batch_write_item().request_items(&table, batch.to_vec()).send().await.unwrap();
    }
}

fn named(partition: Partition) -> WriteRequest {
    let sort = AttributeValue::B(Blob::new(partition.to_string()));
    let item = [("pk".to_owned(), AttributeValue::S("t1#deliveries".to_owned())), ("sk".to_owned(), sort)].into();
    WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
}

#[tokio::test]
async fn a_call_makes_a_bounded_number_of_queries_and_the_next_one_goes_on() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&sale("t1", "old")).await.status, 201);
    hooks.work(Queue::Webhooks).await;
    hooks.pass(Duration::from_secs(100 * 3600));
    let down = std::iter::successors(Some(Hour::of(hooks.clock.now().as_millisecond())), |hour| hour.before());
    name(&hooks, down.take(90)).await;
    let process = hooks.process(Wire::whole()).await;
    let (mut found, mut calls, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let (page, made) = queries(&process, &hooks.operator("t1"), &format!("status=all{cursor}")).await;
        assert!(made <= QUERIES_MAX, "{made} queries");
        calls += 1;
        found.extend(each(&page, "key").into_iter().map(String::from));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((found, calls), (vec!["key:old".to_owned()], 3));
}
