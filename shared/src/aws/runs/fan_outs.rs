//! Fan-outs: mirrors of all tenants, each an item of counters to which its children's own transactions add.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;

use super::mirrors::{fan_outs, partition};
use super::{RunReads, RunStore};
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{conditional, item, key, number, text, value};
use crate::aws::transaction::{Declined, Transaction, built, past_conflicts};
use crate::domain::ids::{Connection, RunId};
use crate::domain::mirror::fan_out::FanOut;
use crate::domain::mirror::log::MirrorTally;
use crate::domain::mirror::plan::Strategy;

/// The one key of the index `open` for fan-outs.
const OPEN: &str = "fan-out";
/// How many fan-outs a look reads that are not listed to their end.
const OPEN_MAX: i32 = 50;

impl RunStore {
    /// Stores a fan-out with its row of the log. A crash after this leaves one that stands still, which the watchdog sends on.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn start_fan_out(&self, fan_out: &FanOut) -> Result<(), AwsFault> {
        let row = fan_out.row();
        let mut keys = key(fan_outs(fan_out.strategy), fan_out.id.as_str());
        keys.insert("open".into(), text(OPEN));
        let all = partition(None, fan_out.strategy);
        let transaction = Transaction::default()
            .put(built(self.runs().put(item(fan_out, keys)?).build())?)
            .put(built(self.runs().put(self.row_item(&row, &all, Some(row.started_at))?).build())?);
        let counted = (&MirrorTally::default(), &MirrorTally::of(&row));
        let counted = self.count_mirror(&all, row.started_at, counted)?;
        let transaction = counted.into_iter().fold(transaction, Transaction::update);
        match transaction.commit(&self.control.client, "start fan-out").await {
            Ok(()) => Ok(()),
            Err(Declined::Fault(fault)) => Err(fault),
            Err(Declined::Condition(_)) => Err(AwsFault::damaged("start fan-out", "unexpected condition")),
        }
    }

    /// Moves a fan-out on to where its children were started; at the end of the list it is listed. False where somebody else has moved it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn move_fan_out(
        &self,
        fan_out: &FanOut,
        next: Option<&Connection>,
        now: Timestamp,
    ) -> Result<bool, AwsFault> {
        let call = self.runs().update_item(key(fan_outs(fan_out.strategy), fan_out.id.as_str()));
        let (set, call) = match next {
            Some(_) => ("", call),
            None => self.going(fan_out, now, call),
        };
        let call = call.expression_attribute_values(":now", text(crate::domain::time::text(now)));
        let call = match next {
            Some(next) => call
                .update_expression("SET #cursor = :next, movedAt = :now")
                .expression_attribute_names("#cursor", "cursor")
                .expression_attribute_values(":next", text(next.to_string())),
            None => call
                .update_expression(format!("SET listed = :true, movedAt = :now{set} REMOVE #open"))
                .expression_attribute_names("#open", "open")
                .expression_attribute_names("#cursor", "cursor")
                .expression_attribute_values(":true", aws_sdk_dynamodb::types::AttributeValue::Bool(true)),
        };
        let call = match &fan_out.cursor {
            Some(cursor) => call
                .condition_expression("#cursor = :cursor")
                .expression_attribute_values(":cursor", text(cursor.to_string())),
            None => call.condition_expression("attribute_exists(pk) AND attribute_not_exists(#cursor)"),
        };
        Ok(conditional(past_conflicts(|| call.clone().send()).await, "move fan-out")?.is_some())
    }

    /// That a fan-out of which no more children are started goes, long after the last of them is over: a child's end adds to it.
    fn going(
        &self,
        fan_out: &FanOut,
        now: Timestamp,
        call: UpdateItemFluentBuilder,
    ) -> (&'static str, UpdateItemFluentBuilder) {
        match self.reads.retention().ends(fan_out.started_at, now) {
            Some(ends) => (", expires_at = :ends", call.expression_attribute_values(":ends", number(ends.as_second()))),
            None => ("", call),
        }
    }

    /// Leaves a fan-out as it is: no more children are started.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn give_up_fan_out(&self, fan_out: &FanOut, now: Timestamp) -> Result<(), AwsFault> {
        use aws_sdk_dynamodb::types::AttributeValue::Bool;
        let call = self.runs().update_item(key(fan_outs(fan_out.strategy), fan_out.id.as_str()));
        let (set, call) = self.going(fan_out, now, call);
        let call = call
            .update_expression(format!("SET listed = :true, cutShort = :true, movedAt = :now{set} REMOVE #open"))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":true", Bool(true))
            .expression_attribute_values(":now", text(crate::domain::time::text(now)));
        conditional(past_conflicts(|| call.clone().send()).await, "give fan-out up").map(drop)
    }

    /// Notes that a message for a fan-out was sent, so that the next look does not send another at once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note_fan_out(&self, fan_out: &FanOut, now: Timestamp) -> Result<(), AwsFault> {
        let call = self
            .runs()
            .update_item(key(fan_outs(fan_out.strategy), fan_out.id.as_str()))
            .update_expression("SET movedAt = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", text(crate::domain::time::text(now)));
        conditional(past_conflicts(|| call.clone().send()).await, "note fan-out").map(drop)
    }

    /// Fan-outs of which not all children were started, the oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn open_fan_outs(&self) -> Result<Vec<FanOut>, AwsFault> {
        let call = self
            .runs()
            .query()
            .index_name("open")
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", text(OPEN))
            .limit(OPEN_MAX);
        let page = call.send().await.map_err(|error| fault("read open fan-outs", &error))?;
        // One that cannot be read keeps no other from being sent on.
        let read = |item| value(item).inspect_err(|error| tracing::error!(%error, "open fan-out passed over")).ok();
        Ok(page.items.unwrap_or_default().into_iter().filter_map(read).collect())
    }
}

impl RunReads {
    /// A fan-out, as of now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn fan_out(&self, strategy: Strategy, id: &RunId) -> Result<Option<FanOut>, AwsFault> {
        self.0.read(key(fan_outs(strategy), id.as_str()), "read fan-out").await?.map(value).transpose()
    }
}
