//! Recipients: whom a connection names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::connections::provider::{Setting, SettingKind, Settings, WrongSetting};
use crate::domain::connections::stored::StoredConnection;
use crate::domain::ids::{Connection, ProviderId, TenantId};

/// So many addresses a connection may name.
pub const ADDRESSES_MAX: usize = 20;
/// The longest address, in bytes (RFC 5321).
const ADDRESS_BYTES_MAX: usize = 254;

/// Who is written to.
pub const TO: Setting = Setting {
    name: "to",
    kind: SettingKind::Texts,
    required: true,
    about: "Who is written to each Monday: up to 20 addresses, as in ada@shop.example",
};
/// What is told.
pub const OF: Setting = Setting {
    name: "of",
    kind: SettingKind::Choice(&["tenant", "platform"]),
    required: false,
    about: "Whose mirrors it is of: the tenant's own, or those of all tenants, for the default tenant alone. tenant where it is left out",
};
/// What a channel of Teams is told.
pub const WEEKLY: Setting = Setting {
    name: "weeklyDigest",
    kind: SettingKind::Choice(&["tenant", "platform"]),
    required: false,
    about: "Whether the channel is told each Monday how the mirrors did: the tenant's own, or those of all tenants, for the default tenant alone",
};

/// Whose mirrors a digest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The tenant's.
    Tenant,
    /// All tenants'.
    Platform,
}

impl Scope {
    /// Its name, in keys and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Platform => "platform",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tenant, Self::Platform].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "at")]
pub enum Address {
    /// By mail.
    Mail(String),
    /// Over a channel of Teams, by the name of its connection.
    Teams(String),
}

impl Address {
    /// The address as text, in keys and answers.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Mail(address) => address.clone(),
            Self::Teams(name) => format!("teams/{name}"),
        }
    }
}

/// A recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// The connection that names it.
    pub connection: Connection,
    /// Whose mirrors it is told of.
    pub scope: Scope,
    /// Who.
    pub address: Address,
}

/// An address as it is kept: without what surrounds it, and the host in lower case.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, host) = text.rsplit_once('@')?;
    let is_plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || more.contains(one))
    };
    let is_one = is_plain(name, ".!#$%&'*+-/=?^_`{|}~") && is_plain(host, ".-") && host.contains('.');
    let are_parts = |text: &str| text.split('.').all(|part| !part.is_empty());
    let is_kept = is_one && are_parts(name) && are_parts(host) && text.len() <= ADDRESS_BYTES_MAX;
    is_kept.then(|| format!("{name}@{}", host.to_ascii_lowercase()))
}

fn scope(settings: &Settings, setting: &Setting) -> Option<Scope> {
    settings.get(setting.name).and_then(Value::as_str).and_then(Scope::parse)
}

fn of_all_for_operators_alone(tenant: &TenantId, settings: &Settings, setting: &Setting) -> Result<(), WrongSetting> {
    if scope(settings, setting) == Some(Scope::Platform) && *tenant != TenantId::DEFAULT {
        return Err(WrongSetting::new(setting.name, "may be platform for the default tenant alone"));
    }
    Ok(())
}

/// Looks at what a digest's connection says.
///
/// # Errors
/// What is wrong with it.
pub fn check(connection: &Connection, settings: &Settings) -> Result<(), WrongSetting> {
    of_all_for_operators_alone(&connection.tenant, settings, &OF)?;
    let given: Vec<&str> =
        settings.get(TO.name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !(1..=ADDRESSES_MAX).contains(&given.len()) {
        return Err(WrongSetting::new(TO.name, format!("must be 1 to {ADDRESSES_MAX} addresses")));
    }
    if given.iter().any(|text| address(text).is_none()) {
        return Err(WrongSetting::new(TO.name, "must be addresses, as in ada@shop.example"));
    }
    Ok(())
}

/// Looks at what a channel of Teams says of digests.
///
/// # Errors
/// What is wrong with it.
pub fn check_channel(connection: &Connection, settings: &Settings) -> Result<(), WrongSetting> {
    of_all_for_operators_alone(&connection.tenant, settings, &WEEKLY)
}

/// Whom a connection names; nobody where it is none that does, or is paused.
#[must_use]
pub fn recipients(stored: &StoredConnection) -> Vec<Recipient> {
    let (connection, settings) = (&stored.connection, &stored.settings);
    let one = |scope: Scope, address: Address| Recipient { connection: connection.clone(), scope, address };
    if !stored.is_active() {
        return Vec::new();
    }
    if connection.provider == ProviderId::TEAMS {
        let address = Address::Teams(connection.name.to_string());
        return scope(settings, &WEEKLY).into_iter().map(|scope| one(scope, address.clone())).collect();
    }
    if connection.provider != ProviderId::WEEKLY_DIGEST {
        return Vec::new();
    }
    let scope = scope(settings, &OF).unwrap_or(Scope::Tenant);
    let to = settings.get(TO.name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    to.filter_map(address).map(|address| one(scope, Address::Mail(address))).collect()
}
