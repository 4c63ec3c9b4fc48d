//! The last connection test of each vendor, in the control table under the connection, `test`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::clients::Clients;
use crate::aws::faults::AwsFault;
use crate::aws::items::{item, key, value};
use crate::aws::table::Table;
use crate::domain::ids::Connection;
use crate::environment::{Environment, StartError};

/// What a connection test found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VendorTest {
    /// When it ran.
    #[serde(with = "crate::domain::time")]
    pub checked_at: Timestamp,
    /// Whether the source could be read from end to end.
    pub ok: bool,
    /// Which source.
    #[serde(default)]
    pub source_path: Option<String>,
    /// Rows of distinct ids, when it could.
    #[serde(default)]
    pub total_items: Option<u64>,
    /// Why not, redacted.
    #[serde(default)]
    pub error: Option<String>,
}

/// The last tests.
#[derive(Clone, Debug)]
pub struct LastTests(Table);

impl LastTests {
    /// The table that `CONTROL_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONTROL_TABLE").map(Self)
    }

    /// The vendor's last test, if it was ever tested.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<Option<VendorTest>, AwsFault> {
        let found = self.0.glance(key(connection.to_string(), "test"), "read vendor test").await?;
        found.map(value).transpose()
    }

    /// Stores a test; the latest one stays.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep(&self, connection: &Connection, test: &VendorTest) -> Result<(), AwsFault> {
        self.0.write(item(test, key(connection.to_string(), "test"))?, "write vendor test").await
    }
}
