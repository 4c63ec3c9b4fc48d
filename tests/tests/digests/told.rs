//! Who is told, when, and of what.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_simulators::SimulatedChannel;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Weekly, tick, until_monday};

#[tokio::test]
async fn each_recipient_is_told_once_on_monday_how_the_week_was_and_no_other_tenant_s() {
    let system = System::start().await;
    let (weekly, other) = (Weekly::of(&system), Weekly::of(&system));
    let process = system.process(Wire::whole()).await;
    until_monday(&system, 36);
    weekly.mails(&["ada@shop.example", "ben@shop.example", "ada@shop.example"]).await;
    weekly.mirrored(None).await;
    weekly.mirrored(Some("nothing_mapped")).await;
    other.mirrored(Some("consent_revoked")).await;
    tick(&process).await.unwrap();
    assert!(system.host.outbox().sent().is_empty(), "the week is not over");
    until_monday(&system, 5);
    tick(&process).await.unwrap();
    assert!(system.host.outbox().sent().is_empty(), "nobody is told at night");
    for _ in 0..3 {
        system.pass(Duration::from_secs(3_600));
        tick(&process).await.unwrap();
    }
    let mails = system.host.outbox().sent();
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["ada@shop.example", "ben@shop.example"]);
    let mail = &mails[0];
    for said in ["Runs: 2", "Went well: 50 %", "Failed: 1", "made up", "/settings/admin/gbp-sync?for="] {
        assert!(mail.text.contains(said), "{said}: {}", mail.text);
    }
    assert!(mail.html.contains("made up") && !mail.text.contains("consent_revoked"));
    let header = |name: &str| mail.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert!(header("List-Unsubscribe").unwrap().contains("/api/digests/unsubscribe?token="));
    assert_eq!(header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    let shown = weekly.digests().await;
    assert!(
        shown.len() == 2 && shown.iter().all(|one| one["state"] == "sent" && one["mayBeSent"] == false),
        "{shown:?}"
    );
    assert_eq!(shown[0]["text"].as_str().unwrap().lines().next(), Some(mail.subject.as_str()));
    assert!(other.digests().await.is_empty());
    // On one's own machine it is a file, which its tenant alone is shown.
    let path = format!("digests/{}/mail", shown[0]["id"].as_str().unwrap());
    let file = weekly.ask("GET", &path, Value::Null).await.expect(200);
    let eml = file["eml"].as_str().unwrap();
    assert!(
        eml.starts_with("Message-ID: ") && eml.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        "{eml}"
    );
    assert_eq!(other.ask("GET", &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn the_platform_s_digest_is_of_all_tenants_and_goes_to_teams_as_well() {
    let (system, channel) = (System::start().await, SimulatedChannel::start(0).await.unwrap());
    let (operators, weekly) = (Weekly { system: &system, tenant: "default".into() }, Weekly::of(&system));
    let process = system.process(Wire::whole()).await;
    operators.put("weekly-digest/main", json!({"settings": {"to": ["ops@shop.example"], "of": "platform"}})).await;
    let teams = json!({"settings": {"weeklyDigest": "platform"}, "secrets": {"current": channel.workflow_url()}});
    operators.put("teams/main", teams).await;
    weekly.mirrored(Some("nothing_mapped")).await;
    until_monday(&system, 6);
    for _ in 0..2 {
        tick(&process).await.unwrap();
    }
    let mails = system.host.outbox().sent();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ops@shop.example"));
    assert!(mails[0].subject.contains("all tenants") && mails[0].text.contains(&weekly.tenant), "{}", mails[0].text);
    let cards = channel.messages();
    assert_eq!(cards.len(), 1);
    assert!(cards[0].body.to_string().contains("made up") && cards[0].answered == Some(202), "{}", cards[0].body);
    let shown = operators.digests().await;
    let mut to: Vec<&Value> = shown.iter().map(|one| &one["to"]).collect();
    to.sort_by_key(ToString::to_string);
    assert_eq!(to, [&json!("ops@shop.example"), &json!("teams/main")]);
    let path = format!("connections/{}/weekly-digest/main", weekly.tenant);
    let body = json!({"settings": {"to": ["ada@shop.example"], "of": "platform"}});
    assert_eq!(weekly.ask("PUT", &path, body).await.status, 400);
}

#[tokio::test]
async fn who_has_no_mirrors_is_told_so_and_whoever_was_taken_off_is_told_nothing() {
    let system = System::start().await;
    let (weekly, gone) = (Weekly::of(&system), Weekly::of(&system));
    let process = system.process(Wire::whole()).await;
    weekly.mails(&["ada@shop.example"]).await;
    gone.mails(&["ben@shop.example"]).await;
    gone.ask("POST", &format!("connections/{}/weekly-digest/main/pause", gone.tenant), Value::Null).await.expect(200);
    until_monday(&system, 6);
    tick(&process).await.unwrap();
    let mails = system.host.outbox().sent();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("Runs: 0") && mails[0].text.contains("Went well: –"), "{}", mails[0].text);
    assert!(gone.digests().await.is_empty());
    // A week later there is another one.
    until_monday(&system, 6);
    tick(&process).await.unwrap();
    assert_eq!((system.host.outbox().sent().len(), weekly.digests().await.len()), (2, 2));
    for wrong in ["?limit=0", "?cursor=x", "?state=sent"] {
        assert_eq!(weekly.ask("GET", &format!("digests{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
}
