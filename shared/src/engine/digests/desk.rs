//! What people do about digests: send one by hand, and say that they do not want it any more.

use jiff::Timestamp;

use crate::aws::digests::DigestStore;
use crate::aws::faults::AwsFault;
use crate::domain::audit::Action;
use crate::domain::digest::record::Record;
use crate::domain::digest::unsubscribe::Link;
use crate::domain::service_secrets::{SESSION_JWT, ServiceSecrets};
use crate::engine::operators::{Operator, Operators};

/// Why none is sent by hand.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// There is none.
    #[error("there is no such digest")]
    NotFound,
    /// It was sent, or is about to be.
    #[error("the digest was sent, or is about to be")]
    Decided,
    /// AWS failed.
    #[error(transparent)]
    Fault(#[from] AwsFault),
}

/// Has a digest sent by the next tick, of which nobody knows whether it came, or which surely did not. It is on record first.
///
/// # Errors
/// When there is none, it was sent, or AWS fails. A crash between the record and the deed leaves an entry for what was not done.
pub async fn send_by_hand(
    store: &DigestStore,
    operators: &Operators,
    operator: &Operator,
    id: &str,
) -> Result<Record, NotSent> {
    let found = store.one(&operator.tenant, id).await?.ok_or(NotSent::NotFound)?;
    let wanted = found.by_hand().ok_or(NotSent::Decided)?;
    operators.record(operator, Action::SendDigest, id.to_owned(), None).await?;
    match store.advance(&found, &wanted, operators.now()).await? {
        true => Ok(wanted),
        false => Err(NotSent::Decided),
    }
}

/// Keeps that whoever a link names does not want it any more, or that they do again: who it is; none where the link is none of ours.
///
/// # Errors
/// When AWS fails, or the secrets are too old to go by.
pub async fn unsubscribe(
    store: &DigestStore,
    secrets: &ServiceSecrets,
    token: &str,
    gone: bool,
    now: Timestamp,
) -> Result<Option<Link>, AwsFault> {
    let values = secrets.values(now)?;
    let Some(link) = values.get(SESSION_JWT).and_then(|secret| Link::read(token, secret)) else { return Ok(None) };
    store.unsubscribe((&link.tenant, link.scope, &link.address), gone, now).await?;
    Ok(Some(link))
}
