//! Cards as they are on the wire, kept in `tests/goldens/cards/`: the browser tests put them through the parser of Adaptive Cards.
//! `SIGNALBOX_UPDATE=1` writes them anew.

use std::fs;
use std::path::Path;

use serde_json::Value;
use signalbox::domain::alerts::card::card;
use signalbox::domain::alerts::delivery::{Line, Message};
use signalbox::domain::alerts::life::Transition;
use signalbox::domain::alerts::rules::Severity;

fn line(number: usize, transition: Transition, severity: Severity) -> Line {
    let open = !matches!(transition, Transition::Resolved | Transition::Tested);
    Line {
        alert: format!("alert-{number}"),
        transition,
        severity,
        flapping: transition == Transition::Reopened,
        open,
        title: format!("DoorLoop {number}: [a link](https://elsewhere.example) that is *none*"),
        detail: if number.is_multiple_of(7) {
            String::new()
        } else {
            "run 1: page_invalid: <b>\"why\"</b>\nand more".repeat(9)
        },
        at: "2026-01-15T12:00:00Z".parse().unwrap(),
    }
}

fn message(lines: impl Iterator<Item = Line>, is_digest: bool) -> Message {
    let at = "2026-01-15T12:00:00Z".parse().unwrap();
    let mut message = Message::new("message-1".into(), "acme/teams/main".parse().unwrap(), at, is_digest.then_some(at));
    lines.for_each(|line| message.add(line));
    message
}

#[test]
fn cards_are_as_they_were() {
    let all =
        [Transition::Opened, Transition::Reopened, Transition::Updated, Transition::Released, Transition::Resolved];
    let warning = |(number, transition)| line(number + 1, transition, Severity::Warning);
    let severe = |number| line(number, Transition::Opened, Severity::Severe);
    let link = Some("https://signalbox.example/systems/integrations");
    for (name, message, link) in [
        ("one", message(std::iter::once(severe(1)), false), link),
        ("each-transition", message(all.into_iter().enumerate().map(warning), true), link),
        ("storm", message((0..1_000).map(severe), false), link),
        ("test", message(std::iter::once(line(0, Transition::Tested, Severity::Warning)), false), None),
    ] {
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let file = Path::new(&root).join(format!("goldens/cards/{name}.json"));
        let card = card(&message, link);
        if std::env::var("SIGNALBOX_UPDATE").is_ok_and(|update| update == "1") {
            fs::write(&file, format!("{card}\n")).unwrap();
        }
        // Not as a text: whether names are sorted depends on the features of the whole build.
        let kept: Value = serde_json::from_slice(&fs::read(&file).unwrap_or_default()).unwrap_or_default();
        assert_eq!(kept, card, "{name}: SIGNALBOX_UPDATE=1 writes it anew");
    }
}
