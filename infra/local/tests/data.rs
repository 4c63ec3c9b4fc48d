//! `signalbox export`, `import` and `erase` as a process, beside a host that runs: what they print, and how they end.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

use std::path::Path;
use std::process::Output;

use aws_sdk_dynamodb::types::AttributeValue;
use signalbox_local::{Host, Options, Storage};
use tokio::process::Command;

async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    let Output { status, stdout, stderr } =
        command.args(arguments).current_dir(folder).env_clear().output().await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn put(host: &Host, pk: &str, sk: &str) {
    let table = host.environment("sync-control").require("SNAPSHOTS_TABLE").unwrap().to_owned();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let call = host.dynamodb().put_item().table_name(table).item("pk", text(pk)).item("sk", text(sk));
    call.send().await.unwrap();
}

async fn take_away(host: &Host, pk: &str, sk: &str) {
    let table = host.environment("sync-control").require("SNAPSHOTS_TABLE").unwrap().to_owned();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let call = host.dynamodb().delete_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
    call.send().await.unwrap();
}

#[tokio::test]
async fn a_tenant_is_taken_out_erased_and_put_in_from_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let data = folder.join(".signalbox");
    let (code, _, told) = run(folder, &["export", "--all", "--to", "-"]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("no local host runs on the folder .signalbox: start one"), "{told}");

    let host = Host::start(Options { storage: Storage::Folder(data.clone()), ..Options::default() }).await.unwrap();
    for sk in ["state", "shape"] {
        put(&host, "acme/erp/main", sk).await;
        put(&host, "beta/erp/main", sk).await;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("tables.json")), 0o600, "who reads it reads all data");
    // What one left that was killed lends its rights to nothing.
    let draft = folder.join("acme.ndjson.part");
    std::fs::write(&draft, "").unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, out, told) = run(folder, &["export", "--tenant", "acme", "--to", "acme.ndjson"]).await;
    assert_eq!((code, out.as_str(), mode(&folder.join("acme.ndjson"))), (Some(0), "", 0o600), "{told}");
    assert!(told.contains("taken out: snapshots: state: 1\ntaken out: 2 items\n"), "{told}");
    let file = std::fs::read_to_string(folder.join("acme.ndjson")).unwrap();
    assert_eq!((file.lines().count(), file.contains("beta")), (4, false), "{file}");

    put(&host, "acme/erp/main", "news").await;
    let (code, _, told) = run(folder, &["export", "--tenant", "acme", "--to", "failed.ndjson"]).await;
    assert!(code == Some(1) && told.contains("\"acme/erp/main\", {\"S\":\"news\"} in the table snapshots"), "{told}");
    assert!(!folder.join("failed.ndjson").exists() && !folder.join("failed.ndjson.part").exists(), "it is data");
    take_away(&host, "acme/erp/main", "news").await;

    let none = "deleted: 0 items\nlost the tenant: 0 items\n";
    let gone =
        "deleted: snapshots: shape: 1\ndeleted: snapshots: state: 1\ndeleted: 2 items\nlost the tenant: 0 items\n";
    let would = gone.replace("deleted", "would be deleted").replace("lost the", "would lose the");
    let erase = |more: [&'static str; 4]| [&["erase", "--tenant", "acme"][..], &more[..]].concat();
    for (arguments, code, printed, said) in [
        (vec!["export", "--tenant", "acme", "--to", "acme.ndjson"], 1, "", "acme.ndjson is there already"),
        (vec!["export", "--to", "-"], 1, "", "--tenant"),
        (
            vec!["export", "--all", "--to", "-", "--table", "news=x"],
            1,
            "",
            "\"news\" is no table: there are connections",
        ),
        (
            vec!["export", "--all", "--to", "-", "--table", "runs=x"],
            1,
            "",
            "no name of the table connections: give it with",
        ),
        (vec!["erase", "--tenant", "acme", "--actor", "jo"], 1, "", "--confirm"),
        (erase(["--actor", "jo", "--confirm", "acmee"]), 1, "", "--confirm says \"acmee\", and the tenant is \"acme\""),
        (vec!["erase", "--tenant", "acme", "--actor", "jo", "--dry-run"], 0, would.as_str(), "records: 0 items"),
        (erase(["--actor", "jo", "--confirm", "acme"]), 0, gone, ""),
        (erase(["--actor", "jo", "--confirm", "acme"]), 0, none, ""),
        (vec!["import", "nowhere.ndjson"], 1, "", "nowhere.ndjson: "),
        (
            vec!["import", "acme.ndjson", "--dry-run"],
            0,
            "new 2, same 0, different and kept 0, written over 0, expired meanwhile 0 (nothing was written)\n",
            "acme.ndjson: 2 items, whole",
        ),
        (
            vec!["import", "acme.ndjson"],
            0,
            "new 2, same 0, different and kept 0, written over 0, expired meanwhile 0\n",
            "",
        ),
    ] {
        let (ended, out, told) = run(folder, &arguments).await;
        assert_eq!((ended, out.as_str()), (Some(code), printed), "{arguments:?}: {told}");
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
    // Somebody has changed it since.
    let changed =
        file.replacen("\"pk\":{\"S\":\"acme/erp/main\"}", "\"more\":{\"N\":\"1\"},\"pk\":{\"S\":\"acme/erp/main\"}", 1);
    std::fs::write(folder.join("changed.ndjson"), changed).unwrap();
    let (code, out, _) = run(folder, &["import", "changed.ndjson"]).await;
    assert_eq!((code, out.starts_with("new 0, same 1, different and kept 1,")), (Some(3), true), "{out}");
    assert!(host.stop().await);
    assert!(!data.join("tables.json").exists(), "nobody is there to be asked");
}
