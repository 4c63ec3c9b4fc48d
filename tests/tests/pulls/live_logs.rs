//! The live log, over HTTP: whoever watches gets each line once, in order, however often and wherever the line breaks off.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use signalbox::http::auth::{CONNECTIONS_READ, READ};
use signalbox_simulators::{Fault, FaultKind, Limits, Vendor};
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::Wire;

use super::kit::{Pulled, backfill, delta, fault, vendor};

const PATH: &str = "/api/admin/sync/logs/stream";
/// How long a client waits for something before it lets a second pass. No assertion goes by it.
const PATIENCE: Duration = Duration::from_millis(20);

/// A client that watches.
struct Watcher<'a> {
    system: &'a System,
    url: String,
    token: String,
    client: reqwest::Client,
    /// The id of the last event that came whole.
    last: Option<String>,
    /// The lines that came, by id, in their order.
    lines: Vec<(String, Value)>,
    beats: usize,
}

impl<'a> Watcher<'a> {
    fn of(pulled: &Pulled<'a>, more: &str) -> Self {
        let system = pulled.world.system;
        let url = format!("{}{PATH}?tenant={}{more}", system.host.url(), pulled.connection.tenant);
        let token = system.service_token("ada", "default", &[CONNECTIONS_READ]);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { system, url, token, client, last: None, lines: Vec::new(), beats: 0 }
    }

    async fn connect(&self) -> Response {
        let request = self.client.get(&self.url).bearer_auth(&self.token);
        let request = self.last.iter().fold(request, |request, last| request.header("Last-Event-ID", last));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("cache-control")), ("text/event-stream".into(), "no-cache".into()));
        response
    }

    /// Takes what comes until the stream ends, or so many bytes came: then it hangs up, wherever that is. Time goes on meanwhile.
    async fn watch(&mut self, bytes_max: usize) {
        let mut response = self.connect().await;
        let mut came = Vec::new();
        loop {
            let chunk = match tokio::time::timeout(PATIENCE, response.chunk()).await {
                Ok(chunk) => chunk.unwrap(),
                Err(_) => {
                    self.system.pass(Duration::from_secs(1));
                    continue;
                }
            };
            let Some(chunk) = chunk else { break };
            came.extend_from_slice(&chunk);
            if came.len() >= bytes_max {
                came.truncate(bytes_max);
                break;
            }
        }
        self.read(&String::from_utf8_lossy(&came));
    }

    /// As a browser reads events: those that came whole.
    fn read(&mut self, text: &str) {
        let Some((whole, _)) = text.rsplit_once("\n\n") else { return };
        for event in whole.split("\n\n") {
            let mut fields = BTreeMap::new();
            for line in event.lines() {
                match line.split_once(':') {
                    Some(("", _)) => self.beats += 1,
                    Some((name, value)) => drop(fields.insert(name, value.strip_prefix(' ').unwrap_or(value))),
                    None => panic!("no line of an event: {line:?}"),
                }
            }
            self.last = fields.get("id").map(|id| (*id).to_owned()).or(self.last.take());
            match (fields.get("event"), fields.get("data")) {
                (Some(&"log"), Some(data)) => {
                    self.lines.push((fields["id"].to_owned(), serde_json::from_str(data).unwrap()));
                }
                (Some(&"connected"), Some(data)) => {
                    assert!(data.contains("message") && fields["retry"] == "3000", "{event}");
                }
                (None, None) => {}
                _ => panic!("{event}"),
            }
        }
    }

    fn said(&self) -> Vec<&str> {
        self.lines.iter().map(|(_, line)| line["message"].as_str().unwrap()).collect()
    }
}

/// All that is stored, as it is to come: ids.
async fn stored(pulled: &Pulled<'_>) -> Vec<String> {
    let items = pulled.world.system.items("RUNS_TABLE", &format!("{}#log", pulled.connection)).await;
    let ids = items.iter().flat_map(|item| {
        let (run, number) = item["sk"].as_str().unwrap().split_once('#').unwrap();
        let lines: Vec<Value> = serde_json::from_str(item["lines"].as_str().unwrap()).unwrap();
        let number: u64 = number.parse().unwrap();
        (0..lines.len()).map(|line| format!("{run}.{number}.{line}")).collect::<Vec<_>>()
    });
    ids.collect()
}

fn ids(watcher: &Watcher<'_>) -> Vec<String> {
    watcher.lines.iter().map(|(id, _)| id.clone()).collect()
}

/// One client hangs up anywhere, also in the middle of a line, and comes again; one stays for as long as it can; one comes at the end.
#[tokio::test]
async fn whoever_hangs_up_anywhere_gets_each_line_once_and_in_order() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled =
        Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "owners"], "pageSize": 5})).await;
    let (mut hasty, mut steady) = (Watcher::of(&pulled, "&follow=false"), Watcher::of(&pulled, ""));
    let mut random = fastrand::Rng::with_seed(13);
    // Of a log that has nothing yet, and of one that grows between two looks.
    hasty.watch(60).await;
    for request in [delta(), backfill(), delta()] {
        pulled.run(&request).await;
        for _ in 0..12 {
            hasty.watch(random.usize(1..4_000)).await;
        }
        steady.watch(usize::MAX).await;
    }
    let all = stored(&pulled).await;
    while hasty.lines.len() < all.len() {
        hasty.watch(random.usize(500..9_000)).await;
    }
    steady.watch(usize::MAX).await;
    assert!(all.len() > 80, "{}", all.len());
    assert_eq!((ids(&hasty), ids(&steady)), (all.clone(), all.clone()));
    // Whoever comes without having had anything begins with the newest 200.
    let mut late = Watcher::of(&pulled, "&follow=false");
    late.watch(usize::MAX).await;
    assert_eq!(ids(&late), all[all.len().saturating_sub(200)..]);
    let (_, page) = late.lines.iter().find(|(_, line)| line["type"] == "progress").unwrap();
    assert_eq!(
        (&page["level"], &page["msg"], page["runId"].is_string()),
        (&page["type"], &page["message"], true),
        "{page}"
    );
    assert!(
        page["ts"].is_string() && page["timestamp"].is_i64() && page["page"].is_u64() && page["rows"].is_u64(),
        "{page}"
    );
}

/// A client that takes nothing for as long as the stream lasts, while another one watches the same.
#[tokio::test]
async fn a_client_that_sleeps_loses_nothing_and_keeps_nobody_waiting() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"], "pageSize": 10})).await;
    let mut sleeper = Watcher::of(&pulled, "");
    let mut asleep = sleeper.connect().await;
    let mut other = Watcher::of(&pulled, "");
    pulled.run(&backfill()).await;
    other.watch(usize::MAX).await;
    let mut came = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, asleep.chunk()).await {
            Ok(chunk) => match chunk.unwrap() {
                Some(chunk) => came.extend_from_slice(&chunk),
                None => break,
            },
            Err(_) => system.pass(Duration::from_secs(1)),
        }
    }
    sleeper.read(&String::from_utf8(came).unwrap());
    sleeper.watch(usize::MAX).await;
    let all = stored(&pulled).await;
    assert_eq!((ids(&other), ids(&sleeper)), (all.clone(), all));
}

#[tokio::test]
async fn a_stream_without_events_gives_signs_of_life_and_ends() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    pulled.run(&backfill()).await;
    let began = system.clock.now();
    let mut watcher = Watcher::of(&pulled, "&level=error");
    watcher.watch(usize::MAX).await;
    assert!(watcher.lines.is_empty() && watcher.beats >= 1, "{}", watcher.beats);
    let lasted = system.clock.now().duration_since(began).as_secs();
    assert!((55..60).contains(&lasted), "{lasted} s");
    // What was passed over is not read again.
    assert_eq!(watcher.last.as_ref(), stored(&pulled).await.last());
}

#[tokio::test]
async fn filters_leave_out_what_nobody_asked_for() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units", "owners"]})).await;
    doorloop.set_fault(fault(FaultKind::Html, "owners", 1, 1)).unwrap();
    pulled.run(&backfill()).await;
    let first = pulled.newest().await["sk"].as_str().unwrap().to_owned();
    pulled.run(&delta()).await;
    let of = async |more: String| {
        let mut watcher = Watcher::of(&pulled, &format!("&follow=false{more}"));
        watcher.watch(usize::MAX).await;
        watcher.lines
    };
    let all = of(String::new()).await;
    let wanted = |check: &dyn Fn(&Value) -> bool| {
        let some: Vec<_> = all.iter().filter(|(_, line)| check(line)).cloned().collect();
        assert!(!some.is_empty() && some.len() < all.len());
        some
    };
    assert_eq!(of("&level=error".into()).await, wanted(&|line| line["type"] == "error"));
    assert_eq!(
        of("&type=warn,progress".into()).await,
        wanted(&|line| line["type"] == "progress" || line["type"] == "warn")
    );
    assert_eq!(of("&entity=owners".into()).await, wanted(&|line| line["entity"] == "owners"));
    assert_eq!(of(format!("&runId={first}")).await, wanted(&|line| line["runId"] == first.as_str()));
    let token = system.service_token("ada", "default", &[CONNECTIONS_READ]);
    let many: Vec<String> = (0..33).map(|number| format!("entity-{number}")).collect();
    let many = format!("entity={}", many.join(","));
    for wrong in ["since=1", "level=loud", "entity=a/b", "runId=1", "lastEventId=1", "follow=maybe", &many] {
        let path = format!("{PATH}?tenant={}&{wrong}", pulled.connection.tenant);
        let refused = system.get(&path).bearer(&token).answer().await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (400, &json!("invalid_request")),
            "{wrong}: {}",
            refused.text
        );
    }
}

/// What was said before the newest 200 entries, and fits no line of them.
#[tokio::test]
async fn what_fits_a_filter_is_found_however_far_back_it_was_said() {
    let system = System::start().await;
    let more = |options: &mut signalbox_simulators::Options| options.rows_of = [("units".to_owned(), 205)].into();
    let doorloop = vendor(&system, Vendor::Doorloop, more).await;
    let settings = json!({"entities": ["owners", "units"], "pageSize": 1});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    doorloop.set_fault(fault(FaultKind::Html, "owners", 1, 1)).unwrap();
    pulled.run(&backfill()).await;
    let mut all = Watcher::of(&pulled, "&follow=false&lastEventId=start");
    all.watch(usize::MAX).await;
    let is_error = |(_, line): &&(String, Value)| line["entity"] == "owners" && line["type"] == "error";
    let wanted: Vec<_> = all.lines.iter().filter(is_error).cloned().collect();
    let behind = all.lines.iter().rev().take_while(|line| !is_error(line)).count();
    assert!(!wanted.is_empty() && behind > 200, "{} {behind}", wanted.len());
    let mut some = Watcher::of(&pulled, "&follow=false&entity=owners&level=error");
    some.watch(usize::MAX).await;
    assert_eq!(some.lines, wanted);
}

#[tokio::test]
async fn a_connection_that_is_made_again_has_no_line_of_the_one_before_it() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let settings = json!({"entities": ["units"]});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings.clone()).await;
    pulled.run(&backfill()).await;
    let before = pulled.newest().await["sk"].as_str().unwrap().to_owned();
    let place = stored(&pulled).await.swap_remove(0);
    pulled.delete().await;
    system.pass(Duration::from_secs(60));
    pulled.put(&doorloop, settings).await;
    let of = async |more: String| {
        let mut watcher = Watcher::of(&pulled, &format!("&follow=false{more}"));
        watcher.watch(usize::MAX).await;
        watcher.lines
    };
    let all = [String::new(), "&lastEventId=start".into(), format!("&lastEventId={place}"), format!("&runId={before}")];
    for more in &all {
        assert!(of(more.clone()).await.is_empty(), "{more}");
    }
    pulled.run(&delta()).await;
    let own = of(String::new()).await;
    assert!(!own.is_empty() && own.iter().all(|(_, line)| line["runId"] != before.as_str()), "{own:?}");
    assert_eq!((of(all[1].clone()).await, of(all[2].clone()).await), (own.clone(), own));
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_a_minute_and_for_what_it_was_given_for() {
    let system = System::with(
        Settings::default().with(&[("STAGE", "production"), ("WEBHOOK_SECRET", "webhook-secret-webhook-secret-00")]),
    )
    .await;
    let doorloop = vendor(&system, Vendor::Doorloop, |_| {}).await;
    let pulled = Pulled::of(&system, &doorloop, "doorloop", json!({"entities": ["units"]})).await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = async |url: String, token: Option<&str>| {
        let request = client.get(url);
        token.into_iter().fold(request, |request, token| request.bearer_auth(token)).send().await.unwrap()
    };
    let own = pulled.connection.tenant.to_string();
    let token = |tenant: &str, scope: &str| system.service_token("ada", tenant, &[scope]);
    let url = format!("{}{PATH}?follow=false", system.host.url());
    // Who may not look gets no ticket.
    for (token, status) in
        [(None, 401), (Some(token(&own, READ)), 403), (Some(token("stranger", CONNECTIONS_READ)), 404)]
    {
        assert_eq!(ask(url.clone(), token.as_deref()).await.status(), status);
    }
    let stranger = token("stranger", CONNECTIONS_READ);
    assert_eq!(ask(format!("{url}&tenant={own}"), Some(&stranger)).await.status(), 403);
    let location = async || {
        let answer = ask(url.clone(), Some(&token(&own, CONNECTIONS_READ))).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()), (307, "no-store"));
        format!("{}{}", system.host.url(), answer.headers()["location"].to_str().unwrap())
    };
    let refused = async |url: String| {
        let answer = ask(url, None).await;
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let invalid = (403, "invalid_ticket".to_owned());
    // Nobody is asked who they are where the ticket is.
    let once = location().await;
    assert_eq!(ask(once.clone(), None).await.status(), 200);
    assert_eq!(refused(once).await, invalid);
    let late = location().await;
    system.pass(Duration::from_secs(66));
    assert_eq!(refused(late).await, invalid);
    let good = location().await;
    let (before, ticket) = good.split_once("ticket=").unwrap();
    let parts: Vec<&str> = ticket.split('.').collect();
    for wrong in
        ["", "x", parts[1], &format!("{}.{}.", parts[0], parts[1]), &format!("{}.{}.{}", parts[0], parts[2], parts[2])]
    {
        assert_eq!(refused(format!("{before}ticket={wrong}")).await, invalid, "{wrong}");
    }
    assert_eq!(refused(format!("{good}&entity=units")).await, (400, "invalid_request".to_owned()));
    let session = system.session_of(&token(&own, CONNECTIONS_READ)).await;
    assert_eq!(refused(format!("{before}ticket={session}")).await, invalid);
    assert_eq!(ask(good.clone(), None).await.status(), 200, "what was tried in its place does not use it up");
}

/// From its start to its end, with a wait in the middle, by somebody who watches all the while.
#[tokio::test]
async fn a_run_is_watched_from_its_start_to_its_end() {
    let system = System::start().await;
    let doorloop = vendor(&system, Vendor::Doorloop, |options| options.limits = Limits::Documented).await;
    let settings = json!({"entities": ["units"], "pageSize": 50});
    let pulled = Pulled::of(&system, &doorloop, "doorloop", settings).await;
    let busy = Fault { seconds: Some(60), ..fault(FaultKind::RateLimited, "units", 2, 1) };
    doorloop.set_fault(busy).unwrap();
    let mut watcher = Watcher::of(&pulled, "");
    pulled.start(&backfill(), signalbox::domain::runs::run::Mode::Apply).await;
    watcher.watch(400).await;
    pulled.work_until(Wire::whole()).await.unwrap();
    watcher.watch(usize::MAX).await;
    let wait = watcher.lines.last().unwrap().1.clone();
    assert_eq!((&wait["waitingFor"], wait["until"].is_string()), (&json!("retryAfter"), true), "{:#?}", watcher.said());
    pulled.settle().await;
    watcher.watch(usize::MAX).await;
    let said = watcher.said();
    assert!(said[0].starts_with("A backfill of units has started"), "{said:#?}");
    assert!(said.last().unwrap().starts_with("The run succeeded after "), "{said:#?}");
    let last = watcher.lines.iter().rev().find(|(_, line)| line["type"] == "progress").unwrap();
    assert!(last.1["total"].is_u64() && last.1["ratePerSecond"].is_number(), "{}", last.1);
    assert_eq!(last.1["rowsPerSecond"], last.1["ratePerSecond"]);
    assert_eq!(last.1["eta"].as_u64(), last.1["etaSeconds"].as_u64().map(|seconds| seconds * 1_000), "{}", last.1);
    assert_eq!(ids(&watcher), stored(&pulled).await);
}
