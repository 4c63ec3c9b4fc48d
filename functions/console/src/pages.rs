//! The pages and their routes.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use signalbox::http::problem::{NOT_FOUND, Problem, ProblemView};
use signalbox::http::query::path_text;
use signalbox::http::wire::service::VersionView;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::assets;
use crate::packed::{gzip, takes_gzip};
use crate::shell::{self, Language, Page};

/// Nothing but our own files, no inline script or style, no text made into markup, no frame around it.
const POLICY: [&str; 2] = [
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    "; img-src 'self'; font-src 'self'; require-trusted-types-for 'script'; frame-ancestors 'none'",
];

/// What every page says to the browser. It asks each time, as a page names its assets by their hash.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
    (header::VARY, "accept, accept-encoding"),
];

const OVERVIEW: Page = Page::new("/", "Overview", "Overblik", Language::English, "overview.js");
const RUNS: Page = Page::new("/vendor-sync", "Vendor sync", "Vendor sync", Language::Danish, "vendor-sync.js")
    .titled("Vendor sync observability");
const REGISTRY: Page =
    Page::new("/vendor-sync/registry", "Vendor sync", "Vendor sync", Language::Danish, "registry.js")
        .titled("Vendor sync observability");
const DELIVERIES: Page = Page::new("/deliveries", "Deliveries", "Leverancer", Language::English, "deliveries.js");
const COMPLETIONS: Page =
    Page::new("/deliveries/out", "Webhooks out", "Webhooks ud", Language::English, "completions.js");
const INTEGRATIONS: Page = Page::new(
    "/systems/integrations",
    "Systems › Integrations › Health",
    "Systemer › Integrationer › Helbred",
    Language::English,
    "integrations.js",
)
.styled("control.css");
const HEALTH: Page = Page::new("/health", "Health", "Helbred", Language::English, "health.js");
const AUDIT: Page = Page::new("/audit", "Audit", "Hændelseslog", Language::English, "audit.js");
const SETTINGS: Page =
    Page::new("/settings/admin", "Settings › Admin", "Indstillinger › Admin", Language::English, "admin.js")
        .titled("Admin")
        .styled("settings.css");
const CATEGORY_SYNC: Page = Page::new(
    "/settings/admin/gbp-sync",
    "Settings › Admin › GBP Category Sync",
    "Indstillinger › Admin › GBP Category Sync",
    Language::English,
    "gbp-sync.js",
)
.titled("GBP Category Sync")
.styled("settings.css");
const CATEGORIES: Page = Page::new(
    "/settings/admin/categories",
    "Settings › Admin › Categories",
    "Indstillinger › Admin › Kategorier",
    Language::English,
    "categories.js",
)
.styled("settings.css");
const FLAGS: Page = Page::new(
    "/settings/admin/flags",
    "Settings › Admin › Flags",
    "Indstillinger › Admin › Flag",
    Language::English,
    "flags.js",
)
.styled("settings.css");
const DIGESTS: Page = Page::new(
    "/settings/admin/digests",
    "Settings › Admin › Weekly digest",
    "Indstillinger › Admin › Ugebrev",
    Language::English,
    "digests.js",
)
.titled("Weekly digest")
.styled("settings.css");
const UNSUBSCRIBE: Page =
    Page::new("/unsubscribe", "Weekly digest", "Ugebrev", Language::English, "unsubscribe.js").bare();
const SIGN_IN: Page = Page::new("/sign-in", "Sign in", "Log ind", Language::English, "sign-in.js").bare();
const COMPONENTS: Page = Page::new("/components", "Components", "Komponenter", Language::English, "components.js");
/// In place of one that is not there; it has no path of its own.
const MISSING: Page = Page::new("", "No such page", "Ingen sådan side", Language::English, "missing.js");

const ALL: [Page; 17] = [
    OVERVIEW,
    RUNS,
    REGISTRY,
    DELIVERIES,
    COMPLETIONS,
    INTEGRATIONS,
    HEALTH,
    AUDIT,
    SETTINGS,
    CATEGORY_SYNC,
    CATEGORIES,
    FLAGS,
    DIGESTS,
    UNSUBSCRIBE,
    SIGN_IN,
    COMPONENTS,
    MISSING,
];

/// The pages, made and packed once.
#[derive(Clone)]
pub(crate) struct Pages {
    made: Arc<Vec<Made>>,
    policy: HeaderValue,
}

struct Made {
    path: &'static str,
    plain: Vec<u8>,
    packed: Option<Vec<u8>>,
}

impl Pages {
    /// They may also ask the live log, where that has a host of its own.
    pub(crate) fn new(live_logs_url: &str) -> Self {
        let made = ALL.iter().map(|page| {
            let plain = shell::html(page).into_string().into_bytes();
            Made { path: page.path, packed: gzip(&plain), plain }
        });
        let [before, after] = POLICY;
        let policy = HeaderValue::try_from(format!("{before}{}{after}", origin(live_logs_url)));
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { made: Arc::new(made.collect()), policy }
    }

    fn answer(&self, page: &Page, headers: &HeaderMap) -> Response {
        let Some(made) = self.made.iter().find(|made| made.path == page.path) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let policy = [(header::CONTENT_SECURITY_POLICY, self.policy.clone())];
        match made.packed.as_ref().filter(|_| takes_gzip(headers)) {
            Some(packed) => (HEADERS, policy, [(header::CONTENT_ENCODING, "gzip")], packed.clone()).into_response(),
            None => (HEADERS, policy, made.plain.clone()).into_response(),
        }
    }
}

/// The origin of a URL, to be added to a list of sources; nothing of one that is none, or that is a path of our own.
fn origin(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    match uri.as_ref().map(|uri| (uri.scheme_str(), uri.authority())) {
        Some((Some("https"), Some(authority))) => format!(" https://{authority}"),
        _ => String::new(),
    }
}

/// The routes of the console.
pub(crate) fn routes() -> OpenApiRouter<Pages> {
    OpenApiRouter::default()
        .routes(routes!(overview))
        .routes(routes!(vendor_sync))
        .routes(routes!(registry))
        .routes(routes!(deliveries))
        .routes(routes!(completions_page))
        .routes(routes!(integrations))
        .routes(routes!(health))
        .routes(routes!(audit))
        .routes(routes!(settings))
        .routes(routes!(category_sync))
        .routes(routes!(categories_page))
        .routes(routes!(flags_page))
        .routes(routes!(digests_page))
        .routes(routes!(unsubscribe_page))
        .routes(routes!(sign_in))
        .routes(routes!(components))
        .routes(routes!(asset))
        .routes(routes!(missing))
}

macro_rules! page {
    ($name:ident, $page:ident, $path:tt, $what:tt) => {
        #[doc = $what]
        #[utoipa::path(
                    get, path = $path, tag = "console",
                    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
                )]
        pub(crate) async fn $name(State(pages): State<Pages>, headers: HeaderMap) -> Response {
            pages.answer(&$page, &headers)
        }
    };
}

page!(overview, OVERVIEW, "/", "The page of all connections and what needs attention.");
page!(vendor_sync, RUNS, "/vendor-sync", "The page of catalogue runs.");
page!(registry, REGISTRY, "/vendor-sync/registry", "The page of vendors, their tests and their sources.");
page!(deliveries, DELIVERIES, "/deliveries", "The page of webhooks.");
page!(completions_page, COMPLETIONS, "/deliveries/out", "The page of who was told which run is over.");
page!(
    integrations,
    INTEGRATIONS,
    "/systems/integrations",
    "The page where a sync is run: how a vendor that is pulled does, its runs, its log and its dead letters."
);
page!(audit, AUDIT, "/audit", "The page of who did what.");
page!(settings, SETTINGS, "/settings/admin", "The page of what the platform's administrators set, a tile for each.");
page!(
    category_sync,
    CATEGORY_SYNC,
    "/settings/admin/gbp-sync",
    "The page of mirrors of categories: how they do, those that wait for approval, and one by hand."
);
page!(categories_page, CATEGORIES, "/settings/admin/categories", "The page of a tenant's categories.");
page!(flags_page, FLAGS, "/settings/admin/flags", "The page of flags: what is on, why, and for whom.");
page!(digests_page, DIGESTS, "/settings/admin/digests", "The page of weekly digests: who was told of which week.");
page!(
    unsubscribe_page,
    UNSUBSCRIBE,
    "/unsubscribe",
    "The page where who gets a weekly digest says that they do not want it any more."
);
page!(sign_in, SIGN_IN, "/sign-in", "The page where a token is exchanged for a session.");
page!(components, COMPONENTS, "/components", "Every component of the console in every state, side by side.");

/// Whether the service answers; to a browser, the page of health.
///
/// Probes and pages have this path in common. Whoever accepts HTML is a person's browser, and gets the page.
#[utoipa::path(
    get, path = "/health", tag = "service",
    responses((status = 200, description = "It answers", content(
        (VersionView = "application/json"),
        (String = "text/html"),
    ))),
)]
pub(crate) async fn health(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    if takes_html(&headers) {
        return pages.answer(&HEALTH, &headers);
    }
    let body = Json(VersionView { status: "ok", version: env!("CARGO_PKG_VERSION") });
    ([(header::VARY, "accept")], body).into_response()
}

/// Any other name: to a browser, a page that says that there is none of it.
#[utoipa::path(
    get, path = "/{page}", tag = "console",
    params(("page" = String, Path, description = "A name that no page has")),
    responses((status = 404, description = "not_found; to a browser, a page", content(
        (ProblemView = "application/json"),
        (String = "text/html"),
    ))),
)]
pub(crate) async fn missing(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    if !takes_html(&headers) {
        let problem = Problem::new(NOT_FOUND, "there is no such route");
        return ([(header::VARY, "accept")], problem).into_response();
    }
    let mut answer = pages.answer(&MISSING, &headers);
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

/// Whether who asks is a person's browser.
fn takes_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

/// A style, module, font or icon. Its name has its hash, so it never changes.
#[utoipa::path(
    get, path = "/assets/{file}", tag = "console",
    params(("file" = String, Path, description = "As a page names it")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "text/javascript"),
        (status = 404, description = "not_found", body = ProblemView),
    ),
)]
pub(crate) async fn asset(
    file: Result<Path<String>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
) -> Response {
    assets::answer(&path_text(file), &headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a first visit to a page loads, its data aside.
    const FIRST_VIEW_BYTES_MAX: usize = 60 * 1024;

    #[test]
    fn the_first_view_of_a_page_is_small() {
        let pages = Pages::new("");
        for (page, made) in ALL.iter().zip(pages.made.iter()) {
            let assets: usize = shell::files(page).iter().map(|file| assets::bytes(file)).sum();
            let bytes = made.packed.as_ref().unwrap().len() + assets;
            assert!(bytes <= FIRST_VIEW_BYTES_MAX, "{}: {bytes} bytes", page.path);
        }
    }

    #[test]
    fn a_page_may_ask_the_live_log_where_that_has_a_host_of_its_own() {
        let policy = |url: &str| Pages::new(url).policy.to_str().unwrap().to_owned();
        let other = policy("https://a1.lambda-url.eu-central-1.on.aws/");
        assert!(other.contains("connect-src 'self' https://a1.lambda-url.eu-central-1.on.aws; img-src"), "{other}");
        for own in ["", "/function-urls/live-logs/", "no url", "https://", "data:text/plain"] {
            assert!(policy(own).contains("connect-src 'self'; img-src"), "{own}");
        }
    }

    #[test]
    fn a_page_names_only_files_that_are_there() {
        for page in &ALL {
            for file in shell::files(page) {
                assert!(assets::bytes(file) > 0, "{} names {file}", page.path);
            }
        }
    }
}
