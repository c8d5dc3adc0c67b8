"""`standdown cancel`: enqueues a few commands; --wait shows how they end."""

import sys
from typing import Any

import click

from tasks.outcome import Lane
from worker.cli.exit_code import ExitCode
from worker.cli.moment import seconds_of
from worker.cli.output import for_people, note, reader_may_leave
from worker.cli.problem import Problem

WAIT_S = 60.0


class _WaitMayStandAlone(click.Command):
    """Lets --wait be followed by a job: only what reads as a time belongs to it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, joined_wait(args))


def joined_wait(args: list[str]) -> list[str]:
    """`--wait 30 av1` as `--wait=30 av1`, `--wait av1` as `--wait=60 av1`; nothing behind `--` is touched."""
    options = args[: args.index("--")] if "--" in args else args
    joined: list[str] = []
    rest = iter(enumerate(options))
    for place, arg in rest:
        if arg != "--wait":
            joined.append(arg)
        elif place + 1 < len(options) and seconds_of(options[place + 1]) is not None:
            joined.append(f"--wait={options[place + 1]}")
            next(rest)
        else:
            joined.append(f"--wait={WAIT_S:g}")
    return joined + args[len(options) :]


def _wait_s(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    if (wait_s := seconds_of(value)) is None:
        raise click.BadParameter(f"{value!r} is no time such as 30, 90s or 5m")
    return wait_s


@click.command(cls=_WaitMayStandAlone)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@click.option("--bucket", required=True, help="The jobs' bucket (name-appid).")
@click.option("--region", required=True, help="The jobs' region, such as ap-beijing.")
@click.option("--account", default="default", show_default=True, help="The account of the jobs.")
@click.option(
    "--lane",
    type=click.Choice([lane.value for lane in Lane]),
    default=Lane.URGENT.value,
    show_default=True,
    help="urgent goes before bulk.",
)
@click.option("--reason", help="Why; comes back in the events.")
@click.option("--requested-by", help="Who asked for it; kept with the commands.")
@click.option(
    "--not-after", metavar="TIME|DURATION", help="When cancelling becomes worthless.  [default: 5h]"
)
@click.option("--context", metavar="JSON", help="An object that comes back in the events, at most 4 KiB.")
@click.option("--command-id", metavar="ID", help="The idempotency key; only with one JOB.")
@click.option(
    "--wait",
    "wait_s",
    metavar="[SECONDS]",
    callback=_wait_s,
    help=f"Show how each ends; give up after so long.  [{WAIT_S:g}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, as when piped.")
def command(
    jobs: tuple[str, ...],
    account: str,
    command_id: str | None,
    wait_s: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Enqueue a cancel command for each JOB, and print the commands' ids.

    All jobs are checked first: with one bad id nothing is enqueued. A command that was enqueued lives on
    whatever happens to this process, and is carried out by a worker.

    Piped or with --json it prints one JSON object a line: each command when it is enqueued, with "outcome":
    null, and with --wait each again when it has ended.

    \b
    standdown cancel av123 --bucket b-1250000000 --region ap-beijing
    standdown cancel av123 av456 --bucket b-1250000000 --region ap-beijing --wait --reason stream_ended
    standdown cancel av123 --bucket b-1250000000 --region ap-beijing --wait 5m --json | jq .JobId
    standdown cancel av123 --bucket b-1250000000 --region ap-beijing --not-after 30m --command-id stop-123

    \b
    Exit codes: 0 enqueued (with --wait: all cancelled or gone), 1 some refused, expired or aborted,
                2 bad input, nothing was enqueued; 3 settings, 4 broker not reached,
                5 --wait ended first, 130 Ctrl-C
    """
    from worker.cli.cancel_run import Cancel, commands_of
    from worker.cli.reach import account_of, reached, settings_for_people

    distinct = tuple(dict.fromkeys(jobs))
    if command_id is not None and len(distinct) > 1:
        raise click.UsageError(f"--command-id goes with one JOB, got {len(distinct)}")
    if len(distinct) < len(jobs):
        note(f"{len(jobs) - len(distinct)} jobs are named more than once; each is cancelled once")
    settings = settings_for_people()
    owner = account_of(settings, account)
    commands = commands_of(distinct, owner, command_id=command_id, **options)
    with reader_may_leave(), reached(settings) as servers:
        run = Cancel(commands, people=for_people(as_json))
        code = run.run(servers, account, wait_s)
    if code is ExitCode.TIMED_OUT:
        raise Problem(run.pending_sentence(wait_s or 0), code)
    sys.exit(code)
