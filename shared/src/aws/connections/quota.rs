//! The quotas of connections, each in the table of connections beside its own: two numbers in an item, and one conditional write for a
//! block of requests.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};

use super::store::connection_key_as;
use crate::aws::clients::Clients;
use crate::aws::faults::{AwsFault, fault};
use crate::aws::items::{Item, key, number};
use crate::aws::table::Table;
use crate::aws::transaction::{OLD, past_conflicts};
use crate::domain::ids::Connection;
use crate::domain::pull::quota::{Block, Limits, Paid, Quota, Reservation, Step, reserve};
use crate::environment::{Environment, StartError};

/// How often a block is reserved where others come first. What they take is soon all there is.
const TRIES_MAX: u32 = 12;
/// When somebody who was never first is to come again.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// How long what was used is kept beyond the time that it counts, in seconds.
const KEPT_SECONDS: i64 = 86_400;

const MINUTE: &str = "minuteMs";
const HOUR: &str = "hourMs";

pub(super) fn quota_key(connection: &Connection) -> Item {
    connection_key_as("quota", connection)
}

/// The quotas.
#[derive(Clone, Debug)]
pub struct Quotas(Table);

impl Quotas {
    /// The table that `CONNECTIONS_TABLE` names; nothing is called.
    ///
    /// # Errors
    /// When it is not set.
    pub fn connect(clients: &Clients, environment: &Environment) -> Result<Self, StartError> {
        Table::connect(clients, environment, "CONNECTIONS_TABLE").map(Self)
    }

    /// What all have reserved of a connection's quota, as of a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(&self, connection: &Connection) -> Result<Paid, AwsFault> {
        let found = self.0.glance(quota_key(connection), "read quota").await?;
        Ok(found.as_ref().map(paid).unwrap_or_default())
    }

    /// What one worker asks a connection's vendor by.
    #[must_use]
    pub fn meter(&self, connection: &Connection, limits: Limits) -> Meter {
        self.meter_at(quota_key(connection), limits)
    }

    /// What one worker changes a part of what a connection leads to by, where the vendor has a limit for each: a location, for example. It
    /// counts by itself, and so does not what the connection's own quota counts.
    #[must_use]
    pub fn meter_of(&self, connection: &Connection, part: &str, limits: Limits) -> Meter {
        let Connection { tenant, provider, name } = connection;
        self.meter_at(key(tenant.as_str(), format!("quota-of#{provider}/{name}/{part}")), limits)
    }

    fn meter_at(&self, key: Item, limits: Limits) -> Meter {
        Meter { quotas: self.clone(), key, limits, block: None, paid: Paid::default() }
    }
}

/// What one worker asks a vendor by: it reserves blocks of requests, and gives them out one by one.
#[derive(Debug)]
pub struct Meter {
    quotas: Quotas,
    /// Where it is counted.
    key: Item,
    limits: Limits,
    block: Option<Block>,
    /// What was reserved by all, as it was seen last.
    paid: Paid,
}

impl Meter {
    /// Takes one request, which must be sent at once; or the time before which there is none. `wanted` is how many more will be sent
    /// soon, this one included: so many are reserved at once, up to a block.
    ///
    /// # Errors
    /// When the table cannot be written: the vendor is not to be asked then.
    pub async fn take(&mut self, wanted: u32, now: Timestamp) -> Result<Result<(), Timestamp>, AwsFault> {
        if self.block.as_mut().is_some_and(|block| block.take(now)) {
            return Ok(Ok(()));
        }
        for _try in 0..TRIES_MAX {
            let reservation = match reserve(&self.limits, self.paid, wanted, now) {
                Quota::Reserve(reservation) => reservation,
                Quota::Wait(until) => return Ok(Err(until)),
            };
            let (is_reserved, paid) = self.write(&reservation, now).await?;
            self.paid = paid;
            if is_reserved {
                let mut block = Block::new(reservation.tokens, now);
                block.take(now);
                self.block = Some(block);
                return Ok(Ok(()));
            }
        }
        Ok(Err(now.checked_add(AGAIN).unwrap_or(now)))
    }

    /// Whether it was reserved, and what all have reserved. A write whose reply was lost and that was sent again reserves twice, which only
    /// sends fewer.
    async fn write(&self, reservation: &Reservation, now: Timestamp) -> Result<(bool, Paid), AwsFault> {
        let Quotas(table) = &self.quotas;
        let kept = now.as_second() + 3_600 + KEPT_SECONDS;
        let steps = [(MINUTE, reservation.minute), (HOUR, reservation.hour)];
        let sets = steps.map(|(name, step)| set(name, step)).join(", ");
        let conditions = steps.map(|(name, step)| condition(name, step)).join(" AND ");
        let call = table
            .update_item(self.key.clone())
            .update_expression(format!("SET {sets}, expires_at = :kept"))
            .condition_expression(conditions)
            .expression_attribute_values(":kept", number(kept))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(OLD);
        let call = steps.into_iter().fold(call, values);
        let error = match past_conflicts(|| call.clone().send()).await {
            Ok(done) => return Ok((true, paid(&done.attributes.unwrap_or_default()))),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok((false, refused.item.as_ref().map(paid).unwrap_or_default()))
            }
            _ => Err(fault("reserve quota", &error)),
        }
    }
}

fn set(name: &str, step: Step) -> String {
    match step {
        Step::Anew { .. } => format!("{name} = :{name}"),
        Step::Further { .. } => format!("{name} = {name} + :{name}"),
    }
}

fn condition(name: &str, step: Step) -> String {
    match step {
        Step::Anew { .. } => format!("(attribute_not_exists({name}) OR {name} <= :now)"),
        Step::Further { .. } => format!("{name} BETWEEN :now AND :{name}Max"),
    }
}

fn values(call: UpdateItemFluentBuilder, (name, step): (&str, Step)) -> UpdateItemFluentBuilder {
    match step {
        Step::Anew { to_ms } => call.expression_attribute_values(format!(":{name}"), number(to_ms)),
        Step::Further { by_ms, from_max_ms } => call
            .expression_attribute_values(format!(":{name}"), number(by_ms))
            .expression_attribute_values(format!(":{name}Max"), number(from_max_ms)),
    }
}

fn paid(item: &Item) -> Paid {
    let ms = |name: &str| item.get(name).and_then(|ms| ms.as_n().ok()?.parse().ok()).unwrap_or_default();
    Paid { minute_ms: ms(MINUTE), hour_ms: ms(HOUR) }
}
