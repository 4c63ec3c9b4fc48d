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

#[tokio::test]
async fn each_of_several_channels_is_tried_and_answers_for_itself_and_none_too_often() {
    let system = System::start().await;
    let (first, second) = (SimulatedChannel::start(0).await.unwrap(), SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    watched.channel("teams/first", &first).await;
    watched.channel("teams/second", &second).await;
    let unknown = watched.ask("POST", "integrations/nobody/teams/test", json!({})).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("not_found")));
    second.answer(ChannelAnswer { status: Some(404), retry_after: None, times: 1 }).unwrap();
    let failed = watched.ask("POST", TEST, json!({})).await;
    assert_eq!((failed.status, &failed.body["code"]), (500, &json!("channel_failed")), "{}", failed.text);
    assert_eq!(failed.body["error"], "second: 127.0.0.1 answered 404");
    let expected = json!([{"channel": "teams/first", "ok": true},
        {"channel": "teams/second", "ok": false, "error": "127.0.0.1 answered 404"}]);
    assert_eq!(failed.body["channels"], expected);
    assert_eq!((first.messages().len(), second.messages().len()), (1, 1));
    let mut tested = 0;
    let often = loop {
        let answer = watched.ask("POST", TEST, json!({})).await;
        if answer.status != 200 {
            break answer;
        }
        tested += 1;
    };
    assert!((1..15).contains(&tested), "{tested}");
    assert_eq!((often.status, &often.body["code"]), (429, &json!("too_often")), "{}", often.text);
    let seconds: u64 = often.headers["retry-after"].parse().unwrap();
    assert!(often.body["channels"][0]["retryAt"].is_string(), "{}", often.text);
    assert_eq!(first.messages().len(), tested + 1, "it was not asked");
    system.pass(Duration::from_secs(seconds));
    watched.ask("POST", TEST, json!({})).await.expect(200);
}

#[tokio::test]
async fn the_test_of_a_connection_tells_its_channel_and_says_what_it_answered() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    watched.webhook(&channel).await;
    let path = format!("connections/{}/alert-webhook/main/test", watched.tenant);
    let well = watched.ask("POST", &path, Value::Null).await.expect(200);
    assert_eq!((&well["data"]["ok"], channel.messages().len()), (&json!(true), 1), "{well}");
    channel.answer(ChannelAnswer { status: Some(403), retry_after: None, times: 1 }).unwrap();
    let refused = watched.ask("POST", &path, Value::Null).await.expect(200);
    assert_eq!(refused["data"]["error"], "127.0.0.1 answered 403", "{refused}");
    let states: Vec<Value> = watched.messages().await.iter().map(|message| message["state"].clone()).collect();
    assert_eq!(states.len(), 2, "both are in the list: {states:?}");
    let often = loop {
        let answer = watched.ask("POST", &path, Value::Null).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((often.status, &often.body["error"]), (429, &json!("too_often")), "{}", often.text);
    assert_eq!(often.headers["retry-after"], often.body["retryAfter"].to_string());
}

#[tokio::test]
async fn what_could_never_be_told_is_refused_when_it_is_given() {
    let system = System::start().await;
    let watched = Watched::of(&system);
    let put = async |connection: &str, settings: Value, secret: &str| {
        let path = format!("connections/{}/{connection}", watched.tenant);
        let body = json!({"settings": settings, "secrets": {"current": secret}});
        let answer = watched.ask("PUT", &path, body).await;
        (answer.status, answer.text)
    };
    let signed = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (connection, settings, secret, field) in [
        ("alert-webhook/main", json!({"url": "https://pager.example/a"}), "hunter2!", "secrets.current"),
        ("alert-webhook/main", json!({"url": "https://10.0.0.1/a"}), signed, "settings.url"),
        ("teams/main", json!({}), "https://169.254.169.254/invoke?sig=hunter2", "secrets.current"),
        ("teams/main", json!({}), "https://ann:hunter2@flow.example/", "secrets.current"),
    ] {
        let (status, text) = put(connection, settings, secret).await;
        assert!(status == 400 && text.contains(field) && !text.contains("hunter2"), "{connection}: {status} {text}");
    }
}

#[tokio::test]
async fn a_variable_that_could_never_be_told_is_not_imported_and_keeps_no_other() {
    let wrong = ("INTEGRATIONS_TEAMS_WEBHOOK", "https://10.0.0.1/invoke?sig=hunter2");
    let system =
        System::with(Settings::default().with(&[wrong, ("DOORLOOP_PAGE_SIZE", "50"), ("AUTO_SYNC_ENABLED", "true")]))
            .await;
    let process = system.process(Wire::whole()).await;
    process.fire("import").await.unwrap().unwrap();
    let default = Watched { system: &system, tenant: "default".to_owned() };
    assert_eq!(default.ask("GET", "connections/default/teams/main", Value::Null).await.status, 404);
    let open = system.get("/api/config/integrations").answer().await.expect(200);
    assert_eq!(open["integrations"]["teams"], false);
}

#[tokio::test]
async fn messages_are_read_on_by_their_own_cursors_and_say_which_channels_are_left_out() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let watched = Watched::of(&system);
    for name in ["a", "b", "c", "d", "e", "f"] {
        watched.channel(&format!("teams/{name}"), &channel).await;
    }
    watched.ask("POST", "integrations/teams/test", Value::Null).await.expect(200);
    let first = watched.ask("GET", "alerts/messages?limit=4", Value::Null).await.expect(200);
    let channels =
        json!({"most": 5, "told": ["teams/a", "teams/b", "teams/c", "teams/d", "teams/e"], "leftOut": ["teams/f"]});
    assert_eq!(first["channels"], channels);
    let next = format!("alerts/messages?limit=4&cursor={}", first["cursor"].as_str().unwrap());
    let rest = watched.ask("GET", &next, Value::Null).await.expect(200);
    assert_eq!((rest["messages"].as_array().unwrap().len(), &rest["cursor"]), (2, &Value::Null));
    assert_eq!(rest.get("channels"), None);
    for wrong in ["x", "open-1", "1~"] {
        let refused = watched.ask("GET", &format!("alerts/messages?cursor={wrong}"), Value::Null).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (400, &json!("invalid_request")),
            "{wrong}: {}",
            refused.text
        );
    }
}
