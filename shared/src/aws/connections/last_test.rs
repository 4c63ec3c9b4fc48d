//! The last connection test of each vendor, in the control table under `tenant/vendor/catalogue`, `test`.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::clients::Aws;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{item, key, value};
use crate::domain::ids::Connection;

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

impl Aws {
    /// The vendor's last test, if it was ever tested.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn vendor_test(&self, connection: &Connection) -> Result<Option<VendorTest>, AwsFault> {
        let call = self
            .dynamodb
            .get_item()
            .table_name(&self.names.control)
            .set_key(Some(key(connection.to_string(), "test")))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        call.send().await.map_err(|error| fault("read vendor test", &error))?.item.map(value).transpose()
    }

    /// Stores a test; the latest one stays.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_vendor_test(&self, connection: &Connection, test: &VendorTest) -> Result<(), AwsFault> {
        let call = self
            .dynamodb
            .put_item()
            .table_name(&self.names.control)
            .set_item(Some(item(test, key(connection.to_string(), "test"))?))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        call.send().await.map_err(|error| fault("write vendor test", &error))?;
        Ok(())
    }
}
