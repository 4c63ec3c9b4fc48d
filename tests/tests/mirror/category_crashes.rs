//! Every call of a change crashed before and after: the tree is as before or as meant, with its claims and counts, and a second try comes
//! to what the first one meant.

use serde_json::json;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Verdict, Wire, at};

use super::asks::{Stored, admin, ask, of, recorded, with_categories};

/// A change of the one category that a tenant has, or of none.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Create,
    Rename,
    Delete,
}

impl Deed {
    async fn prepare(self, system: &System, tenant: &str) -> String {
        if matches!(self, Self::Create) {
            return String::new();
        }
        let body = json!({"name": "Before", "slug": "before", "googleCategoryId": "gcid:shoe_store"});
        let made = ask(system, &admin(system, tenant), ("POST", &of(tenant, "")), body).await.expect(201);
        format!("/{}", made["data"]["id"].as_str().unwrap())
    }

    async fn done(self, system: &System, process: &Process, (tenant, id): (&str, &str)) -> Result<u16, Crashed> {
        let (method, body) = match self {
            Self::Create => ("POST", Some(json!({"name": "After", "slug": "after"}))),
            Self::Rename => ("PUT", Some(json!({"name": "After", "slug": "after"}))),
            Self::Delete => ("DELETE", None),
        };
        let asked = process.ask("sync-control", method, &of(tenant, id), &admin(system, tenant), body).await;
        asked.map(|answer| answer.status)
    }

    /// What a tenant has before, and after.
    fn states(self) -> [&'static [(&'static str, bool)]; 2] {
        match self {
            Self::Create => [&[], &[("after", true)]],
            Self::Rename => [&[("before", true)], &[("after", true)]],
            Self::Delete => [&[("before", true)], &[("before", false)]],
        }
    }
}

/// What a tenant has: the slug of each, and whether it was not deleted.
async fn found(system: &System, tenant: &str) -> Vec<(String, bool)> {
    let stored = Stored::of(system, tenant).await;
    stored.check();
    let one =
        |item: &signalbox_tests::items::Item| (item["slug"].as_str().unwrap().to_owned(), item["isActive"] == true);
    stored.categories.iter().map(one).collect()
}

fn is(found: &[(String, bool)], expected: &[(&str, bool)]) -> bool {
    found.iter().map(|(slug, active)| (slug.as_str(), *active)).eq(expected.iter().copied())
}

#[tokio::test]
async fn whatever_crashes_a_tree_is_whole_and_a_second_try_finishes_it() {
    let system = with_categories().await;
    let mut tenants = (0..).map(|number| format!("tenant-{number}"));
    for deed in [Deed::Create, Deed::Rename, Deed::Delete] {
        let tenant = tenants.next().unwrap();
        let id = deed.prepare(&system, &tenant).await;
        let process = system.process(Wire::whole()).await;
        let whole = deed.done(&system, &process, (&tenant, &id)).await.unwrap();
        assert!(whole < 300, "{whole}");
        let calls = process.wire().calls();
        let [before, after] = deed.states();
        assert!(is(&found(&system, &tenant).await, after));
        for number in 0..calls.len() {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                println!("{verdict:?} of call {number} of {deed:?}: {calls:?}");
                let tenant = tenants.next().unwrap();
                let id = deed.prepare(&system, &tenant).await;
                let entries = recorded(&system, &tenant, "category").await.len();
                let dying = system.process(Wire::when(at(number), verdict)).await;
                assert_eq!(deed.done(&system, &dying, (&tenant, &id)).await, Err(Crashed));
                let left = found(&system, &tenant).await;
                let is_done = is(&left, after);
                assert!(is_done || is(&left, before), "{left:?}");
                let written = recorded(&system, &tenant, "category").await.len() - entries;
                assert!(!is_done || written == 1, "what is done is on record");
                let again = deed.done(&system, &process, (&tenant, &id)).await.unwrap();
                let expected = match (deed, is_done) {
                    (Deed::Create, true) => 409,
                    (Deed::Delete, true) => 404,
                    (Deed::Create, false) => 201,
                    (Deed::Rename | Deed::Delete, _) => 200,
                };
                assert_eq!(again, expected);
                assert!(is(&found(&system, &tenant).await, after));
            }
        }
    }
}
