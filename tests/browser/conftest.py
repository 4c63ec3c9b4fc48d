"""One browser, one host, and a page for each test that fails on whatever its policy refuses."""

import os
from pathlib import Path

import pytest
from hosts import Host, chromium
from playwright.sync_api import Browser, Page, sync_playwright

AXE = os.environ.get("SIGNALBOX_AXE", "")
WAIT_MS = 10_000
# Chromium says of each answer that is no success what the page says itself.
OF_ANSWERS = "Failed to load resource"


@pytest.fixture(scope="session")
def host():
    host = Host()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def deployed():
    """A host that lets nobody in without a token."""
    secret = "a-secret-of-thirty-two-characters"
    names = ("SERVICE_JWT_SECRET", "SESSION_JWT_SECRET", "WEBHOOK_SECRET", "JWT_SECRET")
    host = Host(STAGE="production", SIGNALBOX_DEMO="0", ADMIN_SYNC_TOKEN="an-admin-token-of-thirty-two-bytes-or-more", **{name: secret for name in names})
    yield host
    host.stop()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page, and what its console said."""

    def __init__(self, browser: Browser, base: str, **options):
        self.context = browser.new_context(base_url=base, locale="en-US", timezone_id="Europe/Copenhagen", **options)
        self.context.set_default_timeout(WAIT_MS)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(OF_ANSWERS):
            self.said.append(text)

    def axe(self, where: str) -> None:
        """Fails on what axe finds. It is put in from outside, as the page's policy lets no script of ours be put in."""
        page = self.page
        page.wait_for_function("document.fonts.status === 'loaded'")
        page.evaluate(Path(AXE).read_text() + "; undefined")
        rules = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        found = page.evaluate("(rules) => axe.run(document, rules)", rules)["violations"]
        told = [f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')}" for one in found for node in one["nodes"][:3]]
        assert not told, where + "\n" + "\n".join(told)

    def close(self) -> None:
        self.context.close()
        assert not self.said, self.said


@pytest.fixture
def open_page(browser, host):
    """Opens pages: `open_page()`, or with options of the browser's context."""
    opened: list[Opened] = []

    def new(base: str | None = None, **options) -> Opened:
        opened.append(Opened(browser, base or host.url, **options))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def page(open_page):
    return open_page().page
