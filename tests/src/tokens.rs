//! Tokens, as services and browsers have them.

use signalbox::domain::secret::Secret;
use signalbox::http::auth::user::UserClaims;
use signalbox::http::auth::{Claims, OneOrMany, mint};

use crate::system::System;

/// What services' tokens are signed with.
pub const SERVICE_SECRET: &str = "service-secret-service-secret-00";
/// What browsers' sessions are signed with.
pub const SESSION_SECRET: &str = "session-secret-session-secret-00";
/// What users' tokens are signed with.
pub const USER_SECRET: &str = "user-secret-user-secret-user-sec";

impl System {
    /// What a good token of the default tenant says.
    #[must_use]
    pub fn claims(&self, subject: &str, scopes: &[&str]) -> Claims {
        let now = self.clock.now().as_second();
        Claims {
            sub: Some(subject.to_owned()),
            aud: Some(OneOrMany::One("clairity-services".into())),
            iat: Some(now),
            nbf: None,
            exp: now + 300,
            scopes: Some(OneOrMany::Many(scopes.iter().map(|scope| (*scope).to_owned()).collect())),
            tenant: None,
        }
    }

    /// A token of this tenant with these scopes.
    #[must_use]
    pub fn service_token(&self, subject: &str, tenant: &str, scopes: &[&str]) -> String {
        let tenant = (tenant != "default").then(|| tenant.to_owned());
        sign(&Claims { tenant, ..self.claims(subject, scopes) }, SERVICE_SECRET)
    }

    /// A token of a user in this role, for these tenants and brands.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn user_token(&self, role: &str, tenants: &[&str], brands: &[&str]) -> String {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let claims = UserClaims {
            user_id: "maja".into(),
            role: role.to_owned(),
            tenant_ids: names(tenants),
            threepl_id: None,
            brand_ids: names(brands),
            iat: None,
            nbf: None,
            exp: self.clock.now().as_second() + 7 * 86_400,
        };
        mint(&claims, &Secret::new(USER_SECRET)).expect("a token")
    }

    /// The session that a token is exchanged for.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn session_of(&self, token: &str) -> String {
        let body = serde_json::json!({"token": token}).to_string();
        let sign_in = self.request("POST", "/api/auth/session").header("x-signalbox-request", "1");
        let answer = sign_in.header("sec-fetch-site", "same-origin").body(body).answer().await;
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap_or_default();
        cookie.trim_start_matches("STORE_SESS=").to_owned()
    }
}

/// The token that says this.
///
/// # Panics
/// When the secret cannot be used.
#[must_use]
pub fn sign(claims: &Claims, secret: &str) -> String {
    mint(claims, &Secret::new(secret)).expect("a token")
}
