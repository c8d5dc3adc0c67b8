"""The main job: a file of job ids goes in, every job is cancelled once, and every event comes out."""

import json
import signal
from datetime import datetime

from tests.acceptance.fleet import BUCKET, REGION, Fleet, until

PLACE = ["--bucket", BUCKET, "--region", REGION]


def _ids(count: int, prefix: str = "av") -> bytes:
    return "".join(f"{prefix}{number:032x}\n" for number in range(count)).encode()


def _settled(fleet: Fleet) -> int:
    return len(fleet.log_lines("command.settled"))


def test_a_purge_of_300_cancels_each_job_once_below_the_limit(fleet: Fleet) -> None:
    """Every job is cancelled once, with the API's own JobId and CreationTime, never over 20 in a second."""
    fleet.start_sandbox()
    fleet.start("worker")
    fleet.wait_for_nodes()
    done = fleet.run("purge", "-", *PLACE, stdin=_ids(300))
    assert done.returncode == 0, done.stderr.decode()

    stats = fleet.witness()
    assert stats["distinct_jobs_cancelled"] == 300
    assert stats["requests_total"] == 300
    assert stats["worst_second_all"] <= 20
    assert stats["average_per_s"] >= 18.5  # between the first and the last arrival

    events = [event for event in fleet.events() if event["type"] == "standdown.job.cancelled.v1"]
    assert len({event["id"] for event in events}) == len(events) == 300
    for event in events[::37]:
        sent = fleet.witness(f"jobs/{event['subject']}")
        assert event["data"]["JobId"] == event["subject"]
        assert event["data"]["CreationTime"] in json.dumps(sent)
        assert datetime.fromisoformat(event["data"]["sent_at"]) >= datetime.fromisoformat(
            event["data"]["requested_at"]
        )
    [last] = [event for event in fleet.events() if event["type"] == "standdown.batch.completed.v1"]
    assert last["data"]["outcomes"] == {"cancelled": 300}


def test_kill_9_of_the_whole_worker_loses_nothing(fleet: Fleet) -> None:
    """After kill -9 of supervisor and nodes in the middle, a new start ends every command as cancelled."""
    fleet.start_sandbox("--finished-answers", "ok")
    worker = fleet.start("worker")
    fleet.wait_for_nodes()
    done = fleet.run("purge", "-", *PLACE, "--no-wait", stdin=_ids(300))
    assert done.returncode == 0, done.stderr.decode()
    until(lambda: fleet.witness()["requests_total"] >= 100, "a third was sent")
    fleet.kill_group(worker)

    fleet.start("worker")
    until(lambda: fleet.witness()["distinct_jobs_cancelled"] == 300, "all jobs are cancelled")
    until(lambda: len({event["id"] for event in fleet.events()}) == 301, "every event, and the batch's")
    outcomes = [event["data"].get("outcome") for event in fleet.events()]
    assert outcomes.count("cancelled") == 300
    stats = fleet.witness()
    assert stats["worst_second_all"] <= 20
    assert stats["requests_total"] <= 300 + 16  # only what was in flight may be sent twice


def test_sigterm_stops_within_the_grace_and_gives_waiting_commands_back(fleet: Fleet) -> None:
    """SIGTERM ends all waits at once with exit code 0, and the next start finishes the purge, each job once."""
    fleet.start_sandbox()
    worker = fleet.start("worker")
    fleet.wait_for_nodes()
    fleet.run("purge", "-", *PLACE, "--no-wait", stdin=_ids(120))
    until(lambda: fleet.witness()["requests_total"] >= 30, "a quarter was sent")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0

    fleet.start("worker")
    until(lambda: fleet.witness()["distinct_jobs_cancelled"] == 120, "all jobs are cancelled")
    assert fleet.witness()["requests_total"] == 120


def test_a_finished_job_costs_no_second_request(fleet: Fleet) -> None:
    """A second command for a cancelled job gets an event of its own, deduplicated, without a request."""
    fleet.start_sandbox()
    fleet.start("worker")
    first = fleet.run("cancel", "av1", *PLACE, "--wait", "--json")
    second = fleet.run("cancel", "av1", *PLACE, "--wait", "--json")
    assert first.returncode == second.returncode == 0, second.stderr.decode()
    assert fleet.witness()["requests_total"] == 1
    events = fleet.events()
    assert [event["data"]["deduplicated"] for event in events] == [False, True]
    assert events[0]["id"] != events[1]["id"]
    assert events[0]["data"]["CreationTime"] == events[1]["data"]["CreationTime"]


def test_no_planted_secret_appears_in_any_output(fleet: Fleet) -> None:
    """Key and token reach no log line, event, error or listing, whatever goes wrong."""
    planted = {
        "TENCENTCLOUD_SECRET_KEY": "plantedSecretKey0123456789",
        "TENCENTCLOUD_TOKEN": "plantedToken/+==",
    }
    fleet.env.update(planted, STANDDOWN_LOG_LEVEL="debug")
    fleet.start_sandbox("--credential", "AKIDother:otherKey")
    fleet.start("worker")
    cancelled = fleet.run("cancel", "av1", *PLACE, "--wait=3")
    until(lambda: fleet.log_lines("attempt.failed"), "an attempt was refused")
    config = fleet.run("config")
    bad = fleet.run("config", env={"STANDDOWN_LIMIT_PER_S": "fast"})
    everything = fleet.output("worker") + "".join(
        (done.stdout + done.stderr).decode()
        for done in (cancelled, config, bad, fleet.run("events", "--json"))
    )
    assert "attempt.failed" in everything
    for secret in planted.values():
        assert secret not in everything
