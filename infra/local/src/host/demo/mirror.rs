//! The demo's mirror: its flags are on, the tenant has categories, and a dry run says how they differ from those of its locations at the
//! simulated Google. Nothing is changed there until somebody says so.

use reqwest::Method;
use serde_json::{Value, json};
use signalbox::domain::flags::Flag;

use crate::remote::{Asked, Remote};

/// Each with one of Google's categories, or with none yet.
const CATEGORIES: [(&str, &str, Option<&str>); 4] = [
    ("Opticians", "opticians", Some("gcid:optician")),
    ("Jewellery", "jewellery", Some("gcid:jewelry_store")),
    ("Gifts", "gifts", Some("gcid:gift_shop")),
    ("Workshop", "workshop", None),
];
const CATEGORIES_PATH: &str = "/api/v1/tenants/default/categories";

/// Makes all of it. The connection to Google must be there: the ids of its categories are looked up.
///
/// # Errors
/// What could not be made, in a sentence.
pub(super) async fn make(remote: &Remote, token: &str) -> Result<(), String> {
    for flag in Flag::ALL {
        let path = format!("/api/admin/flags/{}", flag.as_str());
        done(remote, token, (Method::PUT, &path), json!({"enabled": true}), &[200]).await?;
    }
    for (name, slug, id) in CATEGORIES {
        let body = json!({"name": name, "slug": slug, "googleCategoryId": id});
        // Of a start that ended half-way it is there.
        done(remote, token, (Method::POST, CATEGORIES_PATH), body, &[201, 409]).await?;
    }
    let body = json!({"strategy": "platform_to_gbp", "tenantId": "default", "dryRun": true});
    done(remote, token, (Method::POST, "/api/categories/mirror"), body, &[202]).await
}

async fn done(
    remote: &Remote,
    token: &str,
    (method, path): (Method, &str),
    body: Value,
    expected: &[u16],
) -> Result<(), String> {
    let asked = Asked { method, path, body: Some(body.to_string()), ..Asked::default() };
    let answer = remote.ask(asked, token).await.map_err(|error| error.to_string())?;
    if expected.contains(&answer.status) { Ok(()) } else { Err(format!("{path}: {}", answer.told())) }
}
