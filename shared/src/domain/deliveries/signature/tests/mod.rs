mod explained;
mod known_answers;
mod properties;
mod refusals;

use jiff::Timestamp;

use super::{LiveSecret, Refused, Scheme, Text, Verified, sign, verify};
use crate::domain::secret::Secret;

type Headers = Vec<(Text, String)>;

/// When the tests' deliveries are signed.
const AT: i64 = 1_731_705_121;
/// As it was registered with the sender.
const URL: &str = "https://hooks.example.com/square";
const BODY: &str = r#"{"id":"evt_1","event_id":"evt_1","data":{"b":1,"a":[true,null]}}"#;
/// Base64, as some schemes ask for, and text, as the others take it.
const SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";
const OTHER_SECRET: &str = "whsec_c2lnbmFsYm94LW90aGVyLWtleSE=";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn current(secret: &str) -> Vec<LiveSecret> {
    vec![LiveSecret::current(Secret::new(secret))]
}

/// What a sender of the scheme sends with the body.
fn signed(scheme: &Scheme, secret: &str, body: &[u8]) -> Headers {
    sign(scheme, &Secret::new(secret), Some("msg_1"), at(AT), Some(URL), body).unwrap()
}

/// Verified with one secret at the time of signing.
fn check(scheme: &Scheme, secret: &str, headers: &Headers, body: &[u8]) -> Result<Verified, Refused> {
    verify(scheme, &current(secret), headers.as_slice(), Some(URL), body, at(AT))
}

fn with(mut headers: Headers, name: &str, value: &str) -> Headers {
    headers.retain(|(key, _)| key != name);
    headers.push((name.to_owned().into(), value.to_owned()));
    headers
}

fn without(mut headers: Headers, name: &str) -> Headers {
    headers.retain(|(key, _)| key != name);
    headers
}
