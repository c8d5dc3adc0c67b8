"""What goes wrong around a command, and what becomes of the command: real nodes, the sandbox misbehaving."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from tests.acceptance.fleet import BUCKET, REGION, Fleet, until
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

PLACE = ["--bucket", BUCKET, "--region", REGION]
PROPERTIES = {"delivery_tag": "tag", "delivery_info": {"exchange": "", "routing_key": "q"}}
DEAD = "standdown:{default}:dead"


def _state(fleet: Fleet) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(next((fleet.folder / "redis").rglob("*.sock"))))


def _ended(fleet: Fleet, job_id: str) -> dict[str, Any]:
    """The event of a job's first command, once it ended."""

    def event() -> dict[str, Any] | None:
        return next((event for event in fleet.events() if event["subject"] == job_id), None)

    found = until(event, f"{job_id} ended")
    assert found is not None
    data: dict[str, Any] = found["data"]
    return data


@pytest.fixture
def nodes(fleet: Fleet) -> Fleet:
    """Both nodes of the default account, at 50 requests a second, and a sandbox that allows them."""
    fleet.env["STANDDOWN_LIMIT_PER_S"] = "50"
    fleet.start_sandbox("--limit-per-s", "50", "--hang-s", "2")
    fleet.env["STANDDOWN_API_READ_TIMEOUT_S"] = "1"
    fleet.start("worker")
    fleet.wait_for_nodes()
    return fleet


def test_a_wrong_key_holds_the_account_and_loses_no_command(nodes: Fleet) -> None:
    """No command ends while the key is refused; once it is right all are done, without a restart."""
    nodes.tell_sandbox("credentials", credentials=[{"secret_id": "AKIDother", "secret_key": "other"}])
    ids = "".join(f"av{number}\n" for number in range(200)).encode()
    assert nodes.run("purge", "-", *PLACE, "--no-wait", stdin=ids).returncode == 0
    until(lambda: b"on hold" in nodes.run("limit", "default").stdout, "the account is held")
    assert nodes.events() == []

    credential = {"secret_id": SANDBOX_SECRET_ID, "secret_key": SANDBOX_SECRET_KEY}
    nodes.tell_sandbox("credentials", credentials=[credential])
    until(lambda: nodes.witness()["distinct_jobs_cancelled"] == 200, "all are cancelled", timeout_s=120)
    assert _state(nodes).hlen(DEAD) == 0
    assert b"on hold" not in nodes.run("limit", "default").stdout


def test_an_api_that_is_away_is_probed_and_not_flooded(nodes: Fleet) -> None:
    """While the API answers nothing only probes are sent; when it is back the waiting commands are done."""
    nodes.tell_sandbox("down", down="reset")
    ids = "".join(f"av{number}\n" for number in range(100)).encode()
    nodes.run("purge", "-", *PLACE, "--no-wait", stdin=ids)
    until(lambda: b"only probes" in nodes.run("limit", "default").stdout, "the gate is closed")
    before = nodes.witness()["requests_total"]
    nodes.tell_sandbox("down", down=False)
    until(lambda: nodes.witness()["distinct_jobs_cancelled"] == 100, "all are cancelled", timeout_s=120)
    assert before < 60  # sixteen threads a node, a few tries each: not a request per command and slot
    outcomes = [event["data"].get("outcome") for event in nodes.events()]
    assert outcomes.count("cancelled") == 100


def test_a_reset_after_the_request_took_effect_is_told_truthfully(nodes: Fleet) -> None:
    """The job is gone at the second attempt, and the event says that the first may have ended it."""
    nodes.run("cancel", "sandbox-applied-resetx1-a", *PLACE)
    data = _ended(nodes, "sandbox-applied-resetx1-a")
    assert (data["outcome"], data["attempts"], data["uncertain_attempts"]) == ("gone", 2, 1)


def test_an_answer_nobody_documented_is_settled_by_asking_for_the_job(nodes: Fleet) -> None:
    """An ended job is gone; one that still runs is refused, and kept for a person."""
    nodes.run("cancel", "sandbox-conflict-a", "sandbox-teapot-b", *PLACE)
    assert _ended(nodes, "sandbox-conflict-a")["outcome"] == "gone"
    refused = _ended(nodes, "sandbox-teapot-b")
    assert refused["outcome"] == "refused"
    assert refused["error"]["http_status"] == 418
    assert _state(nodes).hlen(DEAD) == 1


def test_a_200_that_cannot_be_read_is_accepted_unconfirmed(nodes: Fleet) -> None:
    """Broken and truncated XML of an accepted cancel never become a failure."""
    nodes.run("cancel", "sandbox-brokenxml-a", "sandbox-truncated-b", *PLACE)
    for job_id in ("sandbox-brokenxml-a", "sandbox-truncated-b"):
        data = _ended(nodes, job_id)
        assert (data["outcome"], data["confirmed"]) == ("cancelled", False)


def test_a_failing_answer_is_retried_until_it_works(nodes: Fleet) -> None:
    """Two 500s and then a 200 end as cancelled, with three attempts."""
    nodes.run("cancel", "sandbox-500x2-a", *PLACE)
    data = _ended(nodes, "sandbox-500x2-a")
    assert (data["outcome"], data["attempts"]) == ("cancelled", 3)


def test_a_command_expires_when_its_time_is_over(nodes: Fleet) -> None:
    """A command that never got through ends as expired soon after its deadline, with a dead letter."""
    nodes.run("cancel", "sandbox-500-a", *PLACE, "--not-after", "4s")
    assert _ended(nodes, "sandbox-500-a")["outcome"] == "expired"
    assert _state(nodes).hlen(DEAD) == 1


def _envelope(body: str, **changes: Any) -> str:
    message: dict[str, Any] = {
        "body": body,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "standdown.cancel", "id": f"id-{abs(hash(body + str(changes)))}"},
        "properties": {
            "delivery_tag": f"tag-{abs(hash(body + str(changes)))}",
            "delivery_info": {"exchange": "", "routing_key": "q"},
        },
    }
    return json.dumps({**message, **changes})


GOOD = {"job_id": "av1", "bucket": BUCKET, "region": REGION}
RUBBISH: dict[str, str | bytes] = {
    "undecodable bytes": b"\xff\xfe\x00rubbish",
    "no json": "{",
    "json that is no message": "[1, 2, 3]",
    "a null": "null",
    "deeply nested": "[" * 100_000,
    "no headers": _envelope("[[], {}, {}]", headers={}),
    "unknown task": _envelope("[[], {}, {}]", headers={"task": "celery.ping", "id": "a"}),
    "wrong content type": _envelope("[[], {}, {}]", **{"content-type": "application/x-python-serialize"}),
    "no command": _envelope("[[], {}, {}]"),
    "unknown field": _envelope(json.dumps([[], {**GOOD, "colour": "red"}, {}])),
    "positional arguments": _envelope(json.dumps([["av1"], {}, {}])),
    "a 5 MB body": _envelope(json.dumps([[], {**GOOD, "reason": "x" * 5_000_000}, {}])),
    "body not base64": _envelope("%%%", properties={**PROPERTIES, "body_encoding": "base64"}),
    "another account": _envelope(json.dumps([[], {**GOOD, "account": "other"}, {}])),
}  # fmt: skip


def test_rubbish_becomes_dead_letters_and_the_node_lives_on(nodes: Fleet) -> None:
    """Each kind of rubbish is kept with a reason, none ends a node, and the next command is served."""
    state = _state(nodes)
    for item in RUBBISH.values():
        state.lpush("standdown.default.urgent", item)
    until(lambda: state.hlen(DEAD) == len(RUBBISH), f"{len(RUBBISH)} dead letters, got {state.hlen(DEAD)}")
    nodes.run("cancel", "av7", *PLACE)
    assert _ended(nodes, "av7")["outcome"] == "cancelled"
    assert len(nodes.log_lines("node.ready")) == 2
    assert not nodes.log_lines("node.ended")
    letters: list[Any] = [json.loads(letter) for letter in state.hvals(DEAD)]  # type: ignore[union-attr]
    assert all(letter["event"]["data"]["error"]["message"] for letter in letters)


def test_plain_json_on_the_inbox_is_a_command(nodes: Fleet) -> None:
    """Producers in any language push one JSON object; rubbish beside it becomes a dead letter."""
    state = _state(nodes)
    until_s = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    state.lpush("standdown.inbox", json.dumps({**GOOD, "job_id": "av8", "not_after": until_s}), "{", b"\xff")
    assert _ended(nodes, "av8")["outcome"] == "cancelled"
    until(lambda: state.hlen(DEAD) == 2, "two dead letters")
    assert state.llen("standdown.inbox") == state.llen("standdown:inbox:taking") == 0
