//! Look: what Google lists over a connection, for people. Nothing is written but what protects Google, and the access token.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Google;
use crate::domain::ids::{Connection, Entity};
use crate::domain::pull::asked::Asked;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::kinds::pull::look::{Looked, NotLooked, Sight, Taken, Tried};
use crate::vendors::gbp::{Category, Location};

/// How many rows are shown.
const SHOWN_MAX: u64 = 20;

/// Tries to look at the locations that a connection means, or at the categories that there are.
pub async fn try_look(worker: &RunWorker, connection: &Connection, sight: Sight<'_>) -> Tried {
    let began_at = worker.runs.now();
    let mut google = match Google::of(worker, connection).await {
        Ok(google) => google,
        Err(fault) => {
            return Tried { base_url: None, took: Duration::ZERO, looked: Err(fault.into()), heard: None };
        }
    };
    let looked = look(&mut google, sight).await;
    Tried {
        base_url: Some(google.settings.base_url.clone()),
        took: since(began_at, worker.runs.now()),
        looked,
        heard: google.heard.take(),
    }
}

fn since(began_at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(began_at)).unwrap_or_default()
}

async fn look(google: &mut Google, sight: Sight<'_>) -> Result<Looked, NotLooked> {
    let entity = sight.entity.cloned().unwrap_or(Entity::LOCATIONS);
    let shown = usize::try_from(sight.rows.clamp(1, SHOWN_MAX)).unwrap_or(1);
    let (total, taken): (usize, Vec<Taken>) = if entity == Entity::LOCATIONS {
        let all = google.locations().await?;
        (all.len(), all.iter().take(shown).map(of_location).collect())
    } else if entity == Entity::CATEGORIES {
        let list = google.categories().await?;
        (list.all().len(), list.all().iter().take(shown).map(of_category).collect())
    } else {
        return Err(NotLooked::UnknownEntity(entity));
    };
    let fields = taken.first().map(|first| fields(&first.payload)).unwrap_or_default();
    Ok(Looked {
        entity,
        status: 200,
        asked: Asked::default(),
        rows: taken.len(),
        total: Some(total as u64),
        fields,
        taken,
        unmapped: Vec::new(),
    })
}

fn fields(payload: &str) -> Vec<String> {
    let row: Value = serde_json::from_str(payload).unwrap_or_default();
    row.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn taken(id: &str, row: &Value) -> Taken {
    Taken { id: id.to_owned(), payload: row.to_string(), changed_at: None, stands: None }
}

fn of_location(location: &Location) -> Taken {
    let named = |category: &Category| json!({"id": category.id, "name": category.name});
    let additional: Vec<Value> = location.additional.iter().map(named).collect();
    let row = json!({
        "name": location.name, "title": location.title, "primary": location.primary.as_ref().map(named),
        "additional": additional, "hasPendingEdits": location.has_pending_edits,
        "hasGoogleUpdated": location.has_google_updated,
    });
    taken(location.name.as_str(), &row)
}

fn of_category(category: &Category) -> Taken {
    taken(category.id.as_str(), &json!({"id": category.id, "name": category.name}))
}
