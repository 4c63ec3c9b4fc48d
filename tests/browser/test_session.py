"""Signing in, what one may, and signing out, where nobody gets in for nothing."""

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def door(open_page, deployed) -> Page:
    page = open_page(deployed.url).page
    page.goto("/vendor-sync?status=error")
    return page


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_and_is_where_one_was_going(door: Page, deployed):
    expect(door.get_by_role("heading", name="Sign in to Signalbox")).to_be_visible()
    sign_in(door, "word")
    expect(door.get_by_role("alert")).to_contain_text("not signed by us")
    sign_in(door, deployed.token("catalog:sync:read,catalog:sync:write", "600"))
    expect(door.get_by_role("button", name="Kør nu")).to_be_visible()
    assert door.url.endswith("/vendor-sync?status=error")
    assert door.evaluate("document.cookie") == ""
    door.get_by_role("button", name="Log ud").click()
    expect(door.get_by_role("heading", name="Sign in to Signalbox")).to_be_visible()
    door.goto("/vendor-sync")
    expect(door.get_by_role("heading", name="Sign in to Signalbox")).to_be_visible()


def test_the_admin_token_is_exchanged_and_not_kept(door: Page, deployed):
    door.get_by_text("With the admin token instead").click()
    field = door.get_by_test_id("input-admin-token")
    field.fill("word")
    field.press("Enter")
    expect(door.get_by_role("alert")).to_contain_text("The token is not taken")
    expect(field).to_have_value("")
    field.fill(deployed.environment["ADMIN_SYNC_TOKEN"])
    field.press("Enter")
    expect(door.get_by_role("button", name="Log ud")).to_be_visible()
    assert door.evaluate("document.cookie + localStorage.length + sessionStorage.length") == "00"


def test_who_may_only_read_sees_no_button_that_writes(door: Page, deployed):
    sign_in(door, deployed.token("read", "600"))
    expect(door.get_by_role("button", name="Log ud")).to_be_visible()
    expect(door.get_by_role("button", name="Opdater", exact=True)).to_be_visible()
    expect(door.get_by_role("button", name="Kør nu")).to_be_hidden()
    asked = """async () => (await fetch("/api/catalog/vendor-sync/moscot/sync",
        {method: "POST", headers: {"x-signalbox-request": "1"}})).status"""
    assert door.evaluate(asked) == 403
