"""`/settings/admin` and what is below it: mirrors of categories, flags, and a tenant's categories."""

import re

import pytest
from hosts import Host
from playwright.sync_api import Page, expect
from stubs_of_mirrors import (
    CATEGORY,
    EFFECTIVE,
    LOGS,
    MIRROR,
    MIRRORING,
    MIRRORS,
    STATS,
    SYNC,
    Categories,
    Flags,
    Mirrors,
    flag,
    mirror,
    stats,
)
from stubs_of_pages import LOOKS, never, refuse

ADMIN = "/settings/admin"
PATH = "/settings/admin/gbp-sync"
NOT_ADMIN = {"error": "platform_admin_required", "message": "this takes a user of a platform's role"}


def figure(page: Page, label: str):
    return page.locator("div.grid > div.rounded-2xl").filter(has_text=label).locator(".value")


# ---- tiles ----


def test_a_tile_says_how_mirrors_do_once_it_is_known(page: Page):
    Flags(page, flag(MIRRORING), flag(CATEGORY), flag(SYNC, True, "override"))
    waiting: list = []
    page.route(STATS, lambda route: waiting.append(route))
    page.goto(ADMIN)
    tile = page.get_by_role("link", name="GBP Category Sync")
    for text in ("M3", "Monitor sync status and trigger manual syncs", "Loading..."):
        expect(tile).to_contain_text(text)
    expect(tile).to_have_class(re.compile("cyan"))
    waiting[0].fulfill(json=stats(successRate=98.2))
    expect(tile).to_contain_text("98.2% success rate")
    page.unroute(STATS)
    Mirrors(page)
    tile.click()
    expect(page).to_have_url(re.compile("/settings/admin/gbp-sync$"))
    expect(page.get_by_role("link", name="Settings")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize(
    "sync, shown",
    [
        (flag(SYNC, True, "platform_db"), True),
        # It is let in for some: whoever rolls it out has to see how it does.
        (flag(SYNC), True),
        (flag(SYNC, False, "override"), False),
        (flag(SYNC, rollout={"percentage": 0, "pilots": []}), False),
    ],
)
def test_the_tile_is_there_where_the_feature_is_on(page: Page, sync: dict, shown: bool):
    Flags(page, flag(MIRRORING), flag(CATEGORY), sync)
    page.route(STATS, lambda route: route.fulfill(json=stats()))
    page.goto(ADMIN)
    expect(page.get_by_role("link", name="Flags", exact=False).first).to_be_visible()
    expect(page.get_by_role("link", name="GBP Category Sync")).to_have_count(int(shown))


# ---- mirrors ----


@pytest.fixture
def mirrors(page: Page) -> Mirrors:
    found = Mirrors(page)
    page.goto(PATH)
    expect(page.locator("tbody tr.opens")).to_have_count(len(MIRRORS))
    return found


@pytest.mark.parametrize(
    "label, field, tones",
    [
        ("Success Rate", "successRate", {95: "ok", 94.9: "warn", 80: "warn", 79.9: "bad"}),
        ("Out of Sync", "outOfSyncCount", {0: "ok", 1: "warn", 4: "warn", 5: "bad"}),
        ("Failed Runs", "failedRuns", {0: "ok", 1: "bad"}),
    ],
)
def test_figures_have_the_colours_of_their_bounds(page: Page, label: str, field: str, tones: dict):
    for value, tone in tones.items():
        Mirrors(page, **{field: value})
        page.goto(PATH)
        shown = figure(page, label).locator(".status")
        expect(shown).to_contain_text(str(value))
        expect(shown).to_have_class(re.compile(rf"\b{tone}\b"))
        expect(figure(page, "Total Runs (24h)")).to_contain_text("1,106")
        page.unroute_all()


def test_a_row_says_what_became_of_it_and_an_error_goes_before_all(page: Page, mirrors: Mirrors):
    rows = page.locator("tbody tr.opens")
    told = [("bageri", "Running", "warn"), ("All", "Success", "ok"), ("lumen", "Held, 38 removals", "held"), ("optik", "Success", "ok"), ("optik", "Cooldown", "idle"), ("cykler", "Error", "bad"), ("vest", "Skipped", "idle")]
    for index, (tenant, text, tone) in enumerate(told):
        expect(rows.nth(index).locator("td").nth(1)).to_have_text(tenant)
        expect(rows.nth(index).locator(".status")).to_have_text(text)
        expect(rows.nth(index).locator(".status")).to_have_class(re.compile(rf"\b{tone}\b"))
    heads = page.get_by_role("columnheader")
    expect(heads).to_have_text(["Started", "Tenant", "Strategy", "Created", "Updated", "Deleted", "Status"])
    expect(rows.nth(3)).to_contain_text("dry run")
    errors = page.get_by_role("region", name="Recent Errors").locator("li")
    expect(errors.nth(0)).to_contain_text("the consent was revoked")
    expect(errors.nth(1)).to_contain_text("All")
    page.get_by_role("button", name="Started").click()
    expect(rows.first).to_contain_text("vest")


def test_the_log_is_paged_by_offset_and_kept_in_the_address(page: Page):
    rows = [mirror(f"n{index}", 100 + index * 60, f"t{index}") for index in range(45)]
    found = Mirrors(page, rows, [])
    page.goto(PATH)
    expect(page.get_by_text("1–20 of 45")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("21–40 of 45")).to_be_visible()
    expect(page).to_have_url(re.compile("offset=20"))
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("41–45 of 45")).to_be_visible()
    expect(page.get_by_role("button", name="Next", exact=True)).to_be_disabled()
    assert (found.asked[-1]["limit"], found.asked[-1]["offset"]) == ("20", "40")
    page.get_by_role("button", name="Previous").click()
    expect(page.get_by_text("21–40 of 45")).to_be_visible()
    page.get_by_label("Strategy").select_option("gbp_to_platform")
    expect(page.get_by_text("No syncs yet")).to_be_visible()
    assert (found.asked[-1]["strategy"], found.asked[-1]["offset"]) == ("gbp_to_platform", "0")


def test_a_sync_is_queued_and_the_page_looks_again(page: Page, mirrors: Mirrors):
    page.clock.install()
    page.get_by_role("button", name="Trigger Manual Sync").click()
    dialog = page.get_by_role("dialog", name="Trigger Manual Sync")
    expect(dialog.get_by_label("Strategy")).to_be_focused()
    expect(dialog).to_contain_text("The locations of all tenants that have the feature on")
    dialog.get_by_role("button", name="Start the sync").click()
    expect(page.get_by_role("region", name="Actions").get_by_text("Sync job queued successfully!")).to_be_visible()
    assert mirrors.sent == [{"strategy": "platform_to_gbp", "dryRun": False}]
    page.clock.run_for(2_100)
    expect(page.locator("tbody tr.opens")).to_have_count(len(MIRRORS) + 1)


def test_a_dry_run_of_one_tenant_is_asked_for(page: Page, mirrors: Mirrors):
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Trigger Manual Sync")
    dialog.get_by_label("Strategy").select_option("gbp_to_platform")
    dialog.get_by_label("Tenant").fill("lumen")
    dialog.get_by_label("Dry run").check()
    expect(dialog).to_contain_text("nothing is changed")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert mirrors.sent == [{"strategy": "gbp_to_platform", "tenantId": "lumen", "dryRun": True}]


def test_a_refusal_is_said_in_words(page: Page, mirrors: Mirrors):
    page.unroute(MIRROR)
    off = {"success": False, "error": "feature_disabled", "flag": MIRRORING, "message": "the feature is off"}
    page.route(MIRROR, lambda route: route.fulfill(status=409, json=off))
    page.get_by_role("button", name="Trigger Manual Sync").click()
    dialog = page.get_by_role("dialog", name="Trigger Manual Sync")
    dialog.get_by_role("button", name="Start the sync").click()
    expect(dialog.get_by_text("FF_CATEGORY_MIRRORING is off")).to_be_visible()
    expect(dialog.get_by_role("button", name="Start the sync")).to_be_enabled()


def test_rows_go_on_while_something_runs(page: Page):
    page.clock.install()
    found = Mirrors(page, held=[])
    page.goto(PATH)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    found.rows = [{**row, "completedAt": row["startedAt"]} for row in found.rows]
    page.clock.run_for(3_100)
    expect(page.locator("tbody tr.opens").first).to_contain_text("Success")
    expect(page.get_by_text("Live", exact=True)).to_be_hidden()
    before = len(found.asked)
    page.clock.run_for(9_000)
    assert len(found.asked) == before


def test_what_is_held_is_shown_and_approved_of_up_to_a_number(page: Page, mirrors: Mirrors):
    card = page.get_by_role("region", name="Waiting for approval")
    expect(card).to_contain_text("This run would remove 38 of 122 categories: 31%")
    expect(card).to_contain_text("30 were approved of")
    expect(card.get_by_role("list", name="What would go")).to_contain_text("gcid:wine_bar")
    expect(card).to_contain_text("32 more")
    card.get_by_role("button", name="Approve up to 38").click()
    dialog = page.get_by_role("dialog", name="Approve removals of lumen")
    most = dialog.get_by_label("How many may go at most")
    expect(most).to_be_focused()
    most.fill("123")
    expect(dialog.get_by_role("button", name="Approve up to")).to_be_disabled()
    most.fill("40")
    dialog.get_by_role("button", name="Approve up to 40").click()
    expect(card).to_have_count(0)
    assert mirrors.decided == [("approve", {"removalsMax": 40})]


def test_what_is_held_is_rejected(page: Page, mirrors: Mirrors):
    page.get_by_role("button", name="Reject…").click()
    dialog = page.get_by_role("dialog", name="Reject removals of lumen")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_text("Rejected; nothing was removed")).to_be_visible()
    assert mirrors.decided == [("reject", {})]


def test_who_may_not_decide_sees_what_is_held_alone(page: Page):
    who = {"actor": "ida", "tenant": "default", "tenants": [], "anyTenant": True, "scopes": ["connections:read"], "expiresAt": "2099-01-01T00:00:00Z", "local": True}
    page.route("**/api/auth/session", lambda route: route.fulfill(json=who))
    Mirrors(page)
    page.goto(PATH)
    expect(page.get_by_role("region", name="Waiting for approval")).to_be_visible()
    expect(page.get_by_role("button", name="Trigger Manual Sync")).to_be_disabled()
    expect(page.get_by_role("button", name="Approve up to 38")).to_have_count(0)


def test_a_row_is_opened_by_keyboard_alone(page: Page, mirrors: Mirrors):
    for key in ("j", "j", "j", "j", "j", "j", "Enter"):
        page.keyboard.press(key)
    drawer = page.get_by_role("dialog", name="cykler")
    expect(drawer).to_contain_text("the consent was revoked")
    expect(drawer).to_contain_text("consent_revoked")
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr").nth(5)).to_be_focused()


def test_it_is_in_danish_too(page: Page, mirrors: Mirrors):
    page.evaluate("localStorage.setItem('signalbox.language', 'da')")
    page.reload()
    for text in ("Andel gennemført", "Seneste fejl", "Afventer, 38 fjernelser", "Start en synkronisering"):
        expect(page.get_by_text(text).first).to_be_visible()


# ---- flags ----


def test_a_flag_says_what_decides_and_is_overridden_after_a_question(page: Page):
    flags = Flags(page)
    page.goto("/settings/admin/flags?tenant=lumen")
    card = page.get_by_role("region", name=SYNC)
    expect(card).to_contain_text("Nothing turns it on")
    expect(card).to_contain_text("The rollout has reached the tenant, as a pilot")
    platform = card.get_by_role("group", name="Override", exact=True)
    expect(platform.get_by_role("button", name="None")).to_have_attribute("aria-pressed", "true")
    platform.get_by_role("button", name="On", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    card.get_by_role("group", name="Override of lumen").get_by_role("button", name="Off").click()
    page.get_by_role("dialog").get_by_role("button", name="Turn it off").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert flags.sent == [("POST", f"override/platform/{SYNC}", {"value": True}), ("POST", f"override/tenant/lumen/{SYNC}", {"value": False})]
    locked = page.get_by_role("region", name=MIRRORING)
    expect(locked.get_by_role("button", name="Off")).to_have_count(2)
    for name in ("Override", "Override of lumen"):
        expect(locked.get_by_role("group", name=name, exact=True).get_by_role("button", name="Off")).to_be_disabled()
    expect(locked).to_contain_text("changed with a deployment")


def test_a_rollout_sends_what_is_changed_alone(page: Page):
    flags = Flags(page)
    page.goto("/settings/admin/flags")
    card = page.get_by_role("region", name=SYNC)
    expect(card.get_by_role("button", name="Save")).to_be_disabled()
    card.get_by_label("Rollout, per cent").fill("10")
    expect(card).to_contain_text("A lower percentage drops the tenants that came last.")
    card.get_by_label("Rollout, per cent").fill("50")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The flag was changed")).to_be_visible()
    card.get_by_label("Pilots").fill("lumen optik, vest")
    card.get_by_label("Enabled for all").check()
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The flag was changed")).to_have_count(2)
    assert flags.sent == [
        ("PUT", SYNC, {"rollout": {"percentage": 50}}),
        ("PUT", SYNC, {"enabled": True, "rollout": {"pilots": ["lumen", "optik", "vest"]}}),
    ]
    expect(page.get_by_role("region", name=MIRRORING).get_by_label("Pilots")).to_be_disabled()


def test_a_change_that_is_refused_leaves_the_question_open(page: Page):
    Flags(page)
    page.route("**/api/admin/flags/override/**", lambda route: route.fulfill(status=409, json={"success": False, "error": "contended", "message": "others changed it at once"}))
    page.goto("/settings/admin/flags")
    page.get_by_role("region", name=SYNC).get_by_role("group", name="Override").get_by_role("button", name="Off").click()
    page.get_by_role("dialog").get_by_role("button", name="Turn it off").click()
    expect(page.get_by_role("dialog")).to_contain_text("others changed it at once")


# ---- categories ----


@pytest.fixture
def categories(page: Page) -> Categories:
    found = Categories(page, size=2)
    page.goto("/settings/admin/categories")
    expect(page.locator("tbody tr.opens")).to_have_count(4)
    return found


def test_categories_are_a_tree_of_all_pages_with_how_far_they_are_mapped(page: Page, categories: Categories):
    rows = page.locator("tbody tr.opens")
    expect(rows.locator("td:first-child")).to_have_text(["Food food", "Level 2: Bakery bakery", "Level 3: Rye bread rye-bread", "Drinks drinks"])
    expect(rows.nth(2)).to_contain_text("Not mapped")
    expect(figure(page, "Coverage")).to_have_text("75%")
    page.get_by_label("Google", exact=True).select_option("no")
    # What it is below of is there, as where it is.
    expect(rows).to_have_count(3)
    expect(page.get_by_text("1 shown, as a tree")).to_be_attached()
    page.get_by_label("Google", exact=True).select_option("")
    search = page.get_by_role("searchbox", name="Name or slug")
    search.fill("DRI")
    search.press("Enter")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("search=DRI"))
    search.fill("")
    search.press("Enter")
    page.get_by_label("Deleted").select_option("yes")
    expect(rows).to_have_count(5)
    assert [one.get("cursor") for one in categories.asked[:2]] == [None, "c2"]
    assert categories.asked[-1]["includeInactive"] == "true"


def test_a_category_is_made_with_a_slug_of_its_name(page: Page, categories: Categories):
    page.get_by_role("button", name="New category").click()
    form = page.get_by_role("dialog", name="New category")
    form.get_by_label("Name").fill("Øl & brød")
    expect(form.get_by_label("Slug")).to_have_value("oel-broed")
    form.get_by_label("Below").select_option("c1")
    form.get_by_label("Google category").fill("gcid:beer_store")
    form.get_by_role("button", name="Create").click()
    made = {"name": "Øl & brød", "slug": "oel-broed", "parentId": "c1", "googleCategoryId": "gcid:beer_store"}
    expect(page.get_by_text("was made")).to_be_visible()
    assert categories.sent == [("POST", "", made, None)]


def test_a_category_is_changed_aligned_and_deleted_as_it_was_seen(page: Page, categories: Categories):
    page.locator("tbody tr.opens").nth(1).click()
    drawer = page.get_by_role("dialog", name="Bakery")
    # It goes neither below itself nor below what is below it.
    expect(drawer.get_by_label("Below").locator("option")).to_have_text(["None", "Food", "Drinks"])
    drawer.get_by_label("Name").fill("Bakers")
    drawer.get_by_role("button", name="Save").click()
    expect(page.get_by_text("was saved")).to_be_visible()
    page.goto("/settings/admin/categories?open=c2")
    drawer.get_by_label("Google's id of it").fill("gcid:cake_shop")
    drawer.get_by_role("button", name="Align").click()
    expect(page.get_by_text("Bakery stands for gcid:cake_shop")).to_be_visible()
    drawer.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog", name="Delete Bakery").get_by_role("button", name="Delete", exact=True).click()
    expect(drawer).to_have_count(0)
    assert categories.sent == [
        ("PUT", "/c2", {"name": "Bakers", "slug": "bakery", "parentId": "c1", "sortOrder": 20}, '"3"'),
        ("POST", "/c2/align", {"googleCategoryId": "gcid:cake_shop"}, '"3"'),
        ("DELETE", "/c2", None, '"3"'),
    ]


def test_googles_categories_are_offered_by_name(page: Page, categories: Categories):
    page.goto("/settings/admin/categories?open=c2")
    drawer = page.get_by_role("dialog", name="Bakery")
    drawer.get_by_label("Google's id of it").fill("cake")
    offered = drawer.locator("#align-google-ids option")
    expect(offered).to_have_count(1)
    expect(offered).to_have_attribute("label", "Cake shop · gcid:cake_shop")
    expect(offered).to_have_attribute("value", "gcid:cake_shop")


def test_what_is_wrong_with_a_category_is_said(page: Page, categories: Categories):
    wrong = {"success": False, "error": "duplicate_slug", "message": "the slug is taken", "categoryId": "c4"}
    categories.refusal = (409, wrong)
    page.goto("/settings/admin/categories?open=c1")
    drawer = page.get_by_role("dialog", name="Food")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_contain_text("Another category has this address")


def test_categories_that_are_off_lead_to_the_flags(page: Page):
    off = {"success": False, "error": "feature_disabled", "flag": CATEGORY, "message": "the feature is off"}
    refuse(page, "**/api/v1/tenants/**", 409, off)
    page.goto("/settings/admin/categories?for=lumen")
    expect(page.get_by_text("Categories are off for this tenant")).to_be_visible()
    expect(page.get_by_role("link", name="Look at its flags")).to_have_attribute("href", "/settings/admin/flags?tenant=lumen")


# ---- all of them ----


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", [ADMIN, PATH, "/settings/admin/flags?tenant=lumen", "/settings/admin/categories"])
def test_each_is_for_everybody(open_page, path: str, look: dict):
    opened = open_page(reduced_motion="reduce", **look)
    page = opened.page
    Mirrors(page)
    Flags(page)
    Categories(page)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    opened.axe(f"{path} {look}")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{path} scrolls sideways at {look['viewport']}"
    rows = page.locator("tbody tr.opens")
    if rows.count() > 0:
        rows.first.click()
        expect(page.locator(".drawer")).to_be_visible()
        opened.axe(f"{path} with its drawer, {look}")
        page.keyboard.press("Escape")
        expect(page.locator(".drawer")).to_have_count(0)
    for name in ("Trigger Manual Sync", "Approve up to 38", "Turn it off"):
        press = page.get_by_role("button", name=name)
        if press.count() > 0:
            press.click()
            opened.axe(f"{path}, {name}, {look}")
            page.keyboard.press("Escape")


def test_states_without_data(open_page):
    for prepare, text in [
        (lambda page: refuse(page, LOGS, 500, {"success": False, "error": "internal_error", "message": "Something failed."}), "The log could not be fetched"),
        (lambda page: refuse(page, LOGS, 403, NOT_ADMIN), "Not for this role"),
        (lambda page: never(page, LOGS), "Loading…"),
    ]:
        opened = open_page(reduced_motion="reduce")
        Mirrors(opened.page)
        prepare(opened.page)
        opened.page.goto(PATH)
        expect(opened.page.get_by_text(text)).to_be_visible()
        opened.axe(text)
    refused = open_page()
    refuse(refused.page, EFFECTIVE, 403, NOT_ADMIN)
    refused.page.goto("/settings/admin/flags")
    expect(refused.page.get_by_text("Not for this role")).to_be_visible()


def test_the_real_routes_are_asked_as_they_want_it(open_page):
    """Nothing is put in place of an answer: a rollout is set, a category is made, and a mirror is started and seen."""
    # Without the demo, which has categories and a run of its own.
    real = Host(SIGNALBOX_DEMO="0", **{name: "true" for name in (MIRRORING, CATEGORY, SYNC)})
    try:
        page = open_page(base=real.url).page
        # A first visit of who has no session yet.
        page.goto(PATH)
        expect(figure(page, "Total Runs (24h)")).to_have_text("0")
        page.goto("/settings/admin/flags?tenant=default")
        card = page.get_by_role("region", name=SYNC)
        expect(card).to_contain_text("The environment turns it on")
        card.get_by_label("Rollout, per cent").fill("25")
        card.get_by_label("Pilots").fill("lumen, optik")
        card.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The flag was changed")).to_be_visible()
        expect(card.get_by_label("Pilots")).to_have_value("lumen, optik")
        card.get_by_role("group", name="Override of default").get_by_role("button", name="Off").click()
        page.get_by_role("dialog").get_by_role("button", name="Turn it off").click()
        expect(card).to_contain_text("Somebody has overridden it for the tenant")
        page.goto("/settings/admin/categories?for=default")
        page.get_by_role("button", name="New category").click()
        form = page.get_by_role("dialog", name="New category")
        form.get_by_label("Name").fill("Food")
        form.get_by_role("button", name="Create").click()
        drawer = page.get_by_role("dialog", name="Food")
        drawer.get_by_label("Google's id of it").fill("gcid:bakery")
        # It is let in to ask, and there is nobody to be asked.
        expect(drawer).to_contain_text("the tenant has no active connection to Google")
        drawer.get_by_role("button", name="Align").click()
        expect(figure(page, "Coverage")).to_have_text("100%")
        page.goto(PATH)
        page.get_by_role("button", name="Trigger Manual Sync").click()
        dialog = page.get_by_role("dialog", name="Trigger Manual Sync")
        dialog.get_by_label("Tenant").fill("default")
        dialog.get_by_role("button", name="Start the sync").click()
        expect(page.get_by_role("region", name="Actions").get_by_text("Sync job queued successfully!")).to_be_visible()
        expect(page.locator("tbody tr.opens").first).to_contain_text("default")
    finally:
        real.stop()
