"""Enqueues a few commands and waits for their events, without asking for each again and again.

The position in the event stream is taken before anything is enqueued, so that no event can slip between.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from settings import Account
from tasks.command import CancelCommand, InvalidCommandError, parse
from tasks.event import Event, EventData
from tasks.outcome import Outcome
from worker.cli.event_text import event_line
from worker.cli.exit_code import ExitCode
from worker.cli.fields import common_of
from worker.cli.output import COLOURS, note, write_json
from worker.cli.problem import Problem
from worker.cli.reach import history_and_door
from worker.ledger.history import History
from worker.servers import Servers

BLOCK_S = 1.0
"""How long one read of the stream waits; shorter than the connection's own timeout."""
QUIET_S = 3.0
"""After so long without an event it is said what to look at."""


def commands_of(
    jobs: Sequence[str], account: Account, *, command_id: str | None = None, **options: Any
) -> list[CancelCommand]:
    """One command for each job. Raises Problem with everything that is wrong, before anything is enqueued."""
    now = datetime.now(UTC)
    problems: list[str] = []
    fields: dict[str, Any] = {}
    try:
        fields = common_of(account, now=now, command_id=command_id, **options).fields
    except Problem as wrong:
        problems.append(wrong.message)
    commands = []
    for job in jobs:
        # Where the options are wrong the jobs are still looked at, with stand-ins for them.
        usable = fields or {"bucket": "bucket-10000", "region": "ap-beijing"}
        try:
            commands.append(parse({**usable, "job_id": job}, now=now))
        except InvalidCommandError as invalid:
            problems.append(str(invalid))
    if problems:
        raise Problem("nothing was enqueued:\n  " + "\n  ".join(problems), ExitCode.BAD_INPUT)
    return commands


def enqueued_json(command: CancelCommand) -> dict[str, Any]:
    """The line of a command that was enqueued; `ended_json` has the same keys."""
    return {
        "command_id": command.command_id,
        "job_id": command.job_id,
        "bucket": command.bucket,
        "region": command.region,
        "account": command.account,
        "lane": str(command.lane),
        "not_after": command.payload()["not_after"],
        **dict.fromkeys(("outcome", "confirmed", "deduplicated", "JobId", "CreationTime", "error")),
    }


def ended_json(command: CancelCommand, data: EventData) -> dict[str, Any]:
    """The line of a command that has ended."""
    return {
        **enqueued_json(command),
        "outcome": str(data.outcome),
        "confirmed": data.confirmed,
        "deduplicated": data.deduplicated,
        "JobId": data.JobId,
        "CreationTime": data.CreationTime,
        "error": data.error.model_dump() if data.error else None,
    }


class Cancel:
    """A few commands on their way."""

    def __init__(self, commands: Sequence[CancelCommand], *, people: bool) -> None:
        self._commands = commands
        self._people = people
        self._pending = {command.command_id: command for command in commands}
        self._ended: list[Outcome] = []

    def run(self, servers: Servers, account: str, wait_s: float | None) -> ExitCode:
        """Enqueue, print, and wait for at most `wait_s` (None: not at all)."""
        with history_and_door(servers, account) as (history, door):
            position = history.newest() if wait_s is not None else ""
            door.enqueue_many(self._commands)
            self._print_enqueued()
            if wait_s is None:
                return ExitCode.OK
            try:
                self._wait(history, position, time.monotonic() + wait_s)
            except KeyboardInterrupt:
                raise Problem(
                    f"{len(self._pending)} of {len(self._commands)} have not ended yet; they live on",
                    ExitCode.INTERRUPTED,
                ) from None
        if self._pending:
            return ExitCode.TIMED_OUT
        well = all(outcome.settles_the_job for outcome in self._ended)
        return ExitCode.OK if well else ExitCode.NOT_CANCELLED

    def pending_sentence(self, wait_s: float) -> str:
        """What is said when the wait is over and some are left."""
        ids = ", ".join(list(self._pending)[:10]) + (", …" if len(self._pending) > 10 else "")
        return (
            f"after {wait_s:g} s {len(self._pending)} of {len(self._commands)} have not ended: {ids}. "
            "They live on; does a worker run for this account? (standdown worker)"
        )

    def _wait(self, history: History, position: str, end_s: float) -> None:
        # A command with an id of its own may have ended long ago: then no new event comes.
        self._look_up(history)
        quiet_since_s, hinted = time.monotonic(), False
        while self._pending and (left_s := end_s - time.monotonic()) > 0:
            wait_for_s = max(0.001, min(BLOCK_S, left_s))
            for here, event in history.events(position, wait_s=wait_for_s):
                position = here
                if self._end(event):
                    quiet_since_s = time.monotonic()
                if not self._pending:
                    return
            if not hinted and self._pending and time.monotonic() - quiet_since_s >= QUIET_S:
                hinted = True
                note("nothing has happened for a while: does a worker run? (standdown worker)")
        self._look_up(history)  # an event may have been trimmed from a busy stream

    def _look_up(self, history: History) -> None:
        for command_id in list(self._pending):
            if (event := history.outcome_of(command_id)) is not None:
                self._end(event)

    def _end(self, event: Event) -> bool:
        if event.id not in self._pending or not isinstance(event.data, EventData):
            return False
        command = self._pending.pop(event.id)
        self._ended.append(event.data.outcome)
        if self._people:
            click.secho(event_line(event), fg=COLOURS[event.data.outcome])
        else:
            write_json(ended_json(command, event.data))
        return True

    def _print_enqueued(self) -> None:
        if not self._people:
            for command in self._commands:
                write_json(enqueued_json(command))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("command", "job", "lane"):
            table.add_column(column, overflow="fold")
        for command in self._commands:
            table.add_row(Text(command.command_id), Text(command.job_id), Text(str(command.lane)))
        Console().print(table)
