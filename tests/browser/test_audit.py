"""`/audit`: who did what."""

import re

import pytest
from playwright.sync_api import Page, expect
from stubs_of_pages import AUDIT, ENTRIES, FAILED, FORBIDDEN, LOOKS, never, refuse


def answer(page: Page, items: list | None = None, **more) -> list[str]:
    asked: list[str] = []
    body = {"ok": True, "tenant": "acme", "items": ENTRIES if items is None else items, "hasMore": False, "nextCursor": None, **more}

    def fulfil(route):
        asked.append(route.request.url)
        route.fulfill(json=body)

    page.route(AUDIT, fulfil)
    return asked


def test_it_is_told_in_words(page: Page):
    answer(page)
    page.goto("/audit")
    rows = page.locator("tbody tr.opens")
    expect(rows.nth(0)).to_contain_text("Asked to send a dead letter again")
    expect(rows.nth(1)).to_contain_text("settings.scheme, schedule")
    rows.nth(2).click()
    drawer = page.get_by_role("dialog", name="Asked to stop a run")
    expect(drawer.get_by_text("run.stop")).to_be_visible()
    expect(drawer.get_by_role("link", name="Open")).to_have_attribute("href", "/vendor-sync?run=r12&period=all")


def test_filters_are_asked_of_the_route_and_live_in_the_address(page: Page):
    asked = answer(page, [])
    page.goto("/audit?from=2024-06-01&to=2024-06-07")
    search = page.get_by_role("searchbox", name="Who")
    search.fill("maja")
    search.press("Enter")
    page.get_by_label("Action", exact=True).select_option("run.stop")
    expect(page.get_by_text("maja, Asked to stop a run, 2024-06-01 – 2024-06-07")).to_be_visible()
    assert "actor=maja&action=run.stop&from=2024-06-01T00%3A00%3A00.000Z&to=2024-06-07T23%3A59%3A59.999Z" in asked[-1]
    assert page.url.endswith("/audit?from=2024-06-01&to=2024-06-07&actor=maja&action=run.stop")
    page.get_by_role("button", name="Reset the filters").click()
    expect(page.get_by_text("Nobody has done anything yet")).to_be_visible()


def test_pages_go_on_from_a_cursor_and_back(page: Page):
    asked = answer(page, hasMore=True, nextCursor="older")
    page.goto("/audit")
    page.get_by_role("button", name="Next").click()
    expect(page).to_have_url(re.compile("cursor=older"))
    expect(page.get_by_role("button", name="Previous")).to_be_enabled()
    assert "cursor=older" in asked[-1]
    page.get_by_role("button", name="Previous").click()
    expect(page).not_to_have_url(re.compile("cursor"))


def test_by_keyboard_alone(page: Page):
    answer(page)
    page.goto("/audit")
    expect(page.locator("tbody tr.opens")).to_have_count(3)
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog", name="Wrote a connection")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr").nth(1)).to_be_focused()


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_for_everybody(open_page, look):
    opened = open_page(reduced_motion="reduce", **look)
    answer(opened.page)
    opened.page.goto("/audit")
    expect(opened.page.locator("tbody tr.opens")).to_have_count(3)
    opened.axe(f"{look}")
    assert not opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    opened.page.locator("tbody tr.opens").first.click()
    opened.axe(f"the drawer, {look}")


def test_states_without_data(open_page):
    for prepare, text in [
        (lambda page: refuse(page, AUDIT, 500, FAILED), "The audit could not be fetched"),
        (lambda page: refuse(page, AUDIT, 403, FORBIDDEN), "Not for this role"),
        (lambda page: never(page, AUDIT), "Loading…"),
    ]:
        opened = open_page(reduced_motion="reduce")
        prepare(opened.page)
        opened.page.goto("/audit")
        expect(opened.page.get_by_text(text)).to_be_visible()
        opened.axe(text)
