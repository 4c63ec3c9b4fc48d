//! A simulated vendor in a process of its own, so that its CPU is nobody else's: the same as `signalbox simulate doorloop`. This program
//! starts itself as one.

use std::process::Stdio;

use serde_json::Value;
use signalbox_simulators::{Limits, Options, Simulator, Vendor};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::{Result, report};

/// The key that it lets in.
pub(crate) const KEY: &str = "simulated-doorloop-key";

/// Is a vendor, until whoever started it is gone.
pub(crate) async fn serve(rows: u64) -> Result<()> {
    let options = Options { rows, limits: Limits::Off, key: KEY.to_owned(), ..Options::new(Vendor::Doorloop) };
    let running = Simulator::start(options).await?;
    report::say(&running.base_url());
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    running.stop().await;
    Ok(())
}

/// A vendor that runs.
pub(crate) struct VendorProcess {
    /// Where its API is.
    pub(crate) base_url: String,
    client: reqwest::Client,
    _child: Child,
}

impl VendorProcess {
    /// One with so many rows.
    pub(crate) async fn start(rows: u64) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["vendor", "--rows", &rows.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = child.stdout.take().ok_or("the vendor has no output")?;
        let said = BufReader::new(output).lines().next_line().await?;
        let base_url = said.ok_or("the vendor has ended at once")?;
        Ok(Self { base_url, client: reqwest::Client::builder().no_proxy().build()?, _child: child })
    }

    fn control(&self, path: &str) -> String {
        format!("{}/_simulator{path}", self.base_url.trim_end_matches("/api"))
    }

    /// How many rows each entity has.
    pub(crate) async fn rows(&self) -> Result<Vec<(String, u64)>> {
        let about = answer(self.client.get(self.control(""))).await?;
        let rows = about["rows"].as_object().ok_or("the vendor does not say its rows")?;
        Ok(rows.iter().filter_map(|(entity, rows)| Some((entity.clone(), rows.as_u64()?))).collect())
    }

    /// How many requests of its API it has seen.
    pub(crate) async fn requests(&self) -> Result<u64> {
        let seen = answer(self.client.get(self.control("/requests?limit=1"))).await?;
        Ok(seen["count"].as_u64().ok_or("the vendor does not say its requests")?)
    }

    /// Changes so many rows of an entity.
    pub(crate) async fn change(&self, entity: &str, count: u64) -> Result<()> {
        let order = serde_json::json!({"entity": entity, "change": count});
        answer(self.client.post(self.control("/rows")).body(order.to_string())).await.map(drop)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let answer = request.send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
