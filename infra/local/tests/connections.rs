//! `signalbox connections` as a process, against a host: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use signalbox_local::{Host, Options};
use tokio::process::Command;

const SECRET: &str = "the-secret-of-github";

/// A command, in the folder that has the secret of the host's tokens.
async fn run(host: &Host, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.arg("connections").args(arguments).current_dir(folder).env_clear();
    command.args(["--timeout", "60", "--url", &host.url(), "--data-dir"]).arg(folder).env("GITHUB", SECRET);
    command.output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that ends well prints for programs.
async fn printed(host: &Host, folder: &Path, arguments: &[&str]) -> String {
    let output = run(host, folder, arguments).await;
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{told}");
    assert!(!out.contains(SECRET) && !told.contains(SECRET), "{out}{told}");
    out
}

#[tokio::test]
async fn a_connection_is_set_listed_exported_imported_and_tested_from_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let host = Host::start(Options { secrets: Some(folder.to_owned()), ..Options::default() }).await.unwrap();
    printed(&host, folder, &["set", "acme/github/main", "--secret-env", "GITHUB", "--display-name", "Acme"]).await;
    printed(&host, folder, &["set", "acme/catalogue/shop", "source=no.json", "--schedule", "15"]).await;
    printed(&host, folder, &["set", "acme/catalogue/shop", "id=id", "volatile=[\"a.b\"]"]).await;
    let listed = printed(&host, folder, &["list", "--tenant", "acme"]).await;
    // The version begins at the time of its making.
    let rows: Vec<&str> = listed.lines().map(|row| row.rsplit_once("  ").unwrap().0.trim_end()).collect();
    assert_eq!(
        rows,
        [
            "CONNECTION           STATE   KEPT BY    SCHEDULE      SECRET",
            "acme/catalogue/shop  active  operators  every 15 min  -",
            "acme/github/main     active  operators  off           ••••thub",
        ]
    );

    let exported = printed(&host, folder, &["export"]).await;
    let file: Value = serde_json::from_str(&exported).unwrap();
    let settings = json!({"source": "no.json", "id": "id", "volatile": ["a.b"]});
    let shop = json!({"connection": "acme/catalogue/shop", "settings": settings, "schedule": {"every": 15}});
    let secrets = json!({"current": {"env": "ACME_GITHUB_MAIN_SECRET"}});
    let github = json!({"connection": "acme/github/main", "displayName": "Acme", "settings": {}, "secrets": secrets});
    assert_eq!(file, json!({"connections": [shop, github]}));
    let path = folder.join("file.json");
    std::fs::write(&path, exported.replace("ACME_GITHUB_MAIN_SECRET", "GITHUB")).unwrap();
    let said = printed(&host, folder, &["import", path.to_str().unwrap()]).await;
    assert_eq!(said, "= acme/catalogue/shop\n= acme/github/main\n");

    assert_eq!(printed(&host, folder, &["test", "acme/github/main"]).await, "ok\n");
    for (arguments, out, told) in [
        (vec!["test", "acme/catalogue/shop"], "cannot be used: ", ""),
        (vec!["test", "acme/github/none"], "", "signalbox: acme/github/none: there is no such connection"),
        (vec!["set", "acme/catalogue/shop", "sauce=x"], "", "signalbox: acme/catalogue/shop: 400 invalid_request: "),
        (vec!["set", "acme/github/main", "--secret-env", "NOWHERE"], "", "signalbox: NOWHERE is not set"),
        (vec!["import", "nowhere.json"], "", "signalbox: nowhere.json: "),
        (vec!["set", "acme/github/main", "--token", "no-token"], "", "signalbox: acme/github/main: 401 invalid_token"),
    ] {
        let output = run(&host, folder, &arguments).await;
        let said = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said:?}");
        assert!(said.0.starts_with(out) && said.1.starts_with(told), "{arguments:?}: {said:?}");
    }
    assert!(host.stop().await);
}
