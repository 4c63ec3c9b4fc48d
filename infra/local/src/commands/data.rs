//! `signalbox export`, `import` and `erase`: what operators do to all tables, in AWS or of the local host that runs.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use signalbox::aws::clients::Clients;
use signalbox::aws::inventory::Inventory;
use signalbox::aws::inventory::kinds::{Part, TableName};
use signalbox::domain::ids::TenantId;
use signalbox::engine::operators::{Operator, Operators};
use signalbox::outside::Outside;
use signalbox_local::data::erase::{self, Erased};
use signalbox_local::data::export::{Exported, Wanted, export};
use signalbox_local::data::import::{self, Imported, Options};
use signalbox_local::data::{Counts, Named, Secrets};

use super::tables::TablesArguments;
use super::{block_on, fail, hint, say};

/// All was done, and something that is there was kept, as it differs from the file or is in the way of a connection.
const EXIT_KEPT: u8 = 3;
/// How often it is said how far it is, in items.
const SAY_EVERY: u64 = 10_000;

#[derive(Args)]
pub(crate) struct ExportArguments {
    /// Take out what is this tenant's
    #[arg(long, value_name = "TENANT", value_parser = TenantId::parse, required_unless_present = "all", conflicts_with = "all")]
    tenant: Option<TenantId>,
    /// Take out all there is
    #[arg(long)]
    all: bool,
    /// Where to: a file that is not there yet, or - for standard output
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// These parts alone: connections, history, records
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = part)]
    only: Vec<Part>,
    #[command(flatten)]
    tables: TablesArguments,
}

#[derive(Args)]
pub(crate) struct ImportArguments {
    /// A file of `signalbox export`
    file: PathBuf,
    /// Write nothing: say what is new, the same, or differs
    #[arg(long)]
    dry_run: bool,
    /// Write over what is there and differs; connections that are there stay as they are
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    tables: TablesArguments,
}

#[derive(Args)]
pub(crate) struct EraseArguments {
    /// Whose data is erased
    #[arg(long, value_name = "TENANT", value_parser = TenantId::parse)]
    tenant: TenantId,
    /// The same name again: what is erased is in no copy that this command knows of
    #[arg(long, value_name = "TENANT", required_unless_present = "dry_run")]
    confirm: Option<String>,
    /// Erase nothing: say how many items of which kinds would go
    #[arg(long)]
    dry_run: bool,
    /// Who erases it, for the record
    #[arg(long, env = "USER", value_name = "WHO", required_unless_present = "dry_run")]
    actor: Option<String>,
    #[command(flatten)]
    tables: TablesArguments,
}

fn part(text: &str) -> Result<Part, String> {
    let found = Part::ALL.into_iter().find(|part| part.as_str() == text);
    found.ok_or_else(|| "there are connections, history and records".to_owned())
}

type Done = Result<ExitCode, Box<dyn std::error::Error>>;

fn ended(done: std::io::Result<Done>) -> ExitCode {
    match done {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

/// Says how far it is, on standard error.
fn told() -> impl FnMut(TableName, u64) + Send {
    let mut said = (None, 0);
    move |table, items| {
        if said.0 != Some(table) || items >= said.1 + SAY_EVERY {
            said = (Some(table), items);
            hint(&format!("{table}: {items} items"));
        }
    }
}

pub(crate) fn run_export(arguments: &ExportArguments) -> ExitCode {
    ended(block_on(async {
        let environment = arguments.tables.environment()?;
        let outside = Outside::default();
        let inventory = Inventory::connect(&Clients::connect(&environment, &outside)?, &environment)?;
        let parts: BTreeSet<Part> = match arguments.only.as_slice() {
            [] => Part::ALL.into(),
            some => some.iter().copied().collect(),
        };
        let wanted = Wanted { tenant: arguments.tenant.clone(), parts };
        let now = outside.clock.now();
        let exported = if arguments.to == Path::new("-") {
            export(&inventory, &wanted, now, &mut BufWriter::new(std::io::stdout()), &mut told()).await?
        } else {
            let (file, draft) = draft_of(&arguments.to)?;
            let exported = export_to(file, &draft, &arguments.to, &inventory, &wanted, now).await;
            if exported.is_err() {
                // What was taken out until then is data all the same.
                let _gone = fs::remove_file(&draft);
            }
            exported?
        };
        tell_export(&exported);
        Ok(ExitCode::SUCCESS)
    }))
}

/// Under its own name only once it is whole.
async fn export_to(
    mut file: BufWriter<File>,
    draft: &Path,
    to: &Path,
    inventory: &Inventory,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Exported, Box<dyn std::error::Error>> {
    let exported = export(inventory, wanted, now, &mut file, &mut told()).await?;
    file.into_inner()?.sync_all()?;
    // Linked and not renamed, which would write over a file that came to be meanwhile.
    fs::hard_link(draft, to).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} came to be meanwhile, and stays: name another file", to.display()),
        _ => format!("{}: {error}", to.display()),
    })?;
    fs::remove_file(draft)?;
    Ok(exported)
}

/// A file that its owner alone reads, beside the one that it becomes, and this process's own: another export to the same name has another.
/// One that a process of the same number left when it was killed is made anew: it has the rights that it was made with.
fn draft_of(to: &Path) -> Result<(BufWriter<File>, PathBuf), Box<dyn std::error::Error>> {
    if to.symlink_metadata().is_ok() {
        return Err(format!("{} is there already: name another file", to.display()).into());
    }
    let mut draft = to.as_os_str().to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    let draft = PathBuf::from(draft);
    let wrong = |error: std::io::Error| format!("{}: {error}", draft.display());
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(error).into()),
        _ => {}
    }
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft).map_err(wrong)?;
    Ok((BufWriter::new(file), draft))
}

fn tell_export(exported: &Exported) {
    lines("taken out", &exported.counts, |line| hint(&line));
    lines("left out, as it goes on at the moment", &exported.left_out, |line| hint(&line));
    tell_secrets(&exported.secrets);
}

fn tell_secrets(secrets: &Named<Secrets>) {
    if secrets.count == 0 {
        return;
    }
    hint(&"Secrets are in no export. Where it is put in, these are to be set again (signalbox connections set):");
    for Secrets { connection, names } in &secrets.first {
        hint(&format!("  {connection}: {}", names.join(", ")));
    }
    tell_rest(secrets);
}

fn tell_rest<T>(named: &Named<T>) {
    let rest = named.count.saturating_sub(named.first.len() as u64);
    if rest > 0 {
        hint(&format!("  and {rest} more; the lines of the file have all"));
    }
}

/// A line for each kind, and one for all.
fn lines(what: &str, counts: &Counts, mut tell: impl FnMut(String)) {
    for ((table, kind), count) in counts {
        tell(format!("{what}: {table}: {kind}: {count}"));
    }
    tell(format!("{what}: {} items", counts.values().sum::<u64>()));
}

pub(crate) fn run_import(arguments: &ImportArguments) -> ExitCode {
    ended(block_on(async {
        let environment = arguments.tables.environment()?;
        let outside = Outside::default();
        let inventory = Inventory::connect(&Clients::connect(&environment, &outside)?, &environment)?;
        let open = || {
            let file = File::open(&arguments.file);
            file.map(BufReader::new).map_err(|error| format!("{}: {error}", arguments.file.display()))
        };
        // It is read twice, to its end before anything is written.
        if arguments.file.metadata().is_ok_and(|file| !file.is_file()) {
            return Err(
                format!("{} is no file: it is read twice, so a pipe will not do", arguments.file.display()).into()
            );
        }
        let checked = import::check(&mut open()?)?;
        hint(&format!("{}: {} items, whole", arguments.file.display(), checked.items()));
        let options = Options { dry_run: arguments.dry_run, overwrite: arguments.overwrite };
        let now = outside.clock.now();
        let done = import::import(&inventory, &checked, &mut open()?, options, now, &mut told()).await?;
        let Imported { new, same, kept, overwritten, expired, addresses, taken, secrets } = done;
        let would = if arguments.dry_run { " (nothing was written)" } else { "" };
        say(&format!(
            "new {new}, same {same}, different and kept {kept}, written over {overwritten}, expired meanwhile {expired}{would}"
        ));
        if addresses > 0 {
            hint(&format!("{addresses} addresses go with their connections, where these are new"));
        }
        if taken.count > 0 {
            hint(&"Not put in, as an address of theirs leads to another connection, which has to let go of it first:");
            taken.first.iter().for_each(|connection| hint(&format!("  {connection}")));
            tell_rest(&taken);
        }
        tell_secrets(&secrets);
        if !arguments.dry_run && new > 0 {
            hint(&"Connections that are new are paused: signalbox connections set, then resume them.");
        }
        Ok(if kept + taken.count > 0 { ExitCode::from(EXIT_KEPT) } else { ExitCode::SUCCESS })
    }))
}

pub(crate) fn run_erase(arguments: &EraseArguments) -> ExitCode {
    ended(block_on(async {
        let tenant = &arguments.tenant;
        if let Some(confirmed) = arguments.confirm.as_ref().filter(|confirmed| *confirmed != tenant.as_str()) {
            return Err(format!("--confirm says {confirmed:?}, and the tenant is {:?}", tenant.as_str()).into());
        }
        let environment = arguments.tables.environment()?;
        let outside = Outside::default();
        let clients = Clients::connect(&environment, &outside)?;
        let inventory = Inventory::connect(&clients, &environment)?;
        let mut erased = Erased::default();
        let done = if arguments.dry_run {
            erase::look(&inventory, tenant, &mut erased, &mut told()).await
        } else {
            let operators = Operators::connect(&clients, &environment, &outside)?;
            let correlation_id = format!("erase-{}", outside.clock.now().as_millisecond());
            let operator =
                Operator { tenant: tenant.clone(), actor: arguments.actor.clone().unwrap_or_default(), correlation_id };
            erase::erase(&inventory, &operators, &operator, &mut erased, &mut told()).await
        };
        // What went is told whatever came after it.
        if done.is_ok() || erased.is_something() {
            tell_erased(&erased, arguments.dry_run);
        }
        done?;
        Ok(ExitCode::SUCCESS)
    }))
}

fn tell_erased(erased: &Erased, would: bool) {
    let (gone, taken_out) = match would {
        true => ("would be deleted", "would lose the tenant"),
        false => ("deleted", "lost the tenant"),
    };
    lines(gone, &erased.deleted, |line| say(&line));
    lines(taken_out, &erased.taken_out, |line| say(&line));
    if !erased.said.is_empty() {
        hint(&"Not the tenant's, and names it in a text; each has its end, or is somebody else's (docs/data.md):");
        lines("names it", &erased.said, |line| hint(&line));
    }
}
