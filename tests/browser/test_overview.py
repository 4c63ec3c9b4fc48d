"""`/`: all connections, what needs attention first."""

import re

import pytest
from playwright.sync_api import Page, expect
from stubs_of_pages import AUDIT, ENTRIES, FAILED, FORBIDDEN, LETTERS, LOOKS, OVERVIEW, RUN, ago, connection, matter, never, overview, refuse


def answer(page: Page, body: dict | None = None) -> None:
    page.route(OVERVIEW, lambda route: route.fulfill(json=body or overview()))
    page.route(AUDIT, lambda route: route.fulfill(json={"ok": True, "tenant": "acme", "items": ENTRIES, "hasMore": False, "nextCursor": None}))


@pytest.fixture
def home(page: Page) -> Page:
    answer(page)
    page.goto("/")
    expect(page.locator("tbody tr.opens")).to_have_count(5)
    return page


def test_what_needs_attention_is_first_with_what_to_do(home: Page):
    lines = home.locator(".matters a")
    expect(lines.nth(0)).to_contain_text("Run failed MOSCOT (acme): the source cannot be read")
    expect(lines.nth(1)).to_contain_text("61 dead letters")
    expect(lines.nth(2)).to_contain_text("Nordlys (acme): Error rate above 5 %, Failures above 20, Webhook lag above 10 min")
    links = [line.get_attribute("href") for line in lines.all()]
    assert links == ["/vendor-sync?vendor=moscot&for=acme&period=all&run=r1", "/deliveries?status=dead&last=90d&source=github%2Fcool&tenant=acme&for=acme", "/deliveries?source=github%2Fnordlys&tenant=acme&for=acme"]
    expect(home.get_by_text(re.compile("^3 things wait for a decision, the last from "))).to_be_visible()


def test_figures_and_connections_say_how_it_goes(home: Page):
    card = lambda label: home.locator("div.grid > div.rounded-2xl").filter(has_text=label)
    expect(card("Connections")).to_contain_text("5")
    expect(card("Webhooks, 1 h")).to_contain_text("54")
    expect(card("Failed, 1 h")).to_contain_text("3")
    rows = home.locator("tbody tr.opens")
    expect(rows.nth(0)).to_contain_text("The last run failed")
    expect(rows.nth(2)).to_contain_text("Unhealthy")
    expect(rows.nth(3)).to_contain_text("No webhook for 24 hours")
    expect(rows.nth(4)).to_contain_text("Paused")
    expect(home.get_by_role("region", name="Next")).to_contain_text("Still")
    expect(home.get_by_role("region", name="Decisions")).to_contain_text("Asked to send a dead letter again")
    rows.nth(1).click()
    expect(home).to_have_url(re.compile(r"/deliveries\?source=github%2Fcool&tenant=acme&for=acme$"))


def test_thousands_of_connections_are_paged(page: Page):
    items = [connection(f"C{index}", "healthy") for index in range(50)]
    answer(page, overview(items=items, hasMore=True, nextCursor="more"))
    page.goto("/")
    expect(page.locator("div.grid > div.rounded-2xl").first).to_contain_text("Connections, this page")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile("cursor=more"))


def test_what_needs_attention_is_of_all_connections_and_not_of_the_page_alone(page: Page):
    of = {"connection": "acme/pos/demo", "tenant": "acme", "provider": "pos", "name": "demo", "displayName": "pos"}
    refused = {**of, **matter("rejected", 10, 60, "bad_signature: no secret makes it", "/api/admin/deliveries?status=rejected&source=pos")}
    answer(page, overview(items=[connection("C", "healthy")], attention=[refused]))
    page.goto("/")
    expect(page.locator(".matters a")).to_contain_text("10 webhooks refused pos: the last one: Wrong signature: no secret makes it")
    page.get_by_role("button", name="Dansk").click()
    expect(page.locator(".matters a")).to_contain_text("10 webhooks afvist pos: den seneste: Forkert signatur: no secret makes it")
    assert page.locator(".matters a").get_attribute("href") == "/deliveries?status=rejected&source=pos"


def test_what_is_pulled_leads_to_where_it_is_pulled_and_has_no_webhooks(page: Page):
    of = {"connection": "acme/doorloop/demo", "provider": "doorloop", "name": "demo", "idle": True, "nextDueAt": ago(-1_800)}
    failed = matter("failed_run", 1, 60, "owners: its page is no JSON", "/api/admin/sync/runs?provider=doorloop&connection=demo&tenant=acme")
    item = connection("DoorLoop", "healthy", **of, attention=[failed])
    named = {name: item[name] for name in ("connection", "tenant", "provider", "name", "displayName")}
    answer(page, overview(items=[item], attention=[{**named, **failed}]))
    page.goto("/")
    place = "/systems/integrations?provider=doorloop&connection=demo&for=acme"
    expect(page.locator(".matters a")).to_have_attribute("href", place)
    row = page.locator("tbody tr.opens")
    expect(row).to_contain_text("All within limits")
    expect(row.locator("td[data-name='Webhooks, 1 h']")).to_have_text("—")
    expect(page.get_by_role("region", name="Next")).to_contain_text("DoorLoop")
    row.click()
    expect(page).to_have_url(re.compile(re.escape(place) + "$"))


def test_a_link_that_leads_elsewhere_is_not_followed(page: Page):
    elsewhere = [{**LETTERS, "link": "//example.org/"}, {**RUN, "link": "https://example.org/"}]
    answer(page, overview([connection("Cool", "degraded", attention=elsewhere)]))
    page.goto("/")
    expect(page.locator(".matters a")).to_have_count(2)
    for line in page.locator(".matters a").all():
        assert "example.org" not in line.get_attribute("href")


def test_the_filter_is_in_the_address_and_empty_names_it(home: Page):
    home.keyboard.press("/")
    home.get_by_role("searchbox").fill("nothing")
    home.keyboard.press("Enter")
    expect(home.get_by_text("“nothing”")).to_be_visible()
    assert home.url.endswith("/?q=nothing")
    home.get_by_role("button", name="Reset the filter").click()
    expect(home.locator("tbody tr.opens")).to_have_count(5)


def test_who_may_not_run_is_offered_no_run(page: Page):
    who = {"ok": True, "actor": "reader", "tenant": "acme", "scopes": ["catalog:sync:read"], "expiresAt": "2099-01-01T00:00:00Z", "local": False}
    page.route("**/api/auth/session", lambda route: route.fulfill(json=who))
    answer(page)
    refuse(page, AUDIT, 403, FORBIDDEN)
    page.goto("/")
    expect(page.locator("tbody tr.opens")).to_have_count(5)
    expect(page.get_by_role("link", name="Run a sync")).to_have_count(0)
    expect(page.get_by_role("region", name="Decisions")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_for_everybody(open_page, look):
    opened = open_page(reduced_motion="reduce", **look)
    answer(opened.page)
    opened.page.goto("/")
    expect(opened.page.locator("tbody tr.opens")).to_have_count(5)
    opened.axe(f"{look}")
    if look["viewport"]["width"] < 768:
        cell = opened.page.locator("tbody tr.opens").nth(1).locator("td[data-name='Last success']")
        expect(cell).to_be_visible()
    assert not opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_states_without_data(open_page):
    for prepare, text in [
        (lambda page: answer(page, overview([])), "No connections yet"),
        (lambda page: refuse(page, OVERVIEW, 500, FAILED), "The overview could not be fetched"),
        (lambda page: refuse(page, OVERVIEW, 403, FORBIDDEN), "Not for this role"),
        (lambda page: never(page, OVERVIEW), "Loading connections…"),
    ]:
        opened = open_page(reduced_motion="reduce")
        prepare(opened.page)
        opened.page.goto("/")
        expect(opened.page.get_by_text(text)).to_be_visible()
        opened.axe(text)
