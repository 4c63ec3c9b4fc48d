//! The console's pages and assets, as anybody gets them.

use crate::routes::kit::World;

#[tokio::test]
async fn a_page_needs_no_session_and_names_assets_that_are_kept() {
    let world = World::production().await;
    let page = world.get("/vendor-sync").answer().await;
    assert_eq!((page.status, page.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    let policy = &page.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");

    let assets: Vec<&str> = page.text.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert!(assets.len() > 10, "{assets:?}");
    for asset in assets {
        let plain = world.get(asset).answer().await;
        assert_eq!(plain.status, 200, "{asset}");
        assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable", "{asset}");
        assert!(!plain.headers.contains_key("content-encoding"), "{asset}: nobody said that they take it packed");
        let packed = world.get(asset).header("accept-encoding", "br, gzip").answer().await;
        let is_packed = packed.headers.get("content-encoding").is_some_and(|coding| coding == "gzip");
        assert_eq!(is_packed, !asset.ends_with(".woff2"), "{asset}");
    }
    assert_eq!(world.get("/assets/vendor-sync.js").answer().await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn health_is_a_page_for_browsers_alone() {
    let world = World::production().await;
    let kind = async |accept: &str| {
        let answer = world.get("/health").header("accept", accept).answer().await;
        assert_eq!(answer.status, 200, "{accept}");
        assert!(answer.headers["vary"].contains("accept"), "{accept}");
        answer.headers["content-type"].clone()
    };
    assert_eq!(kind("text/html,application/xhtml+xml,*/*;q=0.8").await, "text/html; charset=utf-8");
    for probe in ["*/*", "application/json", ""] {
        assert_eq!(kind(probe).await, "application/json", "{probe:?}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_there_is_said_so_in_the_way_that_was_asked_for() {
    let world = World::production().await;
    let page = world.get("/nosuchpage").header("accept", "text/html").answer().await;
    assert_eq!((page.status, page.headers["content-type"].as_str()), (404, "text/html; charset=utf-8"));
    assert!(page.headers.contains_key("content-security-policy"));
    assert_eq!(world.get("/nosuchpage").answer().await.problem(), (404, "not_found"));
}
