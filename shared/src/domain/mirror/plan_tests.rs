use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_assume, proptest};
use proptest::strategy::Strategy as _;

use super::*;

fn set(keys: &[u8]) -> CategorySet {
    CategorySet::ordered(keys.iter().map(|key| (format!("gcid:{key}"), format!("name {key}"))))
}

fn keys() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    prop::collection::vec(0u8..12, 0..8)
}

fn platform() -> impl proptest::strategy::Strategy<Value = Vec<PlatformCategory>> {
    let category = (prop::option::weighted(0.8, 0u8..12), 0u8..3, 0u32..4);
    prop::collection::vec(category, 0..10).prop_map(|categories| {
        let category = |(id, (key, name, sort_order)): (usize, (Option<u8>, u8, u32))| PlatformCategory {
            id: format!("{id:03}"),
            key: key.map(|key| format!("gcid:{key}")),
            name: format!("name {name}"),
            sort_order,
        };
        in_order(categories.into_iter().enumerate().map(category).collect())
    })
}

fn in_order(mut categories: Vec<PlatformCategory>) -> Vec<PlatformCategory> {
    categories.sort_by(|a, b| (a.sort_order, &a.id).cmp(&(b.sort_order, &b.id)));
    categories
}

fn apply(mut categories: Vec<PlatformCategory>, changes: &[Change]) -> Vec<PlatformCategory> {
    for (number, change) in changes.iter().enumerate() {
        match change.clone() {
            Change::Create { key, name, sort_order } => {
                let id = format!("new {number:03}");
                categories.push(PlatformCategory { id, key: Some(key), name, sort_order });
            }
            Change::Update { id, name, sort_order } => {
                let found = categories.iter_mut().find(|category| category.id == id).unwrap();
                (found.name, found.sort_order) = (name, sort_order);
            }
            Change::Delete { id } => categories.retain(|category| category.id != id),
        }
    }
    in_order(categories)
}

fn mirrored(source: &CategorySet, categories: Vec<PlatformCategory>) -> (Difference, Vec<PlatformCategory>) {
    let found = difference(source, &platform_set(&categories).0, Names::Compared);
    let changes = changes(source, &categories, &found);
    (found, apply(categories, &changes))
}

fn renamed(set: &CategorySet) -> CategorySet {
    CategorySet::ordered(set.entries().iter().map(|entry| (format!("x{}", entry.key), format!("y{}", entry.name))))
}

fn renamed_difference(found: &Difference) -> Difference {
    let each = |entries: &[Entry]| {
        let of =
            |entry: &Entry| Entry { key: format!("x{}", entry.key), name: format!("y{}", entry.name), ..entry.clone() };
        entries.iter().map(of).collect()
    };
    Difference {
        created: each(&found.created),
        updated: each(&found.updated),
        deleted: each(&found.deleted),
        unchanged: found.unchanged,
    }
}

fn sorted(entries: &[Entry]) -> Vec<String> {
    let mut keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    keys.sort();
    keys
}

proptest! {
    #[test]
    fn the_directions_are_mirror_images(a in keys(), b in keys(), compared in any::<bool>()) {
        let names = if compared { Names::Compared } else { Names::PassedOver };
        let (a, b) = (set(&a), set(&b));
        let (there, back) = (difference(&a, &b, names), difference(&b, &a, names));
        prop_assert_eq!(sorted(&there.created), sorted(&back.deleted));
        prop_assert_eq!(sorted(&there.deleted), sorted(&back.created));
        prop_assert_eq!(sorted(&there.updated), sorted(&back.updated));
        prop_assert_eq!(there.unchanged, back.unchanged);
        prop_assert!(difference(&a, &a, names).is_empty());
    }

    #[test]
    fn a_comparison_commutes_with_renaming(a in keys(), b in keys()) {
        let (a, b) = (set(&a), set(&b));
        let found = difference(&a, &b, Names::Compared);
        prop_assert_eq!(difference(&renamed(&a), &renamed(&b), Names::Compared), renamed_difference(&found));
        // A location's set says nothing of names.
        prop_assert_eq!(difference(&a, &b, Names::PassedOver), difference(&a, &b, Names::Compared));
    }

    /// A location's set is replaced as a whole: so what is wanted is what there is then.
    #[test]
    fn a_location_that_was_mirrored_differs_in_nothing(wanted in keys(), current in keys()) {
        let (wanted, current) = (set(&wanted), set(&current));
        let found = difference(&wanted, &current, Names::PassedOver);
        let counts = found.counts();
        prop_assert_eq!(counts.total, wanted.entries().len() as u64);
        prop_assert_eq!(counts.removed + counts.updated + counts.unchanged, current.entries().len() as u64);
        prop_assert!(difference(&wanted, &wanted.clone(), Names::PassedOver).is_empty());
    }

    #[test]
    fn a_tenant_that_was_mirrored_differs_in_nothing_and_a_second_time_changes_nothing(
        locations in prop::collection::vec(keys(), 1..4),
        categories in platform(),
    ) {
        let sets: Vec<CategorySet> = locations.iter().map(|keys| set(keys)).collect();
        let source = CategorySet::union(&sets);
        prop_assume!(!source.is_empty());
        let unmapped = |categories: &[PlatformCategory]| -> Vec<PlatformCategory> {
            categories.iter().filter(|category| category.key.is_none()).cloned().collect()
        };
        let left_alone = unmapped(&categories);
        let (_, after) = mirrored(&source, categories);
        let (target, _) = platform_set(&after);
        let again = difference(&source, &target, Names::Compared);
        prop_assert!(again.is_empty(), "{again:?}");
        prop_assert_eq!(changes(&source, &after, &again), Vec::<Change>::new());
        prop_assert_eq!(unmapped(&after), left_alone);
    }

    /// However few are done at a time: it comes to an end, and those that only make room keep their order among themselves.
    #[test]
    fn changes_that_are_made_in_parts_come_to_the_same_and_move_nothing_past_another(
        source in keys(), mut categories in platform(), part in 1usize..4, unsettled in any::<bool>(),
    ) {
        let source = set(&source);
        prop_assume!(!source.is_empty());
        let order = |categories: &[PlatformCategory], primary: &str| -> Vec<String> {
            // What is on its way out stands in nobody's way.
            let stays = |key: &str| key != primary && (unsettled || source.keys().iter().any(|wanted| wanted == key));
            let others = categories.iter().filter(|one| one.key.as_deref().is_some_and(stays));
            others.filter(|one| !one.id.starts_with("new")).map(|one| one.id.clone()).collect()
        };
        let primary = source.keys().remove(0);
        let before = order(&categories, &primary);
        let mut rounds = 0;
        loop {
            let found = difference(&source, &platform_set(&categories).0, Names::Compared);
            let found = if unsettled { found.unsettled() } else { found };
            let all = changes(&source, &categories, &found);
            if all.is_empty() {
                break;
            }
            rounds += 1;
            prop_assert!(rounds < 200, "{all:?} of {categories:?}");
            categories = apply(categories, all.get(..part).unwrap_or(&all));
            for (number, category) in categories.iter_mut().enumerate() {
                if category.id.starts_with("new") {
                    category.id = format!("new {rounds:03} {number:03} {}", category.id.len());
                }
            }
            let after = order(&categories, &primary);
            let left: Vec<&String> = before.iter().filter(|id| after.contains(id)).collect();
            prop_assert_eq!(after.iter().collect::<Vec<_>>(), left);
        }
    }
}

#[test]
fn while_a_location_may_be_about_to_change_only_what_is_new_is_taken() {
    let source = CategorySet::ordered([("gcid:1".to_owned(), "One".to_owned()), ("gcid:2".to_owned(), String::new())]);
    let category = |id: &str, key: &str, sort_order| PlatformCategory {
        id: id.into(),
        key: Some(key.into()),
        name: "Mine".into(),
        sort_order,
    };
    let categories = [category("a", "gcid:9", 0), category("b", "gcid:2", 1)];
    let found = difference(&source, &platform_set(&categories).0, Names::Compared);
    let create = |sort_order| Change::Create { key: "gcid:1".into(), name: "One".into(), sort_order };
    assert_eq!(changes(&source, &categories, &found.clone().unsettled()), [create(2)]);
    // What Google does not say the name of keeps its own.
    assert_eq!(changes(&source, &categories, &found), [create(0), Change::Delete { id: "a".into() }]);
}

#[test]
fn what_a_location_may_not_be_given_is_refused() {
    assert_eq!(check_wanted(&set(&[]), 9), Err(NotWanted::Nothing));
    assert_eq!(check_wanted(&set(&[1, 2, 3]), 1), Err(NotWanted::TooMany { additional: 2, max: 1 }));
    assert_eq!(check_wanted(&set(&[1, 2, 3]), 2), Ok(()));
    assert_eq!(check_wanted(&set(&[1]), 0), Ok(()));
}

#[test]
fn another_place_is_an_update_and_another_name_is_one_where_names_are_compared() {
    let (a, b) = (set(&[1, 2, 3]), set(&[2, 1, 4]));
    let found = difference(&a, &b, Names::PassedOver);
    let keys = |entries: &[Entry]| sorted(entries).join(" ");
    assert_eq!(
        (keys(&found.created), keys(&found.updated), keys(&found.deleted)),
        ("gcid:3".into(), "gcid:1 gcid:2".into(), "gcid:4".into())
    );
    // The order of additional ones is nothing that Google keeps.
    assert!(difference(&set(&[1, 2, 3]), &set(&[1, 3, 2]), Names::PassedOver).is_empty());
    let called = CategorySet::ordered([("gcid:1".to_owned(), " Name 1 ".to_owned())]);
    assert_eq!(difference(&called, &set(&[1]), Names::Compared).updated.len(), 1);
    assert!(difference(&called, &set(&[1]), Names::PassedOver).is_empty());
}

#[test]
fn locations_have_between_them_what_any_has_and_the_primary_one_of_most() {
    let union = CategorySet::union(&[set(&[3, 1]), set(&[2, 1]), set(&[2]), set(&[])]);
    assert_eq!(union.keys(), ["gcid:2", "gcid:3", "gcid:1"]);
    assert_eq!(CategorySet::union(&[set(&[3]), set(&[2])]).keys(), ["gcid:2", "gcid:3"], "of as many the first by key");
    assert!(CategorySet::union(&[]).is_empty());
}

#[test]
fn a_tenants_category_without_googles_id_is_counted_and_left_alone() {
    let category = |id: &str, key: Option<&str>| PlatformCategory {
        id: id.into(),
        key: key.map(String::from),
        name: id.into(),
        sort_order: 0,
    };
    let (found, unmapped) =
        platform_set(&[category("a", None), category("b", Some("gcid:b")), category("c", Some("gcid:b"))]);
    assert_eq!((found.keys(), unmapped), (vec!["gcid:b".to_owned()], 1));
    for strategy in super::Strategy::ALL {
        assert_eq!(super::Strategy::parse(strategy.as_str()), Some(strategy));
    }
    assert_eq!(super::Strategy::parse("PLATFORM_TO_GBP"), None);
}
