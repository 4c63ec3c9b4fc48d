"""What is put in place of an answer is like the API: the fields that its description has, and those that it always has."""

import json
from pathlib import Path

import pytest
from stubs_of_pulls import ALERTS, CONFIG, HISTORY, LETTERS, LINES, MESSAGES, RESOLVED, RUNS, SCHEDULER, status

API = json.loads(Path("docs/openapi.json").read_text())["components"]["schemas"]
SEVERITIES, CHANNELS = ("severe", "warning"), ("teams", "alert-webhook")


def unlike(value: object, schema: dict, at: str) -> list[str]:
    """Where a value is not as its description says."""
    if ref := schema.get("$ref"):
        return unlike(value, API[ref.split("/")[-1]], at)
    if parts := schema.get("allOf"):
        return [text for part in parts for text in unlike(value, part, at)]
    if parts := schema.get("oneOf") or schema.get("anyOf"):
        found = [unlike(value, part, at) for part in parts if not (part.get("type") == "null" and value is not None)]
        return min(found, key=len, default=[])
    if isinstance(value, list) and "items" in schema:
        return [text for index, one in enumerate(value) for text in unlike(one, schema["items"], f"{at}[{index}]")]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        wrong = [f"{at}.{name} is none of its fields" for name in value if name not in known]
        wrong += [f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value]
        return wrong + [text for name, one in value.items() if name in known and one is not None for text in unlike(one, known[name], f"{at}.{name}")]
    return []


@pytest.mark.parametrize(
    ("schema", "answers"),
    [
        ("AlertView", [*ALERTS, RESOLVED]),
        ("TransitionView", HISTORY),
        ("MessageView", MESSAGES),
        ("LogLineView", LINES),
        ("SyncStatusView", [status(), status(running=False)]),
        ("SyncRunsView", [{"ok": True, "runs": RUNS}]),
        ("IntegrationsConfigView", [CONFIG]),
        ("PullScheduleView", [SCHEDULER]),
        ("SetAsideView", [{"ok": True, "items": LETTERS, "total": 2, "count": 2, "more": False}]),
    ],
)
def test_an_answer_is_as_the_api_has_it(schema, answers):
    assert not [text for answer in answers for text in unlike(answer, {"$ref": schema}, schema)]


def test_words_are_those_of_the_api():
    assert {alert["severity"] for alert in ALERTS} <= {*SEVERITIES}
    assert {message["channel"].split("/")[0] for message in MESSAGES} <= {*CHANNELS}
