use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::notice::*;
use super::payload::payload;
use super::receiver::*;
use crate::domain::connections::stored::REASON_CHARACTERS_MAX;
use crate::domain::ids::RunId;
use crate::domain::runs::run::Run;

/// A time, in minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn notice() -> Notice {
    let (connection, run) = ("acme/gbp/main".parse().unwrap(), RunId::new(at(0), [7; 16]));
    let receiver = "acme/completion-webhook/main".parse().unwrap();
    Notice {
        id: notice_id(at(0), &connection, &run, &receiver),
        receiver,
        run,
        connection,
        run_kind: "mirror".into(),
        event: "run.completed".into(),
        body: "{}".into(),
        at: at(0),
        state: NoticeState::Pending,
        attempts: Vec::new(),
        error: None,
        due_at: at(0),
    }
}

#[test]
fn a_receiver_that_fails_is_tried_nine_times_within_a_day() {
    let (mut notice, mut tried) = (notice(), Vec::new());
    while notice.state == NoticeState::Pending {
        let now = notice.due_at;
        assert!(notice.is_due(now) && !notice.is_given_up(now));
        tried.push(now.duration_since(at(0)).as_mins());
        let claimed = notice.claimed(now);
        assert!(!claimed.is_due(now), "who sends it has it for two minutes");
        notice = claimed.answered(&Answered::Status(500, None), false, now);
        let next = (notice.state == NoticeState::Pending).then_some(notice.due_at);
        assert_eq!(notice.attempts.last().map(|attempt| (attempt.status, attempt.next_at)), Some((Some(500), next)));
    }
    assert_eq!(tried, [0, 1, 6, 26, 86, 206, 446, 926, 1406]);
    assert_eq!(notice.state, NoticeState::Failed);
    assert_eq!(notice.error.as_deref(), Some("given up after 9 attempts: it answered 500"));
}

#[test]
fn an_answer_decides_what_becomes_of_a_notice() {
    let nothing = || Answered::Nothing(NoAnswer::Timeout, "no answer".into());
    let status = |status: u16, asked: Option<i64>| Answered::Status(status, asked.map(at));
    // The number of the attempt, when it is made, what is answered, and when the next one is due.
    for (number, now, answered, state, due) in [
        (1, 0, status(200, None), NoticeState::Delivered, None),
        (1, 0, status(204, None), NoticeState::Delivered, None),
        (1, 0, status(302, None), NoticeState::Pending, Some(1)),
        (1, 0, status(400, None), NoticeState::Pending, Some(1)),
        (1, 0, status(410, None), NoticeState::Failed, None),
        (3, 6, status(503, None), NoticeState::Pending, Some(26)),
        (2, 1, nothing(), NoticeState::Pending, Some(6)),
        // What the receiver asks for is heeded, within bounds.
        (1, 0, status(429, Some(30)), NoticeState::Pending, Some(30)),
        (1, 0, status(429, Some(0)), NoticeState::Pending, Some(1)),
        (1, 0, status(429, Some(100_000)), NoticeState::Pending, Some(360)),
        // A day is over before the next one.
        (8, 1_000, status(500, None), NoticeState::Failed, None),
        (9, 1_406, nothing(), NoticeState::Failed, None),
    ] {
        let mut before = notice();
        for _ in 1..number {
            before = before.claimed(at(0));
        }
        let after = before.claimed(at(now)).answered(&answered, false, at(now));
        assert_eq!((after.state, after.attempts.len()), (state, number), "{answered:?}");
        assert_eq!(after.error.is_some(), state == NoticeState::Failed, "{answered:?}");
        if let Some(due) = due {
            assert_eq!(after.due_at, at(due), "{answered:?}");
        }
        let last = before.claimed(at(now)).answered(&answered, true, at(now));
        assert_ne!(last.state, NoticeState::Pending, "one whose receiver is disabled is not tried again");
    }
}

#[test]
fn an_attempt_whose_end_nobody_knows_counts() {
    let mut dying = notice();
    for _ in 0..ATTEMPTS_MAX {
        assert!(!dying.is_given_up(at(0)));
        dying = dying.claimed(at(0));
    }
    assert!(dying.is_given_up(at(0)));
    assert!(notice().is_given_up(at(24 * 60)) && !notice().is_given_up(at(24 * 60 - 1)));
}

#[test]
fn a_notice_has_one_id_for_a_run_and_a_receiver() {
    let id = |run: u8, receiver: &str, minutes: i64| {
        let run = RunId::new(at(0), [run; 16]);
        notice_id(at(minutes), &"acme/gbp/main".parse().unwrap(), &run, &receiver.parse().unwrap())
    };
    let first = id(1, "acme/completion-webhook/a", 5);
    assert_eq!(first, id(1, "acme/completion-webhook/a", 5));
    for other in [id(2, "acme/completion-webhook/a", 5), id(1, "acme/completion-webhook/b", 5)] {
        assert_ne!(first, other);
    }
    assert!(RunId::parse(&first).is_some() && first < id(9, "acme/completion-webhook/a", 6));
}

#[test]
fn a_receiver_is_disabled_after_five_days_in_a_row_without_one_success() {
    let hours = |hours: i64| at(hours * 60);
    // The hours at which it failed; none of them is before it was changed last.
    for (failed, changed, disabled) in [
        (&[0][..], 0, false),
        (&[0, 23, 46, 69, 92, 115], 0, false),
        (&[0, 24, 48, 72, 96, 120], 0, true),
        // A day without an attempt begins anew.
        (&[0, 120], 0, false),
        (&[0, 24, 49, 72, 96, 120], 0, false),
        // So does whoever changes it.
        (&[0, 24, 48, 72, 96, 120], 1, false),
    ] {
        let mut failing = None;
        for hour in failed {
            failing = Some(Failing::after(failing.as_ref(), hours(changed), "it answered 500".into(), hours(*hour)));
        }
        let failing = failing.unwrap();
        assert_eq!(failing.is_for_days(), disabled, "{failed:?}");
    }
    let week = Failing { since: hours(0), at: hours(121), attempts: 40, why: "y\n".repeat(1_000) };
    let reason = week.reason(false);
    assert!(
        reason.starts_with("disabled: 40 attempts within 5 days failed, and none went well, the last one: y"),
        "{reason}"
    );
    assert!(reason.chars().count() <= REASON_CHARACTERS_MAX && !reason.contains('\n'));
    assert!(SignedDuration::from_hours(120) == DISABLED_AFTER && week.reason(true).contains("410"));
}

fn run(status: &str, work: Value) -> Run {
    let (begun, error) = ("2026-01-15T12:00:00.000Z", json!({"code": "source_invalid", "detail": "why"}));
    serde_json::from_value(json!({
        "id": "018bcfe5-6800-7000-8000-000000000000", "connection": "acme/gbp/main", "status": status, "mode": "dryRun",
        "actor": "ann", "trigger": "manual", "startedAt": begun, "updatedAt": begun, "deadlineFrom": begun,
        "completedAt": if status == "Pending" { Value::Null } else { "2026-01-15T12:00:02.000Z".into() },
        "durationMs": 2_000, "error": if status == "Failed" { error } else { Value::Null }, "attempts": 0,
        "correlationId": "trace", "work": work,
    }))
    .unwrap()
}

#[test]
fn a_payload_says_which_run_is_over_and_how() {
    let counts = json!({"total": 3, "created": 1, "updated": 1, "removed": 0, "unchanged": 1});
    let catalogue = json!({"kind": "catalogue", "counts": counts});
    let mirror = json!({"kind": "mirror", "strategy": "platform_to_gbp"});
    for (status, outcome) in
        [("Success", "completed"), ("Failed", "failed"), ("Skipped", "skipped"), ("Cancelled", "cancelled")]
    {
        let said = payload(&run(status, catalogue.clone()), Some("https://s.example")).unwrap();
        assert_eq!((&said["type"], &said["data"]["outcome"]), (&json!(format!("run.{outcome}")), &json!(outcome)));
        assert_eq!((&said["data"]["counts"], &said["data"]["error"].is_null()), (&counts, &(status != "Failed")));
        assert_eq!((&said["timestamp"], &said["data"]["jobId"]), (&json!("2026-01-15T12:00:02.000Z"), &Value::Null));
        let link = "https://s.example/vendor-sync?for=acme&vendor=main&run=018bcfe5-6800-7000-8000-000000000000";
        assert_eq!((&said["data"]["links"]["console"], &said["data"]["dryRun"]), (&json!(link), &json!(true)));
    }
    let said = payload(&run("Success", mirror), None).unwrap();
    assert_eq!((&said["data"]["kind"], &said["data"]["strategy"]), (&json!("mirror"), &json!("platform_to_gbp")));
    assert!(said["data"]["jobId"].as_str().unwrap().starts_with("gbp-mirror-"));
    assert_eq!((&said["data"]["links"]["console"], &said["data"]["counts"]), (&Value::Null, &Value::Null));
    assert!(payload(&run("Pending", catalogue), None).is_none());
}

#[test]
fn a_receiver_is_told_of_what_it_names_or_of_all() {
    let run = run("Failed", json!({"kind": "catalogue"}));
    for (settings, told) in [
        (json!({}), true),
        (json!({"kinds": []}), true),
        (json!({"kinds": ["mirror"]}), false),
        (json!({"kinds": ["mirror", "catalogue"], "outcomes": ["failed"]}), true),
        (json!({"outcomes": ["completed"]}), false),
    ] {
        assert!(check(settings.as_object().unwrap()).is_ok());
        assert_eq!(is_told(settings.as_object().unwrap(), &run), told, "{settings}");
    }
    for (wrong, name) in [(json!({"kinds": ["mirrors"]}), "kinds"), (json!({"outcomes": ["success"]}), "outcomes")] {
        assert_eq!(check(wrong.as_object().unwrap()).unwrap_err().name, name);
    }
}
