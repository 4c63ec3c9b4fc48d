//! What Google is asked. Tokens go into headers, by whoever sends these.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::names::{AccountName, LocationName};
use super::settings::{GbpSettings, PAGE_SIZE};
use crate::domain::mirror::categories::GoogleCategoryId;
use crate::vendors::client::Request;

/// The fields of a location that are read.
const READ_MASK: &str = "name,title,categories,metadata";

/// An address below the API's, whose path is made of names that were checked.
fn at(base: &Url, path: &str, query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.query_pairs_mut().extend_pairs(query);
    url
}

/// A page of an account's locations: the first, or the one that a token leads to.
#[must_use]
pub fn list_locations(base: &Url, account: &AccountName, token: Option<&str>) -> Request {
    let size = PAGE_SIZE.to_string();
    let mut query = vec![("readMask", READ_MASK), ("pageSize", size.as_str())];
    query.extend(token.map(|token| ("pageToken", token)));
    Request::get(at(base, &format!("{account}/locations"), &query))
}

/// One location.
#[must_use]
pub fn location(base: &Url, name: &LocationName) -> Request {
    Request::get(at(base, name.as_str(), &[("readMask", READ_MASK)]))
}

/// A page of the categories of a country, in a language.
#[must_use]
pub fn list_categories(settings: &GbpSettings, token: Option<&str>) -> Request {
    let size = PAGE_SIZE.to_string();
    let mut query = vec![
        ("regionCode", settings.region.as_str()),
        ("languageCode", settings.language.as_str()),
        ("view", "BASIC"),
        ("pageSize", size.as_str()),
    ];
    query.extend(token.map(|token| ("pageToken", token)));
    Request::get(at(&settings.base_url, "categories", &query))
}

/// Some categories by their ids.
#[must_use]
pub fn batch_get(settings: &GbpSettings, ids: &[GoogleCategoryId]) -> Request {
    let names: Vec<String> = ids.iter().map(GoogleCategoryId::resource).collect();
    let mut query =
        vec![("regionCode", settings.region.as_str()), ("languageCode", settings.language.as_str()), ("view", "BASIC")];
    query.extend(names.iter().map(|name| ("names", name.as_str())));
    Request::get(at(&settings.base_url, "categories:batchGet", &query))
}

/// Sets all categories of a location at once: Google lets nobody change the primary one or the others by themselves, and wants both.
#[must_use]
pub fn set_categories(
    base: &Url,
    name: &LocationName,
    (primary, additional): (&GoogleCategoryId, &[GoogleCategoryId]),
    validate_only: bool,
) -> Request {
    let mut query = vec![("updateMask", "categories")];
    if validate_only {
        query.push(("validateOnly", "true"));
    }
    let named = |id: &GoogleCategoryId| json!({"name": id.resource()});
    let additional: Vec<Value> = additional.iter().map(named).collect();
    let body = json!({"categories": {"primaryCategory": named(primary), "additionalCategories": additional}});
    let body = Some(Bytes::from(body.to_string()));
    Request { method: Method::PATCH, body, ..Request::get(at(base, name.as_str(), &query)) }
}
