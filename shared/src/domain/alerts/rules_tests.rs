use serde_json::json;

use super::channel::Refusal;
use super::delivery::Answered;
use super::rules::*;
use crate::domain::connections::stored::{ConnectionState, StoredConnection};
use crate::domain::pull::breaker::{Breaker, Force};
use crate::domain::runs::run::Run;

use jiff::{SignedDuration, Timestamp};

/// A time, in minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn stored(schedule: serde_json::Value, state: &str) -> StoredConnection {
    let change = json!({"at": "2026-01-15T12:00:00.000Z", "by": "ann"});
    let mut state = json!({"is": state});
    if state["is"] == "paused" {
        state = json!({"is": "paused", "by": "ann", "why": "", "since": "2026-01-15T12:00:00.000Z"});
    }
    let mut stored: StoredConnection = serde_json::from_value(json!({
        "connection": "acme/doorloop/main", "displayName": "DoorLoop", "settings": "{}", "schedule": schedule,
        "state": state, "keptBy": {"is": "operators"}, "created": change, "changed": change, "version": 1,
    }))
    .unwrap();
    stored.changed.at = at(0);
    stored
}

fn ended(id: u32, minutes: i64, code: Option<&str>) -> RunSeen {
    let end = match code {
        None => End::Well(at(minutes)),
        Some(code) => End::Badly {
            code: code.into(),
            detail: "why".into(),
            connect: match code {
                "source_unreadable" => Connect::Failed,
                "page_invalid" => Connect::Answered,
                _ => Connect::Unknown,
            },
            at: at(minutes),
        },
    };
    RunSeen { id: id.to_string(), is_scheduled: true, is_nightly_full: false, is_full: false, end, held: None }
}

fn manual(run: RunSeen) -> RunSeen {
    RunSeen { is_scheduled: false, ..run }
}

fn nightly(run: RunSeen) -> RunSeen {
    RunSeen { is_nightly_full: true, is_full: true, ..run }
}

fn tries(times: u32) -> RunSeen {
    RunSeen { end: End::Tries(times), ..ended(9, 0, None) }
}

fn facts(stored: &StoredConnection, runs: Vec<RunSeen>) -> Facts<'_> {
    Facts {
        stored: Some(stored),
        succeeded_at: None,
        runs,
        test: None,
        breaker: Breaker::default(),
        letters: None,
        refusal: None,
    }
}

fn word(seen: &Seen) -> &'static str {
    match seen {
        Seen::Holds(_) => "holds",
        Seen::Clear => "clear",
        Seen::Unknown => "unknown",
    }
}

const BAD: Option<&str> = Some("page_invalid");
const DOWN: Option<&str> = Some("source_unreadable");

#[test]
fn runs_say_whether_one_failed_and_whether_it_was_made_up_for() {
    let stored = stored(json!({"every": 10}), "active");
    let old = || vec![manual(ended(0, 0, BAD)); RUNS_MAX];
    for (what, runs, failed, nightly_failed) in [
        ("no run", vec![], "clear", "clear"),
        ("a scheduled one failed", vec![ended(1, 1, BAD)], "holds", "clear"),
        ("one by hand failed", vec![manual(ended(1, 1, BAD))], "clear", "clear"),
        ("one by hand made up for it", vec![manual(ended(2, 2, None)), ended(1, 1, BAD)], "clear", "clear"),
        ("one is under way", vec![tries(1), ended(1, 1, BAD)], "holds", "clear"),
        ("the nightly one failed", vec![nightly(ended(1, 1, BAD))], "clear", "holds"),
        ("a delta does not make up for it", vec![ended(2, 2, None), nightly(ended(1, 1, BAD))], "clear", "holds"),
        ("another of everything does", vec![nightly(ended(2, 2, None)), nightly(ended(1, 1, BAD))], "clear", "clear"),
        ("what is too long ago says nothing", old(), "unknown", "unknown"),
    ] {
        let facts = facts(&stored, runs);
        let found = [Rule::RunFailed, Rule::NightlyFullFailed].map(|rule| word(&facts.seen(rule, at(60))));
        assert_eq!(found, [failed, nightly_failed], "{what}");
    }
}

#[test]
fn two_connects_in_a_row_that_fail_are_no_accident() {
    let stored = stored(json!({"every": 10}), "active");
    for (what, runs, test, expected) in [
        ("none", vec![], None, "clear"),
        ("one failed", vec![ended(1, 1, DOWN)], None, "unknown"),
        ("two failed", vec![ended(2, 2, DOWN), manual(ended(1, 1, DOWN))], None, "holds"),
        ("one was well between", vec![ended(3, 3, DOWN), ended(2, 2, None), ended(1, 1, DOWN)], None, "clear"),
        ("one was answered between", vec![ended(3, 3, DOWN), ended(2, 2, BAD), ended(1, 1, DOWN)], None, "clear"),
        ("a run and a test failed", vec![ended(1, 1, DOWN)], Some((2, Some("refused"))), "holds"),
        ("a test went well since", vec![ended(2, 2, DOWN), ended(1, 1, DOWN)], Some((3, None)), "clear"),
        ("a test went well before", vec![ended(2, 2, DOWN), ended(1, 1, DOWN)], Some((0, None)), "holds"),
        ("a run tries for the second time", vec![tries(2)], None, "holds"),
        ("a run failed, the next one tries", vec![tries(1), ended(1, 1, DOWN)], None, "holds"),
        ("a run tries for the first time", vec![tries(1)], None, "unknown"),
        ("it has no key, which is no connect", vec![ended(1, 1, Some("missing_api_key")); 3], None, "unknown"),
        ("the run that tried was late in the end", vec![ended(1, 1, Some("run_too_slow"))], None, "unknown"),
        (
            "one was late between",
            vec![ended(3, 3, DOWN), ended(2, 2, Some("run_too_slow")), ended(1, 1, DOWN)],
            None,
            "holds",
        ),
    ] {
        let mut facts = facts(&stored, runs);
        facts.test = test.map(|(minutes, error)| (at(minutes), error.map(str::to_owned)));
        assert_eq!(word(&facts.seen(Rule::ConnectivityFailing, at(60))), expected, "{what}");
    }
}

#[test]
fn only_a_reason_that_proves_an_answer_counts_as_one() {
    let run = |code: &str, entities: &[&str]| -> Run {
        let work = match entities {
            [] => json!({"kind": "catalogue"}),
            _ => {
                let entities: Vec<_> = entities
                    .iter()
                    .map(|code| json!({"entity": "owners", "state": "failed", "error": {"code": code, "detail": ""}}))
                    .collect();
                json!({"kind": "pull", "mode": "delta", "entities": entities})
            }
        };
        serde_json::from_value(json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "connection": "acme/doorloop/main", "status": "Failed",
            "mode": "apply", "actor": "scheduler", "trigger": "schedule", "startedAt": "2026-01-15T12:00:00Z",
            "updatedAt": "2026-01-15T12:00:00Z", "deadlineFrom": "2026-01-15T12:00:00Z", "durationMs": 0,
            "correlationId": "due/1", "error": {"code": code, "detail": ""}, "work": work,
        }))
        .unwrap()
    };
    for (code, entities, expected) in [
        ("source_unreadable", &[][..], Connect::Failed),
        ("vendor_refused_credentials", &[], Connect::Failed),
        ("page_invalid", &[], Connect::Answered),
        ("schema_changed", &[], Connect::Answered),
        ("run_too_slow", &[], Connect::Unknown),
        ("storage_failed", &[], Connect::Unknown),
        ("vendor_not_configured", &[], Connect::Unknown),
        ("source_not_allowed", &[], Connect::Unknown),
        ("source_busy", &[], Connect::Unknown),
        ("missing_api_key", &[], Connect::Unknown),
        ("of_another_version", &[], Connect::Unknown),
        ("entities_failed", &["source_unreadable", "source_unreadable"], Connect::Failed),
        ("entities_failed", &["source_unreadable", "storage_failed"], Connect::Failed),
        ("entities_failed", &["source_unreadable", "page_invalid"], Connect::Answered),
        ("entities_failed", &["storage_failed"], Connect::Unknown),
    ] {
        let seen = RunSeen::of(&run(code, entities), "nightly/");
        let End::Badly { connect, .. } = seen.end else { panic!("it failed") };
        assert_eq!(connect, expected, "{code} {entities:?}");
    }
}

#[test]
fn the_dead_mans_switch_waits_for_twelve_hours_or_two_syncs_that_were_due() {
    let hours = |hours: i64| hours * 60;
    for (what, schedule, succeeded, runs, now, expected) in [
        ("not synced by itself", json!("off"), None, vec![], hours(999), "clear"),
        ("new", json!({"every": 10}), None, vec![], hours(12), "clear"),
        ("never went well", json!({"every": 10}), None, vec![], hours(12) + 1, "holds"),
        ("went well", json!({"every": 10}), Some(hours(10)), vec![], hours(22), "clear"),
        ("went well too long ago", json!({"every": 10}), Some(hours(10)), vec![], hours(22) + 1, "holds"),
        ("its runs know more", json!({"every": 10}), Some(0), vec![ended(1, hours(10), None)], hours(22), "clear"),
        ("failed", json!({"every": 10}), Some(0), vec![ended(1, hours(10), BAD)], hours(22), "holds"),
        ("each day, and one was left out", json!({"every": 1440}), Some(hours(1)), vec![], hours(30), "clear"),
        ("each day, and two were left out", json!({"every": 1440}), Some(hours(1)), vec![], hours(51), "holds"),
    ] {
        let stored = stored(schedule, "active");
        let mut facts = facts(&stored, runs);
        facts.succeeded_at = succeeded.map(at);
        assert_eq!(word(&facts.seen(Rule::NoSuccess, at(now))), expected, "{what}");
    }
}

#[test]
fn a_breaker_that_is_open_by_itself_and_letters_that_come_one_after_another_hold() {
    let stored = stored(json!("off"), "active");
    let open: Breaker = serde_json::from_value(json!({
        "failures": [at(0).as_millisecond()], "lastFailureMs": at(0).as_millisecond(),
        "openUntilMs": at(1).as_millisecond(),
    }))
    .unwrap();
    let forced = Breaker::default().forced_by(Force::Open, "ann", at(0)).unwrap();
    for (breaker, now, expected) in
        [(Breaker::default(), 0, "clear"), (open.clone(), 0, "holds"), (open, 600, "holds"), (forced, 0, "clear")]
    {
        let facts = Facts { breaker, ..facts(&stored, vec![]) };
        assert_eq!(word(&facts.seen(Rule::BreakerOpen, at(now))), expected);
    }
    for (letters, expected) in
        [(None, "unknown"), (Some(0), "clear"), (Some(4), "unknown"), (Some(5), "holds"), (Some(200), "holds")]
    {
        let letters = letters.map(|count| (count, "newest".to_owned()));
        let facts = Facts { letters, ..facts(&stored, vec![]) };
        assert_eq!(word(&facts.seen(Rule::DeadLettersGrowing, at(0))), expected);
    }
}

#[test]
fn a_channel_is_trouble_once_it_refuses_or_is_silent_for_long_and_until_it_is_changed_or_takes_one() {
    let stored = stored(json!("off"), "active");
    let (taken, later) = (Answered::Taken, Answered::Later("busy".into(), None));
    let (refused, never) = (Answered::Refused("404".into()), Answered::Never("400".into()));
    for (answers, expected) in [
        (vec![], "clear"),
        (vec![(1, &taken)], "clear"),
        (vec![(1, &later)], "clear"),
        (vec![(1, &later), (30, &later)], "clear"),
        (vec![(1, &later), (31, &later)], "holds"),
        (vec![(1, &refused)], "holds"),
        (vec![(1, &never)], "holds"),
        (vec![(1, &refused), (2, &later)], "holds"),
        (vec![(1, &refused), (2, &taken)], "clear"),
        (vec![(1, &later), (2, &taken), (31, &later)], "clear"),
        // The connection was changed at 0.
        (vec![(-1, &refused)], "clear"),
    ] {
        let after = |before: Option<Refusal>, (minutes, answered): &(i64, &Answered)| {
            Refusal::after(before.as_ref(), answered, at(*minutes))
        };
        let refusal = answers.iter().fold(None, after);
        let facts = Facts { refusal, ..facts(&stored, vec![]) };
        assert_eq!(word(&facts.seen(Rule::ChannelRefusing, at(60))), expected, "{answers:?}");
    }
}

#[test]
fn a_receiver_that_nobody_paused_is_wrong_until_somebody_resumes_it() {
    for (connection, by, expected) in [
        ("acme/completion-webhook/main", "completions", "holds"),
        ("acme/completion-webhook/main", "ann", "clear"),
        ("acme/doorloop/main", "completions", "clear"),
    ] {
        let mut stored = stored(json!("off"), "paused");
        stored.connection = connection.parse().unwrap();
        stored.state = ConnectionState::Paused { by: by.into(), why: "why".into(), since: at(0) };
        assert_eq!(word(&facts(&stored, vec![]).seen(Rule::ReceiverDisabled, at(1))), expected, "{connection} {by}");
        stored.state = ConnectionState::Active;
        assert_eq!(facts(&stored, vec![]).seen(Rule::ReceiverDisabled, at(1)), Seen::Clear);
    }
}

#[test]
fn a_run_that_waits_for_approval_is_told_of_until_it_is_over() {
    let stored = stored(json!({"every": 10}), "active");
    let waits = RunSeen { end: End::Nothing, held: Some("7 of 9 would go".into()), ..ended(2, 2, None) };
    let seen = |runs: Vec<RunSeen>| word(&facts(&stored, runs).seen(Rule::RunHeld, at(9)));
    assert_eq!(seen(vec![ended(3, 3, None), waits]), "holds");
    assert_eq!(seen(vec![ended(3, 3, None)]), "clear");
    assert_eq!(seen((0..20).map(|id| ended(id, 3, None)).collect()), "unknown");
}

#[test]
fn of_what_is_paused_or_gone_nothing_is_wrong() {
    let paused = stored(json!({"every": 10}), "paused");
    for rule in Rule::OF_CONNECTIONS {
        let runs = vec![ended(2, 2, DOWN), nightly(ended(1, 1, DOWN))];
        let mut facts = facts(&paused, runs);
        facts.letters = Some((99, "newest".into()));
        facts.refusal = Refusal::after(None, &Answered::Never("400".into()), at(1));
        assert_eq!(facts.seen(rule, at(0).saturating_add(SignedDuration::from_hours(99)).unwrap()), Seen::Clear);
        facts.stored = None;
        assert_eq!(facts.seen(rule, at(0)), Seen::Clear);
    }
}
