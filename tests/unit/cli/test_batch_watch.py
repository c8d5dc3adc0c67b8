"""Watching a batch: the loop, with a clock of its own, and what is said of a batch."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from tasks.outcome import Outcome
from worker.cli.batch_text import (
    all_ended_well,
    average_per_s,
    batch_json,
    command_line,
    progress_line,
    summary_line,
)
from worker.cli.batch_watch import HINT, LINE_EVERY_S, QUIET_S, Lines, watch
from worker.cli.pace import Pace
from worker.ledger.history import BatchCount

T = TypeVar("T")


def count(done: int, size: int = 100, *, stopped: bool = False, **outcomes: int) -> BatchCount:
    told = {Outcome(name): number for name, number in outcomes.items()}
    return BatchCount(
        "b1", size, done, stopped, "2026-01-31T12:00:00.000+00:00", told or {Outcome.CANCELLED: done}
    )


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


class Shown:
    def __init__(self) -> None:
        self.done: list[int] = []
        self.hints: list[str] = []

    def enqueueing(self, commands: Iterable[T], size: int) -> Iterator[T]:
        yield from commands

    def show(self, count: BatchCount, pace: Pace, now_s: float) -> None:
        self.done.append(count.done)

    def hint(self, sentence: str) -> None:
        self.hints.append(sentence)


def test_watching_ends_when_the_batch_is_complete() -> None:
    """Every look is shown, the last one too."""
    clock, shown, looks = Clock(), Shown(), iter([count(0), count(50), count(100), count(100)])
    assert watch(lambda: next(looks), shown, clock=clock, sleep=clock.sleep) == count(100)
    assert shown.done == [0, 50, 100]
    assert shown.hints == []


def test_quiet_is_told_once_until_something_moves() -> None:
    """A purge without a worker says so, and does not say it all the time."""
    clock, shown = Clock(), Shown()
    moves_s = 4 * QUIET_S

    def look() -> BatchCount:
        if clock() < moves_s:
            return count(0)
        return count(1) if clock() < 2 * moves_s else count(100)

    watch(look, shown, clock=clock, sleep=clock.sleep)
    assert shown.hints == [HINT, HINT]


def test_a_forgotten_batch_ends_the_watching() -> None:
    """The ledger forgets a batch a day after its end."""
    assert watch(lambda: None, Shown()) is None


def test_lines_come_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets a line every 5 s on stderr, and nothing on stdout."""
    clock = Clock()
    watch(
        lambda: count(min(100, int(clock() * 5))), Lines(clock), clock=clock, sleep=clock.sleep
    )  # complete after 20 s
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 20 / LINE_EVERY_S - 1
    assert "25 of 100 (25.0 %), 5.0/s, 15 s left, 25 cancelled" in told.err.splitlines()[0]


def test_what_is_said_of_a_batch() -> None:
    """Rate and time left only where they are known; outcomes in their order."""
    assert progress_line(count(0), None, None) == "batch b1: 0 of 100 (0.0 %)"
    assert (
        summary_line(count(100, gone=2, cancelled=98), 5.2)
        == "batch b1: 100 of 100 done in 5 s: 98 cancelled, 2 gone"
    )
    assert summary_line(count(0, stopped=True)) == "batch b1 (aborted): 0 of 100 done: none settled yet"


def test_json_has_every_outcome() -> None:
    """Scripts need not ask whether a key is there."""
    told = batch_json("default", count(3, cancelled=3), duplicates=1)
    assert told["outcomes"] == {"cancelled": 3, "gone": 0, "refused": 0, "expired": 0, "aborted": 0}
    assert (told["complete"], told["duplicates"]) == (False, 1)


@pytest.mark.parametrize(
    ("outcomes", "well"),
    [
        ({"cancelled": 1, "gone": 1}, True),
        ({"refused": 1}, False),
        ({"expired": 1}, False),
        ({"aborted": 1}, False),
    ],
)
def test_only_cancelled_and_gone_end_well(outcomes: dict[str, int], well: bool) -> None:
    """Anything else left a job alone: exit code 1."""
    assert all_ended_well(count(1, 1, **outcomes)) is well


def test_the_average_is_told_while_the_batch_runs() -> None:
    """After its end nobody knows how long it took."""
    now = datetime(2026, 1, 31, 12, 0, 10, tzinfo=UTC)
    assert average_per_s(count(50), now) == 5.0
    assert average_per_s(count(100), now) is None


def test_the_account_is_in_the_command_line_where_it_must_be() -> None:
    """What is shown can be copied."""
    assert command_line("watch", "b1", "default") == "standdown batch watch b1"
    assert command_line("abort", "b1", "live") == "standdown batch abort b1 --account live"
