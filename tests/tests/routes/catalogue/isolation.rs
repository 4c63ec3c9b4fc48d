//! I6: two tenants have a vendor of the same name, and neither reads or changes anything of the other's.

use serde_json::{Value, json};
use signalbox_tests::answer::Answer;

use crate::routes::kit::{World, id};

const SYNC: &str = "/api/catalog/moscot/sync";

async fn sync(world: &World, tenant: &str, body: Value) -> Answer {
    world.post(SYNC).bearer(&world.token_of(tenant)).body(body.to_string()).answer().await
}

async fn read(world: &World, tenant: &str, path: &str) -> Answer {
    world.get(path).bearer(&world.token_of(tenant)).answer().await
}

/// Everything that a tenant can read, but times of reading.
async fn seen(world: &World, tenant: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/api/catalog/vendor-sync/state",
        "/api/catalog/vendor-sync/runs?limit=100",
        "/api/catalog/vendor-sync/observability?limit=200",
        "/api/catalog/vendor-sync/overview",
        "/api/catalog/vendor-sync/registry",
        "/api/catalog/vendor-sync/registry/moscot",
    ] {
        seen.push(read(world, tenant, path).await.expect(200));
    }
    seen
}

#[tokio::test]
async fn each_tenant_syncs_its_own_catalogue_of_the_same_vendor() {
    let world = World::production().await;
    let ours = sync(&world, "default", json!({})).await.expect(200);
    let theirs = sync(&world, "globex", json!({})).await.expect(200);
    assert_eq!([&ours["metrics"]["created"], &theirs["metrics"]["created"]], [3, 1]);
    for (tenant, items) in [("default", 3), ("globex", 1)] {
        let state = read(&world, tenant, "/api/catalog/vendor-sync/state").await.expect(200);
        assert_eq!(state["snapshot"]["totalItems"], items, "{tenant}");
        let runs = read(&world, tenant, "/api/catalog/vendor-sync/runs").await.expect(200);
        assert_eq!(runs["data"]["totalItems"], 1, "{tenant}");
        let overview = read(&world, tenant, "/api/catalog/vendor-sync/overview").await.expect(200);
        assert_eq!(overview["metrics"]["last24h"]["total"], 1, "{tenant}");
    }
}

#[tokio::test]
async fn another_tenant_s_run_is_not_found_by_its_id() {
    let world = World::production().await;
    let run = id(&sync(&world, "globex", json!({})).await.expect(200));
    let path = format!("/api/catalog/moscot/sync/runs/{run}");
    assert_eq!(read(&world, "globex", &path).await.status, 200);
    assert_eq!(read(&world, "default", &path).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn another_vendor_s_run_is_not_found_by_its_id() {
    let world = World::production().await;
    let run = id(&world.write("/api/catalog/vendor-sync/acme/sync", json!({})).await.expect(200));
    let path = format!("/api/catalog/moscot/sync/runs/{run}");
    assert_eq!(read(&world, "default", &path).await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn another_tenant_s_run_is_no_cursor() {
    let world = World::production().await;
    sync(&world, "default", json!({})).await.expect(200);
    let theirs = id(&sync(&world, "globex", json!({})).await.expect(200));
    for path in ["/api/catalog/vendor-sync/runs", "/api/catalog/vendor-sync/observability"] {
        let path = format!("{path}?cursor={theirs}");
        assert_eq!(read(&world, "globex", &path).await.status, 200);
        assert_eq!(read(&world, "default", &path).await.problem(), (400, "invalid_request"), "{path}");
    }
}

#[tokio::test]
async fn no_vendor_parameter_leads_into_another_tenant() {
    let world = World::production().await;
    sync(&world, "globex", json!({})).await.expect(200);
    for vendor in ["globex%2Fmoscot", "..%2Fglobex%2Fmoscot", "globex", "moscot%2Fcatalogue", "globex%23moscot"] {
        let runs = read(&world, "default", &format!("/api/catalog/vendor-sync/runs?vendor={vendor}")).await.expect(200);
        assert_eq!(runs["data"]["totalItems"], 0, "{vendor}");
        let window =
            read(&world, "default", &format!("/api/catalog/vendor-sync/observability?vendorId={vendor}")).await;
        assert_eq!(window.expect(200)["data"]["totalRuns"], 0, "{vendor}");
        let state = read(&world, "default", &format!("/api/catalog/vendor-sync/state?vendor={vendor}")).await;
        assert_eq!(state.expect(200)["snapshot"], json!(null), "{vendor}");
        let entry = read(&world, "default", &format!("/api/catalog/vendor-sync/registry/{vendor}")).await;
        assert!(!entry.problem().1.is_empty(), "{vendor}");
    }
}

#[tokio::test]
async fn what_one_tenant_does_changes_nothing_that_another_sees() {
    let world = World::production().await;
    sync(&world, "default", json!({})).await.expect(200);
    let before = seen(&world, "default").await;
    sync(&world, "globex", json!({})).await.expect(200);
    sync(&world, "globex", json!({"sourcePath": "https://nowhere.example/a.json"})).await.expect(500);
    let test = "/api/catalog/vendor-sync/registry/moscot/test";
    world.post(test).bearer(&world.token_of("globex")).answer().await.expect(200);
    assert_eq!(seen(&world, "default").await, before);
}

#[tokio::test]
async fn no_other_tenant_reads_the_deployment_s_files_and_buckets_by_naming_them() {
    let world = World::production().await;
    let (token, other) = (world.token_of("globex"), world.token_of("default"));
    for target in [SYNC, "/api/catalog/vendor-sync/moscot/sync", "/api/catalog/vendor-sync/registry/moscot/test"] {
        let named = async |token: &str, source: &str| {
            let body = json!({"dryRun": true, "sourcePath": source});
            world.post(target).bearer(token).body(body.to_string()).answer().await
        };
        for source in ["acme.json", " acme.json ", "./moscot.json", "s3://ours/a.json", "S3://ours/a.json", "file:///a"]
        {
            assert_eq!(named(&token, source).await.problem(), (403, "forbidden"), "{target} {source}");
        }
        assert_eq!(named(&token, "globex.json").await.status, 200, "{target}: its own is no other");
        assert_eq!(named(&other, "acme.json").await.status, 200, "{target}: the deployment's operators may");
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_vendors_alone_and_starts_no_other() {
    let world = World::production().await;
    let registry = read(&world, "globex", "/api/catalog/vendor-sync/registry").await.expect(200);
    let names: Vec<&str> = registry["data"].as_array().unwrap().iter().filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(names, ["MOSCOT of Globex"]);
    let token = world.token_of("globex");
    let start = world.post("/api/catalog/vendor-sync/acme/sync").bearer(&token).answer().await;
    assert_eq!(start.problem(), (404, "vendor_not_configured"));
    let test = world.post("/api/catalog/vendor-sync/registry/acme/test").bearer(&token).answer().await;
    assert_eq!(test.problem(), (400, "invalid_vendor"));
    assert_eq!(sync(&world, "nobody", json!({})).await.problem(), (404, "vendor_not_configured"));
}

/// Passed over, the name of a tenant would start another one's run.
#[tokio::test]
async fn whoever_may_act_for_any_tenant_is_of_the_one_that_the_call_names() {
    let world = World::production().await;
    let (token, of_globex) = (world.token_of("default"), world.token_of("globex"));
    let session = world.session_of(&token).await;
    let who = world.get("/api/auth/session").cookie(&session).header("x-tenant-id", "globex").answer().await;
    let who = who.expect(200);
    assert_eq!((&who["tenant"], &who["anyTenant"]), (&json!("globex"), &json!(true)));
    let pages =
        world.post(SYNC).cookie(&session).header("x-signalbox-request", "1").header("sec-fetch-site", "same-origin");
    for request in [
        world.post(SYNC).bearer(&token).header("x-tenant-id", "globex"),
        world.post(&format!("{SYNC}?tenant=globex")).bearer(&token),
        world.post("/api/catalog/vendor-sync/moscot/sync?mode=apply&tenantId=globex").bearer(&token),
        pages.header("x-tenant-id", "Globex"),
        world.post(&format!("{SYNC}?tenant=globex")).bearer(&of_globex),
    ] {
        request.answer().await.expect(200);
    }
    let count = async |tenant: &str| {
        let runs = read(&world, tenant, "/api/catalog/vendor-sync/runs").await.expect(200);
        runs["data"]["totalItems"].clone()
    };
    assert_eq!((count("globex").await, count("default").await), (json!(5), json!(0)));
    for path in ["runs", "state", "registry", "registry/moscot", "overview", "observability"] {
        let path = format!("/api/catalog/vendor-sync/{path}");
        let theirs = read(&world, "globex", &path).await.expect(200);
        for request in [world.get(&format!("{path}?tenant=globex")), world.get(&path).header("x-tenant-id", "globex")] {
            assert_eq!(request.bearer(&token).answer().await.expect(200), theirs, "{path}");
        }
    }
    for (path, header, expected) in [
        (SYNC.to_owned(), "default", (403, "forbidden")),
        (format!("{SYNC}?tenant=acme"), "", (403, "forbidden")),
        (format!("{SYNC}?tenant=globex&tenantId=acme"), "", (400, "invalid_request")),
        (SYNC.to_owned(), "a/b", (400, "invalid_request")),
    ] {
        let asked = world.post(&path).bearer(&of_globex).header("x-tenant-id", header).answer().await;
        assert_eq!(asked.problem(), expected, "{path} {header}");
    }
}

#[tokio::test]
async fn one_tenant_s_run_in_progress_is_not_in_another_s_way() {
    let world = World::in_background(false).await;
    assert_eq!(sync(&world, "globex", json!({})).await.status, 202);
    assert_eq!(sync(&world, "default", json!({})).await.status, 202);
    assert_eq!(sync(&world, "globex", json!({})).await.problem(), (409, "sync_in_progress"));
}

#[tokio::test]
async fn a_token_whose_tenant_is_no_id_is_refused() {
    let world = World::production().await;
    for tenant in ["a/b", "", "globex#", "default/moscot/catalogue"] {
        let answer = read(&world, tenant, "/api/catalog/vendor-sync/state").await;
        assert_eq!(answer.problem(), (401, "invalid_token"), "{tenant:?}");
    }
}
