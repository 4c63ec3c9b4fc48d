"""`/deliveries`: what came in, what became of it, and deciding on it."""

import hashlib
import hmac
import re
import shlex
import urllib.error
import urllib.request

import pytest
from hosts import Host
from playwright.sync_api import Page, expect
from stubs_of_pages import BODY, DELIVERIES, FAILED, FORBIDDEN, KEPT, LOOKS, Listed, ago, delivery, never, refuse

SECRET = "a-secret-of-thirty-two-characters"
DEAD_LETTER = "**/api/sync/dead-letters/**"
ONE = re.compile(r"/api/admin/deliveries/[^/?]+\?")
VERIFY = "**/api/admin/deliveries/verify"


def rows(page: Page):
    return page.locator("tbody tr.opens")


@pytest.fixture
def listed(page: Page) -> Page:
    Listed(page)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(10)
    return page


def test_two_lists_are_one_by_time_with_reasons(listed: Page):
    statuses = listed.locator("tbody tr td:nth-child(3)").all_inner_texts()
    assert statuses == ["Processed", "Rejected", "Dead", "Processed", "Stale", "Dead", "Rejected", "Processed", "Let in", "Processed"]
    expect(rows(listed).nth(1)).to_contain_text("Wrong signature")
    expect(listed.get_by_role("img", name=re.compile("The 10 shown by time: .*rejected"))).to_be_visible()


def test_older_ones_follow_in_order_over_both_lists(page: Page):
    items = [delivery(f"n{index}", "processed" if index % 3 else "rejected", 10 + index) for index in range(80)]
    Listed(page, items, size=10)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Older", exact=True).click()
    expect(rows(page)).to_have_count(80)
    keys = [row.split(":")[1] for row in page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)")]
    assert keys == [one["id"] for one in items]
    expect(rows(page).nth(50)).to_be_focused()
    expect(page.get_by_text("These are all.")).to_be_visible()


def test_filters_are_in_the_address_and_empty_names_them(page: Page):
    listed = Listed(page)
    page.goto("/deliveries?last=7d")
    page.get_by_role("button", name="Rejected").click()
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Source", exact=True).select_option("trackstar")
    search = page.get_by_role("searchbox")
    search.fill("LMT-99")
    search.press("Enter")
    expect(page.get_by_text("Nothing rejected from trackstar in the last 7 days has “LMT-99” in its key, trace or text.")).to_be_visible()
    assert re.search(r"\?last=7d&status=rejected&source=trackstar&q=LMT-99", page.url)
    assert listed.asked[-1]["source"] == "trackstar" and listed.asked[-1]["status"] == "rejected,admitted"
    page.get_by_role("button", name="Reset the filters").click()
    expect(rows(page)).to_have_count(10)
    page.go_back()
    expect(page.get_by_text("No delivery matches these filters")).to_be_visible()


def test_a_trace_is_looked_for_by_the_route_and_a_key_where_it_lies(page: Page):
    listed = Listed(page)
    page.goto("/deliveries?q=019ac3b2-7e1a-7c3e-9d0a-a76aa728e00e")
    expect(rows(page)).to_have_count(10)
    assert {query.get("correlationId") for query in listed.asked} == {"019ac3b2-7e1a-7c3e-9d0a-a76aa728e00e"}
    page.goto("/deliveries?source=github/acme&q=id:evt_p5")
    expect(rows(page)).to_have_count(1)
    assert any(query.get("key") == "id:evt_p5" and "from" not in query for query in listed.asked)


def test_a_part_of_a_key_is_looked_for_by_the_route(page: Page):
    listed = Listed(page)
    page.goto("/deliveries")
    search = page.get_by_role("searchbox")
    search.fill("EVT_P")
    search.press("Enter")
    expect(rows(page)).to_have_count(5)
    search.press("Escape")
    expect(search).to_have_value("EVT_P")
    assert "q=EVT_P" in page.url
    assert {query["text"] for query in listed.asked[-2:]} == {"EVT_P"}


def test_the_time_is_between_two_moments_typed_or_drawn(page: Page):
    listed = Listed(page)
    page.goto("/deliveries?zone=utc")
    expect(rows(page)).to_have_count(10)
    picture = page.get_by_role("img", name=re.compile("The 10 shown by time"))
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + 20)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=.*&to="))
    expect(page.get_by_label("From", exact=True)).not_to_have_value("")
    page.get_by_label("To", exact=True).fill("")
    page.get_by_label("From", exact=True).fill("2024-06-07T08:30")
    page.get_by_label("From", exact=True).press("Enter")
    expect(rows(page)).to_have_count(10)
    assert listed.asked[-1]["from"] == "2024-06-07T08:30:00.000Z" and "to" not in listed.asked[-1]
    page.get_by_label("Time", exact=True).select_option("Last hour")
    expect(page.get_by_label("From", exact=True)).to_be_hidden()
    page.get_by_label("Time", exact=True).select_option("Between…")
    expect(page.get_by_label("From", exact=True)).not_to_have_value("")


def test_refused_ones_are_filtered_by_the_reasons_that_the_route_counts(page: Page):
    listed = Listed(page)
    page.goto("/deliveries?status=rejected")
    page.get_by_label("Reason", exact=True).select_option("Our secret is missing (1)")
    expect(rows(page)).to_have_count(1)
    assert listed.asked[-1]["status"] == "no_secret" and "reason=no_secret" in page.url
    page.get_by_role("button", name="Processed").click()
    expect(page.get_by_label("Reason", exact=True)).to_be_hidden()
    assert "reason" not in page.url


def test_what_was_not_kept_is_said(page: Page):
    Listed(page)
    one = {**KEPT, "headers": [], "body": None, "withheld": False}
    page.route(ONE, lambda route: route.fulfill(json={**one, "life": [{"what": "verified", "at": None, "detail": "previous"}]}))
    page.goto("/deliveries?open=processed:p1")
    drawer = page.get_by_role("dialog", name="push")
    expect(drawer.get_by_text("Neither was kept")).to_be_visible()
    expect(drawer.get_by_text("With the previous secret, which still counts")).to_be_visible()
    page.unroute(ONE)
    page.route(ONE, lambda route: route.fulfill(json={**KEPT, "headers": [], "body": {**KEPT["body"], "masked": True}}))
    page.goto("/deliveries?open=dead:d1")
    expect(page.get_by_text("What may be a secret is masked")).to_contain_text("Headers are kept of refused ones alone.")
    page.unroute(ONE)
    page.route(ONE, lambda route: route.fulfill(json={**one, "withheld": True}))
    page.goto("/deliveries?open=dead:d2")
    expect(page.get_by_role("dialog").get_by_text("To see them takes the scope deliveries:read.")).to_be_visible()


def test_a_link_opens_what_is_on_no_page_that_is_shown(page: Page):
    items = [delivery(f"n{index}", "processed", 10 + index) for index in range(80)]
    Listed(page, items, size=10)
    turned = {**items[70], "eventType": "push \u202eevil"}
    page.route(ONE, lambda route: route.fulfill(json={**KEPT, "delivery": turned}))
    page.goto("/deliveries?open=processed:n70")
    drawer = page.get_by_role("dialog")
    # What turns the direction of a text is seen, and turns nothing.
    expect(drawer.get_by_role("heading", level=2)).to_have_text("push \\u202eevil")
    expect(drawer.get_by_role("button", name="Close")).to_be_visible()
    page.unroute(ONE)
    page.route(ONE, lambda route: route.fulfill(status=404, json={"ok": False, "error": "not_found", "detail": "gone"}))
    page.goto("/deliveries?open=processed:n99")
    expect(drawer).to_contain_text("90 days")


def test_a_long_name_leaves_the_drawer_its_buttons(page: Page):
    page.set_viewport_size({"width": 360, "height": 740})
    Listed(page, [delivery("p1", "processed", 1, eventType="pull_request_review_comment_created_with_a_long_name")])
    page.goto("/deliveries?open=processed:p1")
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)


def test_what_was_sent_again_is_not_told_as_answered_then(page: Page):
    one = delivery("p9", "processed", 400, attempts=5, processedAt=ago(100))
    Listed(page, [one])
    life = [{"what": "queued", "at": ago(101), "detail": None}]
    page.route(ONE, lambda route: route.fulfill(json={**KEPT, "life": life}))
    page.goto("/deliveries?open=processed:p9")
    lines = page.get_by_role("dialog", name="push").locator(".timeline li")
    expect(lines.locator("b")).to_have_text(["Received", "Verified", "Claimed", "Enqueued and answered", "5 attempts failed", "Sent again", "Had its effect"])
    expect(lines.nth(3)).not_to_contain_text("+")
    expect(lines.nth(5)).to_contain_text("+4m 59s")


def test_what_comes_in_is_shown_at_the_top_and_counted_when_paused(page: Page):
    page.clock.install()
    listed = Listed(page)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(10)
    listed.items.insert(0, delivery("new1", "processed", 1))
    page.clock.run_for(5_000)
    expect(rows(page)).to_have_count(11)
    rows(page).nth(3).locator("input").click()
    listed.items.insert(0, delivery("new2", "processed", 0.5))
    page.clock.run_for(5_000)
    newer = page.get_by_role("button", name=re.compile("1 new since"))
    expect(newer).to_be_visible()
    expect(rows(page)).to_have_count(11)
    newer.click()
    expect(rows(page).first).to_be_focused()
    expect(rows(page).first).to_have_attribute("data-key", "processed:new2")
    expect(page.locator("caption")).to_contain_text("live")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("caption")).to_contain_text("paused")
    asked = len(listed.asked)
    page.clock.run_for(20_000)
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    assert len(listed.asked) == asked


def test_one_is_told_in_the_drawer_and_its_address_leads_back(listed: Page):
    rows(listed).nth(2).click()
    drawer = listed.get_by_role("dialog", name="push")
    for text in ("The SKU LMT-46 is not in the catalogue.", "Received", "Verified", "Claimed", "16 attempts failed", "Kept as a dead letter"):
        expect(drawer.get_by_text(text, exact=True)).to_be_visible()
    listed.keyboard.press("k")
    expect(listed.get_by_role("dialog", name="Wrong signature").get_by_text("Compare the secret and the scheme on both sides.")).to_be_visible()
    assert "open=rejected%3Agithub%2Facme%237" in listed.url
    listed.reload()
    expect(listed.get_by_role("dialog", name="Wrong signature")).to_be_visible()
    listed.keyboard.press("Escape")
    expect(listed).not_to_have_url(re.compile("open="))


def test_headers_and_body_are_shown_as_they_are_kept(open_page):
    opened = open_page(permissions=["clipboard-read", "clipboard-write"])
    page = opened.page
    Listed(page)
    page.route(ONE, lambda route: route.fulfill(json=KEPT))
    page.goto("/deliveries?open=dead:d1")
    drawer = page.get_by_role("dialog", name="push")
    expect(drawer.get_by_role("group", name="Body", exact=True)).to_contain_text('"note": "it\'s <b>here</b>"')
    drawer.get_by_role("button", name="Raw").click()
    expect(drawer.get_by_role("group", name="Body", exact=True)).to_have_text(BODY)
    drawer.get_by_role("button", name="Headers 2").click()
    expect(drawer.get_by_text("sha256=…9f2c")).to_be_visible()
    drawer.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert words[:4] == ["curl", "-X", "POST", page.evaluate("location.origin") + "/webhooks/github/acme"]
    assert words[-1] == BODY and "content-type: application/json" in words
    opened.axe("the headers")


def test_what_comes_in_does_not_move_what_is_read_in_the_drawer(page: Page):
    page.clock.install()
    listed = Listed(page)
    page.route(ONE, lambda route: route.fulfill(json=KEPT))
    page.goto("/deliveries?open=dead:d1")
    raw = page.get_by_role("dialog", name="push").get_by_role("button", name="Raw")
    raw.click()
    listed.items.insert(0, delivery("new1", "processed", 1))
    page.clock.run_for(5_000)
    expect(rows(page)).to_have_count(11)
    expect(raw).to_have_attribute("aria-pressed", "true")
    expect(raw).to_be_focused()


def test_a_dead_letter_is_sent_again(listed: Page):
    listed.route(DEAD_LETTER, lambda route: route.fulfill(json={"ok": True, "id": "d1"}))
    rows(listed).nth(2).click()
    with listed.expect_request(DEAD_LETTER) as asked:
        listed.get_by_role("button", name="Send again", exact=True).click()
    assert asked.value.method == "POST" and asked.value.url.endswith("/d1/requeue?tenant=acme")
    assert asked.value.headers["x-signalbox-request"] == "1"
    expect(listed.locator("#toasts")).to_contain_text("Sent again")


def test_many_are_previewed_decided_on_and_told_one_by_one(listed: Page):
    answers = {"d1": (200, {"ok": True, "id": "d1"}), "7": (422, {"ok": False, "error": "verification_failed", "reason": "bad_signature", "detail": "no secret makes this signature"})}
    listed.route(DEAD_LETTER, lambda route: route.fulfill(status=answers["d1"][0], json=answers["d1"][1]))
    listed.route(VERIFY, lambda route: route.fulfill(status=answers["7"][0], json=answers["7"][1]))
    for index in (0, 1, 2, 5, 6):
        rows(listed).nth(index).locator("input").click()
    bar = listed.get_by_role("region", name="Selected")
    expect(bar).to_contain_text("5 selected 2 rejected, 2 dead, 1 processed")
    bar.get_by_role("button", name="Send again…").click()
    dialog = listed.get_by_role("dialog", name="Send 5 deliveries again")
    results = dialog.locator("tbody td.result")
    expect(results).to_have_text(["Will be sent again", "Will be verified again", "Not possible", "Not possible", "Will be left out"])
    dialog.get_by_role("button", name="Send 2 again").click()
    expect(dialog.get_by_role("status").filter(has_text="1 sent again or let in, 1 failed")).to_be_visible()
    expect(results.nth(0)).to_have_text("Sent again")
    expect(results.nth(1)).to_have_text("Still refused: wrong signature: no secret makes this signature")
    original = dialog.locator("tbody a").nth(1)
    expect(original).to_have_attribute("href", "/deliveries?open=rejected%3Agithub%2Facme%237")
    expect(dialog.locator("tbody a").first).to_have_attribute("href", "/deliveries?open=dead%3Ad1&tenant=acme")
    dialog.get_by_role("button", name="Close").last.click()
    expect(bar).to_be_hidden()


def test_what_explains_a_wrong_signature_is_told(listed: Page):
    finding = {"code": "body_rewritten", "text": "the JSON was written anew: the signature fits it as compact JSON"}
    refused = {"ok": False, "error": "verification_failed", "reason": "bad_signature", "detail": "the signature does not fit the body", "findings": [finding]}
    listed.route(VERIFY, lambda route: route.fulfill(status=422, json=refused))
    rows(listed).nth(1).click()
    drawer = listed.get_by_role("dialog", name="Wrong signature")
    drawer.get_by_role("button", name="Verify again").click()
    expect(drawer.locator(".callout")).to_contain_text("body_rewritten: the JSON was written anew: the signature fits it as compact JSON")
    expect(drawer.get_by_text("Compare the secret")).to_be_hidden()


def test_what_cannot_be_verified_is_not_offered_to_be(page: Page):
    unsigned = delivery("github/acme#3", "rejected", 3, detail="the request has no signature header: x-hub-signature-256")
    Listed(page, [delivery("p1", "processed", 1), delivery("github/acme#2", "rejected", 2, reason="conflict"), unsigned])
    page.goto("/deliveries?open=rejected:github/acme%232")
    drawer = page.get_by_role("dialog", name="Same key, other body")
    expect(drawer.get_by_text("Another body came under its key first")).to_be_visible()
    expect(drawer.get_by_role("button", name="Verify again")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(rows(page).nth(2)).to_contain_text("No signature")
    rows(page).nth(0).focus()
    page.keyboard.press("x")
    bar = page.get_by_role("region", name="Selected")
    expect(bar).to_contain_text("1 selected")
    expect(bar.get_by_role("button", name=re.compile("again"))).to_have_count(0)
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("It has had its effect")
    for index in (1, 2):
        rows(page).nth(index).locator("input").click()
    bar.get_by_role("button", name="Verify again…").click()
    dialog = page.get_by_role("dialog", name="Verify 3 deliveries again")
    expect(dialog.get_by_role("button", name="Verify 1 again")).to_be_enabled()


def test_what_is_said_aside_leaves_a_drawer_its_buttons(open_page):
    for width in (1440, 1000, 360):
        opened = open_page(reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"], viewport={"width": width, "height": 740})
        page = opened.page
        Listed(page)
        page.goto("/deliveries?open=dead:d1")
        page.get_by_role("button", name="Copy the call").click()
        toast = page.locator(".toast").bounding_box()
        foot = page.locator(".drawer-foot").bounding_box()
        assert toast["x"] >= 0 and toast["x"] + toast["width"] <= width
        beside = toast["x"] + toast["width"] <= foot["x"]
        assert beside or toast["y"] + toast["height"] <= foot["y"], f"{width}: {toast} over {foot}"


def test_that_new_ones_came_stays_in_sight(page: Page):
    page.clock.install()
    listed = Listed(page, [delivery(f"n{index:03}", "processed", 10 + index) for index in range(50)])
    page.goto("/deliveries")
    rows(page).nth(45).scroll_into_view_if_needed()
    listed.items.insert(0, delivery("new", "processed", 1))
    page.clock.run_for(5_000)
    expect(page.get_by_role("button", name=re.compile("1 new since"))).to_be_in_viewport(ratio=1)


def test_a_replay_is_foreseen_begun_watched_and_told(open_page):
    opened = open_page(reduced_motion="reduce")
    page = opened.page
    page.clock.install()
    Listed(page)
    asked, through = [], iter([(100, "running"), (1234, "done")])
    ends = {"requeued": 0, "stale": 0, "duplicate": 0, "gone": 0, "conflict": 0, "fail": 0, "noLabel": 0, "notADelivery": 0}
    counted = {"id": "5f", "total": 1234, "stalled": False, "actor": "maja"}

    def start(route):
        body = route.request.post_data_json
        asked.append({**body, "of": route.request.url.split("?")[-1]})
        items = [{"id": "d1", "eventKey": "id:evt_d1", "would": "new", "detail": None}, {"id": "d2", "eventKey": None, "would": "fail", "detail": "data: missing field `sku`"}]
        if body.get("dryRun"):
            return route.fulfill(json={"ok": True, "dryRun": True, "total": 1234, "items": items, "hasMore": True, "nextCursor": "d2"})
        return route.fulfill(status=202, json={"ok": True, "id": "5f", "total": 1234})

    def show(route):
        tried, state = next(through, (1234, "done"))
        replay = {**counted, "state": state, "tried": tried, "counts": {**ends, "requeued": tried - 1, "fail": 1}}
        items = [{"id": "d1", "result": "requeued", "detail": None}, {"id": "d2", "result": "fail", "detail": "data: missing field `sku`"}]
        route.fulfill(json={"ok": True, "replay": replay, "items": items, "hasMore": False, "nextCursor": None})

    page.route("**/api/admin/replays?tenant=acme", start)
    page.route("**/api/admin/replays/5f?tenant=acme", show)
    page.goto("/deliveries?status=dead&source=github/acme&tenant=acme&q=SKU")
    page.get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog", name="Replay dead letters")
    expect(dialog.locator("tbody td.result")).to_have_text(["Will be sent again", "Fails"])
    expect(dialog.get_by_text("to the first 2 of 1,234, the oldest")).to_be_visible()
    opened.axe("what a replay would come to")
    dialog.get_by_role("button", name="Replay 1,234").click()
    expect(dialog.get_by_role("status").filter(has_text="100 of 1,234 are through")).to_be_visible()
    page.clock.run_for(2_000)
    expect(dialog.get_by_role("status").filter(has_text="Done: 1,234 were tried.")).to_be_visible()
    expect(dialog.locator("tbody td.why").last).to_have_text("data: missing field `sku`")
    opened.axe("what a replay came to")
    assert asked[0] == {**asked[1], "dryRun": True}
    assert asked[1] == {"source": "github/acme", "text": "SKU", "from": asked[1]["from"], "of": "tenant=acme"}


def test_a_replay_that_stands_still_or_was_stopped_is_started_again(page: Page):
    page.clock.install()
    Listed(page)
    asked, now = [], {"id": "5f", "state": "running", "stalled": True, "total": 5, "tried": 2, "counts": {"requeued": 2}, "actor": "maja"}

    def start(route):
        asked.append(route.request.post_data_json)
        if len(asked) == 2:
            return route.fulfill(status=409, json={"ok": False, "error": "replay_in_progress", "detail": "it runs", "replayId": "5f"})
        now.update(state="running", stalled=False)
        return route.fulfill(status=200 if len(asked) == 1 else 202, json={"ok": True, "id": "5f", "total": 5, "items": [{"id": "d1", "would": "new", "detail": None}], "hasMore": False})

    def stop(route):
        now.update(state="stopped")
        route.fulfill(json={"ok": True})

    page.route("**/api/admin/replays", start)
    page.route("**/api/admin/replays/5f", lambda route: route.fulfill(json={"ok": True, "replay": now, "items": [], "nextCursor": None}))
    page.route("**/api/admin/replays/5f/stop", stop)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/deliveries?status=dead")
    page.get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog", name="Replay dead letters")
    dialog.get_by_role("button", name="Replay 5").wait_for()
    assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().width === innerWidth")
    dialog.get_by_role("button", name="Replay 5").click()
    now.update(stalled=True)
    dialog.get_by_role("button", name="Watch it").click()
    expect(dialog.get_by_text("It stands still")).to_be_visible()
    dialog.get_by_role("button", name="Start it again").click()
    expect(dialog.get_by_text("It stands still")).to_be_hidden()
    expect(dialog.get_by_role("button", name="Start it again")).to_be_hidden()
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog.get_by_role("status").filter(has_text="Stopped: 2 of 5 are through.")).to_be_visible()
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_role("status").filter(has_text="2 of 5 are through; it goes on")).to_be_visible()
    assert asked[2:] == [{"replayId": "5f"}, {"replayId": "5f"}]


def test_a_replay_whose_worker_died_says_what_it_waits_for(page: Page):
    page.clock.install()
    Listed(page)
    now = {"id": "5f", "state": "running", "stalled": False, "heldUntil": ago(-300), "total": 5, "tried": 2, "counts": {"requeued": 2}, "actor": "maja"}

    def start(route):
        items = [{"id": "d1", "would": "new", "detail": None}]
        route.fulfill(json={"ok": True, "total": 5, "items": items, "hasMore": False} if route.request.post_data_json.get("dryRun") else {"ok": True, "id": "5f"})

    page.route("**/api/admin/replays", start)
    page.route("**/api/admin/replays/5f", lambda route: route.fulfill(json={"ok": True, "replay": now, "items": [], "nextCursor": None}))
    page.goto("/deliveries?status=dead")
    page.get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog", name="Replay dead letters")
    dialog.get_by_role("button", name="Replay 5").click()
    expect(dialog.get_by_text("2 of 5 are through")).to_be_visible()
    expect(dialog.locator("svg.bar")).to_be_visible()
    expect(dialog.get_by_text("It waits for a worker")).to_be_hidden()
    page.clock.run_for(14_000)
    expect(dialog.get_by_text("It waits for a worker that stopped answering")).to_be_visible()
    now.update(tried=3)
    page.clock.run_for(2_000)
    expect(dialog.get_by_text("It waits for a worker")).to_be_hidden()


def test_what_would_come_of_each_is_asked_before(listed: Page):
    would = [{"id": "d1", "would": "fail", "detail": "no such SKU"}]
    listed.route("**/api/sync/dead-letters/preview?**", lambda route: route.fulfill(json={"ok": True, "items": would}))
    rows(listed).nth(2).locator("input").click()
    listed.get_by_role("button", name="Send again…").click()
    dialog = listed.get_by_role("dialog", name="Send 1 delivery again")
    expect(dialog.locator("tbody td.result")).to_have_text("Not possible")
    expect(dialog.get_by_text("It would fail again: no such SKU")).to_be_visible()
    expect(dialog.get_by_role("button", name="Send 0 again")).to_be_disabled()


def test_all_that_match_are_decided_on_though_not_all_are_shown(page: Page):
    Listed(page, [delivery(f"d{index:03}", "dead", 10 + index) for index in range(130)])
    page.goto("/deliveries?status=dead")
    expect(rows(page)).to_have_count(50)
    page.get_by_label("Select all that are shown").check()
    bar = page.get_by_role("region", name="Selected")
    bar.get_by_role("button", name="Select all that match").click()
    expect(bar).to_contain_text("130 selected 130 dead")
    bar.get_by_role("button", name="Drop…").click()
    expect(page.get_by_label("Type 130 to go on")).to_be_visible()


def test_many_to_drop_are_to_be_counted(page: Page):
    Listed(page, [delivery(f"d{index:03}", "dead", 10 + index) for index in range(120)], size=200)
    page.goto("/deliveries?status=dead")
    for _ in range(2):
        page.get_by_role("button", name="Older", exact=True).click()
    expect(rows(page)).to_have_count(120)
    page.get_by_label("Select all that are shown").check()
    page.get_by_role("button", name="Drop…").click()
    drop = page.get_by_role("button", name="Drop 120")
    expect(drop).to_be_disabled()
    page.get_by_label("Type 120 to go on").fill("120")
    expect(drop).to_be_enabled()


def test_it_stops_after_failures_in_a_row(page: Page):
    Listed(page, [delivery(f"d{index}", "dead", 10 + index) for index in range(6)])
    refuse(page, DEAD_LETTER, 500, FAILED)
    page.goto("/deliveries?status=dead")
    page.get_by_label("Select all that are shown").check()
    page.get_by_role("button", name="Send again…").click()
    page.get_by_role("button", name="Send 6 again").click()
    expect(page.get_by_text("0 sent again or let in, 3 failed, 3 not begun. Stopped after 3 failures in a row.")).to_be_visible()


def test_by_keyboard_alone(page: Page):
    Listed(page)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(10)
    for key in ("j", "j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_role("region", name="Selected")).to_contain_text("2 selected")
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Send 2 again")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="push")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Selected")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_who_may_not_decide_sees_no_button(page: Page):
    Listed(page)
    who = {"ok": True, "actor": "reader", "tenant": "acme", "scopes": ["catalog:sync:read"], "expiresAt": "2099-01-01T00:00:00Z", "local": False}
    page.route("**/api/auth/session", lambda route: route.fulfill(json=who))
    page.goto("/deliveries")
    rows(page).nth(2).click()
    expect(page.get_by_role("dialog").get_by_text("deliveries:write")).to_be_visible()
    rows(page).nth(2).locator("input").click()
    expect(page.get_by_role("region", name="Selected")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Send again|Drop"))).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_for_everybody_in_every_state(open_page, look):
    opened = open_page(reduced_motion="reduce", **look)
    page = opened.page
    Listed(page)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(10)
    opened.axe("the list")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    rows(page).nth(2).click()
    opened.axe("the drawer")
    page.keyboard.press("Escape")
    if look["viewport"]["width"] > 768:
        page.get_by_label("Select all that are shown").check()
        opened.axe("the selection")
        page.get_by_role("button", name="Send again…").click()
        opened.axe("the preview")


@pytest.mark.parametrize(("status", "body", "text"), [(500, FAILED, "The deliveries could not be fetched"), (403, FORBIDDEN, "Not for this role")])
def test_what_cannot_be_had_says_why(open_page, status, body, text):
    opened = open_page()
    refuse(opened.page, DELIVERIES, status, body)
    opened.page.goto("/deliveries")
    expect(opened.page.get_by_text(text)).to_be_visible()
    expect(opened.page.get_by_text(body["detail"])).to_be_visible()
    opened.axe(text)


def test_a_slow_answer_is_waited_for_in_place(open_page):
    opened = open_page(reduced_motion="reduce")
    never(opened.page, DELIVERIES)
    opened.page.goto("/deliveries")
    expect(opened.page.get_by_text("Loading deliveries…")).to_be_visible()
    expect(opened.page.locator(".skeleton").first).to_be_visible()
    opened.axe("slow")


def test_old_data_stays_with_its_age(page: Page):
    page.clock.install()
    Listed(page)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(10)
    refuse(page, DELIVERIES, 500, FAILED)
    page.clock.run_for(5_000)
    expect(page.get_by_text(re.compile("This is from "))).to_be_visible()
    expect(rows(page)).to_have_count(10)


@pytest.fixture(scope="module")
def doors():
    """A host whose secret of points of sale is known."""
    # Without the demo, whose deliveries would stand beside those of the test.
    host = Host(WEBHOOK_SECRET=SECRET, SIGNALBOX_DEMO="0")
    yield host
    host.stop()


def send(host: Host, body: bytes, secret: str) -> int:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"{host.url}/pos/demo/ingest", body, {"content-type": "application/json", "x-tenant-id": "default", "x-webhook-signature": signature})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def test_real_deliveries_are_followed_and_decided_on(open_page, doors):
    page = open_page(base=doors.url).page
    assert send(doors, b'{"sale": 1}', "another-secret") in (401, 403)
    page.goto("/deliveries")
    expect(rows(page)).to_have_count(1)
    assert send(doors, b'{"sale": 2}', SECRET) in (200, 201, 202)
    # The page asks every five seconds.
    expect(page.locator("tbody tr").filter(has_text="Processed")).to_have_count(1, timeout=15_000)
    page.locator("tbody tr").filter(has_text="Rejected").click()
    expect(page.locator("tbody tr").filter(has_text="Rejected")).to_contain_text("pos/demo")
    page.get_by_role("button", name="Verify again").click()
    expect(page.get_by_role("dialog").get_by_text(re.compile("^Still refused: wrong signature: "))).to_be_visible()
    expect(page.get_by_role("dialog").locator(".callout")).to_have_count(1)
