"""`standdown events`: shows how commands ended, from the ledger's stream."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tasks.outcome import Outcome
from worker.cli.exit_code import ExitCode
from worker.cli.moment import moment_ago
from worker.cli.output import for_people, reader_may_leave

if TYPE_CHECKING:  # not at run time: --help must not pay for pydantic
    from tasks.event import Event


def _since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return moment_ago(value, now=datetime.now(UTC))
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--since", metavar="TIME|DURATION", callback=_since, help="Only events from then on: 1h, 30m.")
@click.option("--job", "job_id", metavar="JOB", help="Only this job's.")
@click.option("--batch", "batch_id", metavar="ID", help="Only this batch's, its completion too.")
@click.option("--outcome", type=click.Choice([one.value for one in Outcome]), help="Only this outcome.")
@click.option("--account", help="Only this account's.  [default: all that are configured]")
@click.option("--json", "as_json", is_flag=True, help="Print CloudEvents, one a line, as when piped.")
def command(
    follow: bool,
    since: datetime | None,
    job_id: str | None,
    batch_id: str | None,
    outcome: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Show how commands ended: the events in the ledger, oldest first.

    Without --follow it shows all that the ledger still keeps (STANDDOWN_LEDGER_EVENTS_MAX); with --follow only
    what comes from now on, unless --since says otherwise. Times are UTC. Piped or with --json each line is a
    CloudEvent, as it was published.

    \b
    standdown events --since 1h
    standdown events --follow --outcome refused
    standdown events --job av123
    standdown events --batch purge-20260131T120000-a1b2c3 | jq -r .data.JobId

    \b
    Exit codes: 0 shown, 2 bad input, 3 settings, 4 ledger not reached, 130 Ctrl-C
    """
    from worker.cli.event_stream import followed, kept
    from worker.cli.event_text import Wanted
    from worker.cli.reach import account_of, reached, settings_for_people

    settings = settings_for_people()
    names = [account_of(settings, account).name] if account else list(settings.accounts)
    wanted = Wanted(job_id, batch_id, Outcome(outcome) if outcome else None)
    write = _write_people if for_people(as_json) else _write_json
    with reader_may_leave(), reached(settings) as servers:
        try:
            for event in (followed if follow else kept)(servers, names, since):
                if wanted.takes(event):
                    write(event, follow)
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)


def _write_people(event: "Event", at_once: bool) -> None:
    from worker.cli.event_text import event_line
    from worker.cli.output import COLOURS

    outcome = getattr(event.data, "outcome", None)
    click.secho(event_line(event), fg=COLOURS[outcome] if outcome else None)


def _write_json(event: "Event", at_once: bool) -> None:
    sys.stdout.buffer.write(event.to_json() + b"\n")
    if at_once:
        sys.stdout.buffer.flush()
