//! Users on the routes that there were before them: each within a tenant, and whoever may enter any is on its record.

use serde_json::{Value, json};
use signalbox_tests::system::{Settings, System};

use super::kit::{LIST, catalogue, github, path};

const HOOK: &str = "acme/github/main";

async fn guarded(more: &[(&str, &str)]) -> System {
    let settings = [("STAGE", "production"), ("WEBHOOK_SECRET", "pos-secret-pos-secret-pos-secret")];
    System::with(Settings::default().with(&settings).with(more)).await
}

/// Who did what to what, as a tenant's record has it.
async fn record(system: &System, tenant: &str) -> Vec<String> {
    let entries = system.items("JOURNAL_TABLE", &format!("{tenant}#audit")).await;
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let line = |entry: &Value| ["actor", "action", "target"].map(|name| text(entry, name)).join(" ");
    let mut lines: Vec<String> = entries.iter().map(|entry| line(&Value::from(entry.clone()))).collect();
    // The clock stands: what is of one moment has no order.
    lines.sort();
    lines
}

#[tokio::test]
async fn a_tenant_s_administrator_changes_what_is_its_own_and_a_reader_reads_it() {
    let system = guarded(&[]).await;
    let (admin, reader) =
        (system.user_token("THREEPL_ADMIN", &["acme"], &[]), system.user_token("BRAND", &["acme"], &[]));
    let put = |token: &str, connection: &str, body: Value| {
        system.request("PUT", &path(connection)).bearer(token).body(body.to_string()).answer()
    };
    let made = put(&admin, HOOK, github("secret-of-github")).await.expect(201);
    assert_eq!(made["data"]["changed"]["by"], "maja");
    assert_eq!(put(&admin, "bolt/github/main", github("s")).await.problem(), (404, "not_found"));
    // What leads to all tenants' data is for operators alone.
    assert_eq!(put(&admin, "acme/catalogue/shop", catalogue()).await.problem(), (403, "forbidden"));
    assert_eq!(put(&reader, HOOK, github("s")).await.problem(), (403, "insufficient_scope"));
    for token in [&admin, &reader] {
        let listed = system.get(LIST).bearer(token).answer().await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    }
    assert_eq!(put(&admin, "acme/github/north", github("another-of-github")).await.status, 201);
    // Whoever is bound to brands sees these alone, and is refused where routes know none.
    let bound = system.user_token("BRAND_USER", &["acme"], &["north"]);
    let listed = system.get(LIST).bearer(&bound).answer().await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect::<Vec<_>>(), ["north"]);
    // What comes before theirs is in no cursor.
    let page = system.get(&format!("{LIST}?limit=1")).bearer(&bound).answer().await.expect(200);
    assert_eq!((&page["items"][0]["name"], &page["nextCursor"]), (&"north".into(), &Value::Null));
    assert_eq!(system.get(&path(HOOK)).bearer(&bound).answer().await.problem(), (404, "not_found"));
    assert_eq!(system.get(&path("acme/github/north")).bearer(&bound).answer().await.status, 200);
    for refused in ["/api/admin/replays", "/api/admin/audit", "/metrics"] {
        assert_eq!(
            system.get(refused).bearer(&bound).answer().await.problem(),
            (403, "insufficient_scope"),
            "{refused}"
        );
    }
    let made = [HOOK, "acme/github/north"].map(|connection| format!("maja connection.put {connection}"));
    assert_eq!(record(&system, "acme").await, made);
}

#[tokio::test]
async fn a_platform_s_administrator_names_the_tenant_and_is_on_its_record() {
    let system = guarded(&[]).await;
    let token = system.user_token("SUPER_ADMIN", &[], &[]);
    assert_eq!(system.get(LIST).bearer(&token).answer().await.problem(), (403, "forbidden"));
    let listed = system.get(LIST).bearer(&token).header("x-tenant-id", "acme").answer().await;
    assert_eq!(listed.expect(200)["items"], serde_json::json!([]));
    let put = system.request("PUT", &path(HOOK)).bearer(&token).header("x-tenant-id", "acme");
    put.body(github("secret-of-github").to_string()).answer().await.expect(201);
    let other = system.request("DELETE", &path(HOOK)).bearer(&token).header("x-tenant-id", "bolt").answer().await;
    assert_eq!(other.problem(), (404, "not_found"));
    let of_acme = record(&system, "acme").await;
    let entered = path(HOOK);
    assert_eq!(
        of_acme,
        [
            format!("maja connection.put {HOOK}"),
            format!("maja tenant.enter DELETE {entered}"),
            format!("maja tenant.enter GET {LIST}"),
            format!("maja tenant.enter PUT {entered}"),
        ]
    );
    assert_eq!(record(&system, "bolt").await, [""; 0], "the path says whose data it is");
    assert_eq!(record(&system, "default").await, [format!("maja tenant.enter GET {LIST}")]);
}

#[tokio::test]
async fn no_way_to_name_a_tenant_keeps_a_platform_s_administrator_off_its_record() {
    let system = guarded(&[]).await;
    let token = system.user_token("SUPER_ADMIN", &[], &[]);
    let session = system.session_of(&token).await;
    let pages = |method: &str, path: &str| {
        let request = system.request(method, path).cookie(&session);
        request.header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin")
    };
    pages("PUT", &path(HOOK)).body(github("secret-of-github").to_string()).answer().await.expect(201);
    let letters = "/api/sync/dead-letters";
    pages("GET", &format!("{letters}?tenantId=acme")).answer().await.expect(200);
    for (query, header) in [("tenantId=nobody&tenant=acme", ""), ("tenant=acme", "nobody")] {
        let asked = pages("GET", &format!("{letters}?{query}")).header("x-tenant-id", header);
        assert_eq!(asked.answer().await.problem(), (400, "invalid_request"), "{query} {header}");
    }
    // A token names it as well as a page does.
    for path in [format!("{letters}?tenant=acme"), path(HOOK)] {
        system.get(&path).bearer(&token).answer().await.expect(200);
    }
    let hook = path(HOOK);
    assert_eq!(
        record(&system, "acme").await,
        [
            format!("maja connection.put {HOOK}"),
            format!("maja tenant.enter GET {hook}"),
            format!("maja tenant.enter GET {letters}"),
            format!("maja tenant.enter GET {letters}"),
            format!("maja tenant.enter PUT {hook}"),
        ]
    );
    assert_eq!((record(&system, "default").await, record(&system, "nobody").await), (vec![], vec![]));
}

#[tokio::test]
async fn who_has_several_tenants_signs_in_and_names_one_with_each_call() {
    let system = guarded(&[]).await;
    let session = "/api/auth/session";
    let token = system.user_token("TENANT_ADMIN", &["bolt", "acme", "default"], &[]);
    let cookie = system.session_of(&token).await;
    let who = system.get(session).cookie(&cookie).answer().await.expect(200);
    assert_eq!((&who["tenant"], &who["tenants"]), (&Value::Null, &json!(["acme", "bolt"])));
    let asked = |path: &str, tenant: Option<&str>| {
        let request = system.get(path).cookie(&cookie);
        match tenant {
            Some(tenant) => request.header("x-tenant-id", tenant),
            None => request,
        }
    };
    assert_eq!(asked(session, Some("bolt")).answer().await.expect(200)["tenant"], "bolt");
    assert_eq!(asked(LIST, Some("bolt")).answer().await.expect(200)["items"], json!([]));
    for (path, tenant) in [(LIST, None), (LIST, Some("other")), (session, Some("other")), (session, Some("default"))] {
        assert_eq!(asked(path, tenant).answer().await.problem(), (403, "forbidden"), "{path} {tenant:?}");
    }
}

#[tokio::test]
async fn where_there_is_no_secret_of_users_there_are_no_users() {
    let system = guarded(&[("JWT_SECRET", "")]).await;
    let token = system.user_token("SUPER_ADMIN", &["acme"], &[]);
    let asked = system.get(LIST).bearer(&token).header("x-tenant-id", "acme").answer().await;
    assert_eq!(asked.problem(), (401, "invalid_token"));
}
