"""`/health`: every integration, and the threshold that made its status what it is."""

import re

import pytest
from playwright.sync_api import Page, expect
from stubs_of_pages import FAILED, HEALTH, INTEGRATIONS, LAG, LAGS, LOOKS, OVERVIEW, ago, health_of, integration, never, overview, reason, refuse


def answer(page: Page, integrations: list | None = None, lag: dict = LAGS) -> None:
    page.route(HEALTH, lambda route: route.fulfill(json=health_of(integrations)))
    page.route(LAG, lambda route: route.fulfill(json=lag))


@pytest.fixture
def health(page: Page) -> Page:
    answer(page)
    page.goto("/health")
    expect(page.locator("tbody tr.opens")).to_have_count(4)
    return page


def test_the_worst_is_first_with_its_threshold(health: Page):
    rows = health.locator("tbody tr.opens")
    expect(rows.nth(0)).to_contain_text("Nordlys")
    expect(rows.nth(0)).to_contain_text("Error rate above 5 %")
    expect(rows.nth(1)).to_contain_text("Error rate above 1 %")
    expect(rows.nth(2)).to_contain_text("All within limits")
    expect(rows.nth(3)).to_contain_text("No webhook for 24 hours")


def test_one_is_told_with_percentiles_thresholds_and_budget(health: Page):
    expect(health.get_by_role("img", name="Processing time of 1,000 deliveries: P50 142 ms, limit 500 ms, P95 702 ms, P99 2.8 s")).to_be_visible()
    thresholds = health.get_by_role("group", name="Thresholds").locator("tbody tr")
    expect(thresholds.nth(0).locator("td")).to_have_text(["Error rate, 24 h", "7.4 %", "1 %", "5 %", "Unhealthy"])
    expect(thresholds.nth(2).locator("td")).to_have_text(["Webhook lag", "26m 12s", "2 min", "10 min", "Unhealthy"])
    expect(thresholds.nth(3).locator("td")).to_have_text(["Sync lag", "—", "5 min", "15 min", "Not measured"])
    expect(health.get_by_role("region", name="Error budget")).to_contain_text("0 % left: 79 of 1,068 failed, 10.6 may")
    health.locator("tbody tr.opens").nth(2).click()
    expect(health.get_by_role("region", name="Error budget")).to_contain_text("100 % left")
    assert "open=acme%2Flumen" in health.url


def test_a_cadence_of_its_own_takes_the_threshold_s_place(page: Page):
    thresholds = {**INTEGRATIONS[0]["config"]["thresholds"], "webhookLag": {"degraded": 500_000, "unhealthy": 1_500_000}}
    answer(page, [integration("Own", "unhealthy", reasons=[reason("webhookLag", "unhealthy", 1_572_000, 1_500_000)], config={"settings": {}, "thresholds": thresholds})])
    page.goto("/health")
    expect(page.locator("tbody tr.opens")).to_contain_text("Webhook lag above 25 min")
    expect(page.get_by_role("group", name="Thresholds").locator("tbody tr").nth(2)).to_contain_text("25 min")


def test_one_that_is_pulled_says_when_it_was_synced_and_whether_its_vendor_is_asked(page: Page):
    breaker = {**INTEGRATIONS[0]["circuitBreaker"], "state": "open", "failureCount": 5, "nextRetryTime": ago(-30)}
    late = [reason("breaker", "unhealthy", 1, 0), reason("syncLag", "degraded", 420_000, 300_000)]
    answer(page, [integration("Pulled", "unhealthy", reasons=late, syncLagMs=420_000, lastSyncedAt=ago(420), circuitBreaker=breaker)])
    page.goto("/health")
    row = page.locator("tbody tr.opens")
    expect(row).to_contain_text("The circuit breaker is open")
    expect(row).to_contain_text("7m")
    thresholds = page.get_by_role("group", name="Thresholds").locator("tbody tr")
    expect(thresholds.nth(3)).to_contain_text("Degraded")
    card = page.get_by_role("region", name="Queue and breaker")
    for text in ["Open", "Failed calls, 5 min", "Tries again", "Last sync"]:
        expect(card).to_contain_text(text)


def test_a_histogram_is_drawn_with_the_exact_percentiles_or_those_of_its_columns(page: Page):
    answer(page, lag={"lag": {"processingLag": {"count": 0, "avgMs": None, "p50Ms": None, "p95Ms": None, "p99Ms": None, "maxMs": None, "complete": True}}})
    page.goto("/health")
    expect(page.locator(".chart.lag rect")).to_have_count(8)
    expect(page.get_by_role("img", name="Processing time of 1,000 deliveries: P50 ≤ 500 ms, limit 500 ms, P95 ≤ 1 s, P99 ≤ 5 s")).to_be_visible()
    expect(page.get_by_role("region", name="Processing time")).to_contain_text("1,000 of 24 h, as the columns have it")


def test_it_begins_with_a_provider_that_has_some(page: Page):
    answer(page, [])
    page.route(OVERVIEW, lambda route: route.fulfill(json=overview()))
    page.route("**/api/sync/health?provider=catalogue", lambda route: route.fulfill(json=health_of()))
    page.goto("/health")
    expect(page.locator("tbody tr.opens")).to_have_count(4)
    expect(page).to_have_url(re.compile(r"provider=catalogue$"))


def test_another_provider_has_its_own_list(page: Page):
    asked: list[str] = []

    def fulfil(route):
        asked.append(route.request.url)
        route.fulfill(json=health_of([integration("Till", "healthy", integrationName="Point of sale", connectionId=None)], hasMore=True, nextCursor="more"))

    page.route("**/api/sync/health**", fulfil)
    page.goto("/health")
    page.get_by_label("Provider").select_option("pos")
    expect(page.locator(".chart.lag")).to_be_visible()
    expect(page.get_by_role("region", name="Processing time")).to_contain_text("P95 ≤ 1 s")
    page.get_by_role("button", name="Next").click()
    expect(page).to_have_url(re.compile(r"/health\?provider=pos&cursor=more$"))
    assert asked[-1].endswith("/api/sync/health?provider=pos&cursor=more")


def test_what_has_runs_is_judged_by_the_last_one(page: Page):
    failed = integration("MOSCOT", "unhealthy", reasons=[reason("lastRun", "unhealthy", 1, 0)])
    page.route("**/api/sync/health?provider=catalogue", lambda route: route.fulfill(json=health_of([failed, integration("Acme", "healthy")])))
    page.goto("/health?provider=catalogue")
    thresholds = page.get_by_role("group", name="Thresholds").locator("tbody tr")
    expect(thresholds.last.locator("td")).to_have_text(["Last run", "failed", "—", "a failure", "Unhealthy"])
    page.locator("tbody tr.opens").nth(1).click()
    expect(thresholds.last).to_contain_text("did not fail")


def test_what_is_pulled_is_measured_by_what_it_has(page: Page):
    pulled = {"integrationName": "DoorLoop", "connectionId": None, "idle": True, "lastSyncedAt": ago(120), "syncLagMs": 120_000, "lastWebhookAt": None, "webhookLagMs": None}
    opened = {"state": "open", "failureCount": 5, "nextRetryTime": ago(-50), "lastFailureTime": ago(10)}
    broken = integration("Demo", "unhealthy", **pulled, circuitBreaker=opened, reasons=[reason("breaker", "unhealthy", 1, 0)])
    page.route("**/api/sync/health?provider=doorloop", lambda route: route.fulfill(json=health_of([broken])))
    page.goto("/health?provider=doorloop")
    expect(page.locator("tbody tr.opens")).to_contain_text("The circuit breaker is open")
    names = page.get_by_role("group", name="Thresholds").locator("tbody tr td:first-child").all_inner_texts()
    assert names == ["Error rate, 24 h", "Failures, 24 h", "Sync lag"]
    card = page.get_by_role("region", name="Queue and breaker")
    expect(card).to_contain_text("Last sync")
    expect(card).to_contain_text("Tries again")
    expect(card).not_to_contain_text("Last webhook")
    started = []
    page.route("**/api/admin/sync/run?**", lambda route: (started.append((route.request.url, route.request.post_data_json)), route.fulfill(json={"ok": True, "runId": "r1", "mode": "delta", "results": [{"entity": "owners", "status": "started"}, {"entity": "units", "status": "started"}]})))
    press, toasts = card.get_by_role("button", name="Pull now"), page.locator("#toasts")
    press.click()
    expect(page.get_by_text("Demo is pulled")).to_be_visible()
    expect(toasts).to_contain_text("What changed of owners, units")
    there = "/systems/integrations?provider=doorloop&connection=demo&for=acme"
    expect(toasts.get_by_role("link")).to_have_attribute("href", there)
    [(url, body)] = started
    assert url.endswith("?provider=doorloop&connection=demo&tenant=acme")
    assert body == {"entities": ["owners", "properties", "units", "leases", "tenants"]}
    # It is no fault that a run is there already.
    busy = {"ok": False, "error": "sync already running", "code": "sync_in_progress", "runId": "r1"}
    page.route("**/api/admin/sync/run?**", lambda route: route.fulfill(status=409, json=busy))
    press.click()
    told = toasts.locator(".toast", has_text="A run of Demo is in progress")
    expect(told.get_by_role("link")).to_have_attribute("href", there)
    expect(page.get_by_text("No pull was started")).to_have_count(0)


def test_the_texts_of_the_chart_keep_their_size(health: Page):
    heights = "[...document.querySelectorAll('.chart.lag text')].map((text) => text.getBoundingClientRect().height)"
    sizes = set()
    for width in (1600, 1280, 1000, 360):
        health.set_viewport_size({"width": width, "height": 800})
        # Not `wait_for_function`, which evaluates a text where the page's policy forbids it once it has to wait.
        fits = "(() => { const chart = document.querySelector('.chart.lag'); return chart.viewBox.baseVal.width === Math.round(chart.getBoundingClientRect().width) })()"
        for _ in range(50):
            if health.evaluate(fits):
                break
            health.wait_for_timeout(100)
        else:
            raise AssertionError(f"the chart is not drawn for a page of {width}")
        sizes.update(health.evaluate(heights))
    # Not rounded: a height near the half of a pixel would be two sizes. A width that is no whole number scales it by less than this.
    assert max(sizes) - min(sizes) < 0.25, sizes


def test_filters_are_in_the_address_and_empty_names_them(health: Page):
    health.get_by_role("button", name=re.compile("^Idle")).click()
    expect(health.locator("tbody tr.opens")).to_have_count(1)
    health.get_by_role("searchbox").fill("lumen")
    health.get_by_role("searchbox").press("Enter")
    expect(health.get_by_text("idle, “lumen”")).to_be_visible()
    assert health.url.endswith("?status=idle&q=lumen")
    health.get_by_role("button", name="Reset the filters").click()
    expect(health.locator("tbody tr.opens")).to_have_count(4)


def test_by_keyboard_alone(health: Page):
    health.keyboard.press("j")
    expect(health.locator("tbody tr[aria-selected=true]")).to_contain_text("Cool")
    expect(health.get_by_role("region", name="Processing time")).to_contain_text("Cool")
    health.keyboard.press("/")
    expect(health.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_for_everybody(open_page, look):
    opened = open_page(reduced_motion="reduce", **look)
    answer(opened.page)
    opened.page.goto("/health")
    expect(opened.page.locator(".chart.lag")).to_be_visible()
    opened.axe(f"{look}")
    assert not opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_states_without_data(open_page):
    for prepare, text in [
        (lambda page: (answer(page, []), page.route(OVERVIEW, lambda route: route.fulfill(json=overview([])))), "No integrations yet"),
        (lambda page: refuse(page, HEALTH, 500, {"error": "Failed to retrieve sync health", "message": "storage is away"}), "storage is away"),
        (lambda page: refuse(page, HEALTH, 403, {"error": "Insufficient permissions", "message": "another role"}), "Not for this role"),
        (lambda page: never(page, HEALTH), "Loading integrations…"),
    ]:
        opened = open_page(reduced_motion="reduce")
        prepare(opened.page)
        opened.page.goto("/health")
        expect(opened.page.get_by_text(text)).to_be_visible()
        opened.axe(text)


def test_times_that_cannot_be_had_leave_the_rest(page: Page):
    answer(page)
    refuse(page, LAG, 500, FAILED)
    page.goto("/health")
    expect(page.get_by_text("The times could not be fetched")).to_be_visible()
    expect(page.get_by_role("group", name="Thresholds")).to_be_visible()
