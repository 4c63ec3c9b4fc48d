//! The wire: the two calls that a webhook's way is made of, without what the SDK does around each call of any kind.
//!
//! `PutItem` and `SendMessage` go over [kept connections](connections), [signed](signature) by hand. Whatever is neither 200 nor a failed
//! condition is no answer here: the very same call is made through the SDK then, which owns retries, throttling, skew and errors. So a call
//! may be made twice, and who makes it must be able to bear that. docs/wire.md says what it is for, what it costs, and how to switch it off.

mod attributes;
mod connections;
mod put_item;
mod send_message;
mod service;
mod signature;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;

use self::connections::{Address, Connections, NoAnswer};
use self::put_item::PutItem;
pub(in crate::aws) use self::put_item::{NewItem, Put, values};
pub(in crate::aws) use self::send_message::{MessageAttributes, SendMessage, Sent};
use self::service::{Service, Way};
use self::signature::Signer;
use super::through::Through;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;

/// Variables by which processes are told to go through a proxy. The SDK's client does, and the wire does not.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The wire; nothing where it is switched off. Clones share its connections.
#[derive(Clone, Default)]
pub(super) struct Wire(Option<Arc<Services>>);

struct Services {
    dynamodb: Service,
    sqs: Service,
}

impl Wire {
    /// The wire of a function that is told to have one by `LEAN_WIRE`; nothing is called.
    ///
    /// # Errors
    /// When the variable is neither `true` nor `false`.
    pub(super) fn connect(
        environment: &Environment,
        outside: &Outside,
        credentials: &Credentials,
        region: &str,
        endpoint: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StartError> {
        if !environment.switch("LEAN_WIRE", false)? || PROXIES.iter().any(|name| environment.get(name).is_some()) {
            return Ok(Self::default());
        }
        let service = |name: &'static str, variable: &str| {
            let usual = || {
                (has_usual_names(region) && !environment.is_local())
                    .then(|| format!("https://{name}.{region}.amazonaws.com"))
            };
            let endpoint = endpoint(variable).or_else(usual)?;
            let address = Address::of(&endpoint)?;
            let (host, clock) = (address.authority(), outside.clock.clone());
            let way = match outside.aws_http.clone() {
                None => Way::Kept(Arc::new(Connections::new(address, clock.clone()))),
                Some(http) => {
                    let sleep = outside.aws_sleep.clone();
                    Way::Through(Through { service: name, endpoint, http: Some(http), sleep })
                }
            };
            let signer = Signer::new(credentials.clone(), region.to_owned(), name);
            Some(Service { signer, host, way, clock })
        };
        let services = service("dynamodb", "DYNAMODB").zip(service("sqs", "SQS"));
        Ok(Self(services.map(|(dynamodb, sqs)| Arc::new(Services { dynamodb, sqs }))))
    }

    /// Opens a connection to each service beside what else is done: a start waits for other things anyway.
    pub(super) fn prepare(&self) {
        for service in self.0.iter().flat_map(|services| [&services.dynamodb, &services.sqs]) {
            if let Way::Kept(connections) = &service.way {
                Arc::clone(connections).prepare();
            }
        }
    }

    /// Puts an item. None where nobody knows whether it was put: who puts it again through the SDK must recognise its own.
    pub(super) async fn put_item(&self, table_name: &str, new: &NewItem) -> Option<Put> {
        let dynamodb = &self.0.as_ref()?.dynamodb;
        let answer = dynamodb.call(put_item::TARGET, &PutItem::of(table_name, new)).await.ok()?;
        let put = Put::read(&answer);
        if put.is_none() {
            dynamodb.left(&answer);
        }
        put
    }

    /// Sends a message. Where nobody knows whether it was sent, who sends it again through the SDK may have sent it twice.
    pub(super) async fn send_message(&self, message: &SendMessage<'_>) -> Sent {
        let Some(services) = self.0.as_ref() else { return Sent::Not };
        match services.sqs.call(send_message::TARGET, message).await {
            Ok(answer) => {
                let sent = Sent::read(&answer);
                if sent != Sent::Done {
                    services.sqs.left(&answer);
                }
                sent
            }
            Err(NoAnswer::NotSent) => Sent::Not,
            Err(NoAnswer::Unknown) => Sent::Perhaps,
        }
    }
}

/// Without what it signs with.
impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Wire(on)" } else { "Wire(off)" })
    }
}

/// Whether a region's services have the names that all have but those of other partitions: China's, Europe's sovereign cloud, closed ones.
fn has_usual_names(region: &str) -> bool {
    !["cn-", "eusc-"].iter().any(|partition| region.starts_with(partition)) && !region.contains("iso")
}
