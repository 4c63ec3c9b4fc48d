"""`/vendor-sync/registry`."""

import json
import re

import pytest
from playwright.sync_api import Page, expect
from stubs import REGISTRY, VENDOR, answer

TEST = REGISTRY + "/moscot/test"
CREDENTIALS = REGISTRY + "/moscot/credentials"


@pytest.fixture
def registry(page: Page) -> Page:
    page.goto("/api/auth/dev-mint")
    failed = {**VENDOR["integration"], "lastTestOk": False, "error": "there is no catalogue"}
    untested = {**VENDOR["integration"], "lastTestOk": None, "lastTestAt": None}
    others = [("acme", "Acme", failed), ("bare", "Bare", untested), ("none", "None", None)]
    vendors = [VENDOR, *({**VENDOR, "slug": slug, "name": name, "integration": one} for slug, name, one in others)]
    answer(page, REGISTRY, {"ok": True, "data": vendors})
    page.goto("/vendor-sync/registry")
    return page


def row(page: Page, name: str):
    return page.get_by_role("row", name=f"{name} {name.lower()} ")


def test_vendors_are_listed_with_their_tests(registry: Page):
    expect(registry.get_by_role("tab", name="Registrering")).to_have_attribute("aria-selected", "true")
    expect(row(registry, "MOSCOT")).to_contain_text("Seneste test godkendt")
    expect(row(registry, "Acme")).to_contain_text("Seneste test fejlede")
    expect(row(registry, "Bare")).to_contain_text("Ikke testet")
    expect(row(registry, "None")).to_contain_text("Ikke konfigureret")


@pytest.mark.parametrize(
    "data, shown",
    [
        ({"ok": True, "meta": {"totalItems": 127}}, ["Forbindelsestest gennemført", "127 varer"]),
        ({"ok": False, "meta": {"error": "it is no catalogue"}}, ["Forbindelsestest mislykkedes", "it is no catalogue"]),
    ],
)
def test_a_source_is_tested(registry: Page, data: dict, shown: list):
    answer(registry, TEST, {"ok": True, "data": data})
    row(registry, "MOSCOT").get_by_role("button", name="Test forbindelse").click()
    dialog = registry.get_by_role("dialog", name="Forbindelsestest")
    dialog.get_by_label("Kildesti (valgfri)").fill("other.json")
    with registry.expect_request(TEST) as asked:
        dialog.get_by_role("button", name="Kør test").click()
    assert json.loads(asked.value.post_data) == {"sourcePath": "other.json"}
    assert asked.value.headers["x-signalbox-request"] == "1"
    for text in shown:
        expect(registry.get_by_text(text)).to_be_visible()


def test_what_is_wrong_with_a_source_is_shown(registry: Page):
    answer(registry, CREDENTIALS, {"ok": False, "error": "invalid_payload", "detail": "scraperPath: skal være en sti"}, 422)
    row(registry, "MOSCOT").get_by_role("button", name="Detaljer").click()
    drawer = registry.get_by_role("dialog", name="MOSCOT")
    expect(drawer.get_by_text("Legitimationsoplysninger")).to_be_visible()
    drawer.get_by_label("Standard kilde").fill("x")
    with registry.expect_request(CREDENTIALS) as asked:
        drawer.get_by_role("button", name="Gem", exact=True).click()
    assert json.loads(asked.value.post_data) == {"credentials": {"scraperPath": "x"}}
    expect(registry.get_by_text("Opdatering mislykkedes")).to_be_visible()
    expect(registry.get_by_text("skal være en sti")).to_be_visible()
    drawer.get_by_role("button", name="Annuller").click()
    expect(drawer).to_be_hidden()


def test_what_the_configuration_names_is_not_changed_here(page: Page):
    page.goto("/api/auth/dev-mint")
    answer(page, REGISTRY, {"ok": True, "data": [{**VENDOR, "configured": True}]})
    page.goto("/vendor-sync/registry")
    # It is known who looks then.
    expect(page.get_by_role("button", name="Test alle")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="MOSCOT")
    expect(drawer.get_by_text("Sat af driftens konfiguration, VENDORS")).to_be_visible()
    expect(drawer.get_by_role("button", name="Gem", exact=True)).to_have_count(0)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Tastatur")
    for text in ("Hændelseslog", "Åbn rækken"):
        expect(keys.get_by_text(text)).to_be_visible()
    page.keyboard.press("Escape")
    for key in ("g", "a"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("/audit"))


def test_all_sources_are_tested_with_a_result_for_each(open_page):
    opened = open_page()
    page = opened.page
    page.goto("/api/auth/dev-mint")
    answer(page, REGISTRY, {"ok": True, "data": [VENDOR, {**VENDOR, "slug": "acme", "name": "Acme"}]})
    page.goto("/vendor-sync/registry")
    failures = [{"slug": "acme", "error": "there is no catalogue"}]
    answer(page, REGISTRY + "/test-all", {"ok": True, "tested": 2, "passed": 1, "failed": 1, "notTested": 0, "failures": failures})
    page.get_by_role("button", name="Test alle").click()
    dialog = page.get_by_role("dialog", name="Test af alle forbindelser")
    expect(dialog.get_by_role("status")).to_contain_text("1 godkendt, 1 fejlede")
    cells = ["Acme", "Fejlede", "there is no catalogue", "MOSCOT", "Godkendt", ""]
    expect(dialog.locator("tbody td")).to_have_text(cells)
    opened.axe("the results")
    answer(page, REGISTRY + "/test-all", {"ok": False, "error": "failed_to_test_integrations", "detail": "it failed"}, 500)
    dialog.get_by_role("button", name="Luk").last.click()
    page.get_by_role("button", name="Test alle").click()
    expect(page.get_by_role("dialog").get_by_text("it failed")).to_be_visible()
