//! Who is let in, and who is not.

use super::*;
use crate::domain::service_secrets::OF_TOKENS;
use serde_json::{Value, json};

pub(in crate::http) const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PREVIOUS: &str = "previous-secret-previous-secret-0";
const ADMIN: &str = "admin-token-admin-token-admin-tok";
pub(in crate::http) const USER_SECRET: &str = "user-secret-user-secret-user-sec";

pub(in crate::http) fn authority(stage: &str) -> Authority {
    let values = Values::check(&OF_TOKENS, |name| {
        let secrets = [SECRET, PREVIOUS, "session-secret-session-secret-00", ADMIN, USER_SECRET];
        OF_TOKENS.iter().position(|known| *known == name).map(|place| secrets[place].to_owned())
    });
    let environment = [("SIGNALBOX_STAGE", stage)].into_iter().collect();
    Authority::new(&environment, ServiceSecrets::given(values.unwrap()))
}

pub(in crate::http) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub(in crate::http) fn token(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

pub(in crate::http) fn headers(name: &'static str, value: String) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
}

#[track_caller]
pub(in crate::http) fn check(headers: &HeaderMap, expected: Result<&str, &str>) {
    let found = authority("production").reader(headers, now());
    let found = found.as_ref().map(|caller| caller.actor.as_str()).map_err(|problem| problem.kind().code);
    assert_eq!(found, expected);
}

#[test]
fn service_tokens() {
    let good =
        json!({"sub": "nightly", "aud": "clairity-services", "exp": 1_700_000_100, "scopes": ["catalog:sync:read"]});
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
fn the_admin_token_is_an_operator_of_connections_and_of_nothing_else() {
    let authority = authority("production");
    let found = |headers: &HeaderMap, scope: &str| {
        let found = authority.service(headers, now()).and_then(|caller| caller.require_any(&[scope]).map(|()| caller));
        found.map(|caller| (caller.actor, caller.tenant)).map_err(|problem| problem.kind().code)
    };
    let admin = || Ok((ADMIN_ACTOR.to_owned(), TenantId::default()));
    let sent = [headers(ADMIN_HEADER, ADMIN.into()), headers("authorization", format!("Bearer {ADMIN}"))];
    for headers in &sent {
        assert_eq!((found(headers, CONNECTIONS_READ), found(headers, CONNECTIONS_WRITE)), (admin(), admin()));
        assert!(authority.reader_of(CONNECTIONS_READ, headers, now()).is_ok());
        for scope in [READ, WRITE, MOSCOT, DELIVERIES_WRITE] {
            assert_eq!(found(headers, scope), Err("insufficient_scope"), "{scope}");
        }
    }
    let good = json!({"aud": "clairity-services", "exp": 1_700_000_100, "scopes": [CONNECTIONS_READ]});
    let mut both = headers("authorization", format!("Bearer {}", token(Algorithm::HS256, SECRET, &good)));
    for (wrong, expected) in [("word", Err("invalid_token")), (" ", Ok(("service".to_owned(), TenantId::default())))] {
        both.insert(ADMIN_HEADER, wrong.parse().unwrap());
        assert_eq!(found(&both, CONNECTIONS_READ), expected, "{wrong:?}");
    }
    let cut = headers(ADMIN_HEADER, ADMIN[..ADMIN.len() - 1].into());
    assert_eq!(found(&cut, CONNECTIONS_READ), Err("invalid_token"));
    // Where none is set, nobody has it.
    let none = Authority::new(&Environment::default(), ServiceSecrets::default());
    for headers in [&sent[0], &sent[1], &headers(ADMIN_HEADER, String::new())] {
        assert!(none.service(headers, now()).is_err());
    }
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
        let header: Header = serde_json::from_value(json!({"alg": "HS256", "crit": critical, "b64": true})).unwrap();
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
