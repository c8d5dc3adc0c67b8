"""`standdown events`, on a ledger that the test settles commands in."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from tasks.command import parse
from tasks.event import Event, event_of
from tasks.outcome import Lane, Outcome
from tests.acceptance.fleet import BUCKET, REGION, STANDDOWN, Fleet
from tests.servers.server import free_port
from worker.embedded import Embedded
from worker.ledger.ledger import LedgerRules, RedisLedger
from worker.ledger.patience import Patience
from worker.state import connect_state


class Books:
    """Settles commands as a node would."""

    def __init__(self, server: Embedded) -> None:
        self._state = connect_state(server.state_url)
        self._patience = Patience(threading.Event())

    def settle(
        self,
        job_id: str,
        outcome: Outcome = Outcome.GONE,
        *,
        account: str = "default",
        batch: str | None = None,
    ) -> Event:
        """Give the event that was written for a new command for `job_id`."""
        ledger = RedisLedger(self._state, account, Lane.URGENT, LedgerRules(), self._patience)
        now = datetime.now(UTC)
        raw = {"job_id": job_id, "bucket": BUCKET, "region": REGION, "account": account, "reason": "é\x1b[2J"}
        if batch is not None:
            raw |= {"batch": {"id": batch, "index": 0, "size": 1}}  # type: ignore[dict-item]
        command = parse(raw, now=now)
        ledger.admit(command)
        event = ledger.settle(command, event_of(command, outcome, now=now))[0]
        written_ms = self._now_ms()
        while self._now_ms() == written_ms:  # each in a millisecond of its own: the order is by time
            pass
        return event

    def _now_ms(self) -> int:
        seconds, us = cast("tuple[int, int]", self._state.time())
        return seconds * 1000 + us // 1000

    def close(self) -> None:
        self._state.close()


@pytest.fixture
def books(fleet: Fleet) -> Iterator[Books]:
    """A ledger on the fleet's embedded server."""
    with Embedded.ensure(fleet.folder / "redis") as server:
        books = Books(server)
        yield books
        books.close()


def followed(fleet: Fleet, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*STANDDOWN, "events", "--follow", *arguments],
        env=fleet.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=fleet.folder,
    )


def test_piped_events_are_what_was_written_byte_by_byte(fleet: Fleet, books: Books) -> None:
    """CloudEvents, one a line, oldest first."""
    written = [books.settle(job) for job in ("av1", "av2", "av3")]
    done = fleet.run("events")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"".join(event.to_json() + b"\n" for event in written)


def test_filters(fleet: Fleet, books: Books) -> None:
    """By job, batch and outcome; a batch's completion is its own."""
    books.settle("av1")
    books.settle("av2", Outcome.REFUSED)
    books.settle("av3", batch="b1")

    def subjects(*arguments: str) -> list[str]:
        done = fleet.run("events", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["subject"] for line in done.stdout.splitlines()]

    assert subjects("--job", "av2") == ["av2"]
    assert subjects("--outcome", "refused") == ["av2"]
    assert subjects("--batch", "b1") == ["av3", "b1"]
    assert subjects("--since", "1h") == ["av1", "av2", "av3", "b1"]
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    assert subjects("--since", ahead) == []
    assert subjects("--account", "default", "--job", "nobody") == []


def test_accounts_are_merged_by_time(fleet: Fleet, books: Books) -> None:
    """All that are configured, or the one that was asked for."""
    fleet.env |= {
        "STANDDOWN_ACCOUNTS__LIVE__SECRET_ID": "AKIDx",
        "STANDDOWN_ACCOUNTS__LIVE__SECRET_KEY": "keyx",
    }
    for number, account in enumerate(["default", "live", "default", "live"]):
        books.settle(f"av{number}", account=account)
    told = [json.loads(line) for line in fleet.run("events").stdout.splitlines()]
    assert [event["subject"] for event in told] == ["av0", "av1", "av2", "av3"]
    one = [json.loads(line) for line in fleet.run("events", "--account", "live").stdout.splitlines()]
    assert [event["source"] for event in one] == ["/standdown/live"] * 2


def test_follow_goes_on_with_what_comes(fleet: Fleet, books: Books) -> None:
    """With --since those before come first; each line is there at once; Ctrl-C ends it with 130."""
    books.settle("av1")
    follower = followed(fleet, "--since", "1h")
    assert follower.stdout is not None
    assert follower.stderr is not None
    assert json.loads(follower.stdout.readline())["subject"] == "av1"
    for job in ("av2", "av3"):
        books.settle(job)
        assert json.loads(follower.stdout.readline())["subject"] == job
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=20)
    assert (follower.returncode, out, err) == (130, b"", b"")


def test_a_reader_that_leaves_ends_it_quietly(fleet: Fleet, books: Books) -> None:
    """`| head -1` is no error."""
    for number in range(20):
        books.settle(f"av{number}")
    follower = followed(fleet, "--since", "1h")
    assert follower.stdout is not None
    assert follower.stderr is not None
    follower.stdout.readline()
    follower.stdout.close()
    books.settle("av-last")
    assert follower.wait(20) == 0
    assert follower.stderr.read() == b""
    follower.stderr.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--outcome", "done"],
        ["--account", "other"],
        ["--since", "2026-01-31T12:00:00"],
    ],
)
def test_bad_input_is_exit_2(fleet: Fleet, arguments: list[str]) -> None:
    """A sentence, and nothing is started."""
    done = fleet.run("events", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr
    assert not (fleet.folder / "redis").exists()


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_an_unreachable_ledger_is_exit_4(fleet: Fleet, follow: list[str]) -> None:
    """A sentence, no password."""
    env = {"STANDDOWN_BROKER_URL": f"redis://u:planted@127.0.0.1:{free_port()}/0"}
    done = fleet.run("events", *follow, env=env)
    assert done.returncode == 4
    assert b"cannot be reached" in done.stderr
    assert b"planted" not in done.stderr
