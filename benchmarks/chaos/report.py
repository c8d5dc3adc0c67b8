"""The report: a table of what must hold, one of what was counted, one of how long each kind of strike was felt."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.chaos.evidence import Evidence
from benchmarks.chaos.findings import Findings, quantile
from benchmarks.chaos.plan import Kind
from benchmarks.chaos.recovery import Recovery
from benchmarks.chaos.verdict import Must
from benchmarks.report import Table


def musts_table(musts: Sequence[Must]) -> Table:
    rows = [
        (must.name, str(must.found), f"at most {must.limit}" if must.limit else "0", "yes" if must.holds else "NO")
        for must in musts
    ]  # fmt: skip
    return Table("What must hold", ("", "found", "allowed", "holds"), rows)


def counts_table(of: Evidence, found: Findings) -> Table:
    """What was handed in, and what came out."""
    by_kind = ", ".join(f"{count} {name}" for name, count in found.outcomes.items())
    faults = ", ".join(f"{count} {name}" for name, count in sorted(of.stats["by_fault"].items()))
    histogram = ", ".join(f"{jobs} had {times}" for times, jobs in found.requests_per_job.items())
    consumed = (
        f"{found.consumed_distinct} distinct, {found.consumed_copies} repeated "
        f"({found.consumed_redelivered} of all redelivered to the consumer itself)"
    )
    rows = [
        ("commands accepted", f"{len(of.accepted)}, and {of.copies} of them twice"),
        ("outcomes", f"{by_kind}; {found.deduplicated} deduplicated"),
        ("events at the broker", consumed),
        ("events in the ledger", f"{found.stream_distinct} distinct, {found.stream_copies} repeated"),
        ("requests", f"{of.stats['requests_total']}, at most {found.worst_second} within a second"),
        ("faults met", faults or "none"),
        ("requests per job", histogram),
        ("requests after a job's outcome", str(found.requests_after_settled)),
        (
            "longest wait between two for one job",
            f"{_s(found.longest_resend_s)} ({found.longest_resend_job})",
        ),
        ("commands whose node died", _taken_up(of, found)),
        ("witness looked late by at most", f"{of.stats['witness_lag_max_ms']:.0f} ms"),
        ("rubbish", _rubbish(of, found)),
        ("producers had to try again", f"{of.tried_again} times"),
        (
            "urgent, from request to outcome",
            f"p50 {_s(found.urgent_wait_p50_s)}, p99 {_s(found.urgent_wait_p99_s)}, "
            f"max {_s(found.urgent_wait_max_s)}",
        ),
        ("drained after the last repair", _s(of.drain_s)),
        ("whole run", _s(of.duration_s)),
    ]
    return Table("What was counted", ("", "count"), rows)


def recovery_table(recoveries: Sequence[Recovery]) -> Table:
    """One row a kind: the worst of each."""
    rows = []
    for kind in Kind:
        some = [one for one in recoveries if one.struck.kind is kind]
        if some:
            rows.append(
                (
                    f"{len(some)} x {kind}",
                    _most([one.struck.down_s for one in some]),
                    _most([one.request_s for one in some]),
                    _most([one.bulk_s for one in some]),
                    _most([one.urgent_s for one in some]),
                )
            )
    return Table(
        "Seconds from the strike, median / longest",
        ("strike", "until repaired", "next request", "next bulk event", "next urgent event"),
        rows,
        (
            "Repaired: the server answers, the node is replaced or awake, the old fleet has ended. Of a server only",
            "what came after its return counts as recovery. Time without work counts too.",
        ),
    )


def as_values(
    of: Evidence, found: Findings, musts: Sequence[Must], recoveries: Sequence[Recovery]
) -> dict[str, Any]:
    """Everything in the tables, and each strike, for machines."""
    return {
        "broker": of.broker,
        "holds": all(must.holds for must in musts),
        "musts": [{**asdict(must), "holds": must.holds} for must in musts],
        "commands_accepted": len(of.accepted),
        "copies": of.copies,
        "rubbish": len(of.rubbish),
        "tried_again": of.tried_again,
        "findings": {name: _plain(value) for name, value in asdict(found).items()},
        "dead_letters": of.books.dead_letters,
        "queued": dict(of.books.queued),
        "stats": dict(of.stats),
        "strikes": [
            {
                **asdict(one.struck),
                **{name: _plain(getattr(one, name)) for name in ("request_s", "bulk_s", "urgent_s")},
            }
            for one in recoveries
        ],
        "log_counts": dict(of.log_counts),
        "drain_s": of.drain_s,
        "duration_s": of.duration_s,
    }


def _taken_up(of: Evidence, found: Findings) -> str:
    waited_s = found.taken_up_s
    some = f"{len(of.books.orphans)}, {len(waited_s)} of them after they were sent"
    if not waited_s:
        return some
    return f"{some}: silence of p50 {_s(quantile(waited_s, 0.5))}, max {_s(waited_s[-1])}"


def _rubbish(of: Evidence, found: Findings) -> str:
    held = len(found.rubbish_held)
    buried = len(of.rubbish) - len(found.rubbish_missing) - held
    return f"{len(of.rubbish)} messages, {buried} with a dead letter" + (
        f", {held} held by the broker for a dead node" if held else ""
    )


def _s(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds:.2f} s"


def _most(seconds: Sequence[float]) -> str:
    known = sorted(one for one in seconds if not math.isnan(one))
    return f"{known[len(known) // 2]:.1f} / {known[-1]:.1f}" if known else "-"


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
