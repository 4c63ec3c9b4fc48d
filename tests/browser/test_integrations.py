"""`/systems/integrations`: the control centre of a connection that is pulled."""

import json
import re

import pytest
from hosts import Host, Vendor
from playwright.sync_api import Page, expect
from stubs_of_pages import LOOKS, ago, refuse
from stubs_of_pulls import LINES, LONG_DETAIL, REFUSED, RESOLVED, RUN, Centre, status

PATH = "/systems/integrations"
# A run that waits, or is asked again, takes longer than a click.
LONG_MS = 60_000


@pytest.fixture
def page(open_page) -> Page:
    """High enough for all of it."""
    return open_page(viewport={"width": 1440, "height": 2400}).page


@pytest.fixture
def centre(page: Page) -> Centre:
    return Centre(page)


def region(page: Page, name: str):
    return page.get_by_role("region", name=name, exact=True)


# ---- against the real host ----


@pytest.fixture(scope="module")
def bare():
    """A host without connections."""
    host = Host(SIGNALBOX_DEMO="0", ADMIN_SYNC_TOKEN="an-admin-token-of-thirty-two-bytes-or-more")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def vendor():
    vendor = Vendor("--rows", "400", "--rows-of", "units=500")
    yield vendor
    vendor.stop()


class Runbook:
    """What a newcomer does at the page."""

    def __init__(self, page: Page, vendor: Vendor):
        self.page, self.vendor = page, vendor
        self.run = page.get_by_test_id("button-run-now")
        self.toasts = page.locator("#toasts")

    def ping(self) -> None:
        self.page.get_by_test_id("button-ping").click()

    def start(self, mode: str = "delta", dry: bool = False) -> None:
        expect(self.run).to_be_enabled(timeout=LONG_MS)
        self.page.get_by_test_id(f"button-mode-{mode}").click()
        self.page.get_by_test_id("checkbox-dry-run").set_checked(dry)
        self.run.click()

    def said(self, text: str) -> None:
        expect(self.toasts.get_by_text(text, exact=True).last).to_be_visible(timeout=LONG_MS)
        # What is said again is not what was said before.
        self.page.evaluate("document.querySelector('#toasts').replaceChildren()")

    def records(self) -> list[str]:
        return region(self.page, "Progress").locator("tbody td.number:last-child").all_inner_texts()


def test_the_runbook_of_a_newcomer(open_page, bare, vendor):
    opened = open_page(bare.url, viewport={"width": 1440, "height": 2400})
    page = opened.page
    book = Runbook(page, vendor)
    page.goto(PATH)
    expect(page).to_have_title("Systems › Integrations › Health")

    # There is nothing yet: a connection is made, with the address that people take for the API's.
    expect(page.get_by_text("No connection to DoorLoop yet")).to_be_visible()
    page.get_by_test_id("button-add-connection").click()
    page.get_by_test_id("input-base-url").fill(vendor.url)
    page.get_by_test_id("input-api-key").fill(Vendor.KEY)
    page.get_by_label("Requests a minute").fill("60000")
    page.get_by_label("Requests an hour").fill("100000")
    page.get_by_label("Page size").fill("20")
    page.get_by_label("Failures that open the breaker").fill("2")
    page.get_by_test_id("button-save-connection").click()
    book.said("The connection is made")
    book.ping()
    card = region(page, "DoorLoop status")
    expect(card).to_contain_text("What the vendor answered is no page of a list")
    expect(card).to_contain_text("https://app.doorloop.com/api")

    # The address is mended, and the key stays, as it is the same host.
    page.get_by_test_id("button-edit-connection").click()
    expect(page.get_by_test_id("input-api-key")).to_have_value("")
    page.get_by_test_id("input-base-url").fill(vendor.api)
    page.get_by_test_id("button-save-connection").click()
    book.said("The connection is changed")
    book.ping()
    expect(card).to_contain_text("It answers")

    # A dry run counts, and writes nothing.
    book.start(dry=True)
    book.said("The dry run is over: this would happen")
    expect(region(page, "Last runs").locator("tbody tr.opens")).to_have_count(5)
    expect(region(page, "Last runs")).to_contain_text("Delta, dry")
    assert set(book.records()) == {"0"}

    # A run is watched, stopped, and gone on with.
    vendor.fail("slow", entity="units", seconds=2)
    book.start("backfill")
    progress = region(page, "Progress")
    expect(progress).to_contain_text("Running", timeout=LONG_MS)
    expect(progress.get_by_role("progressbar")).to_be_visible()
    expect(progress.locator("tbody tr").nth(2)).to_contain_text("Running", timeout=LONG_MS)
    expect(progress.locator("tbody tr").nth(0)).to_contain_text("Done")
    expect(book.run).to_be_disabled()
    opened.axe("while a run is watched")
    page.get_by_test_id("button-stop-top").click()
    book.said("The run was stopped")
    expect(region(page, "Last runs")).to_contain_text("An operator stopped it")
    vendor.mend()
    # Of one row the time of change is none.
    vendor.tell("rows", {"entity": "tenants", "change": 1, "set": {"updatedAt": "soon"}})
    book.start("backfill")
    book.said("The run is over")
    assert "0" not in book.records()

    # What could not be taken is seen, and applied as the vendor has it now.
    letters = region(page, "DLQ")
    expect(letters.locator("li")).to_have_count(1)
    page.get_by_test_id("tab-dlq").click()
    row = page.locator(".letters tbody tr.opens")
    expect(row).to_contain_text("tenants")
    row.locator("td").first.click()
    expect(page.locator(".drawer")).to_contain_text("updatedAt")
    opened.axe("a row that was set aside")
    page.keyboard.press("Escape")
    key = row.locator("td").first.inner_text()
    row.locator("[data-testid^=button-requeue-]").click()
    book.said(f"{key} stays")
    vendor.tell("rows", {"entity": "tenants", "change": [key], "set": {"updatedAt": "2100-01-02T00:00:00Z"}})
    row.locator("[data-testid^=button-requeue-]").click()
    book.said(f"{key} is applied")
    expect(page.get_by_text("No row was set aside")).to_be_visible(timeout=LONG_MS)
    page.get_by_test_id("tab-monitoring").click()
    expect(letters).to_contain_text("No row was set aside")

    # A page for people in place of a list: told with what the vendor answered, and once for all that are the same.
    for _ in range(2):
        vendor.fail("html", entity="owners")
        book.start()
        book.said("The run failed")
        vendor.mend()
    errors = region(page, "Errors")
    expect(errors.locator("li")).to_have_count(1)
    expect(errors).to_contain_text("2×")
    errors.get_by_role("button").click()
    expect(page.locator(".drawer")).to_contain_text("<html")
    page.keyboard.press("Escape")
    expect(page.locator(".drawer")).to_have_count(0)

    # The vendor is down: it is left alone until the breaker is reset, and the run can be stopped.
    vendor.fail("status", status=500)
    book.start()
    expect(progress).to_contain_text("Waiting for the circuit breaker until", timeout=LONG_MS)
    breaker = region(page, "Circuit Breaker")
    expect(breaker).to_contain_text("Open")
    expect(breaker).to_contain_text("Asked again at")
    expect(breaker.locator(".countdown")).to_have_text(re.compile(r"^0:\d\d$|^1:00$"))
    opened.axe("an open breaker")
    vendor.mend()
    # So that the run is not over before it is stopped.
    vendor.fail("slow", seconds=2)
    page.get_by_test_id("button-reset-breaker").click()
    book.said("The circuit breaker is closed")
    expect(breaker).to_contain_text("Closed")
    page.get_by_test_id("button-stop").click()
    book.said("The run was stopped")
    vendor.mend()
    book.ping()
    expect(card).to_contain_text("It answers")


class Logged:
    """A connection of its own, the page of it, and its log as it is stored."""

    def __init__(self, page: Page, host: Host, vendor: Vendor, name: str):
        self.page, self.name = page, name
        self.headers = {"authorization": f"Bearer {host.token('connections:read,connections:write')}"}
        settings = {"baseUrl": vendor.api, "requestsPerMinute": 60_000, "requestsPerHour": 100_000, "pageSize": 50}
        body = {"settings": settings, "secrets": {"current": Vendor.KEY}}
        assert page.request.put(f"/api/admin/connections/default/doorloop/{name}", headers=self.headers, data=body).ok
        page.goto(f"{PATH}?provider=doorloop&connection={name}")
        self.logs = region(page, "Live logs")
        expect(self.logs).to_be_visible()

    def run(self, vendor: Vendor) -> None:
        """Watches a backfill to its end."""
        Runbook(self.page, vendor).start("backfill")
        expect(self.logs.locator("li").first).to_contain_text("The run succeeded after", timeout=LONG_MS)

    def shown(self) -> list[str]:
        return self.logs.locator("li .text").all_inner_texts()[::-1]

    def stored(self) -> list[str]:
        query = f"connection={self.name}&follow=false&lastEventId=start"
        events = self.page.request.get(f"/api/admin/sync/logs/stream?{query}", headers=self.headers).text()
        return [json.loads(data)["msg"] for data in re.findall(r"^event: ?log\n(?:id: ?.*\n)?data: ?(.*)$", events, re.M)]


def test_a_run_is_read_in_the_live_log_from_start_to_end(open_page, bare, vendor):
    page = open_page(bare.url, viewport={"width": 1440, "height": 2400}).page
    logged = Logged(page, bare, vendor, "logged")
    expect(logged.logs).to_contain_text("Streaming")
    logged.run(vendor)
    shown = logged.shown()
    assert shown[0].startswith("A backfill of owners, ") and shown[-1].startswith("The run succeeded after ")
    assert len(shown) > 20 and len({*shown}) == len(shown)
    assert shown == logged.stored()
    pages = [int(number) for number in re.findall(r"Page (\d+) of units came", "\n".join(shown))]
    assert pages == [*range(1, 11)]


def test_the_log_goes_on_where_a_stream_ended(open_page, bare, vendor):
    page = open_page(bare.url, viewport={"width": 1440, "height": 2400}).page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/logs/stream?" in request.url else None)
    # Each ends once all is sent that there is, as it does after 55 s.
    page.route("**/api/admin/sync/logs/stream?**", lambda route: route.continue_(url=f"{route.request.url}&follow=false"))
    logged = Logged(page, bare, vendor, "resumed")
    page.evaluate("""() => {
        window.told = [];
        const head = document.querySelector(".logs .card-head");
        new MutationObserver(() => told.push(head.innerText)).observe(head, { childList: true, subtree: true });
    }""")
    logged.run(vendor)
    assert logged.shown() == logged.stored()
    assert len(asked) > 1 and all("lastEventId=" in url for url in asked[1:]), asked
    told = page.evaluate("told")
    assert any("Connecting…" in text for text in told) and not any("cannot be reached" in text for text in told), told


def test_a_test_alert_is_in_the_outbox(page: Page):
    page.goto(f"{PATH}?provider=doorloop&connection=demo")
    page.get_by_test_id("button-test-teams-alert").click()
    expect(page.get_by_text("The test alert is sent")).to_be_visible()
    expect(page.get_by_test_id("list-messages")).to_contain_text("Sent")


def test_who_is_not_let_in_signs_in_with_the_admin_token_which_is_kept_nowhere(open_page, deployed):
    opened = open_page(deployed.url)
    page = opened.page
    page.goto(PATH)
    expect(page.get_by_text("You are not signed in")).to_be_visible()
    opened.axe("the way in")
    field = page.get_by_test_id("input-admin-token")
    field.fill("another-token")
    field.press("Enter")
    expect(page.get_by_text("The token is not taken")).to_be_visible()
    expect(field).to_have_value("")
    field.fill("an-admin-token-of-thirty-two-bytes-or-more")
    field.press("Enter")
    expect(page.get_by_text("No connection to DoorLoop yet")).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "an-admin-token" not in kept


def test_any_provider_that_is_pulled_has_the_page(page: Page):
    page.goto(f"{PATH}?provider=trackstar&connection=demo")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trackstar")
    expect(page.get_by_test_id("checkbox-entity-orders")).to_be_visible()
    expect(region(page, "Rate limit")).to_contain_text("Trackstar documents 45 a minute and 2,700 an hour.")


# ---- what it says of what it is told ----


def test_a_run_that_waits_is_told_with_its_time_and_its_parts(page: Page, centre: Centre):
    page.goto(PATH)
    progress = region(page, "Progress")
    expect(progress).to_contain_text(re.compile(r"Waiting for the rate limit until \d\d:\d\d:\d\d"))
    expect(progress).to_contain_text("Page 38 of leases comes next")
    rows = progress.locator("tbody tr")
    expect(rows.nth(3)).to_contain_text("37 / 58")
    expect(rows.nth(3)).to_contain_text("56 s")
    expect(rows.nth(4)).to_contain_text("Queued")
    expect(page.get_by_test_id("button-run-now")).to_be_disabled()
    expect(region(page, "Circuit Breaker")).to_contain_text("up to 0.5, 0.9, 1.6, 2.9 s")
    centre.status = status(running=False)
    page.get_by_test_id("button-refresh").click()
    expect(progress).to_contain_text("Nothing runs")
    expect(progress.locator("tbody tr").nth(2)).to_contain_text("What the vendor answered is no page of a list")
    expect(page.get_by_test_id("button-run-now")).to_be_enabled()


def test_what_is_likely_to_be_wrong_is_said_and_what_a_deployment_keeps_is_locked(page: Page, centre: Centre):
    page.goto(PATH)
    config = region(page, "Configuration")
    for text in ["3 warnings", "The API key is missing", "The base URL is that of the documentation", "240 a minute are set; 50 are documented"]:
        expect(config).to_contain_text(text)
    expect(page.get_by_test_id("button-edit-connection")).to_be_hidden()
    scheduler = region(page, "Scheduler")
    expect(scheduler).to_contain_text("Locked")
    expect(scheduler).to_contain_text("another run had the connection")
    for id in ("switch-scheduler", "input-interval", "select-full-hour"):
        expect(page.get_by_test_id(id)).to_be_disabled()


WELL = {"entity": "owners", "lastSuccessAt": ago(900), "lastFailureAt": None, "lastError": None, "lastErrorCode": None, "records": 1}
OPEN = {"state": "open", "isOpen": True, "asksAgainAt": ago(-50)}


@pytest.mark.parametrize(
    ("amiss", "said"),
    [
        ({}, "OK"),
        ({"dlqCount": 1}, "1 row set aside"),
        ({"lastRun": {"success": False}, "dlqCount": 2}, "Last run failed 2 rows set aside"),
        ({"breaker": OPEN, "lastRun": {"success": False}, "dlqCount": 0}, "Breaker open Last run failed"),
        ({"perEntity": {"owners": {**WELL, "lastFailureAt": ago(1), "lastErrorCode": "vendor_refused_credentials"}}}, "Not reached 1 entity failed"),
    ],
)
def test_the_head_says_the_worst_of_how_it_does(page: Page, centre: Centre, amiss: dict, said: str):
    well = status(running=False, perEntity={"owners": WELL}, dlqCount=0)
    well["lastRun"] = {**well["lastRun"], "success": True, "error": None, **amiss.pop("lastRun", {})}
    [health] = well["integrations"].values()
    health["circuitBreaker"] = {**health["circuitBreaker"], **amiss.pop("breaker", {})}
    centre.status = {**well, **amiss}
    page.goto(PATH)
    expect(page.get_by_test_id("standing")).to_have_text(said)


def test_what_is_wrong_with_a_field_is_said_by_its_label(page: Page, centre: Centre):
    centre.status = status(running=False)
    refuse(page, "**/api/admin/sync/run?**", 400, {"ok": False, "error": "since must be a date or date-time that has passed", "code": "invalid_request"})
    page.goto(PATH)
    page.get_by_test_id("button-run-now").click()
    expect(region(page, "Run")).to_contain_text("Since must be a date or date-time that has passed")


def test_alerts_are_seen_where_nothing_is_pulled(page: Page, centre: Centre):
    refuse(page, "**/api/admin/sync/status?**", 404, {"ok": False, "error": "there is none", "code": "connection_not_found"})
    page.goto(PATH)
    expect(page.get_by_text("No connection to DoorLoop yet")).to_be_visible()
    expect(region(page, "Teams Alerts")).to_contain_text("acknowledged by maja")


def test_a_run_is_asked_for_as_it_was_chosen(page: Page, centre: Centre):
    centre.status = status(running=False)
    page.goto(PATH)
    page.get_by_test_id("checkbox-entity-owners").uncheck()
    page.get_by_test_id("checkbox-dry-run").check()
    page.get_by_label("Since").fill("2026-01-02T03:04")
    page.get_by_test_id("button-run-now").click()
    expect(page.get_by_text("The dry run is started")).to_be_visible()
    [(_, path, body)] = centre.asked
    assert path == "sync/run?provider=doorloop&connection=main"
    assert body == {"entities": ["properties", "units", "leases", "tenants"], "mode": "delta", "dryRun": True, "since": "2026-01-02T02:04:00.000Z"}


def test_failures_that_are_the_same_are_one_and_open_with_their_answer(page: Page, centre: Centre):
    page.goto(PATH)
    errors = region(page, "Errors")
    expect(errors.locator("li")).to_have_count(1)
    expect(errors).to_contain_text("2×")
    expect(errors).to_contain_text("9f2c41d07b6a")
    expect(region(page, "Last runs").locator("tbody tr.opens").last).to_contain_text("Requeue")
    row = region(page, "Last runs").locator("tbody tr.opens").nth(1)
    row.focus()
    row.press("Enter")
    drawer = page.locator(".drawer")
    expect(drawer).to_contain_text("<h1>Documentation</h1>")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(row).to_be_focused()
    row.press("Enter")
    drawer.get_by_role("button", name="Its log lines").click()
    expect(page.get_by_test_id("tab-logs")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("input-filter-run-id")).not_to_have_value("")
    expect(page.get_by_text("No line fits the filters.")).to_be_visible()


def test_the_log_is_filtered_held_copied_exported_and_cleared(open_page):
    opened = open_page(permissions=["clipboard-read", "clipboard-write"])
    page = opened.page
    Centre(page)
    page.goto(f"{PATH}?tab=logs")
    logs = region(page, "Live logs")
    lines = logs.locator("li")
    expect(lines).to_have_count(len(LINES))
    expect(lines.first).to_contain_text("the rate limit is used up")
    page.get_by_test_id("select-filter-level").select_option("error")
    expect(lines).to_have_count(1)
    page.get_by_test_id("select-filter-level").select_option("")
    page.get_by_test_id("select-filter-entity").select_option("units")
    expect(lines).to_have_count(1)
    page.get_by_test_id("button-copy-logs").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert "units page 3 is a web page" in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_test_id("button-export-logs").click()
    assert re.fullmatch(r"doorloop-main-.*\.ndjson", download.value.suggested_filename)
    [exported] = [json.loads(one) for one in download.value.path().read_text().splitlines()]
    assert (exported["runId"], exported["level"]) == (RUN, "error")
    page.get_by_test_id("select-filter-entity").select_option("")
    page.get_by_test_id("input-filter-run-id").fill("none")
    expect(lines).to_have_count(0)
    page.get_by_test_id("input-filter-run-id").fill(RUN[:8])
    expect(lines).to_have_count(len(LINES))
    expect(page.get_by_test_id("count-logs")).to_have_text(f"{len(LINES)} lines")
    page.get_by_test_id("button-toggle-pause").click()
    expect(logs.get_by_role("status").first).to_have_text("Paused")
    expect(page.get_by_test_id("button-toggle-pause")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("button-clear-logs").click()
    expect(lines).to_have_count(0)


def test_times_in_sentences_are_as_all_others(open_page):
    page = open_page().page
    Centre(page)
    page.goto(f"{PATH}?tab=logs")
    logs = region(page, "Live logs")
    expect(logs).to_contain_text("until 15 Jan 2030, 13:30, which is 15 Jan 2030, 13:30")
    page.get_by_role("button", name="UTC").click()
    expect(logs).to_contain_text("until 15 Jan 2030, 12:30, which is 15 Jan 2030, 12:30")


def test_a_log_that_cannot_be_reached_is_said_so(page: Page, centre: Centre):
    refuse(page, "**/api/admin/sync/logs/stream?**", 404, {"ok": False, "error": "not_found"})
    page.goto(PATH)
    expect(region(page, "Live logs")).to_contain_text("The log cannot be reached")
    expect(region(page, "Progress")).to_contain_text("Waiting")


def test_what_the_vendor_says_of_its_own_limit_is_beside_ours(page: Page, centre: Centre):
    page.goto(PATH)
    expect(page.get_by_test_id("list-messages")).to_be_visible()
    page.get_by_test_id("button-refresh").click()
    expect(region(page, "Rate limit")).to_contain_text(re.compile(r"Vendor, \d\d:\d\d46 of 60 left, more at \d\d:\d\d:\d\d"))


def test_who_is_shut_out_types_a_token_in_peace(page: Page, centre: Centre):
    page.clock.install()
    page.goto(PATH)
    expect(region(page, "Progress")).to_contain_text("Waiting")
    asked: list[str] = []
    refuse(page, "**/api/admin/sync/status?**", 401, {"ok": False, "error": "unauthorized"})
    page.get_by_test_id("button-refresh").click()
    field = page.get_by_test_id("input-admin-token")
    field.fill("half-a-tok")
    page.on("request", lambda request: asked.append(request.url) if "/api/admin/" in request.url else None)
    page.clock.run_for(130_000)
    expect(field).to_have_value("half-a-tok")
    assert not asked, asked
    expect(page.get_by_test_id("button-stop-top")).to_have_count(0)


def test_an_error_of_an_earlier_choice_replaces_nothing(page: Page, centre: Centre):
    centre.connections.append({**centre.connections[0], "connection": "acme/doorloop/other", "name": "other", "displayName": "Other"})
    held: list = []
    page.route("**/api/admin/sync/status?provider=doorloop&connection=main", lambda route: held.append(route))
    page.goto(PATH)
    choice = page.get_by_label("Integration", exact=True)
    expect(choice).to_have_value("doorloop/main")
    choice.select_option("doorloop/other")
    expect(region(page, "Progress")).to_contain_text("Waiting")
    with page.expect_response("**/api/admin/sync/status?provider=doorloop&connection=main"):
        held[0].fulfill(status=500, json={"ok": False, "error": "it failed", "code": "internal_error"})
    page.evaluate("async () => { for (let frame = 0; frame < 10; frame += 1) await new Promise(requestAnimationFrame); }")
    expect(region(page, "Progress")).to_contain_text("Waiting")
    expect(page.get_by_text("The integration could not be fetched")).to_have_count(0)


def test_rows_are_requeued_deleted_and_cleared(page: Page, centre: Centre):
    page.goto(f"{PATH}?tab=dlq")
    expect(page.locator(".letters tbody tr.opens")).to_have_count(2)
    page.get_by_test_id("button-requeue-d1").click()
    expect(page.get_by_text("lease_90417 is applied")).to_be_visible()
    page.get_by_test_id("button-delete-d2").click()
    page.get_by_test_id("button-confirm").click()
    expect(page.get_by_text("without an id is deleted")).to_be_visible()
    page.get_by_test_id("button-requeue-all").click()
    expect(page.get_by_text("1 applied, 0 stay")).to_be_visible()
    page.get_by_test_id("button-clear-all").click()
    centre.letters = []
    page.get_by_test_id("button-confirm").click()
    expect(page.get_by_text("No row was set aside")).to_be_visible()
    page.get_by_test_id("select-dlq-entity-filter").select_option("leases")
    expect(page.get_by_text("None of leases.")).to_be_visible()
    page.get_by_test_id("button-refresh-dlq").click()
    assert [(method, path.split("?")[0]) for method, path, _ in centre.asked] == [
        ("POST", "sync/dlq/d1/requeue"),
        ("DELETE", "sync/dlq/d2"),
        ("POST", "sync/dlq/requeue-all"),
        ("POST", "sync/dlq/clear"),
    ]


def test_alerts_are_acknowledged_and_messages_are_the_outbox(page: Page, centre: Centre):
    page.goto(PATH)
    alerts = region(page, "Teams Alerts")
    expect(alerts).to_contain_text("acknowledged by maja")
    expect(page.get_by_test_id("list-messages").locator("li")).to_have_count(2)
    expect(page.get_by_test_id("list-messages")).to_contain_text("Refused")
    expect(alerts.locator(".callout.warn")).to_contain_text("teams/second-floor")
    page.get_by_test_id("button-acknowledge-a1").click()
    page.get_by_test_id("button-test-teams-alert").click()
    expect(page.get_by_text("The test alert is sent")).to_be_visible()
    assert [path.split("?")[0] for _, path, _ in centre.asked] == ["alerts/a1/acknowledge", "integrations/doorloop/teams/test"]


def test_all_alerts_are_in_a_drawer_with_their_text_and_history(open_page):
    opened = open_page(viewport={"width": 1440, "height": 2400})
    page = opened.page
    centre = Centre(page)
    centre.alerts += [{**RESOLVED, "id": f"a{number}", "connection": f"site-{number}"} for number in range(9, 31)]
    page.goto(PATH)
    alerts = region(page, "Teams Alerts")
    expect(alerts.locator("ul").first.locator("li")).to_have_count(5)
    page.get_by_test_id("button-all-alerts").click()
    drawer = page.get_by_role("dialog", name="Alerts")
    lines = drawer.locator("ul.lines > li")
    expect(lines).to_have_count(20)
    drawer.get_by_role("button", name="Next").click()
    expect(lines).to_have_count(10)
    expect(lines.last).to_contain_text("site-30")
    drawer.get_by_role("button", name="Previous").click()
    more = page.get_by_test_id("more-a1")
    more.locator("summary").click()
    expect(more).to_contain_text(LONG_DETAIL)
    expect(more.locator(".timeline li b")).to_have_text(["Opened", "Changed", "Acknowledged"])
    expect(more).to_contain_text("by maja")
    opened.axe("all alerts")
    centre.alerts[0] = {**centre.alerts[0], "acknowledgedAt": ago(0), "acknowledgedBy": "iben"}
    page.get_by_test_id("button-acknowledge-listed-a1").click()
    expect(more).to_contain_text("acknowledged by iben")
    expect(page.get_by_test_id("button-acknowledge-listed-a1")).to_have_count(0)
    expect(alerts).to_contain_text("acknowledged by iben")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("button-all-alerts")).to_be_focused()
    # One of the card opens as that one.
    page.get_by_test_id("open-a2").click()
    expect(page.get_by_test_id("more-a2")).to_contain_text("The last run that went well ended at 03:10.")
    assert [path for _, path, _ in centre.asked] == ["alerts/a1/acknowledge"]


def test_why_a_message_was_refused_is_read_without_pointing_at_it(open_page):
    opened = open_page(viewport={"width": 1440, "height": 2400})
    page = opened.page
    Centre(page)
    page.goto(PATH)
    expect(page.get_by_test_id("list-messages")).to_contain_text(REFUSED)
    page.get_by_test_id("button-all-messages").click()
    more = page.get_by_test_id("more-m2")
    more.locator("summary").click()
    expect(more).to_contain_text(REFUSED)
    expect(more).to_contain_text("3 attempts")
    opened.axe("all messages")


def test_alerts_that_are_not_there_are_said_so(page: Page, centre: Centre):
    for path in ("alerts?**", "alerts/messages*", "integrations/doorloop/teams/test?**"):
        refuse(page, f"**/api/admin/{path}", 404, {"ok": False, "error": "not_found"})
    page.goto(PATH)
    alerts = region(page, "Teams Alerts")
    expect(alerts).to_contain_text("This version has no alerts.")
    page.get_by_test_id("button-test-teams-alert").click()
    expect(alerts).to_contain_text("This version sends no alerts.")


def test_tabs_are_gone_to_by_keyboard_and_are_in_the_address(page: Page, centre: Centre):
    page.goto(PATH)
    page.get_by_test_id("tab-monitoring").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-logs")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Live Logs")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("tab=dlq"))
    page.keyboard.press("1")
    expect(page).to_have_url(re.compile(f"{PATH}$"))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("tab", ["monitoring", "logs", "dlq"])
def test_it_is_for_everybody(open_page, look, tab):
    opened = open_page(reduced_motion="reduce", **look)
    page = opened.page
    Centre(page)
    page.goto(f"{PATH}?tab={tab}")
    expect(page.locator("#panel .card").first).to_be_visible()
    for part in page.locator(".control-late, .control-below, .control-rail").all():
        part.scroll_into_view_if_needed()
        expect(part.locator(".card").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    opened.axe(f"{tab} {look}")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.locator("[style]").count() == 0


def test_it_is_in_danish(page: Page, centre: Centre):
    page.goto(PATH)
    page.get_by_role("button", name="Dansk").click()
    expect(page.get_by_test_id("tab-monitoring")).to_have_text("Overvågning")
    expect(region(page, "Fremdrift")).to_contain_text("Venter på hastighedsgrænsen til")


def test_all_cards_are_in_the_page_and_the_rail_is_beside_them(open_page):
    page = open_page(viewport={"width": 1280, "height": 720}).page
    Centre(page)
    page.goto(PATH)
    for name in ("Live logs", "Last runs", "Errors", "Rate limit", "Circuit Breaker", "Scheduler", "Configuration", "Teams Alerts", "DLQ", "Access"):
        expect(region(page, name)).to_be_attached()
    expect(region(page, "Circuit Breaker")).to_be_in_viewport()
    assert page.locator("#main").evaluate("main => main.scrollTop") == 0


def test_a_part_that_cannot_be_loaded_is_said_so(open_page):
    opened = open_page()
    page = opened.page
    Centre(page)
    page.route("**/assets/control-rail.*", lambda route: route.fulfill(status=404, json={"ok": False, "error": "not_found"}))
    page.goto(PATH)
    expect(page.locator(".control-rail")).to_contain_text("This part could not be loaded")
    expect(region(page, "Last runs")).to_contain_text("leases")
    [told] = opened.said
    assert "control-rail" in told
    opened.said.clear()


def test_states_without_data(open_page):
    for status, text in [(403, "Not for this role"), (500, "The integration could not be fetched")]:
        opened = open_page(reduced_motion="reduce")
        Centre(opened.page)
        refuse(opened.page, "**/api/admin/sync/status?**", status, {"ok": False, "error": "it failed", "code": "internal_error"})
        opened.page.goto(PATH)
        expect(opened.page.get_by_text(text)).to_be_visible()
        opened.axe(text)
