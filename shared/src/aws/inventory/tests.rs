use aws_sdk_dynamodb::primitives::Blob;

use super::kinds::{Erasure, KINDS};
use super::*;
use crate::aws::items::number;

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn stored(table: TableName, pk: &str, sk: &str, more: &[(&str, AttributeValue)]) -> Stored {
    let mut item = key(pk, sk);
    item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Stored { table, item }
}

#[test]
fn no_two_kinds_of_a_table_have_one_name_and_what_is_kept_is_nobodys_or_a_record() {
    for (place, kind) in KINDS.iter().enumerate() {
        let is_same = |other: &&Kind| other.table == kind.table && other.name == kind.name;
        assert_eq!(KINDS.iter().find(is_same), KINDS.get(place), "{} {}", kind.table, kind.name);
    }
    let kept: Vec<&str> = KINDS.iter().filter(|kind| kind.erasure == Erasure::Kept).map(|kind| kind.name).collect();
    let expected = [
        "providers",
        "record of an erasure",
        "body of a rejected delivery",
        "ring",
        "rings",
        "counters of the fleet",
        "counter of all mirrors",
    ];
    assert_eq!(kept, expected);
}

#[test]
fn what_keys_like_those_of_a_tenant_begin_with_is_told_apart() {
    use TableName::{Connections, Control, Deliveries, Journal, Records, Runs, Snapshots};
    let of = |text: &str| Some(tenant(text));
    let acme = || of("acme");
    for (table, pk, sk, kind, owner) in [
        (Connections, "acme", "connection#erp/main", "connection", acme()),
        (Connections, "acme", "quota-of#gbp/main/locations/1", "quota of a part", acme()),
        (Control, "watchdog", "cursor", "cursor of the watchdog", None),
        (Control, "watchdog/erp/main", "lease", "lease", of("watchdog")),
        (Control, "acme#alerts", "at#erp/main#overdue", "alert", acme()),
        (Control, "@alerts#unsent", "0000000000001-acme#1", "due message", acme()),
        (Journal, "acme#dead-letters", "body#0000000000001-x#0", "body of a dead letter", acme()),
        (Deliveries, "acme/erp/main#key#hours", "claim", "claim", acme()),
        (Deliveries, "acme/pos#key:a/b", "claim", "claim", acme()),
        (Deliveries, "acme/erp/main#hours", "2026-01-01T00", "hour", acme()),
        (Deliveries, "rejected#erp/main", "next", "ring", None),
        (Runs, "mirrors/erp/main", "0", "run", of("mirrors")),
        (Runs, "mirrors#tenant/acme#gbp_to_platform#counters", "month#2026-01", "counter of mirrors", acme()),
        (Runs, "mirrors#all#gbp_to_platform", "0", "mirror among all", None),
        (Snapshots, "acme/erp/main/products", "segment#x#00000", "segment", acme()),
        (Records, "acme/erp/main/products#f", "0", "record", acme()),
        (Records, "acme#deliveries", "0", "hour of deliveries", acme()),
        (Records, "acme#deliveries#2026-01-01T00#3", "0", "part of a body", acme()),
    ] {
        let found = stored(table, pk, sk, &[]);
        let (found, whose) = found.kind().unwrap_or_else(|| panic!("{table} {pk} {sk} is of no kind"));
        assert_eq!((found.name, whose), (kind, owner), "{table} {pk} {sk}");
    }
    for (table, pk, sk) in [
        (Connections, "acme", "shape#erp/main"),
        (Connections, "ACME", "connection#erp/main"),
        (Control, "acme#news", "0"),
        (Deliveries, "acme/erp/main", "0"),
        (Runs, "acme/erp/main#news", "0"),
        (Snapshots, "acme/erp/main", "news"),
        (Records, "../erp/main/products#f", "0"),
    ] {
        assert!(stored(table, pk, sk, &[]).kind().is_none(), "{table} {pk} {sk}");
    }
}

#[test]
fn an_item_comes_back_from_its_line_as_it_was() {
    let list = AttributeValue::L(vec![number(1.5), AttributeValue::Null(true), text("é\n\"")]);
    let item = stored(
        TableName::Records,
        "acme/erp/main/products#f",
        "x",
        &[
            ("sk", AttributeValue::B(Blob::new([0, 255]))),
            ("list", list.clone()),
            ("map", AttributeValue::M([("a".to_owned(), list), ("".to_owned(), AttributeValue::Bool(false))].into())),
            ("texts", AttributeValue::Ss(vec!["a".into(), "b".into()])),
            ("numbers", AttributeValue::Ns(vec!["1".into()])),
            ("bytes", AttributeValue::Bs(vec![Blob::new([1, 2, 3])])),
        ],
    );
    let line = item.json().to_string();
    assert!(!line.contains('\n'), "{line}");
    assert_eq!(Stored::of_json(TableName::Records, &serde_json::from_str(&line).unwrap()), Ok(item));
    for wrong in [
        r#"{"pk": {"S": "a"}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"S": ""}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"N": "1"}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"B": "*"}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": "a", "N": "1"}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"X": "a"}}"#,
        r#"{"pk": {"S": "a"}, "sk": {"S": "b"}, "x": "a"}"#,
        "[]",
    ] {
        let value = serde_json::from_str(wrong).unwrap();
        assert_eq!(Stored::of_json(TableName::Runs, &value), Err(NoItem), "{wrong}");
    }
}

#[test]
fn a_tenant_is_named_by_a_word_and_not_by_a_part_of_one() {
    for (said, is_named) in [
        ("acme", true),
        ("GET /api/x?tenant=acme", true),
        ("acme/erp/main", true),
        ("acme's", true),
        ("acme-2 is another", false),
        ("the.acme", false),
        ("acmes", false),
        ("", false),
    ] {
        let item = stored(TableName::Journal, "beta#audit", "0", &[("target", text(said))]);
        assert_eq!(item.names(&tenant("acme")), is_named, "{said}");
    }
}

#[test]
fn what_is_of_all_loses_the_tenant_and_nothing_else() {
    let texts = |texts: &[&str]| AttributeValue::L(texts.iter().map(|one| text(*one)).collect());
    let map = |members: &[(&str, AttributeValue)]| {
        AttributeValue::M(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let rollout = |pilots: &[&str]| map(&[("FF", map(&[("rollout", map(&[("pilots", texts(pilots))]))]))]);
    let flags = |pilots: &[&str], version: u64| {
        stored(TableName::Control, "@flags", "platform", &[("flags", rollout(pilots)), ("version", number(version))])
    };
    let import = |connections: &[&str], looked: &str, version: u64| {
        let looked = map(&[("to", text(looked)), ("hash", text("h"))]);
        let more = [("connections", texts(connections)), ("looked", looked), ("version", number(version))];
        stored(TableName::Connections, "@imports", "file", &more)
    };
    let rest = |stored: Stored| Some(Forgotten::Rest(stored.item));
    let acme = tenant("acme");
    assert_eq!(flags(&["acme", "acme2"], 4).without(&acme), rest(flags(&["acme2"], 5)));
    assert_eq!(flags(&["acme2"], 4).without(&acme), None);
    assert_eq!(
        import(&["acme/erp/main", "beta/erp/main"], "beta/erp/main", 1).without(&acme),
        rest(import(&["beta/erp/main"], "beta/erp/main", 2))
    );
    let mut without_place = import(&[], "", 2);
    without_place.item.remove("looked");
    assert_eq!(import(&["acme/erp/main"], "acme/erp/main", 1).without(&acme), rest(without_place));

    let row = |tenant: &str, more: &[(&str, AttributeValue)]| {
        let more = [&[("tenantId", text(tenant)), ("created", number(3))], more].concat();
        stored(TableName::Runs, "mirrors#all#gbp_to_platform", "0", &more)
    };
    let nobodys = row("erased", &[("erased", AttributeValue::Bool(true))]);
    assert_eq!(row("acme", &[("error", text("acme failed"))]).without(&acme), rest(nobodys.clone()));
    assert_eq!(row("beta", &[]).without(&acme), None);
    // A tenant may have the name that nobody's rows have.
    assert_eq!((nobodys.kind().unwrap().1, nobodys.without(&tenant("erased"))), (None, None));
    assert_eq!(row("erased", &[]).kind().unwrap().1, Some(tenant("erased")));
    assert_eq!(row("erased", &[]).without(&tenant("erased")), rest(nobodys));
    let fan_out = |more: &[(&str, AttributeValue)]| stored(TableName::Runs, "mirrors#fan-out#x", "0", more);
    assert_eq!(fan_out(&[("cursor", text("acme/gbp/main"))]).without(&acme), Some(Forgotten::Attribute("cursor")));
    assert_eq!(fan_out(&[("cursor", text("acme/gbp/main")), ("open", text("fan-out"))]).without(&acme), None);
    let cursor = |of: &str| stored(TableName::Control, "watchdog", "cursor", &[("connection", text(of))]);
    assert_eq!(cursor("acme/erp/main").without(&acme), Some(Forgotten::Item));
    assert_eq!(cursor("acme2/erp/main").without(&acme), None);
}
