//! What a slice of a run uses of AWS, counted where the SDK calls.
//!
//! Only calls that are made for a run are counted, and only they ask what they consumed: whose task says for which run it works.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation as tables;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut, Input, Output,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;

use crate::domain::runs::spent::Spent;
use crate::environment::Environment;
use crate::outside::Clock;

tokio::task_local! {
    static SLICE: Arc<Spending>;
}

/// What one slice spends.
struct Spending {
    /// What the slices before it have spent.
    before: Spent,
    clock: Clock,
    since: Timestamp,
    memory_mb: u64,
    counted: Mutex<Spent>,
}

/// How a function's time is counted, and where it is paid.
#[derive(Clone)]
pub struct Meter {
    region: String,
    memory_mb: u64,
    clock: Clock,
}

impl Meter {
    /// Reads what Lambda says of the function.
    #[must_use]
    pub fn connect(environment: &Environment, clock: &Clock) -> Self {
        let memory = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|text| text.parse().ok());
        let region = environment.get("AWS_REGION").unwrap_or_default().to_owned();
        Self { region, memory_mb: memory.unwrap_or(0), clock: clock.clone() }
    }

    /// Works on a slice of a run that has spent this before: what it calls meanwhile is counted.
    pub async fn slice<T>(&self, before: Option<Spent>, work: impl Future<Output = T>) -> T {
        let before = before.unwrap_or_else(|| Spent::nothing(&self.region));
        let (clock, since) = (self.clock.clone(), self.clock.now());
        let counted = Mutex::new(Spent::nothing(&self.region));
        SLICE.scope(Arc::new(Spending { before, clock, since, memory_mb: self.memory_mb, counted }), work).await
    }
}

/// What the run has spent that this task works on, up to now; nothing where it works on none.
#[must_use]
pub fn spent() -> Option<Spent> {
    SLICE.try_with(|slice| slice.total()).ok()
}

impl Spending {
    fn total(&self) -> Spent {
        let ms = self.clock.now().as_millisecond().saturating_sub(self.since.as_millisecond());
        let ms = u64::try_from(ms).unwrap_or(0);
        let mut total = self.before.clone();
        total.add(&self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        total.slices += 1;
        total.megabyte_ms = total.megabyte_ms.saturating_add(ms.saturating_mul(self.memory_mb));
        total
    }
}

/// Counts the calls of a client.
#[derive(Debug)]
pub(super) struct Counted;

impl Intercept for Counted {
    fn name(&self) -> &'static str {
        "Counted"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if SLICE.try_with(|_| ()).is_ok() {
            ask(context.input_mut());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What failed names no units.
        if let Ok(output) = context.output_or_error() {
            let _not_for_a_run = SLICE.try_with(|slice| {
                note(&mut slice.counted.lock().unwrap_or_else(PoisonError::into_inner), output);
            });
        }
        Ok(())
    }
}

/// Does something with what of the tables' operations has this type.
macro_rules! each {
    ($value:expr, $method:ident, $found:ident => $then:expr; $($module:ident $name:ident),+) => {
        $(if let Some($found) = $value.$method::<tables::$module::$name>() { return $then; })+
    };
}

/// Has a table say what a call consumes.
fn ask(input: &mut Input) {
    each!(input, downcast_mut, found => found.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        put_item PutItemInput, update_item UpdateItemInput, delete_item DeleteItemInput, get_item GetItemInput, query QueryInput,
        scan ScanInput, batch_get_item BatchGetItemInput, batch_write_item BatchWriteItemInput,
        transact_write_items TransactWriteItemsInput, transact_get_items TransactGetItemsInput);
}

fn note(counted: &mut Spent, output: &Output) {
    let units = |consumed: &[ConsumedCapacity]| consumed.iter().filter_map(|one| one.capacity_units).sum::<f64>();
    each!(output, downcast_ref, found => counted.wrote(found.consumed_capacity.as_ref().map_or(0.0, |one| units(std::slice::from_ref(one))));
        put_item PutItemOutput, update_item UpdateItemOutput, delete_item DeleteItemOutput);
    each!(output, downcast_ref, found => counted.wrote(units(found.consumed_capacity.as_deref().unwrap_or_default()));
        batch_write_item BatchWriteItemOutput, transact_write_items TransactWriteItemsOutput);
    each!(output, downcast_ref, found => counted.read(found.consumed_capacity.as_ref().map_or(0.0, |one| units(std::slice::from_ref(one))));
        get_item GetItemOutput, query QueryOutput, scan ScanOutput);
    each!(output, downcast_ref, found => counted.read(units(found.consumed_capacity.as_deref().unwrap_or_default()));
        batch_get_item BatchGetItemOutput, transact_get_items TransactGetItemsOutput);
    if output.downcast_ref::<SendMessageOutput>().is_some() {
        counted.messages += 1;
    }
    if let Some(put) = output.downcast_ref::<PutEventsOutput>() {
        counted.events += put.entries().len() as u64;
    }
    if output.downcast_ref::<aws_sdk_kms::operation::decrypt::DecryptOutput>().is_some() {
        counted.kms += 1;
    }
}
