//! Pages of other origins, as browsers ask for them; in AWS it is API Gateway that answers, by the same template.

use std::collections::BTreeMap;

use signalbox_tests::deliveries::hooks::Hooks;

const SHOP: &str = "https://shop.example";

/// The status, and the headers that browsers look at.
async fn ask(hooks: &Hooks, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, BTreeMap<String, String>) {
    let request = hooks.request(method, path);
    let answer = headers.iter().fold(request, |request, (name, value)| request.header(name, value)).answer().await;
    let cors = answer
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("access-control-")?.to_owned(), value.to_lowercase())));
    (answer.status, cors.collect())
}

async fn preflight(hooks: &Hooks, origin: &str) -> (u16, BTreeMap<String, String>) {
    let wanted = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-tenant-id"),
    ];
    ask(hooks, "OPTIONS", "/pos/demo/ingest", &wanted).await
}

#[tokio::test]
async fn a_configured_origin_may_call_with_credentials_and_no_other() {
    let hooks = Hooks::with(&[("CORS_ALLOWED_ORIGINS", "https://shop.example,https://till.example:8443")]).await;
    for origin in [SHOP, "https://till.example:8443"] {
        let (status, cors) = preflight(&hooks, origin).await;
        assert_eq!(status, 200);
        assert_eq!((cors["allow-origin"].as_str(), cors["allow-credentials"].as_str()), (origin, "true"));
        assert_eq!((cors["allow-methods"].as_str(), cors["max-age"].as_str()), ("get,post,put,delete", "600"));
        for header in ["authorization", "content-type", "x-service-token", "x-tenant-id", "idempotency-key", "if-match"]
        {
            assert!(cors["allow-headers"].split(',').any(|allowed| allowed == header), "{header}: {cors:?}");
        }

        let (status, cors) = ask(&hooks, "GET", "/healthz", &[("origin", origin)]).await;
        assert_eq!((status, cors["allow-origin"].as_str(), cors["allow-credentials"].as_str()), (200, origin, "true"));
        for header in ["etag", "x-correlation-id"] {
            assert!(cors["expose-headers"].split(',').any(|exposed| exposed == header), "{header}: {cors:?}");
        }
    }
    // Loopback too is no other's: what is configured counts alone.
    for origin in
        ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "http://localhost", "null"]
    {
        assert_eq!(preflight(&hooks, origin).await.1.get("allow-origin"), None, "{origin}");
        let (status, cors) = ask(&hooks, "GET", "/healthz", &[("origin", origin)]).await;
        assert_eq!((status, cors.get("allow-origin")), (200, None), "{origin}");
    }
}

#[tokio::test]
async fn an_answer_that_refuses_can_be_read_by_the_page_too() {
    let hooks = Hooks::with(&[("CORS_ALLOWED_ORIGINS", SHOP)]).await;
    for (method, path, expected) in [("GET", "/nowhere", 404), ("POST", "/pos/demo/ingest", 401)] {
        let (status, cors) = ask(&hooks, method, path, &[("origin", SHOP)]).await;
        assert_eq!((status, cors["allow-origin"].as_str()), (expected, SHOP), "{path}");
    }
}

#[tokio::test]
async fn on_ones_own_machine_its_own_origins_may_call() {
    let hooks = Hooks::start().await;
    for origin in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443"] {
        assert_eq!(preflight(&hooks, origin).await.1["allow-origin"], origin);
    }
    for origin in [SHOP, "http://localhost.example"] {
        assert_eq!(preflight(&hooks, origin).await.1.get("allow-origin"), None, "{origin}");
        assert_eq!(ask(&hooks, "GET", "/healthz", &[("origin", origin)]).await.1.get("allow-origin"), None);
    }
}

#[tokio::test]
async fn elsewhere_nobody_may_call_until_it_is_configured() {
    let hooks = Hooks::with(&[("STAGE", "production")]).await;
    for origin in [SHOP, "http://localhost:3000"] {
        assert_eq!(preflight(&hooks, origin).await, (404, BTreeMap::new()), "{origin}");
        assert_eq!(ask(&hooks, "GET", "/healthz", &[("origin", origin)]).await, (200, BTreeMap::new()), "{origin}");
    }
}

/// A ticket is what lets in there, so any page may ask; none with what a browser knows of somebody.
#[tokio::test]
async fn a_function_s_own_url_is_open_to_any_origin_without_credentials_wherever_it_is() {
    for variables in [&[][..], &[("STAGE", "production")], &[("CORS_ALLOWED_ORIGINS", SHOP)]] {
        let hooks = Hooks::with(variables).await;
        for origin in [SHOP, "http://localhost:3000", "null"] {
            let (status, cors) = ask(&hooks, "GET", "/function-urls/live-logs/?ticket=x", &[("origin", origin)]).await;
            assert_eq!((status, cors["allow-origin"].as_str()), (403, "*"), "{origin}");
            assert_eq!(cors.get("allow-credentials"), None, "{origin}");
        }
    }
}
