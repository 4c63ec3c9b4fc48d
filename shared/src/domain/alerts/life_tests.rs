use jiff::Timestamp;
use proptest::prelude::*;

use super::life::*;
use super::rules::{Finding, Rule, Seen};
use crate::domain::ids::Connection;

/// A time, in minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn holds(mark: u32, code: &str) -> Seen {
    Seen::Holds(Finding { code: code.into(), detail: "why".into(), mark: mark.to_string() })
}

/// An alert that looks see something of, each at its minute: what became of it each time, with a star where somebody is told.
fn lived(rule: Rule, looks: &[(i64, Seen)]) -> Vec<String> {
    let connection: Connection = "acme/doorloop/main".parse().unwrap();
    let mut alert: Option<Alert> = None;
    let mut said = Vec::new();
    for (minutes, seen) in looks {
        let id = minutes.to_string();
        let subject = Subject { connection: &connection, display_name: "DoorLoop", rule, id: &id };
        let step = next(alert.as_ref(), subject, seen, at(*minutes));
        said.push(step.as_ref().map_or_else(String::new, |step| {
            let word = step.transition.map_or("counted", Transition::as_str);
            format!("{word}{}", if step.is_told { "*" } else { "" })
        }));
        alert = step.map(|step| step.alert).or(alert);
    }
    said
}

#[test]
fn every_rule_is_opened_updated_resolved_and_silent() {
    let look = |minutes, seen| (minutes, seen);
    for (looks, expected) in [
        (vec![look(0, Seen::Clear), look(1, Seen::Unknown)], vec!["", ""]),
        (
            vec![look(0, holds(1, "a")), look(1, holds(1, "a")), look(2, Seen::Unknown), look(3, Seen::Clear)],
            vec!["opened*", "", "", "resolved*"],
        ),
        // It occurs again for the same reason, and for another.
        (
            vec![look(0, holds(1, "a")), look(1, holds(2, "a")), look(2, holds(2, "b")), look(3, holds(3, "c"))],
            vec!["opened*", "counted", "updated*", "updated*"],
        ),
        // Reasons that take turns are told once each, and then which it is after half an hour.
        (
            vec![
                look(0, holds(1, "a")),
                look(2, holds(2, "b")),
                look(4, holds(3, "a")),
                look(6, holds(4, "b")),
                look(8, holds(5, "a")),
                look(31, holds(5, "a")),
                look(32, holds(5, "a")),
                look(34, holds(6, "b")),
                look(36, holds(7, "b")),
                look(62, holds(7, "b")),
                look(63, holds(7, "b")),
            ],
            vec![
                "opened*", "updated*", "counted", "counted", "counted", "", "updated*", "counted", "counted",
                "updated*", "",
            ],
        ),
        // The tenth time is told.
        ((1..=11).map(|number| look(number.into(), holds(number, "a"))).collect(), {
            let counted = ["counted"; 8];
            ["opened*"].into_iter().chain(counted).chain(["updated*", "counted"]).collect()
        }),
        // What opens again after long is another.
        (
            vec![look(0, holds(1, "a")), look(1, Seen::Clear), look(31, holds(2, "a"))],
            vec!["opened*", "resolved*", "opened*"],
        ),
        // What opens again soon flaps: said once, until it stays resolved.
        (
            vec![
                look(0, holds(1, "a")),
                look(1, Seen::Clear),
                look(2, holds(2, "a")),
                look(3, Seen::Clear),
                look(4, holds(3, "b")),
                look(5, Seen::Clear),
                look(34, Seen::Clear),
                look(35, Seen::Clear),
                look(36, Seen::Clear),
            ],
            vec!["opened*", "resolved*", "reopened*", "resolved", "reopened", "resolved", "", "released*", ""],
        ),
        // Or stays open.
        (
            vec![
                look(0, holds(1, "a")),
                look(1, Seen::Clear),
                look(2, holds(2, "a")),
                look(31, Seen::Unknown),
                look(32, holds(2, "a")),
                look(33, Seen::Clear),
            ],
            vec!["opened*", "resolved*", "reopened*", "", "released*", "resolved*"],
        ),
    ] {
        for rule in Rule::OF_CONNECTIONS.into_iter().chain(Rule::OF_MIRRORS) {
            assert_eq!(lived(rule, &looks), expected, "{rule:?}: {looks:?}");
        }
    }
}

#[test]
fn what_somebody_has_seen_is_not_updated_and_is_told_once_it_is_over() {
    let connection: Connection = "acme/doorloop/main".parse().unwrap();
    let subject = Subject { connection: &connection, display_name: "DoorLoop", rule: Rule::NoSuccess, id: "1" };
    let opened = next(None, subject, &holds(1, "a"), at(0)).unwrap().alert;
    let seen = opened.acknowledged("ann", at(1)).unwrap();
    assert!(!seen.is_told && seen.alert.acknowledged("bob", at(2)).is_none(), "who comes second changes nothing");
    let updated = next(Some(&seen.alert), subject, &holds(2, "b"), at(3)).unwrap();
    assert_eq!((updated.transition, updated.is_told), (Some(Transition::Updated), false));
    let resolved = next(Some(&updated.alert), subject, &Seen::Clear, at(4)).unwrap();
    assert!(resolved.is_told && resolved.alert.acknowledged("bob", at(5)).is_none());
}

proptest! {
    /// Whatever is seen: nothing is told twice in a row, what is told last is how it is once it stands still, and a version is never
    /// written twice.
    #[test]
    fn whoever_reads_the_messages_knows_how_it_is(looks in prop::collection::vec((0..40_i64, 0..4_u32, 0..3_u8), 1..40)) {
        let connection: Connection = "acme/doorloop/main".parse().unwrap();
        let (mut alert, mut told, mut now) = (None::<Alert>, None::<(AlertState, bool)>, 0);
        let steady = [(0, 0, 3), (31, 0, 3)];
        for (index, (minutes, mark, seen)) in looks.into_iter().chain(steady).enumerate() {
            now += minutes;
            let seen = match seen {
                0 => Seen::Clear,
                1 => holds(mark, "a"),
                _ => Seen::Unknown,
            };
            let id = index.to_string();
            let subject = Subject { connection: &connection, display_name: "D", rule: Rule::RunFailed, id: &id };
            let Some(step) = next(alert.as_ref(), subject, &seen, at(now)) else { continue };
            if step.is_told {
                let is = (step.alert.state, step.alert.flapping);
                prop_assert!(told != Some(is) || step.transition == Some(Transition::Updated) || step.alert.flaps == 0);
                told = Some(is);
            }
            if let Some(before) = &alert {
                prop_assert!(step.alert.version == before.version + 1 || step.alert.id != before.id);
                prop_assert!(step.alert.transitions - u64::from(step.transition.is_some()) == before.transitions || step.alert.id != before.id);
            }
            alert = Some(step.alert);
        }
        if let Some(alert) = alert {
            prop_assert!(!alert.flapping);
            prop_assert_eq!(told, Some((alert.state, false)));
        }
    }
}
