//! What needs attention, as it is shown: of all connections, and of those of a page.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use signalbox::aws::faults::AwsFault;
use signalbox::domain::connections::stored::StoredConnection;
use signalbox::domain::dead_letter::DeadLetter;
use signalbox::domain::ids::{Connection, ProviderId};
use signalbox::domain::runs::failure::Failure;
use signalbox::domain::runs::run::Run;
use signalbox::domain::time;
use signalbox::engine::health::Looked;
use signalbox::engine::health::attention::{Attention, Given, Refusals, failed_runs};
use signalbox::http::auth::user::Reach;
use signalbox::http::wire::record::{AttentionView, MatterView};

use crate::Reads;

const NEWEST_MAX: usize = 50;

/// What needs attention.
pub(super) struct Matters {
    /// Of all connections that the caller sees, the newest first.
    pub(super) newest: Vec<MatterView>,
    /// Whether there is more of it.
    pub(super) more: bool,
    /// Of each of them, and of each of the page.
    pub(super) of: HashMap<Connection, Vec<AttentionView>>,
}

impl Matters {
    /// Puts together what was found with the names of its connections. A failed run of a connection that is gone is
    /// nobody's matter.
    pub(super) async fn read(
        reads: &Reads,
        found: Attention,
        looked: &[Looked],
        reach: &Reach,
    ) -> Result<Self, AwsFault> {
        let mut of: HashMap<Connection, Vec<AttentionView>> = HashMap::new();
        let marked: Vec<_> = looked
            .iter()
            .filter_map(|one| Some((one.stored.connection.clone(), one.failed.clone()?)))
            .filter(|(_, id)| !found.runs.iter().any(|run| run.id == *id))
            .collect();
        let of_page = failed_runs(&reads.runs, &marked).await?;
        let mut wanted: BTreeSet<Connection> = BTreeSet::new();
        for run in found.runs.iter().chain(&of_page) {
            wanted.insert(run.connection.clone());
            of.entry(run.connection.clone()).or_default().extend(of_run(run));
        }
        for run in &found.held {
            wanted.insert(run.connection.clone());
            of.entry(run.connection.clone()).or_default().extend(of_held(run));
        }
        for ((connection, given), letters) in &found.letters {
            wanted.insert(connection.clone());
            of.entry(connection.clone()).or_default().push(of_letters(connection, *given, letters, found.more_letters));
        }
        of.retain(|connection, _| reach.has(&connection.tenant, &connection.name));
        wanted.retain(|connection| of.contains_key(connection));
        let mut names: HashMap<Connection, String> =
            looked.iter().map(|one| &one.stored).chain(&found.stored).map(named).collect();
        let unknown = wanted.iter().filter(|connection| !names.contains_key(connection)).collect::<Vec<_>>();
        let stored = reads.connections.some(unknown.into_iter()).await?;
        names.extend(stored.iter().map(named));
        // A dead letter waits to be decided on whether or not its connection is stored: a point of sale need not be.
        for (connection, _) in found.letters.keys() {
            names.entry(connection.clone()).or_insert_with(|| format!("{}/{}", connection.provider, connection.name));
        }
        of.retain(|connection, _| names.contains_key(connection));
        let of_connections = of.iter().flat_map(|(connection, views)| {
            let display_name = names.get(connection).cloned().unwrap_or_default();
            views.iter().map(move |view| matter(connection, display_name.clone(), view.clone()))
        });
        let mut newest: Vec<MatterView> = of_connections.chain(found.refused.iter().map(of_refused)).collect();
        newest.sort_by(|a, b| (&b.attention.at, &a.connection).cmp(&(&a.attention.at, &b.connection)));
        let more = found.more || newest.len() > NEWEST_MAX;
        newest.truncate(NEWEST_MAX);
        Ok(Self { newest, more, of })
    }
}

fn named(stored: &StoredConnection) -> (Connection, String) {
    (stored.connection.clone(), stored.display_name.clone())
}

fn matter(connection: &Connection, display_name: String, attention: AttentionView) -> MatterView {
    MatterView {
        connection: Some(connection.to_string()),
        tenant: connection.tenant.to_string(),
        provider: connection.provider.to_string(),
        name: connection.name.to_string(),
        display_name,
        attention,
    }
}

/// What there is to look at of a run that did not go well.
fn of_run(run: &Run) -> Option<AttentionView> {
    let error = run.error.as_ref()?;
    let is_refusal = error.code() == Failure::RemovalsRefused.code();
    Some(AttentionView {
        kind: if is_refusal { "refused_removal" } else { "failed_run" },
        count: 1,
        more: false,
        detail: error.detail.clone(),
        at: run.completed_at.map(time::text),
        link: link_of(run),
    })
}

/// What there is to decide on of a run that waits for approval.
fn of_held(run: &Run) -> Option<AttentionView> {
    let held = run.held.as_ref()?;
    Some(AttentionView {
        kind: "held_run",
        count: 1,
        more: false,
        detail: held.why.clone(),
        at: Some(time::text(held.since)),
        link: link_of(run),
    })
}

/// Where a run can be seen.
fn link_of(Run { connection, id, .. }: &Run) -> String {
    let Connection { tenant, provider, name } = connection;
    match *provider == ProviderId::CATALOGUE {
        // A cursor names the first row of its page.
        true => format!("/api/catalog/vendor-sync/runs?vendor={name}&limit=1&cursor={id}"),
        false => format!("/api/admin/sync/runs?provider={provider}&connection={name}&tenant={tenant}"),
    }
}

fn of_letters(
    connection: &Connection,
    given: Given,
    (count, newest): &(usize, DeadLetter),
    more: bool,
) -> AttentionView {
    let Connection { tenant, provider, name } = connection;
    let (kind, list) = match given {
        Given::Delivery => ("dead_letters", "/api/sync/dead-letters"),
        Given::Row => ("set_aside", "/api/admin/sync/dlq"),
    };
    AttentionView {
        kind,
        count: *count,
        more,
        // How many, the count says.
        detail: format!("the last one: {}", newest.reason),
        at: shown(newest.recorded_ms),
        link: format!("{list}?tenant={tenant}&provider={provider}&connection={name}"),
    }
}

fn of_refused(Refusals { origin, count, more, newest }: &Refusals) -> MatterView {
    MatterView {
        connection: newest.claimed().map(|connection| connection.to_string()),
        tenant: newest.tenant.clone(),
        provider: newest.provider.clone(),
        name: newest.connection.clone(),
        display_name: origin.clone(),
        attention: AttentionView {
            kind: "rejected",
            count: *count,
            more: *more,
            detail: format!("{}: {}", newest.reason.as_str(), newest.detail),
            at: shown(newest.received_ms),
            link: format!("/api/admin/deliveries?status=rejected&source={origin}"),
        },
    }
}

fn shown(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).map(time::text).ok()
}
