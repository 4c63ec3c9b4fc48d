//! Users: people, whose tokens (HS256, `JWT_SECRET`) say who they are, in which role, for which tenants and for which brands.
//! There is no table of users: what a token says that verifies is all that is known of one.
//!
//! Platform roles act for any tenant, one at a time, and whoever serves them records each call ([`Authority::entered`]). All
//! others are bound to the tenants of their token, and readers to its brands, where it names any.

use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tenant::{TENANT_HEADER, in_header, named};
use super::{
    AUDIT_READ, Authority, CONNECTIONS_READ, CONNECTIONS_WRITE, Caller, DELIVERIES_WRITE, READ, WRITE, bearer,
    check_times, mint, optional_seconds, read, seconds, sends_token,
};
use crate::domain::ids::{ConnectionName, InvalidId, TenantId};
use crate::domain::service_secrets::{SESSION_JWT, USER_JWT, Values};
use crate::http::problem::{FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_REQUEST, INVALID_TOKEN, Problem};
use crate::http::query::Query;
use crate::http::same_origin;
use crate::http::session::{SESSION_AUDIENCE, Who, session_cookie};

const DEFAULT_IS_OPERATORS: &str = "the default tenant's routes are for operators of all tenants";

/// More tenants or brands than a token of a header's length has.
const NAMES_MAX: usize = 500;
/// The longest id of a user: it stands in each entry of the record.
const ID_BYTES_MAX: usize = 128;

/// Browsers drop a cookie of more than 4096 bytes without a word; its name and attributes are some hundred.
const SESSION_BYTES_MAX: usize = 3_900;

/// What a user's token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserClaims {
    /// Who.
    #[serde(alias = "user_id")]
    pub user_id: String,
    /// In which role; one that is not known here may read.
    pub role: String,
    /// For which tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenant_ids: Vec<String>,
    /// The same in tokens that know one tenant, a logistics company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threepl_id: Option<String>,
    /// For which brands of these; none means all but for roles of brands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brand_ids: Vec<String>,
    /// When it was made, epoch seconds.
    #[serde(default, deserialize_with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Before when it is not to be taken, epoch seconds.
    #[serde(default, deserialize_with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it ends, epoch seconds.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
}

/// What a role comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Acts for any tenant.
    Platform,
    /// Acts for its own tenants.
    Tenant,
    /// Reads.
    Reader,
    /// Reads what is its brands'.
    Brand,
}

impl Standing {
    /// That of a role. No token gets more by a role that is misspelt.
    #[must_use]
    pub fn of(role: &str) -> Self {
        match role {
            "PLATFORM_ADMIN" | "ADMIN" | "SUPER_ADMIN" => Self::Platform,
            "THREEPL_ADMIN" | "TENANT_ADMIN" => Self::Tenant,
            "BRAND_ADMIN" | "BRAND_USER" => Self::Brand,
            _ => Self::Reader,
        }
    }

    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Platform | Self::Tenant => {
                &[READ, WRITE, DELIVERIES_WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE, AUDIT_READ]
            }
            Self::Reader | Self::Brand => &[READ, CONNECTIONS_READ],
        }
    }
}

/// A user whose token was verified. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who, for the record.
    pub id: String,
    /// What the role comes to.
    pub standing: Standing,
    tenants: Vec<TenantId>,
    brands: Vec<ConnectionName>,
    ends: i64,
}

/// What a session says that stands for a user: what the user's token said.
#[derive(Serialize, Deserialize)]
struct UserSession {
    aud: String,
    #[serde(flatten)]
    user: UserClaims,
}

/// What one call may see and touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Who asks, for the record.
    pub actor: String,
    /// Whose data; none means all tenants'.
    pub tenant: Option<TenantId>,
    /// Which brands of it alone; none means all.
    pub brands: Option<Vec<ConnectionName>>,
}

impl Reach {
    /// Whether something of this tenant and brand is within it.
    #[must_use]
    pub fn has(&self, tenant: &TenantId, brand: &ConnectionName) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant)
            && self.brands.as_ref().is_none_or(|brands| brands.contains(brand))
    }
}

/// What a caller wants to do within its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// See. Open on one's own machine.
    Read,
    /// Change.
    Write,
}

impl User {
    fn of(claims: UserClaims) -> Result<Self, Problem> {
        let invalid = |error: InvalidId| Problem::new(INVALID_TOKEN, format!("the user token cannot be used: {error}"));
        let (id, standing) = (claims.user_id.trim().to_owned(), Standing::of(&claims.role));
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(Problem::new(INVALID_TOKEN, format!("userId must have 1 to {ID_BYTES_MAX} bytes")));
        }
        if claims.tenant_ids.len().max(claims.brand_ids.len()) > NAMES_MAX {
            return Err(Problem::new(INVALID_TOKEN, format!("a user has at most {NAMES_MAX} tenants and brands")));
        }
        let tenants = claims.tenant_ids.iter().chain(&claims.threepl_id).map(|tenant| TenantId::parse(tenant));
        let mut tenants: Vec<TenantId> = tenants.collect::<Result<_, _>>().map_err(invalid)?;
        // One that is named twice is no choice.
        tenants.sort();
        tenants.dedup();
        let brands = claims.brand_ids.iter().map(|brand| ConnectionName::parse(brand));
        let brands: Vec<ConnectionName> = brands.collect::<Result<_, _>>().map_err(invalid)?;
        if tenants.is_empty() && standing != Standing::Platform {
            return Err(Problem::new(FORBIDDEN, "the user token names no tenant"));
        }
        // Fail closed: a token of a brand's person that was made without the brand does not see the whole tenant.
        if brands.is_empty() && standing == Standing::Brand {
            return Err(Problem::new(FORBIDDEN, "the user token has a brand's role and names no brand"));
        }
        Ok(Self { id, standing, tenants, brands, ends: claims.exp })
    }

    /// Their brands, where they are bound to some.
    fn bound(&self) -> Option<&Vec<ConnectionName>> {
        let reads = matches!(self.standing, Standing::Reader | Standing::Brand);
        Some(&self.brands).filter(|brands| reads && !brands.is_empty())
    }

    /// The tenant that a call is for; none where a platform's role names none.
    fn tenant(&self, named: Option<&TenantId>) -> Result<Option<TenantId>, Problem> {
        match (self.standing, named, self.tenants.as_slice()) {
            (Standing::Platform, named, _) => Ok(named.cloned()),
            (_, Some(named), own) if own.contains(named) => Ok(Some(named.clone())),
            (_, Some(_), _) => Err(Problem::new(FORBIDDEN, "the tenant is none of the user's")),
            (_, None, [own]) => Ok(Some(own.clone())),
            (_, None, _) => {
                let which = format!("the user has several tenants: name one, in {TENANT_HEADER}");
                Err(Problem::new(FORBIDDEN, which))
            }
        }
    }

    /// The user as a caller of routes that know scopes and one tenant.
    pub(super) fn caller(self, named: Option<&TenantId>) -> Result<Caller, Problem> {
        let Some(tenant) = self.tenant(named)? else {
            return Err(Problem::new(FORBIDDEN, format!("name the tenant that the call is for, in {TENANT_HEADER}")));
        };
        // A caller of the default tenant is an operator of all of them.
        if tenant == TenantId::DEFAULT && self.standing != Standing::Platform {
            return Err(Problem::new(FORBIDDEN, DEFAULT_IS_OPERATORS));
        }
        let (scopes, brands, ends) = (self.allowed(), self.bound().cloned(), Some(self.ends));
        let is_platform = self.standing == Standing::Platform;
        Ok(Caller { actor: self.id, tenant, any_tenant: is_platform, enters: is_platform, scopes, brands, ends })
    }

    /// What such a caller may.
    fn allowed(&self) -> Vec<String> {
        self.standing.scopes().iter().map(|scope| (*scope).to_owned()).collect()
    }

    /// Between which tenants they may choose, where a page is to let them: of several those whose routes are open to them.
    fn choices(&self) -> Vec<TenantId> {
        let open = |tenant: &&TenantId| **tenant != TenantId::DEFAULT;
        let several = self.standing != Standing::Platform && self.tenants.len() > 1;
        self.tenants.iter().filter(open).filter(|_| several).cloned().collect()
    }
}

/// The user whose token this is; none where it is no user's.
pub(super) fn user(token: &str, values: &Values, now: Timestamp) -> Option<Result<User, Problem>> {
    let claims = read::<UserClaims>(token, values.get(USER_JWT)).ok()?;
    Some(checked(claims, now))
}

fn checked(claims: UserClaims, now: Timestamp) -> Result<User, Problem> {
    check_times(claims.exp, claims.nbf, now)?;
    User::of(claims)
}

pub(super) fn caller_of(user: User, headers: &HeaderMap) -> Result<Caller, Problem> {
    user.caller(in_header(headers)?.as_ref())
}

/// As [`caller_of`], of a session: its pages name no tenant, so a platform's role is then an operator of all, as whose record says.
pub(in crate::http) fn caller_in_session(user: User, headers: &HeaderMap) -> Result<Caller, Problem> {
    let named = in_header(headers)?.or_else(|| (user.standing == Standing::Platform).then(TenantId::default));
    user.caller(named.as_ref())
}

/// Who a session's user is. One of several tenants is somebody before they have named one, or they could not be asked which.
pub(in crate::http) fn who(user: User, headers: &HeaderMap) -> Result<Who, Problem> {
    let (tenants, any_tenant) = (user.choices(), user.standing == Standing::Platform);
    if !tenants.is_empty() && in_header(headers)?.is_none() {
        let (scopes, ends) = (user.allowed(), Some(user.ends));
        return Ok(Who { actor: user.id, tenant: None, tenants, any_tenant, scopes, ends });
    }
    Ok(Who { tenants, any_tenant, ..caller_in_session(user, headers)?.into() })
}

/// A session that stands for the user whose token this is, and who that is; none where it is no user's.
pub(in crate::http) fn exchange(
    token: &str,
    values: &Values,
    now: Timestamp,
) -> Option<Result<(String, Who), Problem>> {
    let user = read::<UserClaims>(token, values.get(USER_JWT)).ok()?;
    Some(session_of(user, values, now))
}

fn session_of(user: UserClaims, values: &Values, now: Timestamp) -> Result<(String, Who), Problem> {
    let who = who(checked(user.clone(), now)?, &HeaderMap::new())?;
    let secret = values.get(SESSION_JWT);
    let session = UserSession { aud: SESSION_AUDIENCE.into(), user };
    let session = secret.and_then(|secret| mint(&session, secret).ok());
    let session = session.ok_or_else(|| Problem::new(INVALID_TOKEN, "no session can be made of this token"))?;
    if session.len() > SESSION_BYTES_MAX {
        let why = "the token names more tenants and brands than a browser's session holds";
        return Err(Problem::new(INVALID_REQUEST, why));
    }
    Ok((session, who))
}

impl Authority {
    /// The user who sends a token, or whose session the cookie is. One of no use locks nobody out of their own machine.
    pub(super) fn user(&self, headers: &HeaderMap, now: Timestamp) -> Option<Result<User, Problem>> {
        if sends_token(headers) {
            let token = bearer(headers)?;
            return user(token, &*self.values(now).ok()?, now);
        }
        self.session_user(headers, now).filter(|user| user.is_ok() || !self.local)
    }

    /// The user whose session the cookie is; none where it is none, or that of a service token.
    pub(in crate::http) fn session_user(&self, headers: &HeaderMap, now: Timestamp) -> Option<Result<User, Problem>> {
        let values = self.values(now).ok()?;
        let session = read::<UserSession>(session_cookie(headers)?, values.get(SESSION_JWT)).ok()?;
        (session.aud == SESSION_AUDIENCE).then(|| checked(session.user, now))
    }

    /// What a call may see or change, of the tenant that it names. A service token of the default tenant, and anybody who reads on
    /// their own machine, reaches all tenants where none is named, and so does a user of a platform's role.
    ///
    /// # Errors
    /// 400 for a name that no tenant has, 401, 403.
    pub fn reach(
        &self,
        (headers, query): (&HeaderMap, &Query),
        access: Access,
        scope: &str,
        now: Timestamp,
    ) -> Result<Reach, Problem> {
        let wanted = named(headers, query);
        if let Some(user) = self.user(headers, now) {
            let user = user?;
            if access == Access::Write && !sends_token(headers) {
                same_origin::check(headers)?;
            }
            if !user.standing.scopes().contains(&scope) {
                return Err(Problem::new(INSUFFICIENT_SCOPE, "the user's role does not include this"));
            }
            let tenant = user.tenant(wanted?.as_ref())?;
            // What operators of all tenants do is on its record, and what is changed in it is theirs.
            if tenant == Some(TenantId::DEFAULT) && user.standing != Standing::Platform && scope != READ {
                return Err(Problem::new(FORBIDDEN, DEFAULT_IS_OPERATORS));
            }
            return Ok(Reach { tenant, brands: user.bound().cloned(), actor: user.id });
        }
        let caller = match access {
            Access::Read => self.reader_of(scope, headers, now)?,
            Access::Write => {
                let caller = self.writer(headers, now)?;
                caller.require_any(&[scope])?;
                caller
            }
        };
        let tenant = match wanted? {
            Some(named) if !caller.may_touch(&named) => {
                return Err(Problem::new(FORBIDDEN, "the token is for another tenant"));
            }
            Some(named) => Some(named),
            None => Some(caller.tenant).filter(|tenant| *tenant != TenantId::DEFAULT),
        };
        Ok(Reach { actor: caller.actor, tenant, brands: None })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    use super::super::tests::{USER_SECRET, authority, headers, now, token};
    use super::*;

    fn signed(claims: &Value) -> HeaderMap {
        headers("authorization", format!("Bearer {}", token(Algorithm::HS256, USER_SECRET, claims)))
    }

    /// A query that names a tenant, or none.
    fn naming(tenant: Option<&str>) -> Query {
        let query = tenant.map(|tenant| format!("?tenant={tenant}")).unwrap_or_default();
        Query::of(&format!("/x{query}").parse().unwrap())
    }

    fn claims(role: &str, tenants: &[&str], brands: &[&str]) -> Value {
        json!({"userId": "ada", "role": role, "tenantIds": tenants, "brandIds": brands, "exp": 1_700_000_100})
    }

    /// Who reaches what: tenant (`*` is all), brands (`*` is all).
    fn reached(claims: &Value, named: Option<&str>, scope: &str) -> Result<(String, String), &'static str> {
        let found = authority("production").reach((&signed(claims), &naming(named)), Access::Write, scope, now());
        let found = found.map_err(|problem| problem.kind().code)?;
        assert_eq!(found.actor, "ada");
        let brands = found.brands.map(|brands| brands.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let all = || "*".to_owned();
        Ok((found.tenant.map_or_else(all, |tenant| tenant.to_string()), brands.unwrap_or_else(all)))
    }

    #[test]
    fn a_role_reaches_what_it_may_and_nothing_else() {
        let ok = |tenant: &str, brands: &str| Ok((tenant.to_owned(), brands.to_owned()));
        let (acme, two) = (&["acme"][..], &["acme", "bolt"][..]);
        for (role, tenants, brands, named, scope, expected) in [
            ("SUPER_ADMIN", &[][..], &[][..], None, READ, ok("*", "*")),
            ("PLATFORM_ADMIN", &[], &["north"], Some("acme"), DELIVERIES_WRITE, ok("acme", "*")),
            ("ADMIN", two, &[], Some("Zeta"), AUDIT_READ, ok("zeta", "*")),
            ("ADMIN", two, &[], Some("a/b"), AUDIT_READ, Err("invalid_request")),
            ("THREEPL_ADMIN", acme, &["north"], None, WRITE, ok("acme", "*")),
            ("TENANT_ADMIN", acme, &[], Some("bolt"), READ, Err("forbidden")),
            ("TENANT_ADMIN", two, &[], Some("bolt"), AUDIT_READ, ok("bolt", "*")),
            ("TENANT_ADMIN", two, &[], None, READ, Err("forbidden")),
            ("TENANT_ADMIN", &[], &[], Some("bolt"), READ, Err("forbidden")),
            ("TENANT_ADMIN", &["default"], &[], None, READ, ok("default", "*")),
            ("TENANT_ADMIN", &["default"], &[], None, AUDIT_READ, Err("forbidden")),
            ("TENANT_ADMIN", &["default"], &[], None, WRITE, Err("forbidden")),
            ("SUPER_ADMIN", &[], &[], Some("default"), AUDIT_READ, ok("default", "*")),
            ("THREEPL_USER", acme, &[], None, READ, ok("acme", "*")),
            ("THREEPL_USER", acme, &["north"], None, READ, ok("acme", "north")),
            ("THREEPL_USER", acme, &[], None, WRITE, Err("insufficient_scope")),
            ("THREEPL_USER", acme, &[], None, AUDIT_READ, Err("insufficient_scope")),
            ("BRAND_ADMIN", acme, &["north", "south"], None, READ, ok("acme", "north,south")),
            ("BRAND_USER", acme, &["north"], None, DELIVERIES_WRITE, Err("insufficient_scope")),
            ("BRAND_USER", acme, &[], None, READ, Err("forbidden")),
            ("super_admin", acme, &[], Some("bolt"), READ, Err("forbidden")),
            ("", acme, &[], None, READ, ok("acme", "*")),
            ("ADMIN", &["a/b"], &[], None, READ, Err("invalid_token")),
            ("THREEPL_USER", acme, &["a/b"], None, READ, Err("invalid_token")),
        ] {
            let found = reached(&claims(role, tenants, brands), named, scope);
            assert_eq!(found, expected, "{role} {tenants:?} {brands:?} {named:?} {scope}");
        }
    }

    #[test]
    fn a_user_is_a_caller_of_one_tenant_and_never_an_operator_of_all_by_accident() {
        let called = |claims: &Value, named: Option<&str>| {
            let mut headers = signed(claims);
            if let Some(named) = named {
                headers.insert(TENANT_HEADER, named.parse().unwrap());
            }
            let found = authority("production").service(&headers, now());
            found.map(|caller| (caller.tenant.to_string(), caller.has(WRITE), caller.has(READ)))
        };
        let ok = |tenant: &str, writes, reads| Ok((tenant.to_owned(), writes, reads));
        for (role, tenants, brands, named, expected) in [
            ("THREEPL_ADMIN", &["acme"][..], &[][..], None, ok("acme", true, true)),
            ("THREEPL_USER", &["acme"], &[], None, ok("acme", false, true)),
            ("THREEPL_USER", &["acme"], &["north"], None, ok("acme", false, false)),
            ("SUPER_ADMIN", &[], &[], None, Err("forbidden")),
            ("SUPER_ADMIN", &[], &[], Some("acme"), ok("acme", true, true)),
            ("TENANT_ADMIN", &["default"], &[], None, Err("forbidden")),
            ("TENANT_ADMIN", &["default", "acme"], &[], Some("default"), Err("forbidden")),
        ] {
            let found = called(&claims(role, tenants, brands), named).map_err(|problem| problem.kind().code);
            assert_eq!(found, expected, "{role} {tenants:?} {brands:?} {named:?}");
        }
    }

    #[test]
    fn tokens_of_older_clients_are_users_tokens_and_others_are_not() {
        let with = |name: &str, value: Value| {
            let mut claims = claims("THREEPL_ADMIN", &["acme"], &[]);
            claims[name] = value;
            claims
        };
        let older = json!({"user_id": "ada", "role": "THREEPL_ADMIN", "threeplId": "acme", "exp": 1_700_000_100.5});
        assert_eq!(reached(&older, None, WRITE), Ok(("acme".into(), "*".into())));
        for claims in [
            with("exp", json!(1_699_999_000)),
            with("exp", Value::Null),
            with("nbf", json!(1_700_000_060)),
            with("userId", json!(" ")),
            with("userId", json!("x".repeat(129))),
            with("role", Value::Null),
            with("tenantIds", json!(vec!["acme"; NAMES_MAX + 1])),
        ] {
            assert_eq!(reached(&claims, None, WRITE), Err("invalid_token"), "{claims}");
        }
        let good = claims("THREEPL_ADMIN", &["acme"], &[]);
        for (algorithm, secret) in
            [(Algorithm::HS512, USER_SECRET), (Algorithm::HS256, "another-secret-another-secret-00")]
        {
            let sent = headers("authorization", format!("Bearer {}", token(algorithm, secret, &good)));
            let found = authority("production").reach((&sent, &naming(None)), Access::Read, READ, now());
            assert_eq!(found.unwrap_err().kind().code, "invalid_token");
        }
    }

    #[test]
    fn a_service_token_reaches_its_tenant_and_the_default_one_all() {
        let service = |tenant: Option<&str>, named: Option<&str>| {
            let claims = json!({"sub": "ada", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": [READ], "tenant": tenant});
            let sent = headers(
                "authorization",
                format!("Bearer {}", token(Algorithm::HS256, super::super::tests::SECRET, &claims)),
            );
            let found = authority("production").reach((&sent, &naming(named)), Access::Read, READ, now());
            found.map(|reach| reach.tenant.map(|tenant| tenant.to_string())).map_err(|problem| problem.kind().code)
        };
        assert_eq!(service(None, None), Ok(None));
        assert_eq!(service(None, Some("acme")), Ok(Some("acme".into())));
        assert_eq!(service(Some("acme"), None), Ok(Some("acme".into())));
        assert_eq!(service(Some("acme"), Some("bolt")), Err("forbidden"));
        let nobody = authority("production").reach((&HeaderMap::new(), &naming(None)), Access::Read, READ, now());
        assert_eq!(nobody.unwrap_err().kind().code, "missing_token");
        let local = authority("local");
        assert!(local.reach((&HeaderMap::new(), &naming(None)), Access::Read, READ, now()).is_ok());
        assert!(local.reach((&HeaderMap::new(), &naming(None)), Access::Write, READ, now()).is_err());
    }
}
