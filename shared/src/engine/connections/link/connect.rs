//! Connect: the code that a brand's owner got is exchanged for an access token, which becomes the connection's secret.

use super::{Link, Links, NotLinked, refused};
use crate::domain::audit::Action;
use crate::domain::connections::linking::Step;
use crate::domain::connections::schedule::{PullTimes, Schedule};
use crate::domain::connections::stored::{KeptBy, Knows, StoredConnection, Wanted};
use crate::domain::ids::{Connection, RunId};
use crate::domain::pull::answer::Class;
use crate::domain::runs::pull::PullMode;
use crate::domain::runs::run::{Mode, Trigger};
use crate::domain::secret::Secret;
use crate::engine::connections::change::{Deed, change};
use crate::engine::connections::secrets::Given;
use crate::engine::operators::Operator;
use crate::engine::runs::kinds::pull::{PullRequest, work_of};
use crate::engine::runs::on_record::start_on_record;
use crate::engine::runs::start::StartRequest;
use crate::vendors::trackstar::link::{self, Made};

/// When a link that was just made is pulled: changes every five minutes, and everything at night, which is about two in New York.
const BY_ITSELF: PullTimes = PullTimes { every: 5, full_at_hour_utc: Some(7), enabled: true };

/// A link that was made.
#[derive(Debug)]
pub struct Connected {
    /// As it is stored.
    pub stored: StoredConnection,
    /// Whether it was not there before.
    pub is_new: bool,
    /// The run that pulls all of it, where it could be started: else its schedule does.
    pub backfill: Option<RunId>,
}

/// Asks for a token for the pages where the brand's owner agrees: of the link that there is once more, or of one anew. It changes nothing.
///
/// # Errors
/// When there is none.
pub async fn link_token(links: &Links, connection: &Connection) -> Result<String, NotLinked> {
    let known = Link::read(links, connection).await?;
    let again = known.stored.as_ref().and_then(|stored| stored.settings.get("connectionId")?.as_str());
    let request = link::link_token(&known.settings.base_url, known.key()?, again);
    let answered = known.ask(links, request).await?;
    match &answered {
        Ok(answer) if answer.class() == Class::Fine => match link::read_token(&answer.body) {
            Some(token) => Ok(token),
            None => Err(refused(links, answered).0),
        },
        _ => Err(refused(links, answered).0),
    }
}

/// Makes a brand's link, or makes it anew. What a crash leaves, by the call it comes after:
///
/// - the entry on record: one for what was not done
/// - what is noted of the link: that somebody is at it, and a minute later that it came to no end, though nothing was asked
/// - the vendor's exchange: the same, and the code is used up. The access token is lost, and the brand's owner agrees once more
/// - the connection with its secret: all but the first backfill, which its schedule makes up for, and the note, which says no more than
///   the record does by then
/// - the first backfill's entry on record: one without a result, for what was perhaps not started
///
/// # Errors
/// When it was not made. Where the vendor may have made it all the same, that is noted.
pub async fn connect(
    links: &Links,
    operator: &Operator,
    connection: &Connection,
    code: &str,
    customer: Option<&str>,
) -> Result<Connected, NotLinked> {
    let known = Link::read(links, connection).await?;
    let key = known.key()?.clone();
    links.desk.operators.record(operator, Action::Connect, connection.to_string(), None).await?;
    let (linking, _) = links.begin(operator, connection, Step::Connect).await?;
    let request = link::exchange(&known.settings.base_url, &key, code, customer);
    let answered = match known.ask(links, request).await {
        Ok(answered) => answered,
        Err(unasked) => {
            links.end(connection, &linking).await;
            return Err(unasked);
        }
    };
    let made = answered.as_ref().ok().filter(|answer| answer.class() == Class::Fine);
    let Some(made) = made.and_then(|answer| link::read_made(&answer.body)) else {
        let (error, may_be_done) = refused(links, answered);
        match may_be_done {
            true => links.leave(connection, &linking).await,
            false => links.end(connection, &linking).await,
        }
        return Err(error);
    };
    let deed = deed(links, &known, &key, &made);
    let changed = match change(&links.desk, operator, connection, Knows::Nothing, &deed).await {
        Ok(changed) => changed,
        Err(refused) => {
            links.leave(connection, &linking).await;
            return Err(refused.into());
        }
    };
    links.end(connection, &linking).await;
    tracing::info!(%connection, integration = made.integration_name, "linked");
    let backfill = backfill(links, operator, &changed.connection).await;
    Ok(Connected { stored: changed.connection, is_new: changed.is_new, backfill })
}

/// What the connection is to be. What else it is told stays.
fn deed(links: &Links, known: &Link, key: &Secret, made: &Made) -> Deed {
    let stored = known.stored.as_ref();
    let mut settings = stored.map(|stored| stored.settings.clone()).unwrap_or_default();
    links.place(&mut settings);
    settings.insert("connectionId".into(), made.connection_id.as_str().into());
    let schedule = stored.map(|stored| stored.schedule.clone()).filter(|schedule| *schedule != Schedule::Off);
    // Both in one, as the connection's secret is read.
    let both = [String::from_utf8_lossy(key.expose()), String::from_utf8_lossy(made.access_token.expose())].join(" ");
    Deed::Put {
        wanted: Wanted {
            display_name: stored.map(|stored| stored.display_name.clone()),
            settings,
            schedule: Some(schedule.unwrap_or(Schedule::Pull(BY_ITSELF))),
            kept_by: KeptBy::Operators,
        },
        secrets: Some(Given { current: Secret::new(both), previous: None }),
        active: None,
    }
}

/// Starts the first pull of everything. It is the system's own, and nobody's by hand: so no switch for those keeps it back, and the record
/// says what it is. One that cannot be started is no reason to fail: the link is made.
async fn backfill(links: &Links, operator: &Operator, stored: &StoredConnection) -> Option<RunId> {
    let runs = &links.worker.runs;
    let everything = PullRequest { mode: PullMode::Backfill, ..PullRequest::default() };
    let request = StartRequest {
        connection: stored.connection.clone(),
        work: work_of(&runs.outside.providers, stored, &everything).ok()?,
        mode: Mode::Apply,
        actor: operator.actor.clone(),
        trigger: Trigger::Manual,
        correlation_id: operator.correlation_id.clone(),
    };
    match start_on_record(runs, &links.desk.operators, operator, &request, "the first pull of a link").await {
        Ok(run) => Some(run.id),
        Err(error) => {
            tracing::error!(connection = %stored.connection, %error, "first backfill not started");
            None
        }
    }
}
