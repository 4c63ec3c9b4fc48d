"""Answers of the control centre's routes: a backfill that waits, failures, rows that were set aside, lines of its log, alerts."""

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route
from stubs_of_pages import ago

RUN = "019ac3b2-7e1a-7c3e-9d0a-a76aa728e00e"
OLDER = "019ac3a0-1111-7c3e-9d0a-a76aa728aaaa"
ENTITIES = ["owners", "properties", "units", "leases", "tenants"]
PROVIDER = {
    "id": "doorloop", "name": "DoorLoop", "icon": "DL", "colour": "#7c3aed", "entities": ENTITIES, "settings": [], "secret": "required",
    "secretAbout": "The API key", "scheduled": True, "signsWebhooks": False, "schemes": [],
    "mistakes": [{"seen": "page_invalid", "remedy": "The API is at https://app.doorloop.com/api"}],
    "pull": {
        "baseUrl": "https://app.doorloop.com/api", "documentationHost": "api.doorloop.com", "pageSize": 100, "requestsPerMinute": 50,
        "requestsPerHour": 500, "endpoints": [{"entity": entity, "path": f"/{entity}"} for entity in ENTITIES],
    },
}
BREAKER = {"connection": "acme/doorloop/main", "state": "closed", "isOpen": False, "failures": 2, "lastFailure": ago(400), "cooldownMs": 60_000, "asksAgainAt": None, "forced": None}


def step(entity: str, state: str, page: int, pages: int | None, rows: int, **more) -> dict:
    counts = {"created": 0, "updated": 2, "removed": 0, "unchanged": max(rows - 2, 0)}
    return {"entity": entity, "state": state, "page": page, "totalPages": pages, "rows": rows, "rowsPerSecond": 74.1 if page else None, "eta": None, "counts": counts, "setAside": 0, **more}


STEPS = [
    step("owners", "done", 12, 12, 1_180),
    step("properties", "done", 160, 160, 15_922),
    step("units", "failed", 3, 183, 300),
    step("leases", "running", 37, 58, 3_699, eta=56_000, setAside=4),
    step("tenants", "pending", 0, None, 0),
]


def status(running: bool = True, **more) -> dict:
    current = {
        "id": RUN, "entities": ENTITIES, "mode": "backfill", "since": None, "dryRun": False, "startedAt": 1_700_000_000_000, "actor": "maja",
        "progress": {"entity": "leases", "page": 37, "rows": 3_699, "totalPages": 58, "startedAt": None, "eta": 56_000, "rps": 0.75, "rowsPerSecond": 74.1},
        "steps": STEPS,
    }
    of = {"lastSuccessAt": ago(3_000), "lastFailureAt": None, "lastError": None, "lastErrorCode": None, "records": 1_200}
    failed = {**of, "lastFailureAt": ago(600), "lastError": "page 3 is a web page", "lastErrorCode": "page_invalid"}
    scheduler = {"enabled": True, "intervalMinutes": 10, "entities": ENTITIES, "fullSyncHourUTC": 5, "nightlyFullHourUtc": 5, "nextRun": ago(-500), "nextFullSync": ago(-9_000), "lastRun": ago(900), "paused": False, "envLocked": []}
    health = {
        "healthScore": 91, "health": "healthy", "healthScoreParts": {"freshness": 100, "successRate": 83, "errorRate": 90},
        "rateLimit": {"limit": 50, "limitPerHour": 500, "remaining": 0, "reset": ago(-20)}, "circuitBreaker": BREAKER,
    }
    return {
        "ok": True, "connection": "acme/doorloop/main", "version": "0.1.0", "isRunning": running, "entities": ENTITIES, "scheduler": scheduler,
        "currentRun": current if running else None,
        "lock": {"runId": RUN, "startedAt": 1, "entity": "leases", "held": False, "expiresAt": None, "stoppedBy": None} if running else None,
        "waiting": {"reason": "quota", "text": "the quota", "until": ago(-28)} if running else None,
        "lastRun": {"runId": OLDER, "timestamp": 1_700_000_000_000, "success": False, "error": "units: its page is a web page"},
        "dlqCount": 2, "dlqMore": False, "perEntity": {entity: failed if entity == "units" else of for entity in sorted(ENTITIES)},
        "integrations": {"doorloop": health}, **more,
    }


def entity_run(entity: str, result: str, seconds: float, run: str = OLDER, **more) -> dict:
    details = {"code": None, "fingerprint": None, "state": "done", "counts": {"total": 100, "created": 1, "updated": 2, "removed": 0, "unchanged": 97}, "pages": 1, "setAside": 0, "since": None, "drift": [], "answer": None}
    if more.pop("requeue", False):
        details = {**details, "requeue": True}
    if result == "error":
        details = {**details, "code": "page_invalid", "fingerprint": "9f2c41d07b6a", "state": "failed", "answer": "<!doctype html><html><h1>Documentation</h1></html>"}
        more = {"error": "page 3 is a web page", "fullMessage": "page 3 is a web page, and no list", **more}
    return {"id": f"{run}/{entity}", "runId": run, "timestamp": ago(seconds), "entity": entity, "mode": "backfill", "rows": 100, "duration": 38_000, "result": result, "fullDetails": details, "dryRun": False, "actor": "maja", **more}


RUNS = [
    entity_run("owners", "success", 600),
    entity_run("units", "error", 620),
    entity_run("leases", "warning", 640, error="2 rows could not be taken and were set aside"),
    entity_run("units", "error", 4_000, run="019ac300-2222-7c3e-9d0a-a76aa728bbbb"),
    entity_run("tenants", "success", 4_020, run="019ac300-2222-7c3e-9d0a-a76aa728bbbb", dryRun=True, mode="delta"),
    entity_run("leases", "success", 5_000, run="019ac200-3333-7c3e-9d0a-a76aa728cccc", mode="delta", requeue=True),
]
CONFIG = {
    "ok": True, "hasAdminToken": True, "adminEndpoints": [],
    "integration": {
        "connection": "acme/doorloop/main", "displayName": "DoorLoop", "hasApiKey": False, "apiKeyMasked": None, "baseUrl": "https://api.doorloop.com/reference",
        "pageSize": 100, "requestsPerMinute": 240, "requestsPerHour": 500, "retry": {"tries": 5, "baseMs": 500, "factor": 1.8, "longestMs": 20_000, "jitter": "full"},
        "breaker": {"failures": 5, "withinMs": 300_000, "cooldownMs": 60_000}, "entities": ENTITIES, "state": "active", "keptBy": "configuration",
        "warnings": ["api.doorloop.com has the vendor's documents: the API is at https://app.doorloop.com/api"],
    },
}
SKIPPED = {"at": ago(900), "reason": "lock_held", "detail": "another run", "runId": OLDER}
SCHEDULER = {
    "ok": True, "connection": "acme/doorloop/main", "enabled": True, "intervalMinutes": 10, "fullSyncHourUTC": 5, "nightlyFullHourUtc": 5, "entities": ENTITIES, "schedule": {},
    "paused": False, "nextRun": ago(-500), "nextFullSync": ago(-9_000), "envLocked": ["enabled", "intervalMinutes", "fullSyncHourUTC", "entities"], "lockedBy": "DOORLOOP_API_KEY", "skippedTicks": [SKIPPED],
}


def letter(id: str, key: str, reason: str) -> dict:
    row = {"id": key, "startDate": "31-02-2025", "note": "it's <b>here</b>"}
    return {"id": id, "entity": "leases", "key": key, "reason": reason, "error": reason, "payloadHash": "ab", "payload": row, "data": row, "payloadCut": False, "createdAt": ago(300), "timestamp": ago(300), "runId": RUN, "retryCount": 1, "maxRetries": 3, "originalOperation": "pull"}


LONG_TITLE = "Harbour Street Property Management, Copenhagen: the vendor cannot be reached, two connects in a row failed"
LONG_DETAIL = "https://app.doorloop.com/api/tenants?page_number=38&page_size=100 answered 503 Service Unavailable: upstream connect error or disconnect/reset before headers"
LETTERS = [letter("d1", "lease_90417", "updatedAt is no time"), letter("d2", "", "it has no id")]
ALERTS = [
    {"id": "a1", "rule": "connectivity_failing", "severity": "severe", "provider": "doorloop", "connection": "main", "title": LONG_TITLE, "detail": LONG_DETAIL, "state": "open", "count": 1, "openedAt": ago(700), "updatedAt": ago(700), "resolvedAt": None, "acknowledgedAt": None, "acknowledgedBy": None, "flapping": False},
    {"id": "a2", "rule": "no_success", "severity": "warning", "provider": "doorloop", "connection": "main", "title": "DoorLoop: no success for 12 hours", "detail": "The last run that went well ended at 03:10.", "state": "open", "count": 1, "openedAt": ago(900), "updatedAt": ago(900), "resolvedAt": None, "acknowledgedAt": ago(100), "acknowledgedBy": "maja", "flapping": False},
]
# Five are beside how a connection does, and the rest in a drawer.
ALERTS += [{**ALERTS[1], "id": f"a{number}", "connection": f"site-{number}", "openedAt": ago(1_000 * number), "acknowledgedAt": None, "acknowledgedBy": None} for number in range(3, 8)]
RESOLVED = {**ALERTS[1], "id": "a8", "rule": "breaker_open", "title": "DoorLoop: the breaker opened", "detail": "5 requests failed within 5 minutes.", "state": "resolved", "openedAt": ago(90_000), "resolvedAt": ago(80_000)}
HISTORY = [
    {"transition": "acknowledged", "at": ago(100), "by": "maja", "detail": "", "count": 12, "told": False},
    {"transition": "updated", "at": ago(400), "by": None, "detail": LONG_DETAIL, "count": 10, "told": True},
    {"transition": "opened", "at": ago(700), "by": None, "detail": "The vendor answered 503.", "count": 2, "told": True},
]
REFUSED = "hooks-of-the-property-department.example.com answered 400: the card has an element that this version of the client does not know"
MESSAGES = [
    {"id": "m1", "at": ago(690), "channel": "teams/main", "alerts": ["a1"], "total": 1, "title": f"Opened: {LONG_TITLE}", "text": f"Opened: {LONG_TITLE}\n{LONG_DETAIL}", "state": "sent", "attempts": 1, "error": None},
    {"id": "m2", "at": ago(900), "channel": "alert-webhook/operations-on-call", "alerts": ["a2"], "total": 1, "title": "Opened: DoorLoop: no success for 12 hours", "text": "…", "state": "refused", "attempts": 3, "error": REFUSED},
]


# What the vendor's own headers say with a page.
# Far enough for the whole run of the tests.
LIMIT = {"limit": 60, "remaining": 46, "reset": ago(-36_000)}


def line(number: int, type: str = "progress", entity: str | None = "leases", **more) -> dict:
    text = more.pop("msg", f"page {number} of 58, 100 rows")
    return {"type": type, "level": type, "ts": ago(60 - number), "timestamp": 1, "entity": entity, "page": number, "rows": 100, "msg": text, "message": text, "runId": RUN, **more}


LINES = [line(1, "info", None, msg="run started"), *(line(number, total=5_800, rateLimit=LIMIT) for number in range(2, 14)), line(14, "warn", msg="503, asked again: it is busy until 2030-01-15T12:30:00Z, which is 15 Jan 2030, 12:30 UTC"), line(15, "error", "units", msg="page 3 is a web page"), line(16, msg="the rate limit is used up", waitingFor="quota", until=ago(-20))]


def stream(lines: list[dict], after: str | None) -> str:
    """What the log's stream answers, behind an event: it ends then, and the page asks again."""
    ids = [f"{RUN}.{index}.0" for index in range(1, len(lines) + 1)]
    events = [f"event: log\nid: {id}\ndata: {json.dumps(one)}\n\n" for id, one in zip(ids, lines, strict=True)]
    behind = ids.index(after) + 1 if after else 0
    return 'event: connected\ndata: {"message":"Watching the runs of acme/doorloop/main."}\nretry: 3000\n\n' + "".join(events[behind:])


def stream_of(route: Route) -> None:
    [after] = parse_qs(urlsplit(route.request.url).query).get("lastEventId", [None])
    route.fulfill(body=stream(LINES, after), content_type="text/event-stream")


def paged(items: list[dict], url: str) -> tuple[list[dict], str | None]:
    """A page of them, as `limit` and `cursor` say, and the next one's cursor."""
    query = parse_qs(urlsplit(url).query)
    begin, limit = int(query.get("cursor", ["0"])[0]), int(query.get("limit", ["50"])[0])
    end = begin + limit
    return items[begin:end], str(end) if end < len(items) else None


class Centre:
    """The control centre's routes; what is set here is what they answer next, and `asked` is what they were asked."""

    def __init__(self, page: Page, **more):
        self.status = status()
        self.letters = list(LETTERS)
        self.asked: list[tuple[str, str, object]] = []
        self.more = more
        who = {"ok": True, "actor": "maja", "tenant": "acme", "tenants": [], "anyTenant": False, "scopes": ["connections:read", "connections:write"], "expiresAt": "2099-01-01T00:00:00Z", "local": False}
        self.connections = [{"connection": "acme/doorloop/main", "tenant": "acme", "provider": "doorloop", "name": "main", "displayName": "DoorLoop"}]
        self.alerts = [*ALERTS, RESOLVED]
        self.messages = list(MESSAGES)
        page.route("**/api/auth/session", lambda route: route.fulfill(json=who))
        page.route("**/api/admin/connections/providers", lambda route: route.fulfill(json={"ok": True, "items": [PROVIDER]}))
        page.route("**/api/admin/connections?**", lambda route: route.fulfill(json={"ok": True, "items": self.connections, "hasMore": False, "nextCursor": None}))
        page.route("**/api/admin/sync/logs/stream?**", stream_of)
        page.route(re.compile(r"/api/admin/alerts\?"), self.listed)
        page.route(re.compile(r"/api/admin/alerts/messages(\?.*)?$"), self.sent)
        page.route(re.compile(r"/api/admin/alerts/a\d+$"), lambda route: route.fulfill(json={"ok": True, "alert": self.alert(route.request.url.split("/")[-1]), "history": HISTORY}))
        for path, body in {
            "sync/status": lambda: self.status,
            "sync/runs": lambda: {"ok": True, "runs": RUNS},
            "sync/scheduler": lambda: SCHEDULER,
            "sync/dlq": lambda: {"ok": True, "items": self.letters, "total": len(self.letters), "count": len(self.letters), "more": False},
            "integrations/config": lambda: CONFIG,
        }.items():
            self.route(page, re.escape(path), body)
        for path in ("sync/run", "sync/stop", "sync/dlq/[^?]+", "alerts/[^?]+/acknowledge", "integrations/doorloop/teams/test"):
            self.route(page, path, lambda: {"ok": True})

    def alert(self, id: str) -> dict:
        return next(alert for alert in self.alerts if alert["id"] == id)

    def listed(self, route: Route) -> None:
        is_open = "state=open" in route.request.url
        alerts, cursor = paged([alert for alert in self.alerts if alert["state"] == "open" or not is_open], route.request.url)
        route.fulfill(json={"ok": True, "alerts": alerts, "cursor": cursor})

    def sent(self, route: Route) -> None:
        messages, cursor = paged(self.messages, route.request.url)
        channels = {"most": 5, "told": ["teams/main"], "leftOut": ["teams/second-floor"]}
        route.fulfill(json={"ok": True, "messages": messages, "cursor": cursor, "channels": channels})

    def route(self, page: Page, path: str, body: Callable[[], dict]) -> None:
        page.route(re.compile(rf"/api/admin/{path}(\?.*)?$"), lambda route: self.answer(route, body))

    def answer(self, route: Route, body: Callable[[], dict]) -> None:
        request = route.request
        if request.method != "GET":
            path = request.url.split("/api/admin/")[1]
            self.asked.append((request.method, path, request.post_data_json if request.post_data else None))
            answer = self.more.get(path.split("?")[0], {"ok": True, "count": 1, "failed": 0, "more": False, "cursor": None, "runId": RUN, "stopped": True, "state": "stopping", "message": "done"})
            return route.fulfill(json=answer)
        route.fulfill(json=body())
