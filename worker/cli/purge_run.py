"""Carries a purge out: the batch opened, its commands enqueued, then watched."""

import time
from datetime import UTC, datetime

import click

from settings import Settings
from tasks.command import CancelCommand
from tasks.door import Door, UnreachableError
from worker.cli.batch_text import all_ended_well, batch_json, command_line, summary_line
from worker.cli.batch_watch import Bars, Lines, display, end_with, watch_to_the_end
from worker.cli.exit_code import ExitCode
from worker.cli.interrupt import interrupted_between
from worker.cli.moment import duration_text, moment_text
from worker.cli.output import note, write_json
from worker.cli.pace import Estimate
from worker.cli.problem import Problem
from worker.cli.purge_batch import BatchCommands, Collected, new_batch_id
from worker.cli.reach import history_and_door, reached
from worker.ledger.history import BatchCount, History


class Purge:
    """One purge, its file already read. `common` holds the fields of every command."""

    def __init__(
        self,
        settings: Settings,
        common: CancelCommand,
        collected: Collected,
        batch_id: str | None,
        as_json: bool,
    ) -> None:
        self._settings = settings
        self._common = common
        self._collected = collected
        self._given = batch_id is not None
        self._batch_id = batch_id or new_batch_id(common.requested_at)
        self._as_json = as_json
        self._size = len(collected.entries)

    @property
    def _account(self) -> str:
        return self._common.account

    def tell_only(self, expected: Estimate) -> None:
        """What would be done, and how long it takes."""
        dropped = {"duplicates": self._collected.duplicates, "skipped": self._collected.problems}
        if self._as_json:
            write_json(
                {
                    "dry_run": True,
                    "account": self._account,
                    "size": self._size,
                    **dropped,
                    "rate_per_s": round(expected.rate_per_s, 2),
                    "duration_s": round(expected.duration_s, 1),
                    "end": expected.end.isoformat(timespec="seconds").replace("+00:00", "Z"),
                    "expiring": expected.expiring,
                }
            )
            return
        click.echo(
            f"would cancel {self._size} jobs for account {self._account} "
            f"({dropped['duplicates']} duplicates dropped, {dropped['skipped']} bad lines skipped); "
            f"nothing was enqueued"
        )
        click.echo(
            f"at {expected.rate_per_s:.1f}/s that takes {duration_text(expected.duration_s)}, "
            f"until about {moment_text(expected.end)}, when nothing else waits"
        )

    def run(self, *, wait: bool) -> None:
        """Enqueue, then watch to the end if `wait`. Ends the command with its exit code."""
        began_s = time.monotonic()
        with reached(self._settings) as servers, history_and_door(servers, self._account) as (history, door):
            with display() as shown:
                count = self._opened(history, door)
                if count is None or not count.complete:
                    self._enqueue(door, shown)
                    if wait:
                        count = watch_to_the_end(history, self._batch_id, self._account, shown)
                else:
                    note(f"batch {self._batch_id} is complete already, nothing was enqueued")
            count = count if wait or (count and count.complete) else history.batch(self._batch_id)
        if count is not None:
            self._summarise(count, time.monotonic() - began_s)
        if wait and count is not None:
            end_with(count)

    def _opened(self, history: History, door: Door) -> BatchCount | None:
        """Make the batch known. Gives how far it is where an earlier run did so."""
        known = history.batch(self._batch_id) if self._given else None
        if known is None:
            door.open_batch(self._account, self._batch_id, self._size, datetime.now(UTC))
            return None
        if known.size != self._size:
            raise Problem(
                f"batch {self._batch_id} was opened with {known.size} commands, this file has {self._size}: "
                "run it again with the same file, or choose another --batch-id",
                ExitCode.BAD_INPUT,
            )
        if known.aborted and not known.complete:
            raise Problem(
                f"batch {self._batch_id} was aborted: choose another --batch-id", ExitCode.BAD_INPUT
            )
        return known

    def _enqueue(self, door: Door, shown: Lines | Bars) -> None:
        commands = BatchCommands(self._batch_id, self._common, self._collected.entries)
        note(f"batch {self._batch_id}: {self._size} jobs for account {self._account}")
        try:
            with interrupted_between(shown.enqueueing(commands, self._size)) as passed_on:
                door.enqueue_many(passed_on)
        except KeyboardInterrupt:
            raise Problem(
                f"at least {commands.accepted_at_least} of {self._size} commands are enqueued, and will be carried "
                f"out. {self._what_now()}",
                ExitCode.INTERRUPTED,
            ) from None
        except UnreachableError as lost:
            raise UnreachableError(f"{lost}. {self._what_now()}") from lost

    def _what_now(self) -> str:
        return (
            f"The same purge again with --batch-id {self._batch_id} enqueues the rest; "
            f"{command_line('abort', self._batch_id, self._account)} stops what was enqueued"
        )

    def _summarise(self, count: BatchCount, elapsed_s: float) -> None:
        if self._as_json:
            more = {
                "duplicates": self._collected.duplicates,
                "skipped": self._collected.problems,
                "elapsed_s": round(elapsed_s, 1),
                "well": all_ended_well(count),
            }
            write_json(batch_json(self._account, count, **more))
        elif count.complete:
            click.echo(summary_line(count, elapsed_s))
        else:
            click.echo(
                f"{self._size} commands enqueued as batch {self._batch_id}; "
                f"{command_line('watch', self._batch_id, self._account)} shows it"
            )
