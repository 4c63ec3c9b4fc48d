//! The configured vendors.

use serde::Deserialize;

use crate::domain::canonical::VolatilePath;
use crate::domain::ids::{Connection, ConnectionName, Dataset, Entity, TenantId};

/// How a vendor is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Integration {
    /// A catalogue file that something else writes.
    #[default]
    Scraper,
    /// An API; not supported for catalogues yet.
    Api,
}

/// One vendor of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// The lower-case name in URLs and keys.
    pub slug: ConnectionName,
    /// The name people read.
    pub name: String,
    /// Whose vendor it is.
    pub tenant: TenantId,
    /// How it is reached.
    pub integration: Integration,
    /// Where its catalogue lies, unless a request names another source.
    pub source: Option<String>,
    /// Fields that change on every export and stay out of the item hash.
    pub volatile: Vec<VolatilePath>,
}

impl Vendor {
    /// The connection to its catalogue.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::catalogue(self.tenant.clone(), self.slug.clone())
    }
}

/// The one dataset of a catalogue.
#[must_use]
pub fn products(connection: &Connection) -> Dataset {
    connection.dataset(Entity::PRODUCTS)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    slug: String,
    name: Option<String>,
    tenant: Option<String>,
    #[serde(default, rename = "type")]
    integration: Integration,
    source: Option<String>,
    #[serde(default)]
    volatile: Vec<String>,
}

/// Reads the vendor list: a JSON array of `{"slug", "name", "source", "type", "tenant", "volatile": ["a.b"]}`.
///
/// # Errors
/// A text that says which vendor is wrong, and how.
pub fn parse_vendors(json: &str) -> Result<Vec<Vendor>, String> {
    let raw: Vec<Raw> = serde_json::from_str(json).map_err(|error| format!("not a JSON array of vendors: {error}"))?;
    let mut vendors: Vec<Vendor> = Vec::with_capacity(raw.len());
    for (index, entry) in raw.into_iter().enumerate() {
        let wrong = |what: &str| format!("vendor {} ({:?}): {what}", index + 1, entry.slug);
        let slug = ConnectionName::parse(&entry.slug).map_err(|error| wrong(&error.to_string()))?;
        let tenant = match &entry.tenant {
            Some(tenant) => TenantId::parse(tenant).map_err(|error| wrong(&error.to_string()))?,
            None => TenantId::default(),
        };
        let volatile: Option<Vec<VolatilePath>> = entry.volatile.iter().map(|path| VolatilePath::parse(path)).collect();
        let volatile = volatile.ok_or_else(|| wrong("a volatile path has an empty step"))?;
        if vendors.iter().any(|vendor| vendor.slug == slug && vendor.tenant == tenant) {
            return Err(wrong("the slug is listed twice"));
        }
        let source = entry.source.filter(|source| !source.trim().is_empty());
        let name = entry.name.unwrap_or_else(|| slug.as_str().to_uppercase());
        vendors.push(Vendor { slug, name, tenant, integration: entry.integration, source, volatile });
    }
    vendors.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(vendors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_list_says_which_vendor_and_why() {
        for (json, expected) in [
            ("{}", "not a JSON array"),
            (r#"[{"slug":"a/b"}]"#, "vendor 1 (\"a/b\")"),
            (r#"[{"slug":"a"},{"slug":"A"}]"#, "vendor 2 (\"A\"): the slug is listed twice"),
            (r#"[{"slug":"a","volatile":["x..y"]}]"#, "empty step"),
            (r#"[{"slug":"a","sauce":"x"}]"#, "unknown field `sauce`"),
        ] {
            let error = parse_vendors(json).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(parse_vendors(r#"[{"slug":"MOSCOT"}]"#).unwrap()[0].name, "MOSCOT");
    }

    #[test]
    fn a_slug_is_one_tenants_and_a_blank_source_is_none() {
        let json = r#"[{"slug":"b","source":"b.json"},{"slug":"a","source":" "},{"slug":"a","tenant":"globex"}]"#;
        let vendors = parse_vendors(json).unwrap();
        let found: Vec<_> = vendors.iter().map(|vendor| (vendor.slug.as_str(), vendor.source.as_deref())).collect();
        assert_eq!(found, [("a", None), ("a", None), ("b", Some("b.json"))]);
    }
}
