"""`/deliveries/out`."""

import json

import pytest
from playwright.sync_api import Page, expect
from stubs import answer
from stubs_of_pages import ago

NOTICES = "**/api/admin/completions?**"
RECEIVERS = "**/api/admin/connections?**"
RESUME = "**/api/admin/connections/acme/completion-webhook/main/resume"


def attempt(seconds: float, status: int | None = None, **more) -> dict:
    return {"at": ago(seconds), "status": status, "error": None, "detail": None, "durationMs": 120, "nextAt": None, **more}


def notice(id: str, state: str, attempts: list, **more) -> dict:
    return {
        "id": id,
        "receiver": "main",
        "runId": f"run-{id}",
        "connection": "gbp/main",
        "kind": "mirror",
        "type": "run.completed",
        "at": ago(600),
        "state": state,
        "attempts": attempts,
        "nextAt": None,
        "error": None,
        **more,
    }


LIST = [
    notice("n3", "pending", [attempt(60, error="timeout", detail="no answer within 10 s", nextAt=ago(-240))], nextAt=ago(-240)),
    notice("n2", "delivered", [attempt(300, 500), attempt(240, 204)]),
    notice("n1", "failed", [attempt(500, 410)], type="run.failed", error="given up after 1 attempts: it answered 410"),
]
DISABLED = {
    "connection": "acme/completion-webhook/main",
    "tenant": "acme",
    "provider": "completion-webhook",
    "name": "main",
    "displayName": "Warehouse",
    "settings": {},
    "state": "paused",
    "paused": {"by": "completions", "why": "disabled: it answered 410, which says that it is gone for good", "since": ago(500)},
}


@pytest.fixture
def out(page: Page) -> Page:
    page.goto("/api/auth/dev-mint")
    answer(page, NOTICES, {"ok": True, "notices": LIST, "cursor": None})
    answer(page, RECEIVERS, {"ok": True, "items": [DISABLED], "hasMore": False, "nextCursor": None})
    page.goto("/deliveries/out")
    return page


def test_what_receivers_were_told_is_listed_and_each_attempt_is_in_the_drawer(out: Page):
    rows = out.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Will be tried again")
    expect(rows.nth(2)).to_contain_text("Delivered")
    expect(rows.nth(2)).to_contain_text("Answered 204 · 2 attempts")
    expect(rows.nth(3)).to_contain_text("Given up")
    rows.nth(1).click()
    drawer = out.get_by_role("dialog", name="main")
    expect(drawer.get_by_role("listitem")).to_contain_text("No answer in time")
    expect(drawer).to_contain_text("no answer within 10 s")
    expect(drawer).to_contain_text("run-n3")


def test_a_receiver_that_is_disabled_says_so_and_is_enabled(out: Page):
    told = out.get_by_role("status").filter(has_text="Warehouse is disabled")
    expect(told).to_contain_text("it answered 410")
    answer(out, RESUME, {"ok": True, "data": {**DISABLED, "state": "active", "paused": None}})
    answer(out, RECEIVERS, {"ok": True, "items": [{**DISABLED, "state": "active", "paused": None}], "hasMore": False, "nextCursor": None})
    with out.expect_request(RESUME) as asked:
        told.get_by_role("button", name="Enable it again").click()
    assert asked.value.method == "POST" and json.loads(asked.value.post_data) == {}
    expect(out.get_by_text("Warehouse is enabled again")).to_be_visible()
    expect(told).to_have_count(0)
