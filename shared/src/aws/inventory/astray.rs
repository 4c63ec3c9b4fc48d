//! Attributes by which an item is found among what is not its tenant's. Keys say whose an item is, and indexes run over all tenants: an item
//! of a file that somebody wrote could name another's place in one. What cannot be read there would keep others from being read.

use super::Stored;
use crate::aws::items::value;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::runs::run::Run;

/// Keys of indexes of what goes on at the moment, which no export has.
const OF_THE_MOMENT: [&str; 6] = ["open", "due_shard", "due_at", "attention", "failedRun", "rejected"];

impl Stored {
    /// What is wrong with where it would be found: a sentence about the item, or none.
    #[must_use]
    pub fn astray(&self) -> Option<String> {
        let kind = self.kind()?.0.name;
        let text = |name: &str| self.item.get(name).map(|value| value.as_s().map_or("", String::as_str));
        let is_of = |name: &str, of: &str| text(name).is_none() || kind == of;
        let pk = self.partition();
        let wrong = OF_THE_MOMENT.into_iter().find(|name| self.item.contains_key(*name));
        let wrong = wrong.or_else(|| (!is_of("dead", "dead letter")).then_some("dead"));
        let wrong = wrong.or_else(|| {
            let is_its_own = |status: &str| status.strip_prefix(pk).is_some_and(|rest| rest.starts_with('#'));
            let is_right = is_of("by_status", "run") && text("by_status").is_none_or(is_its_own);
            (!is_right).then_some("by_status")
        });
        let wrong = wrong.or_else(|| match self.as_connection() {
            Some(made) => {
                let connection = made.connection;
                let place = format!("{}/{}", connection.tenant, connection.name);
                let is_right = text("place") == Some(&place) && text("provider") == Some(connection.provider.as_str());
                (!is_right).then_some("place")
            }
            None => (text("place").is_some() || (kind == "connection")).then_some("place"),
        });
        if let Some(name) = wrong {
            return Some(format!("the item's attribute {name} would have it found among what is not its own"));
        }
        let is_readable = match kind {
            "run" if text("by_status").is_some() => value::<Run>(self.item.clone()).is_ok(),
            // Its body lies beside it, under the same kind and in no index.
            "dead letter" if text("dead").is_some() => value::<DeadLetter>(self.item.clone()).is_ok(),
            _ => true,
        };
        (!is_readable).then(|| format!("the item is no {kind} that this version could read"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::inventory::kinds::TableName;

    #[test]
    fn an_item_stands_in_indexes_under_its_own_name_alone() {
        let run = "018bcfe5-6800-7000-8000-000000000000";
        for (table, item, expected) in [
            (
                TableName::Runs,
                json!({"pk": "evil/catalogue/shop", "sk": run, "by_status": "default/catalogue/shop#error"}),
                "by_status",
            ),
            (TableName::Runs, json!({"pk": "evil/catalogue/shop", "sk": run, "open": "open"}), "open"),
            (
                TableName::Runs,
                json!({"pk": "evil/catalogue/shop", "sk": run, "by_status": "evil/catalogue/shop#error"}),
                "no run",
            ),
            (TableName::Journal, json!({"pk": "evil#dead-letters", "sk": "1-a", "dead": "dead"}), "no dead letter"),
        ] {
            let texts = item.as_object().unwrap().iter();
            let item = texts.map(|(name, value)| (name.clone(), json!({"S": value}))).collect();
            let stored = Stored::of_json(table, &serde_json::Value::Object(item)).unwrap();
            let said = stored.astray().unwrap();
            assert!(said.contains(expected), "{said}");
        }
    }
}
