//! One item of every kind there is, of two tenants, and those that are of all.

use serde_json::{Value, json};
use signalbox::aws::inventory::kinds::TableName;

use TableName::{Connections, Control, Deliveries, Journal, Records, Runs, Snapshots};

fn text(text: impl Into<String>) -> Value {
    json!({"S": text.into()})
}

fn number(number: i64) -> Value {
    json!({"N": number.to_string()})
}

fn item(pk: impl Into<String>, sk: Value, more: &[(&str, Value)]) -> Value {
    let mut item = json!({"pk": text(pk), "sk": sk});
    more.iter().for_each(|(name, value)| item[*name] = value.clone());
    item
}

fn bytes(byte: u8) -> Value {
    use base64::Engine as _;
    json!({"B": base64::engine::general_purpose::STANDARD.encode([byte, 255])})
}

fn is(word: &str) -> Value {
    json!({"M": {"is": {"S": word}, "by": {"S": "jo"}, "why": {"S": ""}, "since": {"S": "2100-01-01T00:00:00.000Z"}}})
}

/// A tenant's connection.
pub(super) fn connection(tenant: &str, state: &str, kept_by: &str) -> (TableName, Value) {
    let of = format!("{tenant}/trackstar/main");
    let change = json!({"M": {"at": {"S": "2100-01-01T00:00:00.000Z"}, "by": {"S": "jo"}}});
    let more = [
        ("connection", text(of)),
        ("displayName", text("A brand")),
        ("settings", text(json!({"connectionId": tenant}).to_string())),
        ("schedule", text("off")),
        ("provider", text("trackstar")),
        ("place", text(format!("{tenant}/main"))),
        ("state", is(state)),
        ("keptBy", json!({"M": {"is": {"S": kept_by}, "source": {"S": "file"}}})),
        ("version", number(7)),
        ("created", change.clone()),
        ("changed", change),
        ("secrets", json!({"M": {"current": {"M": {"ciphertext": {"S": "sealed"}}}, "rotatedAt": {"S": "x"}}})),
    ];
    (Connections, item(tenant, text("connection#trackstar/main"), &more))
}

/// A tenant's run that is open.
pub(super) fn open_run(tenant: &str) -> (TableName, Value) {
    (Runs, item(format!("{tenant}/trackstar/main"), text("9"), &[("open", text("open"))]))
}

/// What is one tenant's: of every kind that is, but of open runs. A letter tells apart what has no tenant in its key.
pub(super) fn of_tenant(tenant: &str, letter: &str) -> Vec<(TableName, Value)> {
    let of = format!("{tenant}/trackstar/main");
    let dataset = format!("{of}/products");
    let under = |kind: &str| format!("{tenant}#{kind}");
    let time = "4102444800000";
    let said = [("said", text(format!("of {tenant}")))];
    let plain = |table, pk: String, sk: &str| (table, item(pk, text(sk), &said));
    let place = if letter == "a" { "000000000001" } else { "000000000002" };
    let rejected = number(if letter == "a" { 1 } else { 2 });
    let row = [("tenantId", text(tenant)), ("created", number(3)), ("error", text(format!("{tenant} failed")))];
    let audit = [("action", text("connection.put")), ("target", text(&of))];
    let mut items = vec![
        connection(tenant, "paused", "operators"),
        (Connections, item(format!("@address#trackstar/{tenant}"), text("address"), &[("connection", text(&of))])),
        plain(Control, of.clone(), "lease"),
        plain(Control, of.clone(), "test"),
        plain(Control, of.clone(), "used"),
        plain(Control, "@alerts#open".into(), &format!("{of}#overdue")),
        plain(Control, "@alerts#notes".into(), &format!("{tenant}#1")),
        plain(Control, "@alerts#unsent".into(), &format!("{time}-{tenant}#1")),
        plain(Control, "@completions#due".into(), &format!("{time}-{tenant}#1")),
        plain(Control, "@digests#wanted".into(), &format!("{tenant}#1")),
        plain(Journal, under("dead-letters"), &format!("{time}-1")),
        plain(Journal, under("dead-letters"), &format!("body#{time}-1#0")),
        (Journal, item(under("audit"), text(format!("{time}-0")), &audit)),
        plain(Deliveries, format!("{of}#key"), "claim"),
        plain(Deliveries, format!("{tenant}/pos#key:a/b"), "claim"),
        plain(Deliveries, format!("{of}#hours"), "2100-01-01T00"),
        (
            Deliveries,
            item("rejected#trackstar/main", text(place), &[("tenant", text(tenant)), ("number", rejected.clone())]),
        ),
        (Deliveries, item("rejected#trackstar/main", text(format!("body#{place}")), &[("number", rejected)])),
        plain(Runs, of.clone(), "1"),
        plain(Runs, format!("{of}#statistics"), "month#2100-01"),
        plain(Runs, format!("{of}#log"), "1#0000000000"),
        (Runs, item("mirrors#all#gbp_to_platform", text(letter), &row)),
        (Runs, item("mirrors#errors", text(letter), &row)),
        (Runs, item(format!("mirrors#tenant/{tenant}#gbp_to_platform"), text(letter), &row)),
        plain(Runs, format!("mirrors#tenant/{tenant}#gbp_to_platform#counters"), "month#2100-01"),
        plain(Snapshots, of, "state"),
        plain(Snapshots, dataset.clone(), "manifest"),
        plain(Snapshots, dataset.clone(), "segment#x#00000"),
        plain(Snapshots, dataset.clone(), "shape"),
        (Records, item(format!("{dataset}#f"), bytes(1), &said)),
        (Records, item(under("deliveries"), bytes(2), &[])),
        (
            Records,
            item(under("deliveries#2100-01-01T00#3"), bytes(3), &[("correlationId", text("t")), said[0].clone()]),
        ),
        (Records, item(under("deliveries#2100-01-01T00#3"), bytes(4), &[("payload", bytes(5))])),
    ];
    let beside = ["due", "breaker", "linking", "quota", "access-token"].map(|what| format!("{what}#trackstar/main"));
    items.extend(beside.iter().map(|sk| plain(Connections, tenant.to_owned(), sk)));
    items.push(plain(Connections, tenant.to_owned(), "quota-of#trackstar/main/locations/1"));
    for (kind, sk) in [
        ("alerts", "at#trackstar/main#overdue"),
        ("alerts", "sender"),
        ("alerts", "channel#teams/main"),
        ("alerts#open", "1"),
        ("alerts#resolved", "1"),
        ("alerts#history", "1#000001"),
        ("alerts#messages", "1"),
        ("completions", "1"),
        ("completions#failing", "main"),
        ("digests", "1"),
        ("digests#unsubscribed", "tenant#jo@example.com"),
        ("flags", "overrides"),
        ("categories", "category#1"),
        ("categories", "slug#bakery"),
        ("categories", "tree"),
        ("stream-tickets", "1"),
    ] {
        items.push(plain(Control, under(kind), sk));
    }
    items.extend(["replay#1", "chunk#1#000000", "at#1", "last"].map(|sk| plain(Journal, under("replays"), sk)));
    items
}

/// What is of all tenants, and names both.
pub(super) fn of_all(first: &str, second: &str) -> Vec<(TableName, Value)> {
    let of = |tenant: &str| format!("{tenant}/trackstar/main");
    let texts = |texts: [String; 2]| json!({"L": texts.map(text)});
    let pilots = texts([first.to_owned(), second.to_owned()]);
    let flags = json!({"M": {"FF_X": {"M": {"rollout": {"M": {"pilots": pilots}}}}}});
    let place = json!({"M": {"due#0": {"M": {"at": {"N": "1"}, "connection": {"S": of(first)}}}}});
    let looked = json!({"M": {"to": {"S": of(first)}, "hash": {"S": "h"}}});
    let import = [("connections", texts([of(first), of(second)])), ("looked", looked), ("version", number(1))];
    vec![
        (Connections, item("@due", text("handed-out"), &[("after", place)])),
        (Connections, item("@imports", text("file"), &import)),
        (Connections, item("@providers", text("providers"), &[("providers", json!({"SS": ["trackstar"]}))])),
        (Control, item("watchdog", text("cursor"), &[("connection", text(of(first)))])),
        (Control, item("@alerts", text("cursor"), &[("watchedAfter", text(format!("{}#overdue", of(first))))])),
        (Control, item("@digests", text("round"), &[("after", text(of(first)))])),
        (Control, item("@flags", text("platform"), &[("flags", flags), ("version", number(4))])),
        (Deliveries, item("metrics", text("trackstar/main"), &[("n", number(2))])),
        (Deliveries, item("rejected", text("origins"), &[("origins", json!({"SS": ["trackstar/main"]}))])),
        (Deliveries, item("rejected#trackstar/main", text("next"), &[("next", number(2))])),
        (Runs, item("mirrors#all#gbp_to_platform#counters", text("month#2100-01"), &[("n", number(2))])),
        (Runs, item("mirrors#fan-out#gbp_to_platform", text("1"), &[("cursor", text(of(first)))])),
        (
            Runs,
            item(
                "mirrors#fan-out#gbp_to_platform",
                text("2"),
                &[("cursor", text(of(second))), ("open", text("fan-out"))],
            ),
        ),
    ]
}
