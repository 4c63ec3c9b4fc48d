//! Disconnect: the vendor forgets a brand's link, and so do we.

use super::{Link, Links, NotLinked, refused};
use crate::domain::audit::Action;
use crate::domain::connections::linking::Step;
use crate::domain::connections::stored::{KeptBy, Knows, StoredConnection};
use crate::domain::ids::Connection;
use crate::domain::pull::answer::Class;
use crate::engine::connections::delete::delete;
use crate::engine::connections::desk::Refused;
use crate::engine::operators::Operator;
use crate::vendors::trackstar::link;

/// Takes a brand's link away. What was synced and received stays, and a run that is under way ends. What a crash leaves, by the call it
/// comes after:
///
/// - the entry on record: one for what was not done
/// - what is noted of the link, or the vendor's answer: that it came to no end. Disconnected again, the vendor knows neither link nor token
///   any more, which is taken for done then, and for a wrong key otherwise
/// - our record's removal: all of it, as the note says no more than the record does
///
/// # Errors
/// When it was not taken away. Where the vendor may have forgotten it all the same, that is noted.
pub async fn disconnect(
    links: &Links,
    operator: &Operator,
    connection: &Connection,
) -> Result<StoredConnection, NotLinked> {
    let known = Link::read(links, connection).await?;
    if known.stored.is_none() {
        return Err(Refused::NotFound.into());
    }
    let (Some(key), Some(token)) = (&known.key, &known.token) else { return Err(NotLinked::NoToken) };
    links.desk.operators.record(operator, Action::Disconnect, connection.to_string(), None).await?;
    let (linking, before) = links.begin(operator, connection, Step::Disconnect).await?;
    let was_asked =
        before.is_some_and(|before| before.step == Step::Disconnect && before.is_left(known.stored.as_ref()));
    let request = link::disconnect(&known.settings.base_url, key, token);
    let answered = match known.ask(links, request).await {
        Ok(answered) => answered,
        Err(unasked) if was_asked => {
            links.leave(connection, &linking).await;
            return Err(unasked);
        }
        Err(unasked) => {
            links.end(connection, &linking).await;
            return Err(unasked);
        }
    };
    let status = answered.as_ref().map(|answer| answer.status.as_u16());
    // A web page with 200 is no answer of the vendor's API: a door in front of it, or a wrong address.
    let is_page = answered.as_ref().is_ok_and(|answer| answer.body.trim_ascii_start().starts_with(b"<"));
    let is_gone = match status {
        Ok(status) if Class::of_status(status) == Class::Fine => !is_page,
        Ok(404) => true,
        Ok(401) => was_asked,
        _ => false,
    };
    if !is_gone {
        let (error, may_be_done) = refused(links, answered);
        match may_be_done || was_asked {
            true => links.leave(connection, &linking).await,
            false => links.end(connection, &linking).await,
        }
        return Err(error);
    }
    let gone = match delete(&links.desk, operator, connection, Knows::Nothing, &KeptBy::Operators).await {
        Ok(gone) => gone,
        Err(refused) => {
            links.leave(connection, &linking).await;
            return Err(refused.into());
        }
    };
    links.end(connection, &linking).await;
    Ok(gone)
}
