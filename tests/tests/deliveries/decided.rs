//! Two operators who decide on one dead letter at the same time.

use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::queues::Queue;
use signalbox_tests::wire::{Fault, Verdict, Wire, at, every, first};

use super::dead_letters::{LIST, ask, given_up, ids, named};

/// Whoever of two operators is held at any of its calls while the other decides: one wins, and the other is told.
#[tokio::test]
async fn of_a_drop_and_a_requeue_at_once_one_wins_and_the_other_is_told() {
    let hooks = Hooks::start().await;
    let alone = async |tenant: &str| {
        given_up(&hooks, &[named(tenant, "k")]).await;
        let [id] = ids(&ask(&hooks, tenant, "GET", LIST, None).await.expect(200)).try_into().unwrap();
        [("POST", format!("{LIST}/{id}/requeue")), ("DELETE", format!("{LIST}/{id}"))]
    };
    for held in ["requeue", "drop"] {
        let chosen = |[requeue, drop]: [(&'static str, String); 2]| match held {
            "requeue" => [requeue, drop],
            _ => [drop, requeue],
        };
        let undisturbed = hooks.process(Wire::whole()).await;
        let [(method, path), _] = chosen(alone(held).await);
        undisturbed.ask("sync-control", method, &path, &hooks.operator(held), None).await.unwrap().expect(200);
        hooks.work(Queue::Webhooks).await;
        for number in 0..undisturbed.wire().calls().len() {
            let tenant = format!("{held}{number}");
            let [first, second] = chosen(alone(&tenant).await);
            let slow = hooks.process(Wire::when(at(number), Verdict::Hold)).await;
            let quick = hooks.process(Wire::whole()).await;
            let token = hooks.operator(&tenant);
            let (done, other) = tokio::join!(slow.ask("sync-control", first.0, &first.1, &token, None), async {
                slow.wire().held().await;
                let other = quick.ask("sync-control", second.0, &second.1, &token, None).await;
                slow.wire().release();
                other
            });
            let (done, other) = (done.unwrap(), other.unwrap());
            let here = format!("{held} held at call {number}: {}, the other {}", done.text, other.text);
            let (requeued, dropped) = if held == "requeue" { (&done, &other) } else { (&other, &done) };
            let won = usize::from(requeued.status == 200) + usize::from(dropped.status == 200);
            assert_eq!(won, 1, "{here}");
            let lost = if requeued.status == 200 { dropped } else { requeued };
            assert!(lost.status == 404 || (lost.status == 409 && lost.body["error"] == "already_decided"), "{here}");
            hooks.work(Queue::Webhooks).await;
            let events = hooks.events(&format!("{tenant}/pos/demo")).await.len();
            assert_eq!(events, usize::from(requeued.status == 200), "{here}");
            assert!(ids(&ask(&hooks, &tenant, "GET", LIST, None).await.expect(200)).is_empty(), "{here}");
        }
    }
}

/// The SDK repeats a call whose reply was lost, and finds that its first attempt was heard.
#[tokio::test]
async fn a_drop_whose_reply_was_lost_is_not_told_of_somebody_else() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    let [id] = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).try_into().unwrap();
    let process = hooks.process(Wire::when(first("DynamoDB.DeleteItem"), Verdict::Fail(Fault::LostReply))).await;
    let dropped = process.ask("sync-control", "DELETE", &format!("{LIST}/{id}"), &hooks.operator("t1"), None).await;
    let dropped = dropped.unwrap();
    // On a machine under load the call may run out of its time: then nobody is told of a decision either.
    if dropped.status != 500 {
        assert_eq!(dropped.status, 404, "it is gone: {}", dropped.text);
        assert!(hooks.items("JOURNAL_TABLE", "t1#dead-letters").await.is_empty(), "and so is its body");
    }
    assert_eq!(ask(&hooks, "t1", "DELETE", &format!("{LIST}/{id}"), None).await.status, 404);
}

/// What it takes is in the path; what somebody wrote beside it may have been meant otherwise.
#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_beside_the_id_too() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    let [id] = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).try_into().unwrap();
    for (method, path) in [("POST", format!("{LIST}/{id}/requeue")), ("DELETE", format!("{LIST}/{id}"))] {
        let body = Some(serde_json::json!([1]));
        assert_eq!(ask(&hooks, "t1", method, &path, body).await.expect(400)["error"], "invalid_request", "{path}");
    }
    assert_eq!(ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).len(), 1);
}

/// What a crash left begun is not dropped by mistake, and is finished by requeuing it again.
#[tokio::test]
async fn one_whose_requeuing_died_is_finished_and_not_dropped() {
    let hooks = Hooks::start().await;
    given_up(&hooks, &[named("t1", "k")]).await;
    let [id] = ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)).try_into().unwrap();
    let dying = hooks.process(Wire::when(every("SQS.SendMessage"), Verdict::KillAfter)).await;
    let (path, token) = (format!("{LIST}/{id}"), hooks.operator("t1"));
    assert!(dying.ask("sync-control", "POST", &format!("{path}/requeue"), &token, None).await.is_err());
    assert_eq!(ask(&hooks, "t1", "DELETE", &path, None).await.expect(409)["error"], "already_decided");
    assert_eq!(ask(&hooks, "t1", "POST", &format!("{path}/requeue"), None).await.status, 200);
    hooks.work(Queue::Webhooks).await;
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
}

/// Its message is a duplicate's, which was to complete the claim and could not look whether the effect has happened.
#[tokio::test]
async fn what_is_given_up_though_its_effect_has_happened_is_no_dead_letter() {
    let hooks = Hooks::start().await;
    assert_eq!(hooks.send(&named("t1", "k")).await.status, 201);
    assert_eq!(hooks.work(Queue::Webhooks).await, 1);
    assert_eq!(hooks.send(&named("t1", "k")).await.status, 204);
    let blind = hooks.process(Wire::when(every("DynamoDB.GetItem"), Verdict::Fail(Fault::ServerError))).await;
    assert_eq!(hooks.exhaust(Queue::Webhooks, &blind).await, 16);
    assert_eq!(hooks.work(Queue::DeadLetters).await, 1);
    assert_eq!(ids(&ask(&hooks, "t1", "GET", LIST, None).await.expect(200)), [""; 0]);
    assert_eq!(hooks.send(&named("t1", "k")).await.status, 204);
    assert_eq!(hooks.work(Queue::Webhooks).await, 0, "its claim is completed");
    assert_eq!(hooks.events("t1/pos/demo").await.len(), 1);
}
