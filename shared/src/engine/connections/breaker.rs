//! Force a connection's breaker, or let it decide by itself again. Who does it is recorded first.

use super::desk::{Desk, Refused};
use crate::aws::connections::breaker::ForceError;
use crate::domain::audit::Action;
use crate::domain::ids::Connection;
use crate::domain::pull::breaker::{Breaker, Force};
use crate::engine::operators::Operator;

/// Makes a connection's breaker as an operator wants it: as it is then. One that is so already stays as it is, and nothing is recorded. A
/// configuration's connection has a breaker as any other: what is on fire must be stopped at once.
///
/// A crash leaves an entry for what was not done, or all of it done.
///
/// # Errors
/// When there is no such connection, or AWS fails.
pub async fn force_breaker(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    force: Force,
) -> Result<Breaker, Refused> {
    let Desk { store, breakers, operators, .. } = desk;
    store.read(connection).await.map_err(Refused::Unread)?.ok_or(Refused::NotFound)?;
    let (breaker, now) = (breakers.of(connection).await.map_err(Refused::Unread)?, operators.now());
    if breaker.forced_by(force, &operator.actor, now).is_none() {
        return Ok(breaker);
    }
    let to = match force {
        Force::Open => "breaker.open",
        Force::Closed => "breaker.closed",
        Force::Auto => "breaker.auto",
    };
    operators.record_change(operator, Action::ForceBreaker, connection.to_string(), vec![to.to_owned()]).await?;
    let writer = hex::encode(operators.outside.entropy.bytes16());
    breakers.force(connection, force, &operator.actor, &writer, now).await.map_err(|error| match error {
        ForceError::NoConnection => Refused::NotFound,
        ForceError::Fault(fault) => Refused::Fault(fault),
    })
}
