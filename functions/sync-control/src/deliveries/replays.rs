//! `POST /api/admin/replays`, and `…/stop`: many dead letters sent through again, by a job.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::deliveries::replay::{ITEMS_MAX, Replay, ReplayId};
use signalbox::domain::deliveries::text::Part;
use signalbox::engine::deliveries::dead_letters::{DeadLetterFilter, named};
use signalbox::engine::deliveries::preview::{Foresight, preview};
use signalbox::engine::deliveries::replay::set::{Frozen, Meant, freeze, set_of};
use signalbox::engine::deliveries::replay::start::{Started, start as start_set};
use signalbox::engine::deliveries::replay::stop::stop as stop_one;
use signalbox::engine::operators::Operator;
use signalbox::http::correlation::CorrelationId;
use signalbox::http::problem::{INVALID_REQUEST, NOT_FOUND, Problem, ProblemView, REPLAY_IN_PROGRESS};
use signalbox::http::query::path_text;
use signalbox::http::wire::parameters::TenantMeant;
use signalbox::http::wire::replays::{ReplayForeseenView, ReplayStartedView, ReplayView, ReplaysRequest};
use signalbox::http::wire::requeue::PreviewedView;

use super::dead_letters::{ids, moment};
use crate::body::Fields;
use crate::operator::{OperatorProblems, failed, operator};
use crate::{Control, body};

/// What a dry run looks at.
const FORESEEN_MAX: usize = 100;
/// How long dead letters are kept, in hours.
const HOURS_MAX: i64 = 90 * 24;
/// How much of a filter is shown, in characters.
const FILTER_CHARACTERS_MAX: usize = 500;
const FILTERS: [&str; 10] =
    ["source", "provider", "connection", "brand", "reason", "text", "from", "to", "olderThan", "newerThan"];

/// Send many dead letters through again, as a job.
///
/// The set is frozen when it begins, 10,000 at most, and sent through the oldest first, a hundred a second at most. What becomes of
/// each, GET /api/admin/replays/{id} says. The same set again is the same replay: it does nothing twice, goes on where it was
/// stopped, and once it is done tries again what stayed. One of a tenant runs at a time.
#[utoipa::path(
    post, path = "/api/admin/replays", tag = "operations",
    params(TenantMeant),
    request_body(content = ReplaysRequest),
    responses(
        (status = 200, description = "What it would come to; or that there is nothing to replay", body = ReplayForeseenView),
        (status = 202, description = "It runs, or ran before", body = ReplayStartedView),
        (status = 400, description = "invalid_request: the body must be an object of known fields, and mean at most 10,000 dead letters", body = ProblemView),
        (status = 404, description = "not_found: there is no replay of this `replayId`", body = ProblemView),
        (status = 409, description = "replay_in_progress: another one of this tenant runs; `replayId` names it", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn start(
    State(control): State<Control>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let operator = operator(&control, (&uri, &headers), trace)?;
    // Nothing said is not "all": that must be asked for with an empty object.
    let Some(fields) = body::read(body).await? else {
        return Err(Problem::new(INVALID_REQUEST, "the body must be a JSON object with the filter; {} means all"));
    };
    fields.check_known(&[&FILTERS[..], &["ids", "replayId", "dryRun", "cursor"]].concat())?;
    fields.check_set(&[&FILTERS[..], &["ids", "replayId"]].concat())?;
    let is_dry = fields.switch("dryRun")?.unwrap_or(false);
    let cursor = fields.text("cursor")?.map(|cursor| cursor.parse::<DeadLetterId>()).transpose();
    let cursor = cursor.map_err(|_| Problem::fields(&[("cursor", "is unknown")]))?;
    if cursor.is_some() && !is_dry {
        return Err(Problem::fields(&[("cursor", "is for a dry run: a replay takes all that is meant")]));
    }
    let now = control.now();
    let (meant, filter) = match fields.filled_text("replayId")? {
        Some(id) => earlier(&control, &operator, &fields, &id).await?,
        None => meant(&fields, now)?,
    };
    let journal = &control.operators.journal;
    let set = match freeze(journal, now, &operator.tenant, &meant).await.map_err(failed)? {
        Frozen::Set(set) => set,
        Frozen::TooMany(count) => {
            let text = format!("{count} dead letters match, and a replay takes {ITEMS_MAX}: narrow the filter");
            return Err(Problem::new(INVALID_REQUEST, text));
        }
        Frozen::TooWide(count) => {
            let text = format!(
                "{count} dead letters match so far, of more than can be looked through at once: narrow it with from and to"
            );
            return Err(Problem::new(INVALID_REQUEST, text));
        }
    };
    if is_dry || set.is_empty() {
        return Ok(Json(foreseen(&control, &operator, set, cursor.as_ref(), is_dry).await?).into_response());
    }
    match start_set(&control.replays, &operator, &set, &filter).await.map_err(failed)? {
        Started::Ours(replay) => {
            let Replay { id, total, .. } = &*replay;
            let (id, total) = (id.to_string(), *total);
            let view = ReplayStartedView { ok: true, id, total, replay: ReplayView::of(&replay, now) };
            Ok((StatusCode::ACCEPTED, Json(view)).into_response())
        }
        Started::Busy(other) => {
            let text = format!("replay {} of this tenant runs: wait until it is done, or stop it", other.id);
            Err(Problem::new(REPLAY_IN_PROGRESS, text).with("replayId", other.id.to_string()))
        }
        Started::Contended => Err(Problem::new(
            REPLAY_IN_PROGRESS,
            "others begin replays of this tenant at the same time: look at the list",
        )),
    }
}

/// Which dead letters a body means, and in words.
fn meant(fields: &Fields, now: Timestamp) -> Result<(Meant, String), Problem> {
    if let Some(ids) = ids(fields, ITEMS_MAX, &FILTERS)? {
        let filter = format!("{} named", ids.len());
        return Ok((Meant::Named(ids), filter));
    }
    let source = fields.filled_text("source")?;
    let (of_source, name) = match source.as_deref().map(|source| source.split_once('/').unwrap_or((source, ""))) {
        Some((provider, name)) => (Some(provider.to_owned()), Some(name.to_owned()).filter(|name| !name.is_empty())),
        None => (None, None),
    };
    let filter = DeadLetterFilter::read(|field| match field {
        "provider" => one_of(&[("source", of_source.clone()), ("provider", fields.filled_text("provider")?)]),
        "connection" => one_of(&[
            ("source", name.clone()),
            ("connection", fields.filled_text("connection")?),
            ("brand", fields.filled_text("brand")?),
        ]),
        other => fields.filled_text(other),
    })?;
    let from = either(fields, "from", "newerThan", now)?;
    let to = either(fields, "to", "olderThan", now)?;
    let given = FILTERS.iter().filter_map(|name| Some((name, fields.get(name)?)));
    let said = given.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={}", text.trim()),
        None => format!("{name}={value}"),
    });
    let said: String = said.collect::<Vec<_>>().join(", ").chars().take(FILTER_CHARACTERS_MAX).collect();
    let text = fields.filled_text("text")?.map(|text| Part::of(&text)).transpose();
    let text = text.map_err(|wrong| Problem::fields(&[("text", &wrong)]))?.flatten();
    Ok((Meant::Matching(filter.between(from, to).with(text)), if said.is_empty() { "all".to_owned() } else { said }))
}

/// The set of an earlier replay, and what it was of.
async fn earlier(
    control: &Control,
    operator: &Operator,
    fields: &Fields,
    id: &str,
) -> Result<(Meant, String), Problem> {
    if fields.get("ids").is_some() || FILTERS.iter().any(|name| fields.get(name).is_some()) {
        let why = "must stand alone: a filter or ids beside it would be passed over";
        return Err(Problem::fields(&[("replayId", why)]));
    }
    let none = || Problem::new(NOT_FOUND, "there is no such replay");
    let (store, id) = (&control.replays.store, id.parse::<ReplayId>().map_err(|_| none())?);
    let replay = store.one(&operator.tenant, &id, control.now()).await.map_err(failed)?.ok_or_else(none)?;
    let ids = set_of(store, &operator.tenant, &replay).await.map_err(failed)?;
    Ok((Meant::Named(ids), replay.filter))
}

/// What several fields say of the same: they must agree.
fn one_of(given: &[(&str, Option<String>)]) -> Result<Option<String>, Problem> {
    let mut said = given.iter().filter_map(|(field, text)| Some((field, text.as_ref()?)));
    let Some((first, text)) = said.next() else { return Ok(None) };
    match said.find(|(_, other)| !other.eq_ignore_ascii_case(text)) {
        Some((field, _)) => Err(Problem::fields(&[(field, &format!("says another one than {first}"))])),
        None => Ok(Some(text.clone())),
    }
}

/// A bound, as a moment or as hours before now.
fn either(
    fields: &Fields,
    moment_name: &'static str,
    hours_name: &'static str,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let (at, hours) = (moment(fields, moment_name)?, fields.get(hours_name));
    let Some(hours) = hours else { return Ok(at) };
    let wrong = |why: &str| Problem::fields(&[(hours_name, why)]);
    if at.is_some() {
        return Err(wrong(&format!("must stand without {moment_name}")));
    }
    let hours = hours.as_i64().filter(|hours| (1..=HOURS_MAX).contains(hours));
    let hours = hours.ok_or_else(|| wrong(&format!("must be 1 to {HOURS_MAX} hours")))?;
    Ok(now.checked_sub(SignedDuration::from_hours(hours)).ok())
}

/// What a set would come to, from behind `cursor` on.
async fn foreseen(
    control: &Control,
    operator: &Operator,
    set: Vec<DeadLetterId>,
    cursor: Option<&DeadLetterId>,
    dry_run: bool,
) -> Result<ReplayForeseenView, Problem> {
    let total = set.len();
    let mut part: Vec<DeadLetterId> = set.into_iter().filter(|id| cursor.is_none_or(|cursor| id > cursor)).collect();
    let has_more = part.len() > FORESEEN_MAX;
    part.truncate(FORESEEN_MAX);
    let (journal, now) = (&control.operators.journal, control.now());
    let letters = named(journal, now, &operator.tenant, &part).await.map_err(failed)?;
    let foresight = Foresight {
        store: control.deliveries.store.clone(),
        journal: journal.clone(),
        effects: control.replays.requeuer.effects.clone(),
    };
    let previewed = preview(&foresight, now, &operator.tenant, letters).await.map_err(failed)?;
    let items = part.iter().map(|id| match previewed.iter().find(|(letter, _)| letter.id == *id) {
        Some((letter, would)) => PreviewedView::of(letter, would.as_str(), would.detail()),
        None => PreviewedView::gone(id),
    });
    let next_cursor = part.last().filter(|_| has_more).map(ToString::to_string);
    Ok(ReplayForeseenView { ok: true, dry_run, total, items: items.collect(), has_more, next_cursor })
}

/// Stop a replay. The hundred that are under way are finished; the rest stay as they are, and are replayed when the same set is started
/// again.
#[utoipa::path(
    post, path = "/api/admin/replays/{id}/stop", tag = "operations",
    params(
        ("id" = String, Path, description = "The replay"),
        TenantMeant,
    ),
    responses(
        (status = 200, description = "How it is now; one that does not run stays as it is", body = ReplayStartedView),
        (status = 400, description = "invalid_request: a body that cannot be read", body = ProblemView),
        (status = 404, description = "not_found", body = ProblemView),
        (status = 413, description = "payload_too_large", body = ProblemView),
        OperatorProblems,
    ),
    security(("service" = []), ("user" = []), ("session" = [])),
)]
pub(crate) async fn stop(
    State(control): State<Control>,
    id: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<CorrelationId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ReplayStartedView>, Problem> {
    let operator = operator(&control, (&uri, &headers), trace)?;
    // It takes none; but what somebody asks for is not passed over unread.
    body::read(body).await?;
    let none = || Problem::new(NOT_FOUND, "there is no such replay");
    let id: ReplayId = path_text(id).parse().map_err(|_| none())?;
    let replay = stop_one(&control.replays, &operator, &id).await.map_err(failed)?.ok_or_else(none)?;
    let view = ReplayView::of(&replay, control.now());
    Ok(Json(ReplayStartedView { ok: true, id: id.to_string(), total: replay.total, replay: view }))
}
