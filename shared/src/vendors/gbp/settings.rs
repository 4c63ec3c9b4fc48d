//! What a connection to Google is told.

use serde_json::Value;
use url::Url;

use super::names::{AccountName, LocationName};
use crate::domain::connections::provider::{Setting, SettingKind, Settings, WrongSetting};
use crate::domain::pull::breaker::FAILURES_MAX;
use crate::domain::pull::quota::Limits;
use crate::vendors::pulled;

/// Where the API is, unless a connection says otherwise.
const BASE_URL: &str = "https://mybusinessbusinessinformation.googleapis.com/v1";
/// Where access tokens are given.
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// How many requests Google takes of a project in a minute.
pub const REQUESTS_PER_MINUTE: u32 = 300;
/// How many edits it takes of a profile in a minute, which it raises for nobody.
pub const EDITS_PER_MINUTE: u32 = 10;
/// How many categories a location may have beside its primary one, as is commonly said: Google's reference has no number.
pub const ADDITIONAL_CATEGORIES_MAX: usize = 9;
/// How many rows of a list are asked for at once: as many as Google gives.
pub const PAGE_SIZE: usize = 100;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "account",
        kind: SettingKind::Text,
        required: true,
        about: "The account that has the locations, as Google names it: accounts/1234",
    },
    Setting {
        name: "clientId",
        kind: SettingKind::Text,
        required: true,
        about: "The id of the OAuth client that the consent was given to",
    },
    Setting {
        name: "locations",
        kind: SettingKind::Texts,
        required: false,
        about: "Which of the account's locations are meant, as locations/1234; all of them where none is given",
    },
    Setting {
        name: "regionCode",
        kind: SettingKind::Text,
        required: false,
        about: "The country whose categories are listed, as in ISO 3166: US where none is given",
    },
    Setting {
        name: "languageCode",
        kind: SettingKind::Text,
        required: false,
        about: "The language in which categories are listed, as in BCP 47: en where none is given",
    },
    Setting {
        name: "additionalCategoriesMax",
        kind: SettingKind::Number(0, 100),
        required: false,
        about: "How many categories a location may have beside its primary one; 9 where none is given",
    },
    Setting {
        name: "mirrorStrategy",
        kind: SettingKind::Choice(&["platform_to_gbp", "gbp_to_platform"]),
        required: false,
        about: "Which way the connection's schedule mirrors categories: platform_to_gbp where none is given",
    },
    pulled::PER_MINUTE,
    Setting {
        name: "editsPerMinute",
        kind: SettingKind::Number(1, 60),
        required: false,
        about: "How many edits Google takes of a location in any minute; 10 where none is given",
    },
    pulled::BREAKER_FAILURES,
    pulled::BASE_URL,
    Setting {
        name: "tokenUrl",
        kind: SettingKind::Text,
        required: false,
        about: "Where access tokens are given; on somebody's own machine alone, for a simulated Google",
    },
];

/// How Google is asked over one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GbpSettings {
    /// Whose locations.
    pub account: AccountName,
    /// Which of them; all where none is named.
    pub locations: Vec<LocationName>,
    /// The id of the OAuth client.
    pub client_id: String,
    /// The country whose categories are listed.
    pub region: String,
    /// The language in which they are.
    pub language: String,
    /// How many categories a location may have beside its primary one.
    pub additional_max: usize,
    /// How often Google is asked.
    pub limits: Limits,
    /// How often a location is edited.
    pub edits: Limits,
    /// How many failures open the connection's breaker.
    pub breaker_failures: usize,
    /// Where the API is.
    pub base_url: Url,
    /// Where access tokens are given.
    pub token_url: Url,
}

/// Reads what a connection is told.
///
/// # Errors
/// What is wrong with it.
pub fn read(settings: &Settings) -> Result<GbpSettings, WrongSetting> {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    let number = |name: &str| settings.get(name).and_then(Value::as_u64);
    let rate = |name: &str, default: u32| number(name).and_then(|rate| u32::try_from(rate).ok()).unwrap_or(default);
    let count = |name: &str, default: usize| number(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    let account = text("account").unwrap_or_default().parse();
    let locations = settings.get("locations").and_then(Value::as_array).into_iter().flatten();
    let locations = locations.map(|name| name.as_str().unwrap_or_default().parse()).collect::<Result<Vec<_>, _>>();
    let mut locations: Vec<LocationName> =
        locations.map_err(|why| WrongSetting::new("locations", format!("{why}, each of them")))?;
    locations.sort();
    locations.dedup();
    Ok(GbpSettings {
        account: account.map_err(|why: super::InvalidName| WrongSetting::new("account", why.to_string()))?,
        locations,
        client_id: client_id(text("clientId").unwrap_or_default())?,
        region: region(text("regionCode").unwrap_or("US"))?,
        language: language(text("languageCode").unwrap_or("en"))?,
        additional_max: count("additionalCategoriesMax", ADDITIONAL_CATEGORIES_MAX),
        limits: per_minute(rate("requestsPerMinute", REQUESTS_PER_MINUTE)),
        edits: per_minute(rate("editsPerMinute", EDITS_PER_MINUTE)),
        breaker_failures: count("breakerFailures", FAILURES_MAX),
        base_url: pulled::place(settings, "baseUrl", BASE_URL)?,
        token_url: pulled::place(settings, "tokenUrl", TOKEN_URL)?,
    })
}

/// Google has a limit by the minute alone.
fn per_minute(count: u32) -> Limits {
    Limits::new(count, count.saturating_mul(60))
}

fn client_id(text: &str) -> Result<String, WrongSetting> {
    let is_plain = !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text.to_owned()) } else { Err(WrongSetting::new("clientId", "must be one word")) }
}

fn region(text: &str) -> Result<String, WrongSetting> {
    let is_one = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_one {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(WrongSetting::new("regionCode", "must be two letters, as in ISO 3166: DK"))
    }
}

fn language(text: &str) -> Result<String, WrongSetting> {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if text.len() <= 35 && text.split('-').all(is_part) {
        Ok(text.to_owned())
    } else {
        Err(WrongSetting::new("languageCode", "must be a language as in BCP 47: da, or pt-BR"))
    }
}
