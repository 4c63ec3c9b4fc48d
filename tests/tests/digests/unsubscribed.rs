//! Who does not want it any more.

use serde_json::json;
use signalbox_tests::system::System;
use signalbox_tests::wire::Wire;

use super::kit::{Weekly, tick, until_monday};

#[tokio::test]
async fn one_click_of_the_mail_s_own_link_unsubscribes_its_recipient_alone() {
    let system = System::start().await;
    let weekly = Weekly::of(&system);
    let process = system.process(Wire::whole()).await;
    weekly.mails(&["ada@shop.example", "ben@shop.example"]).await;
    until_monday(&system, 6);
    tick(&process).await.unwrap();
    let mails = system.host.outbox().sent();
    let mail = mails.iter().find(|mail| mail.to == "ada@shop.example").unwrap();
    let header = mail.headers.iter().find(|(name, _)| name == "List-Unsubscribe").unwrap().1.clone();
    let link = header.trim_matches(['<', '>']);
    let path = &link[link.find("/api/").unwrap()..];
    // As a mail program posts it.
    let clicked = system.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
    let said = clicked.body("List-Unsubscribe=One-Click".to_owned()).answer().await.expect(200);
    assert_eq!((&said["address"], &said["subscribed"]), (&json!("ada@shop.example"), &json!(false)));
    for forged in [format!("{path}x"), path.replace("token=", "token=x"), "/api/digests/unsubscribe".to_owned()] {
        let refused = system.request("POST", &forged).answer().await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("invalid_ticket")), "{forged}");
    }
    until_monday(&system, 6);
    tick(&process).await.unwrap();
    let to: Vec<String> = system.host.outbox().sent()[2..].iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(to, ["ben@shop.example"]);
    system.request("POST", &format!("{path}&again=1")).answer().await.expect(200);
    until_monday(&system, 6);
    tick(&process).await.unwrap();
    assert_eq!(system.host.outbox().sent().len(), 5);
}
