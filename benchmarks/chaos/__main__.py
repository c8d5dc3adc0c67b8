"""`make chaos`: strikes at a fleet on real servers, prints what was seen, exits 0 only if every promise held."""

import json
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import machine
from benchmarks.chaos import report
from benchmarks.chaos.findings import findings_of
from benchmarks.chaos.place import Place
from benchmarks.chaos.plan import FULL, SHORT, Plan
from benchmarks.chaos.recovery import recoveries_of
from benchmarks.chaos.run import run
from benchmarks.chaos.verdict import musts_of
from benchmarks.report import console, show

BROKERS = ("rabbitmq", "redis")


@click.command()
@click.option("--broker", type=click.Choice([*BROKERS, "both"]), default="both", show_default=True)
@click.option("--seed", type=int, help="The same seed strikes at the same moments.  [default: a new one]")
@click.option("--short", is_flag=True, help="About a minute a broker: 600 commands, 9 strikes.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="[default: chaos-<broker>-<date>.json]",
)
@click.option("--keep-logs", is_flag=True, help="Keep the folder with the logs; a failing run always does.")
def main(broker: str, seed: int | None, short: bool, json_path: Path | None, keep_logs: bool) -> None:
    """Kill nodes, broker and state while commands run, and count: nothing lost, nothing twice, nobody stuck.

    Real servers and real workers; the sandbox is the witness. About 5 minutes a broker, or one with --short.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    seed = random.randrange(1_000_000) if seed is None else seed
    plan, out, here = SHORT if short else FULL, console(), machine.facts()
    out.print(machine.sentence(here), highlight=False)
    brokers = BROKERS if broker == "both" else (broker,)
    path = json_path or Path(f"chaos-{broker}-{datetime.now(UTC):%Y%m%d-%H%M}.json")
    whole: dict[str, Any] = {"machine": here, "seed": seed, "plan": plan.name, "runs": {}}
    for name in brokers:
        whole["runs"][name] = _one(name, plan, seed, out, keep_logs)
        path.write_text(json.dumps(whole, indent=1, default=str) + "\n", encoding="utf-8")
    out.print(f"figures in {path}", highlight=False)
    sys.exit(0 if all(one["holds"] for one in whole["runs"].values()) else 1)


def _one(broker: str, plan: Plan, seed: int, out: Console, keep_logs: bool) -> dict[str, Any]:
    began_s = time.monotonic()

    def say(text: str) -> None:
        out.print(f"  {broker}: {text}", highlight=False)

    out.rule(f"{broker}, {plan.name} form, seed {seed}")
    with Place(broker, plan, seed) as place:
        place.keep_folder = True  # until it is known that nobody needs it
        try:
            evidence = run(place, seed, say)
        except KeyboardInterrupt:
            place.keep_folder = keep_logs
            raise
        found, recoveries = findings_of(evidence), recoveries_of(evidence)
        musts = musts_of(evidence, found)
        broken = [must for must in musts if not must.holds]
        for table in (
            report.counts_table(evidence, found),
            report.recovery_table(recoveries),
            report.musts_table(musts),
        ):
            show(table, out)
        for must in broken:
            out.print(f"  BROKEN {must.sentence}", highlight=False, markup=False)
        verdict = f"{len(broken)} promises are broken" if broken else "every promise held"
        say(
            f"{verdict}; {time.monotonic() - began_s:.0f} s with setting up. Again: --broker {broker} --seed {seed}"
        )
        place.keep_folder = bool(broken) or keep_logs
        if place.keep_folder:
            say(f"logs in {place.folder}")
    return {**report.as_values(evidence, found, musts, recoveries), "whole_s": time.monotonic() - began_s}


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
