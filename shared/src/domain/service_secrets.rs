//! The service's own secrets: which there are, what each must be, and for how long they are used once they were read.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::domain::secret::Secret;

/// The length of an HS256 key (RFC 7518, section 3.2), and the shortest secret that we choose ourselves, in bytes.
const OF_OURS: usize = 32;

/// The name of a secret, by which it is stored, and which an environment variable has on somebody's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    text: &'static str,
    bytes_min: usize,
    required: bool,
}

/// What service tokens are signed with.
pub const SERVICE_JWT: Name = Name::required("SERVICE_JWT_SECRET");
/// What they were signed with before the last rotation.
pub const SERVICE_JWT_PREVIOUS: Name = Name::optional("SERVICE_JWT_SECRET_PREVIOUS", OF_OURS);
/// What browsers' sessions are signed with.
pub const SESSION_JWT: Name = Name::required("SESSION_JWT_SECRET");
/// What an operator of all tenants may send in place of a token.
pub const ADMIN_SYNC: Name = Name::optional("ADMIN_SYNC_TOKEN", OF_OURS);
/// What users' tokens are signed with, by whoever signs people in.
pub const USER_JWT: Name = Name::optional("JWT_SECRET", OF_OURS);
/// What points of sale sign with.
pub const WEBHOOK: Name = Name::required("WEBHOOK_SECRET");
/// What they signed with before the last rotation.
pub const WEBHOOK_PREVIOUS: Name = Name::optional("WEBHOOK_SECRET_PREVIOUS", 1);
/// What Trackstar signs with.
pub const TRACKSTAR_WEBHOOK: Name = Name::optional("TRACKSTAR_WEBHOOK_SECRET", 1);
/// What it signed with before the last rotation.
pub const TRACKSTAR_WEBHOOK_PREVIOUS: Name = Name::optional("TRACKSTAR_WEBHOOK_SECRET_PREVIOUS", 1);
/// What Trackstar is asked with to make links: the account's key.
pub const TRACKSTAR_API: Name = Name::optional("TRACKSTAR_API_KEY", 1);
/// Those that callers are known by.
pub const OF_TOKENS: [Name; 5] = [SERVICE_JWT, SERVICE_JWT_PREVIOUS, SESSION_JWT, ADMIN_SYNC, USER_JWT];
/// Those that deliveries are verified with.
pub const OF_DELIVERIES: [Name; 4] = [WEBHOOK, WEBHOOK_PREVIOUS, TRACKSTAR_WEBHOOK, TRACKSTAR_WEBHOOK_PREVIOUS];

/// Those that vendors are asked with.
pub const OF_VENDORS: [Name; 1] = [TRACKSTAR_API];

/// All of them.
pub fn all() -> impl Iterator<Item = Name> {
    OF_TOKENS.into_iter().chain(OF_DELIVERIES).chain(OF_VENDORS)
}

impl Name {
    const fn required(text: &'static str) -> Self {
        Self { text, bytes_min: OF_OURS, required: true }
    }

    const fn optional(text: &'static str, bytes_min: usize) -> Self {
        Self { text, bytes_min, required: false }
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.text
    }

    /// Whether nothing that uses it starts without.
    #[must_use]
    pub fn is_required(self) -> bool {
        self.required
    }
}

/// Why secrets cannot be used. The text quotes none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There must be one, and there is none.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It is too short to be one.
    #[error("{name} has fewer than {bytes_min} characters")]
    Short {
        /// Which.
        name: &'static str,
        /// What it needs.
        bytes_min: usize,
    },
}

impl Unusable {
    /// Which secret it is about.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing(name) | Self::Short { name, .. } => name,
        }
    }
}

/// The values of some of the secrets, each of them usable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, Secret>);

impl Values {
    /// Checks what was found. What surrounds a value is not part of it: files and consoles add a line's end. A blank one is
    /// none.
    ///
    /// # Errors
    /// Which is missing or too short.
    pub fn check(names: &[Name], mut find: impl FnMut(Name) -> Option<String>) -> Result<Self, Unusable> {
        let mut values = BTreeMap::new();
        for name in names {
            let found = find(*name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            match found {
                None if name.required => return Err(Unusable::Missing(name.text)),
                None => {}
                Some(text) if text.len() < name.bytes_min => {
                    return Err(Unusable::Short { name: name.text, bytes_min: name.bytes_min });
                }
                Some(text) => drop(values.insert(name.text, Secret::new(text))),
            }
        }
        Ok(Self(values))
    }

    /// The value of one, if it has one.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&Secret> {
        self.0.get(name.text)
    }
}

/// How long after they were read the values are due to be read again.
pub const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long after they were read whoever needs them waits for newer ones first: nobody has asked for them for a while.
pub const DUE_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How long after they were read they are used at all. One that was revoked must not live on for as long as the store is down.
pub const USABLE_FOR: SignedDuration = SignedDuration::from_hours(1);

/// How old values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// There is nothing to do.
    Fresh,
    /// They are to be read again, beside the work.
    Due,
    /// They are to be read again before the work.
    Late,
}

/// The values are older than they may be, as they could not be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service's secrets could not be read for an hour")]
pub struct TooOld;

/// The secrets of an instance, as they were last read. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct ServiceSecrets(Arc<RwLock<Held>>);

#[derive(Debug, Default)]
struct Held {
    values: Arc<Values>,
    /// None of values that were given once and for all.
    read: Option<Timestamp>,
}

impl ServiceSecrets {
    /// Secrets that do not change while the process lives.
    #[must_use]
    pub fn given(values: Values) -> Self {
        Self(Arc::new(RwLock::new(Held { values: Arc::new(values), read: None })))
    }

    /// Secrets that were read at this time, before the store was asked.
    #[must_use]
    pub fn read(values: Values, at: Timestamp) -> Self {
        let this = Self::default();
        this.replace(values, at);
        this
    }

    /// Takes newer ones in.
    pub fn replace(&self, values: Values, at: Timestamp) {
        let held = Held { values: Arc::new(values), read: Some(at) };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// The values.
    ///
    /// # Errors
    /// When they are too old to be used.
    pub fn values(&self, now: Timestamp) -> Result<Arc<Values>, TooOld> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match held.read {
            Some(read) if now.duration_since(read) >= USABLE_FOR => Err(TooOld),
            _ => Ok(Arc::clone(&held.values)),
        }
    }

    /// How old they are.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Age {
        let read = self.0.read().unwrap_or_else(PoisonError::into_inner).read;
        match read.map(|read| now.duration_since(read)) {
            Some(age) if age >= DUE_FOR => Age::Late,
            Some(age) if age >= FRESH_FOR => Age::Due,
            _ => Age::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[(&str, &str)]) -> Result<Values, Unusable> {
        let found: BTreeMap<&str, &str> = found.iter().copied().collect();
        let names: Vec<Name> = all().collect();
        Values::check(&names, |name| found.get(name.as_str()).map(|text| (*text).to_owned()))
    }

    #[test]
    fn a_secret_that_is_missing_or_short_is_named_and_not_quoted() {
        let long = "0123456789abcdef0123456789abcdef";
        let three = [("SERVICE_JWT_SECRET", long), ("SESSION_JWT_SECRET", long), ("WEBHOOK_SECRET", long)];
        assert!(check(&three).is_ok());
        for (name, value, reason) in [
            ("SERVICE_JWT_SECRET", "", "SERVICE_JWT_SECRET is missing"),
            ("SESSION_JWT_SECRET", " \n", "SESSION_JWT_SECRET is missing"),
            ("WEBHOOK_SECRET", "hunter2", "WEBHOOK_SECRET has fewer than 32 characters"),
            ("SERVICE_JWT_SECRET_PREVIOUS", "hunter2", "SERVICE_JWT_SECRET_PREVIOUS has fewer than 32 characters"),
        ] {
            let mut found = three.to_vec();
            found.push((name, value));
            let refused = check(&found).unwrap_err();
            assert_eq!((refused.to_string(), refused.name()), (reason.to_owned(), name));
        }
        let surrounded = format!(" {long}\n");
        let found = [three[0], three[1], ("WEBHOOK_SECRET", surrounded.as_str()), ("TRACKSTAR_WEBHOOK_SECRET", "x")];
        let values = check(&found).unwrap();
        assert_eq!(values.get(WEBHOOK), Some(&Secret::new(long)));
        assert_eq!((values.get(TRACKSTAR_WEBHOOK).is_some(), values.get(WEBHOOK_PREVIOUS)), (true, None));
    }

    #[test]
    fn values_age_and_are_not_used_for_longer_than_an_hour() {
        let start = Timestamp::UNIX_EPOCH;
        let secrets = ServiceSecrets::read(Values::default(), start);
        let after = |seconds: i64| start.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        for (seconds, age, usable) in [
            (0, Age::Fresh, true),
            (299, Age::Fresh, true),
            (300, Age::Due, true),
            (599, Age::Due, true),
            (600, Age::Late, true),
            (3599, Age::Late, true),
            (3600, Age::Late, false),
        ] {
            let now = after(seconds);
            assert_eq!((secrets.age(now), secrets.values(now).is_ok()), (age, usable), "{seconds} s");
        }
        secrets.replace(Values::default(), after(3600));
        assert_eq!((secrets.age(after(3600)), secrets.values(after(3600)).is_ok()), (Age::Fresh, true));
        let given = ServiceSecrets::given(Values::default());
        assert_eq!((given.age(Timestamp::MAX), given.values(Timestamp::MAX).is_ok()), (Age::Fresh, true));
    }
}
