//! From one key of KMS to another: with the one before named beside it, everything goes on and connections are moved one by one.

use serde_json::json;
use signalbox::domain::deliveries::signature::schemes;
use signalbox::http::auth::CONNECTIONS_WRITE;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;

use crate::connections::desk::Desk;

const BEFORE: &str = "arn:aws:kms:us-east-1:000000000000:key/signalbox-SecretsKey";
const AFTER: &str = "arn:aws:kms:us-east-1:000000000000:key/of-our-own";
const SECRETS: [&str; 2] = ["a secret of the shop", "another secret of the shop"];

#[tokio::test]
async fn what_the_key_before_wrapped_opens_and_is_moved_to_the_other() {
    let hooks = Hooks::with(&[("SECRETS_KEY_ARN", AFTER), ("SECRETS_KEY_ARN_PREVIOUS", BEFORE)]).await;
    let desk = Desk::with(&hooks, &[("SECRETS_KEY_ARN", BEFORE)]);
    let [hub, shop] = ["acme/github/hub", "acme/github/shop"];
    let names = [desk.put(hub, json!({}), Some(SECRETS[0])).await, desk.put(shop, json!({}), Some(SECRETS[0])).await];
    // The keys that wrap the current and the previous secret.
    let wrapped_by = async |number: usize| {
        let stored = desk.store.read(&names[number].connection).await.unwrap().unwrap();
        let secrets = stored.secrets.unwrap();
        (secrets.current.key().by.clone(), secrets.previous.map(|previous| previous.key().by.clone()))
    };
    let (before, after) = (BEFORE.to_owned(), AFTER.to_owned());
    assert_eq!((wrapped_by(0).await, wrapped_by(1).await), ((before.clone(), None), (before.clone(), None)));

    let send = async |name: &str, id: &str, secret: &str| {
        let path = format!("/webhooks/github/{name}");
        let at = jiff::Timestamp::UNIX_EPOCH;
        let delivery = Delivery::signed(&path, &schemes::GITHUB, secret, Some(id), at, "{}");
        hooks.send(&delivery.header("x-github-delivery", id)).await.status
    };
    let rotate = async |connection: &str, body: serde_json::Value| {
        let path = format!("/api/admin/connections/{connection}/rotate");
        let operator = hooks.token("default", &[CONNECTIONS_WRITE]);
        hooks.ask("POST", &path, Some(&operator), Some(body)).await.expect(200);
    };
    assert_eq!(send("hub", "1", SECRETS[0]).await, 200, "a door opens it with the key before");

    rotate(hub, json!({"rewrap": true})).await;
    assert_eq!(wrapped_by(0).await, (after.clone(), None));
    // A rotation in the middle of it: both are sealed with one data key.
    rotate(shop, json!({"secret": SECRETS[1]})).await;
    rotate(shop, json!({"rewrap": true})).await;
    assert_eq!(wrapped_by(1).await, (after.clone(), Some(after)));
    hooks.pass(std::time::Duration::from_secs(3_600));
    for (name, id, secret) in [("hub", "2", SECRETS[0]), ("shop", "1", SECRETS[0]), ("shop", "2", SECRETS[1])] {
        assert_eq!(send(name, id, secret).await, 200, "{name} {secret}: with the other key");
    }
}
