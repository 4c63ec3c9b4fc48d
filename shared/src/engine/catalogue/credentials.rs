//! Credentials of a vendor, as the pages of the vendor sync write them: where it is, and the key that it is asked with. They are a
//! part of its connection, which is changed as operators change it; a crash leaves what [`change`] says.

use serde_json::Value;

use crate::domain::connections::provider::Settings;
use crate::domain::connections::stored::{ChangeError, KeptBy, Knows, StoredConnection, Wanted};
use crate::domain::ids::Connection;
use crate::domain::secret::Secret;
use crate::engine::connections::change::{Deed, change};
use crate::engine::connections::desk::{Desk, Refused};
use crate::engine::connections::secrets::Given;
use crate::engine::connections::tries::{TRIES_MAX, pause};
use crate::engine::operators::Operator;
use crate::vendors::catalogue::provider::vendor;

/// Where a vendor is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Where it was.
    Kept,
    /// Nowhere: only requests that name a source can sync it.
    Nowhere,
    /// A catalogue that something else writes.
    File(String),
    /// An API.
    Api(String),
}

/// What is to be changed of a vendor's credentials.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where it is.
    pub place: Place,
    /// The key, in place of the one that it has; that one stays where none is given.
    pub api_key: Option<Secret>,
}

/// Changes a vendor's credentials, and nothing else of its connection.
///
/// # Errors
/// When it is refused, or AWS fails.
pub async fn set_credentials(
    desk: &Desk,
    operator: &Operator,
    connection: &Connection,
    credentials: &Credentials,
) -> Result<StoredConnection, Refused> {
    let secrets = credentials.api_key.clone().map(|current| Given { current, previous: None });
    for tries in 0..TRIES_MAX {
        let before = desk.store.read(connection).await.map_err(Refused::Unread)?.ok_or(Refused::NotFound)?;
        let wanted = Wanted {
            display_name: Some(before.display_name.clone()),
            settings: placed(&before, &credentials.place),
            schedule: Some(before.schedule.clone()),
            kept_by: KeptBy::Operators,
        };
        let deed = Deed::Put { wanted, secrets: secrets.clone(), active: None };
        match change(desk, operator, connection, Knows::Version(before.version), &deed).await {
            Ok(changed) => return Ok(changed.connection),
            // What somebody else wrote meanwhile is read, and kept.
            Err(Refused::Change(ChangeError::Stale(_))) => pause(&desk.operators, tries).await,
            Err(refused) => return Err(refused),
        }
    }
    Err(Refused::Contended)
}

fn placed(before: &StoredConnection, place: &Place) -> Settings {
    let mut settings = before.settings.clone();
    let (kind, source) = match place {
        Place::Kept => return settings,
        Place::Nowhere => {
            settings.remove("source");
            return settings;
        }
        Place::File(source) => ("SCRAPER", source),
        Place::Api(source) => ("API", source),
    };
    settings.insert("type".to_owned(), Value::from(kind));
    // A page sends back what it was shown, of which a part may be masked.
    let shown = vendor(before).ok().and_then(|vendor| vendor.shown_source());
    if shown.as_deref() != Some(source.as_str()) {
        settings.insert("source".to_owned(), Value::from(source.as_str()));
    }
    settings
}
