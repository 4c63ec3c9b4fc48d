use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000).unwrap()
}

fn tree() -> Tree {
    Tree::new(TenantId::parse("acme").unwrap(), 0, [])
}

fn random(number: usize) -> [u8; 16] {
    let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
    // An id takes ten bytes, of the first ones not all bits.
    [0, 0, 0, 0, 0, 0, 0, 0, high, low, 0, 0, 0, 0, 0, 0]
}

fn add(tree: &mut Tree, slug: &str, parent: Option<&CategoryId>) -> Result<CategoryId, Refused> {
    let new = New {
        name: CategoryName::parse(slug).unwrap(),
        slug: Slug::parse(slug).unwrap(),
        parent_id: parent.cloned(),
        google_category_id: None,
        sort_order: None,
    };
    let number = tree.all().count();
    tree.create(new, random(number), now()).map(|category| category.id)
}

fn moved(tree: &mut Tree, id: &CategoryId, parent: Option<&CategoryId>) -> Result<(), Refused> {
    tree.change(id, Change { parent_id: Some(parent.cloned()), ..Change::default() }, None, now()).map(drop)
}

/// The same tree, as it is read after it was stored.
fn stored(tree: &Tree) -> Tree {
    Tree::new(tree.tenant().clone(), tree.version() + 1, tree.all().cloned())
}

#[test]
fn a_category_has_a_place_or_the_reason_is_told() {
    let mut tree = tree();
    let a = add(&mut tree, "a", None).unwrap();
    let b = add(&mut tree, "b", Some(&a)).unwrap();
    let c = add(&mut tree, "c", Some(&b)).unwrap();
    assert_eq!(add(&mut tree, "a", None), Err(Refused::SlugTaken(a.clone())));
    assert_eq!(moved(&mut tree, &a, Some(&a)), Err(Refused::Cycle));
    assert_eq!(moved(&mut tree, &a, Some(&c)), Err(Refused::Cycle));
    assert_eq!(tree.remove(&a, None, now()), Err(Refused::HasChildren(1)));
    let nobody = CategoryId::new(now(), [9; 16]);
    assert_eq!(moved(&mut tree, &a, Some(&nobody)), Err(Refused::NoParent));
    assert_eq!(tree.change(&nobody, Change::default(), None, now()), Err(Refused::NotFound));
    assert_eq!(tree.remove(&c, Some(7), now()), Err(Refused::Version(1)));
    tree.remove(&c, Some(1), now()).unwrap();
    assert_eq!(tree.remove(&c, None, now()), Err(Refused::NotFound));
    assert_eq!(add(&mut tree, "d", Some(&c)), Err(Refused::NoParent));
    assert_eq!(add(&mut tree, "c", None), Err(Refused::SlugOfDeleted(c.clone())));
    let back = Change { is_active: Some(true), ..Change::default() };
    assert!(tree.change(&c, back, None, now()).unwrap().is_active);
}

#[test]
fn a_tree_is_so_deep_and_no_deeper_however_it_is_put_together() {
    let mut tree = tree();
    let mut chain: Vec<CategoryId> = Vec::new();
    for level in 0..DEPTH_MAX {
        chain.push(add(&mut tree, &format!("level-{level}"), chain.last()).unwrap());
    }
    assert_eq!(add(&mut tree, "deeper", chain.last()), Err(Refused::TooDeep));
    let root = add(&mut tree, "root", None).unwrap();
    assert_eq!(moved(&mut tree, &chain[0], Some(&root)), Err(Refused::TooDeep));
    moved(&mut tree, &chain[1], Some(&root)).unwrap();
}

#[test]
fn so_many_categories_and_so_many_changes_at_once_and_no_more() {
    let mut tree = tree();
    for number in 0..CHANGES_MAX {
        add(&mut tree, &format!("c-{number}"), None).unwrap();
    }
    assert_eq!((tree.room(), add(&mut tree, "more", None)), (0, Err(Refused::Full)));
    while tree.all().count() < CATEGORIES_MAX {
        tree = stored(&tree);
        let number = tree.all().count();
        (0..CHANGES_MAX.min(CATEGORIES_MAX - number)).for_each(|more| {
            add(&mut tree, &format!("c-{}", number + more), None).unwrap();
        });
    }
    assert_eq!(add(&mut stored(&tree), "more", None), Err(Refused::TooMany));
}

#[test]
fn what_google_has_is_made_once_and_restored_where_it_was_deleted() {
    let mut tree = tree();
    let google = GoogleCategoryId::parse("gcid:shoe_store").unwrap();
    add(&mut tree, "shoe-store", None).unwrap();
    let made = tree.take_in(&google, "Shoe store", [7; 16], now()).unwrap();
    assert_eq!((made.slug.as_str(), made.sort_order, tree.counts().mapped), ("shoe-store-2", 1, 1));
    tree.remove(&made.id, None, now()).unwrap();
    assert!(tree.by_google_id(&google).is_empty());
    let back = tree.take_in(&google, "Shoe shop", [8; 16], now()).unwrap();
    assert_eq!((back.id == made.id, back.name.as_str()), (true, "Shoe shop"));
    assert_eq!(tree.by_google_id(&google), [&back]);
}

#[test]
fn what_is_below_is_lifted_as_far_as_there_is_room() {
    let mut tree = tree();
    let top = add(&mut tree, "top", None).unwrap();
    let middle = add(&mut tree, "middle", Some(&top)).unwrap();
    let mut tree = stored(&tree);
    for number in 0..CHANGES_MAX {
        add(&mut tree, &format!("c-{number}"), Some(&middle)).unwrap();
    }
    let mut tree = stored(&tree);
    add(&mut tree, "one-more", Some(&middle)).unwrap();
    assert_eq!(tree.lift_children(&middle, now()), Ok(false));
    let mut tree = stored(&tree);
    assert_eq!(tree.lift_children(&middle, now()), Ok(true));
    assert_eq!(tree.children(&top).count(), CHANGES_MAX + 2);
    tree.remove(&middle, None, now()).unwrap();
}

#[test]
fn what_is_covered_is_of_all_and_never_rounded_up_to_all() {
    for (total, mapped, coverage, compliant) in [
        (0, 0, 0.0, false),
        (1, 1, 100.0, true),
        (3, 2, 66.6, false),
        (1_000, 999, 99.9, false),
        (2_001, 2_000, 99.9, false),
    ] {
        let counts = Counts { total, mapped, inactive: 5 };
        assert_eq!((counts.coverage(), counts.is_compliant()), (coverage, compliant), "{total} {mapped}");
    }
}

/// Any tree that was put together by moves, deletions and restorations of some categories.
fn shuffled(steps: &[(usize, usize, u8)]) -> Tree {
    let mut tree = tree();
    let ids: Vec<CategoryId> = (0..12).map(|number| add(&mut tree, &format!("c-{number}"), None).unwrap()).collect();
    for (one, other, what) in steps {
        let (id, parent) = (&ids[one % ids.len()], ids.get(other % (ids.len() + 1)));
        let slug = Slug::parse(&format!("c-{other}")).unwrap();
        let change = match what % 6 {
            0..=2 => Change { parent_id: Some(parent.cloned()), ..Change::default() },
            3 => Change { is_active: Some(false), ..Change::default() },
            4 => Change { is_active: Some(true), ..Change::default() },
            _ => Change { slug: Some(slug), ..Change::default() },
        };
        // Whatever is refused leaves the tree as it was.
        let before = tree.rows.clone();
        if tree.change(id, change, None, now()).is_err() {
            assert_eq!(tree.rows, before);
        }
    }
    tree
}

proptest! {
    #[test]
    fn no_sequence_of_changes_makes_a_cycle_an_orphan_or_a_slug_twice(
        steps in proptest::collection::vec((0_usize..12, 0_usize..13, 0_u8..6), 0..80),
    ) {
        let tree = shuffled(&steps);
        for category in tree.active() {
            let (mut levels, mut next) = (1, category.parent_id.clone());
            while let Some(parent) = next {
                levels += 1;
                prop_assert!(levels <= DEPTH_MAX);
                let parent = tree.get(&parent).unwrap();
                prop_assert!(parent.is_active);
                next = parent.parent_id.clone();
            }
        }
        let slugs: BTreeSet<&Slug> = tree.all().map(|category| &category.slug).collect();
        prop_assert_eq!(slugs.len(), tree.all().count());
        let counts = tree.counts();
        prop_assert_eq!(counts.total + counts.inactive, 12);
    }
}
