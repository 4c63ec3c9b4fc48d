//! Whether a feature is on, who says so, and where.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::aws::clients::Clients;
use signalbox::domain::flags::Flag;
use signalbox::domain::ids::TenantId;
use signalbox::engine::flags::Flags;
use signalbox_tests::process::{Crashed, Process};
use signalbox_tests::system::{Settings, System};
use signalbox_tests::wire::{Fault, Verdict, Wire, any, at};

use super::asks::{CATEGORIES, admin, ask, platform, recorded, turn};

const MIRRORING: &str = "FF_CATEGORY_MIRRORING";
const SYNC: &str = "FF_TENANT_GBP_CATEGORY_SYNC";

fn path(flag: &str) -> String {
    format!("/api/admin/flags/override/platform/{flag}")
}

fn path_of(tenant: &str, flag: &str) -> String {
    format!("/api/admin/flags/override/tenant/{tenant}/{flag}")
}

/// A flag as it is told, half a minute later: who takes a change is another function than who tells of it.
async fn told(system: &System, tenant: Option<&str>, flag: &str) -> Value {
    system.pass(Duration::from_secs(30));
    let of_tenant = tenant.map(|tenant| format!("/{tenant}")).unwrap_or_default();
    let path = format!("/api/admin/effective-flags{of_tenant}");
    let all = ask(system, &platform(system), ("GET", &path), Value::Null).await.expect(200);
    assert_eq!((all["success"].as_bool(), all["data"].as_array().map(Vec::len)), (Some(true), Some(3)));
    all["data"].as_array().unwrap().iter().find(|one| one["flag"] == flag).unwrap().clone()
}

/// Whether it is on for a tenant, and by what.
async fn decided(system: &System, tenant: &str, flag: &str) -> (bool, String) {
    let told = told(system, Some(tenant), flag).await;
    let source = told["tenantEffectiveSource"].as_str().unwrap().to_owned();
    (told["tenantEffectiveOn"].as_bool().unwrap(), source)
}

#[tokio::test]
async fn all_are_off_until_somebody_turns_them_on_and_each_change_is_on_record() {
    let system = System::start().await;
    let off = json!({
        "flag": MIRRORING, "effectiveOn": false, "effectiveSource": "off", "locked": false, "why": "nothing turns it on",
        "sources": {"platform_env": false, "platform_db": false, "allow_override": false},
        "rollout": {"percentage": 0, "pilots": []},
    });
    assert_eq!(told(&system, None, MIRRORING).await, off);
    assert_eq!(decided(&system, "acme", MIRRORING).await, (false, "blocked".into()));
    turn(&system, MIRRORING, json!(true)).await;
    let on = told(&system, None, MIRRORING).await;
    assert_eq!((&on["effectiveOn"], &on["effectiveSource"]), (&json!(true), &json!("override")));
    assert_eq!(on["sources"]["platform_override"], true);
    assert_eq!(decided(&system, "acme", MIRRORING).await, (true, "override".into()));
    turn(&system, MIRRORING, Value::Null).await;
    assert_eq!(told(&system, None, MIRRORING).await, off);
    // What is so already is no change.
    turn(&system, MIRRORING, Value::Null).await;
    let of_platform = recorded(&system, "default", "flag.change").await;
    assert_eq!(of_platform.len(), 2);
    assert_eq!(
        (&of_platform[0]["actor"], of_platform[0]["target"].as_str().unwrap().split(':').next()),
        (&json!("maja"), Some("FF_CATEGORY_MIRRORING of the platform"))
    );
    let answer = ask(&system, &platform(&system), ("POST", &path_of("acme", SYNC)), json!({"value": true})).await;
    assert_eq!(answer.expect(200)["data"]["tenantSources"], json!({"tenant_db": false, "tenant_override": true}));
    assert_eq!(recorded(&system, "acme", "flag.change").await.len(), 1);
    assert_eq!(decided(&system, "acme", SYNC).await, (true, "tenant_override".into()));
    assert_eq!(decided(&system, "bolt", SYNC).await, (false, "off".into()));
}

#[tokio::test]
async fn whoever_is_not_let_in_or_asks_for_nothing_is_told_why() {
    let system = System::start().await;
    let (ours, theirs) = (platform(&system), admin(&system, "acme"));
    let old = system.user_token("ADMIN", &[], &[]);
    let flags = "/api/admin/effective-flags";
    let of_acme = "/api/admin/effective-flags/acme";
    for (token, method, path, body, status, error) in [
        ("", "GET", flags.to_owned(), json!(null), 401, "authentication_required"),
        ("x", "GET", flags.to_owned(), json!(null), 401, "invalid_token"),
        (&theirs, "GET", flags.to_owned(), json!(null), 403, "platform_admin_required"),
        (&theirs, "GET", of_acme.to_owned(), json!(null), 200, ""),
        (&theirs, "GET", "/api/admin/effective-flags/bolt".into(), json!(null), 403, "forbidden"),
        ("", "GET", of_acme.to_owned(), json!(null), 401, "authentication_required"),
        ("", "POST", path(MIRRORING), json!({"value": true}), 401, "authentication_required"),
        (&theirs, "POST", path(MIRRORING), json!({"value": true}), 403, "platform_admin_required"),
        (&theirs, "POST", path_of("acme", SYNC), json!({"value": true}), 403, "platform_admin_required"),
        (&theirs, "PUT", format!("/api/admin/flags/{SYNC}"), json!({"enabled": true}), 403, "platform_admin_required"),
        (&old, "POST", path(MIRRORING), json!({}), 400, "value_required"),
        (&ours, "POST", path(MIRRORING), json!({"value": "true"}), 400, "value_required"),
        (&ours, "POST", path(MIRRORING), json!({"value": true, "valu": 1}), 400, "Validation error"),
        (&ours, "POST", path("FF_FF_CATEGORY_MIRRORING"), json!({"value": true}), 404, "not_found"),
        (&ours, "POST", path_of("a b", SYNC), json!({"value": true}), 404, "not_found"),
        (&ours, "POST", path_of("acme", MIRRORING), json!({"value": true}), 409, "override_not_allowed"),
        (&ours, "POST", path_of("acme", MIRRORING), json!({"value": null}), 200, ""),
        (&ours, "PUT", format!("/api/admin/flags/{SYNC}"), json!({}), 400, "Validation error"),
        (
            &ours,
            "PUT",
            format!("/api/admin/flags/{SYNC}"),
            json!({"rollout": {"percentage": 101}}),
            400,
            "Validation error",
        ),
        (
            &ours,
            "PUT",
            format!("/api/admin/flags/{SYNC}"),
            json!({"rollout": {"pilots": ["a/b"]}}),
            400,
            "Validation error",
        ),
        (
            &ours,
            "PUT",
            format!("/api/admin/flags/{MIRRORING}"),
            json!({"rollout": {"percentage": 5}}),
            422,
            "unprocessable",
        ),
    ] {
        let path = path.replace(' ', "%20");
        let asked =
            if token.is_empty() { system.request(method, &path) } else { system.request(method, &path).bearer(token) };
        // Who somebody is, no header but a token's says.
        let asked = asked.header("x-auth0-id", "maja").header("x-auth0-email", "maja@shop.example");
        let answer = if body.is_null() { asked } else { asked.body(body.to_string()) }.answer().await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
        let told = answer.body["error"].as_str().unwrap_or_default();
        assert_eq!(told, error, "{method} {path} {body}: {}", answer.text);
        let success = answer.body.get("success").and_then(Value::as_bool);
        let expected = match status {
            401 | 403 => None,
            status => Some(status == 200),
        };
        assert_eq!(success, expected, "{}", answer.text);
    }
    assert_eq!(recorded(&system, "default", "flag.change").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_the_environment_turns_on_is_locked_and_tenants_may_still_differ() {
    let variables = [(MIRRORING, "true"), (SYNC, "true"), ("FF_FF_TENANT_PLATFORM_CATEGORY", "true")];
    let system = System::with(Settings::default().with(&variables)).await;
    for flag in [MIRRORING, SYNC] {
        let told = told(&system, None, flag).await;
        assert_eq!((&told["effectiveSource"], &told["locked"]), (&json!("env"), &json!(true)));
        for value in [true, false] {
            let answer = ask(&system, &platform(&system), ("POST", &path(flag)), json!({"value": value})).await;
            assert_eq!((answer.status, answer.body["error"].as_str()), (409, Some("environment_locked")));
        }
    }
    assert_eq!(told(&system, None, CATEGORIES).await["effectiveOn"], false);
    ask(&system, &platform(&system), ("POST", &path_of("acme", SYNC)), json!({"value": false})).await.expect(200);
    assert_eq!(decided(&system, "acme", SYNC).await, (false, "tenant_override".into()));
    assert_eq!(decided(&system, "bolt", SYNC).await, (true, "env".into()));
}

#[tokio::test]
async fn a_rollout_begins_with_pilots_and_drops_nobody_and_off_by_hand_stops_it() {
    let system = System::start().await;
    let roll = async |body: Value| {
        let path = format!("/api/admin/flags/{SYNC}");
        ask(&system, &platform(&system), ("PUT", &path), json!({"rollout": body})).await.expect(200)
    };
    roll(json!({"pilots": ["Acme"]})).await;
    assert_eq!(decided(&system, "acme", SYNC).await, (true, "tenant_db".into()));
    assert_eq!(told(&system, Some("acme"), SYNC).await["tenantSources"]["rollout"], "pilot");
    let tenants: Vec<String> = (0..40).map(|number| format!("tenant-{number}")).collect();
    let mut reached: Vec<&String> = Vec::new();
    for percentage in [0, 25, 60, 100] {
        let answer = roll(json!({"percentage": percentage})).await;
        assert_eq!(answer["data"]["rollout"], json!({"percentage": percentage, "pilots": ["acme"]}));
        let mut now = Vec::new();
        for tenant in &tenants {
            if decided(&system, tenant, SYNC).await.0 {
                now.push(tenant);
            }
        }
        assert!(reached.iter().all(|tenant| now.contains(tenant)), "{percentage}");
        reached = now;
    }
    assert_eq!(reached.len(), tenants.len());
    // Nobody else's name is told to a tenant.
    assert_eq!(told(&system, Some("acme"), SYNC).await.get("rollout"), None);
    turn(&system, SYNC, json!(false)).await;
    assert_eq!(decided(&system, "acme", SYNC).await, (false, "override".into()));
}

#[tokio::test]
async fn a_change_holds_here_at_once_and_elsewhere_within_half_a_minute() {
    let system = System::start().await;
    let elsewhere = system.process(Wire::whole()).await;
    let token = platform(&system);
    // Whoever reads categories is let in where they are on; whoever looks at flags sees what is stored.
    let seen = async || {
        let list = elsewhere.ask("read-api", "GET", "/api/v1/tenants/acme/categories", &token, None);
        let is_on = list.await.unwrap().status == 200;
        let flags = elsewhere.ask("read-api", "GET", "/api/admin/effective-flags", &token, None);
        let shown = flags.await.unwrap().expect(200)["data"][1]["effectiveOn"].as_bool().unwrap();
        (is_on, shown)
    };
    assert_eq!(seen().await, (false, false));
    let body = Some(json!({"value": true}));
    let changed = elsewhere.ask("sync-control", "POST", &path(CATEGORIES), &token, body).await.unwrap();
    assert_eq!(changed.expect(200)["data"]["effectiveOn"], true);
    assert_eq!(seen().await, (false, true), "another instance goes by what it has read");
    system.pass(Duration::from_secs(30));
    assert_eq!(seen().await, (true, true));
}

#[tokio::test]
async fn what_cannot_be_read_is_neither_on_nor_off() {
    let system = System::start().await;
    turn(&system, MIRRORING, json!(true)).await;
    let down = || Wire::when(any(), Verdict::Fail(Fault::Unavailable));
    let environment = system.environment("sync-control");
    let wire = down();
    let outside = system.outside(&wire);
    let flags = Flags::connect(&Clients::connect(&environment, &outside).unwrap(), &environment, &outside).unwrap();
    let acme = TenantId::parse("acme").unwrap();
    assert!(flags.effective(Flag::CategoryMirroring, None).await.is_err());
    assert!(flags.effective(Flag::CategoryMirroring, Some(&acme)).await.is_err());
    let outside = system.outside(&Wire::whole());
    let flags = Flags::connect(&Clients::connect(&environment, &outside).unwrap(), &environment, &outside).unwrap();
    assert!(flags.effective(Flag::CategoryMirroring, None).await.unwrap().on);
}

async fn overridden(system: &System, process: &Process, path: &str, value: bool) -> Result<(), Crashed> {
    let body = Some(json!({"value": value}));
    process.ask("sync-control", "POST", path, &platform(system), body).await.map(drop)
}

#[tokio::test]
async fn whatever_crashes_a_flag_is_as_before_or_as_meant_and_on_record_if_so() {
    let system = System::start().await;
    for path in [path(MIRRORING), path_of("acme", SYNC)] {
        let process = system.process(Wire::whole()).await;
        overridden(&system, &process, &path, true).await.unwrap();
        let calls = process.wire().calls();
        overridden(&system, &process, &path, false).await.unwrap();
        let tenant = if path.contains("acme") { "acme" } else { "default" };
        for number in 0..calls.len() {
            for verdict in [Verdict::KillBefore, Verdict::KillAfter] {
                println!("{verdict:?} of call {number} of {path}: {calls:?}");
                system.pass(Duration::from_secs(31));
                let entries = recorded(&system, tenant, "flag.change").await.len();
                let dying = system.process(Wire::when(at(number), verdict)).await;
                assert_eq!(overridden(&system, &dying, &path, true).await, Err(Crashed));
                system.pass(Duration::from_secs(31));
                let is_on = match tenant {
                    "acme" => decided(&system, "acme", SYNC).await.0,
                    _ => told(&system, None, MIRRORING).await["effectiveOn"] == true,
                };
                let written = recorded(&system, tenant, "flag.change").await.len() - entries;
                assert!(written <= 1 && (!is_on || written == 1), "it is on: {is_on}, entries: {written}");
                // The second try comes to the same, whatever the first has left.
                overridden(&system, &process, &path, true).await.unwrap();
                overridden(&system, &process, &path, false).await.unwrap();
            }
        }
    }
}
