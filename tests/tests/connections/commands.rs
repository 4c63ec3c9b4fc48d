//! What `signalbox connections` does over the routes: export, import, and what it may not.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local::remote::Remote;
use signalbox_local::remote::connections::{Connections, Done, ImportOptions, Line, Listed, Report, export, import};
use signalbox_tests::system::{Settings, System};

use super::kit::{OPERATOR, ask, catalogue, github, nightly, path, put, recorded, shown, stored, token};

const SECRET: &str = "the-secret-of-github";

fn connections(system: &System, tenant: &str) -> Connections {
    // On a slow machine a test waits, and says nothing about it.
    let remote = Remote::new(&system.host.url(), Duration::from_secs(60)).unwrap();
    Connections::new(remote, token(system, tenant))
}

fn file(items: &Value) -> String {
    json!({"connections": items}).to_string()
}

/// Imports as an operator of a tenant: what it came to, and the lines.
async fn imported(
    system: &System,
    tenant: &str,
    file: &str,
    variables: &[(&str, &str)],
    options: ImportOptions,
) -> Result<(Report, Vec<String>), String> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let mut lines = Vec::new();
    let say = |line: &Line| lines.push(line.to_string());
    let report = import(&connections(system, tenant), file, variable, options, say).await;
    Ok((report.map_err(|failed| failed.to_string())?, lines))
}

#[tokio::test]
async fn what_is_exported_has_no_secret_and_changes_nothing_when_it_is_imported() {
    let system = System::start().await;
    put(&system, "acme/github/main", github(SECRET)).await.expect(201);
    ask(&system, "POST", &path("acme/github/main/rotate"), json!({"secret": "the-next-of-github"})).await.expect(200);
    put(&system, "acme/catalogue/shop", nightly("shop.json")).await.expect(201);
    let masked = json!({"displayName": "A shop", "settings": {"source": "https://shop.example/p.json?key=hunter2"}});
    put(&system, "globex/catalogue/shop", masked).await.expect(201);
    let exported = export(&connections(&system, OPERATOR), &Listed::default()).await.unwrap();
    let text = exported.file.to_string();
    for secret in [SECRET, "the-next-of-github", "hunter2"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(exported.masked, ["globex/catalogue/shop settings.source"]);
    let names: Vec<&str> = exported.variables.iter().map(String::as_str).collect();
    assert_eq!(names, ["ACME_GITHUB_MAIN_SECRET", "ACME_GITHUB_MAIN_SECRET_PREVIOUS"]);

    let (before, on_record) = (stored(&system).await, recorded(&system).await.len());
    let variables = [("ACME_GITHUB_MAIN_SECRET", "the-next-of-github"), ("ACME_GITHUB_MAIN_SECRET_PREVIOUS", SECRET)];
    for options in [ImportOptions { dry_run: true, remove: true }, ImportOptions { dry_run: false, remove: true }] {
        let (report, _) = imported(&system, OPERATOR, &text, &variables, options).await.unwrap();
        let unknown = usize::from(options.dry_run);
        assert_eq!(report, Report { left: 3 - unknown, unknown, ..Report::default() });
        assert_eq!(stored(&system).await, before);
    }
    assert_eq!(recorded(&system).await.len(), on_record);

    let of_one = Listed { tenant: Some("globex".into()), provider: Some("catalogue".into()) };
    let exported = export(&connections(&system, OPERATOR), &of_one).await.unwrap();
    assert_eq!(exported.file["connections"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_is_shown_as_a_difference_and_then_applied_once() {
    let system = System::start().await;
    for name in ["acme/catalogue/shop", "acme/catalogue/gone", "globex/catalogue/shop"] {
        put(&system, name, catalogue()).await.expect(201);
    }
    put(&system, "acme/github/main", github(SECRET)).await.expect(201);
    let file = file(&json!([
        {"connection": "acme/catalogue/shop", "settings": {"source": "other.json"}, "schedule": {"every": 60}},
        {"connection": "acme/catalogue/new"},
        {"connection": "acme/github/main", "secrets": {"current": {"env": "GITHUB"}}},
    ]));
    let lines = |github: &str| {
        ["- acme/catalogue/gone", "~ acme/catalogue/shop  schedule, settings.source", "+ acme/catalogue/new", github]
            .map(str::to_owned)
    };
    let variables = [("GITHUB", " another-secret\n")];
    let before = stored(&system).await;
    let dry = ImportOptions { dry_run: true, remove: true };
    let (report, said) = imported(&system, OPERATOR, &file, &variables, dry).await.unwrap();
    assert_eq!(said, lines("? acme/github/main  secrets are compared when they are written"));
    assert_eq!(report, Report { made: 1, changed: 1, removed: 1, unknown: 1, ..Report::default() });
    assert_eq!(report.to_string(), "1 made, 1 changed, 1 removed, 0 left, 1 with secrets to compare, 0 refused");
    assert_eq!(stored(&system).await, before);

    let wet = ImportOptions { dry_run: false, remove: true };
    let (report, said) = imported(&system, OPERATOR, &file, &variables, wet).await.unwrap();
    assert_eq!(said, lines("~ acme/github/main  secrets"));
    assert_eq!(report, Report { made: 1, changed: 2, removed: 1, ..Report::default() });
    let github = shown(&system, "acme/github/main").await;
    assert_eq!((&github["secrets"]["masked"], &github["keptBy"]), (&json!("••••cret"), &json!("operators")));
    shown(&system, "globex/catalogue/shop").await;

    let done = stored(&system).await;
    let (report, _) = imported(&system, OPERATOR, &file, &variables, wet).await.unwrap();
    assert_eq!(report, Report { left: 3, ..Report::default() });
    assert_eq!(stored(&system).await, done);
}

#[tokio::test]
async fn a_pause_is_exported_and_imported_and_undone_by_no_import() {
    let system = System::start().await;
    put(&system, "acme/catalogue/shop", catalogue()).await.expect(201);
    let state = async || shown(&system, "acme/catalogue/shop").await["state"].clone();
    let active =
        file(&json!([{"connection": "acme/catalogue/shop", "settings": {"source": "shop.json"}, "state": "active"}]));
    ask(&system, "POST", &path("acme/catalogue/shop/pause"), json!({"why": "it moves"})).await.expect(200);
    let exported = export(&connections(&system, OPERATOR), &Listed::default()).await.unwrap().file.to_string();
    assert!(exported.contains(r#""state":"paused""#), "{exported}");
    imported(&system, OPERATOR, &active, &[], ImportOptions::default()).await.unwrap();
    assert_eq!(state().await, "paused");
    ask(&system, "POST", &path("acme/catalogue/shop/resume"), Value::Null).await.expect(200);
    let (_, lines) = imported(&system, OPERATOR, &exported, &[], ImportOptions::default()).await.unwrap();
    assert_eq!((lines, state().await), (vec!["~ acme/catalogue/shop  state".to_owned()], json!("paused")));
}

#[tokio::test]
async fn a_token_of_a_tenant_imports_nothing_for_another() {
    let system = System::start().await;
    put(&system, "acme/catalogue/shop", catalogue()).await.expect(201);
    let before = stored(&system).await;
    let file = file(&json!([
        {"connection": "acme/catalogue/shop", "settings": {"source": "https://globex.example/p.json"}},
        {"connection": "acme/catalogue/other", "settings": {"source": "https://globex.example/p.json"}},
    ]));
    let remove = ImportOptions { dry_run: false, remove: true };
    let (report, lines) = imported(&system, "globex", &file, &[], remove).await.unwrap();
    assert_eq!(report, Report { refused: 2, ..Report::default() });
    assert_eq!(lines[0], "! acme/catalogue/shop  404 not_found: there is no such connection");
    assert_eq!(stored(&system).await, before);
    let exported = export(&connections(&system, "globex"), &Listed::default()).await.unwrap();
    assert_eq!(exported.file, json!({"connections": []}));
}

#[tokio::test]
async fn what_a_configuration_keeps_is_refused_and_the_rest_is_done() {
    let vendors = json!([{"slug": "moscot", "source": "moscot.json"}]).to_string();
    let system = System::with(Settings::default().with(&[("VENDORS", &vendors)])).await;
    system.host.fire("Import").await.unwrap();
    let file = file(&json!([
        {"connection": "default/catalogue/moscot", "settings": {"source": "other.json"}},
        {"connection": "default/catalogue/new"},
    ]));
    let (report, lines) = imported(&system, OPERATOR, &file, &[], ImportOptions::default()).await.unwrap();
    assert_eq!(report, Report { made: 1, refused: 1, ..Report::default() });
    let kept = "! default/catalogue/moscot  it is kept by environment, and otherwise there: change it there";
    assert_eq!(lines, [kept, "+ default/catalogue/new"]);
    assert_eq!(shown(&system, "default/catalogue/moscot").await["settings"]["source"], "moscot.json");
}

#[tokio::test]
async fn a_file_that_is_wrong_in_any_part_is_not_begun() {
    let system = System::start().await;
    let good = json!({"connection": "acme/catalogue/shop"});
    for (wrong, expected) in [
        (
            json!({"connection": "acme/catalogue/b", "settings": {"sauce": 1}}),
            "connections[1].settings.sauce is unknown",
        ),
        (
            json!({"connection": "acme/github/b", "secrets": {"current": {"env": "NOWHERE"}}}),
            "connections[1].secrets.current is not there: set NOWHERE",
        ),
        (
            json!({"connection": "acme/github/b", "secrets": {"current": {"ssm": "a"}}}),
            "connections[1].secrets.current names a parameter",
        ),
        (json!({"connection": "acme/github/b"}), "connections[1].secrets must be there"),
    ] {
        let said = imported(&system, OPERATOR, &file(&json!([good, wrong])), &[], ImportOptions::default()).await;
        let said = said.unwrap_err();
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(stored(&system).await.len(), 0);
    }
    let nobody = Connections::new(Remote::new(&system.host.url(), Duration::from_secs(60)).unwrap(), "no-token");
    let said = import(&nobody, &file(&json!([good])), |_| None, ImportOptions::default(), |_| {}).await.unwrap_err();
    assert_eq!(said.to_string(), "acme/catalogue/shop: 401 invalid_token: the token is malformed or not signed by us");
}

#[test]
fn a_line_says_what_became_of_a_connection() {
    let line = |done| Line { connection: "a/b/c".parse().unwrap(), done }.to_string();
    assert_eq!(line(Done::Changed(vec!["settings.url".into(), "secrets".into()])), "~ a/b/c  settings.url, secrets");
    assert_eq!((line(Done::Left), line(Done::Removed)), ("= a/b/c".to_owned(), "- a/b/c".to_owned()));
}
