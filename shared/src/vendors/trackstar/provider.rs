//! Trackstar as a provider: what a connection, which is a brand's link, is told.

use serde_json::Value;

use super::{link, rows};
use crate::domain::connections::provider::{
    CADENCE, Mistake, Provider, SecretUse, Setting, SettingKind, Settings, WrongSetting,
};
use crate::domain::connections::pull_api::{Kept, Paging, PullApi, PullEntity};
use crate::domain::ids::Entity;
use crate::domain::pull::pages::Documentation;
use crate::domain::secret::Secret;
use crate::vendors::pulled;

/// The longest id of Trackstar's, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Warehouses behind Trackstar.
pub const PROVIDER: Provider = Provider {
    name: "Trackstar",
    icon: "TS",
    colour: "#0f766e",
    entities: &[Entity::PRODUCTS, Entity::INVENTORY, Entity::ORDERS, Entity::INBOUND_SHIPMENTS],
    settings: &[
        Setting {
            name: "connectionId",
            kind: SettingKind::Text,
            required: true,
            about: "Trackstar's id of the link, which stands in every event",
        },
        CADENCE,
        pulled::BASE_URL,
        pulled::PAGE_SIZE,
        pulled::PER_MINUTE,
        pulled::PER_HOUR,
        pulled::BREAKER_FAILURES,
        pulled::ENTITIES,
        pulled::VOLATILE,
        pulled::DRIFT,
        pulled::REMOVALS,
    ],
    // Its webhooks are signed with one secret for all links, the deployment's.
    secret: SecretUse::Optional,
    secret_about: "What it is pulled with: the API key and the connection's access token, with a space between",
    scheduled: true,
    // It has a door of its own.
    sender: None,
    pull: Some(&API),
    check: |_, settings| check_id(id(settings)).and_then(|()| pulled::check(&API, settings)),
    addresses: |_, settings| vec![address(id(settings))],
    mistakes: &[
        Mistake {
            seen: "unknown_sender",
            remedy: "No active link has the connection_id of the event: compare it with connectionId here, letter by letter",
        },
        Mistake {
            seen: "vendor_refused_credentials",
            remedy: "The secret is two words: the API key of the account, and the access token that this connection got when it was linked",
        },
    ],
};

const API: PullApi = PullApi {
    base_url: "https://production.trackstarhq.com",
    credentials: |secrets| {
        let both = secrets.first().ok_or("it has no API key and access token")?;
        let both = String::from_utf8_lossy(both.expose());
        let (key, token) = both
            .trim()
            .split_once(' ')
            .ok_or("its secret must be the API key and the access token, with a space between")?;
        Ok(vec![(link::KEY, Secret::new(key)), (link::TOKEN, Secret::new(token.trim()))])
    },
    paging: Paging::Tokens { token: "page_token", size: "limit", next: "next_token" },
    rows: "data",
    total: None,
    page_rows: (1_000, 1_000),
    // Ten a second are taken: so many a minute come to a burst of nine.
    rates: (45, 2_700),
    documentation: Some(Documentation { host: "docs.trackstarhq.com", api: "https://production.trackstarhq.com" }),
    entities: &[
        entity(Entity::PRODUCTS, "/wms/products", "id", Kept::AsItCame),
        // Webhooks about it are known by the sku.
        entity(Entity::INVENTORY, "/wms/inventory", "sku", Kept::AsWebhooks(rows::inventory)),
        entity(Entity::ORDERS, "/wms/orders", "id", Kept::AsItCame),
        entity(Entity::INBOUND_SHIPMENTS, "/wms/inbound-shipments", "id", Kept::AsWebhooks(rows::shipment)),
    ],
};

const fn entity(entity: Entity, path: &'static str, id: &'static str, kept: Kept) -> PullEntity {
    PullEntity {
        entity,
        path,
        id,
        updated: Some("updated_date"),
        since: Some("updated_date[gte]"),
        volatile: &[],
        kept,
    }
}

/// The address of a link, by Trackstar's id of it.
#[must_use]
pub fn address(connection_id: &str) -> String {
    format!("trackstar/{connection_id}")
}

/// Whether a link can have this id. Whoever signs events may still write anything there.
#[must_use]
pub fn is_id(text: &str) -> bool {
    check_id(text).is_ok()
}

fn id(settings: &Settings) -> &str {
    settings.get("connectionId").and_then(Value::as_str).unwrap_or_default()
}

fn check_id(id: &str) -> Result<(), WrongSetting> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(plain) {
        let why = format!("must be 1 to {ID_BYTES_MAX} letters, digits, '-', '_' and '.'");
        return Err(WrongSetting::new("connectionId", why));
    }
    Ok(())
}
