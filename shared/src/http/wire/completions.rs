//! What receivers were told of runs, as the control centre's clients read it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::completions::notice::{Attempt, Notice, NoticeState};
use crate::domain::time;

/// An attempt to tell a receiver. Without `status` and `error` its end is not known: it is under way, or whoever made it died.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// When it began.
    pub at: String,
    /// What was answered.
    pub status: Option<u16>,
    /// Why nothing was: `timeout`, `unreachable`, `not_allowed` or `not_signed`.
    pub error: Option<&'static str>,
    /// The same, for people.
    pub detail: Option<String>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// When the next one was to follow; null where none was.
    pub next_at: Option<String>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            at: time::text(attempt.at),
            status: attempt.status,
            error: attempt.error.map(|error| error.as_str()),
            detail: attempt.detail.clone(),
            duration_ms: attempt.duration_ms,
            next_at: attempt.next_at.map(time::text),
        }
    }
}

/// What a receiver is told of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    /// Its id: the receiver has it as `webhook-id`.
    pub id: String,
    /// The name of the receiver's connection.
    pub receiver: String,
    /// Of which run.
    pub run_id: String,
    /// Over which connection it ran, `provider/name`.
    pub connection: String,
    /// `catalogue`, `pull` or `mirror`.
    pub kind: String,
    /// `run.completed`, `run.failed`, `run.skipped` or `run.cancelled`.
    #[serde(rename = "type")]
    pub event: String,
    /// When it was made.
    pub at: String,
    /// `pending`, `delivered` or `failed`.
    pub state: &'static str,
    /// The attempts, the oldest first: nine at most.
    pub attempts: Vec<AttemptView>,
    /// When it is tried next; null where it is not.
    pub next_at: Option<String>,
    /// Why it is not tried any more; null while it is, and where it was taken.
    pub error: Option<String>,
}

impl From<&Notice> for NoticeView {
    fn from(notice: &Notice) -> Self {
        let is_pending = notice.state == NoticeState::Pending;
        Self {
            id: notice.id.clone(),
            receiver: notice.receiver.name.to_string(),
            run_id: notice.run.to_string(),
            connection: format!("{}/{}", notice.connection.provider, notice.connection.name),
            kind: notice.run_kind.clone(),
            event: notice.event.clone(),
            at: time::text(notice.at),
            state: notice.state.as_str(),
            attempts: notice.attempts.iter().map(AttemptView::from).collect(),
            next_at: is_pending.then(|| time::text(notice.due_at)),
            error: notice.error.clone(),
        }
    }
}

/// A page of what receivers were told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticesView {
    /// Always true.
    pub ok: bool,
    /// Those of the runs that were over last first.
    pub notices: Vec<NoticeView>,
    /// What the next page is asked for with; null on the last one.
    pub cursor: Option<String>,
}
