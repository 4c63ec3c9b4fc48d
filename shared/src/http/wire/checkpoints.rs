//! How far a connection's lists are, in the words of the warehouse API's clients: what their table `sync_checkpoints` had.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::Entity;
use crate::domain::runs::pulls::Checkpoint;
use crate::domain::time;

/// How far one list is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    /// `tenant/provider/name/entity`
    pub id: String,
    /// Whose.
    pub tenant_id: String,
    /// Which of its connections.
    pub brand_id: String,
    /// In capitals.
    pub provider: String,
    /// `products`, `inventory`, `orders`, `shipments`: the list, as clients call it.
    pub resource: String,
    /// The list, as runs call it.
    pub entity: String,
    /// Of a pull that works at it, where that goes on: the token or the number of the next page.
    pub last_cursor: Option<String>,
    /// When the last pull of it that went well was over. One that failed moves nothing.
    pub last_sync_at: Option<String>,
    /// Records from then on.
    pub record_count: u64,
    /// When the connection is due next by itself.
    pub next_sync_at: Option<String>,
    /// Beside it.
    pub metadata: CheckpointMetadata,
    /// When the connection was made.
    pub created_at: String,
    /// When this moved last.
    pub updated_at: String,
}

/// What else is known of how far a list is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointMetadata {
    /// From when on the next delta asks for changes, less two minutes.
    pub changes_since: Option<String>,
    /// When the last pull of all of it began.
    pub whole_at: Option<String>,
    /// The last run that pulled it to its end.
    pub last_run_id: Option<String>,
    /// The run that works at it.
    pub run_id: Option<String>,
}

impl CheckpointView {
    /// That of an entity of a connection.
    #[must_use]
    pub fn new(stored: &StoredConnection, checkpoint: &Checkpoint, now: jiff::Timestamp) -> Self {
        let Checkpoint { dataset, pulled, under_way } = checkpoint;
        let (connection, pulled) = (&stored.connection, pulled.as_ref());
        let ended = pulled.map(|pulled| time::text(pulled.ended_at));
        Self {
            id: dataset.to_string(),
            tenant_id: connection.tenant.to_string(),
            brand_id: connection.name.to_string(),
            provider: connection.provider.as_str().to_uppercase(),
            resource: resource(&dataset.entity),
            entity: dataset.entity.to_string(),
            last_cursor: under_way.as_ref().map(|(_, cursor)| cursor.clone()),
            last_sync_at: ended.clone(),
            record_count: pulled.map_or(0, |pulled| pulled.records),
            next_sync_at: stored.due_after(now).map(time::text),
            metadata: CheckpointMetadata {
                changes_since: pulled.map(|pulled| time::text(pulled.began_at)),
                whole_at: pulled.and_then(|pulled| pulled.whole_at).map(time::text),
                last_run_id: pulled.map(|pulled| pulled.run_id.to_string()),
                run_id: under_way.as_ref().map(|(run, _)| run.to_string()),
            },
            created_at: time::text(stored.created.at),
            updated_at: ended.unwrap_or_else(|| time::text(stored.created.at)),
        }
    }
}

/// Clients know one kind of shipment.
fn resource(entity: &Entity) -> String {
    if *entity == Entity::INBOUND_SHIPMENTS { "shipments".to_owned() } else { entity.to_string() }
}
