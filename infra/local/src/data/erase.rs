//! Erasing a tenant: what lets new data in goes first, what is read goes last, and a crash in between is gone on from by doing it again.
//! The tables are gone through until there is nothing left to erase. Whatever ends it, what went until then is told and on record.

use std::collections::BTreeMap;

use signalbox::aws::inventory::kinds::{Erasure, TableName};
use signalbox::aws::inventory::{Inventory, Stored};
use signalbox::domain::audit::Action;
use signalbox::domain::ids::TenantId;
use signalbox::engine::operators::{Operator, Operators};

use super::{Counts, Failed, Progress, Unknowns};

/// So often all tables are gone through: what was under way at the first time is found at the second.
const ROUNDS_MAX: usize = 5;
/// Items that a refusal names.
const NAMED_MAX: usize = 5;
/// Items that are deleted before they are counted: one call's.
const BATCH: usize = 25;

/// What went, or would go.
#[derive(Debug, Default)]
pub struct Erased {
    /// Items that were deleted.
    pub deleted: Counts,
    /// Items of all tenants that the tenant was taken out of.
    pub taken_out: Counts,
    /// Items that stay, are nobody's or another tenant's, and say its name in some text.
    pub said: Counts,
    /// Whether an item was changed by somebody while the tenant was taken out of it.
    is_behind: bool,
}

impl Erased {
    /// Whether anything went.
    #[must_use]
    pub fn is_something(&self) -> bool {
        !self.deleted.is_empty() || !self.taken_out.is_empty()
    }

    fn add(&mut self, more: Self) {
        add(&mut self.deleted, more.deleted);
        add(&mut self.taken_out, more.taken_out);
        self.said = more.said;
    }

    /// Both, in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let mut tables: BTreeMap<TableName, u64> = BTreeMap::new();
        for ((table, _), count) in self.deleted.iter().chain(&self.taken_out) {
            *tables.entry(*table).or_default() += count;
        }
        let tables: Vec<String> = tables.iter().map(|(table, count)| format!("{table} {count}")).collect();
        if tables.is_empty() { "nothing was left".to_owned() } else { format!("items: {}", tables.join(", ")) }
    }
}

/// Adds up what erasing a tenant would come to.
///
/// # Errors
/// When a table cannot be read, or there are items of kinds that are not known.
pub async fn look(
    inventory: &Inventory,
    tenant: &TenantId,
    found: &mut Erased,
    progress: Progress<'_>,
) -> Result<(), Failed> {
    round(inventory, tenant, false, found, progress).await
}

/// Erases a tenant, and adds up what went, however it ends. On record before, under its name, by who does it; what went is noted there after
/// it.
///
/// # Errors
/// When a connection of it works or is kept by a deployment's configuration, a run of it is open, there are items of kinds that are not known,
/// or a table cannot be read. Nothing is done then. Also when a table cannot be written: some is gone then, and to do it again goes on.
pub async fn erase(
    inventory: &Inventory,
    operators: &Operators,
    operator: &Operator,
    erased: &mut Erased,
    progress: Progress<'_>,
) -> Result<(), Failed> {
    let tenant = &operator.tenant;
    check(inventory, tenant).await?;
    // What it had of kinds that are not known would stay: that is found before anything goes.
    look(inventory, tenant, &mut Erased::default(), progress).await?;
    let begun = operators.begin(operator, Action::EraseTenant, tenant.to_string()).await?;
    let done = rounds(inventory, tenant, erased, progress).await;
    let told = match &done {
        Ok(()) => erased.told(),
        Err(failed) => format!("not to its end; {}; {failed}", erased.told()),
    };
    operators.noted(begun, &told).await;
    done
}

async fn rounds(
    inventory: &Inventory,
    tenant: &TenantId,
    erased: &mut Erased,
    progress: Progress<'_>,
) -> Result<(), Failed> {
    for _ in 0..ROUNDS_MAX {
        let mut found = Erased::default();
        let done = round(inventory, tenant, true, &mut found, progress).await;
        let is_over = !found.is_something() && !found.is_behind;
        erased.add(found);
        done?;
        if is_over {
            return Ok(());
        }
    }
    Err(Failed::Refused(format!(
        "something writes data of {tenant} while it is erased: stop it, wait until the queues are empty, and do it again"
    )))
}

/// Nothing may come in while it is erased, and nothing may be under way.
async fn check(inventory: &Inventory, tenant: &TenantId) -> Result<(), Failed> {
    if *tenant == TenantId::DEFAULT {
        return Err(Failed::Refused(
            "the tenant default is the deployment's own, and has the record of its operators: to leave, delete the \
             stack and its tables"
                .to_owned(),
        ));
    }
    let connections = inventory.connections_of(tenant).await?;
    let named = |is_meant: &dyn Fn(&Stored) -> bool| {
        let found: Vec<&str> =
            connections.iter().filter(|stored| is_meant(stored)).filter_map(Stored::connection).collect();
        (found.len(), found.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", "))
    };
    let (count, some) = named(&|stored| stored.stands().1);
    if count > 0 {
        return Err(Failed::Refused(format!(
            "{count} connections of {tenant} are kept by the deployment's configuration, which would make them again: take \
             them out of it first: {some}"
        )));
    }
    let (count, some) = named(&|stored| stored.stands().0);
    if count > 0 {
        return Err(Failed::Refused(format!(
            "{count} connections of {tenant} work: pause or delete them first: {some}"
        )));
    }
    let open = inventory.open_runs_of(tenant).await?;
    if !open.is_empty() {
        let some = open.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        return Err(Failed::Refused(format!(
            "{} runs of {tenant} are open, or their end was not told of yet: stop them, or wait: {some}",
            open.len()
        )));
    }
    Ok(())
}

async fn round(
    inventory: &Inventory,
    tenant: &TenantId,
    writes: bool,
    found: &mut Erased,
    progress: Progress<'_>,
) -> Result<(), Failed> {
    let mut unknowns = Unknowns::default();
    for table in TableName::ALL {
        let (mut from, mut read) = (None, 0);
        loop {
            let (items, next) = inventory.page(table, from).await?;
            read += items.len() as u64;
            let mut doomed = Vec::new();
            for stored in items {
                let Some((kind, owner)) = stored.kind() else {
                    unknowns.note(&stored);
                    continue;
                };
                let is_own = owner.as_ref() == Some(tenant);
                match kind.erasure {
                    Erasure::Deleted if is_own => doomed.push((kind.name, stored)),
                    Erasure::TakenOut => match stored.without(tenant) {
                        Some(rest) => match !writes || inventory.forget(&stored, rest).await? {
                            true => *found.taken_out.entry((table, kind.name)).or_default() += 1,
                            // Somebody has changed it meanwhile: the next round finds it again.
                            false => found.is_behind = true,
                        },
                        None if stored.names(tenant) => *found.said.entry((table, kind.name)).or_default() += 1,
                        None => {}
                    },
                    Erasure::Kept if is_own => {}
                    _ if stored.names(tenant) => *found.said.entry((table, kind.name)).or_default() += 1,
                    _ => {}
                }
            }
            while !doomed.is_empty() {
                let (kinds, batch): (Vec<&str>, Vec<Stored>) = doomed.drain(..doomed.len().min(BATCH)).unzip();
                if writes {
                    inventory.delete(&batch).await?;
                }
                kinds.into_iter().for_each(|kind| *found.deleted.entry((table, kind)).or_default() += 1);
            }
            progress(table, read);
            from = next;
            if from.is_none() {
                break;
            }
        }
    }
    // What it had of kinds that are not known is there still.
    unknowns.checked()
}

fn add(to: &mut Counts, more: Counts) {
    more.into_iter().for_each(|(kind, count)| *to.entry(kind).or_default() += count);
}
