//! Tables and properties of [`super`].

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn look(known: Option<&Shape>, policy: Policy, records: &[Value]) -> Drift {
    let mut observer = Observer::new(known, policy);
    for (number, record) in records.iter().enumerate() {
        let text = record.to_string();
        observer.observe(&number.to_string(), &Node::read(text.as_bytes()).unwrap());
    }
    observer.finish()
}

/// What is known after a first run over these.
fn known(records: &[Value]) -> Shape {
    let drift = look(None, Policy::Accept, records);
    assert_eq!((drift.changes.len(), drift.freezes), (0, false), "a first run has nothing to compare with");
    drift.known.unwrap()
}

fn told(drift: &Drift) -> Vec<(String, Kind, String)> {
    let change = |change: &Change| (change.path.clone(), change.kind, change.first_record.clone());
    drift.changes.iter().map(change).collect()
}

#[test]
fn what_is_new_missing_or_of_another_type() {
    let before = [
        json!({"id": 1, "name": "a", "note": null, "at": {"city": "x"}, "lines": [{"sku": "s"}]}),
        json!({"id": 2, "name": "b", "at": {"city": "y"}, "lines": [{"sku": "s"}]}),
    ];
    let known = known(&before);
    for (record, expected) in [
        (json!({"id": 3, "name": "c", "at": {"city": "z"}, "lines": []}), vec![]),
        (json!({"id": 3, "name": null, "at": {"city": "z"}, "lines": []}), vec![]),
        (json!({"id": 3, "name": "c", "note": "first text", "at": {"city": "z"}, "lines": []}), vec![]),
        // The object around it is not there, and so is what that lacks.
        (json!({"id": 3, "name": "c", "at": null, "lines": []}), vec![]),
        (json!({"id": 3, "name": "c", "lines": []}), vec![("at", Kind::Missing)]),
        (json!({"id": 3, "name": "c", "at": {}, "lines": []}), vec![("at.city", Kind::Missing)]),
        (json!({"id": "3", "name": "c", "at": {"city": "z"}, "lines": []}), vec![("id", Kind::Retyped)]),
        (json!({"id": 3, "name": "c", "at": "z", "lines": []}), vec![("at", Kind::Retyped)]),
        (json!({"id": 3, "name": "c", "at": {"city": "z", "zip": 1}, "lines": []}), vec![("at.zip", Kind::New)]),
        (
            json!({"id": 3, "name": "c", "at": {"city": "z"}, "lines": [{"sku": 7, "count": 1}]}),
            vec![("lines[].count", Kind::New), ("lines[].sku", Kind::Retyped)],
        ),
    ] {
        let drift = look(Some(&known), Policy::Accept, &[before[0].clone(), record.clone()]);
        let expected: Vec<_> =
            expected.into_iter().map(|(path, kind): (&str, _)| (path.to_owned(), kind, "1".to_owned())).collect();
        assert_eq!(told(&drift), expected, "{record}");
        // Once it is known it is told no more.
        if let Some(known) = &drift.known {
            assert_eq!(told(&look(Some(known), Policy::Accept, &[before[0].clone(), record])), []);
        }
    }
    let drift =
        look(Some(&known), Policy::Accept, &[json!({"id": true, "name": "c", "at": {"city": "z"}, "lines": []})]);
    assert_eq!((drift.changes[0].was.as_deref(), drift.changes[0].is.as_deref()), (Some("number"), Some("boolean")));
    assert_eq!(drift.known.unwrap().fields["id"].types.text(), "boolean or number");
}

#[test]
fn what_is_done_about_it_is_the_policys() {
    let (known, record) = (known(&[json!({"id": 1})]), [json!({"id": 1, "more": 1})]);
    for (policy, changes, learns, freezes) in
        [(Policy::Accept, 1, true, false), (Policy::Freeze, 1, false, true), (Policy::Ignore, 0, false, false)]
    {
        let drift = look(Some(&known), policy, &record);
        assert_eq!(
            (drift.changes.len(), drift.known.is_some(), drift.freezes),
            (changes, learns, freezes),
            "{policy:?}"
        );
        let same = look(Some(&known), policy, &[json!({"id": 2})]);
        assert_eq!((same.changes.len(), same.known, same.freezes), (0, None, false), "{policy:?}");
        assert_eq!(look(None, policy, &record).known.is_some(), policy != Policy::Ignore, "{policy:?}");
    }
}

#[test]
fn keys_that_are_data_do_not_grow_without_bound() {
    let many = |from: usize| -> Value {
        (from..from + 2 * PATHS_MAX)
            .map(|number| (format!("key{number}"), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let known = known(&[many(0)]);
    assert!(known.more && known.fields.len() <= PATHS_MAX);
    let drift = look(Some(&known), Policy::Accept, &[many(0), many(10_000)]);
    assert!(drift.changes.iter().all(|change| change.kind != Kind::New), "one that is not known may be old");
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert!(look(None, Policy::Accept, &[deep]).known.unwrap().more);

    let few = look(None, Policy::Accept, &[json!({})]).known.unwrap();
    let records: Vec<Value> = (0..150).map(|number| json!({ format!("f{number:03}"): 1 })).collect();
    let drift = look(Some(&few), Policy::Accept, &records);
    assert_eq!((drift.changes.len(), drift.further), (CHANGES_MAX, 50));
}

#[test]
fn a_shape_is_stored_small() {
    let shape = known(&[json!({"id": 1, "tags": ["a"]})]);
    let stored =
        json!({"fields": {"id": {"t": 2, "a": true}, "tags": {"t": 8, "a": true}, "tags[]": {"t": 4}}, "more": false});
    assert_eq!(serde_json::to_value(&shape).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Shape>(stored).unwrap(), shape);
}

fn any_record() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("a")), Just(json!(true))];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    /// What was seen once is known: the same records again are no change, in whichever order.
    #[test]
    fn the_same_records_are_no_change(mut records in prop::collection::vec(any_record(), 1..6), more in prop::collection::vec(any_record(), 0..4)) {
        let first = known(&records);
        records.reverse();
        prop_assert_eq!(told(&look(Some(&first), Policy::Freeze, &records)), vec![]);
        // And so it is of what was accepted later.
        if let Some(second) = look(Some(&first), Policy::Accept, &more).known {
            prop_assert_eq!(told(&look(Some(&second), Policy::Freeze, &records)), vec![]);
            prop_assert_eq!(told(&look(Some(&second), Policy::Freeze, &more)), vec![]);
        }
    }
}
