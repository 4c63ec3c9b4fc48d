//! The simulated vendors as clients see them: over HTTP, each test with vendors of its own.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

#[path = "simulators/control.rs"]
mod control;
#[path = "simulators/doorloop.rs"]
mod doorloop;
#[path = "simulators/faults.rs"]
mod faults;
#[path = "simulators/gbp.rs"]
mod gbp;
#[path = "simulators/trackstar.rs"]
mod trackstar;

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use signalbox::outside::Clock;
use signalbox_simulators::{Limits, Options, Running, Simulator, Vendor};

/// Longer than anything here takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A vendor, and a client that has its key.
struct Sim {
    running: Running,
    client: Client,
    clock: Clock,
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn ids(&self) -> Vec<String> {
        self.json()["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

async fn got(response: Response) -> Result<Got, reqwest::Error> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Got { status, headers, text: response.text().await? })
}

impl Sim {
    /// A vendor without limits, on a clock that stands.
    async fn start(vendor: Vendor, change: impl FnOnce(&mut Options)) -> Self {
        let clock = Clock::fixed("2026-01-15T12:00:00Z".parse().unwrap());
        let mut options = Options { limits: Limits::Off, clock: clock.clone(), ..Options::new(vendor) };
        change(&mut options);
        // This machine is not behind its own proxy.
        let client = Client::builder().no_proxy().timeout(WAIT_MAX).build().unwrap();
        Self { running: Simulator::start(options).await.unwrap(), client, clock }
    }

    async fn doorloop(change: impl FnOnce(&mut Options)) -> Self {
        Self::start(Vendor::Doorloop, change).await
    }

    async fn trackstar(change: impl FnOnce(&mut Options)) -> Self {
        Self::start(Vendor::Trackstar, change).await
    }

    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.running.url()))
    }

    /// With the credentials of either vendor.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let token = self.running.access_token().unwrap_or_default();
        self.bare(method, path)
            .bearer_auth(self.running.key())
            .header("x-trackstar-api-key", self.running.key())
            .header("x-trackstar-access-token", token)
    }

    async fn try_get(&self, path: &str) -> Result<Got, reqwest::Error> {
        got(self.request(Method::GET, path).send().await?).await
    }

    async fn get(&self, path: &str) -> Got {
        self.try_get(path).await.unwrap()
    }

    /// A request with a body, of which the status and the JSON are what counts.
    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let answer = got(self.request(method, path).body(body.to_string()).send().await.unwrap()).await.unwrap();
        (answer.status, answer.json())
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }
}
