use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::card::{CARD_BYTES_MAX, card, webhook};
use super::channel::{Channel, ChannelKind};
use super::delivery::{LINES_MAX, Line, Message, MessageState};
use super::life::Transition;
use super::outbox::*;
use super::quiet::QuietHours;
use super::rules::Severity;

/// A time of a day, in minutes.
fn at(minutes: i64) -> Timestamp {
    let midnight: Timestamp = "2026-01-15T00:00:00Z".parse().unwrap();
    midnight.saturating_add(SignedDuration::from_mins(minutes)).unwrap()
}

fn note(number: usize, severity: Severity, at: Timestamp) -> Note {
    let line = Line {
        alert: format!("alert-{number}"),
        transition: Transition::Opened,
        severity,
        flapping: false,
        open: true,
        title: format!("DoorLoop {number}: a scheduled run failed"),
        detail: "why".into(),
        at,
    };
    Note { id: format!("{:013}-{number}", at.as_millisecond()), line, not_over: None }
}

fn notes(count: usize, severity: Severity, now: Timestamp) -> Vec<Note> {
    (0..count).map(|number| note(number, severity, now)).collect()
}

fn channel(name: &str, quiet: bool) -> Channel {
    let settings = json!({"quietFrom": "22:00", "quietTo": "07:00"});
    let quiet = quiet.then(|| QuietHours::of(settings.as_object().unwrap()).unwrap().unwrap());
    Channel { connection: format!("acme/teams/{name}").parse().unwrap(), kind: ChannelKind::Teams, quiet }
}

fn planned(sender: &Sender, notes: &[Note], channels: &[Channel], kept: &[Message], now: Timestamp) -> Option<Plan> {
    let mut number = sender.version * 100;
    plan(sender, notes, channels, kept, now, || {
        number += 1;
        format!("message-{number}")
    })
}

#[test]
fn a_storm_is_one_message_with_a_count_and_then_a_pause() {
    let channels = [channel("main", false)];
    let storm = notes(NOTES_MAX, Severity::Warning, at(0));
    assert_eq!(planned(&Sender::default(), &storm, &channels, &[], at(0)), None, "others of the moment may come");
    let first = planned(&Sender::default(), &storm, &channels, &[], at(1)).unwrap();
    let [message] = first.messages.as_slice() else { panic!("one message") };
    assert_eq!(
        (message.total, message.lines.len(), message.title().as_str()),
        (1_000, LINES_MAX, "1000 alerts of acme: 1000 open")
    );
    assert!(message.text().ends_with("\nand 950 more"));
    let more = notes(3, Severity::Warning, at(2));
    assert_eq!(planned(&first.sender, &more, &channels, &[], at(15)), None);
    let second = planned(&first.sender, &more, &channels, &[], at(16)).unwrap();
    assert_eq!((second.messages.len(), second.sender.rests_until), (1, None));
    assert_eq!(second.messages[0].title(), "3 alerts of acme: 3 open");
}

#[test]
fn what_is_severe_passes_a_storm_of_warnings_and_not_one_of_its_own() {
    let channels = [channel("main", false)];
    let first = planned(&Sender::default(), &notes(20, Severity::Warning, at(0)), &channels, &[], at(1)).unwrap();
    let mut more = notes(2, Severity::Warning, at(2));
    more.push(note(9, Severity::Severe, at(2)));
    assert_eq!(planned(&first.sender, &more, &channels, &[], at(2)), None, "others of the moment may come");
    let second = planned(&first.sender, &more, &channels, &[], at(3)).unwrap();
    assert_eq!(second.messages[0].title(), "Opened: DoorLoop 9: a scheduled run failed");
    assert_eq!(second.sender.taken, [more[2].id.clone()], "the others wait");
    more.truncate(2);
    assert_eq!(planned(&second.sender, &more, &channels, &[], at(15)), None);
    assert_eq!(planned(&second.sender, &more, &channels, &[], at(16)).unwrap().messages[0].total, 2);

    let storm = planned(&second.sender, &notes(20, Severity::Severe, at(20)), &channels, &[], at(21)).unwrap();
    let more = notes(3, Severity::Severe, at(22));
    assert_eq!(planned(&storm.sender, &more, &channels, &[], at(35)), None);
    assert_eq!(planned(&storm.sender, &more, &channels, &[], at(36)).unwrap().messages[0].total, 3);
}

#[test]
fn a_drip_is_a_message_now_and_then() {
    let channels = [channel("main", false)];
    for severity in [Severity::Warning, Severity::Severe] {
        let (mut sender, mut waiting, mut sent, mut told) = (Sender::default(), Vec::new(), Vec::new(), 0);
        for minute in 0..180 {
            waiting.push(note(usize::try_from(minute).unwrap(), severity, at(minute)));
            if let Some(plan) = planned(&sender, &waiting, &channels, &[], at(minute + 1)) {
                waiting.retain(|note| !plan.sender.taken.contains(&note.id));
                told += plan.messages[0].total;
                sent.push(minute);
                sender = plan.sender;
            }
        }
        let within = |hour: i64| sent.iter().filter(|minute| **minute / 60 == hour).count();
        // Ten that waited for the pace are a message of a storm, with its pause.
        assert_eq!([0, 1, 2].map(within), [10, 4, 4], "{severity:?}: {sent:?}");
        assert!(sent.windows(2).all(|two| two[1] - two[0] <= 15), "none waits for long: {sent:?}");
        assert_eq!(told + waiting.len() as u64, 180);
    }
}

#[test]
fn a_channel_is_not_told_that_it_refuses_and_others_are() {
    let (refusing, other) = (channel("main", false), channel("other", false));
    let mut note = note(1, Severity::Severe, at(0));
    note.not_over = Some(refusing.connection.clone());
    let plan = planned(&Sender::default(), &[note], &[refusing, other.clone()], &[], at(1)).unwrap();
    let told: Vec<_> = plan.messages.iter().map(|message| message.channel.clone()).collect();
    assert_eq!(told, [other.connection]);
}

#[test]
fn quiet_hours_hold_all_that_is_not_severe_for_one_digest() {
    let (quiet, loud) = (channel("main", true), channel("other", false));
    let night = 23 * 60;
    let mut first = notes(2, Severity::Warning, at(night));
    first.push(note(2, Severity::Severe, at(night)));
    let first = planned(&Sender::default(), &first, &[quiet.clone(), loud.clone()], &[], at(night + 1)).unwrap();
    let said: Vec<_> = first.messages.iter().map(|message| (message.state, message.total)).collect();
    assert_eq!(said, [(MessageState::Pending, 1), (MessageState::Held, 2), (MessageState::Pending, 3)]);
    let digest = first.messages[1].clone();
    assert_eq!((digest.due_at, digest.is_due(at(night + 2))), (at(31 * 60), false));

    let more = notes(1, Severity::Warning, at(night + 60));
    let kept = [digest.clone()];
    let second = planned(&first.sender, &more, std::slice::from_ref(&quiet), &kept, at(night + 61)).unwrap();
    let [grown] = second.messages.as_slice() else { panic!("the same message") };
    assert_eq!(
        (&grown.id, grown.total, grown.title().as_str()),
        (&digest.id, 3, "3 alerts of acme during quiet hours: 3 open")
    );
    assert!(grown.is_due(at(31 * 60)), "it is sent once they end");

    // One that may be under way does not grow any more.
    let claimed = [grown.claimed(at(31 * 60))];
    let late = planned(&second.sender, &more, &[quiet], &claimed, at(night + 90)).unwrap();
    assert_ne!(late.messages[0].id, digest.id);
}

#[test]
fn a_tenant_without_channels_is_told_nothing_and_its_notes_are_done_with() {
    let plan = planned(&Sender::default(), &notes(3, Severity::Severe, at(0)), &[], &[], at(1)).unwrap();
    assert!(plan.messages.is_empty() && plan.sender.taken.len() == 3);
}

#[test]
fn what_is_open_takes_the_place_of_what_is_over() {
    let mut message = Message::new("m".into(), "acme/teams/main".parse().unwrap(), at(0), None);
    for number in 0..LINES_MAX {
        let line = Line { open: false, transition: Transition::Resolved, ..note(number, Severity::Severe, at(0)).line };
        message.add(line);
    }
    message.add(note(99, Severity::Severe, at(0)).line);
    assert!(message.lines.len() == LINES_MAX && message.lines[0].alert == "alert-99");
    assert_eq!((message.total, message.opened, message.severe), (51, 1, 1));
}

proptest! {
    /// Whatever is said, a card is no larger than Teams takes it, and says how much it leaves out.
    #[test]
    fn a_card_is_bounded(texts in prop::collection::vec((".{0,600}", ".{0,600}"), 1..60)) {
        let mut message = Message::new("m".into(), "acme/teams/main".parse().unwrap(), at(0), None);
        let total = texts.len();
        for (title, detail) in texts {
            message.add(Line { title, detail, ..note(0, Severity::Severe, at(0)).line });
        }
        let card = card(&message, Some("https://signalbox.example/systems/integrations"));
        prop_assert!(card.to_string().len() <= CARD_BYTES_MAX);
        let body = card["attachments"][0]["content"]["body"].as_array().unwrap();
        let shown = body.iter().filter(|part| part["type"] == "Container").count();
        let more = body.last().unwrap()["inlines"][0]["text"].as_str().unwrap_or_default();
        let left_out = more.strip_prefix("and ").and_then(|more| more.strip_suffix(" more"));
        prop_assert_eq!(shown + left_out.map_or(0, |more| more.parse::<usize>().unwrap()), total);
        prop_assert!(webhook(&message, None)["data"]["alerts"].as_array().unwrap().len() <= LINES_MAX);
    }
}
