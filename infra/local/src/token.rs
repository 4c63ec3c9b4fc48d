//! Tokens of services and users, as `signalbox token` prints them; the demo uses the first.

use jiff::Timestamp;
use signalbox::domain::ids::TenantId;
use signalbox::domain::secret::Secret;
use signalbox::http::auth::user::UserClaims;
use signalbox::http::auth::{self, Claims, OneOrMany};

/// The audience when `SERVICE_JWT_AUDIENCE` is unset.
pub const AUDIENCE_DEFAULT: &str = "clairity-services";
/// Who a token is for when nobody is named.
pub const ACTOR_DEFAULT: &str = "service";
/// A token's life when none is asked for.
pub const LIFE_SECONDS_DEFAULT: i64 = 300;

/// A user's token lives for a week when nothing else is asked for.
pub const USER_LIFE_SECONDS_DEFAULT: i64 = 7 * 86_400;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A life that is over.
    #[error("a token cannot live {0} seconds: the time must be positive")]
    Life(i64),
    /// A scope that no route asks for.
    #[error("{0} is no scope: there are read, write, {scopes}", scopes = SCOPES.join(", "))]
    Scope(String),
    /// It could not be signed.
    #[error("the token could not be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// The scopes that routes ask for.
pub const SCOPES: [&str; 9] = [
    auth::READ,
    auth::WRITE,
    auth::GENERAL,
    auth::MOSCOT,
    auth::CONNECTIONS_READ,
    auth::CONNECTIONS_WRITE,
    auth::DELIVERIES_READ,
    auth::DELIVERIES_WRITE,
    auth::AUDIT_READ,
];

/// The scopes that a kind stands for: `read`, `write`, or a comma-separated list of scopes.
#[must_use]
pub fn scopes(kind: &str) -> Vec<String> {
    match kind.to_lowercase().as_str() {
        "read" => vec![auth::READ.into()],
        "write" => vec![auth::WRITE.into()],
        list => list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(String::from).collect(),
    }
}

/// The same, of which each is one that a route asks for: a token with a misspelt one would be refused wherever it is sent.
///
/// # Errors
/// When one is not.
pub fn known_scopes(kind: &str) -> Result<Vec<String>, TokenError> {
    let scopes = scopes(kind);
    match scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        None => Ok(scopes),
        Some(unknown) => Err(TokenError::Scope(unknown.clone())),
    }
}

/// The life that an argument asks for; what is not a number, and zero, asks for the default.
///
/// # Errors
/// When it is negative.
pub fn life_seconds(argument: Option<&str>) -> Result<i64, TokenError> {
    match argument.and_then(|text| text.trim().parse::<i64>().ok()) {
        None | Some(0) => Ok(LIFE_SECONDS_DEFAULT),
        Some(life) if life < 0 => Err(TokenError::Life(life)),
        Some(life) => Ok(life),
    }
}

/// What a token says beside when it was made.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    /// Who it is for, as runs and audit entries name them: the claim `sub`.
    pub actor: &'a str,
    /// Whose data it is for; the default tenant's where none is named.
    pub tenant: Option<&'a TenantId>,
    /// `SERVICE_JWT_AUDIENCE`.
    pub audience: &'a str,
    /// What it allows.
    pub scopes: Vec<String>,
    /// How long it lives.
    pub life_seconds: i64,
}

impl Default for Grant<'_> {
    /// A token of no scope.
    fn default() -> Self {
        Self {
            actor: ACTOR_DEFAULT,
            tenant: None,
            audience: AUDIENCE_DEFAULT,
            scopes: Vec::new(),
            life_seconds: LIFE_SECONDS_DEFAULT,
        }
    }
}

/// Signs a token.
///
/// # Errors
/// When it cannot be signed.
pub fn mint(grant: Grant<'_>, secret: &str, now: Timestamp) -> Result<String, TokenError> {
    let iat = now.as_second();
    let claims = Claims {
        sub: Some(grant.actor.into()),
        aud: Some(OneOrMany::One(grant.audience.into())),
        iat: Some(iat),
        nbf: None,
        exp: iat.saturating_add(grant.life_seconds),
        scopes: Some(OneOrMany::Many(grant.scopes)),
        tenant: grant.tenant.map(ToString::to_string),
    };
    Ok(auth::mint(&claims, &Secret::new(secret))?)
}

/// A life as people write it: `3600`, `90s`, `15m`, `12h`, `7d`.
///
/// # Errors
/// A text that says how to write it.
pub fn written_life(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let unit = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let life = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).filter(|life| *life > 0);
    life.ok_or_else(|| "a positive number of seconds, or one with s, m, h or d behind it: 12h".to_owned())
}

/// Signs the token of a platform's administrator, which lives for so many seconds.
///
/// # Errors
/// As [`mint_user`].
pub fn mint_administrator(actor: &str, life_seconds: i64, secret: &str, now: Timestamp) -> Result<String, TokenError> {
    let claims = UserClaims {
        user_id: actor.to_owned(),
        role: "PLATFORM_ADMIN".to_owned(),
        tenant_ids: Vec::new(),
        threepl_id: None,
        brand_ids: Vec::new(),
        iat: None,
        nbf: None,
        exp: 0,
    };
    mint_user(claims, life_seconds, secret, now)
}

/// Signs a user's token, which lives for so many seconds.
///
/// # Errors
/// When it cannot be signed.
pub fn mint_user(claims: UserClaims, life_seconds: i64, secret: &str, now: Timestamp) -> Result<String, TokenError> {
    let iat = now.as_second();
    let claims = UserClaims { iat: Some(iat), exp: iat.saturating_add(life_seconds), ..claims };
    Ok(auth::mint(&claims, &Secret::new(secret))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_for_scopes() {
        assert_eq!(scopes("READ"), ["catalog:sync:read"]);
        assert_eq!(scopes("write"), ["catalog:sync:write"]);
        assert_eq!(scopes("Catalog:Sync, catalog:sync:moscot,"), ["catalog:sync", "catalog:sync:moscot"]);
        assert_eq!(known_scopes("audit:read,Connections:Write").unwrap(), ["audit:read", "connections:write"]);
        let unknown = known_scopes("audit:read,nope").unwrap_err().to_string();
        assert!(unknown.starts_with("nope is no scope: there are read, write, catalog:sync:read,"), "{unknown}");
    }

    #[test]
    fn a_life_is_the_number_asked_for_or_the_default() {
        assert_eq!(life_seconds(None).unwrap(), 300);
        assert_eq!(life_seconds(Some("soon")).unwrap(), 300);
        assert_eq!(life_seconds(Some("0")).unwrap(), 300);
        assert_eq!(life_seconds(Some("60")).unwrap(), 60);
        assert!(life_seconds(Some("-1")).is_err());
    }

    #[test]
    fn a_user_s_life_is_written_with_its_unit() {
        for (text, life) in [("90", Some(90)), ("15m", Some(900)), (" 12h ", Some(43_200)), ("7d", Some(604_800))] {
            assert_eq!(written_life(text).ok(), life, "{text}");
        }
        for text in ["", "0", "-1h", "d", "1w", "9223372036854775807d"] {
            assert!(written_life(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_verifies_with_its_secret_and_audience() {
        let secret = "s".repeat(32);
        let now = Timestamp::from_second(4_000_000_000).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.set_audience(&[AUDIENCE_DEFAULT]);
        let key = jsonwebtoken::DecodingKey::from_secret(secret.as_bytes());
        let mut expected = serde_json::json!({
            "sub": "service",
            "aud": "clairity-services",
            "iat": 4_000_000_000_u64,
            "exp": 4_000_000_060_u64,
            "scopes": ["catalog:sync:write"],
        });
        let claims = |actor: &str, tenant: Option<&TenantId>| {
            let grant = Grant { actor, tenant, scopes: scopes("write"), life_seconds: 60, ..Grant::default() };
            let token = mint(grant, &secret, now).unwrap();
            jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap().claims
        };
        assert_eq!(claims(ACTOR_DEFAULT, None), expected);
        expected["tenant"] = "anonymous".into();
        expected["sub"] = "ada".into();
        assert_eq!(claims("ada", Some(&TenantId::parse("anonymous").unwrap())), expected);
    }
}
