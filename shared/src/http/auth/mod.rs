//! Who asks: service tokens (HS256 JWT), [`user`]s, the admin token of older operators, and the browser's session
//! ([`super::session`]).
//!
//! The algorithm is pinned, two secrets are live at a time so that they can be rotated, and an unset secret is a
//! refusal to start: the originals fell back to a constant.

pub mod admin;
pub mod platform;
pub mod tenant;
pub mod user;

use std::sync::Arc;

use http::{HeaderMap, header};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::problem::{FORBIDDEN, INSUFFICIENT_SCOPE, INTERNAL_ERROR, INVALID_TOKEN, MISSING_TOKEN, Problem};
use super::same_origin;
use crate::domain::ids::{ConnectionName, TenantId};
use crate::domain::secret::Secret;
use crate::domain::service_secrets::{ADMIN_SYNC, SERVICE_JWT, SERVICE_JWT_PREVIOUS, ServiceSecrets, Values};
use crate::environment::Environment;

/// The header of the admin token; `Authorization` will do too.
const ADMIN_HEADER: &str = "x-admin-token";
/// Whoever sends the admin token, for the record: it names nobody.
pub(super) const ADMIN_ACTOR: &str = "admin-token";
/// Clocks of two machines may differ by this much.
const LEEWAY_SECONDS: i64 = 5;

/// What is said of a token whose time is over: some clients have a code of their own for it.
pub(super) const EXPIRED: &str = "the token has expired";

/// Read the history.
pub const READ: &str = "catalog:sync:read";
/// Start syncs of any vendor.
pub const WRITE: &str = "catalog:sync:write";
/// Start syncs of MOSCOT.
pub const MOSCOT: &str = "catalog:sync:moscot";
/// Requeue and drop dead letters, let rejected deliveries in.
pub const DELIVERIES_WRITE: &str = "deliveries:write";
/// See headers and bodies of deliveries, beside what lists say of them.
pub const DELIVERIES_READ: &str = "deliveries:read";
/// See connections.
pub const CONNECTIONS_READ: &str = "connections:read";
/// Make, change, test and remove connections.
pub const CONNECTIONS_WRITE: &str = "connections:write";
/// See what operators did.
pub const AUDIT_READ: &str = "audit:read";
/// The old general scope; alone it allows nothing.
pub const GENERAL: &str = "catalog:sync";
/// How to get a token on one's own machine.
const LOCAL_TOKEN: &str = "; here `cargo run -- token connections:read,connections:write` prints one, and `token --help` says of which scopes";

/// What reads. On one's own machine anybody may.
const READS: [&str; 2] = [READ, CONNECTIONS_READ];
/// What the admin token may.
pub(super) const ADMIN_SCOPES: [&str; 2] = [CONNECTIONS_READ, CONNECTIONS_WRITE];

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who.
    #[serde(default)]
    pub sub: Option<String>,
    /// For whom the token is.
    #[serde(default)]
    pub aud: Option<OneOrMany>,
    /// When it was made, epoch seconds.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub iat: Option<i64>,
    /// Before when it is not to be taken, epoch seconds.
    #[serde(default, deserialize_with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it ends, epoch seconds.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// What it allows: an array, or one text with spaces.
    #[serde(default)]
    pub scopes: Option<OneOrMany>,
    /// Whose data it is for; the default tenant if it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A time of RFC 7519 (NumericDate) is any JSON number, so also `1700000000.25`; fractions are dropped, which the leeway
/// covers, and what is beyond an integer is its end.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Whole(i64),
        Fraction(f64),
    }
    Ok(match Seconds::deserialize(deserializer)? {
        Seconds::Whole(seconds) => seconds,
        // `as` ends at the ends of an integer, and no JSON number is NaN.
        Seconds::Fraction(seconds) => seconds.floor() as i64,
    })
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Time(#[serde(deserialize_with = "seconds")] i64);
    Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
}

/// A claim that may be one text or several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// Somebody whose token was verified. Only this module makes one.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who, for the record.
    pub actor: String,
    /// Whose data they may see.
    pub tenant: TenantId,
    /// Whether they may name any tenant, and are then of that one.
    pub any_tenant: bool,
    /// Whether each tenant that they act for has them on its record: users of a platform's role.
    pub enters: bool,
    /// Until when their token is good, epoch seconds; none where it has no end, or nobody has to show one.
    pub ends: Option<i64>,
    scopes: Vec<String>,
    /// The only brands of the tenant that they see, where they are bound to some.
    brands: Option<Vec<ConnectionName>>,
}

impl Caller {
    /// An operator of all tenants' connections, and of nothing else.
    fn admin() -> Self {
        let scopes = ADMIN_SCOPES.map(str::to_owned).into();
        let tenant = TenantId::default();
        let actor = ADMIN_ACTOR.into();
        Self { actor, tenant, any_tenant: true, enters: false, ends: None, scopes, brands: None }
    }

    /// Whether the token carries the scope. Whoever is bound to brands has none where nobody asks which: fail closed.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.brands.is_none() && self.carries(scope)
    }

    /// The brands that they are bound to; none where all are open to them.
    #[must_use]
    pub fn brands(&self) -> Option<&[ConnectionName]> {
        self.brands.as_deref()
    }

    fn carries(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether what is of a brand of the tenant, a vendor or any other connection, is open to them.
    #[must_use]
    pub fn sees(&self, brand: &ConnectionName) -> bool {
        self.brands.as_ref().is_none_or(|brands| brands.contains(brand))
    }

    /// All that the token carries.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Asks for any one of the scopes.
    ///
    /// # Errors
    /// 403 `insufficient_scope`.
    pub fn require_any(&self, scopes: &[&str]) -> Result<(), Problem> {
        if scopes.iter().any(|scope| self.has(scope)) {
            return Ok(());
        }
        let why = match &self.brands {
            Some(_) if scopes.iter().any(|scope| self.carries(scope)) => {
                "the user is bound to brands, and this is about all of a tenant".to_owned()
            }
            _ => format!("the token needs the scope {}", scopes.join(" or ")),
        };
        Err(Problem::new(INSUFFICIENT_SCOPE, why))
    }

    /// Whether they may see and change what is a tenant's: their own, and operators of the default tenant any.
    #[must_use]
    pub fn may_touch(&self, tenant: &TenantId) -> bool {
        self.tenant == *tenant || self.tenant == TenantId::DEFAULT
    }
}

/// Verifies tokens.
#[derive(Clone)]
pub struct Authority {
    secrets: ServiceSecrets,
    audience: String,
    local: bool,
}

impl Authority {
    /// One that verifies with these secrets; the environment has `SERVICE_JWT_AUDIENCE` and the stage.
    #[must_use]
    pub fn new(environment: &Environment, secrets: ServiceSecrets) -> Self {
        let audience = environment.get("SERVICE_JWT_AUDIENCE").unwrap_or("clairity-services").to_owned();
        Self { secrets, audience, local: environment.is_local() }
    }

    pub(super) fn secrets(&self) -> &ServiceSecrets {
        &self.secrets
    }

    pub(super) fn values(&self, now: Timestamp) -> Result<Arc<Values>, Problem> {
        self.secrets.values(now).map_err(|too_old| Problem::internal(INTERNAL_ERROR, &too_old))
    }

    /// Whether this is somebody's own machine, where reads are open and sessions can be minted.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Verifies the service token of a request, the admin token, or a user's token, which then is one of a single tenant.
    ///
    /// # Errors
    /// 401 without a valid token, 403 for another audience.
    pub fn service(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if let Some(token) = admin_token(headers) {
            let values = self.values(now)?;
            if is_admin(token, &values) {
                return Caller::admin().within(tenant::in_header(headers)?);
            }
            let why = "the admin token is not the one that is set, or none is set";
            let how = if self.local { ": start with ADMIN_SYNC_TOKEN set to one of 32 characters or more" } else { "" };
            return Err(Problem::new(INVALID_TOKEN, format!("{why}{how}")));
        }
        let token = bearer(headers).ok_or_else(|| {
            let what = "send a service token: Authorization: Bearer <token>, or x-service-token";
            let how = if self.local { LOCAL_TOKEN } else { "" };
            Problem::new(MISSING_TOKEN, format!("{what}{how}"))
        })?;
        let values = self.values(now)?;
        if is_admin(token.as_bytes(), &values) {
            return Caller::admin().within(tenant::in_header(headers)?);
        }
        if let Some(user) = user::user(token, &values, now) {
            return user::caller_of(user?, headers);
        }
        caller(self.service_claims(token, &values, now)?, "service")?.within(tenant::in_header(headers)?)
    }

    pub(super) fn service_claims(&self, token: &str, values: &Values, now: Timestamp) -> Result<Claims, Problem> {
        let live = [SERVICE_JWT, SERVICE_JWT_PREVIOUS].into_iter().filter_map(|name| values.get(name));
        let claims = verify(token, live, now)?;
        if !claims.aud.as_ref().is_some_and(|audiences| audiences.iter().any(|audience| audience == self.audience)) {
            return Err(Problem::new(FORBIDDEN, "the token is for another audience"));
        }
        Ok(claims)
    }

    /// Who reads: anybody on one's own machine, elsewhere a session or a service token that may read. The right to write does not
    /// include it.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn reader(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        self.reader_of(READ, headers, now)
    }

    /// As [`Authority::reader`], of what takes another scope to read.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn reader_of(&self, scope: &str, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.whoever(headers, now)?;
        caller.require_any(&[scope])?;
        Ok(caller)
    }

    /// As [`Authority::reader_of`], also who is bound to brands: for routes that leave out what a caller does not see
    /// ([`Caller::sees`]).
    ///
    /// # Errors
    /// 401 or 403.
    pub fn reader_of_brands(&self, scope: &str, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.whoever(headers, now)?;
        if !caller.carries(scope) {
            caller.require_any(&[scope])?;
        }
        Ok(caller)
    }

    /// Who asks, whatever they may. A token that is sent is verified anywhere; a cookie is sent without being asked for, so one
    /// that is of no use locks nobody out of their own machine.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn whoever(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if sends_token(headers) {
            return self.service(headers, now);
        }
        match self.session(headers, now).filter(|session| session.is_ok() || !self.local) {
            Some(session) => session,
            None if self.local => {
                let (tenant, scopes) = (TenantId::default(), READS.map(String::from).into());
                let actor = "local".into();
                let anybody =
                    Caller { actor, tenant, any_tenant: true, enters: false, ends: None, scopes, brands: None };
                anybody.within(tenant::in_header(headers)?)
            }
            None => self.service(headers, now),
        }
    }

    /// Who changes something: a service token, or a session that a page of ours uses.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn writer(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if sends_token(headers) {
            return self.service(headers, now);
        }
        let Some(session) = self.session(headers, now) else { return self.service(headers, now) };
        let caller = session?;
        same_origin::check(headers)?;
        Ok(caller)
    }

    /// Who may try things that change nothing of a tenant's: as [`Authority::writer`], and anybody on one's own machine.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let session = || self.session(headers, now).is_some_and(|session| session.is_ok());
        if self.local && !sends_token(headers) && !session() && !same_origin::is_from_another(headers) {
            return self.whoever(headers, now);
        }
        let caller = self.writer(headers, now)?;
        caller.require_any(&[WRITE])?;
        Ok(caller)
    }

    /// Who changes a vendor at the page: as [`Authority::writer`], with the right to write connections. Nobody in particular may
    /// not, on one's own machine either: a page of another site could send that.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn editor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.writer(headers, now)?;
        caller.require_any(&[CONNECTIONS_WRITE])?;
        Ok(caller)
    }

    /// Whether a reader sees what deliveries came with: who decides on them must, and anybody may on one's own machine.
    #[must_use]
    pub fn shows_bodies(&self, caller: &Caller) -> bool {
        self.local || caller.has(DELIVERIES_READ) || caller.has(DELIVERIES_WRITE)
    }
}

/// Signs claims with HS256.
///
/// # Errors
/// When they cannot be encoded.
pub fn mint(claims: &impl Serialize, secret: &Secret) -> Result<String, jsonwebtoken::errors::Error> {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.expose()))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = token.or_else(|| headers.get("x-service-token").and_then(|value| value.to_str().ok()).map(str::trim));
    token.filter(|token| !token.is_empty())
}

fn admin_token(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(ADMIN_HEADER).map(|value| value.as_bytes().trim_ascii()).filter(|token| !token.is_empty())
}

pub(super) fn sends_token(headers: &HeaderMap) -> bool {
    admin_token(headers).is_some() || bearer(headers).is_some()
}

/// Whether this is the admin token, if there is one. Hashes are compared: how long it takes says neither where two differ nor how
/// long the right one is.
pub(super) fn is_admin(token: &[u8], values: &Values) -> bool {
    let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
    values.get(ADMIN_SYNC).is_some_and(|secret| digest(secret.expose()).ct_eq(&digest(token)).into())
}

pub(super) fn verify<'a>(
    token: &str,
    secrets: impl IntoIterator<Item = &'a Secret>,
    now: Timestamp,
) -> Result<Claims, Problem> {
    let claims = read::<Claims>(token, secrets)?;
    check_times(claims.exp, claims.nbf, now)?;
    Ok(claims)
}

/// What a token says that one of these secrets signed, whenever that was.
pub(super) fn read<'a, T: DeserializeOwned>(
    token: &str,
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> Result<T, Problem> {
    // The library reads the system's clock and mixes the audience with the signature: both are checked by whoever calls this.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let invalid = |why: &str| Problem::new(INVALID_TOKEN, why);
    let token = secrets
        .into_iter()
        .find_map(|secret| {
            let key = DecodingKey::from_secret(secret.expose());
            jsonwebtoken::decode::<T>(token, &key, &validation).ok()
        })
        .ok_or_else(|| invalid("the token is malformed or not signed by us"))?;
    // RFC 7515, section 4.1.11: who does not understand what is critical must refuse, and nothing is that we know of.
    if token.header.crit.is_some() {
        return Err(invalid("the token's header has \"crit\": no extension is understood"));
    }
    Ok(token.claims)
}

pub(super) fn check_times(exp: i64, nbf: Option<i64>, now: Timestamp) -> Result<(), Problem> {
    let (invalid, now) = (|why: &str| Err(Problem::new(INVALID_TOKEN, why)), now.as_second());
    if exp.saturating_add(LEEWAY_SECONDS) <= now {
        return invalid(EXPIRED);
    }
    if nbf.is_some_and(|from| from.saturating_sub(LEEWAY_SECONDS) > now) {
        return invalid("the token is not valid yet");
    }
    Ok(())
}

pub(super) fn caller(claims: Claims, default_actor: &str) -> Result<Caller, Problem> {
    let tenant = match &claims.tenant {
        Some(tenant) => {
            TenantId::parse(tenant).map_err(|_| Problem::new(INVALID_TOKEN, "the token's tenant is not a valid id"))?
        }
        None => TenantId::default(),
    };
    let scopes = claims.scopes.iter().flat_map(OneOrMany::iter);
    Ok(Caller {
        actor: claims.sub.filter(|sub| !sub.is_empty()).unwrap_or_else(|| default_actor.to_owned()),
        any_tenant: tenant == TenantId::DEFAULT,
        enters: false,
        tenant,
        ends: Some(claims.exp),
        scopes: scopes.flat_map(str::split_whitespace).map(String::from).collect(),
        brands: None,
    })
}

#[cfg(test)]
pub(super) mod tests;
