use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn run(ms: i64) -> RunId {
    RunId::new(at(ms), [7; 16])
}

fn line(message: &str) -> Line {
    Line::new(Level::Info, at(0), message)
}

fn texts(log: &RunLog) -> (u64, Vec<&str>) {
    let (number, lines) = log.sealed().unwrap();
    (number, lines.iter().map(|line| line.message.as_str()).collect())
}

#[test]
fn what_was_said_is_of_the_next_commit_and_of_no_other() {
    let mut log = RunLog::default();
    log.seal(at(0));
    assert_eq!((log.sealed(), log.is_silent()), (None, true));
    log.say(line("a"));
    log.say(line("b"));
    log.seal(at(0));
    assert_eq!(texts(&log), (1, vec!["a", "b"]));
    log.seal(at(0));
    assert_eq!(log.sealed(), None);
    log.say(line("c"));
    // Another holder reads how many entries there are, and what was not committed is not there.
    let mut other: RunLog = serde_json::from_value(serde_json::to_value(&log).unwrap()).unwrap();
    other.seal(at(0));
    assert_eq!(other.sealed(), None);
    log.seal(at(0));
    assert_eq!(texts(&log), (2, vec!["c"]));
}

#[test]
fn an_entry_has_its_bound_and_the_rest_is_counted() {
    let mut log = RunLog::default();
    let long = "x".repeat(400);
    (0..1_000).for_each(|_| log.say(line(&long)));
    log.seal(at(5));
    let (_, lines) = log.sealed().unwrap();
    let bytes = serde_json::to_string(lines).unwrap().len();
    assert!(bytes <= ENTRY_BYTES_MAX && bytes > ENTRY_BYTES_MAX - 2 * LAST_LINE_BYTES, "{bytes}");
    let last = lines.last().unwrap();
    assert_eq!(last.message.as_str(), format!("{} more lines are not kept.", 1_001 - lines.len()));
    log.say(line("after"));
    log.seal(at(6));
    assert_eq!(texts(&log), (2, vec!["after"]));
}

#[test]
fn a_sentence_tells_no_credential() {
    let said = line("GET https://user:pw@vendor.example/a?key=abc failed, password: hunter2");
    assert!(!said.message.as_str().contains("pw@") && !said.message.as_str().contains("hunter2"), "{said:?}");
}

#[test]
fn a_place_is_read_as_it_is_written_and_nothing_else_is_one() {
    for place in [LogPlace::Start, LogPlace::Behind { run: run(1), entry: 12, line: 3 }] {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    let id = run(1);
    for wrong in [
        "",
        "1",
        "start.",
        &format!("{id}"),
        &format!("{id}.1"),
        &format!("{id}.1.2.3"),
        &format!("{id}.+1.2"),
        &format!("{id}.1.-2"),
        &format!("{id}.1."),
        &format!("{id}.99999999999999999999.1"),
        "x.1.2",
    ] {
        assert_eq!(wrong.parse::<LogPlace>(), Err(NoPlace), "{wrong}");
    }
}

#[test]
fn a_filter_is_all_that_it_names() {
    let units = Line { entity: Some(Entity::UNITS), ..line("a") };
    let entities = |name: Entity| LogFilter { entities: [name].into(), ..LogFilter::default() };
    let levels = |level: Level| LogFilter { levels: [level].into(), ..LogFilter::default() };
    for (filter, line, wanted) in [
        (LogFilter::default(), &units, true),
        (entities(Entity::UNITS), &units, true),
        (entities(Entity::OWNERS), &units, false),
        (entities(Entity::UNITS), &line("of no entity"), false),
        (levels(Level::Info), &units, true),
        (levels(Level::Error), &units, false),
        (LogFilter { run: Some(run(1)), ..LogFilter::default() }, &units, true),
        (LogFilter { run: Some(run(2)), ..LogFilter::default() }, &units, false),
        (LogFilter { since: Some(run(1)), ..LogFilter::default() }, &units, true),
        (LogFilter { since: Some(run(2)), ..LogFilter::default() }, &units, false),
    ] {
        assert_eq!(filter.wants(&run(1), line), wanted, "{filter:?}");
    }
}

#[test]
fn levels_are_read_as_clients_write_them() {
    for (text, level) in [
        ("info", Some(Level::Info)),
        (" WARN", Some(Level::Warn)),
        ("error", Some(Level::Error)),
        ("progress", Some(Level::Progress)),
        ("debug", None),
        ("", None),
    ] {
        assert_eq!(Level::parse(text), level, "{text}");
    }
}

#[test]
fn what_a_vendor_says_of_its_limits_is_told_where_it_says_anything() {
    let asked = |limit, remaining| Asked { limit, remaining, resets_at: Some(at(9)), ..Asked::default() };
    for (asked, seen) in [
        (asked(None, None), None),
        (asked(Some(50), None), Some(SeenLimit { limit: Some(50), remaining: None, resets_at: Some(at(9)) })),
        (asked(None, Some(3)), Some(SeenLimit { limit: None, remaining: Some(3), resets_at: Some(at(9)) })),
    ] {
        assert_eq!(SeenLimit::of(&asked), seen);
    }
}

#[test]
fn how_fast_rows_come_is_of_the_last_minute() {
    let mut moving = Moving::default();
    assert_eq!(moving.pace(Some(100)), (None, None));
    moving.note(at(0), 0);
    assert_eq!(moving.pace(Some(100)), (None, None));
    moving.note(at(2_000), 100);
    assert_eq!(moving.pace(Some(1_000)), (Some(5_000), Some(18)));
    assert_eq!(moving.pace(None), (Some(5_000), None));
    // After a wait of a minute, which counts for as long as nothing else is known.
    moving.note(at(62_000), 200);
    assert_eq!(moving.pace(Some(200)), (Some(166), Some(0)));
    moving.note(at(64_000), 300);
    assert_eq!(moving.pace(Some(300)).0, Some(322));
    moving.note(at(122_000), 400);
    moving.note(at(124_000), 500);
    assert_eq!(moving.pace(Some(500)).0, Some(333));
    // The list is read a second time.
    moving.note(at(125_000), 100);
    assert_eq!(moving.pace(Some(500)), (None, None));
}

proptest! {
    #[test]
    fn whatever_is_asked_for_a_place_is_read_without_harm(text in "\\PC{0,60}|[0-9a-f-]{36}\\.[0-9]{1,25}\\.[0-9]{1,25}") {
        if let Ok(place) = text.parse::<LogPlace>() {
            prop_assert_eq!(place.to_string().parse::<LogPlace>(), Ok(place));
        }
    }

    #[test]
    fn whatever_is_noted_the_pace_is_a_number(notes in prop::collection::vec((0_i64..1 << 40, 0_u64..u64::MAX), 0..99)) {
        let mut moving = Moving::default();
        for (ms, rows) in notes {
            moving.note(at(ms), rows);
            let _pace = moving.pace(Some(rows));
            prop_assert!(moving.0.len() <= PAGES_MAX + 1);
        }
    }
}
