//! What all pages have around them: head, navigation, top bar. It holds no data and is the same for everybody.
//!
//! A text that is shown in the person's language carries the other one as `data-en` or `data-da`, and a module exchanges them.

use maud::{DOCTYPE, Markup, html};

use crate::assets;

const STYLES: [&str; 4] = ["tokens.css", "base.css", "components.css", "pages.css"];
/// Runs before anything is shown, so that nothing is shown in the wrong colours.
const FIRST: &str = "first.js";
const FONT: &str = "geist.woff2";
const ICON: &str = "favicon.svg";

/// The language of a page until the person chooses one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Danish,
}

impl Language {
    fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Danish => "da",
        }
    }

    fn of(self, english: &'static str, danish: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Danish => danish,
        }
    }
}

/// A page.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    english: &'static str,
    danish: &'static str,
    title: Option<&'static str>,
    language: Language,
    module: &'static str,
    /// Styles of its own, beside those of all.
    style: Option<&'static str>,
    /// Without navigation around it.
    bare: bool,
}

impl Page {
    pub(crate) const fn new(
        path: &'static str,
        english: &'static str,
        danish: &'static str,
        language: Language,
        module: &'static str,
    ) -> Self {
        Self { path, english, danish, title: None, language, module, style: None, bare: false }
    }

    pub(crate) const fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    pub(crate) const fn styled(mut self, style: &'static str) -> Self {
        self.style = Some(style);
        self
    }

    pub(crate) const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }
}

/// Heading of a group, then its pages: path, English, Danish, icon.
type Group =
    (Option<(&'static str, &'static str)>, &'static [(&'static str, &'static str, &'static str, &'static str)]);

const NAVIGATION: [Group; 3] = [
    (
        None,
        &[("/", "Overview", "Overblik", "M2.5 7 8 2.5 13.5 7v6a.5.5 0 0 1-.5.5H9.8v-3.6H6.2v3.6H3a.5.5 0 0 1-.5-.5z")],
    ),
    (
        Some(("Operations", "Drift")),
        &[
            (
                "/vendor-sync",
                "Vendor sync",
                "Vendor sync",
                "M13 6.2A5.3 5.3 0 0 0 3.4 5.4M3 9.8a5.3 5.3 0 0 0 9.6.8M13.2 2.8v3.4H9.8M2.8 13.2V9.8h3.4",
            ),
            (
                "/deliveries",
                "Deliveries",
                "Leverancer",
                "M2.5 9.2 4.3 3.4a.8.8 0 0 1 .8-.6h5.8a.8.8 0 0 1 .8.6l1.8 5.8v3.3a.7.7 0 0 1-.7.7H3.2a.7.7 0 0 1-.7-.7zM2.6 9.3h3l1 1.8h2.8l1-1.8h3",
            ),
        ],
    ),
    (
        Some(("Systems", "Systemer")),
        &[
            (
                "/systems/integrations",
                "Integrations",
                "Integrationer",
                "M5.5 2.5v3M10.5 2.5v3M4 5.5h8v2.2a4 4 0 0 1-8 0zM8 11.7v2",
            ),
            ("/health", "Health", "Helbred", "M1.8 8.3h2.9l1.7-4.6 3.1 8.6 1.7-4h3"),
            (
                "/audit",
                "Audit",
                "Hændelseslog",
                "M3.5 2.5h7.3a1.7 1.7 0 0 1 1.7 1.7v9.3H5.2a1.7 1.7 0 0 1-1.7-1.7zM6 5.8h4M6 8.3h4",
            ),
            ("/settings/admin", "Settings", "Indstillinger", "M2 4.5h6M11 4.5h3M9.5 3v3M2 11.5h3M8 11.5h6M6.5 10v3"),
        ],
    ),
];

/// Every file that a page loads at first.
#[cfg(test)]
pub(crate) fn files(page: &Page) -> Vec<&'static str> {
    let mut files = assets::with_imports(page.module);
    files.extend(STYLES.into_iter().chain(page.style));
    files.extend([FIRST, FONT, ICON]);
    files
}

/// The page.
pub(crate) fn html(page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(page.language.code()) data-language=(page.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title.unwrap_or(page.language.of(page.english, page.danish))) }
                link rel="icon" href=(assets::path(ICON)) type="image/svg+xml";
                script src=(assets::path(FIRST)) {}
                link rel="preload" href=(assets::path(FONT)) as="font" type="font/woff2" crossorigin;
                @for style in STYLES.into_iter().chain(page.style) { link rel="stylesheet" href=(assets::path(style)); }
                @for module in assets::with_imports(page.module) {
                    link rel="modulepreload" href=(assets::path(module));
                }
                script type="module" src=(assets::path(page.module)) {}
            }
            body {
                @if page.bare {
                    main #main.door tabindex="-1" {}
                } @else {
                    (frame(page))
                }
                noscript { p.noscript { "Signalbox needs JavaScript in this browser." } }
                div #toasts.toasts role="status" aria-live="polite" {}
            }
        }
    }
}

fn frame(page: &Page) -> Markup {
    let language = page.language;
    html! {
        a.skip href="#main" data-en="Skip to content" data-da="Spring over menuen" {
            (language.of("Skip to content", "Spring over menuen"))
        }
        div.app {
            aside #side.side {
                a.brand href="/" {
                    svg.mark viewBox="0 0 24 24" aria-hidden="true" {
                        rect.plate width="24" height="24" rx="6" {}
                        path.line d="M7 4.5h2.5v15H7zM9.5 8.1 17 4.9l1.7 3.9-9.2 3.9zM5 18h6.5v2H5z" {}
                    }
                    "Signalbox"
                }
                nav.nav aria-label="Main" {
                    @for (heading, pages) in NAVIGATION {
                        @if let Some((english, danish)) = heading {
                            p.nav-heading data-en=(english) data-da=(danish) { (language.of(english, danish)) }
                        }
                        @for (path, english, danish, icon) in pages {
                            a href=(path) aria-current=[is_within(page.path, path).then_some("page")] {
                                svg.icon viewBox="0 0 16 16" aria-hidden="true" { path d=(icon) {} }
                                span data-en=(english) data-da=(danish) { (language.of(english, danish)) }
                            }
                        }
                    }
                }
                div #side-foot.side-foot {}
            }
            div.sheet {
                header.top {
                    button #menu.button.quiet.icon-only.menu-button type="button" aria-expanded="false" aria-controls="side" {
                        svg.icon viewBox="0 0 16 16" aria-hidden="true" { path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" {} }
                        span.sr-only { "Menu" }
                    }
                    p.crumb { b data-en=(page.english) data-da=(page.danish) { (language.of(page.english, page.danish)) } }
                    div #tools.tools {}
                }
                div.body {
                    main #main.page tabindex="-1" {}
                    div #aside.aside {}
                }
            }
        }
    }
}

/// A page below another one is within it, `/` aside.
fn is_within(page: &str, path: &str) -> bool {
    page == path || path != "/" && page.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}
