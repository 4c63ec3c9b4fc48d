//! Connections of a deployment's configuration: what an import makes of those that are stored, whatever dies in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};
use signalbox::domain::deliveries::signature::schemes;
use signalbox::vendors::catalogue::StoreFactory;
use signalbox_tests::deliveries::delivery::Delivery;
use signalbox_tests::deliveries::hooks::Hooks;
use signalbox_tests::items::Item;
use signalbox_tests::logged::Logged;
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::{Verdict, Wire, at};

use super::kit::{LIST, ask, due, path, put, recorded, shown, stored};

/// A file of connections, in a folder that goes with it.
struct File {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl File {
    fn new(connections: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("connections.json");
        let this = Self { _folder: folder, file };
        this.write(connections);
        this
    }

    fn write(&self, connections: &Value) {
        write(&self.file, connections);
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// A host that imports it.
    async fn host(&self, variables: &[(&str, &str)]) -> System {
        System::with(Settings::default().with(&[("CONNECTIONS", self.path())]).with(variables)).await
    }
}

fn write(file: &Path, connections: &Value) {
    std::fs::write(file, json!({"connections": connections}).to_string()).unwrap();
}

async fn import(system: &System) {
    system.host.fire("Import").await.unwrap();
}

/// What the import said of a failure.
async fn failed(system: &System) -> String {
    let process = system.process(Wire::whole()).await;
    process.fire("import").await.unwrap().unwrap_err()
}

/// What the import logs of a source that is wrong, which fails nothing.
async fn logged(system: &System) -> String {
    let logged = Logged::here();
    system.process(Wire::whole()).await.fire("import").await.unwrap().unwrap();
    logged.text()
}

fn sender(connection: &str, secret: &Value) -> Value {
    json!({"connection": connection, "settings": {}, "secrets": {"current": secret}})
}

/// All connections, by name: who keeps each, in what, and how often it was written.
async fn listed(system: &System) -> Vec<(String, String, String, u64)> {
    let page = ask(system, "GET", LIST, Value::Null).await.expect(200);
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
    let row = |item: &Value| {
        let made: Timestamp = item["created"]["at"].as_str().unwrap().parse().unwrap();
        let written = item["version"].as_u64().unwrap() - made.as_millisecond().unsigned_abs() + 1;
        (text(item, "connection"), text(item, "keptBy"), text(item, "keptIn"), written)
    };
    let mut rows: Vec<_> = page["items"].as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn what_the_variables_name_is_listed_and_kept_by_the_configuration() {
    let senders = json!([{"provider": "github", "connection": "main", "tenant": "acme", "scheme": "github",
        "secrets": ["the-secret-of-github", "the-one-before-it"]}]);
    let links = json!([{"connectionId": "conn-1", "brand": "north"}, {"connectionId": "conn-2", "brand": "north"}]);
    let system = System::with(
        Settings::default()
            .with(&[("WEBHOOK_SENDERS", &senders.to_string()), ("TRACKSTAR_CONNECTIONS", &links.to_string())]),
    )
    .await;
    import(&system).await;
    let row = |name: &str| (name.to_owned(), "configuration".to_owned(), "environment".to_owned(), 1);
    let rows = [row("acme/github/main"), row("default/catalogue/moscot"), row("default/trackstar/north")];
    assert_eq!(listed(&system).await, rows, "of two links of one brand the first one");
    let secrets = shown(&system, "acme/github/main").await["secrets"].clone();
    assert_eq!((&secrets["masked"], &secrets["hasPrevious"]), (&json!("••••thub"), &json!(true)));
    let moscot = shown(&system, "default/catalogue/moscot").await;
    assert_eq!(moscot["settings"]["source"], "moscot.catalog.json");
    assert_eq!(moscot["changed"]["by"], "import");
    let all = ["displayName", "schedule", "state", "keptBy", "secrets.current", "secrets.previous", "settings.scheme"];
    let entry = ("connection.put".to_owned(), "acme/github/main".to_owned(), all.map(str::to_owned).to_vec());
    assert!(recorded(&system).await.contains(&entry));

    // An hour later what was refused is looked at again, and nothing is written anew.
    let before = (stored(&system).await.len(), recorded(&system).await.len());
    system.pass(Duration::from_secs(3600));
    import(&system).await;
    assert_eq!(listed(&system).await, rows);
    assert_eq!((stored(&system).await.len(), recorded(&system).await.len()), before);

    let change = json!({"settings": {"source": "other.json"}});
    let refused = ask(&system, "PUT", &path("default/catalogue/moscot"), change).await;
    assert_eq!(refused.problem(), (409, "kept_by_configuration"));
}

#[tokio::test]
async fn what_doors_and_runs_take_of_the_variables_and_the_import_does_not_keeps_nothing_else_out() {
    let sender = |name: &str, secret: &str| json!({"provider": "erp", "connection": name, "scheme": {"header": "x-erp"}, "url": "", "secrets": [secret]});
    let senders = json!([sender("long", &"s".repeat(4097)), sender("good", "the-secret-of-erp")]).to_string();
    let vendors = json!([{"slug": "unnamed", "name": ""}, {"slug": "shop"}]).to_string();
    let system = System::with(Settings::default().with(&[("WEBHOOK_SENDERS", &senders), ("VENDORS", &vendors)])).await;
    let logged = Logged::here();
    system.process(Wire::whole()).await.fire("import").await.unwrap().unwrap();
    let names: Vec<String> = listed(&system).await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["default/catalogue/shop", "default/erp/good"]);
    for why in [
        "default/catalogue/unnamed: VENDORS[0].displayName must have 1 to 100 characters",
        "default/erp/long: WEBHOOK_SENDERS[0].secrets have more than 4096 bytes",
    ] {
        assert!(logged.text().contains(why), "{}", logged.text());
    }
}

#[tokio::test]
async fn a_file_s_connections_are_made_changed_and_removed_and_those_of_others_stay() {
    let file = File::new(&json!([
        sender("acme/github/main", &json!({"env": "GITHUB"})),
        {"connection": "acme/catalogue/shop", "settings": {"source": "shop.json"}, "schedule": {"every": 60}},
        {"connection": "acme/catalogue/mine", "settings": {"source": "theirs.json"}},
        {"connection": "default/catalogue/moscot"},
    ]));
    let system = file.host(&[("GITHUB", "the-first-secret")]).await;
    put(&system, "acme/catalogue/mine", json!({"settings": {"source": "mine.json"}})).await.expect(201);
    import(&system).await;
    let of = |name: &str, version| (name.to_owned(), "configuration".to_owned(), file.path().to_owned(), version);
    let mine = ("acme/catalogue/mine".to_owned(), "operators".to_owned(), "-".to_owned(), 1);
    // The variables have it.
    let moscot = ("default/catalogue/moscot".to_owned(), "configuration".to_owned(), "environment".to_owned(), 1);
    let rows = [mine.clone(), of("acme/catalogue/shop", 1), of("acme/github/main", 1), moscot.clone()];
    assert_eq!(listed(&system).await, rows);
    assert!(due(&system, "acme/catalogue/shop").await.is_some());

    file.write(&json!([
        sender("acme/github/main", &json!({"env": "GITHUB"})),
        {"connection": "acme/catalogue/new", "settings": {"source": "new.json"}},
    ]));
    import(&system).await;
    let rows = [mine.clone(), of("acme/catalogue/new", 1), of("acme/github/main", 1), moscot.clone()];
    assert_eq!(listed(&system).await, rows, "a secret that is the same is not sealed again");
    assert_eq!(due(&system, "acme/catalogue/shop").await, None);

    // The same file, and another secret where it lies.
    let process = system.process_with(Wire::whole(), &[("env:GITHUB", "the-second-secret")]).await;
    process.fire("import").await.unwrap().unwrap();
    let rows = [mine, of("acme/catalogue/new", 1), of("acme/github/main", 2), moscot];
    assert_eq!(listed(&system).await, rows);
    let entry = ("connection.put".to_owned(), "acme/github/main".to_owned(), vec!["secrets.current".to_owned()]);
    assert!(recorded(&system).await.contains(&entry));
}

#[tokio::test]
async fn a_file_that_is_wrong_in_any_part_changes_nothing_and_says_where() {
    let good = json!({"connection": "acme/catalogue/shop", "settings": {"source": "shop.json"}});
    let file = File::new(&json!([good]));
    let system = file.host(&[("BLANK", " ")]).await;
    import(&system).await;
    let all_but_notes = async || {
        let mut items = stored(&system).await;
        items.retain(|item| item["pk"] != "@imports");
        items
    };
    let before = all_but_notes().await;
    let version = shown(&system, "acme/catalogue/shop").await["version"].clone();
    let name = file.path();
    for (wrong, expected) in [
        (
            json!({"connection": "acme/catalogue/b", "settings": {"sauce": "x"}}),
            "connections[0].settings.sauce is unknown",
        ),
        (
            sender("acme/github/b", &json!({"env": "NOWHERE"})),
            "connections[0].secrets.current is not there: set NOWHERE",
        ),
        (
            sender("acme/github/b", &json!({"ssm": "nowhere"})),
            "connections[0].secrets.current is not there: set nowhere",
        ),
        (
            sender("acme/github/b", &json!({"ssm": "no-where"})),
            "connections[0].secrets.current is not there: no-where cannot be a variable",
        ),
        (sender("acme/github/b", &json!({"env": "BLANK"})), "connections[0].secrets.current is not there: set BLANK"),
        (json!({"connection": "acme/github/b"}), "connections[0].secrets must be there"),
        (good.clone(), "connections[1] is acme/catalogue/shop again, as connections[0] is"),
    ] {
        file.write(&json!([wrong, good]));
        let said = logged(&system).await;
        let expected = format!("connections were not imported, nothing was changed: {name}: {expected}");
        assert!(said.contains(&expected), "{said}");
        assert_eq!(all_but_notes().await, before);
        let again = logged(&system).await;
        assert!(!again.contains("were not imported"), "what is as wrong as before is said once: {again}");
    }
    std::fs::remove_file(&file.file).unwrap();
    let said = failed(&system).await;
    assert!(said.contains("cannot be read"), "{said}");
    assert_eq!(all_but_notes().await, before, "what cannot be read removes nothing");
    assert_eq!(shown(&system, "acme/catalogue/shop").await["version"], version);
}

#[tokio::test]
async fn what_was_imported_is_said_though_another_source_is_wrong() {
    let file = File::new(&json!([{"connection": "acme/github/b"}]));
    let system = file.host(&[]).await;
    let said = logged(&system).await;
    assert!(said.contains("connections imported") && said.contains("connections[0].secrets must be there"), "{said}");
}

#[tokio::test]
async fn a_pause_survives_the_next_import() {
    let shop = |source: &str| json!([{"connection": "acme/catalogue/shop", "settings": {"source": source}}]);
    let file = File::new(&shop("before.json"));
    let system = file.host(&[]).await;
    import(&system).await;
    ask(&system, "POST", &path("acme/catalogue/shop/pause"), json!({"why": "it moves"})).await.expect(200);
    file.write(&shop("after.json"));
    import(&system).await;
    let shop = shown(&system, "acme/catalogue/shop").await;
    assert_eq!((&shop["settings"]["source"], &shop["state"]), (&json!("after.json"), &json!("paused")));
    assert_eq!((&shop["paused"]["why"], &shop["paused"]["by"]), (&json!("it moves"), &json!("operator")));
}

#[tokio::test]
async fn what_moves_from_the_variables_to_a_file_keeps_its_pause_its_secrets_and_when_it_was_made() {
    const MAIN: &str = "acme/github/main";
    let senders = json!([{"provider": "github", "connection": "main", "tenant": "acme", "scheme": "github",
        "secrets": ["the-secret-of-github"]}])
    .to_string();
    let system = System::with(Settings::default().with(&[("WEBHOOK_SENDERS", &senders)])).await;
    import(&system).await;
    ask(&system, "POST", &path(&format!("{MAIN}/pause")), json!({"why": "it moves"})).await.expect(200);
    let before = shown(&system, MAIN).await;
    system.pass(Duration::from_secs(60));

    let named =
        json!({"connection": MAIN, "settings": {"scheme": "github"}, "secrets": {"current": {"env": "GITHUB"}}});
    let file = File::new(&json!([named]));
    let fire = async |senders: &str| {
        let variables =
            [("WEBHOOK_SENDERS", senders), ("CONNECTIONS", file.path()), ("env:GITHUB", "the-secret-of-github")];
        system.process_with(Wire::whole(), &variables).await.fire("import").await.unwrap().unwrap();
    };
    // As long as both name it, it stays where it is.
    fire(&senders).await;
    assert_eq!(shown(&system, MAIN).await, before);
    fire("[]").await;
    let after = shown(&system, MAIN).await;
    assert_eq!(after["keptIn"], file.path());
    for same in ["created", "state", "paused", "secrets", "settings"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let changed = |(action, of, names): &(String, String, Vec<String>)| {
        (of == MAIN && action != "connection.pause").then(|| (action.clone(), names.len()))
    };
    let recorded: Vec<_> = recorded(&system).await.iter().filter_map(changed).collect();
    assert!(recorded.contains(&("connection.put".into(), 1)) && recorded.len() == 2, "{recorded:?}");

    file.write(&json!([]));
    fire("[]").await;
    let gone = ask(&system, "GET", &path(MAIN), Value::Null).await;
    assert_eq!(gone.problem(), (404, "not_found"));
}

#[tokio::test]
async fn an_address_goes_from_one_to_another_in_one_import() {
    let links = |ids: [&str; 2]| {
        json!([{"connection": "acme/trackstar/north", "settings": {"connectionId": ids[0]}},
            {"connection": "acme/trackstar/south", "settings": {"connectionId": ids[1]}}])
    };
    let file = File::new(&links(["conn-1", "conn-2"]));
    let system = file.host(&[]).await;
    import(&system).await;
    file.write(&links(["conn-2", "conn-3"]));
    import(&system).await;
    let id = async |name: &str| shown(&system, name).await["settings"]["connectionId"].clone();
    assert_eq!(
        (id("acme/trackstar/north").await, id("acme/trackstar/south").await),
        (json!("conn-2"), json!("conn-3"))
    );
}

#[tokio::test]
async fn a_sender_of_a_file_is_let_in_with_the_secret_that_the_file_names() {
    const SECRET: &str = "the-secret-of-parameter-store";
    let file = File::new(&json!([sender("acme/github/hub", &json!({"ssm": "acme-github"}))]));
    let hooks = Hooks::with(&[("CONNECTIONS", file.path())]).await;
    hooks.host.parameters().put("/signalbox/connections/acme-github", SECRET);
    import(&hooks).await;
    let push =
        Delivery::signed("/webhooks/github/hub", &schemes::GITHUB, SECRET, Some("1"), Timestamp::UNIX_EPOCH, "{}");
    assert!(hooks.send(&push).await.status < 300);
}

#[tokio::test]
async fn an_object_is_imported_when_it_is_another_and_not_read_past_the_deployment_s_buckets() {
    let memory = Arc::new(InMemory::new());
    let stores = memory.clone();
    let stores = StoreFactory::wrapped(move |_| stores.clone() as Arc<dyn ObjectStore>);
    let object = "s3://config/connections.json";
    let variables = [("CONNECTIONS", object), ("CATALOG_BUCKETS", "config")];
    let system = System::with(Settings { stores, ..Settings::default() }.with(&variables)).await;
    let upload = async |connection: &str| {
        let file = json!({"connections": [{"connection": connection, "settings": {"source": "shop.json"}}]});
        memory.put(&"connections.json".into(), file.to_string().into()).await.unwrap();
    };
    upload("acme/catalogue/first").await;
    import(&system).await;
    assert_eq!(shown(&system, "acme/catalogue/first").await["keptIn"], object);
    upload("acme/catalogue/second").await;
    import(&system).await;
    shown(&system, "acme/catalogue/second").await;
    let gone = ask(&system, "GET", &path("acme/catalogue/first"), Value::Null).await;
    assert_eq!(gone.problem(), (404, "not_found"));

    let elsewhere = system.process_with(Wire::whole(), &[("CONNECTIONS", "s3://other/connections.json")]).await;
    let said = elsewhere.fire("import").await.unwrap().unwrap_err();
    assert!(said.contains("bucket \"other\" is not among the allowed ones"), "{said}");
}

#[tokio::test]
async fn the_same_configuration_costs_a_read_of_each_source() {
    let file = File::new(&json!([sender("acme/github/main", &json!({"env": "GITHUB"}))]));
    let system = file.host(&[("GITHUB", "a-secret-of-github")]).await;
    import(&system).await;
    let process = system.process(Wire::whole()).await;
    process.fire("import").await.unwrap().unwrap();
    let first = process.wire().calls();
    process.fire("import").await.unwrap().unwrap();
    let calls = process.wire().calls();
    let second: Vec<&String> = calls.iter().skip(first.len()).filter(|call| !call.contains("Store")).collect();
    assert_eq!(second, ["DynamoDB.GetItem", "DynamoDB.GetItem"], "a data key is kept for an hour");
}

#[tokio::test]
async fn looks_that_take_longer_than_a_call_come_to_an_end() {
    let file = File::new(&json!([]));
    let senders = |display_name: &str| {
        let one = |number: usize| {
            let mut one = sender(&format!("acme/github/n-{number:02}"), &json!({"env": "GITHUB"}));
            one["displayName"] = json!(if number == 0 { display_name } else { "Acme" });
            one
        };
        Value::from((0..80).map(one).collect::<Vec<_>>())
    };
    file.write(&senders("Acme"));
    let system = file.host(&[("GITHUB", "the-secret-of-github")]).await;
    import(&system).await;
    file.write(&senders("Another"));
    // Each call to AWS takes a tenth of a second, and each instance unwraps data keys anew: there is time for some of the looks alone.
    let slow = || {
        let clock = system.clock.clone();
        Wire::planned(move |_| {
            clock.advance(Duration::from_millis(100));
            Verdict::Pass
        })
    };
    let is_done = async || {
        let notes = system.items("CONNECTIONS_TABLE", "@imports").await;
        notes.iter().any(|note| note["sk"] == file.path() && note.contains_key("seen"))
    };
    let mut ticks = 0;
    while ticks == 0 || !is_done().await {
        system.process(slow()).await.fire("import").await.unwrap().unwrap();
        ticks += 1;
        assert!(ticks < 12, "it does not end");
    }
    assert!(ticks > 1, "there was time for all at once");
    assert_eq!(shown(&system, "acme/github/n-00").await["displayName"], "Another");
}

/// What there is before, and then: a secret that changes, a schedule, one that goes and one that comes.
fn two_files(tenant: &str) -> [Value; 2] {
    let name = |provider: &str, name: &str| format!("{tenant}/{provider}/{name}");
    let shop = |every: u32| {
        json!({"connection": name("catalogue", "shop"), "settings": {"source": "shop.json"},
            "schedule": {"every": every}})
    };
    let gone = json!({"connection": name("catalogue", "gone"), "settings": {"source": "gone.json"}});
    let new = json!({"connection": name("catalogue", "new"), "settings": {"source": "new.json"}});
    // The path of a sender is one tenant's.
    let github = |variable: &str| sender(&name("github", tenant), &json!({"env": variable}));
    [json!([github("BEFORE"), shop(60), gone]), json!([github("AFTER"), shop(90), new])]
}

/// What is stored of a tenant's, but for what differs from try to try.
async fn left(system: &System, tenant: &str) -> Vec<Value> {
    let is_its = |item: &Item| {
        let named = item.get("connection").and_then(Value::as_str).unwrap_or_default();
        let imported = item["pk"] == "@imports" && item["sk"].as_str().unwrap().contains(tenant);
        item["pk"] == tenant || named.starts_with(tenant) || imported
    };
    let items = stored(system).await;
    let mut left: Vec<Value> = Vec::new();
    for item in items.into_iter().filter(is_its) {
        let mut item = Value::Object(item);
        for differs in ["version", "due_at", "next_at", "due_shard", "secrets", "seen"] {
            item.as_object_mut().unwrap().remove(differs);
        }
        left.push(serde_json::from_str(&item.to_string().replace(tenant, "tenant")).unwrap());
    }
    left.push(shown(system, &format!("{tenant}/github/{tenant}")).await["secrets"]["masked"].clone());
    left
}

#[tokio::test]
async fn a_crash_anywhere_in_an_import_is_mended_by_the_next() {
    let system = System::start().await;
    import(&system).await;
    let folder = tempfile::tempdir().unwrap();
    let run = async |tenant: &str, wire: Wire| {
        let file = folder.path().join(format!("{tenant}.json"));
        let variables = [
            ("CONNECTIONS", file.to_str().unwrap()),
            ("env:BEFORE", "the-secret-that-was"),
            ("env:AFTER", "the-secret-that-is-now"),
        ];
        let [before, after] = two_files(tenant);
        write(&file, &before);
        system.process_with(Wire::whole(), &variables).await.fire("import").await.unwrap().unwrap();
        write(&file, &after);
        let process = system.process_with(wire, &variables).await;
        let first = process.fire("import").await;
        let crashed = first.is_err();
        match first {
            Ok(done) => done.unwrap(),
            Err(_) => system.process_with(Wire::whole(), &variables).await.fire("import").await.unwrap().unwrap(),
        }
        (crashed, process.wire().calls())
    };
    let (_, calls) = run("w-000", Wire::whole()).await;
    let expected = left(&system, "w-000").await;
    assert!(expected.iter().any(|item| item == "••••-now"), "{expected:?}");
    for (number, call) in calls.iter().enumerate() {
        for (letter, verdict) in [('b', Verdict::KillBefore), ('a', Verdict::KillAfter)] {
            let tenant = format!("{letter}-{number:03}");
            let (crashed, _) = run(&tenant, Wire::when(at(number), verdict)).await;
            assert!(crashed, "{verdict:?} of call {number} ({call})");
            assert_eq!(left(&system, &tenant).await, expected, "{verdict:?} of call {number} ({call})");
        }
    }
}

#[tokio::test]
async fn a_pause_of_what_the_variables_name_is_seen_at_the_doors_and_by_the_nightly() {
    let hooks = Hooks::with(&[]).await;
    import(&hooks).await;
    let process = hooks.process(Wire::whole()).await;
    let push = |id: &str| Delivery::github(id, "{}");
    let order = |id: &str| {
        let event =
            json!({"event_id": id, "event_type": "order.created", "connection_id": "conn-1", "data": {"id": id}});
        Delivery::trackstar("", &event)
    };
    assert!(process.send(&push("1")).await.unwrap().status < 300);
    let before = process.send(&order("1")).await.unwrap();
    assert!(before.status < 300, "{}", before.text);
    let imported = listed(&hooks).await;
    for (connection, ..) in imported.iter().filter(|(connection, ..)| !connection.starts_with("globex")) {
        ask(&hooks, "POST", &path(&format!("{connection}/pause")), Value::Null).await.expect(200);
    }
    hooks.pass(Duration::from_secs(30));
    for delivery in [push("2"), order("2")] {
        process.send(&delivery).await.unwrap();
    }
    // Trackstar's are acknowledged, and kept as refused: nobody sends them again.
    let refused = "/api/admin/deliveries?status=unknown_sender";
    let page = hooks.ask("GET", refused, Some(&hooks.operator("default")), None).await;
    assert_eq!(page.text.matches("the connection is paused").count(), 2, "{}", page.text);
    process.fire("nightly").await.unwrap().unwrap();
    assert!(hooks.items("RUNS_TABLE", "").await.is_empty(), "nothing was started");
}
