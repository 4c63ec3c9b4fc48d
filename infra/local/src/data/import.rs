//! Putting data in: a file is read to its end before anything is written, so that one that was cut off is refused. Then each item is put
//! where none is under its key. To do it again, after a crash for example, finds what is there and goes on.
//!
//! Addresses are not put as items: each goes with the connection that is new and whose settings name it, or neither is put. One that was put
//! by itself would lead past who has it now, or stay when its connection is deleted.

use std::io::{BufRead, Read as _};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use signalbox::aws::inventory::kinds::Part;
use signalbox::aws::inventory::{Inventory, Put, Stored};
use signalbox::domain::ids::TenantId;
use signalbox::vendors::Providers;

use super::{EXPORT, End, Failed, Header, LINE_BYTES_MAX, Line, Named, Progress, Secrets, Totals, VERSION};

/// Items that are put beside one another.
const WIDTH: usize = 16;
/// Items that are in memory.
const GROUP: usize = 256;
/// Why a connection that was put in is paused.
const WHY: &str = "imported without its secrets: set them, then resume it";

/// How it is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Nothing is written, and all is looked at.
    pub dry_run: bool,
    /// What is there and differs is written over, but for connections.
    pub overwrite: bool,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Items that were not there.
    pub new: u64,
    /// Items that were there, the same.
    pub same: u64,
    /// Items of which another one was there, and stays.
    pub kept: u64,
    /// Items that were written over another one.
    pub overwritten: u64,
    /// Items that have expired since they were taken out.
    pub expired: u64,
    /// Addresses: each goes with its connection.
    pub addresses: u64,
    /// Connections that are not there, and were not put: an address of theirs leads to another one.
    pub taken: Named<String>,
    /// The secrets that those lack which are new.
    pub secrets: Named<Secrets>,
}

impl Imported {
    fn add(&mut self, became: Became) {
        match became {
            Became::New(secrets) => {
                self.new += 1;
                secrets.into_iter().for_each(|secrets| self.secrets.note(secrets));
            }
            Became::Same => self.same += 1,
            Became::Kept => self.kept += 1,
            Became::Overwritten => self.overwritten += 1,
            Became::Address => self.addresses += 1,
            Became::Taken(connection) => self.taken.note(connection),
        }
    }
}

/// What became of an item.
enum Became {
    New(Option<Secrets>),
    Same,
    Kept,
    Overwritten,
    Address,
    Taken(String),
}

/// What a file is.
#[derive(Debug)]
pub struct Checked {
    header: Header,
    totals: Totals,
}

impl Checked {
    /// How many items it has.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.totals.items
    }
}

/// Reads a file to its end, and writes nothing.
///
/// # Errors
/// When it cannot be read, is no export, or is not whole.
pub fn check(file: &mut (dyn BufRead + Send)) -> Result<Checked, Failed> {
    let mut lines = Lines { file, line: 0 };
    let header = lines.header()?;
    let mut counted = Totals::default();
    loop {
        match lines.item(&header)? {
            Next::Item(stored, _) => {
                counted.items += 1;
                *counted.tables.entry(stored.table()).or_default() += 1;
            }
            Next::End(totals) => {
                if (counted.items, &counted.tables) != (totals.items, &totals.tables) {
                    return Err(lines.wrong("the counts are not those of the lines before"));
                }
                if lines.next()?.is_some() {
                    return Err(lines.wrong("something follows the last line"));
                }
                return Ok(Checked { header, totals });
            }
        }
    }
}

/// Puts in what a file has that was read to its end before.
///
/// # Errors
/// When the file cannot be read, or a table cannot be read or written: some is there then, and to do it again goes on.
pub async fn import(
    inventory: &Inventory,
    checked: &Checked,
    file: &mut (dyn BufRead + Send),
    options: Options,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Imported, Failed> {
    let mut lines = Lines { file, line: 0 };
    if lines.header()? != checked.header {
        return Err(lines.wrong("the file has changed since it was read"));
    }
    let (providers, mut done) = (Providers::default(), Imported::default());
    let (mut group, mut read) = (Vec::with_capacity(GROUP), 0_u64);
    loop {
        let next = lines.item(&checked.header)?;
        let is_over = matches!(next, Next::End(_));
        if let Next::Item(stored, secrets) = next {
            read += 1;
            match stored.is_expired(now) {
                true => done.expired += 1,
                false => group.push((stored, secrets)),
            }
        }
        if group.len() < GROUP && !is_over {
            continue;
        }
        let table = group.last().map(|(stored, _)| stored.table());
        let puts = group.drain(..).map(|(stored, secrets)| put(inventory, &providers, stored, secrets, options, now));
        let mut puts = stream::iter(puts).buffer_unordered(WIDTH);
        while let Some(became) = puts.try_next().await? {
            done.add(became);
        }
        table.into_iter().for_each(|table| progress(table, read));
        if is_over {
            return Ok(done);
        }
    }
}

async fn put(
    inventory: &Inventory,
    providers: &Providers,
    stored: Stored,
    secrets: Vec<String>,
    options: Options,
    now: Timestamp,
) -> Result<Became, Failed> {
    let Options { dry_run, overwrite } = options;
    if stored.kind().is_some_and(|(kind, _)| kind.name == "address") {
        return Ok(Became::Address);
    }
    let stored = stored.without_secrets().paused("signalbox import", WHY, now);
    if let Some(made) = stored.as_connection() {
        let addresses = (providers.of(&made.connection.provider).addresses)(&made.connection, &made.settings);
        let outcome = match dry_run {
            true => inventory.look_at_connection(&stored, &addresses).await?,
            false => inventory.put_connection(&stored, &made, &addresses).await?,
        };
        let connection = made.connection.to_string();
        return Ok(match outcome {
            Put::New if secrets.is_empty() => Became::New(None),
            Put::New => Became::New(Some(Secrets { connection, names: secrets })),
            Put::Same => Became::Same,
            Put::Differs => Became::Kept,
            Put::Taken => Became::Taken(connection),
        });
    }
    let outcome = match dry_run {
        true => inventory.look(&stored).await?,
        false => inventory.put_new(&stored).await?,
    };
    Ok(match outcome {
        Put::New => Became::New(None),
        Put::Same => Became::Same,
        Put::Differs if !overwrite => Became::Kept,
        Put::Differs | Put::Taken => {
            if !dry_run {
                inventory.put(&stored).await?;
            }
            Became::Overwritten
        }
    })
}

enum Next {
    /// An item, and the secrets that it had.
    Item(Stored, Vec<String>),
    End(Totals),
}

/// The lines of a file, each of a bounded length.
struct Lines<'a> {
    file: &'a mut (dyn BufRead + Send),
    line: u64,
}

impl Lines<'_> {
    fn wrong(&self, why: impl Into<String>) -> Failed {
        Failed::Line { line: self.line, why: why.into() }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Failed> {
        let mut bytes = Vec::new();
        self.line += 1;
        let read = (&mut *self.file).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)?;
        match bytes.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(bytes)),
            Some(_) if read == LINE_BYTES_MAX => Err(self.wrong("is longer than any item")),
            Some(_) => Err(self.wrong("is cut off: take the data out again")),
        }
    }

    fn header(&mut self) -> Result<Header, Failed> {
        let line = self.next()?.ok_or_else(|| self.wrong("the file is empty"))?;
        let value: serde_json::Value = serde_json::from_slice(&line).map_err(|_| self.wrong("is no JSON"))?;
        if value["signalbox"] != EXPORT {
            return Err(self.wrong("is not the first line of an export"));
        }
        if value["version"] != VERSION {
            let why = format!("the file is of version {}, and this reads version {VERSION} alone", value["version"]);
            return Err(self.wrong(why));
        }
        // Without it the file would pass for one of all tenants.
        if value.get("tenant").is_none() {
            return Err(self.wrong("does not say whose data the file has"));
        }
        serde_json::from_value(value).map_err(|error| self.wrong(error.to_string()))
    }

    fn item(&mut self, header: &Header) -> Result<Next, Failed> {
        let Some(line) = self.next()? else {
            return Err(self.wrong("the last line is missing, so the file is cut off: take the data out again"));
        };
        if line.starts_with(b"{\"end\"") {
            let End { end } = serde_json::from_slice(&line).map_err(|error| self.wrong(error.to_string()))?;
            return Ok(Next::End(end));
        }
        let Line { table, kind, item, secrets } =
            serde_json::from_slice(&line).map_err(|error| self.wrong(error.to_string()))?;
        let stored = Stored::of_json(table, &item).map_err(|error| self.wrong(error.to_string()))?;
        self.expected(&stored, &kind, header).map(|()| Next::Item(stored, secrets))
    }

    /// An item must be what its line says, of the parts and of the tenant that the file is of: nothing else is written.
    fn expected(&self, stored: &Stored, said: &str, header: &Header) -> Result<(), Failed> {
        let (kind, owner): (_, Option<TenantId>) =
            stored.kind().ok_or_else(|| self.wrong("the item is of no kind that this version knows"))?;
        let is_of_file = kind.part.is_some_and(|part: Part| header.parts.contains(&part));
        if kind.name != said || !is_of_file {
            return Err(self.wrong(format!("the item is {:?}, which the line or the file does not say", kind.name)));
        }
        if kind.name == "connection" && stored.as_connection().is_none() {
            return Err(self.wrong("the item is no connection that this version could read"));
        }
        if let Some(why) = stored.astray() {
            return Err(self.wrong(why));
        }
        match (&header.tenant, owner) {
            (Some(tenant), owner) if owner.as_ref() != Some(tenant) => {
                Err(self.wrong("the item is not of the tenant that the file is of"))
            }
            _ => Ok(()),
        }
    }
}
