"""What holds of every page: its policy, its weight, axe in both themes and at every width, and the keyboard."""

import re

import pytest
from playwright.sync_api import expect
from stubs import REGISTRY, VENDOR, WINDOW, answer, window
from stubs_of_pages import HEALTH, OVERVIEW, health_of, overview
from stubs_of_pulls import Centre, status

PAGES = ["/", "/vendor-sync", "/vendor-sync/registry", "/deliveries", "/deliveries/out", "/systems/integrations", "/health", "/audit", "/sign-in", "/components", "/settings/admin", "/settings/admin/gbp-sync", "/settings/admin/categories", "/settings/admin/flags", "/settings/admin/digests", "/unsubscribe"]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "font-src 'self'; require-trusted-types-for 'script'; frame-ancestors 'none'"
)
FIRST_VIEW_BYTES_MAX = 60 * 1024
# What comes right behind a first view, so that whoever searches the page or listens to it misses no card.
BEHIND_BYTES_MAX = {"/systems/integrations": 24 * 1024}
LOOKS = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
]


def without_stream(page) -> None:
    """The log's stream has no end, and a page that reads it is never idle."""
    page.route("**/api/admin/sync/logs/stream?**", lambda route: route.fulfill(body="retry: 600000\n\n", content_type="text/event-stream"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_strict_and_kept(open_page, path):
    page = open_page().page
    # What a run's steps and the gate are made of is loaded when there are any, and a host that has just begun may have either.
    if path == "/systems/integrations":
        Centre(page).status = status(running=False)
    without_stream(page)
    sizes: dict[str, int] = {}
    ours = lambda response: "/api/" not in response.url
    page.on("response", lambda response: sizes.update({response.url: int(response.headers["content-length"])}) if ours(response) else None)
    response = page.goto(path)
    page.wait_for_load_state("networkidle")
    headers = response.headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["content-encoding"] == "gzip" and headers["cache-control"] == "no-cache"
    named = {page.url, *page.evaluate("[...document.querySelectorAll('link, script')].map((one) => one.href || one.src)")}
    behind = {url: size for url, size in sizes.items() if path in BEHIND_BYTES_MAX and url not in named}
    assert sum(sizes.values()) - sum(behind.values()) <= FIRST_VIEW_BYTES_MAX, sizes
    assert sum(behind.values()) <= BEHIND_BYTES_MAX.get(path, 0), behind
    asset = next(url for url in sizes if "/assets/" in url)
    kept = page.request.get(asset).headers
    assert "immutable" in kept["cache-control"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(open_page, path):
    for look in LOOKS:
        opened = open_page(reduced_motion="reduce", **look)
        page = opened.page
        without_stream(page)
        answer(page, REGISTRY, {"ok": True, "data": [VENDOR]})
        days = [{"day": f"2024-06-0{day}", "success": day, "error": int(day == 4), "running": 0} for day in range(1, 8)]
        answer(page, WINDOW, window(days=days))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        opened.axe(f"{path} {look}")
        wider = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wider, f"{path} scrolls sideways at {look['viewport']}"
        rows = page.locator("table tbody tr.opens")
        # The overview's rows lead to other pages, which are tested as themselves; those of health are told below the list.
        if path not in ("/", "/health") and rows.count() > 0:
            rows.first.click()
            expect(page.locator(".drawer")).to_be_visible()
            opened.axe(f"{path} with its drawer, {look}")


@pytest.mark.parametrize("path", ["/audit?from=2026-13-45", "/vendor-sync?from=99-99-9999&to=x", "/deliveries?from=x"])
def test_a_day_that_is_none_is_passed_over(open_page, path):
    page = open_page().page
    page.goto(path)
    page.wait_for_load_state("networkidle")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("status", [200, 500])
def test_states_without_data_are_for_everybody(open_page, status):
    opened = open_page(reduced_motion="reduce")
    body = window([]) if status == 200 else {"ok": False, "error": "failed_to_load_observability", "detail": "it failed"}
    answer(opened.page, WINDOW, body, status)
    opened.page.goto("/vendor-sync")
    expect(opened.page.locator(".blank")).to_be_visible()
    opened.axe(f"/vendor-sync {status}")


def test_health_is_a_page_for_people_and_a_probe_for_others(page, host):
    page.goto("/health")
    expect(page.locator("h1")).to_be_visible()
    probe = page.request.get("/health", headers={"accept": "*/*"})
    assert probe.json()["status"] == "ok"


def test_colours_are_the_person_s(page):
    page.goto("/components")
    for expected in ("light", "dark", None):
        page.get_by_role("button", name="Colours").click()
        assert page.evaluate("document.documentElement.dataset.theme ?? null") == expected
    page.get_by_role("button", name="Colours").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_the_first_thing_that_tab_reaches_leads_past_the_navigation(page):
    page.goto("/vendor-sync")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Spring over menuen")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_narrow_page_has_its_navigation_behind_a_button(open_page):
    page = open_page(viewport={"width": 360, "height": 740}).page
    page.goto("/vendor-sync")
    expect(page.get_by_role("link", name="Leverancer")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Leverancer")).to_be_visible()
    for name in ("Gå til…", "Tastatur"):
        expect(page.get_by_role("button", name=name)).to_be_visible()
    page.get_by_role("button", name="UTC").click()
    expect(page).to_have_url(re.compile("zone=utc"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Leverancer")).to_be_hidden()


def test_a_page_that_is_not_there_is_said_so(open_page):
    for look in LOOKS:
        opened = open_page(reduced_motion="reduce", **look)
        assert opened.page.goto("/nosuchpage").status == 404
        expect(opened.page.get_by_role("heading", name="There is no such page")).to_be_visible()
        opened.axe(f"no page, {look}")
        opened.page.get_by_role("link", name="Go to the overview").click()
        expect(opened.page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_time_zone_is_in_the_address(open_page):
    opened = open_page()
    page = opened.page
    page.goto("/audit?zone=utc")
    utc = page.get_by_role("button", name="UTC", exact=True)
    expect(utc).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("u")
    expect(utc).to_have_attribute("aria-pressed", "false")
    assert "zone" not in page.url
    page.keyboard.press("u")
    page.goto("/health")
    expect(page).to_have_url(re.compile("/health\\?zone=utc(&|$)"))


def test_a_table_is_put_into_order_and_a_link_says_which(open_page):
    opened = open_page()
    page = opened.page
    page.route(HEALTH + "**", lambda route: route.fulfill(json=health_of()))
    page.goto("/health?sort=-name")
    names = page.locator("tbody tr.opens td:first-child .two > span:first-child")
    expect(names).to_have_text(["Quiet", "Nordlys", "Lumen", "Cool"])
    expect(page.get_by_role("columnheader", name="Integration")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Failures").press("Enter")
    expect(names.last).to_have_text("Nordlys")
    expect(page.get_by_role("button", name="Failures")).to_be_focused()
    assert "sort=failures" in page.url
    opened.axe("a table in order")


def test_a_place_is_gone_to_by_keyboard_alone(open_page):
    opened = open_page()
    page = opened.page
    page.goto("/api/auth/dev-mint")
    run = "019ac3b2-7e1a-7c3e-9d0a-a76aa728e00e"
    answer(page, REGISTRY, {"ok": True, "data": [VENDOR]})
    page.route(OVERVIEW, lambda route: route.fulfill(json=overview()))
    page.goto("/audit")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Page, connection, run, key or trace")
    expect(field).to_be_focused()
    options = page.get_by_role("listbox").get_by_role("option")
    page.keyboard.type("nordlys")
    expect(options.first).to_contain_text("acme/github/nordlys")
    opened.axe("the palette")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/deliveries\?last=90d&q=nordlys"))
    # Before its script runs a page hears no key.
    page.get_by_role("button", name="Pause").wait_for()
    answer(page, WINDOW, window())
    page.keyboard.press("Control+k")
    field.fill(run)
    expect(options.first).to_contain_text(f"MOSCOT · {run}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/vendor-sync\?vendor=moscot&period=all&run={run}"))
