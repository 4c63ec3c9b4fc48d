//! Tables of [`super`].

use super::*;
use crate::domain::runs::failure::Failure;

#[test]
fn modes_and_statuses_are_read_as_clients_spell_them() {
    for (text, expected) in [
        ("dry-run", Some(Mode::DryRun)),
        ("DRY_RUN", Some(Mode::DryRun)),
        ("dryRun", Some(Mode::DryRun)),
        ("Apply", Some(Mode::Apply)),
        ("", None),
        ("full", None),
    ] {
        assert_eq!(Mode::parse(text), expected, "{text}");
    }
    for (text, expected) in [
        ("Error", Some(SeenStatus::Error)),
        ("failed", Some(SeenStatus::Error)),
        ("PENDING", Some(SeenStatus::Running)),
        ("success", Some(SeenStatus::Success)),
        ("sleeping", None),
    ] {
        assert_eq!(SeenStatus::parse(text), expected, "{text}");
    }
}

/// As an item it has no nulls, and its numbers are texts; the names are these.
#[test]
fn a_run_is_stored_under_these_names() {
    let begun = serde_json::json!({
        "id": "018bcfe5-6800-7000-8000-000000000000", "connection": "acme/catalogue/moscot", "status": "Pending",
        "mode": "apply", "actor": "ann", "trigger": "manual", "startedAt": "2023-11-14T22:13:20.000Z",
        "updatedAt": "2023-11-14T22:13:21.000Z", "deadlineFrom": "2023-11-14T22:13:20.500Z", "completedAt": null,
        "durationMs": null, "error": null, "attempts": 1, "correlationId": "trace",
        "work": {"kind": "catalogue", "sourcePath": "moscot.json", "allowRemovals": true,
            "counts": {"total": 3, "created": 1, "updated": 1, "removed": 1, "unchanged": 1}, "hash": "5f",
            "findings": {"badRows": 1, "badRowsKept": [{"row": 2, "byte": 17, "reason": "is no JSON"}], "itemsKept": 1,
                "repeated": 1, "repeatedIds": ["a"]},
            "checkpoint": {"plan": 1, "rowsWritten": 2, "removalsDone": 3}},
    });
    let run: Run = serde_json::from_value(begun.clone()).unwrap();
    assert_eq!(serde_json::to_value(&run).unwrap(), begun);
    assert_eq!(begun["work"]["kind"], run.work.kind());

    let over = run.ended(RunStatus::Failed, Some(RunError::new(Failure::SourceInvalid, "row 2")), at(5_000));
    let over = serde_json::to_value(&over).unwrap();
    assert_eq!(over["error"], serde_json::json!({"code": "source_invalid", "detail": "row 2"}));
    assert_eq!((&over["status"], &over["durationMs"]), (&"Failed".into(), &5_000.into()));
    assert_eq!((&over["completedAt"], &over["updatedAt"]), (&"2023-11-14T22:13:25.000Z".into(), &over["completedAt"]));
    assert!(over["work"].get("checkpoint").is_none(), "{over}");
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
}

#[test]
fn work_has_moved_when_its_checkpoint_has_and_not_with_another_plan() {
    let work = |at: Option<(u32, u64)>| {
        let checkpoint = at.map(|(plan, rows_written)| Checkpoint { plan, rows_written, ..Checkpoint::default() });
        Work::Catalogue(CatalogueWork { checkpoint, ..CatalogueWork::default() })
    };
    for (before, now, moved) in [
        (None, None, false),
        (None, Some((1, 0)), true),
        (None, Some((2, 7)), false),
        (Some((1, 7)), Some((1, 7)), false),
        (Some((1, 7)), Some((1, 8)), true),
        (Some((2, 7)), Some((2, 8)), true),
        (Some((1, 7)), Some((2, 0)), false),
        (Some((1, 7)), Some((2, 8)), false),
        (Some((1, 7)), None, false),
    ] {
        assert_eq!(work(now).moved_since(&work(before)), moved, "{before:?} to {now:?}");
    }
}

#[test]
fn statuses_are_named_and_seen_as_documented() {
    use RunStatus::{Cancelled, Failed, Pending, Skipped, Success};
    for (status, name, seen) in [
        (Pending, "Pending", "running"),
        (Success, "Success", "success"),
        (Failed, "Failed", "error"),
        (Skipped, "Skipped", "error"),
        (Cancelled, "Cancelled", "error"),
    ] {
        assert_eq!((status.as_str(), status.seen().as_str(), status.is_over()), (name, seen, status != Pending));
    }
    assert!(Mode::DryRun.is_dry() && !Mode::Apply.is_dry());
}
