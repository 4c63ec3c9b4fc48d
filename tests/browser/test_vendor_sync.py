"""`/vendor-sync`, as its older tests knew it and as it is now."""

import re

import pytest
from playwright.sync_api import Page, expect
from stubs import REGISTRY, RUNS, VENDOR, WINDOW, answer, run, window

FIRST_CELL = "table tbody tr td"


@pytest.fixture
def runs(page: Page) -> Page:
    """The page with three runs, signed in as older tests do it."""
    page.goto("/api/auth/dev-mint")
    answer(page, REGISTRY, {"ok": True, "data": [VENDOR, {**VENDOR, "slug": "acme", "name": "Acme"}]})
    answer(page, WINDOW, window())
    page.goto("/vendor-sync")
    page.wait_for_load_state("networkidle")
    return page


def card(page: Page, label: str):
    return page.locator("div.grid > div.rounded-2xl").filter(has_text=label)


def test_the_window_is_shown_with_its_statistics(runs: Page):
    expect(runs).to_have_title("Vendor sync observability")
    expect(runs.locator("h1")).to_have_text("Vendor sync")
    expect(runs.get_by_text("Viser 3 kørsler")).to_be_visible()
    for label, figure in (("Kørsler i vinduet", "3"), ("Succes", "2"), ("Fejl", "1"), ("I gang", "0")):
        expect(card(runs, label)).to_contain_text(figure)
    expect(runs.locator("table thead th")).to_have_text(["Startet", "Varighed", "Status", "Dry-run", "Bruger", "Kilde", "Hash"])
    expect(runs.locator(FIRST_CELL).first).to_contain_text("7. jun. 2024")
    texts = runs.locator("table tbody tr").first.locator("td").all_inner_texts()
    assert texts == ["7. jun. 2024, 10.00", "5m 12s", "Fuldført", "Nej", "maja", "moscot.catalog.json", "9f2c41d07b…"]
    texts = runs.locator("table tbody tr").nth(1).locator("td").all_inner_texts()
    assert texts == ["6. jun. 2024, 10.00", "532 ms", "Fuldført", "Ja", "—", "—", "—"]
    expect(runs.locator("table tbody tr").nth(2).locator("td").nth(1)).to_have_text("1t 4m 3s")
    expect(runs.get_by_text("Vinduet viser op til 25 kørsler ad gangen. Alle kørsler i vinduet er vist.")).to_be_visible()
    expect(runs.get_by_text("2 succes")).to_be_visible()
    source = runs.locator("table tbody tr").first.locator("td").nth(5)
    expect(source).to_have_attribute("title", "s3://catalogs/2024/moscot.catalog.json")


def test_a_price_has_a_label_and_a_run_s_says_what_it_is_made_of(page: Page):
    page.goto("/api/auth/dev-mint")
    cost = {"usd": 0.000046, "writeUnits": 12, "readUnits": 9.5, "messages": 1, "events": 0, "slices": 1, "gigabyteSeconds": 0.25}
    days = [{"day": f"2024-06-0{day}", "success": 1, "error": 0, "running": 0, "usd": usd} for day, usd in ((6, 0.000024), (7, 0.000046))]
    answer(page, WINDOW, window([run("r9", "2024-06-07T08:00:00.000Z", cost=cost)], days=days))
    page.goto("/vendor-sync?run=r9")
    expect(card(page, "Kørsler i vinduet").locator(".value")).to_have_text("1")
    expect(card(page, "Pris").locator(".value")).to_have_text("$0.000070")
    expect(card(page, "Pris").get_by_title("til listepriser")).to_be_visible()
    figures = page.get_by_role("dialog").locator(".drawer-section").filter(has_text="Nøgletal")
    expect(figures.locator(".facts dt")).to_have_text("Pris")
    expect(figures.locator(".facts dd")).to_contain_text("$0.000046Til listepriser: 12 skriveenheder, 9,5 læseenheder, 0,25 GB-sekunder")


def test_slices_and_waits_are_in_a_run_s_timeline(page: Page):
    page.goto("/api/auth/dev-mint")
    at = lambda minute: f"2024-06-07T08:{minute:02}:00.000Z"
    slices = [
        {"startedAt": at(0), "endedAt": at(2), "endedBy": "time"},
        {"startedAt": at(2), "endedAt": at(3), "endedBy": "retryAfter"},
        {"startedAt": at(33), "endedAt": at(34), "endedBy": "over"},
    ]
    told = run("r9", at(0), completedAt=at(34), metadata={"trigger": "schedule", "slices": slices, "slicesBefore": 2})
    answer(page, WINDOW, window([told]))
    page.goto("/vendor-sync?run=r9")
    lines = page.get_by_role("dialog").locator(".timeline li b")
    expect(lines).to_have_text(
        ["Startet af maja", "2 tidligere etaper", "Etape 3, 2m 0s", "Etape 4, 1m 0s", "Ventede 30m 0s", "Etape 5, 1m 0s", "Fuldført"]
    )


def test_a_run_is_told_in_the_drawer_and_its_address_leads_back_to_it(runs: Page):
    runs.locator("table tbody tr").nth(2).click()
    drawer = runs.get_by_role("dialog", name="Detaljer for synkronisering")
    for text in ("Nøgletal", "Oprettet", "Opdateret", "Fjernet", "Uændret", "Fejlbesked"):
        expect(drawer.get_by_text(text, exact=True)).to_be_visible()
    expect(drawer.get_by_text("Afvist: for meget ville være blevet fjernet").first).to_be_visible()
    expect(drawer.get_by_text("the catalogue lacks 60 of 127 items")).to_be_visible()
    assert "run=r1" in runs.url
    runs.reload()
    expect(drawer.get_by_text("Fejlbesked", exact=True)).to_be_visible()
    drawer.get_by_role("button", name="Luk").click()
    expect(drawer).to_be_hidden()
    assert "run=" not in runs.url


def test_refused_removals_are_applied_once_their_count_is_typed(page: Page):
    page.goto("/api/auth/dev-mint")
    source = "s3://catalogs/2024/half.json"
    removed = {"total": 67, "created": 0, "updated": 0, "removed": 60, "unchanged": 67}
    refused = run("r9", "2024-06-05T08:00:00.000Z", "error", counts=removed, sourcePath=source, metadata={"errorCode": "removals_refused"})
    answer(page, WINDOW, window([refused]))
    answer(page, "**/vendor-sync/moscot/sync", {"ok": True, "runId": "r10", "summary": removed})
    page.goto("/vendor-sync?run=r9")
    drawer = page.get_by_role("dialog", name="Detaljer for synkronisering")
    expect(drawer.get_by_text("Ville fjerne", exact=True)).to_be_visible()
    drawer.get_by_role("button", name="Anvend og fjern 60…").click()
    dialog = page.get_by_role("dialog", name="Kør MOSCOT")
    expect(dialog.get_by_text(source)).to_be_visible()
    apply = dialog.get_by_role("button", name="Anvend og fjern 60")
    expect(apply).to_be_disabled()
    dialog.get_by_label("Skriv 60 for at gå videre").fill("60")
    with page.expect_request("**/vendor-sync/moscot/sync") as asked:
        apply.click()
    assert asked.value.post_data_json == {"mode": "apply", "sourcePath": source, "allowRemovals": True}


def test_removals_that_wait_are_shown_and_decided_on(page: Page):
    page.goto("/api/auth/dev-mint")
    at = "/api/admin/connections/default/catalogue/moscot/runs/r9"
    held = {"why": "20 of 60 items would go", "removals": 20, "of": 60, "going": ["lemtosh", "miltzen"], "since": "2024-06-05T08:00:00.000Z",
            "until": "2024-06-08T08:00:00.000Z", "decideAt": at}
    metadata = {"trigger": "schedule", "waitsFor": "approval", "waitsUntil": held["until"], "held": held}
    answer(page, WINDOW, window([run("r9", "2024-06-05T08:00:00.000Z", "running", completedAt=None, durationMs=None, metadata=metadata)]))
    answer(page, f"**{at}/approve", {"ok": True, "runId": "r9", "decision": "approved", "removalsMax": 12})
    page.goto("/vendor-sync?run=r9")
    drawer = page.get_by_role("dialog", name="Detaljer for synkronisering")
    expect(drawer.get_by_role("list", name="Hvad der ville ryge").get_by_role("listitem")).to_have_text(["−lemtosh", "−miltzen", "18 til"])
    drawer.get_by_role("button", name="Godkend op til 20…").click()
    dialog = page.get_by_role("dialog", name="Godkend fjernelser hos MOSCOT")
    dialog.get_by_label("Hvor mange der højst må ryge").fill("12")
    with page.expect_request(f"**{at}/approve") as asked:
        dialog.get_by_role("button", name="Godkend op til 12").click()
    assert asked.value.post_data_json == {"removalsMax": 12}
    expect(page.get_by_text("Godkendt; kørslen fortsætter")).to_be_visible()


def test_a_skipped_run_says_why(page: Page):
    skipped = run("r9", "2024-06-07T02:00:00.000Z", "error", error="run r8 is in progress", metadata={"skipped": True, "errorCode": "sync_in_progress"})
    answer(page, WINDOW, window([skipped]))
    page.goto("/vendor-sync?run=r9")
    expect(page.locator("table").get_by_text("Sprunget over")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("Sprunget over: en anden kørsel var i gang").first).to_be_visible()


def test_a_run_that_is_on_no_page_is_looked_up(page: Page):
    """A page begins at its cursor."""
    answer(page, WINDOW, window([]))
    answer(page, re.compile(r".*/observability\?.*cursor=r7.*"), window([run("r7", "2024-05-01T08:00:00.000Z")]))
    page.goto("/vendor-sync?run=r7")
    expect(page.get_by_role("dialog").get_by_text("1. maj 2024, 10.00").first).to_be_visible()


def test_dates_are_typed_and_have_an_order(runs: Page):
    runs.get_by_role("button", name=re.compile("^Fra ")).click()
    runs.get_by_placeholder("dd-mm-yyyy").fill("08-06-2024")
    runs.get_by_placeholder("dd-mm-yyyy").press("Enter")
    expect(runs.get_by_role("button", name="Fra 8. jun. 2024")).to_be_visible()
    runs.get_by_role("button", name=re.compile("^Til ")).click()
    with runs.expect_event("framenavigated"):
        runs.get_by_placeholder("dd-mm-yyyy").fill("1.6.2024")
        runs.get_by_placeholder("dd-mm-yyyy").press("Enter")
    alert = runs.get_by_role("alert")
    expect(alert).to_contain_text("Ugyldigt datointerval")
    expect(alert).to_contain_text("Startdato skal være før slutdato.")
    with runs.expect_request(lambda request: "start=" in request.url) as asked:
        runs.get_by_role("button", name="Sidste 7 dage").click()
    assert asked.value.url.count("T00%3A00%3A00.000Z") == 1 and "T23%3A59%3A59.999Z" in asked.value.url
    expect(alert).to_be_hidden()


def test_filters_are_asked_for_and_are_in_the_address(runs: Page):
    def asked_for(press, *parts: str):
        with runs.expect_request(re.compile("observability")) as asked:
            press()
        assert all(part in asked.value.url for part in parts), asked.value.url

    asked_for(lambda: runs.get_by_role("button", name="Fejlet", exact=True).click(), "status=error", "limit=25")
    asked_for(lambda: runs.get_by_role("button", name="Kører", exact=True).click(), "status=error", "status=running")
    asked_for(lambda: runs.get_by_label("Leverandør").select_option("acme"), "vendorId=acme")
    asked_for(lambda: runs.get_by_role("button", name="Alle", exact=True).click(), "vendorId=acme")
    expect(runs.get_by_role("button", name="Fra vælg dato")).to_be_visible()
    expect(runs.get_by_text("Alle perioder")).to_be_visible()
    for part in ("status=error", "status=running", "vendor=acme", "period=all"):
        assert part in runs.url
    runs.reload()
    expect(runs.get_by_role("button", name="Fejlet", exact=True)).to_have_attribute("aria-pressed", "true")


def test_pages_follow_their_cursors(page: Page):
    answer(page, WINDOW, window(RUNS[:1], totalRuns=2, hasMore=True, nextCursor="r2"))
    answer(page, re.compile(r".*/observability\?.*cursor=r2.*"), window(RUNS[1:2], totalRuns=2))
    page.goto("/vendor-sync")
    expect(page.get_by_text("Næste side-id: r2")).to_be_visible()
    expect(page.get_by_text("Der er flere resultater tilgængelige.")).to_be_visible()
    page.get_by_role("button", name="Næste", exact=True).click()
    expect(page.locator(FIRST_CELL).first).to_contain_text("6. jun. 2024")
    page.get_by_role("button", name="Forrige", exact=True).click()
    expect(page.locator(FIRST_CELL).first).to_contain_text("7. jun. 2024")


def test_days_are_a_strip_to_choose_from(page: Page):
    days = [{"day": f"2024-06-0{day}", "success": day, "error": int(day == 4), "running": 0} for day in range(1, 8)]
    answer(page, WINDOW, window(days=days))
    page.goto("/vendor-sync")
    page.get_by_role("button", name="Fejlet", exact=True).click()
    expect(page.get_by_role("button", name="tirsdag 4. juni: 1 kørsel, 1 fejl")).to_be_visible()
    page.get_by_role("button", name="Fejlet", exact=True).click()
    page.get_by_role("button", name="tirsdag 4. juni: 5 kørsler, 1 fejl").click()
    expect(page.get_by_role("button", name="Fra 4. jun. 2024")).to_be_visible()
    assert "from=2024-06-04&to=2024-06-04" in page.url


def test_nothing_found_names_the_filter_and_offers_to_reset_it(page: Page):
    answer(page, WINDOW, window([]))
    page.goto("/vendor-sync?status=error&from=2024-06-01")
    expect(page.get_by_text("Ingen kørsler matcher de valgte filtre.")).to_be_visible()
    expect(page.get_by_text("moscot, 2024-06-01 – …, Fejlet")).to_be_visible()
    page.get_by_role("button", name="Nulstil filtre").click()
    assert "status" not in page.url


def test_a_failure_says_what_failed_and_is_tried_again(page: Page):
    problem = {"ok": False, "error": "failed_to_load_observability", "detail": "the window could not be read; try again later"}
    answer(page, WINDOW, problem, 500)
    page.goto("/vendor-sync")
    alert = page.get_by_role("alert")
    for text in ("Kunne ikke hente kørsler", "the window could not be read", "failed_to_load_observability", "1-670d1cb2-91f0aa73e4"):
        expect(alert).to_contain_text(text)
    page.unroute(WINDOW)
    answer(page, WINDOW, window())
    page.get_by_role("button", name="Prøv igen").click()
    expect(page.get_by_text("Viser 3 kørsler")).to_be_visible()
    # What is there stays when newer cannot be had, and says how old it is.
    page.unroute(WINDOW)
    answer(page, WINDOW, problem, 500)
    page.get_by_role("button", name="Opdater", exact=True).click()
    expect(page.get_by_text("Dette er hentet")).to_be_visible()
    expect(page.get_by_text("Viser 3 kørsler")).to_be_visible()


def test_every_wrong_field_is_named(page: Page):
    detail = {"formErrors": ["one"], "fieldErrors": {"start": ["two"], "limit": ["three"]}}
    answer(page, WINDOW, {"ok": False, "error": "invalid_request", "detail": detail}, 400)
    page.goto("/vendor-sync")
    for text in ("one", "start: two", "limit: three"):
        expect(page.get_by_role("alert").get_by_text(text, exact=True)).to_be_visible()


def test_waiting_is_seen(page: Page):
    held = []
    page.route(WINDOW, lambda route: held.append(route))
    page.goto("/vendor-sync")
    expect(page.get_by_text("Indlæser kørsler…")).to_be_visible()
    expect(page.locator(".skeleton").first).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_a_sync_is_tried_and_applied(page: Page):
    """Against the host itself."""
    page.goto("/vendor-sync")
    page.get_by_role("button", name="Kør nu").click()
    dialog = page.get_by_role("dialog", name="Kør MOSCOT")
    dialog.get_by_role("button", name="Prøvekørsel").click()
    expect(dialog.get_by_text("Intet ville ændre sig")).to_be_visible()
    dialog.get_by_role("button", name="Anvend").click()
    expect(page.get_by_text("MOSCOT er synkroniseret")).to_be_visible()
    expect(page.get_by_role("dialog", name="Detaljer for synkronisering")).to_be_visible()


def test_the_keyboard_is_enough(runs: Page):
    runs.locator("body").press("j")
    expect(runs.locator("table tbody tr").first).to_be_focused()
    runs.keyboard.press("j")
    runs.keyboard.press("Enter")
    drawer = runs.get_by_role("dialog", name="Detaljer for synkronisering")
    expect(drawer.get_by_text("6. jun. 2024").first).to_be_visible()
    runs.keyboard.press("j")
    expect(drawer.get_by_text("5. jun. 2024").first).to_be_visible()
    runs.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(runs.locator("table tbody tr").nth(2)).to_be_focused()
    runs.keyboard.press("/")
    expect(runs.get_by_role("button", name="7 dage", exact=True)).to_be_focused()
    runs.keyboard.press("?")
    expect(runs.get_by_role("dialog", name="Tastatur")).to_be_visible()
    runs.keyboard.press("Escape")
    expect(runs.get_by_role("button", name="7 dage", exact=True)).to_be_focused()


def test_times_are_local_or_utc_and_the_language_is_the_person_s(runs: Page):
    runs.get_by_role("button", name="UTC").click()
    expect(runs.locator(FIRST_CELL).first).to_have_text("7. jun. 2024, 08.00")
    runs.get_by_role("button", name="English").click()
    expect(runs.get_by_text("3 runs shown")).to_be_visible()
    expect(runs.locator(FIRST_CELL).first).to_have_text("7 Jun 2024, 08:00")
    expect(runs.locator("html")).to_have_attribute("lang", "en")


def test_a_language_that_was_chosen_elsewhere_holds_here(page: Page):
    answer(page, REGISTRY, {"ok": True, "data": [VENDOR]})
    answer(page, WINDOW, window())
    page.goto("/health")
    page.get_by_role("button", name="Dansk").click()
    page.get_by_role("button", name="English").click()
    for path in ("/vendor-sync", "/vendor-sync/registry", "/systems/integrations"):
        page.goto(path)
        expect(page.get_by_role("button", name="Dansk")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_vendor_that_is_not_there_is_said_so(page: Page):
    answer(page, REGISTRY, {"ok": True, "data": [VENDOR]})
    answer(page, WINDOW, window([]))
    page.goto("/vendor-sync?vendor=nosuch")
    expect(page.get_by_text("Ingen leverandør hedder “nosuch”")).to_be_visible()
    expect(page.locator(".pill.ok")).to_have_count(0)
    page.get_by_role("button", name="Vis MOSCOT").click()
    expect(page.get_by_text("Ingen kørsler matcher de valgte filtre.")).to_be_visible()
