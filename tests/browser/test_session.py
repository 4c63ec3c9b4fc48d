"""Signing in, what one may, and signing out, where nobody gets in for nothing."""

import re

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def door(open_page, deployed) -> Page:
    page = open_page(deployed.url).page
    page.goto("/vendor-sync?status=error")
    # The shell is there for anybody; its script then leads to the door.
    page.wait_for_url("**/sign-in?**")
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


def test_a_link_to_sign_in_leads_to_no_other_host(door: Page, deployed):
    door.goto("/sign-in?next=/.//example.org/x")
    sign_in(door, deployed.token("read", "600"))
    door.wait_for_url(lambda url: "/sign-in" not in url)
    assert door.url == f"{deployed.url}//example.org/x"


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


def test_who_has_several_tenants_chooses_one_and_a_link_says_which(open_page, deployed):
    opened = open_page(deployed.url)
    page = opened.page
    page.goto("/health")
    sign_in(page, deployed.token("user", "--role", "TENANT_ADMIN", "--tenant", "acme", "--tenant", "bolt"))
    expect(page.get_by_role("heading", name="Whose data?")).to_be_focused()
    opened.axe("the choice at the door")
    named = lambda request: "/api/sync/health" in request.url and request.headers.get("x-tenant-id")
    with page.expect_request(lambda request: named(request) == "bolt"):
        page.get_by_role("button", name="bolt").click()
    expect(page.get_by_role("button", name="Tenant bolt")).to_be_visible()
    expect(page).to_have_url(f"{deployed.url}/health?for=bolt")
    page.get_by_role("button", name="Tenant bolt").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="bolt")).to_be_focused()
    opened.axe("the choice in the frame")
    with page.expect_request(lambda request: named(request) == "acme"):
        page.get_by_role("dialog").get_by_role("button", name="acme").click()
    expect(page.get_by_role("button", name="Tenant acme")).to_be_visible()
    # A link of the other one, then one of somebody else's.
    page.goto("/health?for=bolt")
    expect(page.get_by_role("button", name="Tenant bolt")).to_be_visible()
    page.goto("/health?for=other")
    expect(page.get_by_text("the tenant is none of the user's")).to_be_visible()
    expect(page.get_by_role("button", name="Tenant other")).to_be_visible()


def test_who_may_enter_any_tenant_names_one_or_sees_all(open_page, deployed):
    page = open_page(deployed.url).page
    page.goto("/health")
    sign_in(page, deployed.token("user", "--role", "PLATFORM_ADMIN"))
    page.get_by_role("button", name="All tenants").click()
    field = page.get_by_label("Tenant", exact=True)
    field.fill("a/b")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the tenant cannot be one")
    field.fill("acme")
    with page.expect_request(lambda request: "/api/sync/health" in request.url and request.headers.get("x-tenant-id") == "acme"):
        field.press("Enter")
    page.get_by_role("button", name="Tenant acme").click()
    page.get_by_role("dialog").get_by_role("button", name="Without a tenant").click()
    # The page may have named a provider in it, but no tenant.
    expect(page).not_to_have_url(re.compile("for="))
    expect(page.get_by_role("button", name="All tenants")).to_be_visible()
    # A list of one tenant says which.
    page.goto("/audit")
    expect(page.get_by_role("button", name="Tenant default")).to_be_visible()
