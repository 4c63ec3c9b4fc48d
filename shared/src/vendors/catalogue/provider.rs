//! Catalogues as a provider: what a connection to one is told.

use serde_json::Value;

use crate::domain::canonical::VolatilePath;
use crate::domain::catalogue::form::{BadRows, FieldPath, Form};
use crate::domain::catalogue::vendor::{Integration, Vendor};
use crate::domain::connections::provider::{
    Mistake, Provider, SecretUse, Setting, SettingKind, Settings, WrongSetting,
};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, Entity};
use crate::domain::runs::held::OnRemovals;
use crate::vendors::hosts::Host;

/// Catalogue files that something else writes.
pub const PROVIDER: Provider = Provider {
    name: "Catalogue",
    icon: "CA",
    colour: "#2563eb",
    entities: &[Entity::PRODUCTS],
    settings: &[
        Setting {
            name: "source",
            kind: SettingKind::Text,
            required: false,
            about: "Where the catalogue lies: a path below the catalogue root, s3://bucket/key, or https://host/path",
        },
        Setting {
            name: "hosts",
            kind: SettingKind::Texts,
            required: false,
            about: "Hosts that an https source may redirect to, beside its own: shop.example or shop.example:8443",
        },
        Setting {
            name: "type",
            kind: SettingKind::Choice(&["SCRAPER", "API"]),
            required: false,
            about: "How the vendor is reached: a file that something else writes, or an API, which cannot be synced yet",
        },
        Setting {
            name: "volatile",
            kind: SettingKind::Texts,
            required: false,
            about: "Dotted paths of fields that change on every export and count for nothing",
        },
        Setting {
            name: "id",
            kind: SettingKind::Text,
            required: false,
            about: "The field that names a row, by name or dotted path; catalogId where none is given",
        },
        Setting {
            name: "items",
            kind: SettingKind::Text,
            required: false,
            about: "Where the list is, in an object around it",
        },
        Setting {
            name: "total",
            kind: SettingKind::Text,
            required: false,
            about: "Where the number of all rows is, as a proof that the list is whole",
        },
        Setting {
            name: "badRows",
            kind: SettingKind::Choice(&["fail", "setAside"]),
            required: false,
            about: "What becomes of a row that cannot be read: the run fails, or goes on without it and removes nothing",
        },
        REMOVALS,
    ],
    secret: SecretUse::Optional,
    secret_about: "The key of a vendor's API, kept for when such vendors can be synced; a file is read without",
    scheduled: true,
    sender: None,
    pull: None,
    check: |connection, settings| read(connection, "", settings).map(drop),
    addresses: |_, _| Vec::new(),
    mistakes: &[
        Mistake {
            seen: "source_not_allowed",
            remedy: "The file must lie below the catalogue root, the bucket in CATALOG_BUCKETS; a redirect must lead to the source's own host or one of hosts, and both be in CATALOG_HOSTS where that is set",
        },
        Mistake {
            seen: "source_not_public",
            remedy: "The host has an address of a private network. Have the catalogue written to a bucket, or to a host on the internet",
        },
        Mistake {
            seen: "removals_refused",
            remedy: "Much of the list is gone. Look at the source; if it is meant, sync once with allowRemovals",
        },
        Mistake {
            seen: "the list is an object",
            remedy: "Set items to the name of the field that holds the list, such as products",
        },
    ],
};

/// What becomes of a run that would remove a large share.
pub const REMOVALS: Setting = Setting {
    name: "removals",
    kind: SettingKind::Choice(OnRemovals::CHOICES),
    required: false,
    about: "What becomes of a run that would remove a large share: it fails, or waits up to 72 hours until somebody approves",
};

/// The vendor that a connection is.
///
/// # Errors
/// When a setting is not what it must be: settings are checked when they are stored, so a version before this one stored it.
pub fn vendor(stored: &StoredConnection) -> Result<Vendor, WrongSetting> {
    read(&stored.connection, &stored.display_name, &stored.settings)
}

fn read(connection: &Connection, name: &str, settings: &Settings) -> Result<Vendor, WrongSetting> {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    let path = |name: &'static str| match text(name).map(FieldPath::parse) {
        Some(None) => {
            Err(WrongSetting::new(name, "must be a name or a dotted path of at most 8 steps, none of them empty"))
        }
        found => Ok(found.flatten()),
    };
    let hosts = settings.get("hosts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let hosts: Vec<String> = hosts.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    for host in &hosts {
        Host::parse(host).map_err(|why| WrongSetting::new("hosts", why))?;
    }
    let volatile = settings.get("volatile").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let volatile: Option<Vec<VolatilePath>> =
        volatile.iter().map(|path| VolatilePath::parse(path.as_str().unwrap_or_default())).collect();
    Ok(Vendor {
        slug: connection.name.clone(),
        name: name.to_owned(),
        tenant: connection.tenant.clone(),
        is_configured: false,
        integration: if text("type") == Some("API") { Integration::Api } else { Integration::Scraper },
        source: text("source").map(str::to_owned),
        hosts,
        volatile: volatile.ok_or_else(|| WrongSetting::new("volatile", "has a path with an empty step"))?,
        form: Form {
            id: path("id")?,
            items: path("items")?,
            total: path("total")?,
            bad_rows: if text("badRows") == Some("setAside") { BadRows::SetAside } else { BadRows::Fail },
        },
        on_removals: OnRemovals::parse(text(REMOVALS.name)).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_those_of_a_vendor() {
        let connection: Connection = "acme/catalogue/shop".parse().unwrap();
        let settings = json!({"source": "https://shop.example/p.json", "type": "scraper", "volatile": ["a.b"], "id": "id",
            "items": "products", "total": "count", "badRows": "setAside"});
        let settings = PROVIDER.checked(&connection, settings.as_object().unwrap()).unwrap();
        let vendor = read(&connection, "Shop", &settings).unwrap();
        let path = FieldPath::parse;
        let form = Form { id: path("id"), items: path("products"), total: path("count"), bad_rows: BadRows::SetAside };
        assert_eq!((vendor.form, vendor.integration), (form, Integration::Scraper));
        assert_eq!((vendor.name.as_str(), vendor.slug.as_str(), vendor.tenant.as_str()), ("Shop", "shop", "acme"));
        assert_eq!((vendor.source.as_deref(), vendor.volatile.len()), (Some("https://shop.example/p.json"), 1));
        for wrong in [
            json!({"hosts": ["https://a.example"]}),
            json!({"id": "a..b"}),
            json!({"volatile": ["a."]}),
            json!({"badRows": "skip"}),
            json!({"sauce": "x"}),
        ] {
            assert!(PROVIDER.checked(&connection, wrong.as_object().unwrap()).is_err(), "{wrong}");
        }
    }
}
