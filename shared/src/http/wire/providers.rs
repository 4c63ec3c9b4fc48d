//! The providers there are, as operators and pages see them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::connections::provider::{Mistake, Provider, SecretUse, Setting, SettingKind};
use crate::domain::connections::pull_api::{PullApi, PullEntity};
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
    /// How its API is pulled; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullApiView>,
}

/// How a provider's API is pulled, unless a connection says otherwise.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullApiView {
    /// Where it is.
    pub base_url: &'static str,
    /// The host that has its documents, and is taken for it; null where none is.
    pub documentation_host: Option<&'static str>,
    /// Its lists, in the order in which they are pulled.
    pub endpoints: Vec<EndpointView>,
    /// Rows a request.
    pub page_size: u64,
    /// Requests that it takes in any minute.
    pub requests_per_minute: u32,
    /// And in any hour.
    pub requests_per_hour: u32,
}

/// One list of an API.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointView {
    /// Of what.
    pub entity: String,
    /// Its path below the API's.
    pub path: &'static str,
}

impl From<&PullApi> for PullApiView {
    fn from(api: &PullApi) -> Self {
        let endpoint = |known: &PullEntity| EndpointView { entity: known.entity.to_string(), path: known.path };
        let (requests_per_minute, requests_per_hour) = api.rates;
        Self {
            base_url: api.base_url,
            documentation_host: api.documentation.map(|documentation| documentation.host),
            endpoints: api.entities.iter().map(endpoint).collect(),
            page_size: api.page_rows.0,
            requests_per_minute,
            requests_per_hour,
        }
    }
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
            pull: provider.pull.map(PullApiView::from),
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
