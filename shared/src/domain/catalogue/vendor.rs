//! The configured vendors.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::canonical::VolatilePath;
use crate::domain::catalogue::form::{BadRows, FieldPath, Form};
use crate::domain::ids::{Connection, ConnectionName, Dataset, Entity, TenantId};
use crate::domain::redact;
use crate::domain::runs::held::OnRemovals;

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
    /// Whether the deployment's configuration names it, and nobody's connection does.
    pub is_configured: bool,
    /// How it is reached.
    pub integration: Integration,
    /// Where its catalogue lies, unless a request names another source.
    pub source: Option<String>,
    /// Hosts that the source may redirect to, beside its own.
    pub hosts: Vec<String>,
    /// Fields that change on every export and stay out of the item hash.
    pub volatile: Vec<VolatilePath>,
    /// How its catalogue is written.
    pub form: Form,
    /// What becomes of a run that would remove a large share.
    pub on_removals: OnRemovals,
}

impl Vendor {
    /// The configured source as it is shown. Its query may be a credential; and a request that names the same place with a query of
    /// its own, which is masked otherwise, must not pass for it.
    #[must_use]
    pub fn shown_source(&self) -> Option<String> {
        self.source.as_deref().map(|source| redact::source(source).replace("?***", "?(configured)"))
    }

    /// Which source it is that is shown under a name: the configured one, or one that is what it is shown as.
    #[must_use]
    pub fn source_shown_as<'a>(&'a self, shown: &'a str) -> Asked<'a> {
        match &self.source {
            Some(source) if self.shown_source().as_deref() == Some(shown) => Asked::Configured(source),
            _ => Asked::Named(shown),
        }
    }

    /// The connection to its catalogue.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::catalogue(self.tenant.clone(), self.slug.clone())
    }
}

/// The text that names a source, and who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The operator who configured the vendor.
    Configured(&'a str),
    /// A request.
    Named(&'a str),
}

/// The one dataset of a catalogue.
#[must_use]
pub fn products(connection: &Connection) -> Dataset {
    connection.dataset(Entity::PRODUCTS)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object for each vendor")]
struct Raw {
    slug: String,
    name: Option<String>,
    tenant: Option<String>,
    #[serde(default, rename = "type")]
    integration: Integration,
    source: Option<String>,
    #[serde(default)]
    volatile: Vec<String>,
    id: Option<String>,
    items: Option<String>,
    total: Option<String>,
    #[serde(rename = "badRows")]
    bad_rows: Option<String>,
    removals: Option<String>,
}

/// Reads the vendor list: a JSON array of `{"slug", "name", "source", "type", "tenant", "volatile": ["a.b"]}`, and how each
/// catalogue is written: `{"id", "items", "total", "badRows"}`; `{"removals": "hold"}` has a run wait that would remove a large share.
///
/// # Errors
/// A text that says which vendor is wrong, and how.
pub fn parse_vendors(json: &str) -> Result<Vec<Vendor>, String> {
    // Of what is no list, serde speaks in its own words.
    if serde_json::from_str::<IgnoredAny>(json).is_ok() && !json.trim_start().starts_with('[') {
        return Err("it must be a JSON array of vendors, such as [{\"slug\": \"moscot\"}]".to_owned());
    }
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
        let path = |name: &str, text: &Option<String>| match text.as_deref().map(FieldPath::parse) {
            Some(None) => {
                Err(wrong(&format!("{name:?} must be a name or a dotted path of at most 8 steps, none of them empty")))
            }
            Some(path) => Ok(path),
            None => Ok(None),
        };
        let bad_rows = match entry.bad_rows.as_deref() {
            None | Some("fail") => BadRows::Fail,
            Some("setAside") => BadRows::SetAside,
            Some(other) => return Err(wrong(&format!("\"badRows\" must be \"fail\" or \"setAside\", not {other:?}"))),
        };
        let on_removals = OnRemovals::parse(entry.removals.as_deref()).ok_or_else(|| {
            let removals = entry.removals.as_deref().unwrap_or_default();
            wrong(&format!("\"removals\" must be \"fail\" or \"hold\", not {removals:?}"))
        })?;
        let form = Form {
            id: path("id", &entry.id)?,
            items: path("items", &entry.items)?,
            total: path("total", &entry.total)?,
            bad_rows,
        };
        if vendors.iter().any(|vendor| vendor.slug == slug && vendor.tenant == tenant) {
            return Err(wrong("the slug is listed twice"));
        }
        let source = entry.source.filter(|source| !source.trim().is_empty());
        let name = entry.name.unwrap_or_else(|| slug.as_str().to_uppercase());
        vendors.push(Vendor {
            slug,
            name,
            tenant,
            is_configured: true,
            integration: entry.integration,
            source,
            hosts: Vec::new(),
            volatile,
            form,
            on_removals,
        });
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
            ("{}", "it must be a JSON array of vendors, such as ["),
            ("[{]", "not a JSON array of vendors"),
            ("[5]", "expected an object for each vendor"),
            (r#"[{"slug":"a/b"}]"#, "vendor 1 (\"a/b\")"),
            (r#"[{"slug":"a"},{"slug":"A"}]"#, "vendor 2 (\"A\"): the slug is listed twice"),
            (r#"[{"slug":"a","volatile":["x..y"]}]"#, "empty step"),
            (r#"[{"slug":"a","sauce":"x"}]"#, "unknown field `sauce`"),
            (r#"[{"slug":"a","id":""}]"#, "vendor 1 (\"a\"): \"id\" must be a name or a dotted path"),
            (r#"[{"slug":"a","items":"data."}]"#, "\"items\" must be a name or a dotted path"),
            (r#"[{"slug":"a","total":"a.b.c.d.e.f.g.h.i"}]"#, "\"total\" must be a name or a dotted path"),
            (r#"[{"slug":"a","removals":"ask"}]"#, "\"removals\" must be \"fail\" or \"hold\", not \"ask\""),
            (r#"[{"slug":"a","badRows":"skip"}]"#, "\"badRows\" must be \"fail\" or \"setAside\", not \"skip\""),
        ] {
            let error = parse_vendors(json).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(parse_vendors(r#"[{"slug":"MOSCOT"}]"#).unwrap()[0].name, "MOSCOT");
    }

    #[test]
    fn a_vendor_says_how_its_catalogue_is_written() {
        let json = r#"[{"slug":"shop","id":"id","items":"data.products","total":"data.count","badRows":"setAside"}]"#;
        let form = &parse_vendors(json).unwrap()[0].form;
        let path = |text: &str| FieldPath::parse(text);
        let (id, items, total) = (path("id"), path("data.products"), path("data.count"));
        assert_eq!(*form, Form { id, items, total, bad_rows: BadRows::SetAside });
        assert_eq!(parse_vendors(r#"[{"slug":"a"}]"#).unwrap()[0].form, Form::default());
    }

    #[test]
    fn a_configured_source_is_found_by_what_it_is_shown_as() {
        let json = r#"[{"slug":"a","source":"https://shop.example/p.json?limit=250"}]"#;
        let vendor = &parse_vendors(json).unwrap()[0];
        let configured = Asked::Configured("https://shop.example/p.json?limit=250");
        let shown = vendor.shown_source().unwrap();
        assert_eq!(shown, "https://shop.example/p.json?(configured)");
        assert_eq!(vendor.source_shown_as(&shown), configured);
        // What a request names is masked before it is looked for.
        assert_ne!(redact::source(&shown), shown);
        for other in ["https://shop.example/p.json", "https://shop.example/p.json?***", "p.json?(configured)"] {
            assert_eq!(vendor.source_shown_as(other), Asked::Named(other));
        }
    }

    #[test]
    fn a_slug_is_one_tenants_and_a_blank_source_is_none() {
        let json = r#"[{"slug":"b","source":"b.json"},{"slug":"a","source":" "},{"slug":"a","tenant":"globex"}]"#;
        let vendors = parse_vendors(json).unwrap();
        let found: Vec<_> = vendors.iter().map(|vendor| (vendor.slug.as_str(), vendor.source.as_deref())).collect();
        assert_eq!(found, [("a", None), ("a", None), ("b", Some("b.json"))]);
    }
}
