"""Makes the pictures of docs/pictures, with runs that nobody made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hosts import Host, chromium
from playwright.sync_api import Page, sync_playwright
from stubs import WINDOW, answer, run, window
from stubs_of_mirrors import Mirrors
from stubs_of_pages import HEALTH, KEPT, LAG, LAGS, OVERVIEW, Listed, delivery, health_of, overview
from stubs_of_pulls import Centre

FOLDER = Path("docs/pictures")
NOW = datetime(2026, 3, 10, 13, 40, tzinfo=UTC)


def ago(days: int, hour: int, minute: int) -> str:
    at = (NOW - timedelta(days=days)).replace(hour=hour, minute=minute)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


REFUSED = {
    "actor": "scheduler",
    "hash": None,
    "durationMs": 3_000,
    "error": "the catalogue lacks 60 of 127 items; mend the export, or allow the removals",
    "metadata": {"errorCode": "removals_refused", "trigger": "schedule", "correlationId": "1-670d1cb2-91f0aa73e4"},
}
SKIPPED = {
    "actor": "scheduler",
    "hash": None,
    "durationMs": None,
    "error": "a run of this vendor is in progress",
    "metadata": {"skipped": True, "errorCode": "sync_in_progress", "trigger": "schedule"},
}
RUNS = [
    run("r9", ago(0, 13, 31), "running", completedAt=None, finishedAt=None, durationMs=None, hash=None),
    run("r8", ago(0, 13, 2), durationMs=8_000),
    run("r7", ago(0, 12, 58), dryRun=True, durationMs=532),
    run("r6", ago(0, 2, 0), "error", **REFUSED),
    run("r5", ago(1, 14, 47), durationMs=72_000),
    run("r4", ago(1, 14, 44), "error", **SKIPPED),
    *(run(f"r{3 - day}", ago(2 + day, 2, 0), actor="scheduler", durationMs=5_000 + 700 * day) for day in range(5)),
]


def days() -> list[dict]:
    counts = [(3, 0, 0), (4, 0, 0), (6, 0, 0), (2, 1, 0), (1, 0, 0), (3, 1, 0), (3, 1, 1)]
    names = [(NOW - timedelta(days=6 - index)).strftime("%Y-%m-%d") for index in range(7)]
    return [dict(zip(("day", "success", "error", "running"), (name, *count), strict=True)) for name, count in zip(names, counts, strict=True)]


def deliveries(page: Page) -> None:
    """A minute of them, one of which was given up."""
    older = ("rejected", "processed", "processed", "dead", "processed", "processed", "processed", "rejected")
    listed = [delivery(f"e{index:02}", older[index % len(older)], 4 + index * 3.7) for index in range(40)]
    Listed(page, listed)
    life = [{"what": "verified", "at": None, "detail": "current"}]
    page.route("**/api/admin/deliveries/*?*", lambda route: route.fulfill(json={**KEPT, "headers": [], "life": life}))
    page.goto("/deliveries?open=dead:e03")
    page.get_by_role("dialog").get_by_text("With the secret that is set").wait_for()


def health(page: Page) -> None:
    page.route(HEALTH + "**", lambda route: route.fulfill(json=health_of()))
    page.route(LAG, lambda route: route.fulfill(json=LAGS))
    page.goto("/health")
    page.locator("tbody tr.opens").nth(1).click()


def integrations(page: Page) -> None:
    """A backfill that waits for the rate limit."""
    Centre(page)
    page.goto("/systems/integrations")
    page.get_by_text("the rate limit is used up").wait_for()


def mirrors(page: Page) -> None:
    """Mirrors of categories, one of which waits for approval."""
    Mirrors(page)
    page.goto("/settings/admin/gbp-sync")
    page.get_by_role("button", name="Reject…").wait_for()


def first_page(page: Page) -> None:
    page.route(OVERVIEW, lambda route: route.fulfill(json=overview()))
    page.goto("/")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    host = Host()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=host.url,
                viewport={"width": 1440, "height": 900},
                color_scheme=scheme,
                timezone_id="Europe/Copenhagen",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.clock.set_fixed_time(NOW)
            answer(page, WINDOW, window(RUNS, totalRuns=26, counts={"success": 22, "error": 3, "running": 1}, days=days()))
            page.goto("/vendor-sync?run=r6")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"vendor-sync-{scheme}.png")
        for name, show in (("overview", first_page), ("deliveries", deliveries), ("health", health), ("integrations", integrations), ("gbp-sync", mirrors)):
            context = browser.new_context(base_url=host.url, viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce")
            page = context.new_page()
            show(page)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}-light.png")
        browser.close()
    host.stop()


main()
