//! What the functions run against: a host with empty tables, a folder of catalogues, vendors to sync.

use std::path::PathBuf;

use serde_json::{Value, json};
use signalbox::environment::Environment;
use signalbox::outside::Clock;
use signalbox_local::host::settings::Variables;
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options};
use tempfile::TempDir;

use crate::build::Build;
use crate::function::FunctionProcess;
use crate::{Result, events};

/// Vendors that can be synced, one for each repetition that needs an empty snapshot.
pub(crate) const VENDORS: usize = 8;

/// A host in this process, and what a function in another needs to use it.
pub(crate) struct Stage {
    pub(crate) host: Host,
    root: TempDir,
    token: String,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self> {
        let root = TempDir::with_prefix("signalbox-benchmark-")?;
        let vendor = |number| {
            json!({
                "slug": vendor(number),
                "name": vendor(number),
                "source": "warm.ndjson",
                "volatile": ["source.lastSyncISO"],
            })
        };
        let vendors: Value = (0..VENDORS).map(vendor).collect();
        let variables: Variables = [
            ("CATALOG_ROOT", root.path().to_string_lossy().into_owned()),
            ("VENDORS", vendors.to_string()),
            // One process does the whole run, so that all of its cost is in one place.
            ("INLINE_BUDGET_MS", "900000".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let host = Host::start(Options { variables, poll: false, ..Options::default() }).await?;
        let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
        let now = Clock::default().now();
        let grant = Grant { scopes: token::scopes("write"), life_seconds: 86_400, ..Grant::default() };
        let token = token::mint(grant, &secret, now)?;
        std::fs::write(root.path().join("warm.ndjson"), "{\"catalogId\":\"warm\"}\n")?;
        Ok(Self { host, root, token })
    }

    /// A path in the catalogue root.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Starts a function on its own environment.
    pub(crate) async fn function(&self, build: &Build, name: &str) -> Result<FunctionProcess> {
        FunctionProcess::start(&build.binary(name), &self.host.environment(name)).await
    }

    /// The same, with other variables than the template's.
    pub(crate) async fn function_with(
        &self,
        build: &Build,
        name: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<FunctionProcess> {
        let mut environment: Environment = self.host.environment(name);
        environment.extend(variables);
        FunctionProcess::start(&build.binary(name), &environment).await
    }

    /// The event that syncs a vendor.
    pub(crate) fn sync(&self, vendor: &str, source: &str, mode: &str) -> Result<Value> {
        events::sync(&self.token, vendor, source, mode)
    }

    /// Makes connections and lets the function touch its code once: what follows is measured without that.
    pub(crate) async fn warm(&self, function: &mut FunctionProcess) -> Result<()> {
        for mode in ["apply", "dryRun"] {
            let answer = function.invoke(&self.sync(&vendor(VENDORS - 1), "warm.ndjson", mode)?).await?;
            events::body(&answer.value)?;
        }
        Ok(())
    }
}

/// The slug of a vendor.
pub(crate) fn vendor(number: usize) -> String {
    format!("bench-{number}")
}

/// Refuses an answer whose counts are not the expected ones: a benchmark of the wrong thing is worse than none.
pub(crate) fn expect(answer: &Value, expected: &Value) -> Result<()> {
    let body = events::body(answer)?;
    let summary = &body["summary"];
    for (name, value) in expected.as_object().into_iter().flatten() {
        if summary[name] != *value {
            return Err(format!("expected {name} {value}: {summary}").into());
        }
    }
    Ok(())
}
