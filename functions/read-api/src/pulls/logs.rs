//! `GET /api/admin/sync/logs/stream`: who asks is looked at here, and sent on to the function that streams, with a ticket in place of what
//! they showed. An HTTP API answers in one piece, so a stream has another host.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use signalbox::domain::ids::{Entity, RunId};
use signalbox::domain::runs::log::{Level, LogFilter};
use signalbox::domain::runs::pull::ENTITIES_MAX;
use signalbox::http::admin_problem::{AdminProblem, AdminProblemView};
use signalbox::http::problem::Problem;
use signalbox::http::query::Query;
use signalbox::http::stream_ticket::{LAST_EVENT_ID, StreamTicket, last_event_id};
use signalbox::http::wire::log_line::LogLineView;

use super::{PullProblems, asked_for};
use crate::Reads;

const PARAMETERS: [&str; 8] = ["provider", "connection", "entity", "level", "type", "runId", "follow", LAST_EVENT_ID];

/// What a connection's pulls say of themselves, as server-sent events: first `connected`, then `log` for each line. It begins with the
/// newest 200, or behind the event that `Last-Event-ID` names, and ends after 55 s. Whoever watches asks here again then, with the last id:
/// where the stream is, a ticket is good once, so an `EventSource` must not be left to come again by itself.
#[utoipa::path(
    get, path = "/api/admin/sync/logs/stream", tag = "pulls",
    params(
        ("provider" = Option<String>, Query, description = "Of which; doorloop where none is named"),
        ("connection" = Option<String>, Query, description = "Which of the tenant's; its main or only one where none is named"),
        ("tenant" = Option<String>, Query, description = "Whose; the token's tenant by default"),
        ("entity" = Option<String>, Query, description = "Only lines of these entities, separated by commas; 32 at most"),
        ("level" = Option<String>, Query, description = "Only lines of these levels, separated by commas: info, warn, error, progress. Also `type`"),
        ("runId" = Option<String>, Query, description = "Only lines of this run"),
        ("follow" = Option<bool>, Query, description = "false: ends once all is sent that there is"),
        ("lastEventId" = Option<String>, Query, description = "Behind which event to go on, for clients that cannot send the header"),
        ("Last-Event-ID" = Option<String>, Header, description = "Behind which event to go on"),
    ),
    responses(
        (status = 307, description = "Where the stream is, with a ticket that is good for a minute and once"),
        (status = 200, description = "There: the events; the data of a `log`", body = LogLineView, content_type = "text/event-stream"),
        (status = 400, description = "invalid_request", body = AdminProblemView),
        PullProblems,
        (status = 403, description = "forbidden, insufficient_scope, invalid_ticket: for administrators; a service token needs connections:read; where the stream is, a ticket that is over or was used", body = AdminProblemView),
    ),
    security((), ("service" = []), ("user" = []), ("admin" = []), ("session" = [])),
)]
pub(crate) async fn stream(State(reads): State<Reads>, uri: Uri, headers: HeaderMap) -> Result<Response, AdminProblem> {
    let stored = asked_for(&reads, (&uri, &headers), None).await?;
    let query = Query::of(&uri);
    query.only(&PARAMETERS)?;
    let since = Some(RunId::new(stored.created.at, [0; 16]));
    let (filter, now) = (LogFilter { since, ..filter(&query)? }, reads.now());
    let follow = query.switch("follow").map_err(|why| Problem::fields(&[("follow", why)]))?.unwrap_or(true);
    let place = last_event_id(&query, &headers)?;
    let ticket = StreamTicket::new(stored.connection, filter, follow, now, reads.entropy.bytes16());
    let ticket = reads.authority.stream_ticket(&ticket.from(place.as_ref()), now)?;
    let location = format!("{}?ticket={ticket}", reads.live_logs_url);
    let head = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())];
    Ok((StatusCode::TEMPORARY_REDIRECT, head).into_response())
}

fn filter(query: &Query) -> Result<LogFilter, Problem> {
    let no_entity = |_| Problem::fields(&[("entity", "is no entity's name")]);
    let no_level = || Problem::fields(&[("level", "must be info, warn, error or progress")]);
    let no_run = || Problem::fields(&[("runId", "is no id of a run")]);
    let entities: BTreeSet<Entity> =
        query.list(&["entity"]).map(Entity::parse).collect::<Result<_, _>>().map_err(no_entity)?;
    // They go along in the ticket, which is a part of a URL.
    if entities.len() > ENTITIES_MAX {
        let why = format!("may name {ENTITIES_MAX} entities, which is as many as a pull has");
        return Err(Problem::fields(&[("entity", &why)]));
    }
    Ok(LogFilter {
        entities,
        levels: query.list(&["level", "type"]).map(Level::parse).collect::<Option<_>>().ok_or_else(no_level)?,
        run: query.first(&["runId"]).map(|id| RunId::parse(id).ok_or_else(no_run)).transpose()?,
        since: None,
    })
}
