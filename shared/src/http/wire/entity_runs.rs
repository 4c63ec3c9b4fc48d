//! Runs of pulls, a row for each entity, as the control centre lists them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::pull::drift::Change;
use crate::domain::pull::fingerprint::fingerprint;
use crate::domain::runs::failure::{Failure, RunError};
use crate::domain::runs::pull::{EntityPull, EntityState, PullMode};
use crate::domain::runs::run::{Run, RunStatus};
use crate::domain::time;
use crate::http::wire::vendor_sync::runs::CostView;

/// What became of one entity in one run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityRunView {
    /// The run and the entity.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// When its first page was asked for, or the run started.
    pub timestamp: String,
    /// Which.
    pub entity: String,
    /// `delta` or `backfill`
    pub mode: &'static str,
    /// Rows that were read.
    pub rows: u64,
    /// Milliseconds from its first page to its last; null where no page came.
    pub duration: Option<i64>,
    /// `success`; `error`; or `warning`, where rows were set aside, fields have changed, the vendor does not have it, or the run was stopped
    /// or never started.
    pub result: &'static str,
    /// Why, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_message: Option<String>,
    /// All else that is known: `code`, `fingerprint` (the same of failures that are one and the same), `state` (`done`, `failed`,
    /// `notSupported`, `stopped`, `notStarted`), `counts`, `pages`, `setAside`,
    /// `since`, `drift`, `cost`, what the whole run costs, `answer`, the beginning (2 KB) of what the vendor answered, where that is the reason, `hint`, what to do about it, and
    /// of a dry run `sample`, up to 20 keys of what is new (`created`) and of what changed (`updated`).
    #[schema(value_type = Object)]
    pub full_details: Value,
    /// Whether it wrote nothing.
    pub dry_run: bool,
    /// Who or what started the run.
    pub actor: String,
}

/// How much of a reason is told in a line, in characters.
const LINE_CHARACTERS_MAX: usize = 200;

/// How many fields that changed are named in a line.
const FIELDS_NAMED_MAX: usize = 5;

impl EntityRunView {
    /// A run's entities whose end is known: of one that is open those that are over, of one that is over all.
    pub fn of(run: &Run) -> impl Iterator<Item = Self> + use<'_> {
        let work = run.work.pull();
        let entities = work.into_iter().flat_map(|work| &work.entities);
        let known = entities.filter(move |entity| run.status.is_over() || entity.state.is_over());
        // A tick that started nothing is one row, whatever it would have pulled.
        let rows = if run.status == RunStatus::Skipped { 1 } else { usize::MAX };
        let known = known.take(rows);
        known.map(move |entity| Self::new(run, work.map(|work| work.mode).unwrap_or_default(), entity))
    }

    fn new(run: &Run, of: PullMode, entity: &EntityPull) -> Self {
        let (result, why) = result(run, entity);
        let error = entity.error.as_ref().or(run.error.as_ref()).filter(|_| !is_well(entity));
        let line = |text: &String| text.chars().take(LINE_CHARACTERS_MAX).collect::<String>();
        let full = why.or(error.map(|error| error.detail.clone()));
        let took = entity.began_at.zip(entity.last_page_at);
        let progress = &entity.progress;
        Self {
            id: format!("{}/{}", run.id, entity.entity),
            run_id: run.id.to_string(),
            timestamp: time::text(entity.began_at.unwrap_or(run.started_at)),
            entity: entity.entity.to_string(),
            mode: of.as_str(),
            rows: progress.counts.total,
            duration: took.map(|(from, to)| to.as_millisecond() - from.as_millisecond()),
            result,
            error: full.as_ref().map(line),
            full_message: full,
            full_details: json!({
                "code": error.map(RunError::code),
                "fingerprint": error.map(|error| {
                    fingerprint(error.code(), entity.entity.as_str(), &error.detail, entity.answer.as_deref())
                }),
                "state": state(run, entity),
                "counts": progress.counts,
                "pages": progress.chain.pages(),
                "setAside": progress.set_aside,
                "since": entity.since.map(time::text),
                "requeue": run.work.pull().is_some_and(|work| work.one_row),
                "drift": entity.drift,
                "answer": entity.answer,
                "sample": (!entity.sample.is_empty()).then_some(&entity.sample),
                // Of the run: its entities share it.
                "cost": run.spent.as_ref().map(CostView::of),
                "hint": error.and_then(RunError::failure).map(Failure::remedy_of_pull),
            }),
            dry_run: run.mode.is_dry(),
            actor: run.actor.clone(),
        }
    }
}

/// Which fields are not what they were.
fn changed_fields(drift: &[Change]) -> String {
    let named: Vec<&str> = drift.iter().take(FIELDS_NAMED_MAX).map(|change| change.path.as_str()).collect();
    let more = if drift.len() > named.len() { " and others" } else { "" };
    let are = if drift.len() == 1 {
        "1 field is not what it was".into()
    } else {
        format!("{} fields are not what they were", drift.len())
    };
    format!("{are}: {}{more}", named.join(", "))
}

fn is_well(entity: &EntityPull) -> bool {
    matches!(entity.state, EntityState::Done | EntityState::NotSupported)
}

/// Where an entity stands. What a run that is over left in the middle is stored as it was left, and does not go on.
fn state(run: &Run, entity: &EntityPull) -> Value {
    match (run.status, entity.state) {
        (RunStatus::Pending | RunStatus::Success, state) => json!(state),
        (_, state) if state.is_over() => json!(state),
        (RunStatus::Cancelled, _) => json!("stopped"),
        (RunStatus::Skipped, _) | (RunStatus::Failed, EntityState::Pending) => json!("notStarted"),
        (RunStatus::Failed, _) => json!("failed"),
    }
}

/// How an entity ended, and why where its error does not say so.
fn result(run: &Run, entity: &EntityPull) -> (&'static str, Option<String>) {
    let set_aside = entity.progress.set_aside;
    match entity.state {
        EntityState::Done if set_aside == 1 => {
            ("warning", Some("1 row could not be taken and was set aside".to_owned()))
        }
        EntityState::Done if set_aside > 0 => {
            ("warning", Some(format!("{set_aside} rows could not be taken and were set aside")))
        }
        EntityState::Done if !entity.drift.is_empty() => ("warning", Some(changed_fields(&entity.drift))),
        EntityState::Done => ("success", None),
        EntityState::NotSupported => ("warning", Some("the vendor does not support it".to_owned())),
        EntityState::Failed => ("error", None),
        EntityState::Pending | EntityState::Running | EntityState::Removing | EntityState::Held => match run.status {
            RunStatus::Cancelled | RunStatus::Skipped => ("warning", None),
            RunStatus::Pending | RunStatus::Success | RunStatus::Failed => ("error", None),
        },
    }
}
