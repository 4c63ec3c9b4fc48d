//! Whether storage answers.

use super::clients::Aws;
use super::faults::AwsFault;
use super::items::key;

impl Aws {
    /// Whether storage answers, for probes: a read of one item, which need not be there.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn storage_answers(&self) -> Result<(), AwsFault> {
        self.get_item(&self.names.deliveries, key("probe", "probe"), "probe storage").await.map(drop)
    }
}
