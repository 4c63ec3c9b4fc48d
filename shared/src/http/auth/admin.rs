//! Administrators, who look after syncs at the control centre: the admin token, service tokens with the scopes of connections, and users
//! whose role administers. A valid identity that is none of these is refused, and not unknown.

use http::{HeaderMap, Uri};
use jiff::Timestamp;

use super::tenant::in_query;
use super::user::{Access, Reach, Standing};
use super::{ADMIN_ACTOR, Authority, CONNECTIONS_READ, CONNECTIONS_WRITE, Caller, sends_token};
use crate::domain::service_secrets::ADMIN_SYNC;
use crate::http::problem::{INSUFFICIENT_SCOPE, Problem};
use crate::http::query::Query;
use crate::http::same_origin;

impl Authority {
    /// Who looks at the control centre, within the tenant that the call names or else their own. Open on one's own machine.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn admin_reader(&self, uri: &Uri, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.reader_of(CONNECTIONS_READ, headers, now)?;
        // Readers see connections, and this is not for them.
        let reads_alone = |standing| matches!(standing, Standing::Reader | Standing::Brand);
        if self.user(headers, now).and_then(Result::ok).is_some_and(|user| reads_alone(user.standing)) {
            return Err(Problem::new(INSUFFICIENT_SCOPE, "the user's role does not administer"));
        }
        caller.within(in_query(&Query::of(uri))?)
    }

    /// Who has a vendor asked, which changes nothing but uses up its quota: as [`Authority::admin_writer`], and anybody on one's own
    /// machine but pages of other sites.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn admin_visitor(&self, uri: &Uri, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let session = || self.session(headers, now).is_some_and(|session| session.is_ok());
        if self.is_local() && !sends_token(headers) && !session() && !same_origin::is_from_another(headers) {
            return self.whoever(headers, now)?.within(in_query(&Query::of(uri))?);
        }
        self.admin_writer(uri, headers, now)
    }

    /// Who changes what syncs do: a token, or a session that a page of ours uses.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn admin_writer(&self, uri: &Uri, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.writer(headers, now)?;
        caller.require_any(&[CONNECTIONS_WRITE])?;
        caller.within(in_query(&Query::of(uri))?)
    }

    /// As [`Authority::reach`], where a user must be an administrator of the tenant also to see it. The admin token names nobody, and is
    /// nobody's membership of a tenant: it is refused.
    ///
    /// # Errors
    /// 400 for a name that no tenant has, 401, 403.
    pub fn administered(
        &self,
        (headers, query): (&HeaderMap, &Query),
        access: Access,
        scope: &str,
        now: Timestamp,
    ) -> Result<Reach, Problem> {
        let user = self.user(headers, now).and_then(Result::ok);
        if user.is_some_and(|user| !matches!(user.standing, Standing::Platform | Standing::Tenant)) {
            return Err(Problem::new(INSUFFICIENT_SCOPE, "this is for administrators of the tenant"));
        }
        let reach = self.reach((headers, query), access, scope, now)?;
        if reach.actor == ADMIN_ACTOR {
            let why = "the admin token is the control centre's: send a token of an administrator of the tenant, or a service token";
            return Err(Problem::new(INSUFFICIENT_SCOPE, why));
        }
        Ok(reach)
    }

    /// Whether there is an admin token at all.
    ///
    /// # Errors
    /// 500 where the secrets are too old to go by.
    pub fn has_admin_token(&self, now: Timestamp) -> Result<bool, Problem> {
        Ok(self.values(now)?.get(ADMIN_SYNC).is_some())
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    use super::super::tests::{SECRET, USER_SECRET, authority, headers, now, token};
    use super::*;

    type Asks = fn(&Authority, &Uri, &HeaderMap, Timestamp) -> Result<Caller, Problem>;
    const ALL: [Asks; 3] = [Authority::admin_reader, Authority::admin_visitor, Authority::admin_writer];

    fn asked(stage: &str, headers: &HeaderMap, uri: &str) -> [Result<String, &'static str>; 3] {
        let (authority, uri) = (authority(stage), uri.parse().unwrap());
        ALL.map(|ask| {
            let found = ask(&authority, &uri, headers, now());
            found.map(|caller| caller.tenant.to_string()).map_err(|problem| problem.kind().code)
        })
    }

    fn user(role: &str) -> HeaderMap {
        let claims = json!({"userId": "ada", "role": role, "tenantIds": ["acme"], "exp": 1_700_000_100});
        headers("authorization", format!("Bearer {}", token(Algorithm::HS256, USER_SECRET, &claims)))
    }

    fn service(scopes: &[&str], tenant: Value) -> HeaderMap {
        let claims =
            json!({"sub": "ada", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": scopes, "tenant": tenant});
        headers("authorization", format!("Bearer {}", token(Algorithm::HS256, SECRET, &claims)))
    }

    #[test]
    fn whoever_administers_is_let_in_and_others_are_refused() {
        let ok = |tenant: &str| Ok(tenant.to_owned());
        let scope = Err("insufficient_scope");
        for (headers, uri, expected) in [
            (user("THREEPL_ADMIN"), "/x", [ok("acme"), ok("acme"), ok("acme")]),
            (user("THREEPL_USER"), "/x", [scope.clone(), scope.clone(), scope.clone()]),
            (user("THREEPL_ADMIN"), "/x?tenant=bolt", [Err("forbidden"), Err("forbidden"), Err("forbidden")]),
            (service(&[CONNECTIONS_READ], Value::Null), "/x", [ok("default"), scope.clone(), scope.clone()]),
            (
                service(&[CONNECTIONS_READ, CONNECTIONS_WRITE], Value::Null),
                "/x?tenant=bolt",
                [ok("bolt"), ok("bolt"), ok("bolt")],
            ),
            (
                service(&[CONNECTIONS_READ, CONNECTIONS_WRITE], json!("acme")),
                "/x",
                [ok("acme"), ok("acme"), ok("acme")],
            ),
            (service(&["catalog:sync:write"], Value::Null), "/x", [scope.clone(), scope.clone(), scope.clone()]),
            (HeaderMap::new(), "/x", [Err("missing_token"), Err("missing_token"), Err("missing_token")]),
        ] {
            assert_eq!(asked("production", &headers, uri), expected, "{uri} {headers:?}");
        }
        assert_eq!(asked("local", &HeaderMap::new(), "/x"), [ok("default"), ok("default"), Err("missing_token")]);
        let elsewhere = headers("sec-fetch-site", "cross-site".to_owned());
        assert_eq!(asked("local", &elsewhere, "/x")[1], Err("missing_token"), "another site's page uses up no quota");
    }
}
