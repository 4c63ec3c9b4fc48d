//! What a pull costs: CPU of a row, memory, writes and requests, beside dlt's REST source that merges the same rows of the same vendor.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::aws::connections::store::ConnectionStore;
use signalbox::aws::queues::sync::SliceMessage;
use signalbox::domain::datasets::diff::Counts;
use signalbox::domain::ids::Connection;
use signalbox::domain::runs::pull::PullMode;
use signalbox::domain::runs::run::{Mode, Run, RunStatus, Trigger, Work};
use signalbox::engine::runs::context::Runs;
use signalbox::engine::runs::kinds::pull::{PullRequest, work_of};
use signalbox::engine::runs::start::{StartRequest, start_in_background};
use signalbox::outside::{Clock, Outside};
use signalbox_local::token::{self, Grant};
use signalbox_local::{Host, Options};

use crate::Result;
use crate::build::{Build, root, target};
use crate::function::FunctionProcess;
use crate::install::{self, run};
use crate::proxy::{Proxy, Written};
use crate::report::{Report, Target, median, note};
use crate::vendor::{KEY, VendorProcess};

const EVENT: &str = include_str!("../../events/sync-worker/slice.json");
const ROWS: u64 = 20_000;
const MANY_ROWS: u64 = 200_000;
/// The most rows that the vendor gives at once, and how many a connection asks for that says nothing of it.
const PAGES: [u64; 2] = [1_000, 100];
const REPETITIONS: usize = 3;
const CHANGED: u64 = 200;
/// More slices than any pull here takes.
const SLICES_MAX: usize = 20;

/// A host in this process, whose worker is in another one, and connections to a vendor in a third.
struct Stage {
    host: Host,
    runs: Runs,
    store: ConnectionStore,
    outside: Outside,
    client: reqwest::Client,
    token: String,
}

/// What a pull came to.
struct Pulled {
    counts: Counts,
    cpu_us: f64,
    seconds: f64,
}

pub(crate) async fn measure(build: &Build, with_dlt: bool, report: &mut Report) -> Result<()> {
    let vendor = VendorProcess::start(ROWS).await?;
    let stage = Stage::set().await?;
    let mut loads = Vec::new();
    for page_rows in PAGES {
        loads.push(stage.cpu(build, &vendor, page_rows, report).await?);
    }
    if with_dlt {
        dlt(&vendor, &loads, report).await?;
    }
    let few = stage.writes_and_memory(build, ROWS, report).await?;
    let many = stage.writes_and_memory(build, MANY_ROWS, report).await?;
    report.add("200,000 rows to 20,000: items a page beside the rows", many / few, "×", Target::AtMost(1.0));
    Ok(())
}

impl Stage {
    async fn set() -> Result<Self> {
        // One slice does the whole run, so that all of its cost is in one invocation.
        let variables = [("SLICE_BUDGET_MS".to_owned(), "850000".to_owned())].into();
        let host = Host::start(Options { variables, poll: false, ..Options::default() }).await?;
        let (environment, outside) = (host.environment("sync-control"), Outside::default());
        let clients = Clients::connect(&environment, &outside)?;
        let runs = Runs::connect(&clients, &environment, &outside)?;
        let store = ConnectionStore::connect(&clients, &environment)?;
        let secret = host.secrets().get("SERVICE_JWT_SECRET").ok_or("the host has generated no secret")?.to_owned();
        let scopes = token::scopes("connections:read,connections:write");
        let grant = Grant { scopes, life_seconds: 86_400, ..Grant::default() };
        let token = token::mint(grant, &secret, Clock::default().now())?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { host, runs, store, outside, client, token })
    }

    async fn worker(&self, build: &Build, proxy: Option<&Proxy>) -> Result<FunctionProcess> {
        let mut environment = self.host.environment("sync-worker");
        environment.extend(proxy.map(|proxy| ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url.clone())));
        FunctionProcess::start(&build.binary("sync-worker"), &environment).await
    }

    /// A connection of this name, which asks for so many rows at once and as often as it likes.
    async fn connect(&self, name: &str, vendor: &VendorProcess, page_rows: u64) -> Result<Connection> {
        let settings = json!({"baseUrl": vendor.base_url, "pageSize": page_rows, "requestsPerMinute": 100_000,
            "requestsPerHour": 1_000_000});
        let body = json!({"settings": settings, "secrets": {"current": KEY}});
        let path = format!("default/doorloop/{name}");
        let put = self.client.put(format!("{}/api/admin/connections/{path}", self.host.url()));
        put.bearer_auth(&self.token).body(body.to_string()).send().await?.error_for_status()?;
        Ok(path.parse()?)
    }

    /// A pull of everything, from its start to its end.
    async fn pull(&self, worker: &mut FunctionProcess, connection: &Connection) -> Result<Pulled> {
        let stored = self.store.read(connection).await?.ok_or("the connection is gone")?;
        let request = PullRequest { mode: PullMode::Backfill, ..PullRequest::default() };
        let request = StartRequest {
            connection: connection.clone(),
            work: work_of(&self.outside.providers, &stored, &request)?,
            mode: Mode::Apply,
            actor: "benchmark".into(),
            trigger: Trigger::Manual,
            correlation_id: "benchmark".into(),
        };
        let mut run: Run = start_in_background(&self.runs, &request, None).await?.ok_or("nothing was started")?;
        let mut event: Value = serde_json::from_str(EVENT)?;
        event["Records"][0]["body"] = json!(serde_json::to_string(&SliceMessage::of(&run))?);
        let (mut cpu, mut seconds, mut slices) = (0.0, 0.0, 0);
        while run.status == RunStatus::Pending {
            slices += 1;
            if slices > SLICES_MAX {
                return Err(format!("the pull does not go on: {:?}", run.wait).into());
            }
            // On a busy machine a write may be late, and is tried again.
            if let Some(wait) = run.wait {
                note(&format!("the pull waits until {} ({})", wait.until, wait.reason.text()));
                let pause = wait.until.duration_since(Clock::default().now());
                tokio::time::sleep(Duration::try_from(pause).unwrap_or_default() + Duration::from_secs(1)).await;
            }
            let (answer, used) = worker.invoke_counting_cpu(&event).await?;
            (cpu, seconds) = (cpu + used.as_secs_f64() * 1e6, seconds + answer.took.as_secs_f64());
            run = self.runs.store.reads.one(connection, &run.id).await?.ok_or("the run is gone")?;
        }
        let Work::Pull(work) = &run.work else { return Err("the run is no pull".into()) };
        match (run.status, work.counts()) {
            (RunStatus::Success, Some(counts)) => Ok(Pulled { counts, cpu_us: cpu, seconds }),
            _ => Err(format!("the pull failed: {:?}", run.error).into()),
        }
    }

    /// CPU of a row when all rows are new and when none changed: that of the first load.
    async fn cpu(&self, build: &Build, vendor: &VendorProcess, page_rows: u64, report: &mut Report) -> Result<f64> {
        let mut worker = self.worker(build, None).await?;
        // Makes connections and touches the code once: what follows is measured without that.
        let small = VendorProcess::start(100).await?;
        let warm = self.connect(&format!("warm-{page_rows}"), &small, 10).await?;
        for _ in 0..2 {
            self.pull(&mut worker, &warm).await?;
        }
        let fewest: u64 = vendor.rows().await?.iter().map(|(_, rows)| rows.div_ceil(page_rows)).sum();
        let (mut loads, mut repeats, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..REPETITIONS {
            let connection = self.connect(&format!("cpu-{page_rows}-{number}"), vendor, page_rows).await?;
            let before = vendor.requests().await?;
            let first = self.pull(&mut worker, &connection).await?;
            expect(first.counts.created, ROWS, "created")?;
            let requests = vendor.requests().await? - before;
            if number == 0 {
                let figure = format!("requests, {ROWS} rows by {page_rows}");
                report.add(figure, requests as f64, "", Target::Exactly(fewest as f64));
            }
            let again = self.pull(&mut worker, &connection).await?;
            expect(again.counts.unchanged, ROWS, "unchanged")?;
            loads.push(first.cpu_us / ROWS as f64);
            repeats.push(again.cpu_us / ROWS as f64);
            seconds.push(first.seconds);
        }
        let load = median(loads);
        report.add(format!("CPU per row, first load by {page_rows}"), load, "µs", Target::AtMost(20.0));
        let figure = format!("CPU per row, nothing changed by {page_rows}");
        report.add(figure, median(repeats), "µs", Target::AtMost(20.0));
        report.add(format!("first load by {page_rows}, whole run"), median(seconds), "s", Target::None);
        let asking = asking(&self.client, vendor, page_rows).await?;
        report.add(format!("the same pages asked for and nothing else, by {page_rows}"), asking, "s", Target::None);
        Ok(load)
    }

    /// Memory, and items written: of a page, beside the rows that changed.
    async fn writes_and_memory(&self, build: &Build, rows: u64, report: &mut Report) -> Result<f64> {
        let page_rows = PAGES[0];
        let vendor = VendorProcess::start(rows).await?;
        let proxy = Proxy::start(&self.host.endpoints().dynamodb).await?;
        // A new process each, as the peak is never forgotten.
        let mut worker = self.worker(build, Some(&proxy)).await?;
        let connection = self.connect(&format!("memory-{rows}"), &vendor, page_rows).await?;
        let pages: u64 = vendor.rows().await?.iter().map(|(_, rows)| rows.div_ceil(page_rows)).sum();
        let mut beside = Vec::new();
        for (name, changed) in [("first load", rows), ("nothing changed", 0), ("200 changed", CHANGED)] {
            if name == "200 changed" {
                vendor.change("tenants", CHANGED).await?;
            }
            proxy.take();
            let pulled = self.pull(&mut worker, &connection).await?;
            let written = proxy.take();
            note(&format!("{rows} rows, {name}: {:?}, {written:?}", pulled.counts));
            expect(pulled.counts.created + pulled.counts.updated, changed, name)?;
            let more = records(&written, changed)?;
            report.add(
                format!("{rows} rows, {name}: items a page beside the rows"),
                more / pages as f64,
                "",
                Target::None,
            );
            report.add(format!("{rows} rows, {name}: write units"), written.units, "WCU", Target::None);
            beside.push(more / pages as f64);
        }
        let (peak, _) = worker.memory()?;
        report.add(format!("{rows} rows: peak memory"), peak, "MB", Target::AtMost(64.0));
        Ok(beside.into_iter().fold(0.0, f64::max))
    }
}

/// How many items were written beside the records.
fn records(written: &Written, changed: u64) -> Result<f64> {
    let records = written.tables.get("RecordsTable").copied().unwrap_or_default();
    expect(records, changed, "records written")?;
    Ok((written.items - records) as f64)
}

/// A benchmark of the wrong thing is worse than none.
fn expect(found: u64, expected: u64, what: &str) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{found} {what}, and not {expected}").into()) }
}

/// How long the vendor takes for all pages, one after another.
async fn asking(client: &reqwest::Client, vendor: &VendorProcess, page_rows: u64) -> Result<f64> {
    let began = tokio::time::Instant::now();
    for (entity, rows) in vendor.rows().await? {
        for number in 1..=rows.div_ceil(page_rows) {
            let url = format!("{}/{entity}?page_number={number}&page_size={page_rows}", vendor.base_url);
            client.get(url).bearer_auth(KEY).send().await?.error_for_status()?.bytes().await?;
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

/// The same rows of the same vendor, merged by dlt into DuckDB. Its CPU is that of the database too, which is in its process.
async fn dlt(vendor: &VendorProcess, loads: &[f64], report: &mut Report) -> Result<()> {
    let requirements = root().join("tests/benchmark/requirements.txt");
    let python = install::python(&requirements, &target()?.join("benchmark-venv"))?;
    let mut command = Command::new(&python);
    command.arg(root().join("tests/benchmark/dlt_pull.py")).args([&vendor.base_url, KEY, &PAGES[0].to_string()]);
    for (entity, rows) in vendor.rows().await? {
        command.arg(format!("{entity}={rows}"));
    }
    let before = vendor.requests().await?;
    // The vendor answers meanwhile, from its own process.
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await??;
    let requests = (vendor.requests().await? - before) as f64 / 2.0;
    let measured: Value = serde_json::from_slice(&output)?;
    let number = |name: &str| measured[name].as_f64().ok_or_else(|| format!("dlt_pull.py printed {measured}"));
    let first = number("first_load")? * 1e6 / ROWS as f64;
    report.add("dlt, CPU per row, first load by 1000", first, "µs", Target::None);
    let again = number("nothing_changed")? * 1e6 / ROWS as f64;
    report.add("dlt, CPU per row, nothing changed by 1000", again, "µs", Target::None);
    report.add("dlt, peak memory", number("peak_megabytes")?, "MB", Target::None);
    report.add("dlt, requests a load by 1000", requests, "", Target::None);
    for (page_rows, load) in PAGES.iter().zip(loads) {
        let figure = format!("dlt's first load to ours by {page_rows}, CPU");
        report.add(figure, first / load, "×", Target::AtLeast(10.0));
    }
    Ok(())
}
