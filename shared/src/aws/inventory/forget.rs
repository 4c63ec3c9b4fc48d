//! How a tenant is taken out of what is of all tenants, so that the rest stays as it is.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Stored;
use crate::aws::items::{Item, number, text};
use crate::domain::ids::TenantId;

/// Whose a row of the log of all mirrors is once its tenant was erased: it is counted still, as its counters are of all tenants. It is a
/// name, as whoever reads the log wants one.
const NOBODY: &str = "erased";
/// What such a row has besides. A tenant may have that name, and its rows have not.
pub(super) const IS_NOBODYS: &str = "erased";
/// What of such a row may say more than that there was one.
const OF_ROWS: [&str; 2] = ["error", "reason"];

/// What is to be done to an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Forgotten {
    /// It goes: it is only a place from which somebody goes on, and they begin anew without it.
    Item,
    /// This attribute goes.
    Attribute(&'static str),
    /// This is what is left.
    Rest(Item),
}

impl Stored {
    /// What is to be done so that the tenant is in it no more; none where it is not in it, or nothing is done to such an item.
    #[must_use]
    pub fn without(&self, tenant: &TenantId) -> Option<Forgotten> {
        let (kind, owner) = self.kind()?;
        let tenant = tenant.as_str();
        match kind.name {
            "mirror among all" => {
                owner.filter(|owner| owner.as_str() == tenant)?;
                let mut rest = self.item.clone();
                rest.retain(|name, _| !OF_ROWS.contains(&name.as_str()));
                rest.insert("tenantId".into(), text(NOBODY));
                rest.insert(IS_NOBODYS.into(), AttributeValue::Bool(true));
                Some(Forgotten::Rest(rest))
            }
            "handed out" | "cursor of alerts" | "cursor of the watchdog" | "round of digests" => {
                self.item.values().any(|value| leads_to(value, tenant)).then_some(Forgotten::Item)
            }
            // One that is open moves on by itself, and its place with it.
            "fan-out" => {
                self.item.get("cursor").filter(|cursor| leads_to(cursor, tenant))?;
                Some(Forgotten::Attribute("cursor"))
            }
            "import" | "flags of all" => {
                let (key, mut rest): (Item, Item) =
                    self.item.clone().into_iter().partition(|(name, _)| ["pk", "sk"].contains(&name.as_str()));
                if !rest.values().any(|value| leads_to(value, tenant)) {
                    return None;
                }
                rest = rest.iter().filter_map(|(name, value)| Some((name.clone(), left(value, tenant)?))).collect();
                rest.extend(key);
                let version = rest.get("version").and_then(|version| version.as_n().ok()?.parse::<u64>().ok());
                rest.insert("version".into(), number(version.unwrap_or_default() + 1));
                Some(Forgotten::Rest(rest))
            }
            _ => None,
        }
    }
}

/// Whether a value is a tenant, or something of it, as keys are written.
fn is_of(text: &str, tenant: &str) -> bool {
    text.strip_prefix(tenant).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
}

/// Whether a value has a tenant in it as a place, at any depth.
fn leads_to(value: &AttributeValue, tenant: &str) -> bool {
    match value {
        AttributeValue::S(text) => is_of(text, tenant),
        AttributeValue::Ss(texts) => texts.iter().any(|text| is_of(text, tenant)),
        AttributeValue::L(items) => items.iter().any(|item| leads_to(item, tenant)),
        AttributeValue::M(members) => members.values().any(|member| leads_to(member, tenant)),
        _ => false,
    }
}

/// What is left of a value: members of lists and sets go, and a map that says where somebody was goes as a whole.
fn left(value: &AttributeValue, tenant: &str) -> Option<AttributeValue> {
    Some(match value {
        AttributeValue::S(text) if is_of(text, tenant) => return None,
        AttributeValue::Ss(texts) => {
            let rest: Vec<String> = texts.iter().filter(|text| !is_of(text, tenant)).cloned().collect();
            // A table takes no empty set.
            return (!rest.is_empty()).then_some(AttributeValue::Ss(rest));
        }
        AttributeValue::L(items) => AttributeValue::L(items.iter().filter_map(|item| left(item, tenant)).collect()),
        AttributeValue::M(members) => {
            let is_place = |value: &AttributeValue| value.as_s().is_ok_and(|text| is_of(text, tenant));
            if members.values().any(is_place) {
                return None;
            }
            let rest = members.iter().filter_map(|(name, value)| Some((name.clone(), left(value, tenant)?)));
            AttributeValue::M(rest.collect::<HashMap<_, _>>())
        }
        other => other.clone(),
    })
}

/// Whether a value names a tenant anywhere in a text, as a word of its own: names have letters, digits, `-`, `_` and `.`.
pub(super) fn names(value: &AttributeValue, tenant: &str) -> bool {
    match value {
        AttributeValue::S(text) => is_word_of(text, tenant),
        AttributeValue::Ss(texts) => texts.iter().any(|text| is_word_of(text, tenant)),
        AttributeValue::L(items) => items.iter().any(|item| names(item, tenant)),
        AttributeValue::M(members) => {
            members.iter().any(|(name, member)| is_word_of(name, tenant) || names(member, tenant))
        }
        _ => false,
    }
}

fn is_word_of(text: &str, word: &str) -> bool {
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|behind| behind.chars().next());
        !before.is_some_and(of_name) && !behind.is_some_and(of_name)
    })
}
