//! The routes of mirrors: who is let in, what comes first, and the log.

use serde_json::{Value, json};
use signalbox_simulators::Limits;
use signalbox_tests::system::System;

use super::mirrored::{Mirrored, google};

#[tokio::test]
async fn who_asks_comes_first_then_the_flag_then_the_strategy() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let mut tenant = Mirrored::of(&system, &google, 1).await;
    let process = tenant.world.healthy().await;
    let post = async |token: &str, body: Value| {
        process.ask("sync-control", "POST", "/api/categories/mirror", token, Some(body)).await.unwrap()
    };
    let answer = post("", json!({})).await;
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((answer.status, body.get("success")), (401, None), "{body}");
    let answer = post(&system.user_token("TENANT_ADMIN", &[&tenant.world.tenant], &[]), json!({})).await;
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((answer.status, &body["error"], body.get("success")), (403, &json!("platform_admin_required"), None));
    for wrong in [json!({}), json!({"strategy": "up"}), json!({"strategy": 1}), json!({"strategy": "PLATFORM_TO_GBP"})]
    {
        let body = post(&tenant.admin(), wrong).await.expect(400);
        assert_eq!((&body["success"], &body["error"]), (&json!(false), &json!("invalid_strategy")));
    }
    let wrong = json!({"strategy": "platform_to_gbp", "tenantId": 7});
    post(&tenant.admin(), wrong).await.expect(400);
    let misspelt = json!({"strategy": "platform_to_gbp", "tenantId": tenant.world.tenant, "dryrun": true});
    post(&tenant.admin(), misspelt).await.expect(400);
    drop(process);

    tenant.world.set("FF_CATEGORY_MIRRORING", "false");
    let body = tenant.ask(json!({"strategy": "up"})).await.expect(409);
    assert_eq!(
        (&body["success"], &body["error"], &body["flag"]),
        (&json!(false), &json!("feature_disabled"), &json!("FF_CATEGORY_MIRRORING"))
    );
    assert!(tenant.runs().await.is_empty());
}

#[tokio::test]
async fn the_log_is_paged_to_its_end_and_filtered() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let tenant = Mirrored::of(&system, &google, 1).await;
    tenant.has(&["bakery"]).await;
    tenant.given(0, &["bakery"]);
    let mut jobs = Vec::new();
    // Over several hours, days and months.
    for (number, hours) in [0, 0, 1, 5, 30, 30, 900, 0].into_iter().enumerate() {
        system.pass(std::time::Duration::from_secs(hours * 3_600 + 61));
        let strategy = if number % 3 == 0 { "gbp_to_platform" } else { "platform_to_gbp" };
        jobs.insert(0, (tenant.start(strategy, true).await, strategy));
        tenant.settle().await;
    }
    for of in ["", &format!("&tenantId={}", tenant.world.tenant)] {
        for limit in [1, 3] {
            let mut seen = Vec::new();
            for offset in (0..jobs.len()).step_by(limit) {
                let page = tenant.read(&format!("sync-logs?limit={limit}&offset={offset}{of}")).await.expect(200);
                let rows = page["data"].as_array().unwrap();
                seen.extend(rows.iter().map(|row| row["jobId"].as_str().unwrap().to_owned()));
                let place = &page["pagination"];
                assert_eq!((&place["total"], &place["offset"]), (&json!(jobs.len()), &json!(offset)));
                assert_eq!(place["hasMore"], json!(offset + limit < jobs.len()));
            }
            assert_eq!(seen, jobs.iter().map(|(job, _)| job.clone()).collect::<Vec<_>>(), "limit {limit}{of}");
        }
    }
    let page = tenant.read("sync-logs?strategy=gbp_to_platform").await.expect(200);
    assert_eq!(
        page["pagination"]["total"],
        json!(jobs.iter().filter(|(_, strategy)| *strategy == "gbp_to_platform").count())
    );
    for (query, limit, offset) in [("limit=0&offset=-4", 1, 0), ("limit=x&offset=NaN", 50, 0), ("limit=1000", 100, 0)] {
        let place = tenant.read(&format!("sync-logs?{query}")).await.expect(200)["pagination"].clone();
        assert_eq!((&place["limit"], &place["offset"]), (&json!(limit), &json!(offset)), "{query}");
    }
    for nothing in ["tenantId=nobody", "strategy=up", "offset=99"] {
        let page = tenant.read(&format!("sync-logs?{nothing}")).await.expect(200);
        assert_eq!(page["data"], json!([]), "{nothing}");
    }
    let last = tenant.read(&format!("mirror/last-run?tenantId={}", tenant.world.tenant)).await.expect(200);
    let newest = jobs.iter().find(|(_, strategy)| *strategy == "platform_to_gbp").unwrap();
    assert_eq!(last["data"]["jobId"], json!(newest.0));
    assert_eq!(tenant.read("mirror/last-run").await.expect(200)["data"], Value::Null, "there was none of all tenants");
}

#[tokio::test]
async fn the_log_and_its_total_end_where_runs_are_kept_no_longer() {
    const DAY: u64 = 86_400;
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let mut tenant = Mirrored::of(&system, &google, 1).await;
    tenant.world.set("RUNS_RETENTION_DAYS", "30");
    let mut jobs = Vec::new();
    for days in [0, 0, 29, 1, 0] {
        system.pass(std::time::Duration::from_secs(days * DAY + 61));
        jobs.insert(0, tenant.start("platform_to_gbp", true).await);
        tenant.settle().await;
    }
    // Those of the first day are thirty days old, and thirty-one then. Nothing sweeps them here.
    for (days, kept) in [(0, 5), (1, 3), (29, 2), (1, 0)] {
        system.pass(std::time::Duration::from_secs(days * DAY));
        for of in ["", &format!("&tenantId={}", tenant.world.tenant)] {
            let mut seen = Vec::new();
            for offset in 0..jobs.len() {
                let page = tenant.read(&format!("sync-logs?limit=1&offset={offset}{of}")).await.expect(200);
                assert_eq!(page["pagination"]["total"], json!(kept), "{of}");
                seen.extend(
                    page["data"].as_array().unwrap().iter().map(|row| row["jobId"].as_str().unwrap().to_owned()),
                );
            }
            assert_eq!(seen, jobs[..kept], "{of}");
        }
        let last = tenant.read(&format!("mirror/last-run?tenantId={}", tenant.world.tenant)).await.expect(200);
        assert_eq!(last["data"].is_null(), kept == 0, "{last:?}");
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_mirrored_has_a_row_that_says_why() {
    let system = System::start().await;
    let google = google(&system, 1, 1, Limits::Off).await;
    let mut tenant = Mirrored::of(&system, &google, 1).await;
    let body = json!({"strategy": "platform_to_gbp", "tenantId": "nobody-here"});
    tenant.ask(body).await.expect(202);
    let row = tenant.read("sync-logs?tenantId=nobody-here").await.expect(200)["data"][0].clone();
    assert_eq!(row["code"], "vendor_not_configured");
    tenant.world.set("FF_TENANT_GBP_CATEGORY_SYNC", "false");
    tenant.start("platform_to_gbp", false).await;
    let row = tenant.log("").await["data"][0].clone();
    assert_eq!((&row["skipped"], &row["reason"]), (&json!(true), &json!("feature_disabled")));
}
