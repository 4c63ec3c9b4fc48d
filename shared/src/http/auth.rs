//! Who asks: service tokens (HS256 JWT) and the browser's session cookie.
//!
//! The algorithm is pinned, two secrets are live at a time so that they can be rotated, and an unset secret is a
//! refusal to start: the originals fell back to a constant.

use std::sync::Arc;

use http::{HeaderMap, header};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};

use super::problem::{FORBIDDEN, INSUFFICIENT_SCOPE, INTERNAL_ERROR, INVALID_TOKEN, MISSING_TOKEN, Problem};
use crate::domain::ids::TenantId;
use crate::domain::secret::Secret;
use crate::domain::service_secrets::{SERVICE_JWT, SERVICE_JWT_PREVIOUS, SESSION_JWT, ServiceSecrets, Values};
use crate::environment::Environment;

/// The browser's session cookie.
pub const SESSION_COOKIE: &str = "STORE_SESS";
const SESSION_AUDIENCE: &str = "signalbox-session";
/// Clocks of two machines may differ by this much.
const LEEWAY_SECONDS: i64 = 5;

/// Read the history.
pub const READ: &str = "catalog:sync:read";
/// Start syncs of any vendor.
pub const WRITE: &str = "catalog:sync:write";
/// Start syncs of MOSCOT.
pub const MOSCOT: &str = "catalog:sync:moscot";
/// Requeue and drop dead letters, let rejected deliveries in.
pub const DELIVERIES_WRITE: &str = "deliveries:write";
/// See connections.
pub const CONNECTIONS_READ: &str = "connections:read";
/// Make, change, test and remove connections.
pub const CONNECTIONS_WRITE: &str = "connections:write";
/// The old general scope; alone it allows nothing.
pub const GENERAL: &str = "catalog:sync";

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
    fn iter(&self) -> impl Iterator<Item = &str> {
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
    scopes: Vec<String>,
    session: bool,
}

impl Caller {
    /// Whether the token carries the scope.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Asks for any one of the scopes.
    ///
    /// # Errors
    /// 403 `insufficient_scope`.
    pub fn require_any(&self, scopes: &[&str]) -> Result<(), Problem> {
        if scopes.iter().any(|scope| self.has(scope)) {
            return Ok(());
        }
        Err(Problem::new(INSUFFICIENT_SCOPE, format!("the token needs the scope {}", scopes.join(" or "))))
    }

    /// Asks for the right to read: a session, or the scope. The right to write does not include it.
    fn require_read(&self, scope: &str) -> Result<(), Problem> {
        if self.session { Ok(()) } else { self.require_any(&[scope]) }
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

    fn values(&self, now: Timestamp) -> Result<Arc<Values>, Problem> {
        self.secrets.values(now).map_err(|too_old| Problem::internal(INTERNAL_ERROR, &too_old))
    }

    /// Whether this is somebody's own machine, where reads are open and sessions can be minted.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Verifies the service token of a request.
    ///
    /// # Errors
    /// 401 without a valid token, 403 for another audience.
    pub fn service(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let token = bearer(headers).ok_or_else(|| {
            Problem::new(MISSING_TOKEN, "send a service token: Authorization: Bearer <token>, or x-service-token")
        })?;
        let values = self.values(now)?;
        let live = [SERVICE_JWT, SERVICE_JWT_PREVIOUS].into_iter().filter_map(|name| values.get(name));
        let claims = verify(token, live, now)?;
        if !claims.aud.as_ref().is_some_and(|audiences| audiences.iter().any(|audience| audience == self.audience)) {
            return Err(Problem::new(FORBIDDEN, "the token is for another audience"));
        }
        caller(claims, "service", false)
    }

    /// Who reads: anybody on one's own machine, elsewhere a session or a service token that may read. A token that is
    /// sent is verified anywhere; a cookie is sent without being asked for, so one that is of no use locks nobody out of
    /// their own machine.
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
        let caller = if bearer(headers).is_some() {
            self.service(headers, now)?
        } else if let Some(caller) = self.session(headers, now).filter(|session| session.is_ok() || !self.local) {
            caller?
        } else if self.local {
            Caller { actor: "local".into(), tenant: TenantId::default(), scopes: vec![READ.into()], session: true }
        } else {
            self.service(headers, now)?
        };
        caller.require_read(scope)?;
        Ok(caller)
    }

    fn session(&self, headers: &HeaderMap, now: Timestamp) -> Option<Result<Caller, Problem>> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let token = pairs.find(|(name, _)| *name == SESSION_COOKIE)?.1;
        let verified = self.values(now).and_then(|values| verify(token, values.get(SESSION_JWT), now));
        Some(verified.and_then(|claims| {
            let ours = claims.aud.as_ref().is_some_and(|aud| aud.iter().any(|audience| audience == SESSION_AUDIENCE));
            if ours {
                caller(claims, "session", true)
            } else {
                Err(Problem::new(FORBIDDEN, "the cookie is not a session"))
            }
        }))
    }

    /// Who is at the page: a session, a service token, or anybody on one's own machine.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if bearer(headers).is_some() {
            let caller = self.service(headers, now)?;
            caller.require_any(&[WRITE])?;
            return Ok(caller);
        }
        self.reader(headers, now)
    }

    /// Who changes a vendor at the page: a session, or a service token that may write connections. Nobody in particular may not, on
    /// one's own machine either: a page of another site could send that.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn editor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if bearer(headers).is_none()
            && let Some(session) = self.session(headers, now)
        {
            return session;
        }
        let caller = self.service(headers, now)?;
        caller.require_any(&[CONNECTIONS_WRITE])?;
        Ok(caller)
    }

    /// A session for the browser, on one's own machine only: the cookie's value.
    #[must_use]
    pub fn mint_session(&self, now: Timestamp, seconds: i64) -> Option<String> {
        let claims = Claims {
            sub: Some("dev".into()),
            aud: Some(OneOrMany::One(SESSION_AUDIENCE.into())),
            iat: Some(now.as_second()),
            nbf: None,
            exp: now.as_second().saturating_add(seconds),
            scopes: None,
            tenant: None,
        };
        let values = self.secrets.values(now).ok().filter(|_| self.local)?;
        mint(&claims, values.get(SESSION_JWT)?).ok()
    }
}

/// Signs claims with HS256.
///
/// # Errors
/// When they cannot be encoded.
pub fn mint(claims: &Claims, secret: &Secret) -> Result<String, jsonwebtoken::errors::Error> {
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

fn verify<'a>(token: &str, secrets: impl IntoIterator<Item = &'a Secret>, now: Timestamp) -> Result<Claims, Problem> {
    // The library reads the system's clock and mixes the audience with the signature: both are checked here.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let invalid = |why: &str| Problem::new(INVALID_TOKEN, why);
    let token = secrets
        .into_iter()
        .find_map(|secret| {
            let key = DecodingKey::from_secret(secret.expose());
            jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()
        })
        .ok_or_else(|| invalid("the token is malformed or not signed by us"))?;
    // RFC 7515, section 4.1.11: who does not understand what is critical must refuse, and nothing is that we know of.
    if token.header.crit.is_some() {
        return Err(invalid("the token's header has \"crit\": no extension is understood"));
    }
    let (claims, now) = (token.claims, now.as_second());
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(invalid("the token has expired"));
    }
    if claims.nbf.is_some_and(|from| from.saturating_sub(LEEWAY_SECONDS) > now) {
        return Err(invalid("the token is not valid yet"));
    }
    Ok(claims)
}

fn caller(claims: Claims, default_actor: &str, session: bool) -> Result<Caller, Problem> {
    let tenant = match &claims.tenant {
        Some(tenant) => {
            TenantId::parse(tenant).map_err(|_| Problem::new(INVALID_TOKEN, "the token's tenant is not a valid id"))?
        }
        None => TenantId::default(),
    };
    let scopes = claims.scopes.iter().flat_map(OneOrMany::iter);
    Ok(Caller {
        actor: claims.sub.filter(|sub| !sub.is_empty()).unwrap_or_else(|| default_actor.to_owned()),
        tenant,
        scopes: scopes.flat_map(str::split_whitespace).map(String::from).collect(),
        session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service_secrets::OF_TOKENS;
    use serde_json::{Value, json};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const PREVIOUS: &str = "previous-secret-previous-secret-0";

    fn authority(stage: &str) -> Authority {
        let values = Values::check(&OF_TOKENS, |name| {
            let secrets = [SECRET, PREVIOUS, "session-secret-session-secret-00"];
            OF_TOKENS.iter().position(|known| *known == name).map(|place| secrets[place].to_owned())
        });
        let environment = [("SIGNALBOX_STAGE", stage)].into_iter().collect();
        Authority::new(&environment, ServiceSecrets::given(values.unwrap()))
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn token(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn headers(name: &'static str, value: String) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[track_caller]
    fn check(headers: &HeaderMap, expected: Result<&str, &str>) {
        let found = authority("production").reader(headers, now());
        let found = found.as_ref().map(|caller| caller.actor.as_str()).map_err(|problem| problem.kind().code);
        assert_eq!(found, expected);
    }

    #[test]
    fn service_tokens() {
        let good = json!({"sub": "nightly", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": ["catalog:sync:read"]});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let bearer =
            |claims: &Value| headers("authorization", format!("bearer {}", token(Algorithm::HS256, SECRET, claims)));
        check(&bearer(&good), Ok("nightly"));
        check(&headers("x-service-token", token(Algorithm::HS256, SECRET, &good)), Ok("nightly"));
        check(&headers("authorization", format!("Bearer {}", token(Algorithm::HS256, PREVIOUS, &good))), Ok("nightly"));
        check(&bearer(&with("sub", Value::Null)), Ok("service"));
        check(&bearer(&with("aud", json!(["other", "clairity-services"]))), Ok("nightly"));
        check(&bearer(&with("scopes", json!("a catalog:sync:read"))), Ok("nightly"));
        check(&HeaderMap::new(), Err("missing_token"));
        check(&headers("authorization", "Basic abc".into()), Err("missing_token"));
        check(&headers("authorization", "Bearer abc".into()), Err("invalid_token"));
        check(&bearer(&with("exp", json!(1_699_999_000))), Err("invalid_token"));
        check(&bearer(&with("exp", json!("soon"))), Err("invalid_token"));
        check(
            &headers("authorization", format!("Bearer {}", token(Algorithm::HS384, SECRET, &good))),
            Err("invalid_token"),
        );
        check(
            &headers(
                "authorization",
                format!("Bearer {}", token(Algorithm::HS256, "another-secret-another-secret-00", &good)),
            ),
            Err("invalid_token"),
        );
        check(&bearer(&with("aud", json!("other"))), Err("forbidden"));
        check(&bearer(&with("aud", Value::Null)), Err("forbidden"));
        check(&bearer(&with("scopes", json!(["catalog:sync:write", "catalog:sync"]))), Err("insufficient_scope"));
        check(&bearer(&with("tenant", json!("a/b"))), Err("invalid_token"));
    }

    #[test]
    fn times_of_a_token_are_any_number_and_are_kept() {
        for (name, time, expected) in [
            ("exp", json!(1_700_000_000.75), Ok("nightly")),
            ("exp", json!(1_699_999_995.75), Err("invalid_token")),
            ("exp", json!(9.3e18), Ok("nightly")),
            ("exp", json!(1e300), Ok("nightly")),
            ("exp", json!(i64::MAX), Ok("nightly")),
            ("exp", json!(u64::MAX), Ok("nightly")),
            ("exp", json!(i64::MIN), Err("invalid_token")),
            ("exp", json!(-1e300), Err("invalid_token")),
            ("exp", json!(null), Err("invalid_token")),
            ("exp", json!("1700000100"), Err("invalid_token")),
            ("nbf", json!(null), Ok("nightly")),
            ("nbf", json!(1_700_000_005), Ok("nightly")),
            ("nbf", json!(1_700_000_005.5), Ok("nightly")),
            ("nbf", json!(1_700_000_006), Err("invalid_token")),
            ("nbf", json!(1e300), Err("invalid_token")),
            ("nbf", json!(i64::MIN), Ok("nightly")),
            ("nbf", json!("soon"), Err("invalid_token")),
            ("iat", json!(1_699_999_999.5), Ok("nightly")),
            ("iat", json!("soon"), Err("invalid_token")),
        ] {
            let mut claims = json!({"sub": "nightly", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": ["catalog:sync:read"]});
            claims[name] = time;
            check(&headers("authorization", format!("Bearer {}", token(Algorithm::HS256, SECRET, &claims))), expected);
        }
    }

    #[test]
    fn what_a_token_calls_critical_is_not_passed_over() {
        let claims = json!({"aud": "clairity-services", "exp": 1_700_000_100, "scopes": ["catalog:sync:read"]});
        for critical in [json!(["exp"]), json!(["b64"]), json!([])] {
            let header: Header =
                serde_json::from_value(json!({"alg": "HS256", "crit": critical, "b64": true})).unwrap();
            let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
            check(&headers("authorization", format!("Bearer {token}")), Err("invalid_token"));
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        // {"alg":"none"} . {"exp":9999999999,"aud":"clairity-services","scopes":["catalog:sync:read"]}
        let none = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTksImF1ZCI6ImNsYWlyaXR5LXNlcnZpY2VzIiwic2NvcGVzIjpbImNhdGFsb2c6c3luYzpyZWFkIl19.";
        check(&headers("authorization", format!("Bearer {none}")), Err("invalid_token"));
    }

    #[test]
    fn a_session_reads_and_only_one_s_own_machine_mints_it() {
        let local = authority("local");
        let cookie = headers("cookie", format!("a=b; STORE_SESS={}", local.mint_session(now(), 60).unwrap()));
        check(&cookie, Ok("dev"));
        check(&headers("cookie", "STORE_SESS=abc".into()), Err("invalid_token"));
        assert!(authority("production").mint_session(now(), 60).is_none());
        assert!(local.reader(&HeaderMap::new(), now()).is_ok());
    }

    #[test]
    fn secrets_that_are_too_old_let_nobody_in_and_are_no_fault_of_the_token() {
        let secrets = authority("production").secrets.values(now()).unwrap();
        let read = ServiceSecrets::read((*secrets).clone(), now());
        let authority = Authority::new(&Environment::default(), read);
        let claims = json!({"aud": "clairity-services", "exp": i64::MAX, "scopes": ["catalog:sync:read"]});
        let headers = headers("authorization", format!("Bearer {}", token(Algorithm::HS256, SECRET, &claims)));
        let at = |seconds: i64| {
            let now = Timestamp::from_second(now().as_second() + seconds).unwrap();
            authority.reader(&headers, now).map(drop).map_err(|problem| problem.kind())
        };
        assert_eq!((at(3599), at(3600).unwrap_err().code), (Ok(()), "internal_error"));
    }
}
