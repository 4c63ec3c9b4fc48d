//! Data keys: what connections' secrets are sealed with. KMS makes, unwraps and wraps them anew, each for one connection; how a
//! secret is sealed with one is [`crate::domain::connections::sealed`].
//!
//! A plain data key is kept for an hour at most and overwritten when it goes, so that KMS is asked once an hour for each
//! connection and instance. It is kept under its connection and its wrapped form: another connection finds none, and asks KMS,
//! which refuses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::clients::Clients;
use super::faults::{AwsFault, fault};
use crate::domain::connections::sealed::{self, DataKey, SECRET_BYTES_MAX, Sealed, TooLong, Unreadable, WrappedKey};
use crate::domain::ids::Connection;
use crate::domain::secret::Secret;
use crate::environment::{Environment, StartError};
use crate::outside::{Clock, Entropy, Outside};
use crate::single_flight::Flights;

/// How long a plain data key is used.
const KEPT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How many plain data keys are kept; of more, those that were not used for longest go.
const KEYS_MAX: usize = 1_000;
/// A call that takes longer has failed: who waits for a secret has something to answer.
const CALL_MAX: Duration = Duration::from_secs(5);

/// Why a secret was not sealed, opened or wrapped anew.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyFault {
    /// KMS could not be asked, or did not do it: whether the secret is good nobody knows. Nothing that needs it may be
    /// acknowledged or refused.
    #[error(transparent)]
    Unavailable(AwsFault),
    /// It is of another connection, or damaged. No time mends it.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is longer than a secret may be.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Makes, unwraps and keeps data keys. Clones are the same.
#[derive(Clone)]
pub struct DataKeys(Arc<Inner>);

struct Inner {
    client: Client,
    /// The ARN of the key that wraps.
    key: String,
    clock: Clock,
    entropy: Entropy,
    kept: Mutex<Kept>,
}

impl std::fmt::Debug for DataKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DataKeys").field("key", &self.0.key).finish_non_exhaustive()
    }
}

impl DataKeys {
    /// Those that the key named by `SECRETS_KEY_ARN` wraps; nothing is called.
    ///
    /// # Errors
    /// When the variable is unset.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Inner {
            client: clients.kms(),
            key: environment.require("SECRETS_KEY_ARN")?.to_owned(),
            clock: outside.clock.clone(),
            entropy: outside.entropy.clone(),
            kept: Mutex::default(),
        })))
    }

    /// Seals a connection's secret with a data key of its own.
    ///
    /// # Errors
    /// When KMS makes no key, or the secret is too long.
    pub async fn seal(&self, connection: &Connection, secret: &Secret) -> Result<Sealed, KeyFault> {
        if secret.expose().len() > SECRET_BYTES_MAX {
            return Err(TooLong.into());
        }
        let inner = &self.0;
        let asked = inner.clock.now();
        let call = inner.client.generate_data_key().key_id(&inner.key).key_spec(DataKeySpec::Aes256);
        let call = call.set_encryption_context(Some(context(connection))).send();
        let made = inner.answer("GenerateDataKey", call).await?;
        let plain = Zeroizing::new(made.plaintext.map(Blob::into_inner).unwrap_or_default());
        let (Some(data_key), Some(by), Some(bytes)) = (DataKey::new(&plain), made.key_id, made.ciphertext_blob) else {
            return Err(KeyFault::Unavailable(AwsFault::damaged("GenerateDataKey", "no data key")));
        };
        let key = WrappedKey { by, bytes: bytes.into_inner() };
        let sealed = Sealed::seal(connection, secret, &data_key, key, inner.nonce())?;
        inner.kept().keep((connection.clone(), sealed.key().clone()), Arc::new(data_key), asked);
        Ok(sealed)
    }

    /// Seals a secret with the data key of another one of the same connection. One call to KMS opens both then, and equal
    /// secrets have equal fingerprints.
    ///
    /// # Errors
    /// When the other's data key cannot be unwrapped, or the secret is too long.
    pub async fn seal_beside(
        &self,
        connection: &Connection,
        secret: &Secret,
        other: &Sealed,
    ) -> Result<Sealed, KeyFault> {
        let data_key = self.unwrapped(connection, other.key()).await?;
        Ok(Sealed::seal(connection, secret, &data_key, other.key().clone(), self.0.nonce())?)
    }

    /// Opens a connection's secret.
    ///
    /// # Errors
    /// When its data key cannot be unwrapped, or the secret is not one of the connection.
    pub async fn open(&self, connection: &Connection, sealed: &Sealed) -> Result<Secret, KeyFault> {
        let data_key = self.unwrapped(connection, sealed.key()).await?;
        Ok(sealed.open(connection, &data_key)?)
    }

    /// Wraps a secret's data key anew, with the key that wraps today. The data key does not leave KMS for it, and the secret
    /// is not sealed again.
    ///
    /// # Errors
    /// When KMS does not do it, or the secret is not one of the connection.
    pub async fn rewrap(&self, connection: &Connection, sealed: &Sealed) -> Result<Sealed, KeyFault> {
        let (inner, wrapped) = (&self.0, sealed.key());
        let call = inner.client.re_encrypt().ciphertext_blob(Blob::new(wrapped.bytes.clone()));
        let call = call.source_key_id(&wrapped.by).set_source_encryption_context(Some(context(connection)));
        let call = call.destination_key_id(&inner.key).set_destination_encryption_context(Some(context(connection)));
        let done = inner.answer("ReEncrypt", call.send()).await?;
        let (Some(by), Some(bytes)) = (done.key_id, done.ciphertext_blob) else {
            return Err(KeyFault::Unavailable(AwsFault::damaged("ReEncrypt", "no ciphertext")));
        };
        Ok(sealed.rewrapped(WrappedKey { by, bytes: bytes.into_inner() }))
    }

    /// A data key in the clear: one that is kept, or what KMS says to the first who asks while all others wait for the same
    /// answer.
    async fn unwrapped(&self, connection: &Connection, wrapped: &WrappedKey) -> Result<Arc<DataKey>, KeyFault> {
        let id = (connection.clone(), wrapped.clone());
        let asked = {
            let mut kept = self.0.kept();
            match kept.find(&id, self.0.clock.now()) {
                Some(data_key) => return Ok(data_key),
                None => kept.asked.join(&id, || Arc::clone(&self.0).unwrap(id.clone()).boxed()),
            }
        };
        asked.await
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonce(&self) -> sealed::SealNonce {
        sealed::nonce(self.entropy.bytes16())
    }

    async fn unwrap(self: Arc<Self>, id: Id) -> Result<Arc<DataKey>, KeyFault> {
        let (connection, wrapped) = &id;
        let asked = self.clock.now();
        let call = self.client.decrypt().ciphertext_blob(Blob::new(wrapped.bytes.clone())).key_id(&wrapped.by);
        let call = call.set_encryption_context(Some(context(connection))).send();
        let answer = self.answer("Decrypt", call).await;
        // Before the answer is looked at: a failure is not remembered.
        self.kept().asked.landed(&id);
        let plain = Zeroizing::new(answer?.plaintext.map(Blob::into_inner).unwrap_or_default());
        let data_key = Arc::new(DataKey::new(&plain).ok_or(Unreadable)?);
        self.kept().keep(id, Arc::clone(&data_key), asked);
        Ok(data_key)
    }

    async fn answer<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, KeyFault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Boxed, as whoever asks for a secret is deep in futures already.
        let Some(answer) = self.clock.within(CALL_MAX, Box::pin(call)).await else {
            return Err(KeyFault::Unavailable(AwsFault::unanswered(operation, CALL_MAX)));
        };
        answer.map_err(|error| match error.code() {
            Some("InvalidCiphertextException" | "IncorrectKeyException") => Unreadable.into(),
            _ => KeyFault::Unavailable(fault(operation, &error)),
        })
    }
}

/// What KMS binds a data key to, and writes into its audit log with each use.
fn context(connection: &Connection) -> HashMap<String, String> {
    let tenant = ("tenant".to_owned(), connection.tenant.to_string());
    HashMap::from([tenant, ("connection".to_owned(), connection.to_string())])
}

type Id = (Connection, WrappedKey);

/// Plain data keys, and the questions to KMS that somebody waits for.
#[derive(Default)]
struct Kept {
    keys: HashMap<Id, Entry>,
    asked: Flights<Id, Result<Arc<DataKey>, KeyFault>>,
    uses: u64,
    /// No key is to go before.
    next: Option<Timestamp>,
}

struct Entry {
    data_key: Arc<DataKey>,
    until: Timestamp,
    used: u64,
}

impl Kept {
    fn find(&mut self, id: &Id, now: Timestamp) -> Option<Arc<DataKey>> {
        if self.next.is_some_and(|next| next <= now) {
            self.keys.retain(|_, entry| entry.until > now);
            self.next = self.keys.values().map(|entry| entry.until).min();
        }
        self.uses += 1;
        let entry = self.keys.get_mut(id)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.data_key))
    }

    fn keep(&mut self, id: Id, data_key: Arc<DataKey>, asked: Timestamp) {
        let until = asked.checked_add(KEPT_MAX).unwrap_or(asked);
        if self.keys.len() >= KEYS_MAX && !self.keys.contains_key(&id) {
            let oldest = self.keys.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| self.keys.remove(&oldest));
        }
        self.uses += 1;
        self.next = Some(self.next.map_or(until, |next| next.min(until)));
        self.keys.insert(id, Entry { data_key, until, used: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Id {
        let connection = format!("tenant/erp/{number}").parse().unwrap();
        (connection, WrappedKey { by: "k".into(), bytes: Vec::new() })
    }

    fn key() -> Arc<DataKey> {
        Arc::new(DataKey::new(&[1; sealed::KEY_BYTES]).unwrap())
    }

    #[test]
    fn no_more_than_so_many_keys_are_kept_and_the_least_used_go() {
        let (mut kept, now) = (Kept::default(), Timestamp::UNIX_EPOCH);
        (0..KEYS_MAX).for_each(|number| kept.keep(id(number), key(), now));
        assert!(kept.find(&id(0), now).is_some());
        kept.keep(id(KEYS_MAX), key(), now);
        kept.keep(id(KEYS_MAX), key(), now);
        let found = [0, 1, 2, KEYS_MAX].map(|number| kept.find(&id(number), now).is_some());
        assert_eq!((found, kept.keys.len()), ([true, false, true, true], KEYS_MAX));
    }

    #[test]
    fn a_key_is_gone_after_an_hour_whether_or_not_anybody_asks_for_it() {
        let (mut kept, start) = (Kept::default(), Timestamp::UNIX_EPOCH);
        let after = |minutes: i64| start.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        kept.keep(id(0), key(), start);
        kept.keep(id(1), key(), after(30));
        assert!(kept.find(&id(0), after(59)).is_some());
        assert!(kept.find(&id(1), after(60)).is_some());
        assert_eq!(kept.keys.len(), 1, "the other one is overwritten, not only passed over");
        assert!(kept.find(&id(1), after(90)).is_none() && kept.keys.is_empty());
    }
}
