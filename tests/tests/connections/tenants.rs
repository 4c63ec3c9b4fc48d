//! Tenants are apart, by id, cursor and filter (I6).

use serde_json::{Value, json};
use signalbox_tests::system::System;

use super::kit::{LIST, ask, ask_with, catalogue, github, path, put, shown};

const OF_ACME: &str = "acme/catalogue/shop";

#[tokio::test]
async fn what_is_another_tenant_s_is_not_there() {
    let system = System::start().await;
    put(&system, OF_ACME, catalogue()).await.expect(201);
    let before = shown(&system, OF_ACME).await;
    let secret = json!({"secret": "another-secret"});
    for (method, action, body) in [
        ("GET", "", Value::Null),
        ("PUT", "", catalogue()),
        ("DELETE", "", Value::Null),
        ("POST", "/test", Value::Null),
        ("POST", "/pause", Value::Null),
        ("POST", "/resume", Value::Null),
        ("POST", "/rotate", secret),
        ("GET", "/breaker", Value::Null),
        ("POST", "/breaker", json!({"state": "open"})),
    ] {
        for connection in [OF_ACME, "acme/catalogue/none"] {
            let path = path(&format!("{connection}{action}"));
            let answer = ask_with(&system, "globex", (method, &path), &[], body.clone()).await;
            assert_eq!(answer.problem(), (404, "not_found"), "{method} {path}");
            // Whether it is there makes no difference, down to the text.
            assert_eq!(answer.body["detail"], "there is no such connection", "{method} {path}");
        }
        // A slash in a name names nobody else's either.
        let path = path(&format!("globex%2Fcatalogue%2Fx/catalogue/shop{action}"));
        let answer = ask_with(&system, "globex", (method, &path), &[], body).await;
        let expected = if method == "PUT" { 400 } else { 404 };
        assert_eq!(answer.status, expected, "{method} {path}: what nobody can have, nobody makes");
    }
    assert_eq!(shown(&system, OF_ACME).await, before);
    let entries = system.items("JOURNAL_TABLE", "globex#audit").await;
    assert!(entries.is_empty(), "nothing was about to be done: {entries:?}");
}

#[tokio::test]
async fn a_list_has_the_tenant_s_own_alone_whatever_is_asked_for() {
    let system = System::start().await;
    for (tenant, sender) in [("acme", "a"), ("globex", "g")] {
        for name in ["one", "two"] {
            put(&system, &format!("{tenant}/catalogue/{name}"), catalogue()).await.expect(201);
        }
        put(&system, &format!("{tenant}/github/{sender}"), github("a-secret")).await.expect(201);
    }
    let list = async |tenant: &str, query: &str| {
        ask_with(&system, tenant, ("GET", &format!("{LIST}?{query}")), &[], Value::Null).await
    };
    let names = |page: Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["connection"].as_str().unwrap().to_owned()).collect()
    };
    let own = ["globex/catalogue/one", "globex/catalogue/two", "globex/github/g"];
    assert_eq!(names(list("globex", "").await.expect(200)), own);
    assert_eq!(names(list("globex", "tenant=globex").await.expect(200)), own);
    assert_eq!(names(list("globex", "provider=catalogue").await.expect(200)), own[..2]);
    for query in ["tenant=acme", "tenant=acme&provider=catalogue"] {
        assert_eq!(names(list("globex", query).await.expect(200)), [""; 0], "{query}");
    }
    for query in [
        "cursor=acme/catalogue/one",
        "cursor=acme/catalogue/one&tenant=acme",
        "provider=github&cursor=globex/catalogue/one",
    ] {
        let answer = list("globex", query).await;
        assert!(answer.status == 400 || names(answer.body.clone()).is_empty(), "{query}: {}", answer.text);
        assert!(!answer.text.contains("acme"), "{query}: {}", answer.text);
    }
    // An operator of the default tenant sees all, each by its filter.
    assert_eq!(names(list("default", "").await.expect(200)).len(), 6);
    assert_eq!(names(list("default", "tenant=globex").await.expect(200)), own);
    let of_github = names(list("default", "provider=github").await.expect(200));
    assert_eq!(of_github, ["acme/github/a", "globex/github/g"]);
    let both = names(list("default", "provider=github&tenant=acme").await.expect(200));
    assert_eq!(both, ["acme/github/a"]);
}

#[tokio::test]
async fn a_tenant_s_operator_changes_the_tenant_s_own() {
    let system = System::start().await;
    let put = async |name: &str, body: Value| ask_with(&system, "globex", ("PUT", &path(name)), &[], body).await;
    // Files are the deployment's, and Trackstar's secret is that of all links.
    let link = json!({"settings": {"connectionId": "conn-9"}});
    for (name, body) in [("globex/catalogue/shop", catalogue()), ("globex/trackstar/west", link)] {
        assert_eq!(put(name, body).await.problem(), (403, "forbidden"), "{name}");
    }
    let made = put("globex/catalogue/shop", json!({"settings": {"source": "https://shop.example/a.json"}})).await;
    assert_eq!(made.status, 201);
    let read = ask_with(&system, "globex", ("GET", &path("GLOBEX/catalogue/Shop")), &[], Value::Null).await;
    assert_eq!(read.expect(200)["data"]["connection"], "globex/catalogue/shop");
    assert_eq!(system.items("JOURNAL_TABLE", "globex#audit").await.len(), 1, "on record where they belong");
    assert_eq!(ask(&system, "DELETE", &path("globex/catalogue/shop"), Value::Null).await.status, 200);
}
