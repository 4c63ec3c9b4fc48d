//! The providers there are, as operators and pages see them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::connections::provider::{Mistake, Provider, SecretUse, Setting, SettingKind};
use crate::domain::deliveries::signature::schemes;
use crate::domain::ids::{Entity, ProviderId};

/// The providers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProvidersView {
    /// Always true.
    pub ok: bool,
    /// Those with a name of their own, and at last that of all other names.
    pub items: Vec<ProviderView>,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    /// Its name in paths; null for that of all other names.
    pub id: Option<String>,
    /// The name people read.
    pub name: &'static str,
    /// Two letters or a sign.
    pub icon: &'static str,
    /// Its colour, `#rrggbb`.
    pub colour: &'static str,
    /// What is synced of it.
    pub entities: Vec<String>,
    /// What a connection may be told.
    pub settings: Vec<SettingView>,
    /// `none`, `optional` or `required`
    #[schema(value_type = String)]
    pub secret: SecretUse,
    /// What the secret is for; empty where none is taken.
    pub secret_about: &'static str,
    /// Whether it can be synced on a schedule.
    pub scheduled: bool,
    /// Whether its webhooks come to `/webhooks/{provider}/{name}`.
    pub signs_webhooks: bool,
    /// The signature schemes that are known by name, where a setting names one.
    pub schemes: Vec<String>,
    /// What people get wrong.
    pub mistakes: Vec<MistakeView>,
}

/// What a connection may be told.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingView {
    /// Its name in `settings`.
    pub name: &'static str,
    /// `text`, `switch`, `choice`, `texts`, `number` or `textOrObject`
    pub kind: &'static str,
    /// Of a choice, what may be chosen.
    pub choices: Vec<&'static str>,
    /// Of a number, the smallest and the largest; null of all others.
    #[schema(value_type = Option<Vec<i64>>)]
    pub bounds: Value,
    /// Whether a connection needs it.
    pub required: bool,
    /// What it is for.
    pub about: &'static str,
}

/// What people get wrong, and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MistakeView {
    /// What they see.
    pub seen: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl ProviderView {
    /// A provider under its name; none for that of all other names.
    #[must_use]
    pub fn of(id: Option<&ProviderId>, provider: &Provider) -> Self {
        let names_scheme = provider.settings.iter().any(|setting| setting.name == "scheme");
        let known = schemes::ALL.into_iter().filter(|_| names_scheme);
        Self {
            id: id.map(ToString::to_string),
            name: provider.name,
            icon: provider.icon,
            colour: provider.colour,
            entities: provider.entities.iter().map(Entity::to_string).collect(),
            settings: provider.settings.iter().map(SettingView::from).collect(),
            secret: provider.secret,
            secret_about: provider.secret_about,
            scheduled: provider.scheduled,
            signs_webhooks: provider.sender.is_some(),
            schemes: known.map(|scheme| scheme.name().to_owned()).collect(),
            mistakes: provider.mistakes.iter().map(MistakeView::from).collect(),
        }
    }
}

impl From<&Setting> for SettingView {
    fn from(setting: &Setting) -> Self {
        let (kind, choices, bounds) = match setting.kind {
            SettingKind::Text => ("text", &[][..], Value::Null),
            SettingKind::Switch => ("switch", &[][..], Value::Null),
            SettingKind::Choice(choices) => ("choice", choices, Value::Null),
            SettingKind::Texts => ("texts", &[][..], Value::Null),
            SettingKind::Number(least, most) => ("number", &[][..], json!([least, most])),
            SettingKind::TextOrObject => ("textOrObject", &[][..], Value::Null),
        };
        let Setting { name, required, about, .. } = *setting;
        Self { name, kind, choices: choices.to_vec(), bounds, required, about }
    }
}

impl From<&Mistake> for MistakeView {
    fn from(mistake: &Mistake) -> Self {
        Self { seen: mistake.seen, remedy: mistake.remedy }
    }
}
