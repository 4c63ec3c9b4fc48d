//! Which of a connection's live secrets webhooks are verified with: noted behind the queue, so that the door pays nothing for it.
//!
//! An instance notes each secret once in 15 minutes, so what is noted is about that much older than the last use. A crash, or a
//! write that fails, leaves it older still, until the next webhook.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;

use crate::aws::connections::last_used::LastUses;
use crate::domain::connections::provider::SecretUse;
use crate::domain::deliveries::delivery::Label;
use crate::domain::deliveries::signature::{Proof, SecretLabel};
use crate::domain::ids::Connection;
use crate::vendors::Providers;

/// How long what was noted is good enough, in milliseconds.
const NOTED_FOR_MS: i64 = 15 * 60 * 1000;
/// How many are remembered. What is forgotten is noted once more.
const KEPT_MAX: usize = 2_000;

type Use = (Connection, SecretLabel);

/// What this instance has noted. Clones are the same.
#[derive(Clone)]
pub struct Uses {
    store: LastUses,
    providers: Providers,
    noted: Arc<Mutex<BTreeMap<Use, i64>>>,
}

impl Uses {
    /// Of nothing yet.
    #[must_use]
    pub fn new(store: LastUses, providers: Providers) -> Self {
        Self { store, providers, noted: Arc::default() }
    }

    /// Notes the secrets that these deliveries were verified with, where that is due. Nothing fails with it.
    pub async fn note(&self, labels: impl Iterator<Item = &Label>, now_ms: i64) {
        let mut uses: BTreeMap<Use, i64> = BTreeMap::new();
        for label in labels {
            let Some(Proof::Signature(secret)) = label.taken_in.map(|taken_in| taken_in.proof) else { continue };
            // Of a provider without, and of one that is pulled with it, webhooks are signed with the deployment's.
            let provider = self.providers.of(&label.connection.provider);
            if provider.secret != SecretUse::None && provider.pull.is_none() {
                let at = uses.entry((label.connection.clone(), secret)).or_default();
                *at = label.received_ms.max(*at);
            }
        }
        let due = due(&mut self.noted(), uses, now_ms);
        let writes = due.iter().map(|((connection, secret), at)| self.store.note(connection, *secret, *at));
        for ((used, _), written) in due.iter().zip(join_all(writes).await) {
            if let Err(error) = written {
                tracing::warn!(%error, connection = %used.0, "the use of a secret is not noted");
                self.noted().remove(used);
            }
        }
    }

    fn noted(&self) -> MutexGuard<'_, BTreeMap<Use, i64>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those that are to be noted now, and are remembered as noted.
fn due(noted: &mut BTreeMap<Use, i64>, uses: BTreeMap<Use, i64>, now_ms: i64) -> Vec<(Use, i64)> {
    let is_fresh = |at: &i64| now_ms.saturating_sub(*at) < NOTED_FOR_MS;
    let due: Vec<(Use, i64)> = uses.into_iter().filter(|(used, _)| !noted.get(used).is_some_and(is_fresh)).collect();
    if noted.len() + due.len() > KEPT_MAX {
        noted.retain(|_, at| is_fresh(at));
    }
    if noted.len() + due.len() > KEPT_MAX {
        noted.clear();
    }
    noted.extend(due.iter().map(|(used, _)| (used.clone(), now_ms)));
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(name: &str, secret: SecretLabel) -> BTreeMap<Use, i64> {
        BTreeMap::from([((format!("acme/github/{name}").parse().unwrap(), secret), 1)])
    }

    #[test]
    fn each_secret_is_noted_once_in_a_quarter_of_an_hour() {
        let mut noted = BTreeMap::new();
        for (name, secret, minute, expected) in [
            ("a", SecretLabel::Current, 0, 1),
            ("a", SecretLabel::Current, 14, 0),
            ("a", SecretLabel::Previous, 14, 1),
            ("b", SecretLabel::Current, 14, 1),
            ("a", SecretLabel::Current, 15, 1),
            ("a", SecretLabel::Current, 29, 0),
        ] {
            assert_eq!(due(&mut noted, used(name, secret), minute * 60_000).len(), expected, "{name} {minute}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut noted = BTreeMap::new();
        for name in 0..2 * KEPT_MAX {
            assert_eq!(due(&mut noted, used(&name.to_string(), SecretLabel::Current), 0).len(), 1);
            assert!(noted.len() <= KEPT_MAX);
        }
    }
}
