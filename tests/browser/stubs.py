"""Answers of the documented JSON routes, as older tests of these pages put them in their place."""

import json

from playwright.sync_api import Page, Route

REGISTRY = "**/api/catalog/vendor-sync/registry"
WINDOW = "**/api/catalog/vendor-sync/observability**"


def counts(total: int, created: int = 0, updated: int = 0) -> dict:
    return {"total": total, "created": created, "updated": updated, "removed": 0, "unchanged": total - created - updated}


def run(id: str, started: str, status: str = "success", **more) -> dict:
    return {
        "id": id,
        "vendor": "moscot",
        "status": status,
        "actor": "maja",
        "dryRun": False,
        "sourcePath": "s3://catalogs/2024/moscot.catalog.json",
        "startedAt": started,
        "completedAt": started,
        "finishedAt": started,
        "durationMs": 312_000,
        "counts": counts(127, 2, 4),
        "metrics": counts(127, 2, 4),
        "hash": "9f2c41d07b6ae02c8814d5f0a3c6b91e",
        "error": None,
        "metadata": {"trigger": "manual", "status": "Success"},
        "updatedAt": started,
        **more,
    }


RUNS = [
    run("r3", "2024-06-07T08:00:00.000Z"),
    run("r2", "2024-06-06T08:00:00.000Z", dryRun=True, durationMs=532, actor=None, hash=None, sourcePath=None),
    run(
        "r1",
        "2024-06-05T08:00:00.000Z",
        "error",
        durationMs=3_843_000,
        error="the catalogue lacks 60 of 127 items",
        metadata={"errorCode": "removals_refused", "trigger": "schedule"},
    ),
]


def window(runs: list | None = None, **more) -> dict:
    runs = RUNS if runs is None else runs
    of = lambda status: sum(run["status"] == status for run in runs)
    return {
        "ok": True,
        "data": {
            "vendorId": "moscot",
            "range": {"start": "2024-06-01T00:00:00.000Z", "end": "2024-06-07T23:59:59.999Z"},
            "pageSize": 25,
            "totalRuns": len(runs),
            "counts": {"success": of("success"), "error": of("error"), "running": of("running")},
            "latestRunAt": runs[0]["startedAt"] if runs else None,
            "hasMore": False,
            "nextCursor": None,
            "runs": runs,
            **more,
        },
    }


VENDOR = {
    "id": "moscot",
    "slug": "moscot",
    "name": "MOSCOT",
    "createdAt": None,
    "updatedAt": None,
    "integration": {
        "id": "moscot-integration",
        "type": "SCRAPER",
        "scraperPath": "moscot.catalog.json",
        "apiBaseUrl": None,
        "apiAuthType": None,
        "apiKey": None,
        "lastTestAt": "2024-06-07T08:00:00.000Z",
        "lastTestOk": True,
        "error": None,
        "meta": {"sourcePath": "moscot.catalog.json", "totalItems": 127},
        "createdAt": None,
        "updatedAt": None,
    },
    "state": None,
}


def answer(page: Page, path: str, body: dict, status: int = 200) -> None:
    """Puts an answer in place of a route's."""

    def fulfil(route: Route) -> None:
        headers = {"content-type": "application/json", "x-correlation-id": "1-670d1cb2-91f0aa73e4"}
        route.fulfill(status=status, headers=headers, body=json.dumps(body))

    page.route(path, fulfil)
