"""Answers of the routes of mirrors, flags and categories."""

import json
from urllib.parse import parse_qs, unquote, urlparse

from playwright.sync_api import Page, Route
from stubs_of_pages import ago

SYNC = "FF_TENANT_GBP_CATEGORY_SYNC"
MIRRORING = "FF_CATEGORY_MIRRORING"
CATEGORY = "FF_TENANT_PLATFORM_CATEGORY"
STATS = "**/api/admin/sync-stats"
LOGS = "**/api/admin/sync-logs?**"
HELD = "**/api/admin/mirror/held"
MIRROR = "**/api/categories/mirror"
EFFECTIVE = "**/api/admin/effective-flags**"
EFFECTIVE_OF = "**/api/admin/effective-flags/**"


def mirror(id: str, seconds: float, tenant: str | None = "lumen", **more) -> dict:
    """A row of the log, of one that went well; `seconds` ago."""
    return {
        "id": id,
        "tenantId": tenant,
        "strategy": "platform_to_gbp",
        "dryRun": False,
        "created": 0,
        "updated": 0,
        "deleted": 0,
        "skipped": False,
        "reason": None,
        "error": None,
        "code": None,
        "pending": 0,
        "unmapped": 0,
        "jobId": f"gbp-mirror-1765000000000-{id:0>6}",
        "startedAt": ago(seconds),
        "completedAt": ago(seconds - 2),
        **more,
    }


REVOKED = "the consent was revoked: connect the business again"
MIRRORS = [
    mirror("m7", 4, "bageri", strategy="gbp_to_platform", updated=2, completedAt=None),
    mirror("m6", 60, None, created=12, updated=31),
    mirror("m5", 90, completedAt=None),
    mirror("m4", 300, "optik", created=1, updated=4, deleted=1, dryRun=True),
    mirror("m3", 340, "optik", skipped=True, reason="cooldown"),
    mirror("m2", 700, "cykler", error=REVOKED, code="consent_revoked"),
    mirror("m1", 900, "vest", skipped=True),
]
GOING = ["gcid:beer_garden", "gcid:christmas_market", "gcid:ice_cream_shop", "gcid:juice_shop", "gcid:tea_house", "gcid:wine_bar"]
WAITING = {
    "id": "m5",
    "tenantId": "lumen",
    "provider": "gbp",
    "connection": "main",
    "strategy": "platform_to_gbp",
    "jobId": "gbp-mirror-1765000000000-0000m5",
    "startedAt": ago(90),
    "since": ago(88),
    "until": ago(-72 * 3600),
    "why": "38 of 122 categories would go, and 30 were approved of",
    "removals": 38,
    "of": 122,
    "going": GOING,
}


def stats(**more) -> dict:
    failed = [{"id": "m2", "tenantId": "cykler", "error": REVOKED, "startedAt": ago(700)}, {"id": "m0", "tenantId": None, "error": "Google answers 503", "startedAt": ago(9_000)}]
    figures = {"totalRuns": 1106, "successfulRuns": 1100, "failedRuns": 3, "skippedRuns": 3, "successRate": 99.7, "outOfSyncCount": 3, "recentErrors": failed}
    return {"success": True, "stats": {**figures, **more}}


class Mirrors:
    """What the page of mirrors asks for. `rows` and `held` may be changed; `asked` is how the log was asked for, `sent` what was started."""

    def __init__(self, page: Page, rows: list | None = None, held: list | None = None, **figures):
        self.rows = list(MIRRORS if rows is None else rows)
        self.held = [WAITING] if held is None else held
        self.asked: list[dict] = []
        self.sent: list[dict] = []
        page.route(STATS, lambda route: route.fulfill(json=stats(**figures)))
        page.route(HELD, lambda route: route.fulfill(json={"success": True, "data": self.held, "hasMore": False}))
        page.route(LOGS, self.logs)
        page.route(MIRROR, self.start)
        page.route("**/api/admin/connections/lumen/gbp/main/runs/m5/*", self.decide)
        self.decided: list[tuple[str, dict]] = []

    def logs(self, route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlparse(route.request.url).query).items()}
        self.asked.append(query)
        rows = [row for row in self.rows if query.get("tenantId", row["tenantId"]) == row["tenantId"] and query.get("strategy", row["strategy"]) == row["strategy"]]
        limit, offset = int(query["limit"]), int(query["offset"])
        pages = {"total": len(rows), "limit": limit, "offset": offset, "hasMore": offset + limit < len(rows)}
        route.fulfill(json={"success": True, "data": rows[offset : offset + limit], "pagination": pages})

    def start(self, route: Route) -> None:
        body = json.loads(route.request.post_data)
        self.sent.append(body)
        started = {"strategy": body["strategy"], "tenantId": body.get("tenantId"), "dryRun": body["dryRun"]}
        self.rows.insert(0, mirror("m8", 0, started["tenantId"], strategy=body["strategy"], completedAt=None))
        route.fulfill(status=202, json={"success": True, "accepted": True, "jobId": "gbp-mirror-1765000000000-0000m8", **started})

    def decide(self, route: Route) -> None:
        what = route.request.url.rsplit("/", 1)[1]
        body = json.loads(route.request.post_data) if route.request.post_data else {}
        self.decided.append((what, body))
        self.held = []
        answer = {"ok": True, "runId": "m5", "decision": "approved" if what == "approve" else "rejected"}
        route.fulfill(json={**answer, **({"removalsMax": body["removalsMax"]} if body else {})})


def flag(name: str, on: bool = False, source: str = "off", **more) -> dict:
    sources = {"platform_env": source == "env", "platform_db": source == "platform_db", "allow_override": name != MIRRORING}
    if source == "override":
        sources["platform_override"] = on
    return {
        "flag": name,
        "effectiveOn": on,
        "sources": sources,
        "effectiveSource": source,
        "why": "as the service says it",
        "locked": source == "env",
        "rollout": {"percentage": 25 if name == SYNC else 0, "pilots": ["lumen", "optik"] if name == SYNC else []},
        **more,
    }


def of_tenant(one: dict, tenant: str, on: bool, source: str, **sources) -> dict:
    told = {"tenantId": tenant, "tenantEffectiveOn": on, "tenantEffectiveSource": source, "tenantWhy": "as the service says it"}
    return {**{name: value for name, value in one.items() if name != "rollout"}, **told, "tenantSources": {"tenant_db": False, **sources}}


class Flags:
    """Three flags; `sent` is what was changed."""

    def __init__(self, page: Page, *flags: dict):
        self.all = list(flags or (flag(MIRRORING, True, "env"), flag(CATEGORY, True, "platform_db"), flag(SYNC)))
        self.sent: list[tuple[str, str, dict]] = []
        page.route(EFFECTIVE, lambda route: route.fulfill(json={"success": True, "data": self.all}))
        page.route(EFFECTIVE_OF, self.tenant)
        page.route("**/api/admin/flags/**", self.change)

    def tenant(self, route: Route) -> None:
        name = unquote(route.request.url.rsplit("/", 1)[1])
        ways = [(True, "env", {}), (True, "platform_db", {}), (True, "tenant_db", {"tenant_db": True, "rollout": "pilot"})]
        data = [of_tenant(one, name, on, source, **sources) for one, (on, source, sources) in zip(self.all, ways, strict=True)]
        route.fulfill(json={"success": True, "data": data})

    def change(self, route: Route) -> None:
        path = urlparse(route.request.url).path.split("/api/admin/flags/")[1]
        body = json.loads(route.request.post_data)
        self.sent.append((route.request.method, path, body))
        index = next(index for index, one in enumerate(self.all) if one["flag"] == path.rsplit("/", 1)[-1])
        one = self.all[index]
        if path.startswith("override/tenant/"):
            tenant = path.split("/")[2]
            return route.fulfill(json={"success": True, "data": of_tenant(one, tenant, body["value"], "tenant_override", tenant_override=body["value"])})
        if path.startswith("override/"):
            one = flag(one["flag"], body["value"], "override")
        else:
            one = {**one, "rollout": {**one["rollout"], **body.get("rollout", {})}}
        self.all[index] = one
        return route.fulfill(json={"success": True, "data": one})


def category(id: str, name: str, parent: str | None = None, google: str | None = None, **more) -> dict:
    return {
        "id": id,
        "tenantId": "default",
        "name": name,
        "slug": name.lower().replace(" ", "-"),
        "parentId": parent,
        "googleCategoryId": google,
        "isActive": True,
        "sortOrder": int(id[1:]) * 10,
        "createdAt": ago(90_000),
        "updatedAt": ago(900),
        "version": 3,
        **more,
    }


CATEGORIES = [
    category("c1", "Food", google="gcid:restaurant"),
    category("c2", "Bakery", "c1", "gcid:bakery"),
    category("c3", "Rye bread", "c2"),
    category("c4", "Drinks", google="gcid:bar"),
    category("c5", "Gone", isActive=False),
]


GOOGLES = [{"id": "gcid:bakery", "name": "Bakery"}, {"id": "gcid:cake_shop", "name": "Cake shop"}, {"id": "gcid:bar", "name": "Bar"}]


class Categories:
    """A tenant's categories, two a page where `size` says so; `sent` is what was changed, and answered with `refusal` where there is one."""

    def __init__(self, page: Page, items: list | None = None, size: int = 50):
        self.items = list(CATEGORIES if items is None else items)
        self.size = size
        self.asked: list[dict] = []
        self.sent: list[tuple[str, str, dict | None, str | None]] = []
        self.refusal: tuple[int, dict] | None = None
        page.route("**/api/v1/tenants/*/categories**", self.answer)
        page.route("**/api/v1/tenants/*/categories/**", self.answer)
        page.route("**/api/v1/tenants/*/google-categories**", self.offer)

    def offer(self, route: Route) -> None:
        search = parse_qs(urlparse(route.request.url).query).get("search", [""])[0].lower()
        found = [one for one in GOOGLES if search in one["name"].lower() or search in one["id"]]
        route.fulfill(json={"success": True, "data": found, "hasMore": False, "total": len(GOOGLES)})

    def answer(self, route: Route) -> None:
        request = route.request
        url = urlparse(request.url)
        if request.method != "GET":
            body = json.loads(request.post_data) if request.post_data else None
            self.sent.append((request.method, url.path.split("/categories")[1], body, request.headers.get("if-match")))
            status, told = self.refusal or (200, {"success": True, "data": self.items[0]})
            return route.fulfill(status=status, json=told)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.asked.append({"path": url.path, **query})
        known = [one for one in self.items if one["isActive"] or "includeInactive" in query]
        begin = next((index + 1 for index, one in enumerate(known) if one["id"] == query.get("cursor")), 0)
        shown = known[begin : begin + self.size]
        more = {"nextCursor": shown[-1]["id"]} if begin + self.size < len(known) else {}
        active = [one for one in self.items if one["isActive"]]
        mapped = sum(one["googleCategoryId"] is not None for one in active)
        coverage = round(1000 * mapped / len(active)) / 10 if active else 0
        counts = {"total": len(active), "mapped": mapped, "unmapped": len(active) - mapped, "mappingCoverage": coverage}
        return route.fulfill(json={"success": True, "data": shown, **more, "stats": counts})
