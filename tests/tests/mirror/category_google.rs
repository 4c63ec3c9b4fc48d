//! A category is mapped to what Google has.

use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, CONNECTIONS_WRITE};
use signalbox_simulators::{Fault, Options, Running, Simulator, Vendor};
use signalbox_tests::system::System;

use super::asks::{admin, ask, of, with_categories};

async fn connect(system: &System, google: &Running) {
    let settings = json!({"baseUrl": google.base_url(), "tokenUrl": google.token_url(), "account": "accounts/1", "clientId": "a-client"});
    let body = json!({"settings": settings, "secrets": {"current": google.google_secret(1)}});
    let token = system.service_token("operator", "default", &[CONNECTIONS_READ, CONNECTIONS_WRITE]);
    let put = system.request("PUT", "/api/admin/connections/acme/gbp/main").bearer(&token);
    put.body(body.to_string()).answer().await.expect(201);
}

#[tokio::test]
async fn what_google_does_not_have_is_refused_where_it_can_be_asked() {
    let system = with_categories().await;
    let options = Options { clock: system.clock.clone(), ..Options::new(Vendor::Gbp) };
    let google = Simulator::start(options).await.unwrap();
    let make = async |slug: &str, id: &str| {
        let body = json!({"name": slug, "slug": slug, "googleCategoryId": id});
        ask(&system, &admin(&system, "acme"), ("POST", &of("acme", "")), body).await
    };
    // Without a connection the form is all that is known.
    make("early", "gcid:no_such_thing").await.expect(201);
    connect(&system, &google).await;
    let made = make("bakery", "gcid:bakery").await.expect(201);
    let refused = make("other", "gcid:no_such_thing").await;
    assert_eq!(
        (refused.status, &refused.body["details"][0]["path"][0]),
        (400, &json!("googleCategoryId")),
        "{}",
        refused.text
    );
    let align = format!("/{}/align", made["data"]["id"].as_str().unwrap());
    let aligned = async |id: &str| {
        ask(&system, &admin(&system, "acme"), ("POST", &of("acme", &align)), json!({"googleCategoryId": id})).await
    };
    assert_eq!(aligned("gcid:no_such_thing").await.status, 400);
    aligned("gcid:florist").await.expect(200);
    // What cannot be asked is not believed.
    let fault: Fault = serde_json::from_value(json!({"fault": "status", "status": 403})).unwrap();
    google.set_fault(fault).unwrap();
    let answer = aligned("gcid:bakery").await;
    assert_eq!((answer.status, answer.body["error"].as_str()), (502, Some("vendor_failed")), "{}", answer.text);
}

#[tokio::test]
async fn googles_categories_are_there_to_pick_from_and_are_read_once_a_day() {
    let system = with_categories().await;
    let options = Options { clock: system.clock.clone(), rows: 300, ..Options::new(Vendor::Gbp) };
    let google = Simulator::start(options).await.unwrap();
    let list = async |query: &str| {
        let path = of("acme", "").replace("/categories", "/google-categories");
        ask(&system, &admin(&system, "acme"), ("GET", &format!("{path}{query}")), Value::Null).await
    };
    assert_eq!(list("").await.status, 404);
    connect(&system, &google).await;
    let all = list("").await.expect(200);
    assert_eq!((all["data"].as_array().map(Vec::len), &all["hasMore"]), (Some(50), &json!(true)));
    let asked = google.requests().0;
    let found = list("?search=BAKE&limit=2").await.expect(200);
    assert_eq!(found["data"][0]["id"], "gcid:bakery", "{found}");
    assert_eq!(list("?search=nothing-like-it").await.expect(200)["data"], json!([]));
    assert_eq!(google.requests().0, asked);
    for wrong in ["?limit=0", "?limit=51", "?search=a&search=b", "?cursor=x"] {
        assert_eq!(list(wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(all["total"].as_u64(), google.rows("categories"));
}
