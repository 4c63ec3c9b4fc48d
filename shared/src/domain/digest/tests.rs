use jiff::Timestamp;
use serde_json::json;

use super::figures::*;
use super::letter::*;
use super::recipient::*;
use super::record::*;
use super::unsubscribe::Link;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::TenantId;
use crate::domain::mirror::log::MirrorTally;
use crate::domain::secret::Secret;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_week_is_over_on_monday_and_told_from_six_o_clock_for_a_day() {
    for (now, monday, told) in [
        ("2026-01-11T23:59:59Z", "2026-01-05T00:00:00Z", false),
        ("2026-01-12T00:00:00Z", "2026-01-12T00:00:00Z", false),
        ("2026-01-12T05:59:59Z", "2026-01-12T00:00:00Z", false),
        ("2026-01-12T06:00:00Z", "2026-01-12T00:00:00Z", true),
        ("2026-01-13T05:59:59Z", "2026-01-12T00:00:00Z", true),
        ("2026-01-13T06:00:00Z", "2026-01-12T00:00:00Z", false),
        ("1969-12-31T12:00:00Z", "1969-12-29T00:00:00Z", false),
    ] {
        let week = Week::before(at(now));
        assert_eq!((week.end(), week.is_told_at(at(now))), (at(monday), told), "{now}");
    }
    let week = Week::before(at("2026-01-12T06:00:00Z"));
    assert_eq!(week.days(), ("2026-01-05".into(), "2026-01-11".into()));
}

#[test]
fn an_address_is_one_that_a_header_can_hold() {
    for (text, kept) in [
        (" ada@Shop.Example ", Some("ada@shop.example")),
        ("ada+week@shop.example", Some("ada+week@shop.example")),
        ("ada@shop", None),
        ("ada@shop.example, eve@x.example", None),
        ("Ada <ada@shop.example>", None),
        ("ada\r\nbcc: eve@x.example", None),
        ("@shop.example", None),
        ("a..b@shop.example", None),
    ] {
        assert_eq!(address(text).as_deref(), kept, "{text:?}");
    }
    assert!(address(&format!("{}@shop.example", "a".repeat(254))).is_none());
}

fn stored(connection: &str, settings: serde_json::Value, state: &str) -> StoredConnection {
    let change = json!({"at": "2026-01-15T12:00:00.000Z", "by": "ann"});
    let paused = json!({"is": "paused", "by": "ann", "why": "", "since": "2026-01-15T12:00:00.000Z"});
    let state = if state == "paused" { paused } else { json!({"is": state}) };
    serde_json::from_value(json!({
        "connection": connection, "displayName": "x", "settings": settings.to_string(), "schedule": "off", "state": state,
        "keptBy": {"is": "operators"}, "created": change, "changed": change, "version": 1,
    }))
    .unwrap()
}

#[test]
fn a_connection_names_recipients_and_platform_is_for_the_default_tenant() {
    let to = json!({"to": ["ada@shop.example", "ben@shop.example"]});
    assert_eq!(recipients(&stored("acme/weekly-digest/main", to.clone(), "active")).len(), 2);
    assert!(recipients(&stored("acme/weekly-digest/main", to, "paused")).is_empty());
    assert!(recipients(&stored("acme/teams/main", json!({}), "active")).is_empty());
    let teams = recipients(&stored("acme/teams/main", json!({"weeklyDigest": "tenant"}), "active"));
    assert_eq!(teams[0].address.text(), "teams/main");
    for (connection, settings, wrong) in [
        ("acme/weekly-digest/main", json!({"to": ["ada@shop.example"], "of": "platform"}), Some("of")),
        ("default/weekly-digest/main", json!({"to": ["ada@shop.example"], "of": "platform"}), None),
        ("acme/weekly-digest/main", json!({"to": []}), Some("to")),
        ("acme/weekly-digest/main", json!({"to": ["ada"]}), Some("to")),
        ("acme/weekly-digest/main", json!({"to": vec!["ada@shop.example"; ADDRESSES_MAX + 1]}), Some("to")),
    ] {
        let found = check(&connection.parse().unwrap(), settings.as_object().unwrap());
        assert_eq!(found.err().map(|wrong| wrong.name), wrong.map(String::from), "{settings}");
    }
    let platform = json!({"weeklyDigest": "platform"});
    assert!(check_channel(&"acme/teams/main".parse().unwrap(), platform.as_object().unwrap()).is_err());
}

#[test]
fn a_recipient_has_one_record_a_week_whoever_names_it_and_nothing_sends_it_twice() {
    let week = Week::before(at("2026-01-12T06:00:00Z"));
    let recipient = |connection: &str, scope, address: &str| Recipient {
        connection: connection.parse().unwrap(),
        scope,
        address: Address::Mail(address.into()),
    };
    let first = Record::new(&recipient("acme/weekly-digest/a", Scope::Tenant, "ada@x.example"), week);
    assert_eq!(first.id, Record::new(&recipient("acme/weekly-digest/b", Scope::Tenant, "ada@x.example"), week).id);
    for other in [
        recipient("beta/weekly-digest/a", Scope::Tenant, "ada@x.example"),
        recipient("acme/weekly-digest/a", Scope::Platform, "ada@x.example"),
        recipient("acme/weekly-digest/a", Scope::Tenant, "ben@x.example"),
    ] {
        assert_ne!(first.id, Record::new(&other, week).id, "{other:?}");
    }
    let now = at("2026-01-12T06:00:00Z");
    let claimed = first.claimed(now);
    for (outcome, state, by_hand) in [
        (Outcome::Taken("m".into()), RecordState::Sent, false),
        (Outcome::Refused("no".into()), RecordState::Failed, true),
        (Outcome::Unknown("no answer".into()), RecordState::Claimed, true),
        (Outcome::Busy("slow down".into()), RecordState::Wanted, false),
    ] {
        let after = claimed.answered(outcome, now);
        assert_eq!((after.state, after.by_hand().is_some()), (state, by_hand));
    }
    let last = Record { tries: TRIES_MAX, ..claimed };
    assert_eq!(last.answered(Outcome::Busy("slow down".into()), now).state, RecordState::Failed);
}

#[test]
fn a_link_is_read_by_whoever_signed_it_and_nobody_else() {
    let (secret, link) = (
        Secret::new("a secret"),
        Link { tenant: TenantId::DEFAULT, scope: Scope::Tenant, address: "ada@x.example".into() },
    );
    let text = link.signed(&secret).unwrap();
    assert_eq!(Link::read(&text, &secret), Some(link.clone()));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{text}");
    let other = Link { address: "ben@x.example".into(), ..link }.signed(&secret).unwrap();
    let (payload, tag) = (other.split_once('.').unwrap().0, text.split_once('.').unwrap().1);
    for wrong in
        [format!("{payload}.{tag}"), text.replace('.', ""), format!("{text}x"), String::new(), "a.".repeat(600)]
    {
        assert_eq!(Link::read(&wrong, &secret), None, "{wrong}");
    }
    assert_eq!(Link::read(&text, &Secret::new("another")), None);
}

#[test]
fn a_letter_has_the_figures_and_each_failure_with_its_link_and_no_markup_of_others() {
    let row = serde_json::from_value(json!({
        "id": "018bcfe5-6800-7000-8000-000000000000", "tenantId": "acme", "strategy": "platform_to_gbp", "dryRun": false,
        "error": "<b>\"no\"</b> & more", "jobId": "job", "startedAt": "2026-01-06T12:00:00.000Z",
    }))
    .unwrap();
    let tally = MirrorTally { rows: 12, runs: 12, success: 8, failed: 2, skipped: 2, out_of_sync: 3 };
    let week = Week::before(at("2026-01-12T06:00:00Z"));
    let figures = Figures { week, tally, failures: vec![row] };
    let places =
        Places { console: Some("https://s.example"), unsubscribe: Some("https://s.example/unsubscribe?token=a.b") };
    let letter = letter(&figures, &TenantId::parse("acme").unwrap(), Scope::Tenant, places);
    assert_eq!(letter.subject, "Category mirrors of acme, 2026-01-05 to 2026-01-11: 2 failed of 12");
    for said in [
        "Runs: 12",
        "Went well: 80 %",
        "Out of sync: 3",
        "and 1 more",
        "No more of this: https://s.example/unsubscribe",
    ] {
        assert!(letter.text.contains(said), "{said}: {}", letter.text);
    }
    let link = "https://s.example/settings/admin/gbp-sync?for=acme&amp;open=018bcfe5";
    assert!(
        letter.html.contains("&lt;b&gt;&quot;no&quot;&lt;/b&gt; &amp; more") && letter.html.contains(link),
        "{}",
        letter.html
    );
    assert!(!letter.html.contains("<b>"));
    let card = card(&figures, &TenantId::DEFAULT, Scope::Platform, places).to_string();
    assert!(card.contains("all tenants") && card.contains("FactSet") && card.len() < 8_000, "{card}");
}
