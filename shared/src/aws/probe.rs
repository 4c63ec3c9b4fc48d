//! Whether storage answers.

use std::time::Duration;

use super::clients::Aws;
use super::faults::AwsFault;
use super::items::key;

impl Aws {
    /// Whether storage answers in time, for probes: a read of one item, which need not be there. The SDK tries a call again for
    /// up to 15 s, longer than whoever probes waits for an answer.
    ///
    /// # Errors
    /// When the table cannot be read, or not in time.
    pub async fn storage_answers(&self, within: Duration) -> Result<(), AwsFault> {
        const OPERATION: &str = "probe storage";
        let read = self.get_item(&self.names.deliveries, key("probe", "probe"), OPERATION);
        match tokio::time::timeout(within, read).await {
            Ok(read) => read.map(drop),
            Err(_) => {
                let detail = format!("no answer within {} ms", within.as_millis());
                Err(AwsFault { operation: OPERATION, detail, transient: true })
            }
        }
    }
}
