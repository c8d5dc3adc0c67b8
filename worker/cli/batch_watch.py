"""Watches a batch until it is complete: a loop over its counts, and two ways to show them.

The counts are read, never the events: a look costs the same for ten commands and for a million.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

from worker.cli.batch_text import all_ended_well, command_line, outcomes_text, progress_line
from worker.cli.exit_code import ExitCode
from worker.cli.moment import duration_text
from worker.cli.output import note
from worker.cli.pace import Pace
from worker.cli.problem import Problem
from worker.ledger.history import BatchCount, History
from worker.ledger.patience import Patience

LOOK_EVERY_S = 0.5
LINE_EVERY_S = 5.0
QUIET_S = 5.0
"""After so long without a settled command it is said what to look at."""
HINT = "nothing was settled for a while: does a worker run for this account's bulk lane? (standdown worker)"

T = TypeVar("T")


class Display(Protocol):
    """Where a purge or watch is shown."""

    def enqueueing(self, commands: Iterable[T], size: int) -> Iterator[T]: ...

    def show(self, count: BatchCount, pace: Pace, now_s: float) -> None: ...

    def hint(self, sentence: str) -> None: ...


class Lines:
    """For a log or a pipe: a line on stderr every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + LINE_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def enqueueing(self, commands: Iterable[T], size: int) -> Iterator[T]:
        """Pass the commands on, telling how many from time to time."""
        for number, command in enumerate(commands):
            if number % 1000 == 0 and self._due(self._clock()):
                note(f"{number} of {size} enqueued")
            yield command

    def show(self, count: BatchCount, pace: Pace, now_s: float) -> None:
        if not count.complete and self._due(now_s):
            note(progress_line(count, pace.per_s, pace.left_s(count.size - count.done)))

    def hint(self, sentence: str) -> None:
        note(sentence)

    def _due(self, now_s: float) -> bool:
        if now_s < self._next_s:
            return False
        self._next_s = now_s + LINE_EVERY_S
        return True


class Bars:
    """For a terminal: a progress bar on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[tells]}", markup=False),
            console=Console(stderr=True),
        )
        self._enqueued = self._progress.add_task("enqueued ", total=None, visible=False, tells="")
        self._settled = self._progress.add_task("settled  ", total=None, visible=False, tells="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def enqueueing(self, commands: Iterable[T], size: int) -> Iterator[T]:
        """Pass the commands on, the bar growing."""
        self._progress.update(self._enqueued, total=size, visible=True)
        number = 0
        for number, command in enumerate(commands, 1):
            yield command
            if number % 1000 == 0:
                self._progress.update(self._enqueued, completed=number)
        self._progress.update(self._enqueued, completed=number)

    def show(self, count: BatchCount, pace: Pace, now_s: float) -> None:
        rate, left_s = pace.per_s, pace.left_s(count.size - count.done)
        tells = [
            f"{rate:.1f}/s" if rate is not None else "",
            f"{duration_text(left_s)} left" if left_s is not None and not count.complete else "",
            outcomes_text(count.outcomes),
            "aborted" if count.aborted else "",
        ]
        self._progress.update(
            self._settled,
            total=count.size,
            completed=count.done,
            visible=True,
            tells="  ".join(one for one in tells if one),
        )

    def hint(self, sentence: str) -> None:
        self._progress.console.print(sentence, style="yellow", markup=False, highlight=False)


def display() -> Lines | Bars:
    """The display that fits stderr."""
    return Bars() if sys.stderr.isatty() else Lines()


def watch(
    look: Callable[[], BatchCount | None],
    shown: Display,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> BatchCount | None:
    """The batch as it is once complete; None where it is no longer known."""
    pace, done, moved_s = Pace(), -1, clock()
    while True:
        count, now_s = look(), clock()
        if count is None:
            return None
        pace.note(now_s, count.done)
        shown.show(count, pace, now_s)
        if count.complete:
            return count
        if count.done != done:
            done, moved_s = count.done, now_s
        elif now_s - moved_s >= QUIET_S:
            shown.hint(HINT)
            moved_s = float("inf")  # said once, until something moves again
        sleep(LOOK_EVERY_S)


def watch_to_the_end(history: History, batch_id: str, account: str, shown: Display) -> BatchCount:
    """Watch until the batch is complete, through a ledger that goes away and comes back."""
    patience = Patience(threading.Event())
    try:
        count = watch(lambda: patience.until_answered(lambda: history.batch(batch_id)), shown)
    except KeyboardInterrupt:
        raise Problem(
            f"batch {batch_id} goes on without you. {command_line('watch', batch_id, account)} shows it again, "
            f"{command_line('abort', batch_id, account)} stops it",
            ExitCode.INTERRUPTED,
        ) from None
    if count is None:
        raise Problem(f"batch {batch_id} is no longer known: it ended too long ago", ExitCode.BAD_INPUT)
    return count


def end_with(count: BatchCount) -> None:
    """End with NOT_CANCELLED where some command of a batch was refused, expired or aborted."""
    if not all_ended_well(count):
        sys.exit(ExitCode.NOT_CANCELLED)
