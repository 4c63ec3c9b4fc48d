//! Names of things. Each can only hold what is safe in a key, a log line and a URL, and what is read from outside is
//! checked when it is deserialised.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest name, in bytes. Three of them and two slashes are the longest connection.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A name that is empty, too long, or holds what could change the meaning of a key.
    #[error("{0} must be 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, '-', '_' or '.', and not only dots")]
    Name(&'static str),
    /// A text that is not three names.
    #[error("a connection is tenant/provider/name")]
    Connection,
    /// A text that is not a connection and one more name.
    #[error("a dataset is tenant/provider/name/entity")]
    Dataset,
    /// A text that is not an id of a run.
    #[error("a run's id is a version 7 UUID")]
    Run,
}

fn plain(text: &str, what: &'static str) -> Result<Cow<'static, str>, InvalidId> {
    let text = text.trim().to_lowercase();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    // Clients take `.` and `..` out of a path (RFC 3986, section 5.2.4), so nothing could be asked for by such a name.
    let dots = text.bytes().all(|byte| byte == b'.');
    if dots || text.len() > NAME_BYTES_MAX || !text.bytes().all(allowed) {
        return Err(InvalidId::Name(what));
    }
    Ok(Cow::Owned(text))
}

/// Types that hold one name. Each is its own type, so that no two can change places.
macro_rules! names {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $what:literal { $($(#[doc = $constant_doc:literal])+ $constant:ident = $text:literal;)* }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[doc = $constant_doc])+ pub const $constant: Self = Self(Cow::Borrowed($text));)*

            /// Reads the name, case-insensitively.
            ///
            /// # Errors
            /// When it is empty, too long, or holds anything that could change the meaning of a key.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                plain(text, $what).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
}

names! {
    /// A customer. Everything stored belongs to one.
    TenantId = "a tenant id" {
        /// The tenant of clients that name none.
        DEFAULT = "default";
        /// The tenant of points of sale that name none.
        ANONYMOUS = "anonymous";
    }
    /// A kind of vendor system.
    ProviderId = "a provider" {
        /// Files that something else writes.
        CATALOGUE = "catalogue";
        /// Points of sale.
        POS = "pos";
        /// Property management.
        DOORLOOP = "doorloop";
        /// Google Business Profile.
        GBP = "gbp";
        /// The warehouse API.
        TRACKSTAR = "trackstar";
        /// Channels of Teams, for alerts.
        TEAMS = "teams";
        /// Signed webhooks that alerts are sent by. Not `webhook`, which a sender may be called.
        ALERT_WEBHOOK = "alert-webhook";
        /// Signed webhooks that say which runs are over.
        COMPLETION_WEBHOOK = "completion-webhook";
        /// Who is told each week how mirrors did, by mail.
        WEEKLY_DIGEST = "weekly-digest";
        /// No system that is synced: what watches the service, by its alarms.
        CLOUDWATCH = "cloudwatch";
        /// No system: what imports note is sealed under it.
        IMPORTS = "imports";
    }
    /// What tells a tenant's connections to one provider apart: a vendor's slug, a brand, an account.
    ConnectionName = "a connection's name" {
        /// What the hashes of imports are sealed under.
        HASHES = "hashes";
        /// What is of all tenants' connections, among the platform's own.
        ALL_TENANTS = "all-tenants";
        /// The one that is meant where a tenant has several to a provider and a call names none.
        MAIN = "main";
    }
    /// What is synced over a connection: products, orders, stock levels.
    Entity = "an entity" {
        /// What catalogues hold.
        PRODUCTS = "products";
        /// Stock levels, by sku.
        INVENTORY = "inventory";
        /// Shipments to a warehouse.
        INBOUND_SHIPMENTS = "inbound-shipments";
        /// Receipts of such shipments.
        INBOUND_SHIPMENT_RECEIPTS = "inbound-shipment-receipts";
        /// Orders of a shop's customers.
        ORDERS = "orders";
        /// Who owns properties.
        OWNERS = "owners";
        /// Buildings and plots.
        PROPERTIES = "properties";
        /// Flats and rooms of properties.
        UNITS = "units";
        /// Contracts over units.
        LEASES = "leases";
        /// Who lives in units.
        TENANTS = "tenants";
        /// Places of a business.
        LOCATIONS = "locations";
        /// What a place of business is.
        CATEGORIES = "categories";
    }
}

impl ProviderId {
    /// The providers that have a name of their own. All other names are those of senders of any name.
    pub const NAMED: [Self; 9] = [
        Self::ALERT_WEBHOOK,
        Self::CATALOGUE,
        Self::COMPLETION_WEBHOOK,
        Self::DOORLOOP,
        Self::GBP,
        Self::POS,
        Self::TEAMS,
        Self::TRACKSTAR,
        Self::WEEKLY_DIGEST,
    ];
}

impl Default for TenantId {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One tenant's link to one provider. Its text, `tenant/provider/name`, starts every key of what it owns: no read can
/// reach another tenant's rows without naming that tenant (I6). No name holds a slash, so no two connections share a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Connection {
    /// Whose it is.
    pub tenant: TenantId,
    /// To which kind of system it leads.
    pub provider: ProviderId,
    /// Which of the tenant's connections to the provider it is.
    pub name: ConnectionName,
}

impl Connection {
    /// The connection of a tenant to a provider.
    #[must_use]
    pub fn new(tenant: TenantId, provider: ProviderId, name: ConnectionName) -> Self {
        Self { tenant, provider, name }
    }

    /// The connection to a vendor's catalogue.
    #[must_use]
    pub fn catalogue(tenant: TenantId, vendor: ConnectionName) -> Self {
        Self::new(tenant, ProviderId::CATALOGUE, vendor)
    }

    /// One of its entities.
    #[must_use]
    pub fn dataset(&self, entity: Entity) -> Dataset {
        Dataset { connection: self.clone(), entity }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.tenant, self.provider, self.name)
    }
}

impl FromStr for Connection {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut names = text.split('/');
        let (Some(tenant), Some(provider), Some(name), None) = (names.next(), names.next(), names.next(), names.next())
        else {
            return Err(InvalidId::Connection);
        };
        Ok(Self::new(TenantId::parse(tenant)?, ProviderId::parse(provider)?, ConnectionName::parse(name)?))
    }
}

impl TryFrom<String> for Connection {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Connection> for String {
    fn from(connection: Connection) -> Self {
        connection.to_string()
    }
}

/// One entity of one connection: what manifest, segments, records and effects are keyed by. Its text is
/// `tenant/provider/name/entity`; so two entities of a connection that use the same id never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dataset {
    /// Over which connection it is synced.
    pub connection: Connection,
    /// What it holds.
    pub entity: Entity,
}

impl fmt::Display for Dataset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.connection, self.entity)
    }
}

impl FromStr for Dataset {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (connection, entity) = text.rsplit_once('/').ok_or(InvalidId::Dataset)?;
        Ok(Self { connection: connection.parse().map_err(|_| InvalidId::Dataset)?, entity: Entity::parse(entity)? })
    }
}

impl TryFrom<String> for Dataset {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Dataset> for String {
    fn from(dataset: Dataset) -> Self {
        dataset.to_string()
    }
}

/// A run's id: a version 7 UUID (RFC 9562), so that ids sort by start time and serve as sort keys and cursors.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The id of a run that starts at `at`; `random` keeps two of the same millisecond apart.
    #[must_use]
    pub fn new(at: Timestamp, random: [u8; 16]) -> Self {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        Self(uuid::Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid().to_string())
    }

    /// The id of a run that starts at `at`, or of the next millisecond after another one where that is not later: it sorts behind that one.
    #[must_use]
    pub fn behind(other: &Self, at: Timestamp, random: [u8; 16]) -> Self {
        let next = other.started_at().map_or(0, |started| started.as_millisecond() + 1);
        Self::new(Timestamp::from_millisecond(next).unwrap_or(at).max(at), random)
    }

    /// Reads an id that a client sent; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text.trim()).ok()?;
        (id.get_version_num() == 7).then(|| Self(id.to_string()))
    }

    /// The smallest id of a run that started at `at` or later.
    #[must_use]
    pub fn lowest(at: Timestamp) -> String {
        let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let hex = format!("{:012x}", millisecond & 0xFFFF_FFFF_FFFF);
        format!("{}-{}", &hex[..8], &hex[8..])
    }

    /// A text that sorts after every id of a run that started at `at` or earlier.
    #[must_use]
    pub fn highest(at: Timestamp) -> String {
        format!("{}~", Self::lowest(at))
    }

    /// When the run started, read back from the id.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        let hex: String = self.0.chars().filter(|character| *character != '-').take(12).collect();
        Timestamp::from_millisecond(i64::from_str_radix(&hex, 16).ok()?).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text).ok_or(InvalidId::Run)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_start_and_bounds_enclose_their_millisecond() {
        let early = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let late = Timestamp::from_millisecond(1_700_000_000_001).unwrap();
        let (a, b) = (RunId::new(early, [0xFF; 16]), RunId::new(late, [0; 16]));
        assert_eq!(RunId::parse(&a.to_string()), Some(a.clone()));
        assert!(a < b);
        assert_eq!(a.started_at(), Some(early));
        assert!(RunId::lowest(early).as_str() < a.as_str() && a.as_str() < RunId::highest(early).as_str());
        assert!(RunId::highest(early).as_str() < b.as_str());
        for at in [early, late, Timestamp::UNIX_EPOCH] {
            assert!(RunId::behind(&a, at, [0; 16]) > a);
        }
        let long_after = Timestamp::from_millisecond(1_700_000_000_009).unwrap();
        assert_eq!(RunId::behind(&a, long_after, [0; 16]), RunId::new(long_after, [0; 16]));
    }

    #[test]
    fn a_name_is_lower_cased_and_nothing_that_splits_a_key_passes() {
        assert_eq!(ConnectionName::parse(" MOSCOT ").unwrap().as_str(), "moscot");
        let longest = "x".repeat(NAME_BYTES_MAX);
        assert_eq!(Entity::parse(&longest).unwrap().as_str(), longest);
        for bad in ["", "  ", "a/b", "a#b", "æ", "a b", "a\0b", &format!("{longest}x")] {
            assert_eq!(TenantId::parse(bad), Err(InvalidId::Name("a tenant id")), "{bad:?}");
        }
    }

    #[test]
    fn constants_are_names() {
        for text in [TenantId::DEFAULT.as_str(), TenantId::ANONYMOUS.as_str()] {
            assert_eq!(TenantId::parse(text).unwrap().as_str(), text);
        }
        for provider in [ProviderId::CATALOGUE, ProviderId::POS, ProviderId::TRACKSTAR] {
            assert_eq!(ProviderId::parse(provider.as_str()), Ok(provider));
        }
        let shipments = [Entity::INBOUND_SHIPMENTS, Entity::INBOUND_SHIPMENT_RECEIPTS];
        for entity in [Entity::PRODUCTS, Entity::INVENTORY].into_iter().chain(shipments) {
            assert_eq!(Entity::parse(entity.as_str()), Ok(entity));
        }
    }

    #[test]
    fn a_connection_is_three_names_and_a_dataset_one_more() {
        let connection: Connection = "Acme/catalogue/moscot".parse().unwrap();
        assert_eq!(
            connection,
            Connection::catalogue(TenantId::parse("acme").unwrap(), ConnectionName::parse("moscot").unwrap())
        );
        assert_eq!(connection.to_string(), "acme/catalogue/moscot");
        assert_eq!(connection.dataset(Entity::PRODUCTS).to_string(), "acme/catalogue/moscot/products");
        for bad in ["", "acme", "acme/catalogue", "acme/catalogue/", "//", "a/b/c/d", "a/b/c#d"] {
            assert!(bad.parse::<Connection>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_read_from_outside_is_checked_when_it_is_deserialised() {
        fn check<T: serde::de::DeserializeOwned + Serialize>(good: &str, bad: &[&str]) {
            let read: T = serde_json::from_value(good.into()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), good);
            for bad in bad {
                assert!(serde_json::from_value::<T>((*bad).into()).is_err(), "{bad} passed");
            }
        }
        let names = ["a/b", "a#b", "", ".", ".."];
        check::<TenantId>("acme", &names);
        check::<ProviderId>("pos", &names);
        check::<ConnectionName>("north", &names);
        check::<Entity>("orders", &names);
        check::<Connection>("acme/pos/north", &["acme/pos", "acme/pos/north/x", "acme//north"]);
        check::<Dataset>("acme/pos/north/sales", &["acme/pos/north", "sales", "acme/pos/north/", "a/b/c/d/e"]);
        let version_4 = "5fea7756-0ea4-451a-a703-a558b933e274";
        check::<RunId>("018bcfe5-6800-7000-8000-000000000000", &["", "x", "018bcfe5", version_4]);
    }
}
