//! Which tenant a call is for: by its token, or by its name in the path, in the query or in a header, where whoever asks may act for
//! others. A name that is not obeyed is refused: passed over, a call would do to one tenant what was meant for another.

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::user::Standing;
use super::{Authority, Caller, sends_token};
use crate::domain::ids::{InvalidId, TenantId};
use crate::http::problem::{FORBIDDEN, INVALID_REQUEST, Problem};
use crate::http::query::{Query, TENANT};

/// The header that names the tenant that a call is for.
pub const TENANT_HEADER: &str = "x-tenant-id";

/// The tenant that a query names.
///
/// # Errors
/// 400 for a name that no tenant has, or two names.
pub fn in_query(query: &Query) -> Result<Option<TenantId>, Problem> {
    let wrong = |error: InvalidId| Problem::fields(&[("tenant", &error.to_string())]);
    only(query.all(&TENANT).filter(|name| !name.is_empty()).map(|name| TenantId::parse(name).map_err(wrong)))
}

/// The tenant that the header names.
pub(in crate::http) fn in_header(headers: &HeaderMap) -> Result<Option<TenantId>, Problem> {
    // One that is no text is a name that nobody has.
    let texts = headers.get_all(TENANT_HEADER).iter().map(|value| value.to_str().unwrap_or("\u{fffd}").trim());
    let wrong = |error: InvalidId| Problem::new(INVALID_REQUEST, format!("the tenant cannot be one: {error}"));
    only(texts.filter(|name| !name.is_empty()).map(|name| TenantId::parse(name).map_err(wrong)))
}

/// The tenant that a call names, wherever it does.
///
/// # Errors
/// 400 for a name that no tenant has, or two names.
pub fn named(headers: &HeaderMap, query: &Query) -> Result<Option<TenantId>, Problem> {
    only([in_query(query)?, in_header(headers)?].into_iter().flatten().map(Ok))
}

/// Said twice, it must be the same.
fn only(mut names: impl Iterator<Item = Result<TenantId, Problem>>) -> Result<Option<TenantId>, Problem> {
    let Some(first) = names.next().transpose()? else { return Ok(None) };
    for other in names {
        if other? != first {
            return Err(Problem::new(INVALID_REQUEST, "the call names two tenants: name one"));
        }
    }
    Ok(Some(first))
}

impl Caller {
    /// The caller within the tenant that a call names, where it names one.
    ///
    /// # Errors
    /// 403 for another tenant than theirs: operators of all tenants alone may name one.
    pub fn within(self, named: Option<TenantId>) -> Result<Self, Problem> {
        match named {
            None => Ok(self),
            Some(tenant) if self.may_touch(&tenant) => Ok(Self { tenant, ..self }),
            Some(_) => Err(Problem::new(FORBIDDEN, "the token is for another tenant")),
        }
    }
}

/// A call of a platform's role into a tenant's data, for that tenant's record.
#[derive(Debug)]
pub struct Entered {
    /// Who.
    pub actor: String,
    /// Whose data: the default tenant's record stands for a call that names none.
    pub tenant: TenantId,
    /// What the call has to say in [`TENANT_HEADER`] to be for the tenant that it names elsewhere.
    pub header: Option<HeaderValue>,
}

impl Authority {
    /// Who of a platform's role enters which tenant's data with a call, which may name it in its path. None where it is anybody
    /// else, whom nothing but their own is open to.
    ///
    /// # Errors
    /// 400 where it names two: one would be served, and the other on record.
    pub fn entered(
        &self,
        (headers, query, in_path): (&HeaderMap, &Query, Option<&str>),
        now: Timestamp,
    ) -> Result<Option<Entered>, Problem> {
        let user = self.user(headers, now).and_then(Result::ok);
        let Some(user) = user.filter(|user| user.standing == Standing::Platform) else { return Ok(None) };
        // What nobody can be called is nobody's data.
        let in_path = in_path.and_then(|name| TenantId::parse(name).ok());
        let elsewhere = named(headers, query)?;
        // Of a header that names another than the path, the route answers that there is nothing.
        let named = only([in_path, in_query(query)?].into_iter().flatten().map(Ok))?.or(elsewhere);
        let unsaid = sends_token(headers) && in_header(headers)?.is_none();
        let header = named.as_ref().filter(|_| unsaid).and_then(|tenant| HeaderValue::from_str(tenant.as_str()).ok());
        Ok(Some(Entered { actor: user.id, tenant: named.unwrap_or_default(), header }))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    use super::super::tests::{USER_SECRET, authority, headers, now, token};
    use super::*;

    #[test]
    fn whoever_may_enter_any_tenant_is_recorded_where_they_do() {
        let entered = |claims: &Value, query: &str, in_path: Option<&str>, in_header: Option<&str>| {
            let bearer = format!("Bearer {}", token(Algorithm::HS256, USER_SECRET, claims));
            let mut headers = headers("authorization", bearer);
            if let Some(name) = in_header {
                headers.insert(TENANT_HEADER, name.parse().unwrap());
            }
            let query = Query::of(&format!("/x{query}").parse().unwrap());
            let found = authority("production").entered((&headers, &query, in_path), now());
            let found = found.map_err(|problem| problem.kind().code)?;
            Ok(found.map(|entered| format!("{} {}", entered.actor, entered.tenant)))
        };
        let claims = |role: &str| json!({"userId": "ada", "role": role, "tenantIds": ["acme"], "exp": 1_700_000_100});
        let admin = claims("SUPER_ADMIN");
        for (query, in_path, in_header, expected) in [
            ("?tenantId=acme", None, None, Ok("ada acme")),
            ("?tenant=Acme", None, Some("acme"), Ok("ada acme")),
            ("", None, Some("acme"), Ok("ada acme")),
            ("", None, None, Ok("ada default")),
            ("", Some("acme"), None, Ok("ada acme")),
            ("", Some("acme"), Some("bolt"), Ok("ada acme")),
            ("?tenantId=nobody&tenant=acme", None, None, Err("invalid_request")),
            ("?tenant=acme&tenant=bolt", None, None, Err("invalid_request")),
            ("?tenant=acme", None, Some("bolt"), Err("invalid_request")),
            ("?tenant=bolt", Some("acme"), None, Err("invalid_request")),
            ("?tenant=a/b", None, None, Err("invalid_request")),
        ] {
            let found = entered(&admin, query, in_path, in_header);
            assert_eq!(found, expected.map(|text| Some(text.to_owned())), "{query} {in_path:?} {in_header:?}");
        }
        let other = claims("TENANT_ADMIN");
        assert_eq!(entered(&other, "?tenantId=nobody&tenant=acme", None, None), Ok(None));
    }
}
