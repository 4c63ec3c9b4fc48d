//! A provider as data: what a connection to it may be told, and what people should know of it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::pull_api::PullApi;
use crate::domain::deliveries::sender::Sender;
use crate::domain::deliveries::signature::LiveSecret;
use crate::domain::ids::{Connection, Entity};
use crate::domain::runs::failure::Failure;

/// The settings of a connection, as its provider checked them.
pub type Settings = Map<String, Value>;

/// The longest text of a setting, in bytes.
const TEXT_BYTES_MAX: usize = 2048;
/// The most texts of a setting that is a list.
const TEXTS_MAX: usize = 100;
/// The largest setting that is an object, in bytes of JSON.
const OBJECT_BYTES_MAX: usize = 4096;
/// All settings of a connection together, in bytes of JSON: an item has room for them, and a page of a list for some.
const SETTINGS_BYTES_MAX: usize = 32 * 1024;
/// How many unknown settings are named. A body may have a hundred thousand.
const UNKNOWN_MAX: usize = 10;

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SettingKind {
    /// A text that is not blank.
    Text,
    /// true or false.
    Switch,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// Texts that are not blank.
    Texts,
    /// A whole number within these bounds.
    Number(i64, i64),
    /// A text or an object; the provider looks into it itself.
    TextOrObject,
}

/// One setting that a provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Its name in `settings`.
    pub name: &'static str,
    /// What it may be.
    pub kind: SettingKind,
    /// Whether a connection needs it.
    pub required: bool,
    /// What it is for, for people.
    pub about: &'static str,
}

/// How often something is expected of a connection, which its health is then judged by: the thresholds of how late it may be.
pub const CADENCE: Setting = Setting {
    name: "cadenceMinutes",
    kind: SettingKind::Number(1, CADENCE_MINUTES_MAX),
    required: false,
    about: "How often webhooks are expected, in minutes: later than that is degraded, three times as late unhealthy",
};
/// A week.
const CADENCE_MINUTES_MAX: i64 = 7 * 24 * 60;

/// Whether connections to a provider have a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretUse {
    /// None is taken.
    None,
    /// One may be given; without it something else is gone by.
    Optional,
    /// Nothing works without.
    Required,
}

/// A mistake that people make with a provider, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mistake {
    /// What they see.
    pub seen: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSetting {
    /// Which; empty where it is about all of them.
    pub name: String,
    /// How.
    pub why: String,
}

impl WrongSetting {
    /// Of one setting.
    pub fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), why: why.into() }
    }

    /// The same as what is wrong with a connection, of which the settings are one part.
    #[must_use]
    pub fn within_settings(self) -> Self {
        let name = if self.name.is_empty() { "settings".to_owned() } else { format!("settings.{}", self.name) };
        Self { name, ..self }
    }
}

/// The sender that a connection is, with its secrets in the clear. Settings are checked when they are stored, so one that is wrong
/// was stored by another version.
pub type SenderOf = fn(&Connection, &Settings, Vec<LiveSecret>) -> Result<Sender, WrongSetting>;

/// A provider.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// The name people read.
    pub name: &'static str,
    /// Two letters or a sign for lists.
    pub icon: &'static str,
    /// Its colour, `#rrggbb`.
    pub colour: &'static str,
    /// What is synced of it; none where it only sends webhooks.
    pub entities: &'static [Entity],
    /// What a connection may be told.
    pub settings: &'static [Setting],
    /// Whether a connection has a secret.
    pub secret: SecretUse,
    /// What the secret is for, for people; empty where none is taken.
    pub secret_about: &'static str,
    /// Whether it can be synced on a schedule.
    pub scheduled: bool,
    /// How its webhooks are verified at the door of senders; none where it sends none there.
    pub sender: Option<SenderOf>,
    /// How its API is pulled; none where it is not.
    pub pull: Option<&'static PullApi>,
    /// What the schema alone does not say.
    pub check: fn(&Connection, &Settings) -> Result<(), WrongSetting>,
    /// Names by which others than its tenant look for a connection, such as the path of a webhook. One name leads to one
    /// connection.
    pub addresses: fn(&Connection, &Settings) -> Vec<String>,
    /// What people get wrong.
    pub mistakes: &'static [Mistake],
}

impl Provider {
    /// What is to be done about a reason: what the provider says of it, or what is said of it for all.
    #[must_use]
    pub fn remedy(&self, failure: Failure) -> &'static str {
        let for_all = if self.pull.is_some() { failure.remedy_of_pull() } else { failure.remedy() };
        self.mistakes.iter().find(|mistake| mistake.seen == failure.code()).map_or(for_all, |mistake| mistake.remedy)
    }

    /// Checks settings against the schema and the provider's own rules. Absent and null are the same, and stay out.
    ///
    /// # Errors
    /// All that is wrong with them, by setting.
    pub fn checked(&self, connection: &Connection, given: &Settings) -> Result<Settings, Vec<WrongSetting>> {
        let mut wrong = Vec::new();
        let is_known = |name: &&String| self.settings.iter().any(|setting| setting.name == name.as_str());
        for name in given.keys().filter(|name| !is_known(name)).take(UNKNOWN_MAX) {
            let known: Vec<&str> = self.settings.iter().map(|setting| setting.name).collect();
            let there_are = match known.is_empty() {
                true => "there are none".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            // A name may be as long as the body.
            let name: String = name.chars().take(64).collect();
            wrong.push(WrongSetting::new(name, format!("is unknown; {there_are}")));
        }
        let mut settings = Settings::new();
        for setting in self.settings {
            match given.get(setting.name).filter(|value| !value.is_null()) {
                None if setting.required => wrong.push(WrongSetting::new(setting.name, "must be there")),
                None => {}
                Some(value) => match read(setting.kind, value) {
                    Ok(value) if is_masked(&value) => {
                        let why = "is masked, as it was shown: write it in full";
                        wrong.push(WrongSetting::new(setting.name, why));
                    }
                    Ok(value) => drop(settings.insert(setting.name.to_owned(), value)),
                    Err(why) => wrong.push(WrongSetting::new(setting.name, why)),
                },
            }
        }
        if Value::from(settings.clone()).to_string().len() > SETTINGS_BYTES_MAX {
            let why = format!("may have {SETTINGS_BYTES_MAX} bytes of JSON in all");
            wrong.push(WrongSetting::new(String::new(), why));
        }
        if wrong.is_empty()
            && let Err(one) = (self.check)(connection, &settings)
        {
            wrong.push(one);
        }
        if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
    }
}

/// Whether a value is what lists show of another one, see `StoredConnection::shown_settings`.
#[must_use]
pub fn is_masked(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("://") && text.contains("***"))
}

fn read(kind: SettingKind, value: &Value) -> Result<Value, String> {
    let text = |value: &Value| {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty())?;
        (text.len() <= TEXT_BYTES_MAX).then(|| Value::from(text))
    };
    match kind {
        SettingKind::Text => {
            text(value).ok_or_else(|| format!("must be a text that is not blank, of at most {TEXT_BYTES_MAX} bytes"))
        }
        SettingKind::Switch if value.is_boolean() => Ok(value.clone()),
        SettingKind::Switch => Err("must be true or false".into()),
        SettingKind::Choice(choices) => {
            let chosen =
                value.as_str().and_then(|text| choices.iter().find(|choice| choice.eq_ignore_ascii_case(text.trim())));
            chosen.map(|choice| Value::from(*choice)).ok_or_else(|| format!("must be one of {}", choices.join(", ")))
        }
        SettingKind::Texts => {
            let items = value.as_array().filter(|items| items.len() <= TEXTS_MAX);
            let texts: Option<Vec<Value>> = items.and_then(|items| items.iter().map(text).collect());
            texts.map(Value::from).ok_or_else(|| {
                format!("must be an array of at most {TEXTS_MAX} texts that are not blank, of at most {TEXT_BYTES_MAX} bytes")
            })
        }
        SettingKind::Number(least, most) => {
            let number = value.as_i64().filter(|number| (least..=most).contains(number));
            number.map(Value::from).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        }
        SettingKind::TextOrObject => match value {
            Value::Object(_) if value.to_string().len() <= OBJECT_BYTES_MAX => Ok(value.clone()),
            Value::Object(_) => Err(format!("must have at most {OBJECT_BYTES_MAX} bytes")),
            other => text(other).ok_or_else(|| "must be a text that is not blank, or an object".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PROVIDER: Provider = Provider {
        name: "Example",
        icon: "EX",
        colour: "#336699",
        entities: &[],
        settings: &[
            Setting { name: "url", kind: SettingKind::Text, required: true, about: "where" },
            Setting { name: "on", kind: SettingKind::Switch, required: false, about: "whether" },
            Setting { name: "side", kind: SettingKind::Choice(&["left", "right"]), required: false, about: "which" },
            Setting { name: "names", kind: SettingKind::Texts, required: false, about: "who" },
            Setting { name: "count", kind: SettingKind::Number(1, 10), required: false, about: "how many" },
            Setting { name: "scheme", kind: SettingKind::TextOrObject, required: false, about: "how" },
        ],
        secret: SecretUse::None,
        secret_about: "",
        scheduled: false,
        sender: None,
        pull: None,
        check: |_, settings| match settings["url"].as_str() {
            Some("https://no.example") => Err(WrongSetting::new("url", "is none of ours")),
            _ => Ok(()),
        },
        addresses: |_, _| Vec::new(),
        mistakes: &[],
    };

    fn checked(settings: Value) -> Result<Value, Vec<(String, String)>> {
        let connection = "acme/example/main".parse().unwrap();
        let settings = PROVIDER.checked(&connection, settings.as_object().unwrap());
        settings.map(Value::from).map_err(|wrong| wrong.into_iter().map(|wrong| (wrong.name, wrong.why)).collect())
    }

    #[test]
    fn settings_are_kept_in_one_form() {
        for (given, kept) in [
            (json!({"url": " https://a.example "}), json!({"url": "https://a.example"})),
            (json!({"url": "u", "on": null, "side": "LEFT"}), json!({"url": "u", "side": "left"})),
            (json!({"url": "u", "names": [], "count": 10}), json!({"url": "u", "names": [], "count": 10})),
            (json!({"url": "u", "scheme": {"header": "x"}}), json!({"url": "u", "scheme": {"header": "x"}})),
            (
                json!({"url": "u", "scheme": "github", "on": false}),
                json!({"url": "u", "scheme": "github", "on": false}),
            ),
        ] {
            assert_eq!(checked(given.clone()), Ok(kept), "{given}");
        }
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        for (given, names) in [
            (json!({}), &["url"][..]),
            (json!({"url": null}), &["url"]),
            (json!({"url": " "}), &["url"]),
            (json!({"url": "x".repeat(2049)}), &["url"]),
            (json!({"uri": "u", "on": "yes"}), &["uri", "url", "on"]),
            (json!({"url": "u", "side": "up", "names": ["a", ""], "count": 11}), &["side", "names", "count"]),
            (json!({"url": "u", "count": 1.5, "scheme": 7}), &["count", "scheme"]),
            (json!({"url": "u", "scheme": {"a": "x".repeat(5000)}, "names": "a"}), &["names", "scheme"]),
            (json!({"url": "https://no.example"}), &["url"]),
            (json!({"url": "https://a.example?***"}), &["url"]),
            (json!({"url": "u", "names": vec!["x".repeat(2000); 20]}), &[""]),
        ] {
            let wrong = checked(given.clone()).unwrap_err();
            assert!(wrong.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()), "{given}: {wrong:?}");
        }
    }
}
