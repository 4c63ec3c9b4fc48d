//! Google Business Profile.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signalbox_simulators::{Fault, FaultKind, GoogleChange, Limits, Options, Vendor};

use super::{Got, Sim, got};

const LOCATIONS: &str = "/v1/accounts/1/locations?readMask=name,title,categories,metadata";
const CATEGORIES: &str = "/v1/categories?regionCode=US&languageCode=en&view=BASIC";

/// Google, and an access token of its first account.
struct Google {
    sim: Sim,
    token: String,
}

impl Google {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let sim = Sim::start(Vendor::Gbp, change).await;
        let (status, granted) = grant(&sim, 1).await;
        assert_eq!((status, &granted["expires_in"]), (200, &json!(3599)));
        Self { sim, token: granted["access_token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Got {
        let asked = self.sim.bare(method, path).bearer_auth(&self.token);
        let asked = if body.is_null() { asked } else { asked.body(body.to_string()) };
        got(asked.send().await.unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// What a request is refused with.
    async fn refused(&self, method: Method, path: &str, body: &Value) -> (u16, String) {
        let answer = self.ask(method, path, body).await;
        let error = answer.json()["error"].clone();
        assert_eq!(error["code"], answer.status);
        let said = error["details"][0]["fieldViolations"][0]["description"].as_str();
        (answer.status, said.or(error["status"].as_str()).unwrap_or_default().to_owned())
    }

    /// All names of a list, page by page.
    async fn all(&self, path: &str, list: &str) -> Vec<String> {
        let (mut names, mut page) = (Vec::new(), self.get(path).await.json());
        loop {
            let rows = page[list].as_array().unwrap();
            names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
            let Some(token) = page["nextPageToken"].as_str() else { break };
            page = self.get(&format!("{path}&pageToken={token}")).await.json();
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{path}");
        names
    }
}

async fn grant(sim: &Sim, account: u32) -> (u16, Value) {
    let secret = sim.running.google_secret(account);
    let (client_secret, refresh_token) = secret.split_once(' ').unwrap();
    let form = format!(
        "grant_type=refresh_token&client_id=a-client&client_secret={client_secret}&refresh_token={refresh_token}"
    );
    let answer = got(sim.bare(Method::POST, "/token").body(form).send().await.unwrap()).await.unwrap();
    (answer.status, answer.json())
}

fn set(primary: &str, additional: &[&str]) -> Value {
    let named = |id: &&str| json!({"name": format!("categories/gcid:{id}")});
    let additional: Vec<Value> = additional.iter().map(named).collect();
    json!({"categories": {"primaryCategory": named(&primary), "additionalCategories": additional}})
}

#[tokio::test]
async fn lists_have_pages_and_categories_a_country_a_language_and_a_total() {
    let google =
        Google::start(|options| options.rows_of = [("locations".into(), 23), ("categories".into(), 250)].into()).await;
    let first = google.get(LOCATIONS).await.json();
    assert_eq!(first["locations"].as_array().unwrap().len(), 10, "ten are the default");
    assert_eq!(google.all(&format!("{LOCATIONS}&pageSize=7"), "locations").await.len(), 23);
    let one = &first["locations"][1];
    assert!(
        one["name"] == "locations/1002" && one["categories"]["primaryCategory"]["displayName"].is_string(),
        "{one}"
    );
    assert_eq!(google.get("/v1/locations/1002?readMask=title").await.json(), json!({"title": one["title"]}));

    let page = google.get(&format!("{CATEGORIES}&pageSize=2")).await.json();
    assert_eq!((&page["totalCategoryCount"], page["categories"].as_array().unwrap().len()), (&json!(250), 2));
    assert_eq!(
        page["categories"][0],
        json!({"name": "categories/gcid:hardware_store", "displayName": "Hardware store"})
    );
    let home = google.all(CATEGORIES, "categories").await;
    let elsewhere = google.all("/v1/categories?regionCode=DK&languageCode=da&view=BASIC", "categories").await;
    assert_eq!((home.len(), elsewhere.len()), (250, 225));
    let batch = "/v1/categories:batchGet?regionCode=DK&languageCode=da&view=BASIC&names=categories/gcid:bakery&names=categories/gcid:no";
    let batch = google.get(batch).await.json();
    assert_eq!(batch, json!({"categories": [{"name": "categories/gcid:bakery", "displayName": "Bakery [da]"}]}));

    for (path, why) in [
        ("/v1/accounts/1/locations", "read_mask is required."),
        ("/v1/accounts/1/locations?readMask=phone", "Invalid field mask provided: phone"),
        ("/v1/accounts/1/locations?readMask=name&pageSize=101", "page_size must be between 1 and 100."),
        ("/v1/accounts/1/locations?readMask=name&pageToken=x", "Invalid page token."),
        ("/v1/categories?regionCode=US&view=BASIC", "language_code is required."),
        ("/v1/categories?regionCode=US&languageCode=en", "view is required."),
    ] {
        assert_eq!(google.refused(Method::GET, path, &Value::Null).await, (400, why.to_owned()), "{path}");
    }
    assert_eq!(google.get("/elsewhere").await.status, 404);
}

#[tokio::test]
async fn an_edit_sets_all_categories_and_one_that_is_looked_at_sets_none() {
    let google = Google::start(|options| options.accounts = 2).await;
    let path = "/v1/locations/1001?updateMask=categories";
    let wanted = set("bakery", &["florist", "optician"]);
    let looked = google.ask(Method::PATCH, &format!("{path}&validateOnly=true"), &wanted).await;
    assert_eq!((looked.status, looked.json()), (200, json!({})));
    let done = google.ask(Method::PATCH, path, &wanted).await.json();
    assert_eq!(done["categories"]["additionalCategories"][1]["displayName"], "Optician");
    assert_eq!(google.get("/v1/locations/1001?readMask=categories").await.json()["categories"], done["categories"]);
    let alone = google.ask(Method::PATCH, path, &set("bakery", &[])).await.json();
    assert_eq!(alone["categories"]["additionalCategories"], Value::Null, "the whole set is replaced");

    let ten: Vec<String> = (1..=10).map(|number| format!("bakery_{number}")).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    let others = json!({"categories": {"additionalCategories": [{"name": "categories/gcid:bakery"}]}});
    for (query, body, why) in [
        ("updateMask=categories", others, "Primary category is required."),
        ("updateMask=categories", set("nothing", &[]), "Invalid category: categories/gcid:nothing"),
        ("updateMask=categories", set("bakery", &["bakery"]), "Duplicate category."),
        ("updateMask=categories", set("bakery", &ten), "Too many additional categories: 9 are allowed."),
        (
            "updateMask=categories.primaryCategory",
            set("bakery", &[]),
            "primary or additional categories cannot be updated independently.",
        ),
        ("", set("bakery", &[]), "update_mask is required."),
    ] {
        let refused = google.refused(Method::PATCH, &format!("/v1/locations/1001?{query}"), &body).await;
        assert_eq!(refused, (400, why.to_owned()), "{query} {body}");
    }
    let of_others = google.refused(Method::PATCH, "/v1/locations/1002?updateMask=categories", &wanted).await;
    assert_eq!(of_others, (403, "PERMISSION_DENIED".to_owned()), "of the other account");
    assert_eq!(google.refused(Method::GET, "/v1/locations/9?readMask=name", &Value::Null).await.0, 404);
    let (counts, edits) = google.sim.running.edits();
    assert_eq!((counts["locations/1001"], edits.len(), edits[0].validate_only), (2, 3, true));
}

#[tokio::test]
async fn edits_pend_until_somebody_at_google_lets_them_through() {
    let google = Google::start(|_| {}).await;
    let one = || vec!["locations/1001".to_owned()];
    google.sim.running.change_google(&GoogleChange { moderate: one(), ..GoogleChange::default() }).unwrap();
    let before = google.get("/v1/locations/1001?readMask=categories,metadata").await.json();
    google.ask(Method::PATCH, "/v1/locations/1001?updateMask=categories", &set("bakery", &[])).await;
    let pending = google.get("/v1/locations/1001?readMask=categories,metadata").await.json();
    assert_eq!(
        (&pending["metadata"]["hasPendingEdits"], &pending["categories"]),
        (&json!(true), &before["categories"])
    );
    let (status, _) = google.sim.post("/_simulator/google", &json!({"approve": ["locations/1001"]})).await;
    let through = google.get("/v1/locations/1001?readMask=categories,metadata").await.json();
    let primary = &through["categories"]["primaryCategory"]["name"];
    assert_eq!(
        (status, primary, &through["metadata"]["hasPendingEdits"]),
        (200, &json!("categories/gcid:bakery"), &Value::Null)
    );

    let set = json!({"set": {"locations/1001": ["categories/gcid:florist"]}, "updated": ["locations/1001"]});
    google.sim.post("/_simulator/google", &set).await;
    let changed = google.get("/v1/locations/1001?readMask=categories,metadata").await.json();
    assert_eq!(changed["categories"]["primaryCategory"]["name"], "categories/gcid:florist");
    assert_eq!(changed["metadata"]["hasGoogleUpdated"], true);
    assert_eq!(google.sim.post("/_simulator/google", &json!({"approve": ["locations/9"]})).await.0, 400);
}

#[tokio::test]
async fn an_access_token_ends_and_consent_can_be_revoked() {
    let google = Google::start(|options| options.accounts = 2).await;
    google.sim.clock.advance(Duration::from_secs(3_598));
    assert_eq!(google.get(LOCATIONS).await.status, 200);
    google.sim.clock.advance(Duration::from_secs(1));
    let ended = google.get(LOCATIONS).await;
    assert_eq!((ended.status, &ended.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));

    google.sim.post("/_simulator/google", &json!({"revoke": [1]})).await;
    let (status, refused) = grant(&google.sim, 1).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    assert_eq!(grant(&google.sim, 2).await.0, 200, "the other account's is good");
    assert_eq!(grant(&google.sim, 3).await.1["error"], "invalid_grant", "there is no third");
    google.sim.post("/_simulator/google", &json!({"restore": [1]})).await;
    assert_eq!(grant(&google.sim, 1).await.0, 200);
    assert_eq!(google.sim.running.refreshes(), 3);
}

#[tokio::test]
async fn a_project_has_300_requests_a_minute_and_a_location_10_edits() {
    let google = Google::start(|options| options.limits = Limits::Documented).await;
    let path = "/v1/locations/1001?updateMask=categories";
    for _ in 0..10 {
        assert_eq!(google.ask(Method::PATCH, path, &set("bakery", &[])).await.status, 200);
    }
    let eleventh = google.ask(Method::PATCH, path, &set("bakery", &[])).await;
    let error = &eleventh.json()["error"];
    assert_eq!((eleventh.status, &error["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(error["details"][0]["retryDelay"], "60s");
    assert_eq!(google.ask(Method::PATCH, &path.replace("1001", "1002"), &set("bakery", &[])).await.status, 200);
    for _ in 12..300 {
        assert_eq!(google.get("/v1/locations/1001?readMask=name").await.status, 200);
    }
    assert_eq!(google.get("/v1/locations/1001?readMask=name").await.status, 429);
    google.sim.clock.advance(Duration::from_secs(60));
    assert_eq!(google.ask(Method::PATCH, path, &set("bakery", &[])).await.status, 200);
}

#[tokio::test]
async fn faults_hit_what_they_are_for() {
    let google = Google::start(|options| options.rows_of = [("locations".into(), 30)].into()).await;
    let running = &google.sim.running;
    running.set_fault(Fault::new(FaultKind::Status).of("edits").hits(1, 1)).unwrap();
    running.set_fault(Fault::new(FaultKind::Html).of("token").hits(1, 1)).unwrap();
    assert_eq!(google.get(LOCATIONS).await.status, 200);
    let path = "/v1/locations/1001?updateMask=categories";
    assert_eq!(google.refused(Method::PATCH, path, &set("bakery", &[])).await, (500, "INTERNAL".to_owned()));
    assert_eq!(google.ask(Method::PATCH, path, &set("bakery", &[])).await.status, 200);
    running.set_fault(Fault::new(FaultKind::Repeated).of("locations").hits(1, 1)).unwrap();
    let page = google.get(LOCATIONS).await.json();
    let again = google.get(&format!("{LOCATIONS}&pageToken={}", page["nextPageToken"].as_str().unwrap())).await.json();
    assert_eq!(page["locations"], again["locations"]);
    let empty = Fault { rows: Some(100), ..Fault::new(FaultKind::Truncated) }.of("locations").hits(1, 1);
    running.set_fault(empty).unwrap();
    assert_eq!(google.get(LOCATIONS).await.json(), json!({}), "nothing is written of an empty list");
    running.set_fault(Fault::new(FaultKind::ShrinkingTotal).of("categories").hits(1, 1)).unwrap();
    assert_eq!(google.get(CATEGORIES).await.json()["totalCategoryCount"], 989);
}
