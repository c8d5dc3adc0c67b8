"""`standdown purge` and `standdown batch`, as a person or script runs them."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.fleet import BUCKET, REGION, STANDDOWN, Fleet, until
from tests.servers.server import free_port
from worker.embedded import Embedded
from worker.ledger.history import History
from worker.ledger.keys import Keys
from worker.state import connect_state

PLACE = ["--bucket", BUCKET, "--region", REGION]


@pytest.fixture
def embedded(fleet: Fleet) -> Iterator[Embedded]:
    """The embedded server, kept alive between the commands of one test."""
    with Embedded.ensure(fleet.folder / "redis") as server:
        yield server


def accepted(embedded: Embedded) -> dict[str, dict[str, Any]]:
    """What the ledger noted as accepted in the bulk lane, by command id."""
    with connect_state(embedded.state_url) as state:
        stored: Any = state.hgetall(f"{Keys('default').prefix}accepted:bulk")
    return {key.decode(): json.loads(text) for key, text in stored.items()}


def ids(count: int) -> bytes:
    return "".join(f"av{number:032x}\n" for number in range(count)).encode()


def started(fleet: Fleet, *arguments: str) -> "subprocess.Popen[bytes]":
    """A command whose output can be read while it runs."""
    return subprocess.Popen(
        [*STANDDOWN, *arguments],
        env=fleet.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=fleet.folder,
    )


@pytest.mark.parametrize(
    ("data", "arguments", "says"),
    [
        (b"", PLACE, "stdin holds no job ids"),
        (b"# only this\n\n", PLACE, "stdin holds no job ids"),
        (b"av1\n" + b"x" * 1_000_000 + b"\nav3\n", PLACE, "line 2: is longer than 65536 bytes"),
        (b"av1\nno/good\nav 3\n", PLACE, "stdin has 2 bad lines, nothing was enqueued"),
        (b"av1\nav\xff\n", PLACE, "line 2: is not UTF-8"),
        (b"av1\n", ["--region", REGION], "names no bucket: give --bucket"),
        (b"av1\n", ["--region", REGION, "--bucket", "BAD"], "bucket must match"),
        (b"av1\n", [*PLACE, "--account", "other"], "known: default"),
        (b"av1\n", [*PLACE, "--batch-id", "no good"], "--batch-id must match"),
        (b"av1\n", [*PLACE, "--not-after", "2020-01-01T00:00:00Z"], "has passed already"),
        (b"no/good\n", [*PLACE, "--skip-bad"], "stdin holds no job ids"),
        (b'{"job_id":"av1","region":"X"}\n', PLACE, "line 1: region must match"),
    ],
)
def test_bad_input_is_told_with_its_line_and_exit_2(
    fleet: Fleet, data: bytes, arguments: list[str], says: str
) -> None:
    """Nothing is started for it, and nothing enqueued."""
    done = fleet.run("purge", "-", *arguments, stdin=data)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 400
    assert not (fleet.folder / "redis").exists()


def test_a_file_that_cannot_be_read_is_a_sentence_and_exit_2(fleet: Fleet) -> None:
    """Missing, or a folder."""
    missing = fleet.run("purge", "missing.txt", *PLACE)
    assert (missing.returncode, missing.stderr) == (
        2,
        b"standdown: missing.txt cannot be read: No such file or directory\n",
    )
    assert fleet.run("purge", ".", *PLACE).returncode == 2


def test_only_the_first_problems_are_listed_and_all_counted(fleet: Fleet) -> None:
    """A thousand bad lines do not fill the screen."""
    done = fleet.run("purge", "-", *PLACE, stdin=b"no/good\n" * 1000)
    told = done.stderr.decode().splitlines()
    assert "1000 bad lines" in told[0]
    assert len(told) == 22
    assert told[-1].strip() == "… and 980 more"


def test_skip_bad_goes_on_and_duplicates_are_dropped(fleet: Fleet, embedded: Embedded) -> None:
    """Both are told with their lines, and counted in the summary."""
    done = fleet.run(
        "purge", "-", *PLACE, "--skip-bad", "--no-wait", "--json", "--reason", "incident-42",
        stdin=b"\xef\xbb\xbfav1\r\nno/good\r\nav2\r\nav1\r\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["size"], summary["duplicates"], summary["skipped"]) == (2, 1, 1)
    assert b"line 4: av1 stands on line 1 already" in done.stderr
    noted = accepted(embedded)
    assert sorted(one["job_id"] for one in noted.values()) == ["av1", "av2"]
    for one in noted.values():
        assert (one["reason"], one["batch"]["id"]) == ("incident-42", summary["batch_id"])
        assert one["batch"]["size"] == 2


def test_dry_run_tells_the_end_and_touches_nothing(fleet: Fleet) -> None:
    """The estimate is that of the limit in force, and says what would expire."""
    run = ["purge", "-", *PLACE, "--dry-run", "--not-after", "10s"]
    env = {"STANDDOWN_LIMIT_PER_S": "10", "STANDDOWN_BROKER_URL": f"redis://127.0.0.1:{free_port()}"}
    done = fleet.run(*run, "--json", stdin=ids(1000) + b"av0\nav0\n", env=env)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["size"], told["duplicates"], told["dry_run"]) == (1001, 1, True)
    assert told["rate_per_s"] == pytest.approx(9.8, abs=0.01)
    assert told["duration_s"] == pytest.approx(102.1, abs=0.1)
    assert told["expiring"] == 1001 - 98
    assert b"would expire" in done.stderr
    plain = fleet.run(*run, stdin=ids(10), env=env).stdout.decode()
    assert "would cancel 10 jobs" in plain
    assert "nothing was enqueued" in plain


def test_an_unreachable_broker_is_a_sentence_and_exit_4(fleet: Fleet) -> None:
    """It says that nothing was enqueued, and shows no password."""
    url = f"redis://user:planted@127.0.0.1:{free_port()}/0"
    done = fleet.run("purge", "-", *PLACE, stdin=ids(3), env={"STANDDOWN_BROKER_URL": url})
    assert done.returncode == 4
    assert b"Nothing was enqueued" in done.stderr
    assert b"planted" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_hundred_thousand_are_enqueued_in_seconds(fleet: Fleet, embedded: Embedded) -> None:
    """The largest purge that is promised."""
    began_s = time.monotonic()
    done = fleet.run("purge", "-", *PLACE, "--no-wait", "--batch-id", "big", stdin=ids(100_000))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began_s < 30  # 4 s on two idle cores
    with connect_state(embedded.state_url) as state:
        assert state.llen("standdown.default.bulk") == 100_000


def test_ctrl_c_while_enqueueing_says_what_to_do_and_the_same_again_completes_it(
    fleet: Fleet, embedded: Embedded
) -> None:
    """Exit 130; the second run with the same batch id makes the same commands, each once in the ledger."""
    (fleet.folder / "ids.txt").write_bytes(ids(100_000))
    run = ["purge", "ids.txt", *PLACE, "--batch-id", "again", "--no-wait"]
    first = started(fleet, *run)
    with connect_state(embedded.state_url) as state:
        until(lambda: state.llen("standdown.default.bulk") >= 2000, "the enqueueing began")
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert (first.returncode, out) == (130, b"")
    said = re.search(rb"at least (\d+) of 100000 commands are enqueued", err)
    assert said, err
    assert 0 < int(said[1]) < 100_000
    assert b"--batch-id again" in err
    assert b"standdown batch abort again" in err
    assert len(accepted(embedded)) >= int(said[1])

    second = fleet.run(*run)
    assert second.returncode == 0, second.stderr
    noted = accepted(embedded)
    assert len(noted) == len({one["batch"]["index"] for one in noted.values()}) == 100_000

    other = fleet.run("purge", "-", *PLACE, "--batch-id", "again", "--no-wait", stdin=ids(3))
    assert other.returncode == 2
    assert b"was opened with 100000 commands, this file has 3" in other.stderr


def test_ctrl_c_while_watching_leaves_the_purge_running(fleet: Fleet, embedded: Embedded) -> None:
    """Exit 130, and it is said how to look at it again; another watch then sees the end."""
    purge = started(fleet, "purge", "-", *PLACE, "--batch-id", "b1")
    assert purge.stdin is not None
    purge.stdin.write(ids(40))
    purge.stdin.close()
    with connect_state(embedded.state_url) as state:
        until(lambda: state.llen("standdown.default.bulk") == 40, "all is enqueued")
    # Its first look at the batch follows within milliseconds; without a worker the hint tells that it watches.
    assert purge.stderr is not None
    for line in purge.stderr:
        if b"does a worker run" in line:
            break
    purge.send_signal(signal.SIGINT)
    assert purge.wait(10) == 130
    assert b"standdown batch watch b1" in purge.stderr.read()
    purge.stderr.close()

    fleet.start_sandbox()
    fleet.start("worker")
    watched = fleet.run("batch", "watch", "b1", "--json")
    assert watched.returncode == 0, watched.stderr
    assert json.loads(watched.stdout)["outcomes"]["cancelled"] == 40
    shown = fleet.run("batch", "show", "b1")
    assert shown.stdout == b"batch b1: 40 of 40 done: 40 cancelled\n"
    repeated = fleet.run("purge", "-", *PLACE, "--batch-id", "b1", stdin=ids(40))
    assert b"complete already, nothing was enqueued" in repeated.stderr
    assert fleet.witness()["requests_total"] == 40


def test_a_purge_tells_its_end_piped(fleet: Fleet) -> None:
    """One plain summary line on stdout, no colours; exit 1 where a job was left alone."""
    fleet.start_sandbox()
    fleet.start("worker")
    done = fleet.run(
        "purge", "-", *PLACE, stdin=b"sandbox-illegal-1\nav1\nsandbox-unknown-1\n", env={"FORCE_COLOR": "1"}
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(
        r"batch purge-\S+: 3 of 3 done in \d+ s: 1 cancelled, 1 gone, 1 refused\n", done.stdout.decode()
    )
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_terminal_gets_a_bar(fleet: Fleet) -> None:
    """Progress, rate and outcomes on stderr; the summary last."""
    fleet.start_sandbox()
    fleet.start("worker")
    (fleet.folder / "ids.txt").write_bytes(ids(30))
    ours, theirs = pty.openpty()
    purge = subprocess.Popen(
        [*STANDDOWN, "purge", "ids.txt", *PLACE],
        env={**fleet.env, "TERM": "xterm", "COLUMNS": "120"},
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=fleet.folder,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert purge.wait(10) == 0, said
    assert "━" in said.decode()
    assert b"settled" in said
    assert b"30 of 30 done" in said.splitlines()[-1]


def test_abort_ends_what_was_not_sent(fleet: Fleet, embedded: Embedded) -> None:
    """It says that what is in flight completes; the watch shows the end, exit 1, and nothing more is sent."""
    fleet.run("purge", "-", *PLACE, "--batch-id", "b1", "--no-wait", stdin=ids(30))
    aborted = fleet.run("batch", "abort", "b1", "--json")
    assert aborted.returncode == 0, aborted.stderr
    assert json.loads(aborted.stdout)["aborted"] is True
    assert b"in flight still completes" in aborted.stderr
    refused = fleet.run("purge", "-", *PLACE, "--batch-id", "b1", stdin=ids(30))
    assert refused.returncode == 2
    assert b"was aborted" in refused.stderr

    fleet.start_sandbox()
    fleet.start("worker")
    watched = fleet.run("batch", "watch", "b1")
    assert watched.returncode == 1, watched.stderr
    assert watched.stdout == b"batch b1 (aborted): 30 of 30 done: 30 aborted\n"
    assert fleet.witness()["requests_total"] == 0
    again = fleet.run("batch", "abort", "b1")
    assert (again.returncode, b"nothing is left to abort" in again.stderr) == (0, True)
    with connect_state(embedded.state_url) as state:
        assert {event.data.batch_id for _, event in History(state, "default").events()} == {"b1"}


@pytest.mark.parametrize("verb", ["show", "watch", "abort"])
def test_an_unknown_batch_is_a_sentence_and_exit_2(fleet: Fleet, verb: str) -> None:
    """Every verb says so."""
    done = fleet.run("batch", verb, "nope")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"knows no batch 'nope'" in done.stderr


def test_batch_show_counts_as_it_goes(fleet: Fleet, embedded: Embedded) -> None:
    """Size and rate before anything was settled."""
    fleet.run("purge", "-", *PLACE, "--batch-id", "b1", "--no-wait", stdin=ids(5))
    done = fleet.run("batch", "show", "b1", "--json")
    shown = json.loads(done.stdout)
    assert (shown["size"], shown["done"], shown["complete"], shown["aborted"]) == (5, 0, False, False)
    unreachable = {"STANDDOWN_BROKER_URL": f"redis://127.0.0.1:{free_port()}"}
    assert fleet.run("batch", "show", "b1", env=unreachable).returncode == 4
