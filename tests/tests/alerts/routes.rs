//! What operators ask and say.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::{ChannelAnswer, SimulatedChannel};
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::Wire;

use super::kit::{Watched, texts, tick};

const TEST: &str = "integrations/doorloop/teams/test";

#[tokio::test]
async fn a_channel_of_teams_is_tried_while_somebody_waits() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    let unset = watched.ask("POST", TEST, json!({})).await;
    assert_eq!(
        (unset.status, &unset.body["ok"], &unset.body["code"]),
        (400, &json!(false), &json!("teams_not_configured"))
    );
    watched.teams(&channel, json!({})).await;
    let said = watched.ask("POST", TEST, json!({"message": "hello"})).await.expect(200);
    assert_eq!(
        (&said["ok"], &said["message"], &said["webhookConfigured"]),
        (&json!(true), &json!("hello"), &json!(true))
    );
    assert!(said["timestamp"].is_string());
    // Messages sort by their time, which stands still otherwise.
    system.pass(Duration::from_secs(1));
    watched.ask("POST", "integrations/teams/test", Value::Null).await.expect(200);
    system.pass(Duration::from_secs(1));
    assert!(texts(&channel.messages()[0].body).contains(&"hello".to_owned()));
    channel.answer(ChannelAnswer { status: Some(500), retry_after: None, times: 1 }).unwrap();
    let failed = watched.ask("POST", TEST, json!({})).await;
    assert_eq!((failed.status, &failed.body["webhookConfigured"]), (500, &json!(true)), "{}", failed.text);
    assert_eq!(failed.body["error"], "127.0.0.1 answered 500");
    let states: Vec<Value> = watched.messages().await.iter().map(|message| message["state"].clone()).collect();
    assert_eq!(states, ["sent", "sent", "refused"], "nobody tries again by itself");
    assert_eq!(watched.ask("POST", TEST, json!({"text": "hello"})).await.status, 400);
    let path = format!("connections/{}/teams/main", watched.tenant);
    assert_eq!(watched.ask("PUT", &path, json!({"settings": {"quietFrom": "22:00"}})).await.status, 400);
}

#[tokio::test]
async fn an_alert_is_acknowledged_on_record_and_another_tenant_s_is_not_found() {
    let system = System::start().await;
    let (watched, other) = (Watched::of(&system), Watched::of(&system));
    let process = system.process(Wire::whole()).await;
    watched.catalogue("shop").await;
    watched.ended("shop", Some("source_invalid")).await;
    watched.event(&process, "shop").await.unwrap();
    let id = watched.alerts("").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("alerts/{id}/acknowledge");
    for nobody in
        [other.ask("POST", &path, Value::Null).await, other.ask("GET", &format!("alerts/{id}"), Value::Null).await]
    {
        assert_eq!((nobody.status, &nobody.body["code"]), (404, &json!("not_found")));
    }
    assert!(other.alerts("").await.is_empty());
    for _ in 0..2 {
        let seen = watched.ask("POST", &path, Value::Null).await.expect(200);
        assert_eq!((&seen["ok"], &seen["alert"]["acknowledgedBy"]), (&json!(true), &json!("ada")));
    }
    let audit = system.items("JOURNAL_TABLE", &format!("{}#audit", watched.tenant)).await;
    let deeds = audit.iter().filter(|entry| entry["action"] == "alert.acknowledge" && entry["target"] == id.as_str());
    assert_eq!(deeds.count(), 1);
    let open = watched.alerts("?state=open").await;
    assert_eq!(open[0]["acknowledgedBy"], "ada");
    for wrong in ["?state=closed", "?limit=0", "?cursor=x", "?rule=run_failed"] {
        assert_eq!(watched.ask("GET", &format!("alerts{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
    assert_eq!(watched.ask("GET", "alerts/no%20id", Value::Null).await.status, 404);
    let unknown = system.get("/api/admin/alerts").bearer("another").answer().await;
    assert_eq!(unknown.problem(), (401, "unauthorized"));
}

#[tokio::test]
async fn the_variable_makes_the_default_tenant_s_channel() {
    let channel = SimulatedChannel::start(0).await.unwrap();
    let settings = Settings::default().with(&[("INTEGRATIONS_TEAMS_WEBHOOK", &channel.workflow_url())]);
    let system = System::with(settings).await;
    let process = system.process(Wire::whole()).await;
    process.fire("import").await.unwrap().unwrap();
    let open = system.get("/api/config/integrations").answer().await.expect(200);
    assert_eq!(open["integrations"]["teams"], true);
    let default = Watched { system: &system, tenant: "default".to_owned() };
    let stored = default.ask("GET", "connections/default/teams/main", Value::Null).await.expect(200);
    assert_eq!(stored["data"]["keptBy"], "configuration", "{stored}");
    assert!(!stored.to_string().contains("sig="));
    default.ask("POST", TEST, json!({})).await.expect(200);
    assert_eq!(channel.messages().len(), 1);
    tick(&system, &process).await.unwrap();
}
