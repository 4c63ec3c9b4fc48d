//! That channels do not take what they are sent. It is forgotten with the write of the message that one takes, so that no crash leaves it.

use jiff::Timestamp;

use super::{AlertStore, expiring, partition};
use crate::aws::faults::AwsFault;
use crate::aws::items::{Item, item, key, value};
use crate::domain::alerts::channel::Refusal;
use crate::domain::ids::Connection;

pub(super) fn refusal_key(channel: &Connection) -> Item {
    key(partition(&channel.tenant), format!("channel#{}/{}", channel.provider, channel.name))
}

impl AlertStore {
    /// That a channel took no message last, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn refusal(&self, channel: &Connection) -> Result<Option<Refusal>, AwsFault> {
        self.0.read(refusal_key(channel), "read refusal of channel").await?.map(value).transpose()
    }

    /// Keeps that a channel took no message.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_refusal(&self, channel: &Connection, refusal: &Refusal, now: Timestamp) -> Result<(), AwsFault> {
        let fields = expiring(item(refusal, refusal_key(channel))?, now);
        self.0.write(fields, "keep refusal of channel").await
    }
}
