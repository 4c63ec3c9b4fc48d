//! The platform's administrators, and whoever looks after a tenant's own. Nothing of it is open without a token or a session, on one's
//! own machine either, and no header but those says who somebody is.

use http::HeaderMap;
use jiff::Timestamp;

use super::tenant::named;
use super::user::{Access, Standing, User};
use super::{ADMIN_ACTOR, Authority, CONNECTIONS_READ, CONNECTIONS_WRITE, Caller, sends_token};
use crate::domain::ids::TenantId;
use crate::http::problem::{INSUFFICIENT_SCOPE, INVALID_REQUEST, MISSING_TOKEN, PLATFORM_ADMIN_REQUIRED, Problem};
use crate::http::query::Query;
use crate::http::same_origin;
use crate::http::session::session_cookie;

impl Access {
    fn scope(self) -> &'static str {
        match self {
            Self::Read => CONNECTIONS_READ,
            Self::Write => CONNECTIONS_WRITE,
        }
    }
}

impl Authority {
    /// Who administers the platform: users of its roles, and service tokens of operators of all tenants. Returns who, for the record.
    ///
    /// # Errors
    /// 401, 403.
    pub fn platform_admin(&self, headers: &HeaderMap, access: Access, now: Timestamp) -> Result<String, Problem> {
        let not = |why: &str| Problem::new(PLATFORM_ADMIN_REQUIRED, why);
        Self::check_page(headers, access)?;
        if let Some(user) = self.shown_user(headers, now) {
            let user = user?;
            let is_platform = user.standing == Standing::Platform;
            return is_platform.then_some(user.id).ok_or_else(|| not("this takes the role PLATFORM_ADMIN or ADMIN"));
        }
        let caller = self.shown(headers, now)?;
        if !caller.any_tenant || caller.actor == ADMIN_ACTOR || !caller.has(access.scope()) {
            let scope = access.scope();
            return Err(not(&format!(
                "this takes a user of a platform's role, or an operator of all tenants with {scope}"
            )));
        }
        Ok(caller.actor)
    }

    /// Who sees or changes what is a tenant's, within that tenant.
    ///
    /// # Errors
    /// 400 where the call names another tenant elsewhere, 401, 403.
    pub fn of_tenant(
        &self,
        (headers, query): (&HeaderMap, &Query),
        tenant: &TenantId,
        access: Access,
        now: Timestamp,
    ) -> Result<Caller, Problem> {
        Self::check_page(headers, access)?;
        let caller = match self.shown_user(headers, now) {
            Some(user) => user?.caller(Some(tenant))?,
            None => self.shown(headers, now)?.within(Some(tenant.clone()))?,
        };
        if caller.actor == ADMIN_ACTOR {
            return Err(Problem::new(
                INSUFFICIENT_SCOPE,
                "the admin token is the control centre's: send another token",
            ));
        }
        caller.require_any(&[access.scope()])?;
        if named(headers, query)?.is_some_and(|named| named != *tenant) {
            return Err(Problem::new(INVALID_REQUEST, "the call names two tenants: name the one in the path"));
        }
        Ok(caller)
    }

    /// A change with a session is of a page of ours.
    fn check_page(headers: &HeaderMap, access: Access) -> Result<(), Problem> {
        let is_by_session = session_cookie(headers).is_some() && !sends_token(headers);
        if access == Access::Write && is_by_session { same_origin::check(headers) } else { Ok(()) }
    }

    /// The user whose token or session is shown.
    fn shown_user(&self, headers: &HeaderMap, now: Timestamp) -> Option<Result<User, Problem>> {
        if sends_token(headers) { self.user(headers, now) } else { self.session_user(headers, now) }
    }

    /// Whose service token or session is shown.
    fn shown(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Problem> {
        if sends_token(headers) {
            return self.service(headers, now);
        }
        let missing = || Problem::new(MISSING_TOKEN, "send a user's token: Authorization: Bearer <token>");
        self.session(headers, now).unwrap_or_else(|| Err(missing()))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    use super::super::tests::{SECRET, USER_SECRET, authority, headers, now, token};
    use super::*;

    fn signed(secret: &str, claims: &Value) -> HeaderMap {
        headers("authorization", format!("Bearer {}", token(Algorithm::HS256, secret, claims)))
    }

    fn user(role: &str, tenants: &[&str], brands: &[&str]) -> HeaderMap {
        let claims =
            json!({"userId": "ada", "role": role, "tenantIds": tenants, "brandIds": brands, "exp": 1_700_000_100});
        signed(USER_SECRET, &claims)
    }

    fn service(tenant: Option<&str>, scopes: &str) -> HeaderMap {
        let claims =
            json!({"sub": "ops", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": scopes, "tenant": tenant});
        signed(SECRET, &claims)
    }

    #[test]
    fn the_platform_is_for_its_administrators_on_any_machine() {
        let both = "connections:read connections:write";
        for (headers, read, write) in [
            (user("PLATFORM_ADMIN", &[], &[]), Ok("ada"), Ok("ada")),
            (user("ADMIN", &["acme"], &[]), Ok("ada"), Ok("ada")),
            (user("TENANT_ADMIN", &["acme"], &[]), Err("platform_admin_required"), Err("platform_admin_required")),
            (user("platform_admin", &["acme"], &[]), Err("platform_admin_required"), Err("platform_admin_required")),
            (service(None, both), Ok("ops"), Ok("ops")),
            (service(None, "connections:read"), Ok("ops"), Err("platform_admin_required")),
            (service(Some("acme"), both), Err("platform_admin_required"), Err("platform_admin_required")),
            (
                headers("x-admin-token", "admin-token-admin-token-admin-tok".into()),
                Err("platform_admin_required"),
                Err("platform_admin_required"),
            ),
            (headers("authorization", "Bearer abc".into()), Err("invalid_token"), Err("invalid_token")),
            (headers("x-auth0-id", "ada".into()), Err("missing_token"), Err("missing_token")),
            (HeaderMap::new(), Err("missing_token"), Err("missing_token")),
        ] {
            for stage in ["production", "local"] {
                for (access, expected) in [(Access::Read, read), (Access::Write, write)] {
                    let found = authority(stage).platform_admin(&headers, access, now());
                    let found = found.as_deref().map_err(|problem| problem.kind().code);
                    assert_eq!(found, expected, "{headers:?} {access:?} {stage}");
                }
            }
        }
    }

    #[test]
    fn a_tenant_is_for_its_own_people() {
        for (headers, query, read, write) in [
            (user("PLATFORM_ADMIN", &[], &[]), "", Ok("acme"), Ok("acme")),
            (user("TENANT_ADMIN", &["acme", "bolt"], &[]), "", Ok("acme"), Ok("acme")),
            (
                user("TENANT_ADMIN", &["acme", "bolt"], &[]),
                "?tenant=bolt",
                Err("invalid_request"),
                Err("invalid_request"),
            ),
            (user("TENANT_ADMIN", &["bolt"], &[]), "", Err("forbidden"), Err("forbidden")),
            (user("USER", &["acme"], &[]), "", Ok("acme"), Err("insufficient_scope")),
            (user("USER", &["acme"], &["north"]), "", Err("insufficient_scope"), Err("insufficient_scope")),
            (service(Some("acme"), "connections:read"), "", Ok("acme"), Err("insufficient_scope")),
            (service(Some("bolt"), "connections:read"), "", Err("forbidden"), Err("forbidden")),
            (service(None, "connections:write"), "", Err("insufficient_scope"), Ok("acme")),
            (HeaderMap::new(), "", Err("missing_token"), Err("missing_token")),
        ] {
            let (tenant, query) = (TenantId::parse("acme").unwrap(), Query::of(&format!("/x{query}").parse().unwrap()));
            for stage in ["production", "local"] {
                for (access, expected) in [(Access::Read, read), (Access::Write, write)] {
                    let found = authority(stage).of_tenant((&headers, &query), &tenant, access, now());
                    let found =
                        found.as_ref().map(|caller| caller.tenant.as_str()).map_err(|problem| problem.kind().code);
                    assert_eq!(found, expected, "{headers:?} {access:?} {stage}");
                }
            }
        }
    }
}
