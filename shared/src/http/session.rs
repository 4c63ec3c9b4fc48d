//! The browser's session: a cookie that we sign. It is what the token was that it was exchanged for; in local mode it is had for
//! nothing. Nothing of it is stored, so none can be taken back before its end.

use http::{HeaderMap, header};
use jiff::Timestamp;

use super::auth::{
    ADMIN_ACTOR, ADMIN_SCOPES, AUDIT_READ, Authority, CONNECTIONS_READ, CONNECTIONS_WRITE, Caller, Claims,
    DELIVERIES_WRITE, OneOrMany, READ, WRITE, caller, is_admin, mint, sends_token, tenant, user, verify,
};
use super::problem::{FORBIDDEN, INVALID_TOKEN, Problem};
use crate::domain::ids::TenantId;
use crate::domain::service_secrets::{SESSION_JWT, Values};

/// The browser's session cookie.
pub const SESSION_COOKIE: &str = "STORE_SESS";
pub(super) const SESSION_AUDIENCE: &str = "signalbox-session";

/// What a session of one's own machine may.
const EVERYTHING: [&str; 6] = [READ, WRITE, DELIVERIES_WRITE, CONNECTIONS_READ, CONNECTIONS_WRITE, AUDIT_READ];

/// Who is signed in, for pages: a [`Caller`], or somebody of several tenants who has not named one yet.
#[derive(Debug, Clone)]
pub struct Who {
    /// Who, for the record.
    pub actor: String,
    /// Whose data they see; none where they have to choose first.
    pub tenant: Option<TenantId>,
    /// Between which tenants they may choose; empty where there is nothing to choose, or any may be named.
    pub tenants: Vec<TenantId>,
    /// Whether they may name any tenant.
    pub any_tenant: bool,
    /// What they may.
    pub scopes: Vec<String>,
    /// Until when their token is good, epoch seconds.
    pub ends: Option<i64>,
}

impl From<Caller> for Who {
    fn from(caller: Caller) -> Self {
        let scopes = caller.scopes().to_vec();
        let Caller { actor, tenant, any_tenant, ends, .. } = caller;
        Self { actor, tenant: Some(tenant), tenants: Vec::new(), any_tenant, scopes, ends }
    }
}

/// What the cookie holds, if there is one.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, token)| token)
}

impl Authority {
    /// Who asks, for pages: as [`Authority::whoever`], and between which tenants they may choose.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn who(&self, headers: &HeaderMap, now: Timestamp) -> Result<Who, Problem> {
        let user = self.session_user(headers, now).filter(|_| !sends_token(headers));
        match user.filter(|user| user.is_ok() || !self.is_local()) {
            Some(user) => user::who(user?, headers),
            None => self.whoever(headers, now).map(Who::from),
        }
    }

    /// Who a request's cookie says that they are; none without a cookie.
    pub(super) fn session(&self, headers: &HeaderMap, now: Timestamp) -> Option<Result<Caller, Problem>> {
        if let Some(user) = self.session_user(headers, now) {
            return Some(user.and_then(|user| user::caller_in_session(user, headers)));
        }
        let token = session_cookie(headers)?;
        let verified = self.values(now).and_then(|values| verify(token, values.get(SESSION_JWT), now));
        Some(verified.and_then(|claims| {
            let ours = claims.aud.as_ref().is_some_and(|aud| aud.iter().any(|audience| audience == SESSION_AUDIENCE));
            // Without scopes it is of a version whose sessions all read.
            if ours && claims.scopes.is_some() {
                caller(claims, "session")?.within(tenant::in_header(headers)?)
            } else {
                Err(Problem::new(FORBIDDEN, "the cookie is not a session; sign in again"))
            }
        }))
    }

    /// A session for the browser, on one's own machine only: the cookie's value.
    #[must_use]
    pub fn mint_session(&self, now: Timestamp, seconds: i64) -> Option<String> {
        let claims = Claims {
            sub: Some("dev".into()),
            aud: None,
            iat: None,
            nbf: None,
            exp: now.as_second().saturating_add(seconds),
            scopes: Some(OneOrMany::Many(EVERYTHING.map(String::from).into())),
            tenant: None,
        };
        let values = self.values(now).ok().filter(|_| self.is_local())?;
        session_of(claims, &values, now)
    }

    /// A session for whoever holds a service token, a user's or the admin token: the cookie's value, and who they are. It may what
    /// the token may, and ends when the token does.
    ///
    /// # Errors
    /// 401 without a valid token, 403 for another audience, 400 for a user of more tenants and brands than a cookie holds.
    pub fn exchange(&self, token: &str, now: Timestamp) -> Result<(String, Who), Problem> {
        let values = self.values(now)?;
        if let Some(user) = user::exchange(token, &values, now) {
            return user;
        }
        let mut claims = if is_admin(token.as_bytes(), &values) {
            admin_claims(now)
        } else {
            self.service_claims(token, &values, now)?
        };
        claims.scopes.get_or_insert(OneOrMany::Many(Vec::new()));
        let caller = caller(claims.clone(), "service")?;
        claims.sub = Some(caller.actor.clone());
        let session = session_of(claims, &values, now);
        let session = session.ok_or_else(|| Problem::new(INVALID_TOKEN, "no session can be made of this token"))?;
        Ok((session, caller.into()))
    }
}

/// The admin token has no end; its session has one.
const ADMIN_SESSION_SECONDS: i64 = 12 * 3600;

fn admin_claims(now: Timestamp) -> Claims {
    Claims {
        sub: Some(ADMIN_ACTOR.into()),
        aud: None,
        iat: None,
        nbf: None,
        exp: now.as_second().saturating_add(ADMIN_SESSION_SECONDS),
        scopes: Some(OneOrMany::Many(ADMIN_SCOPES.map(String::from).into())),
        tenant: None,
    }
}

fn session_of(claims: Claims, values: &Values, now: Timestamp) -> Option<String> {
    let audience = Some(OneOrMany::One(SESSION_AUDIENCE.into()));
    mint(&Claims { aud: audience, iat: Some(now.as_second()), ..claims }, values.get(SESSION_JWT)?).ok()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::json;

    use super::super::auth::tests::{SECRET, USER_SECRET, authority, check, headers, now, token};
    use super::super::auth::user::Access;
    use super::super::query::Query;
    use super::*;

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
    fn a_session_is_what_its_token_is_and_changes_something_for_our_pages_alone() {
        let authority = authority("production");
        let claims = json!({"sub": "maja", "aud": "clairity-services", "exp": 1_700_000_100, "tenant": "acme", "scopes": "catalog:sync:write"});
        let (session, who) = authority.exchange(&token(Algorithm::HS256, SECRET, &claims), now()).unwrap();
        let tenant = who.tenant.map(String::from);
        assert_eq!((who.actor.as_str(), tenant.as_deref(), who.ends), ("maja", Some("acme"), Some(1_700_000_100)));

        let mut sent = headers("cookie", format!("STORE_SESS={session}"));
        let code = |found: Result<Caller, Problem>| found.map(drop).map_err(|problem| problem.kind().code);
        assert_eq!(code(authority.reader(&sent, now())), Err("insufficient_scope"));
        assert_eq!(code(authority.writer(&sent, now())), Err("cross_site_request"));
        sent.insert("x-signalbox-request", "1".parse().unwrap());
        sent.insert("sec-fetch-site", "same-origin".parse().unwrap());
        let writer = authority.writer(&sent, now()).unwrap();
        assert_eq!((writer.tenant.as_str(), writer.scopes()), ("acme", &[WRITE.to_owned()][..]));
        let later = Timestamp::from_second(1_700_000_200).unwrap();
        assert_eq!(code(authority.writer(&sent, later)), Err("invalid_token"));
        // It is no token.
        assert_eq!(code(authority.service(&headers("x-service-token", session), now())), Err("invalid_token"));
    }

    #[test]
    fn a_user_s_session_reaches_what_the_user_does_and_changes_something_for_our_pages_alone() {
        let authority = authority("production");
        let session_of = |claims: &serde_json::Value| {
            let found = authority.exchange(&token(Algorithm::HS256, USER_SECRET, claims), now());
            found.map(|(session, _)| headers("cookie", format!("STORE_SESS={session}")))
        };
        let reach = |sent: &HeaderMap, access, scope| {
            let found = authority.reach((sent, &Query::default()), access, scope, now());
            let text = |tenant: Option<TenantId>| tenant.map_or_else(|| "*".to_owned(), |tenant| tenant.to_string());
            found
                .map(|reach| (text(reach.tenant), reach.brands.map_or(0, |brands| brands.len())))
                .map_err(|problem| problem.kind().code)
        };
        let claims = |role: &str, tenants: &[&str], brands: &[&str]| json!({"userId": "ada", "role": role, "tenantIds": tenants, "brandIds": brands, "exp": 1_700_000_100});

        let brand = session_of(&claims("BRAND_USER", &["acme"], &["north"])).unwrap();
        assert_eq!(reach(&brand, Access::Read, READ), Ok(("acme".into(), 1)));
        assert_eq!(authority.reader(&brand, now()).unwrap_err().kind().code, "insufficient_scope");

        let mut admin = session_of(&claims("THREEPL_ADMIN", &["acme"], &[])).unwrap();
        assert_eq!(authority.reader(&admin, now()).unwrap().tenant.as_str(), "acme");
        assert_eq!(reach(&admin, Access::Write, WRITE), Err("cross_site_request"));
        admin.insert("x-signalbox-request", "1".parse().unwrap());
        admin.insert("sec-fetch-site", "same-origin".parse().unwrap());
        assert_eq!(reach(&admin, Access::Write, WRITE), Ok(("acme".into(), 0)));
        let later = Timestamp::from_second(1_700_000_200).unwrap();
        assert_eq!(authority.writer(&admin, later).unwrap_err().kind().code, "invalid_token");

        // One of a platform's role is on the record as on that of a call with its token.
        let platform = session_of(&claims("ADMIN", &[], &[])).unwrap();
        assert_eq!(reach(&platform, Access::Read, AUDIT_READ), Ok(("*".into(), 0)));
        let entered = authority.entered((&platform, &Query::default(), None), now()).unwrap().unwrap();
        assert_eq!((entered.actor.as_str(), entered.tenant.as_str()), ("ada", "default"));
        assert_eq!(authority.reader(&platform, now()).unwrap().tenant.as_str(), "default");

        let refused = session_of(&claims("BRAND_USER", &["acme"], &[])).unwrap_err();
        assert_eq!(refused.kind().code, "forbidden");
        let names: Vec<String> = (0..200).map(|number| format!("tenant-number-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let too_many = session_of(&claims("TENANT_ADMIN", &names, &[])).unwrap_err();
        assert_eq!(too_many.kind().code, "invalid_request");
    }
}
