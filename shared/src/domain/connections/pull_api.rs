//! A vendor's API that is pulled, as data: how it is asked, how its lists are cut into pages, and what is in them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::domain::deliveries::version::Version;
use crate::domain::ids::{ConnectionName, Entity};
use crate::domain::pull::pages::Documentation;
use crate::domain::secret::Secret;

/// What is read of a vendor's API.
#[derive(Debug, Clone, Copy)]
pub struct PullApi {
    /// Where it is, unless a connection says otherwise. Paths are below it.
    pub base_url: &'static str,
    /// The headers that say who asks, by the connection's secrets, the current one first; or what is wrong with these.
    pub credentials: Credentials,
    /// How lists are cut.
    pub paging: Paging,
    /// Where the rows of a page are.
    pub rows: &'static str,
    /// Where the number of all rows is.
    pub total: Option<&'static str>,
    /// How many rows are asked for at once, and how many the vendor gives at most.
    pub page_rows: (u64, u64),
    /// How often it may be asked in a minute, and in an hour.
    pub rates: (u32, u32),
    /// The host that has its documents, and is taken for it.
    pub documentation: Option<Documentation>,
    /// What there is.
    pub entities: &'static [PullEntity],
}

/// Makes headers of secrets.
pub type Credentials = fn(&[Secret]) -> Result<Vec<SecretHeader>, &'static str>;

/// A header that says who asks.
pub type SecretHeader = (&'static str, Secret);

/// How a list is cut into pages. The texts are names of query parameters, or of fields of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By numbers, from 1.
    Numbered {
        /// The parameter of the number.
        number: &'static str,
        /// The parameter of the size.
        size: &'static str,
    },
    /// Each page names the next.
    Tokens {
        /// The parameter of the token.
        token: &'static str,
        /// The parameter of the size.
        size: &'static str,
        /// The field that has the next token.
        next: &'static str,
    },
}

/// One entity of an API.
#[derive(Debug, Clone)]
pub struct PullEntity {
    /// Which.
    pub entity: Entity,
    /// Its path below the API's.
    pub path: &'static str,
    /// The field that names a row, by name or dotted path.
    pub id: &'static str,
    /// The field that says when the vendor changed a row.
    pub updated: Option<&'static str>,
    /// The parameter by which rows are asked for that changed since.
    pub since: Option<&'static str>,
    /// Dotted paths of fields that change without meaning.
    pub volatile: &'static [&'static str],
    /// What a row is stored as.
    pub kept: Kept,
}

/// What a row is stored as.
#[derive(Debug, Clone, Copy)]
pub enum Kept {
    /// As it came.
    AsItCame,
    /// As the webhooks about the same thing: both meet in one record, of which the newer version by the vendor's time stays.
    AsWebhooks(Meeting),
}

/// Makes the record of a row, of the connection of this name, by a pull that began then; or says why it is none.
pub type Meeting = fn(&ConnectionName, &str, Timestamp) -> Result<Met, String>;

/// A row as webhooks about the same thing are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    /// What the record holds.
    pub fields: Map<String, Value>,
    /// When the vendor changed it.
    pub version: Version,
}

impl PullApi {
    /// One of its entities.
    #[must_use]
    pub fn entity(&self, entity: &Entity) -> Option<&PullEntity> {
        self.entities.iter().find(|known| known.entity == *entity)
    }

    /// Whether one of its entities has that name, as operators write it: in letters of either case.
    #[must_use]
    pub fn has_entity(&self, name: &str) -> bool {
        self.entities.iter().any(|known| known.entity.as_str().eq_ignore_ascii_case(name))
    }
}
