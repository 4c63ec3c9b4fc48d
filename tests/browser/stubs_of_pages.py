"""Answers of the routes of deliveries, health, audit and the overview."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Page, Route

DELIVERIES = "**/api/admin/deliveries?**"
HEALTH = "**/api/sync/health"
LAG = "**/api/sync/lag/**"
AUDIT = "**/api/admin/audit?**"
OVERVIEW = "**/api/admin/overview?**"
LOOKS = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
]


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def delivery(id: str, status: str, seconds: float, **more) -> dict:
    """One as it is listed; `seconds` ago."""
    processed = status == "processed"
    return {
        "id": id,
        "status": status,
        "source": "github/acme",
        "tenant": "acme",
        "provider": "github",
        "connection": "acme",
        "eventType": None if status == "rejected" else "push",
        "key": None if status == "rejected" else f"id:evt_{id}",
        "correlationId": "019ac3b2-7e1a-7c3e-9d0a-a76aa728e00e",
        "receivedAt": ago(seconds),
        "processedAt": ago(seconds - 0.25) if processed else None,
        "outcome": "done" if processed else None,
        "attempts": 16 if status == "dead" else 0 if processed else None,
        "recordedAt": ago(seconds - 1) if status == "dead" else None,
        "reason": "bad_signature" if status == "rejected" else None,
        "detail": {"rejected": "no secret makes this signature", "dead": "the SKU LMT-46 is not in the catalogue"}.get(status),
        "bodyBytes": 2318 if status == "rejected" else None,
        "hasBody": not processed,
        **more,
    }


MANY = [
    delivery("p1", "processed", 5),
    delivery("github/acme#7", "rejected", 20),
    delivery("d1", "dead", 40),
    delivery("p2", "processed", 60, attempts=2),
    delivery("p3", "processed", 80, outcome="older"),
    delivery("d2", "dead", 100, key=None),
    delivery("github/acme#6", "rejected", 120, hasBody=False),
    delivery("p4", "processed", 140),
    delivery("github/acme#5", "admitted", 160, admittedAt=ago(100), reason="no_secret"),
    delivery("p5", "processed", 180),
]


BODY = '{"event_type": "order.updated", "data": {"id": "ord_51882", "note": "it\'s <b>here</b>"}}'
KEPT = {
    "ok": True,
    "headers": [{"name": "content-type", "value": "application/json"}, {"name": "x-hub-signature-256", "value": "sha256=…9f2c"}],
    "body": {"text": BODY, "bytes": len(BODY), "cut": False},
    "path": "/webhooks/github/acme",
}


class Listed:
    """The list of deliveries, by status, source and cursor; what is put into `items` later is what came in."""

    def __init__(self, page: Page, items: list | None = None, size: int = 50):
        self.items = list(MANY if items is None else items)
        self.size = size
        self.asked: list[dict] = []
        page.route(DELIVERIES, self.fulfil)

    def fulfil(self, route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlparse(route.request.url).query).items()}
        self.asked.append(query)
        wanted = {"processed", "dead"} if query["status"] == "all" else set(query["status"].split(","))
        fits = lambda one: (one["status"] in wanted or one["reason"] in wanted) and one["receivedAt"] >= query.get("from", "") and query.get("source", one["source"]) == one["source"]
        part = query.get("text", "").lower()
        told = lambda one: " ".join(one[name] or "" for name in ("key", "correlationId", "eventType", "detail")).lower()
        found = [one for one in self.items if fits(one) and query.get("key") in (None, one["key"]) and part in told(one)]
        start = int(query.get("cursor", "0"))
        more = len(found) > start + self.size
        body = {"ok": True, "items": found[start : start + self.size], "hasMore": more, "nextCursor": str(start + self.size) if more else None}
        counts = {one["reason"]: sum(other["reason"] == one["reason"] for other in self.items) for one in self.items if one["reason"]}
        if not wanted & {"processed", "dead"}:
            body["reasons"] = [{"reason": reason, "count": count} for reason, count in counts.items()]
        route.fulfill(json=body)


def integration(brand: str, status: str, **more) -> dict:
    queue = {"waiting": 14, "active": 2, "completed": None, "failed": None, "delayed": 1}
    limits = lambda degraded, unhealthy: {"degraded": degraded, "unhealthy": unhealthy}
    thresholds = {"syncLag": limits(300_000, 900_000), "webhookLag": limits(120_000, 600_000), "errorRate": limits(1, 5), "failures": limits(5, 20)}
    counts = [(100, 400), (500, 500), (1_000, 80), (5_000, 15), (30_000, 4), (120_000, 0), (600_000, 0), (None, 1)]
    breaker = {"state": "closed", "failureCount": 0, "successCount": 0, "lastFailureTime": None, "lastSuccessTime": None, "nextRetryTime": None, "totalRequests": 0}
    return {
        "tenantId": "acme",
        "tenantName": "Acme 3PL",
        "brandId": brand.lower(),
        "brandName": brand,
        "integrationName": "Trackstar",
        "connectionId": f"conn_{brand.lower()}",
        "status": status,
        "reasons": [],
        "idle": False,
        "lastSyncedAt": None,
        "lastWebhookAt": ago(30),
        "syncLagMs": None,
        "webhookLagMs": 30_000,
        "recentFailures": 0,
        "recentSuccesses": 1000,
        "errorRate": 0,
        "queueStats": {"syncQueue": queue, "webhookQueue": queue, "oldestJobAge": None},
        "circuitBreaker": breaker,
        "config": {"settings": {}, "thresholds": thresholds},
        "processing": {"buckets": [{"upToMs": limit, "count": count} for limit, count in counts], "avgMs": 190},
        **more,
    }


def reason(measure: str, status: str, value: float, threshold: float) -> dict:
    return {"measure": measure, "status": status, "value": value, "threshold": threshold}


BAD = [reason("errorRate", "unhealthy", 7.4, 5), reason("failures", "unhealthy", 79, 20), reason("webhookLag", "unhealthy", 1_572_000, 600_000)]
SLOW = [reason("errorRate", "degraded", 2, 1)]
EMPTY = {"buckets": [], "avgMs": None}
INTEGRATIONS = [
    integration("Lumen", "healthy"),
    integration("Nordlys", "unhealthy", reasons=BAD, recentFailures=79, recentSuccesses=989, errorRate=7.4, webhookLagMs=1_572_000),
    integration("Cool", "degraded", reasons=SLOW, recentFailures=4, recentSuccesses=196, errorRate=2),
    integration("Quiet", "healthy", idle=True, webhookLagMs=90_000_000, recentSuccesses=0, processing=EMPTY),
]
LAGS = {"lag": {"processingLag": {"count": 100, "avgMs": 190, "p50Ms": 142, "p95Ms": 702, "p99Ms": 2800, "maxMs": 6100, "complete": True}}}


def health_of(integrations: list | None = None, **more) -> dict:
    listed = INTEGRATIONS if integrations is None else integrations
    return {"status": "success", "aggregate": {}, "integrations": listed, "hasMore": False, "nextCursor": None, **more}


def entry(seconds: float, actor: str, action: str, target: str, **more) -> dict:
    trace = "019ac3b2-7e1a-7c3e-9d0a-ffa95c14bc4a"
    deed = {"id": f"{seconds:013}-00", "at": ago(seconds), "actor": actor, "action": action, "target": target}
    return {**deed, "changed": [], "bodyHash": None, "correlationId": trace, **more}


ENTRIES = [
    entry(60, "maja", "dead_letter.requeue", "d1"),
    entry(120, "jakob", "connection.put", "acme/github/acme", changed=["settings.scheme", "schedule"]),
    entry(200_000, "maja", "run.stop", "r12"),
]


def connection(name: str, status: str, /, **more) -> dict:
    hours = [{"webhooks": count, "failures": int(count == 3)} for count in (4, 6, 3, 5) * 6]
    return {
        "connection": f"acme/github/{name.lower()}",
        "tenant": "acme",
        "provider": "github",
        "name": name.lower(),
        "displayName": name,
        "state": "active",
        "status": status,
        "reasons": [],
        "idle": False,
        "lastSuccessAt": ago(90),
        "nextDueAt": None,
        "lastHour": {"webhooks": 18, "failures": 1},
        "hours": hours,
        "attention": [],
        **more,
    }


def matter(kind: str, count: int, seconds: float, detail: str, link: str) -> dict:
    return {"kind": kind, "count": count, "at": ago(seconds), "detail": detail, "link": link}


LETTERS = matter("dead_letters", 61, 3_600, "the last one: no such SKU", "/api/sync/dead-letters?provider=github&connection=cool")
RUN = matter("failed_run", 1, 40_000, "the source cannot be read", "/api/catalog/vendor-sync/runs?vendor=moscot&limit=1&cursor=r1")
CATALOGUE = {"connection": "acme/catalogue/moscot", "provider": "catalogue", "name": "moscot", "idle": True, "hours": []}


def overview(items: list | None = None, **more) -> dict:
    """What needs attention first, as the route has it."""
    listed = [
        connection("MOSCOT", "unhealthy", **CATALOGUE, reasons=[reason("lastRun", "unhealthy", 1, 0)], attention=[RUN]),
        connection("Cool", "degraded", reasons=SLOW, attention=[LETTERS]),
        connection("Nordlys", "unhealthy", reasons=BAD),
        connection("Quiet", "healthy", idle=True, lastHour={"webhooks": 0, "failures": 0}),
        connection("Still", "healthy", state="paused", nextDueAt=ago(-900)),
    ]
    shown = listed if items is None else items
    named = ("connection", "tenant", "provider", "name", "displayName")
    attention = [{**{key: item[key] for key in named}, **matter} for item in shown for matter in item["attention"]]
    return {"ok": True, "items": shown, "hasMore": False, "nextCursor": None, "attention": attention, "moreAttention": False, **more}


def refuse(page: Page, path: str, status: int, body: dict) -> None:
    page.route(path, lambda route: route.fulfill(status=status, json=body, headers={"x-correlation-id": "1-670d1cb2-91f0aa73e4"}))


def never(page: Page, path: str) -> None:
    """An answer that does not come."""
    page.route(path, lambda route: None)


FORBIDDEN = {"ok": False, "error": "insufficient_scope", "detail": "this takes the scope deliveries:read"}
FAILED = {"ok": False, "error": "internal_error", "detail": "Something failed that is ours to mend."}
