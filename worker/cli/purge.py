"""`standdown purge`: enqueues all jobs of a file as one batch of the bulk lane, and watches it."""

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli.exit_code import ExitCode
from worker.cli.output import note, reader_may_leave
from worker.cli.problem import Problem

if TYPE_CHECKING:  # not at run time: --help must not pay for pydantic
    from worker.cli.purge_batch import Collected


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--bucket", help="Bucket (name-appid) of the jobs whose line names none.")
@click.option("--region", help="Region of the jobs whose line names none, such as ap-beijing.")
@click.option("--account", default="default", show_default=True, help="The account of all of them.")
@click.option("--reason", help="Why; comes back in the events.")
@click.option("--requested-by", help="Who asked for it; kept with the commands.")
@click.option(
    "--not-after", metavar="TIME|DURATION", help="When cancelling becomes worthless.  [default: 5h]"
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and how long it takes; do nothing.")
@click.option("--no-wait", is_flag=True, help="End as soon as all is enqueued.")
@click.option("--batch-id", metavar="ID", help="The batch's id; with that of an earlier run, completes it.")
@click.option("--skip-bad", is_flag=True, help="Go on without the lines that are wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as a JSON object.")
def command(
    file: str,
    account: str,
    batch_id: str | None,
    dry_run: bool,
    no_wait: bool,
    skip_bad: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Cancel all jobs of FILE (or - for stdin) in the bulk lane, which gives way to urgent commands.

    FILE has one job id a line, or is CSV with a header, or JSONL. CSV and JSONL need job_id and may give
    bucket, region, reason, requested_by, not_after and context. Blank lines and lines with # are passed over.
    A job that stands there twice is cancelled once. With a bad line nothing is enqueued.

    Ctrl-C while watching leaves the purge running. Ctrl-C while enqueueing leaves what was enqueued; the same
    purge again with the same --batch-id enqueues the rest, and cancels nothing twice.

    \b
    standdown purge ids.txt --bucket b-1250000000 --region ap-beijing --dry-run
    standdown purge ids.txt --bucket b-1250000000 --region ap-beijing --reason incident-42
    grep -h av dead-streams/* | standdown purge - --bucket b-1250000000 --region ap-beijing --no-wait
    standdown purge jobs.jsonl --not-after 2h --json

    \b
    Exit codes: 0 all cancelled or gone (with --no-wait: enqueued), 1 some refused, expired or aborted,
                2 bad input, nothing was enqueued; 3 settings, 4 broker not reached, 130 Ctrl-C
    """
    from worker.cli.fields import common_of
    from worker.cli.pace import estimate, steady_rate
    from worker.cli.purge_run import Purge
    from worker.cli.reach import account_of, settings_for_people

    settings = settings_for_people()
    owner = account_of(settings, account)
    _check_id(batch_id)
    now = datetime.now(UTC)
    common = common_of(owner, now=now, lane="bulk", **options)
    with _opened(file) as stream:
        collected = _collected(stream, file, common.fields, owner)
    _tell(collected, file, skip_bad)
    rate = steady_rate(owner.per_s, settings.limiter.guard_ms)
    expected = estimate(len(collected.entries), rate, now=now, not_after=common.command.not_after)
    if expected.expiring:
        note(
            f"at {rate:.1f}/s about {expected.expiring} of them cannot be sent before "
            f"{common.command.not_after:%Y-%m-%d %H:%M:%SZ} (--not-after), and would expire"
        )
    purge = Purge(settings, common.command, collected, batch_id, as_json)
    with reader_may_leave():
        if dry_run:
            purge.tell_only(expected)
        else:
            purge.run(wait=not no_wait)


def _check_id(batch_id: str | None) -> None:
    from tasks.command import ID_RULE

    if batch_id is not None and re.fullmatch(ID_RULE, batch_id) is None:
        raise Problem(f"--batch-id must match {ID_RULE}, got {batch_id[:80]!r}", ExitCode.BAD_INPUT)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[io.BufferedIOBase]:
    if file == "-":
        yield sys.stdin.buffer  # type: ignore[misc]  # typeshed's BinaryIO is the same thing
        return
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 a name as the shell gave it
            yield stream
    except OSError as problem:
        raise Problem(f"{file} cannot be read: {problem.strerror}", ExitCode.BAD_INPUT) from problem


def _collected(stream: io.BufferedIOBase, file: str, fields: dict[str, Any], account: Any) -> "Collected":
    from worker.carrier import refusal_of
    from worker.cli.purge_batch import Collected
    from worker.cli.purge_file import read_purge

    collected = Collected()
    for found in read_purge(
        stream, file_name=file, common=fields, refusal=lambda command: refusal_of(account, command)
    ):
        collected.add(found)
    return collected


def _tell(collected: "Collected", file: str, skip_bad: bool) -> None:
    """Say what is odd about the file. Ends the command where nothing may or can be enqueued."""
    from tasks.command import BATCH_MAX_SIZE

    name = "stdin" if file == "-" else file
    if collected.ignored:
        note(str(collected.ignored))
    if collected.problems:
        listed = [f"  {one}" for one in collected.first_problems]
        if more := collected.problems - len(listed):
            listed.append(f"  … and {more} more")
        count = f"{collected.problems} bad line{'s' if collected.problems > 1 else ''}"
        if not skip_bad:
            said = (
                f"{name} has {count}, nothing was enqueued (correct them, or go on without them: --skip-bad)"
            )
            raise Problem("\n".join([said, *listed]), ExitCode.BAD_INPUT)
        note("\n".join([f"{name} has {count}, skipped:", *listed]))
    if collected.duplicates:
        listed = [f"  {one}" for one in collected.first_duplicates]
        if more := collected.duplicates - len(listed):
            listed.append(f"  … and {more} more")
        note("\n".join([f"{name} names jobs more than once; lines dropped: {collected.duplicates}", *listed]))
    if not collected.entries:
        raise Problem(f"{name} holds no job ids, nothing was enqueued", ExitCode.BAD_INPUT)
    if len(collected.entries) > BATCH_MAX_SIZE:
        raise Problem(
            f"{name} holds {len(collected.entries)} jobs, and a batch at most {BATCH_MAX_SIZE}: split it",
            ExitCode.BAD_INPUT,
        )
