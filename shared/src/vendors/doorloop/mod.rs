//! DoorLoop as a provider: property management, whose lists have numbered pages and a total.
//!
//! Its documents say that 50 requests a minute and 500 an hour are taken, and nothing of how rows are asked for that changed since a
//! time. Older clients send `updated_after`: whether it is heeded is tried, and not believed.

use crate::domain::connections::provider::{Mistake, Provider, SecretUse};
use crate::domain::connections::pull_api::{Kept, Paging, PullApi, PullEntity};
use crate::domain::ids::Entity;
use crate::domain::pull::pages::Documentation;
use crate::domain::secret::Secret;
use crate::vendors::pulled;

/// Property management.
pub const PROVIDER: Provider = Provider {
    name: "DoorLoop",
    icon: "DL",
    colour: "#7c3aed",
    entities: &[Entity::OWNERS, Entity::PROPERTIES, Entity::UNITS, Entity::LEASES, Entity::TENANTS],
    settings: &[
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
    secret: SecretUse::Required,
    secret_about: "The API key, from the settings of the DoorLoop account",
    scheduled: true,
    sender: None,
    pull: Some(&API),
    check: |_, settings| pulled::check(&API, settings),
    addresses: |_, _| Vec::new(),
    mistakes: &[
        Mistake {
            seen: "page_invalid",
            remedy: "api.doorloop.com has the documents: the API is at https://app.doorloop.com/api",
        },
        Mistake {
            seen: "vendor_refused_credentials",
            remedy: "The key was typed wrongly, or taken back: make another in DoorLoop, and rotate the secret here",
        },
        Mistake {
            seen: "vendor_not_permitted",
            remedy: "The user whom the key belongs to may not read this entity: DoorLoop answers 405 then",
        },
    ],
};

const API: PullApi = PullApi {
    base_url: "https://app.doorloop.com/api",
    credentials: |secrets| {
        let key = secrets.first().ok_or("it has no API key")?;
        Ok(vec![("authorization", Secret::new(format!("bearer {}", String::from_utf8_lossy(key.expose()))))])
    },
    paging: Paging::Numbered { number: "page_number", size: "page_size" },
    rows: "data",
    total: Some("total"),
    page_rows: (100, 1_000),
    rates: (50, 500),
    documentation: Some(Documentation { host: "api.doorloop.com", api: "https://app.doorloop.com/api" }),
    entities: &[
        entity(Entity::OWNERS, "/owners"),
        entity(Entity::PROPERTIES, "/properties"),
        entity(Entity::UNITS, "/units"),
        entity(Entity::LEASES, "/leases"),
        entity(Entity::TENANTS, "/tenants"),
    ],
};

const fn entity(entity: Entity, path: &'static str) -> PullEntity {
    PullEntity {
        entity,
        path,
        id: "id",
        updated: Some("updatedAt"),
        since: Some("updated_after"),
        volatile: &[],
        kept: Kept::AsItCame,
    }
}
