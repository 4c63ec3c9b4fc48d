//! A connection's live secrets, sealed. What is sealed already is not sealed again: so a second try of a change that was done
//! finds nothing to do, and the previous secret is not lost to it.

use jiff::Timestamp;

use super::desk::Refused;
use crate::aws::keys::{DataKeys, KeyFault};
use crate::domain::connections::provider::WrongSetting;
use crate::domain::connections::sealed::Sealed;
use crate::domain::connections::stored::{ChangeError, LiveSecrets};
use crate::domain::ids::Connection;
use crate::domain::secret::Secret;

/// Secrets that an operator gives.
#[derive(Debug, Clone)]
pub struct Given {
    /// The one to sign and to ask with.
    pub current: Secret,
    /// The one that still is good for what others sign.
    pub previous: Option<Secret>,
}

/// What is to become of a connection's secrets.
#[derive(Debug, Clone)]
pub enum Rotation {
    /// Another current one; the one before is the previous one.
    Next(Secret),
    /// These in place of all others.
    Both(Given),
    /// The previous one goes: nothing comes in under it any more.
    DropPrevious,
    /// Their data keys are wrapped anew, by the key that wraps today.
    Rewrap,
}

pub(super) fn wrong(name: &str, why: &str) -> Refused {
    Refused::Change(ChangeError::Wrong(vec![WrongSetting::new(name, why)]))
}

/// The secrets that are given, sealed.
pub(super) async fn sealed(
    keys: &DataKeys,
    connection: &Connection,
    before: Option<&LiveSecrets>,
    given: &Given,
    now: Timestamp,
) -> Result<LiveSecrets, Refused> {
    let known = opened(keys, connection, before).await?;
    let found = |secret: &Secret| known.iter().find(|(_, known)| known == secret).map(|(sealed, _)| sealed.clone());
    let current = match (found(&given.current), known.first()) {
        (Some(sealed), _) => sealed,
        (None, Some((beside, _))) => keys.seal_beside(connection, &given.current, beside).await?,
        (None, None) => keys.seal(connection, &given.current).await?,
    };
    let previous = match &given.previous {
        None => None,
        Some(previous) => Some(match found(previous) {
            Some(sealed) => sealed,
            None => keys.seal_beside(connection, previous, &current).await?,
        }),
    };
    let rotated_at = before.filter(|before| before.current == current).map_or(now, |before| before.rotated_at);
    Ok(LiveSecrets { current, previous, rotated_at })
}

/// What is stored, with what it holds. What cannot be opened any more is left out: new secrets take its place.
async fn opened(
    keys: &DataKeys,
    connection: &Connection,
    secrets: Option<&LiveSecrets>,
) -> Result<Vec<(Sealed, Secret)>, Refused> {
    let mut opened = Vec::new();
    let Some(secrets) = secrets else { return Ok(opened) };
    for sealed in [Some(&secrets.current), secrets.previous.as_ref()].into_iter().flatten() {
        match keys.open(connection, sealed).await {
            Ok(secret) => opened.push((sealed.clone(), secret)),
            Err(KeyFault::Unreadable(_)) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(opened)
}

/// What a rotation makes of the secrets; the same where there is nothing to do.
pub(super) async fn rotated(
    keys: &DataKeys,
    connection: &Connection,
    before: Option<&LiveSecrets>,
    rotation: &Rotation,
    now: Timestamp,
) -> Result<LiveSecrets, Refused> {
    let there = || before.ok_or_else(|| wrong("secrets", "must be there: the connection has none"));
    match rotation {
        Rotation::Both(given) => sealed(keys, connection, before, given, now).await,
        Rotation::Next(secret) => {
            let given = Given { current: secret.clone(), previous: None };
            let mut after = sealed(keys, connection, before, &given, now).await?;
            after.previous = match before {
                Some(before) if before.current == after.current => before.previous.clone(),
                Some(before) => Some(before.current.clone()),
                None => None,
            };
            Ok(after)
        }
        Rotation::DropPrevious => Ok(LiveSecrets { previous: None, ..there()?.clone() }),
        Rotation::Rewrap => {
            let before = there()?;
            let current = keys.rewrap(connection, &before.current).await?;
            let previous = match &before.previous {
                // Sealed with one data key, they are opened with one call.
                Some(previous) if previous.key() == before.current.key() => {
                    Some(previous.rewrapped(current.key().clone()))
                }
                Some(previous) => Some(keys.rewrap(connection, previous).await?),
                None => None,
            };
            Ok(LiveSecrets { current, previous, rotated_at: before.rotated_at })
        }
    }
}
