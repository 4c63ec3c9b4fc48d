//! What was imported of each source of connections, in their table under `@imports` and the source.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::items::{conditional, item, key, number, value};
use crate::aws::table::Table;
use crate::domain::connections::sealed::Sealed;
use crate::domain::ids::Connection;
use crate::domain::time;
use crate::environment::{Environment, StartError};

/// What was imported of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The hash of what was imported to its end; none while an import is under way. It is sealed: the environment has secrets in it, and
    /// of a plain hash a short one is found by trying all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Sealed>,
    /// All that the source may keep: written before the first of them is made, so that none is forgotten.
    pub connections: Vec<Connection>,
    /// When it is imported again though it is the same, as something of it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::optional")]
    pub again: Option<Timestamp>,
    /// Some of what operators keep and the source names: once one of them is gone, it is imported again at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_the_way: Vec<Connection>,
    /// How far an import came whose time did not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
    /// The hash of what was wrong last, and how, so that it is said once; sealed for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Sealed>,
    /// One more with each write.
    pub version: u64,
}

/// Up to where connections were found to be as a source has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The hash of what is imported, sealed. Of another text nothing was looked at.
    pub hash: Sealed,
    /// The last one.
    pub to: Connection,
}

/// What was imported.
#[derive(Clone, Debug)]
pub struct Imports(Table);

impl Imports {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONNECTIONS_TABLE").map(Self)
    }

    /// What was imported of a source; nothing of one that never was.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, source: &str) -> Result<Imported, AwsFault> {
        let found = self.0.read(key("@imports", source), "read import").await?;
        Ok(found.map(value).transpose()?.unwrap_or_default())
    }

    /// Writes what was imported, one version on. None where another import has written meanwhile.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep(&self, source: &str, imported: Imported) -> Result<Option<Imported>, AwsFault> {
        let next = Imported { version: imported.version + 1, ..imported };
        let put = self.0.put_item(item(&next, key("@imports", source))?);
        let put = match imported.version {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            version => {
                put.condition_expression("version = :version").expression_attribute_values(":version", number(version))
            }
        };
        Ok(conditional(put.send().await, "write import")?.map(|_| next))
    }
}
