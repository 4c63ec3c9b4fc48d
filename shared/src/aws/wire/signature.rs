//! Signature Version 4, of a `POST` to `/` without a query, which is all that the wire sends. The key of a day is derived once.
//! Source: IAM user guide, "Create a signed AWS API request".

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

type HmacSha256 = Hmac<Sha256>;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs for one service of one region.
pub(super) struct Signer {
    credentials: Credentials,
    region: String,
    service: &'static str,
    key: Mutex<Option<DayKey>>,
}

/// The key of a day. It is as good as the secret for that day, service and region, and is never shown.
struct DayKey {
    day: String,
    mac: HmacSha256,
}

/// A moment as a signed request says it: `20150830T123600Z`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn mac(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn signed(mut mac: HmacSha256, text: &[u8]) -> [u8; 32] {
    mac.update(text);
    mac.finalize().into_bytes().into()
}

impl Signer {
    pub(super) fn new(credentials: Credentials, region: String, service: &'static str) -> Self {
        Self { credentials, region, service, key: Mutex::new(None) }
    }

    /// What the header `x-amz-security-token` must say, where there is one to send and to sign.
    pub(super) fn token(&self) -> Option<&str> {
        self.credentials.session_token()
    }

    /// The header `authorization` of a request at `moment`. The headers are all that are signed, sorted by their names, which are in lower
    /// case; their values have no space around them and none twice in a row.
    pub(super) fn authorization(&self, moment: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let day = moment.get(..8).unwrap_or(moment);
        let (region, service) = (&self.region, self.service);
        let mut request = String::with_capacity(512);
        request.push_str("POST\n/\n\n");
        let mut names = String::with_capacity(96);
        for (name, value) in headers {
            // Writing to a string cannot fail.
            let _ = writeln!(request, "{name}:{value}");
            names.push_str(if names.is_empty() { "" } else { ";" });
            names.push_str(name);
        }
        let _ = write!(request, "\n{names}\n{}", hex::encode(Sha256::digest(body)));
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let hash = hex::encode(Sha256::digest(request.as_bytes()));
        let text = format!("{ALGORITHM}\n{moment}\n{scope}\n{hash}");
        let signature = hex::encode(signed(self.key(day), text.as_bytes()));
        let key_id = self.credentials.access_key_id();
        format!("{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    /// The key of a day, as far as it is computed.
    fn key(&self, day: &str) -> HmacSha256 {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.day == day) {
            return kept.mac.clone();
        }
        let secret = zeroize::Zeroizing::new(format!("AWS4{}", self.credentials.secret_access_key()));
        let mut key = signed(mac(secret.as_bytes()), day.as_bytes());
        for part in [self.region.as_str(), self.service, "aws4_request"] {
            key = signed(mac(&key), part.as_bytes());
        }
        let mac = mac(&key);
        *kept = Some(DayKey { day: day.to_owned(), mac: mac.clone() });
        mac
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use proptest::prelude::*;

    use super::*;

    fn signer(token: Option<&str>, service: &'static str) -> Signer {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIDEXAMPLE", secret, token.map(String::from), None, "test");
        Signer::new(credentials, "us-east-1".into(), service)
    }

    /// AWS's own: `post-vanilla`, `post-header-key-sort` and `post-sts-header-before` of the signing test suite (aws-c-auth 0.9.0).
    #[test]
    fn aws_vectors() {
        const HOST: (&str, &str) = ("host", "example.amazonaws.com");
        const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/\
                     qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+\
                     xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        for (headers, names, signature) in [
            (&[HOST, DATE][..], "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                &[HOST, ("my-header1", "value1"), DATE],
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                &[HOST, DATE, ("x-amz-security-token", token)],
                "host;x-amz-date;x-amz-security-token",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(signer(None, "service").authorization(DATE.1, headers, b""), expected);
        }
    }

    proptest! {
        /// As `aws-sigv4` signs it, on whatever day, and with a key that was derived for another before.
        #[test]
        fn it_signs_as_the_sdk_does(
            seconds in 0_i64..4_000_000_000, body in proptest::collection::vec(any::<u8>(), 0..2000),
            token in proptest::option::of("[A-Za-z0-9+/=]{1,900}"), target in "[A-Za-z0-9_.]{1,60}",
        ) {
            let signer = signer(token.as_deref(), "dynamodb");
            signer.authorization("20150830T123600Z", &[], b"");
            let at = Timestamp::from_second(seconds).unwrap();
            let moment = moment(at);
            let mut headers = vec![
                ("content-type", "application/x-amz-json-1.0"), ("host", "127.0.0.1:8000"), ("x-amz-date", moment.as_str()),
            ];
            headers.extend(signer.token().map(|token| ("x-amz-security-token", token)));
            headers.push(("x-amz-target", &target));

            let identity = signer.credentials.clone().into();
            let parameters = SigningParams::builder()
                .identity(&identity).region("us-east-1").name("dynamodb")
                .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.cast_unsigned()))
                .settings(SigningSettings::default()).build().unwrap();
            let given = headers.iter().filter(|(name, _)| matches!(*name, "content-type" | "x-amz-target")).copied();
            let signable =
                SignableRequest::new("POST", "http://127.0.0.1:8000/", given, SignableBody::Bytes(&body)).unwrap();
            let (made, _) = sign(signable, &parameters.into()).unwrap().into_parts();
            let expected = made.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned();
            prop_assert_eq!(signer.authorization(&moment, &headers, &body), expected);
        }
    }
}
