//! Taking data out: every item that is exported is a line, written as its table is read. Nothing is held but a page of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;
use signalbox::aws::inventory::Inventory;
use signalbox::aws::inventory::kinds::{Part, TableName};
use signalbox::domain::ids::TenantId;
use signalbox::domain::time;

use super::{Counts, EXPORT, End, Failed, Header, Line, Named, Progress, Secrets, Totals, Unknowns, VERSION};

/// What is taken out.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose; none means all there is.
    pub tenant: Option<TenantId>,
    /// Which parts.
    pub parts: BTreeSet<Part>,
}

/// What was.
#[derive(Debug, Default)]
pub struct Exported {
    /// What is in the file.
    pub counts: Counts,
    /// What is in the tables, and not in the file: what goes on at the moment, and what is of other parts is not counted.
    pub left_out: Counts,
    /// The secrets that are to be set again where it is put in.
    pub secrets: Named<Secrets>,
}

/// Takes data out into a file.
///
/// It is as of the time of reading, and that is not one moment: what changes meanwhile may be in it or not.
///
/// # Errors
/// When a table cannot be read, the file cannot be written, or there are items of kinds that are not known. The file has no last line then,
/// and is refused by who reads it.
pub async fn export(
    inventory: &Inventory,
    wanted: &Wanted,
    now: Timestamp,
    to: &mut (dyn Write + Send),
    progress: Progress<'_>,
) -> Result<Exported, Failed> {
    let parts: Vec<Part> = wanted.parts.iter().copied().collect();
    let header = Header {
        signalbox: EXPORT.to_owned(),
        version: VERSION,
        at: time::text(now),
        tenant: wanted.tenant.clone(),
        parts,
        tables: TableName::ALL.to_vec(),
    };
    write(to, &header)?;
    let (mut done, mut unknowns) = (Exported::default(), Unknowns::default());
    for table in TableName::ALL {
        let (mut from, mut read) = (None, 0);
        loop {
            let (items, next) = inventory.page(table, from).await?;
            read += items.len() as u64;
            for stored in items {
                let Some((kind, owner)) = stored.kind() else {
                    unknowns.note(&stored);
                    continue;
                };
                let is_meant = wanted.tenant.is_none() || owner == wanted.tenant;
                if !is_meant || stored.is_expired(now) {
                    continue;
                }
                match kind.part {
                    // The row of a tenant is among its own, too.
                    Some(part)
                        if wanted.parts.contains(&part) && !(wanted.tenant.is_some() && is_of_all(kind.name)) =>
                    {
                        let secrets = stored.secrets();
                        if let Some(connection) = stored.connection().filter(|_| !secrets.is_empty()) {
                            done.secrets.note(Secrets { connection: connection.to_owned(), names: secrets.clone() });
                        }
                        *done.counts.entry((table, kind.name)).or_default() += 1;
                        let item = stored.without_secrets().json();
                        write(to, &Line { table, kind: kind.name.to_owned(), item, secrets })?;
                    }
                    Some(_) => {}
                    None => *done.left_out.entry((table, kind.name)).or_default() += 1,
                }
            }
            progress(table, read);
            from = next;
            if from.is_none() {
                break;
            }
        }
    }
    unknowns.checked()?;
    let mut totals = Totals::default();
    for ((table, _), count) in &done.counts {
        totals.items += count;
        *totals.tables.entry(*table).or_default() += count;
    }
    totals.left_out = by_kind(&done.left_out);
    write(to, &End { end: totals })?;
    to.flush()?;
    Ok(done)
}

fn is_of_all(kind: &str) -> bool {
    kind == "mirror among all"
}

fn by_kind(counts: &Counts) -> BTreeMap<String, u64> {
    counts.iter().map(|((table, kind), count)| (format!("{table}: {kind}"), *count)).collect()
}

fn write(to: &mut dyn Write, line: &impl Serialize) -> Result<(), Failed> {
    serde_json::to_writer(&mut *to, line).map_err(std::io::Error::from)?;
    to.write_all(b"\n")?;
    Ok(())
}
