"""`/settings/admin/digests` and `/unsubscribe`."""

import pytest
from playwright.sync_api import Page, expect
from stubs import answer
from stubs_of_pages import ago

DIGESTS = "**/api/admin/digests?**"
SEND = "**/api/admin/digests/d2/send"
UNSUBSCRIBE = "**/api/digests/unsubscribe?**"


def digest(id: str, state: str, **more) -> dict:
    return {
        "id": id,
        "first": "2026-01-05",
        "last": "2026-01-11",
        "of": "tenant",
        "to": f"{id}@shop.example",
        "connection": "weekly-digest/main",
        "state": state,
        "tries": 1,
        "claimedAt": ago(60),
        "sentAt": None,
        "error": None,
        "message": None,
        "text": None,
        "mayBeSent": state in ("claimed", "failed"),
        **more,
    }


LIST = [
    digest("d3", "sent", sentAt=ago(50), message="0001768-aa", text="Category mirrors of acme\n\nRuns: 12"),
    digest("d2", "claimed"),
    digest("d1", "failed", error="nobody is named whom mails are from: set DIGEST_FROM"),
]


@pytest.fixture
def digests(page: Page) -> Page:
    page.goto("/api/auth/dev-mint")
    answer(page, DIGESTS, {"ok": True, "digests": LIST, "cursor": None})
    page.goto("/settings/admin/digests")
    return page


def test_a_digest_shows_what_it_says_and_which_file_it_is(digests: Page):
    answer(digests, "**/api/admin/digests/d3/mail", {"ok": True, "eml": "Message-ID: <0001768-aa@signalbox.localhost>"})
    rows = digests.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Sent")
    expect(rows.nth(3)).to_contain_text("Not sent")
    rows.nth(1).click()
    drawer = digests.get_by_role("dialog", name="d3@shop.example")
    expect(drawer).to_contain_text("Message-ID: <0001768-aa@signalbox.localhost>")
    expect(drawer).to_contain_text("Runs: 12")
    expect(drawer).to_contain_text(".signalbox/outbox/0001768-aa.eml")
    expect(drawer.get_by_role("button", name="Send it now")).to_have_count(0)


def test_one_of_which_nobody_knows_is_sent_by_hand(digests: Page):
    digests.get_by_role("row").nth(2).click()
    drawer = digests.get_by_role("dialog", name="d2@shop.example")
    expect(drawer).to_contain_text("Nobody knows whether it came")
    answer(digests, SEND, {"ok": True, "digest": digest("d2", "wanted")})
    with digests.expect_request(SEND) as asked:
        drawer.get_by_role("button", name="Send it now").click()
    assert asked.value.method == "POST"
    expect(digests.get_by_text("It is sent within a minute")).to_be_visible()


def test_a_link_unsubscribes_and_is_taken_back(page: Page):
    answer(page, UNSUBSCRIBE, {"ok": True, "address": "ada@shop.example", "subscribed": False})
    page.goto("/unsubscribe?token=a.b")
    with page.expect_request(UNSUBSCRIBE) as asked:
        page.get_by_role("button", name="No more of this").click()
    assert "token=a.b" in asked.value.url and "again" not in asked.value.url
    expect(page.get_by_text("ada@shop.example does not get it any more")).to_be_visible()
    answer(page, UNSUBSCRIBE, {"ok": True, "address": "ada@shop.example", "subscribed": True})
    page.get_by_role("button", name="I want it again").click()
    expect(page.get_by_text("ada@shop.example gets it again")).to_be_visible()


def test_a_link_that_was_cut_off_says_so(page: Page):
    answer(page, UNSUBSCRIBE, {"ok": False, "error": "the link is none of ours, or was cut off", "code": "invalid_ticket"}, 403)
    page.goto("/unsubscribe?token=a")
    page.get_by_role("button", name="No more of this").click()
    expect(page.get_by_text("This link is not whole")).to_be_visible()
