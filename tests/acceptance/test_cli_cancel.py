"""`standdown cancel` as a person or script runs it."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fleet import BUCKET, REGION, STANDDOWN, Fleet
from tests.servers.server import free_port
from worker.embedded import Embedded
from worker.ledger.keys import Keys
from worker.state import connect_state

PLACE = ["--bucket", BUCKET, "--region", REGION]


@pytest.fixture
def embedded(fleet: Fleet) -> Iterator[Embedded]:
    """The embedded server, kept alive between the commands of one test."""
    with Embedded.ensure(fleet.folder / "redis") as server:
        yield server


def accepted(embedded: Embedded, lane: str) -> dict[str, dict[str, Any]]:
    """What the ledger noted as accepted, by command id."""
    with connect_state(embedded.state_url) as state:
        stored: Any = state.hgetall(f"{Keys('default').prefix}accepted:{lane}")
    return {key.decode(): json.loads(text) for key, text in stored.items()}


def lines(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("command", ["cancel", "purge", "batch", "events"])
def test_help_is_quick_and_tells_examples_and_exit_codes(command: str) -> None:
    """--help pays for neither pydantic nor redis."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *STANDDOWN[1:], command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert not {"pydantic", "redis", "celery", "kombu", "rich"} & imported
    assert f"standdown {command} " in run.stdout
    assert "Exit codes:" in run.stdout or command == "batch"


def test_without_a_worker_it_is_enqueued_and_known(fleet: Fleet, embedded: Embedded) -> None:
    """Exit 0, a line of JSON for each command, and the ledger has what the lines say."""
    done = fleet.run(
        "cancel", "av1", "av2", "av1", *PLACE, "--reason", "stream_ended", "--requested-by", "me",
        "--not-after", "30m", "--context", '{"stream": "s1"}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"named more than once" in done.stderr
    told = lines(done.stdout)
    assert [one["job_id"] for one in told] == ["av1", "av2"]
    assert all(one["outcome"] is None and one["lane"] == "urgent" for one in told)
    noted = accepted(embedded, "urgent")
    assert set(noted) == {one["command_id"] for one in told}
    for one in noted.values():
        assert (one["reason"], one["requested_by"], one["context"]) == (
            "stream_ended",
            "me",
            {"stream": "s1"},
        )


def test_what_was_enqueued_survives_the_last_user_of_the_embedded_server(fleet: Fleet) -> None:
    """The command ends, the server with it; the next finds the command still owed."""
    done = fleet.run("cancel", "av1", *PLACE)
    assert done.returncode == 0, done.stderr
    with Embedded.ensure(fleet.folder / "redis") as server:
        assert set(accepted(server, "urgent")) == {lines(done.stdout)[0]["command_id"]}


def test_wait_without_a_worker_times_out_with_a_hint(fleet: Fleet, embedded: Embedded) -> None:
    """Exit 5: the command lives on, and it is said what may be missing."""
    done = fleet.run("cancel", "--wait", "4", "av1", *PLACE)
    assert done.returncode == 5, done.stderr
    assert b"does a worker run?" in done.stderr
    [told] = lines(done.stdout)
    assert told["command_id"].encode() in done.stderr
    assert set(accepted(embedded, "urgent")) == {told["command_id"]}


def test_wait_shows_each_outcome_as_it_comes(fleet: Fleet) -> None:
    """Exit 0 with the API's own JobId and CreationTime; a known command id is answered at once."""
    fleet.start_sandbox()
    fleet.start("worker")
    done = fleet.run("cancel", "av1", *PLACE, "--wait", "--command-id", "stop-1")
    assert done.returncode == 0, done.stderr
    enqueued, ended = lines(done.stdout)
    assert set(enqueued) == set(ended)
    assert (enqueued["outcome"], ended["outcome"], ended["JobId"]) == (None, "cancelled", "av1")
    assert ended["CreationTime"] in json.dumps(fleet.witness("jobs/av1"))
    again = fleet.run("cancel", "av1", *PLACE, "--wait", "--command-id", "stop-1")
    assert (again.returncode, lines(again.stdout)[1]) == (
        0,
        {**ended, "not_after": lines(again.stdout)[0]["not_after"]},
    )
    assert fleet.witness()["requests_total"] == 1


def test_wait_ends_with_1_where_a_job_was_left_alone(fleet: Fleet) -> None:
    """An id that the API refuses is no success for a script."""
    fleet.start_sandbox()
    fleet.start("worker")
    done = fleet.run("cancel", "sandbox-illegal-1", "av1", *PLACE, "--wait")
    assert done.returncode == 1, done.stderr
    ended = {one["job_id"]: one for one in lines(done.stdout) if one["outcome"]}
    assert (ended["sandbox-illegal-1"]["outcome"], ended["av1"]["outcome"]) == ("refused", "cancelled")
    assert ended["sandbox-illegal-1"]["error"]["code"] == "InvalidArgument"


def test_with_one_bad_job_nothing_is_enqueued(fleet: Fleet, embedded: Embedded) -> None:
    """Exit 2, and every problem is told at once."""
    done = fleet.run(
        "cancel", "av1", "no/good", "av é", "--bucket", "BAD", "--region", REGION, "--not-after", "x"
    )
    assert (done.returncode, done.stdout) == (2, b"")
    for part in ("'no/good'", "'av é'", "bucket", "not_after", "nothing was enqueued"):
        assert part in done.stderr.decode()
    assert accepted(embedded, "urgent") == {}


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (["av1", *PLACE, "--account", "other"], {}, "known: default"),
        (["av1", *PLACE], {"STANDDOWN_ALLOWED_BUCKETS": "live-*"}, "allowed buckets"),
        (["av1", *PLACE], {"STANDDOWN_ALLOWED_REGIONS": "ap-shanghai"}, "allowed regions"),
        (["av1", "av2", *PLACE, "--command-id", "x"], {}, "one JOB"),
        (["av1", "--region", REGION], {}, "--bucket"),
        (["av1", *PLACE, "--wait=soon"], {}, "no time"),
        ([*PLACE], {}, "JOB"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_2(
    fleet: Fleet, arguments: list[str], env: dict[str, str], says: str
) -> None:
    """Nothing is started for it, and nothing enqueued."""
    done = fleet.run("cancel", *arguments, env=env)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not (fleet.folder / "redis").exists()


def test_an_unreachable_broker_is_a_sentence_and_exit_4(fleet: Fleet) -> None:
    """It says how many were accepted, and shows no password."""
    url = f"redis://user:planted@127.0.0.1:{free_port()}/0"
    done = fleet.run("cancel", "av1", *PLACE, env={"STANDDOWN_BROKER_URL": url})
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"after 0 commands were accepted" in done.stderr
    assert b"planted" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_broker_that_hangs_up_is_a_sentence_and_exit_4(fleet: Fleet) -> None:
    """Whatever answers there, it is no broker."""
    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]

        def hang_up() -> None:
            while True:
                try:
                    rude.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        done = fleet.run("cancel", "av1", *PLACE, env={"STANDDOWN_BROKER_URL": f"redis://127.0.0.1:{port}/0"})
        rude.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr


def test_bad_settings_are_exit_3(fleet: Fleet, tmp_path: Path) -> None:
    """As with every other command."""
    assert fleet.run("cancel", "av1", *PLACE, env={"STANDDOWN_LIMIT_PER_S": "fast"}).returncode == 3
