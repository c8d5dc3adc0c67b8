"""`python -m benchmarks`: runs benchmarks one after the other, prints their tables, writes JSON."""

import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import click

from benchmarks import enqueue, limit, machine, pipeline, redis_cost, urgent
from benchmarks.report import Result, console, show, write_json


class Run(Protocol):
    def __call__(self, *, quick: bool) -> Result: ...


BENCHMARKS: dict[str, tuple[Run, str]] = {
    "limit": (limit.run, "use of the limit, worst second, throttled answers, 1 to 8 nodes, 20 to 500/s"),
    "urgent": (urgent.run, "waiting time of urgent commands behind a purge, alone and in bursts"),
    "pipeline": (pipeline.run, "commands/s and CPU per command with the limit lifted, beside a bare task"),
    "enqueue": (enqueue.run, "enqueueing 100,000 commands, beside apply_async"),
    "redis_cost": (redis_cost.run, "commands at Redis per slot, 8 and 32 nodes"),
}


def names() -> str:
    """Every benchmark and what it measures."""
    return "\n".join(f"  {name:<12}{says}" for name, (_, says) in BENCHMARKS.items())


@click.command(epilog="\b\nBenchmarks:\n" + names())
@click.argument("wanted", nargs=-1, type=click.Choice(list(BENCHMARKS)), metavar="[BENCHMARK]...")
@click.option("--quick", is_flag=True, help="A short form: fewer samples, shorter windows.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="[default: bench-<date>.json]",
)
@click.option("--list", "listing", is_flag=True, help="Say which benchmarks there are, and exit.")
def main(wanted: tuple[str, ...], quick: bool, json_path: Path | None, listing: bool) -> None:
    """Measure what the README claims, on servers of its own; all benchmarks, or those named."""
    if listing:
        click.echo(names())
        return
    stop_once(KeyboardInterrupt)
    path = json_path or Path(f"bench-{datetime.now(UTC):%Y%m%d-%H%M}.json")
    out, here, results = console(), {**machine.facts(), "quick": quick}, dict[str, Result]()
    out.print(machine.sentence(here) + (", quick" if quick else ""), highlight=False)
    for name in dict.fromkeys(wanted) or BENCHMARKS:
        began_s = time.monotonic()
        results[name] = BENCHMARKS[name][0](quick=quick)
        for table in results[name].tables:
            show(table, out)
        write_json(path, here, results)
        out.print(f"{name} took {time.monotonic() - began_s:.0f} s; figures in {path}\n", highlight=False)


def stop_once(stopped: Callable[[], BaseException]) -> None:
    """The first SIGINT or SIGTERM ends everything in order; further ones must not interrupt that."""

    def on_signal(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        print(f"stopping on {signal.Signals(number).name}", file=sys.stderr)
        raise stopped()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, on_signal)


if __name__ == "__main__":
    main()
