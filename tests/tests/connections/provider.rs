//! A provider that exists only here, added as docs/adding-a-provider.md says: a harbour that tells of ships with signed webhooks.

use serde_json::{Value, json};
use signalbox::domain::connections::provider::{Mistake, Provider, SecretUse, Setting, SettingKind, WrongSetting};
use signalbox::domain::deliveries::sender::Sender;
use signalbox::domain::deliveries::signature::schemes;
use signalbox::domain::ids::ProviderId;
use signalbox::vendors::{Providers, sender};
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::system::{Settings, System};

use super::kit::{LIST, ask, path, put, shown};

const SECRET: &str = "a-secret-of-the-harbour-0001";
const BERTH: &str = "acme/harbour/berth-7";

const HARBOUR: Provider = Provider {
    name: "Harbour",
    icon: "HB",
    colour: "#0e7490",
    entities: &[],
    settings: &[Setting {
        name: "berth",
        kind: SettingKind::Number(1, 99),
        required: true,
        about: "Which berth it tells of",
    }],
    secret: SecretUse::Required,
    secret_about: "What the harbour signs with",
    scheduled: false,
    pull: None,
    sender: Some(|connection, _, secrets| {
        Ok(Sender {
            connection: connection.clone(),
            scheme: schemes::GITHUB.clone(),
            secrets,
            url: None,
            volatile: Vec::new(),
            unsigned_id_is_key: false,
        })
    }),
    check: |_, settings| match settings["berth"].as_i64() {
        Some(13) => Err(WrongSetting::new("berth", "is none: there is no berth 13")),
        _ => Ok(()),
    },
    addresses: |connection, _| vec![sender::address(connection.provider.as_str(), connection.name.as_str())],
    mistakes: &[Mistake { seen: "bad_signature", remedy: "The harbour signs with its newest secret alone" }],
};

async fn with_a_harbour() -> System {
    let providers = Providers::default().with(ProviderId::parse("harbour").unwrap(), HARBOUR);
    let settings = Settings { providers, ..Settings::default() };
    System::with(settings.with(&[("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret-0")])).await
}

fn berth(number: i64) -> Value {
    json!({"settings": {"berth": number}, "secrets": {"current": SECRET}})
}

#[tokio::test]
async fn a_provider_is_one_entry_from_its_settings_to_its_door() {
    let system = with_a_harbour().await;
    for (settings, field) in [
        (json!({}), "settings.berth"),
        (json!({"berth": 100}), "settings.berth"),
        (json!({"berth": 13}), "settings.berth"),
        (json!({"berth": 7, "scheme": "github"}), "settings.scheme"),
    ] {
        let body = json!({"settings": settings, "secrets": {"current": SECRET}});
        let refused = put(&system, BERTH, body).await;
        assert_eq!(refused.problem(), (400, "invalid_request"), "{settings}");
        assert!(refused.body["detail"]["fieldErrors"].get(field).is_some(), "{settings}: {}", refused.text);
    }
    put(&system, BERTH, berth(7)).await.expect(201);
    let listed = ask(&system, "GET", &format!("{LIST}?provider=harbour"), Value::Null).await.expect(200);
    assert_eq!(listed["items"], json!([shown(&system, BERTH).await]));
    let tested = ask(&system, "POST", &path(&format!("{BERTH}/test")), Value::Null).await.expect(200);
    assert_eq!(tested["data"]["ok"], true, "{tested}");

    let send = async |secret: &str| {
        let at = system.clock.now();
        let ship = Delivery::signed("/webhooks/harbour/berth-7", &schemes::GITHUB, secret, Some("1"), at, "{}");
        let request = system.post(&ship.path);
        let request = ship.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.bytes(ship.body.clone()).answer().await.status
    };
    assert_eq!((send("another-secret").await, send(SECRET).await, send(SECRET).await), (401, 200, 200));
}

#[tokio::test]
async fn providers_are_listed_with_what_people_need_to_know_of_them() {
    let system = with_a_harbour().await;
    let listed = ask(&system, "GET", &format!("{LIST}/providers"), Value::Null).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    let ids: Vec<Option<&str>> = items.iter().map(|item| item["id"].as_str()).collect();
    let named = [
        "alert-webhook",
        "catalogue",
        "completion-webhook",
        "doorloop",
        "gbp",
        "pos",
        "teams",
        "trackstar",
        "weekly-digest",
        "harbour",
    ];
    assert_eq!(ids, named.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
    let berth = json!({"name": "berth", "kind": "number", "choices": [], "bounds": [1, 99], "required": true, "about": "Which berth it tells of"});
    let mistake = json!({"seen": "bad_signature", "remedy": "The harbour signs with its newest secret alone"});
    assert_eq!(
        items[9],
        json!({
            "id": "harbour", "name": "Harbour", "icon": "HB", "colour": "#0e7490", "entities": [], "settings": [berth],
            "secret": "required", "secretAbout": "What the harbour signs with", "scheduled": false, "signsWebhooks": true,
            "schemes": [], "mistakes": [mistake],
        })
    );
    assert_eq!((&items[1]["entities"], &items[1]["signsWebhooks"]), (&json!(["products"]), &json!(false)));
    assert!(items[10]["schemes"].as_array().unwrap().contains(&json!("github")), "{}", items[10]);
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        assert!(
            text("colour").len() == 7 && !text("icon").is_empty() && !item["mistakes"].as_array().unwrap().is_empty(),
            "{item}"
        );
    }
}
