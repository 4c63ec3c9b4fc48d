//! Remove a connection. Who does it is recorded first.

use super::desk::{Desk, Refused, unwritten};
use super::tries::{TRIES_MAX, pause};
use crate::domain::audit::Action;
use crate::domain::connections::stored::{KeptBy, Knows, StoredConnection};
use crate::domain::ids::Connection;
use crate::engine::operators::Operator;

/// Removes a connection, its addresses, its secrets, when it is due, and that its last apply failed: together, so that a crash leaves all of it, or
/// nothing. `keeper` is who asks for it. What it has synced and received stays, and can be read. A second try finds nothing, and says so.
///
/// # Errors
/// When it is refused, or AWS fails.
pub async fn delete(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    knows: Knows,
    keeper: &KeptBy,
) -> Result<StoredConnection, Refused> {
    let Desk { store, failed, operators, providers, .. } = desk;
    for tries in 0..TRIES_MAX {
        let before = store.read(connection).await.map_err(Refused::Unread)?;
        knows.agrees(before.as_ref())?;
        let before = before.ok_or(Refused::NotFound)?;
        before.may_be_written_by(keeper)?;
        operators.record_change(operator, Action::DeleteConnection, connection.to_string(), Vec::new()).await?;
        let addresses = (providers.of(&connection.provider).addresses)(connection, &before.settings);
        let unmark = failed.unmark(connection).await.map_err(Refused::Unread)?;
        match store.delete(&before, &addresses, unmark).await.map_err(unwritten) {
            Ok(()) => return Ok(before),
            Err(Some(refused)) => return Err(refused),
            Err(None) => pause(&desk.operators, tries).await,
        }
    }
    Err(Refused::Contended)
}
