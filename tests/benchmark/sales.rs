//! Where events come from, and where what became of them is.

use std::collections::BTreeMap;

use serde_json::Value;
use signalbox::aws::clients::Clients;
use signalbox::aws::deliveries::DeliveryStore;
use signalbox::environment::Environment;
use signalbox::outside::Outside;
use tokio_rustls::TlsAcceptor;

use crate::function::Answer;
use crate::proxy::{Proxy, Weather, Written};
use crate::stage::Stage;
use crate::{Result, events};

/// The door that is measured.
pub(crate) const WEBHOOKS: &str = "webhooks";
/// What applies behind it.
pub(crate) const WORKER: &str = "webhook-worker";

/// Points of sale, and a host whose queues nobody polls.
pub(crate) struct Sales {
    pub(crate) stage: Stage,
    pub(crate) secret: String,
    store: DeliveryStore,
}

impl Sales {
    pub(crate) async fn set() -> Result<Self> {
        let stage = Stage::set().await?;
        let secret = stage.host.secrets().get("WEBHOOK_SECRET").ok_or("the host has generated no secret")?.to_owned();
        let environment = stage.host.environment(WEBHOOKS);
        let store = DeliveryStore::connect(&Clients::connect(&environment, &Outside::default())?, &environment)?;
        Ok(Self { stage, secret, store })
    }

    /// Sales of 1 KB under keys of their own.
    pub(crate) fn events(&self, keys: &[String]) -> Result<Vec<Value>> {
        keys.iter().map(|key| events::sale(&self.secret, key)).collect()
    }

    /// Lets what was taken in be applied, as far as a duplicate sees it: until then it is sent on once more.
    pub(crate) async fn settle(&self, keys: &[String]) -> Result<()> {
        for key in keys {
            self.store.complete_claim(&events::sale_claim(key)).await?;
        }
        Ok(())
    }
}

/// Names of events that no other call has.
pub(crate) fn keys(kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{kind}-{number}")).collect()
}

/// Refuses an answer that is not the expected one: a benchmark of the wrong thing is worse than none.
pub(crate) fn expect(who: &str, answer: &Answer, status: u16) -> Result<()> {
    if answer.value["statusCode"] == status {
        return Ok(());
    }
    Err(format!("{who}: expected status {status}: {}", answer.value).into())
}

/// The services that a function reaches, each through a proxy.
pub(crate) struct Services(BTreeMap<&'static str, Proxy>);

impl Services {
    /// Starts them, with TLS where it is given, and lets the environment lead to them.
    pub(crate) async fn between(stage: &Stage, tls: Option<&TlsAcceptor>, of: &mut Environment) -> Result<Self> {
        let endpoints = stage.host.endpoints();
        let mut proxies = BTreeMap::new();
        for (name, url) in [
            ("DYNAMODB", &endpoints.dynamodb),
            ("SQS", &endpoints.sqs),
            ("SSM", &endpoints.ssm),
            ("KMS", &endpoints.kms),
        ] {
            let proxy = Proxy::start_with(url, tls.cloned()).await?;
            let mut through = vec![(format!("AWS_ENDPOINT_URL_{name}"), proxy.url.clone())];
            if name == "SQS" {
                let queue = of.require("WEBHOOK_QUEUE_URL")?.replace(url, &proxy.url);
                through.push(("WEBHOOK_QUEUE_URL".to_owned(), queue));
            }
            of.extend(through);
            proxies.insert(name, proxy);
        }
        Ok(Self(proxies))
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.0.values().for_each(|proxy| proxy.set(weather));
    }

    /// What was counted since the last call, by service.
    pub(crate) fn take(&self) -> BTreeMap<&'static str, Written> {
        self.0.iter().map(|(name, proxy)| (*name, proxy.take())).collect()
    }

    /// The write units of the tables since the last call, and the messages sent. A write that was refused costs its unit, which its answer
    /// does not name.
    pub(crate) fn units(&self) -> (f64, u64) {
        let all = self.take();
        let sent = all.values().map(|written| written.sent).sum();
        (all.values().map(|written| written.units + written.refused as f64).sum(), sent)
    }
}
