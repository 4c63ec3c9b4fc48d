//! Of which kind an item is, and whose: the one list of all that is stored. What exports it, keeps it or erases it goes by this list, and
//! docs/data.md shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Item;
use super::forget::IS_NOBODYS;
use crate::domain::audit::Action;
use crate::domain::ids::TenantId;
use crate::domain::place::split_time;

/// The tables, in the order in which a tenant is erased: what lets new data in first, what is read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// Connections.
    Connections,
    /// How things stand.
    Control,
    /// What was given up on, and what operators did.
    Journal,
    /// Claims, refused deliveries and counters.
    Deliveries,
    /// Runs.
    Runs,
    /// Snapshots.
    Snapshots,
    /// Records, and the deliveries that had their effect.
    Records,
}

impl TableName {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Connections, Self::Control, Self::Journal, Self::Deliveries, Self::Runs, Self::Snapshots, Self::Records];

    /// Its name in files and on the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Control => "control",
            Self::Journal => "journal",
            Self::Deliveries => "deliveries",
            Self::Runs => "runs",
            Self::Snapshots => "snapshots",
            Self::Records => "records",
        }
    }

    /// The environment variable that names it.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Connections => "CONNECTIONS_TABLE",
            Self::Control => "CONTROL_TABLE",
            Self::Journal => "JOURNAL_TABLE",
            Self::Deliveries => "DELIVERIES_TABLE",
            Self::Runs => "RUNS_TABLE",
            Self::Snapshots => "SNAPSHOTS_TABLE",
            Self::Records => "RECORDS_TABLE",
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A part of what is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// How things are to be: connections, categories, flags, who unsubscribed.
    Connections,
    /// What happened: runs, claims, dead letters, alerts, the record of operators.
    History,
    /// What was synced and received, with the snapshots that it is compared with.
    Records,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Connections, Self::History, Self::Records];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::History => "history",
            Self::Records => "records",
        }
    }
}

/// What becomes of an item when the tenant is erased that it is of, or that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It is deleted.
    Deleted,
    /// It is of all tenants: the tenant is taken out of it, and the rest stays.
    TakenOut,
    /// It stays: it names no tenant, or says that one was erased.
    Kept,
}

/// A kind of items.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// In which table.
    pub table: TableName,
    /// What people call it.
    pub name: &'static str,
    /// In which part of an export; none where it is what goes on at the moment, which is made anew.
    pub part: Option<Part>,
    /// What becomes of it when its tenant is erased.
    pub erasure: Erasure,
}

const fn kind(table: TableName, name: &'static str, part: Option<Part>, erasure: Erasure) -> Kind {
    Kind { table, name, part, erasure }
}

const CONNECTIONS: Option<Part> = Some(Part::Connections);
const HISTORY: Option<Part> = Some(Part::History);
const RECORDS: Option<Part> = Some(Part::Records);

/// All kinds.
pub const KINDS: [Kind; 70] = {
    use Erasure::{Deleted, Kept, TakenOut};
    use TableName::{Connections, Control, Deliveries, Journal, Records, Runs, Snapshots};
    [
        kind(Connections, "connection", CONNECTIONS, Deleted),
        kind(Connections, "address", CONNECTIONS, Deleted),
        kind(Connections, "due time", None, Deleted),
        kind(Connections, "breaker", None, Deleted),
        kind(Connections, "linking", None, Deleted),
        kind(Connections, "quota", None, Deleted),
        kind(Connections, "quota of a part", None, Deleted),
        kind(Connections, "access token", None, Deleted),
        kind(Connections, "handed out", None, TakenOut),
        kind(Connections, "import", None, TakenOut),
        kind(Connections, "providers", None, Kept),
        kind(Control, "lease", None, Deleted),
        kind(Control, "last test", None, Deleted),
        kind(Control, "last use of secrets", None, Deleted),
        kind(Control, "alert", None, Deleted),
        kind(Control, "open alert", None, Deleted),
        kind(Control, "resolved alert", HISTORY, Deleted),
        kind(Control, "history of an alert", HISTORY, Deleted),
        kind(Control, "message", HISTORY, Deleted),
        kind(Control, "sender of messages", None, Deleted),
        kind(Control, "refusal of a channel", None, Deleted),
        kind(Control, "watched alert", None, Deleted),
        kind(Control, "note", None, Deleted),
        kind(Control, "due message", None, Deleted),
        kind(Control, "cursor of alerts", None, TakenOut),
        kind(Control, "notice", HISTORY, Deleted),
        kind(Control, "due notice", None, Deleted),
        kind(Control, "failing receiver", None, Deleted),
        kind(Control, "digest", HISTORY, Deleted),
        kind(Control, "wanted digest", None, Deleted),
        kind(Control, "unsubscribed address", CONNECTIONS, Deleted),
        kind(Control, "round of digests", None, TakenOut),
        kind(Control, "flags of a tenant", CONNECTIONS, Deleted),
        kind(Control, "flags of all", CONNECTIONS, TakenOut),
        kind(Control, "category", CONNECTIONS, Deleted),
        kind(Control, "slug", CONNECTIONS, Deleted),
        kind(Control, "tree of categories", CONNECTIONS, Deleted),
        kind(Control, "used ticket", None, Deleted),
        kind(Control, "cursor of the watchdog", None, TakenOut),
        kind(Journal, "dead letter", HISTORY, Deleted),
        kind(Journal, "body of a dead letter", HISTORY, Deleted),
        kind(Journal, "record", HISTORY, Deleted),
        kind(Journal, "record of an erasure", HISTORY, Kept),
        kind(Journal, "replay", None, Deleted),
        kind(Deliveries, "claim", HISTORY, Deleted),
        kind(Deliveries, "hour", HISTORY, Deleted),
        kind(Deliveries, "rejected delivery", None, Deleted),
        kind(Deliveries, "body of a rejected delivery", None, Kept),
        kind(Deliveries, "ring", None, Kept),
        kind(Deliveries, "rings", None, Kept),
        kind(Deliveries, "counters of the fleet", None, Kept),
        kind(Runs, "run", HISTORY, Deleted),
        kind(Runs, "open run", None, Deleted),
        kind(Runs, "counter of runs", HISTORY, Deleted),
        kind(Runs, "log of a run", HISTORY, Deleted),
        kind(Runs, "mirror", HISTORY, Deleted),
        kind(Runs, "counter of mirrors", HISTORY, Deleted),
        kind(Runs, "mirror among all", HISTORY, TakenOut),
        kind(Runs, "counter of all mirrors", HISTORY, Kept),
        kind(Runs, "failed mirror", None, Deleted),
        kind(Runs, "fan-out", HISTORY, TakenOut),
        kind(Runs, "open fan-out", None, TakenOut),
        kind(Snapshots, "state", RECORDS, Deleted),
        kind(Snapshots, "manifest", RECORDS, Deleted),
        kind(Snapshots, "segment", RECORDS, Deleted),
        kind(Snapshots, "shape", RECORDS, Deleted),
        kind(Records, "record", RECORDS, Deleted),
        kind(Records, "hour of deliveries", RECORDS, Deleted),
        kind(Records, "delivery", RECORDS, Deleted),
        kind(Records, "part of a body", RECORDS, Deleted),
    ]
};

/// Of which kind an item is, and whose where it is one tenant's; none where its key is of no kind that is known.
#[must_use]
pub(super) fn classify(table: TableName, item: &Item) -> Option<(&'static Kind, Option<TenantId>)> {
    let (name, owner) = named(table, item)?;
    let owner = match owner {
        Whose::All => None,
        // As it is written in keys, and no other way.
        Whose::Tenant(text) => Some(TenantId::parse(text).ok().filter(|tenant| tenant.as_str() == text)?),
    };
    Some((KINDS.iter().find(|kind| kind.table == table && kind.name == name)?, owner))
}

enum Whose<'a> {
    All,
    Tenant(&'a str),
}

/// The tenant that a key begins with.
fn first(key: &str) -> Whose<'_> {
    Whose::Tenant(key.split(['/', '#']).next().unwrap_or_default())
}

fn field<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn named(table: TableName, item: &Item) -> Option<(&'static str, Whose<'_>)> {
    let pk = field(item, "pk")?;
    let sk = field(item, "sk").unwrap_or_default();
    match table {
        TableName::Connections => of_connections(pk, sk, item),
        TableName::Control => of_control(pk, sk),
        TableName::Journal => of_journal(pk, sk, item),
        TableName::Deliveries => of_deliveries(pk, sk, item),
        TableName::Runs => of_runs(pk, item),
        TableName::Snapshots => of_snapshots(pk, sk),
        TableName::Records => Some((of_records(pk, item), first(pk))),
    }
}

fn of_connections<'a>(pk: &'a str, sk: &str, item: &'a Item) -> Option<(&'static str, Whose<'a>)> {
    if let Some(of_all) = pk.strip_prefix('@') {
        return match of_all {
            "due" => Some(("handed out", Whose::All)),
            "imports" => Some(("import", Whose::All)),
            "providers" => Some(("providers", Whose::All)),
            _ if of_all.starts_with("address#") => Some(("address", first(field(item, "connection")?))),
            _ => None,
        };
    }
    let name = match sk.split_once('#')?.0 {
        "connection" => "connection",
        "due" => "due time",
        "breaker" => "breaker",
        "linking" => "linking",
        "quota" => "quota",
        "quota-of" => "quota of a part",
        "access-token" => "access token",
        _ => return None,
    };
    Some((name, Whose::Tenant(pk)))
}

fn of_control<'a>(pk: &'a str, sk: &'a str) -> Option<(&'static str, Whose<'a>)> {
    let of_time = || Some(first(split_time(sk)?.1));
    match pk {
        "watchdog" => return Some(("cursor of the watchdog", Whose::All)),
        "@alerts" => return Some(("cursor of alerts", Whose::All)),
        "@alerts#open" => return Some(("watched alert", first(sk))),
        "@alerts#notes" => return Some(("note", first(sk))),
        "@alerts#unsent" => return Some(("due message", of_time()?)),
        "@completions#due" => return Some(("due notice", of_time()?)),
        "@digests" => return Some(("round of digests", Whose::All)),
        "@digests#wanted" => return Some(("wanted digest", first(sk))),
        "@flags" => return Some(("flags of all", Whose::All)),
        _ => {}
    }
    if pk.contains('/') {
        let name = match sk {
            "lease" => "lease",
            "test" => "last test",
            "used" => "last use of secrets",
            _ => return None,
        };
        return Some((name, first(pk)));
    }
    let kind = sk.split_once('#').map_or(sk, |(kind, _)| kind);
    let name = match (pk.split_once('#')?.1, kind) {
        ("alerts", "at") => "alert",
        ("alerts", "sender") => "sender of messages",
        ("alerts", "channel") => "refusal of a channel",
        ("alerts#open", _) => "open alert",
        ("alerts#resolved", _) => "resolved alert",
        ("alerts#history", _) => "history of an alert",
        ("alerts#messages", _) => "message",
        ("completions", _) => "notice",
        ("completions#failing", _) => "failing receiver",
        ("digests", _) => "digest",
        ("digests#unsubscribed", _) => "unsubscribed address",
        ("flags", _) => "flags of a tenant",
        ("categories", "category") => "category",
        ("categories", "slug") => "slug",
        ("categories", "tree") => "tree of categories",
        ("stream-tickets", _) => "used ticket",
        _ => return None,
    };
    Some((name, first(pk)))
}

fn of_journal<'a>(pk: &'a str, sk: &str, item: &Item) -> Option<(&'static str, Whose<'a>)> {
    let name = match pk.split_once('#')?.1 {
        "dead-letters" if sk.starts_with("body#") => "body of a dead letter",
        "dead-letters" => "dead letter",
        "audit" if field(item, "action") == Some(Action::EraseTenant.as_str()) => "record of an erasure",
        "audit" => "record",
        "replays" => "replay",
        _ => return None,
    };
    Some((name, first(pk)))
}

fn of_deliveries<'a>(pk: &'a str, sk: &str, item: &'a Item) -> Option<(&'static str, Whose<'a>)> {
    match (pk, sk) {
        ("metrics", _) => return Some(("counters of the fleet", Whose::All)),
        ("rejected", _) => return Some(("rings", Whose::All)),
        _ => {}
    }
    if pk.starts_with("rejected#") {
        return match sk {
            "next" => Some(("ring", Whose::All)),
            _ if sk.starts_with("body#") => Some(("body of a rejected delivery", Whose::All)),
            // What it says of itself may be anything; then it is nobody's.
            _ => {
                let said = field(item, "tenant").unwrap_or_default();
                let is_name = TenantId::parse(said).is_ok_and(|tenant| tenant.as_str() == said);
                Some(("rejected delivery", if is_name { Whose::Tenant(said) } else { Whose::All }))
            }
        };
    }
    match sk {
        "claim" => Some(("claim", first(pk))),
        _ if pk.ends_with("#hours") => Some(("hour", first(pk))),
        _ => None,
    }
}

fn of_runs<'a>(pk: &'a str, item: &'a Item) -> Option<(&'static str, Whose<'a>)> {
    let is_open = item.contains_key("open");
    let Some(of_mirrors) = pk.strip_prefix("mirrors#") else {
        let name = match pk.split_once('#').map(|(_, what)| what) {
            None if is_open => "open run",
            None => "run",
            Some("statistics") => "counter of runs",
            Some("log") => "log of a run",
            Some(_) => return None,
        };
        return Some((name, first(pk)));
    };
    let of_row = || match field(item, "tenantId") {
        Some(tenant) if !item.contains_key(IS_NOBODYS) => Whose::Tenant(tenant),
        _ => Whose::All,
    };
    let is_counter = of_mirrors.ends_with("#counters");
    if let Some(of_tenant) = of_mirrors.strip_prefix("tenant/") {
        return Some((if is_counter { "counter of mirrors" } else { "mirror" }, first(of_tenant)));
    }
    match of_mirrors.split('#').next()? {
        "errors" => Some(("failed mirror", of_row())),
        "all" if is_counter => Some(("counter of all mirrors", Whose::All)),
        "all" => Some(("mirror among all", of_row())),
        "fan-out" => Some((if is_open { "open fan-out" } else { "fan-out" }, Whose::All)),
        _ => None,
    }
}

fn of_snapshots<'a>(pk: &'a str, sk: &str) -> Option<(&'static str, Whose<'a>)> {
    let name = match sk.split_once('#').map_or(sk, |(kind, _)| kind) {
        "state" => "state",
        "manifest" => "manifest",
        "segment" => "segment",
        "shape" => "shape",
        _ => return None,
    };
    Some((name, first(pk)))
}

fn of_records(pk: &str, item: &Item) -> &'static str {
    match pk.split_once('#') {
        Some((tenant, "deliveries")) if !tenant.contains('/') => "hour of deliveries",
        // An entry has a label; a part of a body has the body alone.
        Some((tenant, _)) if !tenant.contains('/') && item.contains_key("correlationId") => "delivery",
        Some((tenant, _)) if !tenant.contains('/') => "part of a body",
        _ => "record",
    }
}
