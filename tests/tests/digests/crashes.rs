//! Every write crashed before and after: nobody is told twice, and what nobody knows of is shown and sent by hand.

use serde_json::{Value, json};
use signalbox_tests::system::System;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every};

use super::kit::{Weekly, tick, until_monday};

#[tokio::test]
async fn whatever_crashes_nobody_is_told_twice_and_what_nobody_knows_of_is_sent_by_hand() {
    let system = System::start().await;
    let whole = system.process(Wire::whole()).await;
    let first = Weekly::of(&system);
    first.mails(&["ada@shop.example"]).await;
    until_monday(&system, 6);
    tick(&whole).await.unwrap();
    let calls = whole.wire().calls();
    first.ask("DELETE", &format!("connections/{}/weekly-digest/main", first.tenant), Value::Null).await.expect(200);
    let is_write = |call: &str| call.contains("Put") || call.contains("Transact") || call.contains("SendEmail");
    assert!(calls.iter().any(|call| call.contains("SendEmail")), "{calls:?}");
    for (number, call) in calls.iter().enumerate().filter(|(_, call)| is_write(call)) {
        for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
            let (weekly, before) = (Weekly::of(&system), system.host.outbox().sent().len());
            weekly.mails(&["ada@shop.example"]).await;
            until_monday(&system, 6);
            let dying = system.process(Wire::when(at(number), verdict)).await;
            assert!(tick(&dying).await.is_err(), "{verdict:?} of {call}");
            for _ in 0..3 {
                tick(&whole).await.unwrap();
            }
            let sent = system.host.outbox().sent().len() - before;
            let shown = weekly.digests().await.remove(0);
            let what = format!("{verdict:?} of call {number} ({call}): {shown}");
            match shown["state"].as_str().unwrap() {
                "sent" => assert_eq!(sent, 1, "{what}"),
                // Between the claim and what came of it nobody knows.
                "claimed" => {
                    assert!(sent <= 1 && shown["mayBeSent"] == true, "{what}");
                    let path = format!("digests/{}/send", shown["id"].as_str().unwrap());
                    weekly.ask("POST", &path, Value::Null).await.expect(200);
                    tick(&whole).await.unwrap();
                    assert_eq!(system.host.outbox().sent().len() - before, sent + 1, "{what}");
                    assert_eq!(weekly.digests().await[0]["state"], "sent", "{what}");
                    let audit = system.items("JOURNAL_TABLE", &format!("{}#audit", weekly.tenant)).await;
                    assert!(audit.iter().any(|entry| entry["action"] == "digest.send"), "{what}");
                    let again = weekly.ask("POST", &path, Value::Null).await;
                    assert_eq!((again.status, &again.body["code"]), (409, &json!("already_decided")));
                }
                _ => panic!("{what}"),
            }
            weekly
                .ask("DELETE", &format!("connections/{}/weekly-digest/main", weekly.tenant), Value::Null)
                .await
                .expect(200);
        }
    }
}

#[tokio::test]
async fn what_ses_says_decides_whether_it_is_known_what_became_of_a_mail() {
    let system = System::start().await;
    let whole = system.process(Wire::whole()).await;
    for (fault, state, sent) in
        [(Fault::LostReply, "claimed", 1), (Fault::ServerError, "claimed", 0), (Fault::Unreachable, "claimed", 0)]
    {
        let (weekly, before) = (Weekly::of(&system), system.host.outbox().sent().len());
        weekly.mails(&["ada@shop.example"]).await;
        until_monday(&system, 6);
        let failing = system.process(Wire::when(every("SES.SendEmail"), Verdict::Fail(fault))).await;
        tick(&failing).await.unwrap();
        for _ in 0..2 {
            tick(&whole).await.unwrap();
        }
        let shown = weekly.digests().await.remove(0);
        assert_eq!((&shown["state"], &shown["mayBeSent"]), (&json!(state), &json!(true)), "{fault:?}: {shown}");
        assert_eq!(system.host.outbox().sent().len() - before, sent, "{fault:?}: nothing is sent again by itself");
        weekly
            .ask("DELETE", &format!("connections/{}/weekly-digest/main", weekly.tenant), Value::Null)
            .await
            .expect(200);
    }
    let other = Weekly::of(&system);
    for id in ["no-id", "018bcfe5-6800-7000-8000-000000000000"] {
        assert_eq!(other.ask("POST", &format!("digests/{id}/send"), Value::Null).await.status, 404, "{id}");
    }
}
