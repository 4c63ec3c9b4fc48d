//! Runs as items: their keys, and what of one its holder writes.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use crate::aws::faults::AwsFault;
use crate::aws::items::{Item, item, key, number, text};
use crate::aws::meter;
use crate::aws::table::Table;
use crate::domain::ids::{Connection, RunId};
use crate::domain::retention::Retention;
use crate::domain::runs::run::{Run, SeenStatus};

/// The one key of the index `open`.
pub(super) const OPEN: &str = "open";

/// What the holder of a run writes of it. The rest is written once, at the start, or is others' to write.
const HOLDERS: [&str; 16] = [
    "status",
    "updatedAt",
    "deadlineFrom",
    "completedAt",
    "durationMs",
    "error",
    "attempts",
    "unconnected",
    "wait",
    "slices",
    "spent",
    "log",
    "held",
    "heldMs",
    "work",
    "expires_at",
];

pub(super) fn run_key(connection: &Connection, id: &RunId) -> Item {
    key(connection.to_string(), id.as_str())
}

pub(super) fn status_key(connection: &Connection, status: SeenStatus) -> String {
    format!("{connection}#{}", status.as_str())
}

/// When a run that is over goes. One that is not has no end, however often it is held, waits or is handed on.
fn goes(run: &Run, kept: Retention) -> Item {
    let ends = if run.status.is_over() { kept.ends(run.started_at, run.updated_at) } else { None };
    ends.map(|ends| ("expires_at".to_owned(), number(ends.as_second()))).into_iter().collect()
}

/// A new run.
pub(super) fn run_item(run: &Run, kept: Retention) -> Result<Item, AwsFault> {
    let mut keys = run_key(&run.connection, &run.id);
    keys.extend(goes(run, kept));
    keys.insert("by_status".into(), text(status_key(&run.connection, run.status.seen())));
    keys.insert("open".into(), text(OPEN));
    item(run, keys)
}

/// The update of all that a holder owns. An update, as a put would undo what others wrote since the holder read the run.
pub(super) fn holders_update(table: &Table, run: &Run, kept: Retention) -> Result<UpdateBuilder, AwsFault> {
    let mut fields = item(run, goes(run, kept))?;
    // Up to this very commit, where it is made in a slice.
    if let Some(spent) = meter::spent() {
        let spent = serde_dynamo::to_attribute_value(&spent);
        fields.insert("spent".into(), spent.map_err(|error| AwsFault::damaged("write run", error.to_string()))?);
    }
    let mut update = table
        .update(run_key(&run.connection, &run.id))
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":by_status", text(status_key(&run.connection, run.status.seen())));
    let (mut sets, mut removes) = (vec!["by_status = :by_status".to_owned()], Vec::new());
    for name in HOLDERS {
        update = update.expression_attribute_names(format!("#{name}"), name);
        match fields.remove(name) {
            Some(value) => {
                sets.push(format!("#{name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
            None => removes.push(format!("#{name}")),
        }
    }
    let mut expression = format!("SET {}", sets.join(", "));
    if !removes.is_empty() {
        expression.push_str(&format!(" REMOVE {}", removes.join(", ")));
    }
    Ok(update.update_expression(expression))
}
