"""What holds of every page: its policy, its weight, axe in both themes and at every width, and the keyboard."""

import pytest
from playwright.sync_api import expect
from stubs import REGISTRY, VENDOR, WINDOW, answer, window

PAGES = ["/", "/vendor-sync", "/vendor-sync/registry", "/deliveries", "/health", "/audit", "/sign-in", "/components"]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "font-src 'self'; require-trusted-types-for 'script'; frame-ancestors 'none'"
)
FIRST_VIEW_BYTES_MAX = 60 * 1024
LOOKS = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_strict_and_kept(open_page, path):
    page = open_page().page
    sizes: dict[str, int] = {}
    ours = lambda response: "/api/" not in response.url
    page.on("response", lambda response: sizes.update({response.url: int(response.headers["content-length"])}) if ours(response) else None)
    response = page.goto(path)
    page.wait_for_load_state("networkidle")
    headers = response.headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["content-encoding"] == "gzip" and headers["cache-control"] == "no-cache"
    assert sum(sizes.values()) <= FIRST_VIEW_BYTES_MAX, sizes
    asset = next(url for url in sizes if "/assets/" in url)
    kept = page.request.get(asset).headers
    assert "immutable" in kept["cache-control"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(open_page, path):
    for look in LOOKS:
        opened = open_page(reduced_motion="reduce", **look)
        page = opened.page
        answer(page, REGISTRY, {"ok": True, "data": [VENDOR]})
        days = [{"day": f"2024-06-0{day}", "success": day, "error": int(day == 4), "running": 0} for day in range(1, 8)]
        answer(page, WINDOW, window(days=days))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        opened.axe(f"{path} {look}")
        wider = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wider, f"{path} scrolls sideways at {look['viewport']}"
        rows = page.locator("table tbody tr.opens")
        # The overview's rows lead to other pages, which are tested as themselves.
        if path != "/" and rows.count() > 0:
            rows.first.click()
            expect(page.locator(".drawer")).to_be_visible()
            opened.axe(f"{path} with its drawer, {look}")


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
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Leverancer")).to_be_hidden()
