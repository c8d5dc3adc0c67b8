"""`standdown batch`: shows, watches or aborts a batch."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from worker.cli.exit_code import ExitCode
from worker.cli.output import for_people, note, reader_may_leave, write_json
from worker.cli.problem import Problem

if TYPE_CHECKING:  # not at run time: --help must not pay for pydantic
    from worker.ledger.history import BatchCount, History

_ACCOUNT = click.option("--account", default="default", show_default=True, help="The batch's account.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def command() -> None:
    """Show, watch or abort a batch.

    \b
    standdown batch show purge-20260131T120000-a1b2c3
    standdown batch watch purge-20260131T120000-a1b2c3
    standdown batch abort purge-20260131T120000-a1b2c3
    """


@command.command("show")
@click.argument("batch_id", metavar="ID")
@_ACCOUNT
@_JSON
def show(batch_id: str, account: str, as_json: bool) -> None:
    """Show how far a batch is: size, outcomes, rate.

    The rate is the average since the batch was made.

    \b
    Exit codes: 0 shown, 2 no such batch, 3 settings, 4 ledger not reached
    """
    from datetime import UTC, datetime

    from worker.cli.batch_text import average_per_s, batch_json, summary_line

    with reader_may_leave(), _batch(batch_id, account) as (_, count):
        rate_per_s = average_per_s(count, datetime.now(UTC))
        if as_json:
            rounded = None if rate_per_s is None else round(rate_per_s, 2)
            write_json(batch_json(account, count, rate_per_s=rounded))
        elif for_people(as_json):
            _print_table(account, count, rate_per_s)
        else:
            rate = "" if rate_per_s is None else f", {rate_per_s:.1f}/s"
            click.echo(summary_line(count) + rate)


@command.command("watch")
@click.argument("batch_id", metavar="ID")
@_ACCOUNT
@_JSON
def watch(batch_id: str, account: str, as_json: bool) -> None:
    """Watch a batch until it is complete. Ctrl-C ends the watching only.

    \b
    Exit codes: 0 all cancelled or gone, 1 some refused, expired or aborted, 2 no such batch,
                3 settings, 4 ledger not reached, 130 Ctrl-C
    """
    from worker.cli.batch_text import batch_json, summary_line
    from worker.cli.batch_watch import display, end_with, watch_to_the_end

    with reader_may_leave(), _batch(batch_id, account) as (history, _):
        with display() as shown:
            count = watch_to_the_end(history, batch_id, account, shown)
        if as_json:
            write_json(batch_json(account, count))
        else:
            click.echo(summary_line(count))
        end_with(count)


@command.command("abort")
@click.argument("batch_id", metavar="ID")
@_ACCOUNT
@_JSON
def abort(batch_id: str, account: str, as_json: bool) -> None:
    """Abort a batch: its commands that were not sent yet end as `aborted`.

    What is in flight still completes. Each command is settled when its turn comes, without a request.

    \b
    Exit codes: 0 aborted, or complete already; 2 no such batch, 3 settings, 4 ledger not reached
    """
    from worker.cli.batch_text import batch_json, command_line, summary_line

    with reader_may_leave(), _batch(batch_id, account) as (history, count):
        if count.complete:
            note("the batch is complete, nothing is left to abort")
        elif not history.abort(batch_id, _author()):
            raise _unknown(batch_id, account)
        count = history.batch(batch_id) or count
        if as_json:
            write_json(batch_json(account, count))
        else:
            click.echo(summary_line(count))
        if not count.complete:
            note(
                "what is in flight still completes, the rest ends as aborted; "
                f"{command_line('watch', batch_id, account)} shows the end"
            )


@contextmanager
def _batch(batch_id: str, account: str) -> Iterator[tuple["History", "BatchCount"]]:
    from worker.cli.reach import account_of, history_of, reached, settings_for_people

    settings = settings_for_people()
    account_of(settings, account)
    with reached(settings) as servers, history_of(servers, account) as history:
        count = history.batch(batch_id)
        if count is None:
            raise _unknown(batch_id, account)
        yield history, count


def _unknown(batch_id: str, account: str) -> Problem:
    return Problem(
        f"account {account} knows no batch {batch_id!r}; a batch is forgotten a while after it ended",
        ExitCode.BAD_INPUT,
    )


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _print_table(account: str, count: "BatchCount", rate_per_s: float | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tasks.outcome import Outcome
    from worker.cli.batch_text import percent
    from worker.cli.output import COLOURS

    state = "complete" if count.complete else "aborted, ending" if count.aborted else "running"
    table = Table(box=None, pad_edge=False, show_header=False)
    rows = {
        "batch": count.batch_id,
        "account": account,
        "state": state,
        "made": count.created_at or "",
        "size": str(count.size),
        "done": f"{count.done} ({percent(count)})",
    }
    if rate_per_s is not None:
        rows["rate"] = f"{rate_per_s:.1f}/s on average"
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text(value))
    for outcome in Outcome:
        if number := count.outcomes.get(outcome, 0):
            table.add_row(Text(outcome, style=COLOURS[outcome]), Text(str(number)))
    Console().print(table)
