//! Import the connections that a deployment's configuration names: those of the variables, and those of the file or the object that
//! `CONNECTIONS` names. Each is a source of its own. A file that is wrong in any part changes nothing; of the variables, what is wrong is
//! left by itself.
//!
//! What a crash leaves, by the write that it comes after:
//!
//! - the list of what the source may keep: the source counts as not imported, and the next tick imports it from the start
//! - some of the connections, each as a change of its own leaves it ([`super::change`]): the next import finds those done, and does
//!   the others
//! - the note of how far the looks came, where there was no time for all: the next import looks from there on
//! - all of them, without the note that they are: the next import finds nothing to do, and notes it
//!
//! Two imports at once change each connection at the version that they planned with, and so once; who notes it later has to come again.

mod outcome;
pub(super) mod pulled_variables;
mod secrets;
mod variables;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

pub use self::outcome::Outcome;
use self::outcome::{Came, came};
use self::secrets::Resolved;
pub use self::secrets::VARIABLE;
use super::change::{Deed, change};
use super::delete::delete;
use super::desk::{Desk, Refused};
use crate::aws::clients::Clients;
use crate::aws::connections::imports::{Imported, Imports, Looked};
use crate::aws::faults::AwsFault;
use crate::aws::keys::KeyFault;
use crate::aws::parameters::Parameters;
use crate::domain::connections::import::{
    ENVIRONMENT, Entry, Kept, OF_A_DEPLOYMENT, Others, Plan, Planned, Verdict, Wrong, plan, read_file,
};
use crate::domain::connections::sealed::Sealed;
use crate::domain::connections::stored::{ChangeError, KeptBy, Knows, StoredConnection};
use crate::domain::ids::{Connection, ConnectionName, ProviderId, TenantId};
use crate::domain::secret::Secret;
use crate::engine::operators::Operator;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::catalogue::StoreFactory;
use crate::vendors::catalogue::document::{Unread, read_document};

/// Who does it, as the record of changes names it.
const ACTOR: &str = "import";
/// How many connections are read or changed at once.
const AT_ONCE: usize = 16;
/// How long one call goes on changing connections. The next tick goes on with what is left.
const TIME: Duration = Duration::from_secs(8);
/// When what was refused is tried again, though the source is the same: whoever was in the way may be gone.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Why a source was not imported. Nothing of it was changed, unless AWS failed in the middle.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("connections were not imported: {0}")]
    Unread(#[from] Unread),
    /// Something in it is wrong.
    #[error("connections were not imported, nothing was changed: {source_name}: {wrong}")]
    Wrong {
        /// The source.
        source_name: String,
        /// What, and where.
        wrong: Wrong,
    },
    /// AWS failed. What was done by then stays, and is found done by the next try.
    #[error("connections were not imported to the end: {0}")]
    Fault(#[from] AwsFault),
    /// A connection could not be changed.
    #[error("connections were not imported to the end: {connection}: {refused}")]
    Refused {
        /// Which.
        connection: Connection,
        /// Why.
        refused: Box<Refused>,
    },
}

/// What an import of all sources did.
#[derive(Debug, Default)]
pub struct Done {
    /// With each source that was imported.
    pub outcomes: Vec<Outcome>,
    /// The first failure, after all sources were tried.
    pub failed: Option<ImportError>,
}

/// What all changes of an import have in common.
struct Work<'a> {
    operator: Operator,
    keeper: KeptBy,
    resolved: &'a Resolved,
    until: Timestamp,
}

/// Imports what a deployment's configuration names. Cheap to clone.
#[derive(Clone)]
pub struct Importer {
    desk: Desk,
    imports: Imports,
    parameters: Parameters,
    stores: StoreFactory,
    environment: Environment,
}

/// A source, as it was read.
struct Source {
    entries: Result<Vec<Entry>, Wrong>,
    /// What it is told from another version of itself by.
    text: String,
}

impl Source {
    fn named(&self) -> Option<BTreeSet<Connection>> {
        let entries = self.entries.as_ref().ok()?;
        Some(entries.iter().map(|entry| entry.connection.clone()).collect())
    }

    /// What this version of it is told from others by, while these are the connections that it may keep. What other sources name of
    /// what it names or keeps is part of it: what they name no more is handed over.
    fn hash(&self, connections: &BTreeSet<Connection>, others: &Others) -> Secret {
        let named = self.named().unwrap_or_default();
        let mut hash = Sha256::new_with_prefix(self.text.as_bytes());
        for (other, names) in others {
            hash.update(format!("\n{other}:"));
            match names {
                None => hash.update("unknown"),
                Some(names) => {
                    for both in names.iter().filter(|name| named.contains(name) || connections.contains(name)) {
                        hash.update(format!("\n{both}"));
                    }
                }
            }
        }
        Secret::new(hex::encode(hash.finalize()))
    }
}

impl Importer {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        pulled_variables::check(environment)?;
        Ok(Self {
            desk: Desk::connect(clients, environment, outside)?,
            imports: Imports::connect(clients, environment)?,
            parameters: Parameters::connect(clients, environment)?,
            stores: outside.stores.clone(),
            environment: environment.clone(),
        })
    }

    /// Imports the sources that are not the same as when they were imported last: what was done with each of these. It may be stopped
    /// anywhere, and comes to the same however often it is started.
    ///
    /// One that is wrong is said once, and fails nothing: whoever tries again at once finds it as wrong.
    pub async fn import(&self, trace: &str) -> Done {
        let file = self.environment.get("CONNECTIONS").map(str::trim);
        let mut sources = Vec::new();
        for name in [ENVIRONMENT].into_iter().chain(file) {
            sources.push((name, self.read(name).await));
        }
        let named: Others = sources
            .iter()
            .map(|(name, source)| ((*name).to_owned(), source.as_ref().ok().and_then(Source::named)))
            .collect();
        let mut done = Done::default();
        for (name, source) in sources {
            let others = named.clone().into_iter().filter(|(other, _)| other != name).collect();
            let imported = match source {
                Ok(source) => match self.import_one(name, &source, &others, trace).await {
                    Err(error @ ImportError::Wrong { .. }) => {
                        self.say_wrong(name, &source, &error).await.map(|()| None)
                    }
                    imported => imported,
                },
                Err(error) => Err(error),
            };
            match imported {
                Ok(outcome) => done.outcomes.extend(outcome),
                Err(error) => {
                    tracing::error!(source = %name, %error, "an import failed");
                    done.failed.get_or_insert(error);
                }
            }
        }
        done
    }

    /// Says what is wrong with a source, once for each text and each reason.
    async fn say_wrong(&self, name: &str, source: &Source, error: &ImportError) -> Result<(), ImportError> {
        let hash = Sha256::new_with_prefix(source.text.as_bytes()).chain_update(format!("\n{error}"));
        let hash = Secret::new(hex::encode(hash.finalize()));
        let imported = self.imports.of(name).await?;
        if self.is_hash_of(imported.wrong.as_ref(), &hash).await? {
            return Ok(());
        }
        tracing::error!(source = %name, %error, "an import failed");
        let wrong = Some(self.sealed(&hash).await?);
        // Where somebody else has written meanwhile, it is said again.
        let _noted = self.imports.keep(name, Imported { wrong, ..imported }).await?;
        Ok(())
    }

    async fn import_one(
        &self,
        name: &str,
        source: &Source,
        others: &Others,
        trace: &str,
    ) -> Result<Option<Outcome>, ImportError> {
        let now = self.desk.operators.now();
        let imported = self.imports.of(name).await?;
        let hash = source.hash(&imported.connections.iter().cloned().collect(), others);
        if self.is_done(&imported, &hash, now).await? && !self.is_out_of_the_way(&imported).await? {
            return Ok(None);
        }
        let wrong = |wrong: Wrong| ImportError::Wrong { source_name: name.to_owned(), wrong };
        let entries = source.entries.as_ref().map_err(|found| wrong(found.clone()))?;
        let singly = name == ENVIRONMENT;
        let (resolved, entries) = match secrets::resolve(entries, &self.environment, &self.parameters).await? {
            Ok(resolved) => (resolved, Cow::Borrowed(entries.as_slice())),
            // A key that is not there keeps no other connection from being imported, and is asked for again.
            Err(missing) if singly => {
                tracing::error!(%missing, "a connection of the variables is not imported");
                (Resolved::default(), Cow::Owned(secrets::without_named(entries)))
            }
            Err(found) => return Err(wrong(found)),
        };
        let entries = entries.as_ref();
        let may_keep: BTreeSet<Connection> =
            entries.iter().map(|entry| &entry.connection).chain(&imported.connections).cloned().collect();
        let stored = self.stored(&may_keep).await?;
        let kept = Kept { source: name, others, singly };
        let plan = plan(kept, entries, &stored, |id| self.desk.providers.of(id)).map_err(wrong)?;

        // Until it is done to the end it counts as not done; and what is about to be made can be found again to be removed.
        let connections = may_keep.into_iter().collect();
        let looked = match imported.looked.clone() {
            Some(looked) if self.is_hash_of(Some(&looked.hash), &hash).await? => Some(looked),
            _ => None,
        };
        let after = looked.as_ref().map(|looked| looked.to.clone());
        let begun = Imported { seen: None, connections, again: None, looked, wrong: None, ..imported };
        let Some(begun) = self.imports.keep(name, begun).await? else {
            return Ok(Some(Outcome { source: name.to_owned(), unfinished: true, ..Outcome::default() }));
        };
        let (outcome, to) = self.apply(name, &plan, &resolved, after.as_ref(), trace).await?;
        if outcome.unfinished {
            self.note_looks(name, begun, hash, after, to).await?;
        } else {
            // The rest of many waits for [`AGAIN`]: each costs a read a minute.
            let in_the_way = plan.of_operators(&stored).take(AT_ONCE).collect();
            let begun = Imported { in_the_way, ..begun };
            self.note(name, begun, &plan, &source.hash(&plan.keeps, others), &outcome).await?;
        }
        Ok(Some(outcome))
    }

    async fn read(&self, name: &str) -> Result<Source, ImportError> {
        if name == ENVIRONMENT {
            let (entries, text) = (variables::read(&self.environment), variables::text(&self.environment));
            return Ok(Source { entries, text });
        }
        let document = read_document(name, OF_A_DEPLOYMENT.bytes, &self.stores, &self.environment).await?;
        let entries = read_file(&document.text, OF_A_DEPLOYMENT);
        // On somebody's own machine a secret may change while the file stays.
        let variables = entries.as_deref().map(|entries| secrets::variables(entries, &self.environment));
        let text = format!("{}\n{}\n{}", document.version, document.text, variables.unwrap_or_default());
        Ok(Source { entries, text })
    }

    /// Whether this is what was imported last.
    async fn is_done(&self, imported: &Imported, hash: &Secret, now: Timestamp) -> Result<bool, AwsFault> {
        let is_again = imported.again.is_some_and(|again| now >= again);
        self.is_hash_of(imported.seen.as_ref().filter(|_| !is_again), hash).await
    }

    /// Whether an operator has deleted what kept a connection of the source from being made, as they were told to.
    async fn is_out_of_the_way(&self, imported: &Imported) -> Result<bool, AwsFault> {
        let in_the_way: BTreeSet<Connection> = imported.in_the_way.iter().cloned().collect();
        Ok(self.stored(&in_the_way).await?.len() < in_the_way.len())
    }

    async fn is_hash_of(&self, noted: Option<&Sealed>, hash: &Secret) -> Result<bool, AwsFault> {
        let Some(noted) = noted else { return Ok(false) };
        match self.desk.keys.open(&seal_of_hashes(), noted).await {
            Ok(noted) => Ok(noted == *hash),
            Err(KeyFault::Unavailable(fault)) => Err(fault),
            // Whatever it was, it counts as another one.
            Err(_) => Ok(false),
        }
    }

    async fn sealed(&self, hash: &Secret) -> Result<Sealed, ImportError> {
        let sealed = self.desk.keys.seal(&seal_of_hashes(), hash).await;
        sealed.map_err(|fault| ImportError::Refused { connection: seal_of_hashes(), refused: Box::new(fault.into()) })
    }

    async fn stored(&self, names: &BTreeSet<Connection>) -> Result<BTreeMap<Connection, StoredConnection>, AwsFault> {
        let reads: Vec<_> = names.iter().map(|connection| self.desk.store.read(connection).boxed()).collect();
        let found: Vec<Option<StoredConnection>> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().map(|stored| (stored.connection.clone(), stored)).collect())
    }

    /// Does what is planned, and says what came of it, and up to where it has looked; `after` is where the call before came to.
    async fn apply(
        &self,
        name: &str,
        plan: &Plan<'_>,
        resolved: &Resolved,
        after: Option<&Connection>,
        trace: &str,
    ) -> Result<(Outcome, Option<Connection>), ImportError> {
        let now = self.desk.operators.now();
        let work = Work {
            operator: Operator { tenant: TenantId::default(), actor: ACTOR.into(), correlation_id: trace.to_owned() },
            keeper: KeptBy::Configuration { source: name.to_owned() },
            resolved,
            until: now.checked_add(TIME).unwrap_or(Timestamp::MAX),
        };
        let mut outcome = Outcome { source: name.to_owned(), ..Outcome::default() };
        // First, as an address that goes with a connection may be another's from now on.
        let removals: Vec<_> =
            plan.removed.iter().map(|(connection, version)| self.remove(connection, *version, &work).boxed()).collect();
        outcome.add(stream::iter(removals).buffer_unordered(AT_ONCE).try_collect().await?);
        // Last what is only looked at, so that each call gets on with what there is to do, however short its time.
        let (mut looks, changes): (Vec<_>, Vec<_>) =
            plan.planned.iter().partition(|planned| matches!(planned.verdict, Verdict::Leave(_)));
        looks.sort_by(|one, other| one.entry.connection.cmp(&other.entry.connection));
        // In the same order each time, and from where the call before came to: else the first of them would take all the time each time.
        let looks = looks.split_off(looks.partition_point(|look| Some(&look.entry.connection) <= after));
        outcome.left += plan.planned.len() - changes.len() - looks.len();
        let all = changes.into_iter().chain(looks.iter().copied());
        let puts: Vec<_> = all.map(|planned| self.put(planned, &work).boxed()).collect();
        let first: Vec<(&Planned<'_>, Came)> = stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await?;
        let is_later = |(planned, came): &(&Planned<'_>, Came)| {
            matches!(came, Came::Later).then(|| planned.entry.connection.clone())
        };
        let later: BTreeSet<Connection> = first.iter().filter_map(is_later).collect();
        let looked = looks.iter().map(|look| &look.entry.connection).take_while(|look| !later.contains(*look));
        let to = looked.last().or(after).cloned();
        let (taken, done): (Vec<_>, Vec<_>) = first.into_iter().partition(|(_, came)| matches!(came, Came::Taken(_)));
        outcome.add(done.into_iter().map(|(_, came)| came).collect());
        // Whoever had the address may have been given another one by now.
        for (planned, _) in taken {
            outcome.add(vec![self.put(planned, &work).await?.1]);
        }
        Ok((outcome, to))
    }

    /// Notes up to where was looked, for the next call to go on from there.
    async fn note_looks(
        &self,
        name: &str,
        begun: Imported,
        hash: Secret,
        after: Option<Connection>,
        to: Option<Connection>,
    ) -> Result<(), ImportError> {
        let Some(to) = to.filter(|to| after.as_ref() != Some(to)) else { return Ok(()) };
        let sealed = match &begun.looked {
            Some(looked) => looked.hash.clone(),
            None => self.sealed(&hash).await?,
        };
        // Where somebody else has written meanwhile, theirs counts.
        let _noted = self.imports.keep(name, Imported { looked: Some(Looked { hash: sealed, to }), ..begun }).await?;
        Ok(())
    }

    async fn remove(&self, connection: &Connection, version: u64, work: &Work<'_>) -> Result<Came, ImportError> {
        if self.desk.operators.now() >= work.until {
            return Ok(Came::Later);
        }
        let removed = delete(&self.desk, &work.operator, connection, Knows::Version(version), &work.keeper).await;
        came(connection, removed.map(|_| Came::Removed))
    }

    async fn put<'a>(&self, planned: &'a Planned<'a>, work: &Work<'_>) -> Result<(&'a Planned<'a>, Came), ImportError> {
        let Planned { entry, verdict } = planned;
        let knows = match verdict {
            Verdict::Make => Knows::Absent,
            Verdict::Change(version, _) => Knows::Version(*version),
            // Only a secret can differ.
            Verdict::Leave(version) if entry.secrets.is_some() => Knows::Version(*version),
            Verdict::Leave(_) => return Ok((planned, Came::Left)),
            Verdict::Refuse(why) => return Ok((planned, Came::Refused(why.clone()))),
        };
        if self.desk.operators.now() >= work.until {
            return Ok((planned, Came::Later));
        }
        let secrets = entry.secrets.as_ref().and_then(|at| work.resolved.given(at));
        let deed =
            Deed::Put { wanted: entry.wanted(work.keeper.clone()), secrets, active: entry.paused.then_some(false) };
        let changed = change(&self.desk, &work.operator, &entry.connection, knows, &deed).await;
        if let Err(Refused::Change(ChangeError::Wrong(wrong))) = &changed {
            return Ok((planned, Came::untold(entry, wrong)));
        }
        let done = changed.map(|changed| match knows {
            Knows::Version(version) if changed.connection.version == version => Came::Left,
            _ if changed.is_new => Came::Made,
            _ => Came::Changed,
        });
        Ok((planned, came(&entry.connection, done)?))
    }

    async fn note(
        &self,
        name: &str,
        begun: Imported,
        plan: &Plan<'_>,
        hash: &Secret,
        outcome: &Outcome,
    ) -> Result<(), ImportError> {
        let seen = self.sealed(hash).await?;
        let again = (!outcome.refused.is_empty()).then(|| self.desk.operators.now().checked_add(AGAIN).ok()).flatten();
        let connections = plan.keeps.iter().cloned().collect();
        // Where somebody else has written meanwhile, theirs counts, and the next tick looks again.
        let _noted =
            self.imports.keep(name, Imported { seen: Some(seen), connections, again, looked: None, ..begun }).await?;
        Ok(())
    }
}

/// Under which name hashes of sources are sealed. Were there such a connection, it would open none of them but by its own code.
fn seal_of_hashes() -> Connection {
    Connection::new(TenantId::DEFAULT, ProviderId::IMPORTS, ConnectionName::HASHES)
}
