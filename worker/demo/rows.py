"""The demo's figures to read: rows of a table, lines for a pipe, values for JSON. Pure."""

from collections.abc import Sequence
from typing import Any

from tasks.outcome import Lane, Outcome
from worker.demo.figures import Figures, Waits

Row = tuple[str, str, str]

HEAD: Row = ("", Lane.URGENT.value, Lane.BULK.value)


def lane_rows(figures: Figures) -> list[Row]:
    """What each lane did: label, urgent, bulk."""
    lanes = [figures.lanes[lane] for lane in (Lane.URGENT, Lane.BULK)]
    counts = {"commands accepted": [lane.accepted for lane in lanes]}
    for outcome in Outcome:
        counts[f"  {outcome}"] = [lane.outcomes.get(outcome, 0) for lane in lanes]
    counts["  known already: no request of their own"] = [lane.deduplicated for lane in lanes]
    always = ("commands accepted", f"  {Outcome.CANCELLED}")
    rows = [(label, *map(str, of)) for label, of in counts.items() if any(of) or label in always]
    rows.append(("events published, each id once", *(str(lane.events) for lane in lanes)))
    waits = [lane.waits for lane in lanes]
    rows += [
        ("waiting until the request arrived, p50", *(_wait(one, "p50_s") for one in waits)),
        ("  p99", *(_wait(one, "p99_s") for one in waits)),
        ("  longest", *(_wait(one, "max_s") for one in waits)),
    ]
    return [(label, urgent, bulk) for label, urgent, bulk in rows]


def request_rows(figures: Figures) -> list[tuple[str, str]]:
    """What the sandbox counted: label, value."""
    limit, rate = figures.limit_per_s, figures.rate_per_s
    used = "-" if rate is None else f"{rate / limit:.1%} ({rate:.2f} of {limit} a second)"
    return [
        ("requests", str(figures.counted.requests)),
        ("rate used of the limit", used),
        ("requests in the worst second", f"{figures.counted.worst_second} of {limit}"),
        ("throttled answers", str(figures.counted.throttled)),
        ("events published of commands accepted", f"{figures.events} of {figures.accepted}"),
    ]


def lines(figures: Figures) -> list[str]:
    """Both tables as plain text, in columns."""
    return [
        *_columns([HEAD, *lane_rows(figures)]),
        "",
        "as the sandbox counted:",
        *_columns([(f"  {label}", value) for label, value in request_rows(figures)]),
    ]


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures as JSON values, units in the names."""
    return {
        "commands_accepted": figures.accepted,
        "events_distinct": figures.events,
        "commands_without_event": list(figures.missing),
        "events_without_command": list(figures.unexpected),
        "limit_per_s": figures.limit_per_s,
        "rate_per_s": _rounded(figures.rate_per_s),
        "rate_used": None
        if figures.rate_per_s is None
        else _rounded(figures.rate_per_s / figures.limit_per_s),
        "requests": figures.counted.requests,
        "worst_second": figures.counted.worst_second,
        "throttled": figures.counted.throttled,
        "lanes": {
            lane.value: {
                "accepted": of.accepted,
                "events": of.events,
                "outcomes": {outcome.value: count for outcome, count in sorted(of.outcomes.items())},
                "deduplicated": of.deduplicated,
                "waits": of.waits
                and {
                    "count": of.waits.count,
                    "p50_s": _rounded(of.waits.p50_s),
                    "p99_s": _rounded(of.waits.p99_s),
                    "max_s": _rounded(of.waits.max_s),
                },
            }
            for lane, of in figures.lanes.items()
        },
    }


def wait_text(wait_s: float) -> str:
    """A waiting time to read: `31 ms`, `5.2 s`."""
    return f"{wait_s * 1000:.0f} ms" if wait_s < 0.9995 else f"{wait_s:.1f} s"


def _wait(waits: Waits | None, name: str) -> str:
    return "-" if waits is None else wait_text(getattr(waits, name))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column to the left, the others to the right; a lone second one to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    label, *rest = widths
    right = len(rest) > 1
    return [
        row[0].ljust(label)
        + "".join(
            "  " + (text.rjust(width) if right else text) for text, width in zip(row[1:], rest, strict=True)
        )
        for row in rows
    ]
