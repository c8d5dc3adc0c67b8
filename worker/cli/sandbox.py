"""`standdown sandbox`: run the pretended API until it is stopped."""

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from worker.cli.exit_code import ExitCode
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY, Credential, SandboxOptions, serve
from worker.sandbox.fault import FAULTS, parse_fault
from worker.sandbox.marker import STATES
from worker.sandbox.options import BUILT_IN, parse_credential, parse_latency

Parsed = TypeVar("Parsed")


def _read(parser: Callable[[str], Parsed]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback that reads one text or many, and turns ValueError into wrong usage."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            return parser(value) if isinstance(value, str) else tuple(parser(one) for one in value)
        except ValueError as wrong:
            raise click.BadParameter(str(wrong)) from None

    return callback


def _credentials(given: tuple[Credential, ...], env: Mapping[str, str]) -> tuple[Credential, ...]:
    """Those given, else that of the environment, else the built-in one."""
    if given:
        return given
    secret_id, secret_key = env.get("TENCENTCLOUD_SECRET_ID"), env.get("TENCENTCLOUD_SECRET_KEY")
    if bool(secret_id) != bool(secret_key):
        missing = "TENCENTCLOUD_SECRET_KEY" if secret_id else "TENCENTCLOUD_SECRET_ID"
        raise click.UsageError(f"{missing} is not set, though its other half is; set both or neither")
    if not (secret_id and secret_key):
        return (BUILT_IN,)
    token = env.get("TENCENTCLOUD_TOKEN") or env.get("TENCENTCLOUD_SECURITY_TOKEN")
    return (Credential(secret_id, secret_key, token or None),)


_FAULT_LINES = "\n".join(f"  {fault.name:<14} {fault.tells}" for fault in FAULTS.values())
_STATE_LINES = "\n".join(f"  {name:<14} {tells}" for name, tells in STATES.items())

_HELP = f"""Run the pretended API, for tests: signature, limit, errors and faults of the real one.

\b
Examples:
  standdown sandbox
  standdown sandbox --port 0 --ready-file /tmp/sandbox --seed 7 --fault 500=0.05 --latency-ms 20..120
  STANDDOWN_API_BASE_URL=http://127.0.0.1:9000 standdown worker

\b
Without --credential or TENCENTCLOUD_SECRET_ID/_SECRET_KEY/_TOKEN it accepts:
  secret id   {SANDBOX_SECRET_ID}
  secret key  {SANDBOX_SECRET_KEY}

Every well-formed job id is a running job until it is cancelled. Ids may ask for a fault or a state:
sandbox-500-abc always fails, sandbox-500x2-abc fails on its first two cancels and then works.

\b
Faults, for --fault and for ids (sandbox-NAME-… and sandbox-NAMExTIMES-…; hyphens in NAME may be left out):
{_FAULT_LINES}

\b
States, for ids only (sandbox-NAME-…):
{_STATE_LINES}

\b
Its own address, while it runs:
  GET  /-/                the counts, to look at       GET /-/stats   the counts, JSON
  GET  /-/requests?since=N  arrivals, NDJSON           GET /-/jobs/ID what was done to a job
  GET  /-/health          alive                        GET /-/state   what is in force
  PUT  /-/faults          {{"500": 0.05}}                replaces all probabilities
  PUT  /-/limit           {{"limit_per_s": 20, "retry_after_s": 3}}
  PUT  /-/latency         {{"latency_ms": "20..120", "hang_s": 5}}
  PUT  /-/down            {{"down": true}}               true or "reset", "silent", false
  PUT  /-/credentials     {{"credentials": [{{"secret_id": "…", "secret_key": "…"}}]}} or {{"any": true}}
  POST /-/reset-counts    counts from zero; ?jobs=true forgets the jobs too
"""


@click.command("sandbox", help=_HELP)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; the switches too."
)
@click.option(
    "--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option(
    "--credential",
    "given",
    multiple=True,
    metavar="ID:KEY[:TOKEN]",
    callback=_read(parse_credential),
    help="A key that is accepted; with a token, only with it. Repeatable.",
)
@click.option(
    "--any-credential", is_flag=True, help="Accept any key id and signature; form and time still count."
)
@click.option(
    "--limit-per-s",
    default=20,
    show_default=True,
    type=click.IntRange(0),
    help="Requests admitted in any second, per key id; 0 admits all.",
)
@click.option("--retry-after-s", type=click.IntRange(0), help="Send Retry-After with throttled answers.")
@click.option(
    "--finished-answers",
    default="not-found",
    show_default=True,
    type=click.Choice(["ok", "not-found", "conflict"]),
    help="What cancelling a finished job is answered: 200, 404 or 409.",
)
@click.option(
    "--bucket", "buckets", multiple=True, help="A bucket that exists; none given, all do. Repeatable."
)
@click.option(
    "--unbound-bucket", "unbound_buckets", multiple=True, help="A bucket not bound to CI. Repeatable."
)
@click.option(
    "--suffix",
    "suffixes",
    multiple=True,
    default=("myqcloud.com", "tencentci.cn"),
    show_default=True,
    help="Host suffix that is known. Repeatable.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=P",
    callback=_read(parse_fault),
    help="Let a fault happen with this probability. Repeatable.",
)
@click.option(
    "--latency-ms",
    default="0",
    metavar="MS[..MS]",
    callback=_read(parse_latency),
    help="Wait so long before each answer.",
)
@click.option(
    "--hang-s", default=30.0, show_default=True, type=float, help="How long a hanging request hangs."
)
@click.option("--seed", type=int, help="Make faults and latencies the same each time.")
@click.option(
    "--log-size",
    default=500_000,
    show_default=True,
    type=click.IntRange(1),
    help="How many arrivals are remembered.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the address there when requests are taken.",
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as JSON.")
def command(
    given: tuple[Credential, ...],
    faults: tuple[tuple[str, float], ...],
    buckets: tuple[str, ...],
    unbound_buckets: tuple[str, ...],
    ready_file: Path | None,
    as_json: bool,
    **plain: Any,
) -> None:
    try:
        options = SandboxOptions(
            credentials=_credentials(given, os.environ),
            faults=dict(faults),
            buckets=frozenset(buckets),
            unbound_buckets=frozenset(unbound_buckets),
            **plain,
        )
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)

    def ready(address: str) -> None:
        if ready_file is not None:
            partial = ready_file.with_name(ready_file.name + ".partial")
            partial.write_text(address + "\n")
            partial.replace(ready_file)
        text = json.dumps({"listening": address}) if as_json else f"sandbox listening on {address}"
        click.echo(text)

    gc.freeze()  # what is loaded stays: less to look through while times of arrival are taken
    try:
        serve(options, ready)
    except OSError as problem:
        click.echo(f"cannot listen on {options.host}:{options.port}: {problem.strerror}", err=True)
        sys.exit(ExitCode.UNREACHABLE)
