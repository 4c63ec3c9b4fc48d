//! Google Business Profile as a provider: the locations of an account, and the categories that each of them has.
//!
//! What is known of the API, and where it says so, is in docs/gbp.md. Categories are Google's and read-only; what is changed is which of
//! them a location has, all of them at once.

mod answers;
mod names;
mod oauth;
mod requests;
mod settings;

pub use answers::{Categories, Category, Location, Locations, Pages, Said, pages, read_batch, read_categories};
pub use answers::{read_location, read_locations, said};
pub use names::{AccountName, InvalidName, LocationName};
pub use oauth::{Credentials, Granted, Refused, granted, refresh};
pub use requests::{batch_get, list_categories, list_locations, location, set_categories};
pub use settings::{
    ADDITIONAL_CATEGORIES_MAX, EDITS_PER_MINUTE, GbpSettings, PAGE_SIZE, REQUESTS_PER_MINUTE, TOKEN_URL, read,
};

use crate::domain::connections::provider::{Mistake, Provider, SecretUse};
use crate::domain::ids::Entity;

/// Business profiles at Google.
pub const PROVIDER: Provider = Provider {
    name: "Google Business Profile",
    icon: "GB",
    colour: "#1a73e8",
    entities: &[Entity::LOCATIONS, Entity::CATEGORIES],
    settings: settings::SETTINGS,
    secret: SecretUse::Required,
    secret_about: "The OAuth client's secret and the refresh token of whoever agreed, with a space between",
    scheduled: true,
    sender: None,
    pull: None,
    check: |_, given| settings::read(given).map(drop),
    addresses: |_, _| Vec::new(),
    mistakes: &[
        Mistake {
            seen: "consent_revoked",
            remedy: "Whoever agreed took it back, changed their password, or the app is in testing, where consent lasts 7 days: let a manager of the account agree once more, and rotate the secret to the client's secret and the new refresh token",
        },
        Mistake {
            seen: "vendor_refused_credentials",
            remedy: "The secret is two words: the OAuth client's secret, and a refresh token that this client was given. The client's id is clientId here",
        },
        Mistake {
            seen: "vendor_not_permitted",
            remedy: "Whoever agreed manages no such account or location, the consent lacks the scope business.manage, or the project was not given access to the Business Profile APIs",
        },
        Mistake {
            seen: "nothing_listed",
            remedy: "account is not the account that has the locations: list the accounts of whoever agreed, and take the one with the group's name",
        },
        Mistake {
            seen: "page_invalid",
            remedy: "The API is at https://mybusinessbusinessinformation.googleapis.com/v1",
        },
        Mistake {
            seen: "source_busy",
            remedy: "The project's 300 requests a minute are shared by all connections with its clientId: set requestsPerMinute lower in each, or ask Google for more",
        },
        Mistake {
            seen: "source_unreadable",
            remedy: "Google did not answer, or failed: look at its status page; the next run tries again",
        },
    ],
};

#[cfg(test)]
mod tests;
