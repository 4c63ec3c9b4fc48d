//! What an import makes of the connections that are stored.
//!
//! One rule decides whose a connection is: what operators keep, and what another source keeps and names, is left and said, and
//! never taken over. What a source kept and names no more goes to the source that names it, in one change: to remove it there and
//! make it here would forget its pause and its secrets, and its address could be another's in between. A pause is an operator's,
//! and stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, SecretAt, Wrong};
use crate::domain::connections::changes;
use crate::domain::connections::provider::{Provider, WrongSetting};
use crate::domain::connections::sealed::SECRET_BYTES_MAX;
use crate::domain::connections::stored::{Checked, KeptBy, StoredConnection, Wanted};
use crate::domain::ids::{Connection, ProviderId};

/// Whose connections they are.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The source that is imported.
    pub source: &'a str,
    /// The other sources that the deployment names.
    pub others: &'a Others,
    /// Whether what is wrong with one entry leaves the others to be imported. Doors and runs go by the variables whatever an import
    /// thinks of them, and may have taken for years what a provider does not take; a file is written for the import alone.
    pub singly: bool,
}

/// What each source names; nothing of one of which that cannot be told now.
pub type Others = BTreeMap<String, Option<BTreeSet<Connection>>>;

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Make,
    /// The connection at this version is changed in what these names name.
    Change(u64, Vec<String>),
    /// It is so already, at this version, as far as can be told without its secrets.
    Leave(u64),
    /// Somebody else keeps it, or has its name.
    Refuse(String),
}

/// An entry, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned<'a> {
    /// What the configuration says.
    pub entry: &'a Entry,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What an import does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<'a> {
    /// With what the configuration names.
    pub planned: Vec<Planned<'a>>,
    /// What it named once, and no source names any more, at these versions.
    pub removed: Vec<(Connection, u64)>,
    /// What the source keeps afterwards: what is still to be handed over to another one is among it, so that it is not forgotten.
    pub keeps: BTreeSet<Connection>,
}

impl Entry {
    /// What the connection is to be.
    #[must_use]
    pub fn wanted(&self, kept_by: KeptBy) -> Wanted {
        let Self { display_name, settings, schedule, .. } = self.clone();
        Wanted { display_name, settings, schedule, kept_by }
    }
}

impl Plan<'_> {
    /// What the source names and operators keep, of what is stored.
    pub fn of_operators(&self, stored: &BTreeMap<Connection, StoredConnection>) -> impl Iterator<Item = Connection> {
        let named = self.planned.iter().filter_map(|planned| stored.get(&planned.entry.connection));
        named.filter(|stored| stored.kept_by == KeptBy::Operators).map(|stored| stored.connection.clone())
    }
}

/// What an import of these entries does, where these connections are stored: at least those of the entries, and those that the
/// source has ever kept.
///
/// # Errors
/// All that providers do not take, by place, where entries are not taken singly. Nothing of it must be imported then.
pub fn plan<'a, 'p>(
    kept: Kept<'_>,
    entries: &'a [Entry],
    stored: &BTreeMap<Connection, StoredConnection>,
    provider: impl Fn(&ProviderId) -> &'p Provider,
) -> Result<Plan<'a>, Wrong> {
    let keeper = KeptBy::Configuration { source: kept.source.to_owned() };
    let (mut planned, mut wrong) = (Vec::with_capacity(entries.len()), Vec::new());
    let (mut named, mut addresses) = (BTreeSet::new(), BTreeMap::new());
    for entry in entries {
        let connection = &entry.connection;
        let of = provider(&connection.provider);
        if !named.insert(connection) {
            // Of a file that is wrong, and was found before. Variables could always say it: the first one counts.
            let why = format!("{} is another of {connection}: give it a name of its own", entry.place);
            planned.push(Planned { entry, verdict: Verdict::Refuse(why) });
            continue;
        }
        let mut refuse = |entry: &'a Entry, found: Vec<WrongSetting>| {
            if kept.singly {
                let why = format!("{connection}: {}", Wrong(found));
                planned.push(Planned { entry, verdict: Verdict::Refuse(why) });
            } else {
                wrong.extend(found);
            }
        };
        let checked = match entry.wanted(keeper.clone()).checked(connection, of, entry.secrets.is_some()) {
            Ok(checked) => checked,
            Err(found) => {
                let at = |found: WrongSetting| WrongSetting::new(format!("{}.{}", entry.place, found.name), found.why);
                refuse(entry, found.into_iter().map(at).chain(too_long(entry)).collect());
                continue;
            }
        };
        let taken = (of.addresses)(connection, &checked.settings);
        let is_anothers = |address: &String| {
            let other = addresses.get(address)?;
            Some(WrongSetting::new(&entry.place, format!("has {address}, which {other} has")))
        };
        let found: Vec<_> = taken.iter().filter_map(is_anothers).chain(too_long(entry)).collect();
        if !found.is_empty() {
            refuse(entry, found);
            continue;
        }
        addresses.extend(taken.into_iter().map(|address| (address, &entry.place)));
        let verdict = match stored.get(connection) {
            None => Verdict::Make,
            Some(before) => verdict(kept, before, entry, checked, &keeper),
        };
        planned.push(Planned { entry, verdict });
    }
    Wrong::of(wrong)?;
    let is_nobodys = |connection: &Connection| {
        kept.others.values().all(|names| names.as_ref().is_some_and(|names| !names.contains(connection)))
    };
    let ours = stored.values().filter(|stored| stored.kept_by == keeper);
    let (gone, stay): (Vec<_>, Vec<_>) =
        ours.partition(|stored| !named.contains(&stored.connection) && is_nobodys(&stored.connection));
    let removed = gone.into_iter().map(|stored| (stored.connection.clone(), stored.version)).collect();
    let taken = planned.iter().filter(|planned| !matches!(planned.verdict, Verdict::Refuse(_)));
    let taken = taken.map(|planned| &planned.entry.connection);
    let keeps = taken.chain(stay.into_iter().map(|stored| &stored.connection)).cloned().collect();
    Ok(Plan { planned, removed, keeps })
}

/// A secret that stands in the configuration itself, and is longer than what can be sealed.
fn too_long(entry: &Entry) -> Option<WrongSetting> {
    let secrets = entry.secrets.iter().flat_map(|at| std::iter::once(&at.current).chain(&at.previous));
    let is_too_long = |at: &SecretAt| matches!(at, SecretAt::Given(secret) if secret.expose().len() > SECRET_BYTES_MAX);
    let why = format!("have more than {SECRET_BYTES_MAX} bytes");
    secrets.into_iter().any(is_too_long).then(|| WrongSetting::new(format!("{}.secrets", entry.place), why))
}

fn verdict(kept: Kept<'_>, before: &StoredConnection, entry: &Entry, checked: Checked, keeper: &KeptBy) -> Verdict {
    let connection = &before.connection;
    match &before.kept_by {
        KeptBy::Operators => {
            return Verdict::Refuse(format!(
                "{connection} is kept by operators: delete it, or take it out of {}",
                kept.source
            ));
        }
        KeptBy::Configuration { source } if source != kept.source => match kept.others.get(source) {
            Some(Some(names)) if names.contains(connection) => {
                return Verdict::Refuse(format!("{connection} is kept by {source}: name it in one place"));
            }
            Some(None) => {
                return Verdict::Refuse(format!("{connection} is kept by {source}, which cannot be read now"));
            }
            Some(Some(_)) | None => {}
        },
        KeptBy::Configuration { .. } => {}
    }
    let Checked { display_name, settings, schedule } = checked;
    let after = StoredConnection { display_name, settings, schedule, kept_by: keeper.clone(), ..before.clone() };
    let mut names = changes::names(Some(before), &after);
    if entry.paused && before.is_active() {
        names.push("state".to_owned());
    }
    match names {
        names if names.is_empty() => Verdict::Leave(before.version),
        names => Verdict::Change(before.version, names),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{ENVIRONMENT, OF_A_DEPLOYMENT, read_file};
    use super::*;
    use crate::domain::connections::provider::{SecretUse, Setting, SettingKind};
    use crate::domain::connections::stored::{Change, ConnectionState};

    type Stored = BTreeMap<Connection, StoredConnection>;

    /// One that has a setting and an address by it.
    static PROVIDER: Provider = Provider {
        name: "Shops",
        icon: "SH",
        colour: "#000000",
        entities: &[],
        settings: &[Setting { name: "id", kind: SettingKind::Text, required: false, about: "Its id" }],
        secret: SecretUse::None,
        secret_about: "",
        scheduled: true,
        sender: None,
        pull: None,
        check: |_, _| Ok(()),
        addresses: |_, settings| {
            settings.get("id").map(|id| format!("shop/{}", id.as_str().unwrap_or_default())).into_iter().collect()
        },
        mistakes: &[],
    };

    const OURS: &str = "s3://config/connections.json";

    fn entries(items: &Value) -> Vec<Entry> {
        read_file(&json!({"connections": items}).to_string(), OF_A_DEPLOYMENT).unwrap()
    }

    fn change() -> Change {
        Change { at: jiff::Timestamp::UNIX_EPOCH, by: "import".into() }
    }

    fn made(entry: &Entry, kept_by: KeptBy, before: Option<&StoredConnection>) -> StoredConnection {
        StoredConnection::put(before, &entry.connection, &PROVIDER, entry.wanted(kept_by), None, change()).unwrap()
    }

    fn by(source: &str) -> KeptBy {
        KeptBy::Configuration { source: source.into() }
    }

    fn planned<'a>(entries: &'a [Entry], stored: &Stored) -> Result<Plan<'a>, Wrong> {
        let named = ["elsewhere", "0", "1", "2", "3", "4", "5"].map(|name| format!("acme/shop/{name}"));
        planned_beside(entries, stored, Some(&named.each_ref().map(String::as_str)))
    }

    /// Where the variables name these, or cannot be read.
    fn planned_beside<'a>(entries: &'a [Entry], stored: &Stored, names: Option<&[&str]>) -> Result<Plan<'a>, Wrong> {
        let names = names.map(|names| names.iter().map(|name| name.parse().unwrap()).collect());
        let others = Others::from([(ENVIRONMENT.to_owned(), names)]);
        plan(Kept { source: OURS, others: &others, singly: false }, entries, stored, |_| &PROVIDER)
    }

    /// What the plan leaves.
    fn applied(plan: &Plan<'_>, stored: &Stored) -> Stored {
        let mut after = stored.clone();
        for (connection, _) in &plan.removed {
            after.remove(connection);
        }
        for Planned { entry, verdict } in &plan.planned {
            if matches!(verdict, Verdict::Make | Verdict::Change(..)) {
                let made = made(entry, by(OURS), after.get(&entry.connection));
                after.insert(entry.connection.clone(), made);
            }
        }
        after
    }

    fn stored(items: &[(&str, Value, KeptBy)]) -> Stored {
        let of = |(name, settings, kept_by): &(&str, Value, KeptBy)| {
            let entry = &entries(&json!([{"connection": name, "settings": settings}]))[0];
            (entry.connection.clone(), made(entry, kept_by.clone(), None))
        };
        items.iter().map(of).collect()
    }

    #[test]
    fn what_is_stored_decides_what_becomes_of_an_entry() {
        let wanted = entries(&json!([
            {"connection": "acme/shop/new"},
            {"connection": "acme/shop/same", "settings": {"id": "same"}},
            {"connection": "acme/shop/other", "settings": {"id": "after"}, "schedule": {"every": 5}},
            {"connection": "acme/shop/operators", "settings": {"id": "operators"}},
            {"connection": "acme/shop/elsewhere", "settings": {"id": "elsewhere"}},
            {"connection": "acme/shop/orphan", "settings": {"id": "orphan"}},
        ]));
        let there = stored(&[
            ("acme/shop/same", json!({"id": "same"}), by(OURS)),
            ("acme/shop/other", json!({"id": "before"}), by(OURS)),
            ("acme/shop/operators", json!({"id": "operators"}), KeptBy::Operators),
            ("acme/shop/elsewhere", json!({"id": "elsewhere"}), by(ENVIRONMENT)),
            ("acme/shop/orphan", json!({"id": "orphan"}), by("s3://config/older.json")),
            ("acme/shop/gone", json!({}), by(OURS)),
            ("acme/shop/gone-of-operators", json!({}), KeptBy::Operators),
            ("acme/shop/gone-of-others", json!({}), by(ENVIRONMENT)),
        ]);
        let plan = planned(&wanted, &there).unwrap();
        let found: Vec<(&str, &Verdict)> =
            plan.planned.iter().map(|planned| (planned.entry.connection.name.as_str(), &planned.verdict)).collect();
        let refuse = |why: &str| Verdict::Refuse(why.to_owned());
        let change = |names: &[&str]| Verdict::Change(0, names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(
            found,
            [
                ("new", &Verdict::Make),
                ("same", &Verdict::Leave(0)),
                ("other", &change(&["schedule", "settings.id"])),
                (
                    "operators",
                    &refuse(
                        "acme/shop/operators is kept by operators: delete it, or take it out of s3://config/connections.json"
                    )
                ),
                ("elsewhere", &refuse("acme/shop/elsewhere is kept by environment: name it in one place")),
                ("orphan", &change(&["keptBy"])),
            ]
        );
        assert_eq!(plan.removed, [("acme/shop/gone".parse().unwrap(), 0)]);
    }

    #[test]
    fn what_another_source_names_no_more_is_handed_over_and_removed_by_neither() {
        let wanted = entries(&json!([{"connection": "acme/shop/a", "settings": {"id": "a"}}]));
        let there = |keeper| stored(&[("acme/shop/a", json!({"id": "a"}), keeper)]);
        let refuse = |why: &str| Verdict::Refuse(format!("acme/shop/a is kept by environment{why}"));
        for (names, verdict) in [
            (Some(&[][..]), Verdict::Change(0, vec!["keptBy".into()])),
            (Some(&["acme/shop/a"]), refuse(": name it in one place")),
            (None, refuse(", which cannot be read now")),
        ] {
            let plan = planned_beside(&wanted, &there(by(ENVIRONMENT)), names).unwrap();
            assert_eq!(plan.planned[0].verdict, verdict);
        }
        // The other side of it: what this source names no more.
        for (names, is_removed) in [(Some(&[][..]), true), (Some(&["acme/shop/a"]), false), (None, false)] {
            let plan = planned_beside(&[], &there(by(OURS)), names).unwrap();
            assert_eq!((plan.removed.len() == 1, plan.keeps.is_empty()), (is_removed, is_removed));
        }
    }

    #[test]
    fn a_pause_is_no_difference_and_stays() {
        let wanted = entries(&json!([{"connection": "acme/shop/a", "settings": {"id": "a"}}]));
        let mut there = stored(&[("acme/shop/a", json!({"id": "b"}), by(OURS))]);
        let paused =
            ConnectionState::Paused { by: "ada".into(), why: "it moves".into(), since: jiff::Timestamp::UNIX_EPOCH };
        there.values_mut().for_each(|one| one.state = paused.clone());
        let plan = planned(&wanted, &there).unwrap();
        assert_eq!(plan.planned[0].verdict, Verdict::Change(0, vec!["settings.id".into()]));
        let after = applied(&plan, &there);
        assert_eq!(after.values().next().unwrap().state, paused);
        assert_eq!(planned(&wanted, &after).unwrap().planned[0].verdict, Verdict::Leave(1));
    }

    #[test]
    fn what_is_to_stand_still_is_paused_and_what_is_to_work_undoes_no_pause() {
        let wanted = |state: &str| entries(&json!([{"connection": "acme/shop/a", "state": state}]));
        let there = |state: &ConnectionState| {
            let mut there = stored(&[("acme/shop/a", json!({}), by(OURS))]);
            there.values_mut().for_each(|one| one.state = state.clone());
            there
        };
        let paused =
            ConnectionState::Paused { by: "ada".into(), why: String::new(), since: jiff::Timestamp::UNIX_EPOCH };
        for (state, is, verdict) in [
            ("paused", &ConnectionState::Active, Verdict::Change(0, vec!["state".into()])),
            ("paused", &paused, Verdict::Leave(0)),
            ("active", &paused, Verdict::Leave(0)),
            ("active", &ConnectionState::Active, Verdict::Leave(0)),
        ] {
            assert_eq!(planned(&wanted(state), &there(is)).unwrap().planned[0].verdict, verdict, "{state} {is:?}");
        }
    }

    #[test]
    fn what_a_provider_does_not_take_is_named_by_place_and_nothing_is_planned() {
        for (items, expected) in [
            (json!([{"connection": "a/shop/a", "settings": {"id": 5}}]), "connections[0].settings.id must be a text"),
            (json!([{"connection": "a/shop/a", "displayName": ""}]), "connections[0].displayName must have 1 to"),
            (
                json!([{"connection": "a/shop/a", "secrets": {"current": {"env": "A"}}}]),
                "connections[0].secrets are not used",
            ),
            (
                json!([{"connection": "a/shop/a", "settings": {"id": "x"}},
                    {"connection": "b/shop/b", "settings": {"id": "x"}}]),
                "connections[1] has shop/x, which connections[0] has",
            ),
        ] {
            let wrong = planned(&entries(&items), &Stored::new()).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }

    #[test]
    fn of_the_variables_what_is_wrong_is_refused_by_itself_and_stays_as_it_is_stored() {
        let mut wanted = entries(&json!([
            {"connection": "a/shop/unnamed", "displayName": ""},
            {"connection": "a/shop/good", "settings": {"id": "x"}},
            {"connection": "a/shop/same", "settings": {"id": "x"}},
            {"connection": "a/shop/secret"},
        ]));
        let current = SecretAt::Given(crate::domain::secret::Secret::new("s".repeat(SECRET_BYTES_MAX + 1)));
        wanted[3].secrets = Some(super::super::SecretsAt { current, previous: None });
        let there = stored(&[("a/shop/unnamed", json!({}), by(OURS))]);
        let provider = Provider { secret: SecretUse::Optional, ..PROVIDER };
        let kept = Kept { source: OURS, others: &Others::new(), singly: true };
        let plan = plan(kept, &wanted, &there, |_| &provider).unwrap();
        let refused: Vec<Option<&str>> = plan
            .planned
            .iter()
            .map(|planned| match &planned.verdict {
                Verdict::Refuse(why) => Some(why.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(
            refused,
            [
                Some("a/shop/unnamed: connections[0].displayName must have 1 to 100 characters"),
                None,
                Some("a/shop/same: connections[2] has shop/x, which connections[1] has"),
                Some("a/shop/secret: connections[3].secrets have more than 4096 bytes"),
            ]
        );
        let keeps = ["a/shop/good", "a/shop/unnamed"].map(|name| name.parse().unwrap());
        assert_eq!((plan.removed, plan.keeps), (Vec::new(), keeps.into()));
    }

    #[test]
    fn of_two_of_one_name_the_first_one_counts() {
        let mut wanted = entries(&json!([{"connection": "a/shop/a", "settings": {"id": "x"}}]));
        wanted.push(Entry { place: "TRACKSTAR_CONNECTIONS[1]".into(), ..wanted[0].clone() });
        let plan = planned(&wanted, &Stored::new()).unwrap();
        assert_eq!(plan.planned[0].verdict, Verdict::Make);
        assert!(matches!(&plan.planned[1].verdict, Verdict::Refuse(why) if why.contains("another of a/shop/a")));
    }

    proptest! {
        #[test]
        fn a_second_import_changes_nothing(
            wanted in proptest::collection::btree_map(0..6_u8, (0..3_u8, any::<bool>()), 0..6),
            there in proptest::collection::btree_map(0..6_u8, (0..3_u8, 0..4_usize, any::<bool>()), 0..6),
        ) {
            let item = |(name, (setting, scheduled)): (&u8, &(u8, bool))| {
                let schedule = if *scheduled { json!({"every": 5}) } else { json!("off") };
                json!({"connection": format!("acme/shop/{name}"), "settings": {"id": format!("{name}-{setting}")},
                    "schedule": schedule})
            };
            let wanted = entries(&wanted.iter().map(item).collect());
            let keepers = [KeptBy::Operators, by(OURS), by(ENVIRONMENT), by("s3://gone/file")];
            let there: Stored = there.iter().map(|(name, (setting, keeper, paused))| {
                let item = json!([{"connection": format!("acme/shop/{name}"), "settings": {"id": format!("{name}-{setting}")}}]);
                let entry = &entries(&item)[0];
                let mut stored = made(entry, keepers[*keeper].clone(), None);
                if *paused {
                    stored.state = ConnectionState::Paused { by: "ada".into(), why: String::new(), since: jiff::Timestamp::UNIX_EPOCH };
                }
                (entry.connection.clone(), stored)
            }).collect();
            let once = applied(&planned(&wanted, &there).unwrap(), &there);
            // What operators and other sources keep is as it was, and so is every pause.
            for (connection, before) in &there {
                if [KeptBy::Operators, by(ENVIRONMENT)].contains(&before.kept_by) {
                    prop_assert_eq!(once.get(connection), Some(before));
                }
                if let Some(after) = once.get(connection) {
                    prop_assert_eq!(&after.state, &before.state);
                }
            }
            let second = planned(&wanted, &once).unwrap();
            prop_assert!(second.removed.is_empty());
            for Planned { verdict, .. } in &second.planned {
                prop_assert!(matches!(verdict, Verdict::Leave(_) | Verdict::Refuse(_)), "{:?}", verdict);
            }
        }
    }
}
