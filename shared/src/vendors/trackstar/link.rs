//! How a brand is linked at Trackstar: a token for the pages where its owner agrees, a code that these pages give, and the access token
//! that it is exchanged for, once.

use bytes::Bytes;
use http::{HeaderName, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::provider::is_id;
use crate::domain::secret::Secret;
use crate::vendors::client::Request;

/// The header of the account's key.
pub const KEY: &str = "x-trackstar-api-key";
/// The header of a link's access token.
pub const TOKEN: &str = "x-trackstar-access-token";

/// A link as it was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What the link is pulled with.
    pub access_token: Secret,
    /// Trackstar's id of it, which stands in every event.
    pub connection_id: String,
    /// The warehouse's system, as Trackstar calls it.
    pub integration_name: Option<String>,
}

fn post(base: &Url, path: &str, key: &Secret, body: &Value) -> Request {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    let body = Some(Bytes::from(body.to_string()));
    Request { method: Method::POST, body, ..Request::get(url) }.secret(HeaderName::from_static(KEY), key.clone())
}

/// Asks for a token for the pages where a brand's owner agrees: of a link anew, or of this one once more.
#[must_use]
pub fn link_token(base: &Url, key: &Secret, again: Option<&str>) -> Request {
    let body = again.map_or_else(|| json!({}), |connection_id| json!({"connection_id": connection_id}));
    post(base, "/link/token", key, &body)
}

/// Exchanges the code that these pages gave.
#[must_use]
pub fn exchange(base: &Url, key: &Secret, code: &str, customer: Option<&str>) -> Request {
    let mut body = json!({"auth_code": code});
    if let Some(customer) = customer {
        body["customer_id"] = Value::from(customer);
    }
    post(base, "/link/exchange", key, &body)
}

/// Takes a link away: that of the access token.
#[must_use]
pub fn disconnect(base: &Url, key: &Secret, token: &Secret) -> Request {
    let asked = post(base, "/connections", key, &Value::Null);
    Request { method: Method::DELETE, body: None, ..asked }.secret(HeaderName::from_static(TOKEN), token.clone())
}

/// The token of an answer; none where it has none.
#[must_use]
pub fn read_token(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        link_token: String,
    }
    serde_json::from_slice::<Answer>(body).ok().map(|answer| answer.link_token).filter(|token| !token.is_empty())
}

/// The link of an answer; none where it names none that can be used.
#[must_use]
pub fn read_made(body: &[u8]) -> Option<Made> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        connection_id: String,
        #[serde(default)]
        integration_name: Option<String>,
    }
    let Answer { access_token, connection_id, integration_name } = serde_json::from_slice(body).ok()?;
    // It goes into a header, behind the key and a space.
    let is_plain = !access_token.is_empty() && access_token.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && is_id(&connection_id)).then(|| Made {
        access_token: Secret::new(access_token),
        connection_id,
        integration_name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_used_is_none() {
        let made = read_made(br#"{"access_token": "t", "connection_id": "c", "available_actions": []}"#).unwrap();
        assert_eq!((made.access_token.expose(), made.connection_id.as_str()), (&b"t"[..], "c"));
        for body in [
            "<html>",
            "{}",
            r#"{"access_token": "", "connection_id": "c"}"#,
            r#"{"access_token": "t t", "connection_id": "c"}"#,
            r#"{"access_token": "t", "connection_id": "c/d"}"#,
        ] {
            assert!(read_made(body.as_bytes()).is_none(), "{body}");
        }
        assert_eq!(read_token(br#"{"link_token": "l"}"#).as_deref(), Some("l"));
        assert_eq!(read_token(br#"{"link_token": ""}"#), None);
    }

    #[test]
    fn a_key_is_in_a_header_and_in_nothing_else() {
        let base = Url::parse("https://production.trackstarhq.com").unwrap();
        let (key, token) = (Secret::new("the-key"), Secret::new("the-token"));
        let asked = exchange(&base, &key, "code", Some("north"));
        assert_eq!((asked.method.as_str(), asked.url.path()), ("POST", "/link/exchange"));
        assert_eq!(asked.body.as_deref(), Some(&br#"{"auth_code":"code","customer_id":"north"}"#[..]));
        let gone = disconnect(&base, &key, &token);
        assert_eq!((gone.method.as_str(), gone.url.path(), gone.body), ("DELETE", "/connections", None));
        assert_eq!(gone.secrets.len(), 2);
    }
}
