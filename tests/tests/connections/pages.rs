//! Lists, page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{LIST, ask, catalogue, github, put};
use signalbox::http::auth::CONNECTIONS_READ;

/// All of a list: its connections in order, and how long each page was.
async fn walk(system: &System, query: &str) -> (Vec<String>, Vec<usize>) {
    let (mut found, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = ask(system, "GET", &format!("{LIST}?{query}{cursor}"), Value::Null).await.expect(200);
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["connection"].as_str().unwrap().to_owned()));
        pages.push(items.len());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["hasMore"], false);
                return (found, pages);
            }
        }
    }
}

#[tokio::test]
async fn every_connection_is_on_one_page_of_each_list_that_has_it() {
    let system = System::start().await;
    let mut all = BTreeSet::new();
    let tenants = ["acme", "acme-north", "globex"];
    for number in 0..200 {
        let tenant = tenants[number % 3];
        // A provider whose name begins with another's.
        let (provider, body) = match number % 4 {
            0 => ("github", github("a-secret")),
            1 => ("github-enterprise", json!({"settings": {"scheme": "github"}, "secrets": {"current": "s"}})),
            _ => ("catalogue", catalogue()),
        };
        let connection = format!("{tenant}/{provider}/{number}");
        put(&system, &connection, body).await.expect(201);
        all.insert(connection);
    }
    let of = |part: &str| -> BTreeSet<String> {
        all.iter().filter(|name| format!("/{name}/").contains(part)).cloned().collect()
    };
    for (query, expected) in [
        ("", all.clone()),
        ("provider=github", of("/github/")),
        ("provider=catalogue", of("/catalogue/")),
        ("tenant=acme", of("/acme/")),
        ("tenant=acme-north&provider=github", of("/acme-north/github/")),
        ("tenant=nobody", BTreeSet::new()),
        ("provider=nobody", BTreeSet::new()),
    ] {
        for limit in [7, 200] {
            let (found, pages) = walk(&system, &format!("{query}&limit={limit}")).await;
            assert_eq!(found.len(), expected.len(), "{query} {limit}: one is there twice, or missing");
            assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected, "{query} {limit}");
            assert!(pages.iter().rev().skip(1).all(|length| *length == limit), "{query} {limit}: {pages:?}");
        }
    }
    assert_eq!(walk(&system, "").await.1, [50, 50, 50, 50], "50 where no limit is asked for, and no empty page");
}

#[tokio::test]
async fn a_page_of_large_connections_ends_early_and_goes_on() {
    let system = System::start().await;
    let volatile: Vec<String> = (0..15).map(|number| format!("{number}.{}", "x".repeat(2000))).collect();
    for number in 0..50 {
        let body = json!({"settings": {"volatile": volatile}});
        put(&system, &format!("acme/catalogue/{number:02}"), body).await.expect(201);
    }
    for query in ["tenant=acme", "provider=catalogue", "tenant=&provider="] {
        let (found, pages) = walk(&system, &format!("{query}&limit=200")).await;
        assert_eq!((found.len(), pages.len() > 1), (50, true), "{query}: {pages:?}");
    }
}

#[tokio::test]
async fn a_page_of_a_tenant_or_provider_costs_one_query() {
    let system = System::start().await;
    for number in 0..5 {
        put(&system, &format!("acme/catalogue/{number}"), catalogue()).await.expect(201);
    }
    let process = system.process(Wire::whole()).await;
    let token = system.service_token("operator", "default", &[CONNECTIONS_READ]);
    for query in ["tenant=acme", "provider=catalogue"] {
        let before = process.wire().calls().len();
        let path = format!("{LIST}?{query}&limit=2");
        process.ask("read-api", "GET", &path, &token, None).await.unwrap().expect(200);
        assert_eq!(process.wire().calls()[before..], ["DynamoDB.Query"], "{query}");
    }
}
