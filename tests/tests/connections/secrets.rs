//! I9: a connection's secret is in no table, answer or log line, whatever goes wrong.

use serde_json::{Value, json};
use signalbox_tests::logged::Logged;
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, every};

use super::kit::{LIST, ask, ask_process, path, put, shown, stored};

const HOOK: &str = "acme/github/main";
const SECRETS: [&str; 3] = ["hunter2-first-secret", "hunter2-second-secret", "hunter2-third-secret"];

#[tokio::test]
async fn no_secret_is_kept_or_told() {
    let logged = Logged::here();
    let system = System::start().await;
    let [first, second, third] = SECRETS;
    let mut answers = String::new();
    let mut ask = async |method: &str, path: String, body: Value| {
        let answer = ask(&system, method, &path, body).await;
        answers.push_str(&format!("{:?} {}\n", answer.headers, answer.text));
        answer.status
    };
    let put = json!({"settings": {}, "secrets": {"current": second, "previous": first}});
    assert_eq!(ask("PUT", path(HOOK), put).await, 201);
    assert_eq!(ask("POST", path(&format!("{HOOK}/rotate")), json!({"secret": third})).await, 200);
    // In the wrong place, of the wrong form, under the wrong name.
    for body in [
        json!({"settings": {"secret": third}}),
        json!({"settings": {"scheme": {"header": "x", "secret": third}}}),
        json!({"settings": {}, "secrets": third}),
        json!({"settings": {}, "secrets": {"current": format!("{third} ")}}),
        json!({"settings": {}, "secrets": {"current": [third]}}),
        json!({"settings": {}, "secrets": {"current": third.repeat(500)}}),
        json!({"settings": {}, "secret": third}),
    ] {
        assert_eq!(ask("PUT", path(HOOK), body.clone()).await, 400, "{body}");
    }
    assert_eq!(ask("POST", path(&format!("{HOOK}/rotate")), json!({"secret": {"value": third}})).await, 400);
    for (user, status) in [(format!("user:{third}@"), 400), (String::new(), 201)] {
        let source = json!({"settings": {"source": format!("https://{user}shop.example/p.json?key={third}")}});
        assert_eq!(ask("PUT", path("acme/catalogue/shop"), source).await, status);
    }
    for connection in [HOOK, "acme/catalogue/shop"] {
        ask("GET", path(connection), Value::Null).await;
        ask("POST", path(&format!("{connection}/test")), Value::Null).await;
        ask("POST", path(&format!("{connection}/pause")), json!({"why": "noise"})).await;
    }
    ask("GET", LIST.to_owned(), Value::Null).await;
    for call in ["KMS.GenerateDataKey", "KMS.Decrypt", "DynamoDB.TransactWriteItems", "DynamoDB.PutItem"] {
        let process = system.process(Wire::when(every(call), Verdict::Fail(Fault::ServerError))).await;
        let body = json!({"settings": {}, "secrets": {"current": first}});
        let connection = if call == "KMS.Decrypt" { HOOK } else { "acme/stripe/main" };
        let failed = ask_process(&system, &process, "PUT", &path(connection), &body).await.unwrap();
        let expected = if call.starts_with("KMS") { (503, "unavailable") } else { (500, "internal_error") };
        assert_eq!(failed.problem(), expected, "{call}");
        answers.push_str(&failed.text);
    }
    // A source's query may be a credential; where it lies is told, and it is stored to be read with.
    let tables = stored(&system).await.into_iter().filter(|item| item["sk"] != "connection#catalogue/shop");
    let journal = system.items("JOURNAL_TABLE", "").await;
    let kept = serde_json::to_string(&(tables.collect::<Vec<_>>(), journal)).unwrap();
    for (place, text) in [("answer", &answers), ("table", &kept), ("log", &logged.text())] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in an {place}: {text}");
        }
    }
    assert!(answers.contains("••••cret") && kept.contains("ciphertext"), "the places were looked at");
    assert!(logged.text().contains("request failed"));
}

#[tokio::test]
async fn what_was_copied_from_another_connection_is_found_and_written_over() {
    let system = System::start().await;
    let secrets = |secret: &str| json!({"settings": {}, "secrets": {"current": secret}});
    put(&system, HOOK, secrets(SECRETS[0])).await.expect(201);
    put(&system, "globex/github/other", secrets(SECRETS[1])).await.expect(201);
    // Somebody who may write the table and not decrypt puts a secret that they know in another's place.
    let table = system.environment("sync-control").require("CONNECTIONS_TABLE").unwrap().to_owned();
    let key = |pk: &str, sk: &str| {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        std::collections::HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
    };
    let dynamodb = system.host.dynamodb();
    let get = dynamodb.get_item().table_name(&table).set_key(Some(key("globex", "connection#github/other")));
    let theirs = get.send().await.unwrap().item.unwrap()["secrets"].clone();
    let update = dynamodb.update_item().table_name(&table).set_key(Some(key("acme", "connection#github/main")));
    let update = update.update_expression("SET secrets = :secrets").expression_attribute_values(":secrets", theirs);
    update.send().await.unwrap();

    let tested = ask(&system, "POST", &path(&format!("{HOOK}/test")), Value::Null).await.expect(200);
    let why = tested["data"]["error"].as_str().unwrap();
    assert!(why.contains("not a secret of this connection"), "{why}");
    let rewrap = ask(&system, "POST", &path(&format!("{HOOK}/rotate")), json!({"rewrap": true})).await;
    assert_eq!(rewrap.problem(), (422, "unprocessable"));
    put(&system, HOOK, secrets(SECRETS[0])).await.expect(200);
    assert_eq!(shown(&system, HOOK).await["secrets"]["masked"], "••••cret");
    assert_eq!(ask(&system, "POST", &path(&format!("{HOOK}/test")), Value::Null).await.expect(200)["data"]["ok"], true);
}
