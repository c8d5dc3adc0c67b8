"""What must hold, as a table: a name, a count that must be 0 (or a limit), and the sentence where it is not."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chaos.evidence import Evidence
from benchmarks.chaos.findings import Findings

SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Must:
    """One promise. `limit`: the most that is allowed."""

    name: str
    found: int
    limit: int
    sentence: str

    @property
    def holds(self) -> bool:
        return self.found <= self.limit


def musts_of(of: Evidence, found: Findings) -> list[Must]:
    """Every promise, kept or not."""
    surprises = {name: count for name, count in of.log_counts.items() if name.endswith(".surprised")}
    return [
        _none("lost", found.lost, "were accepted and have no event"),
        _none("settled twice with different outcomes", found.contradicted, "were told with several outcomes"),
        _none("still waiting", found.owed, "are still owed by the ledger"),
        _none("waiting in a queue", _queued(of), "hold messages although all is done"),
        _none("cancelled, but not at the API", found.cancelled_unseen, "ended as cancelled, and the API saw none"),
        _none("gone, but still running at the API", found.ended_unseen, "ended as gone, and their job still runs"),
        _none("gone, our own cancel not told", found.untold, "ended as gone by us, with no uncertain attempt told"),
        _none("refused, expired or aborted", found.unexpected, "ended otherwise than by their job's end"),
        _none("events of nobody's command", found.strangers, "are events of commands that were never accepted"),
        _none("batch miscounted", found.batch_problems, ""),
        Must(
            "worst second", found.worst_second, of.limit_per_s,
            f"{found.worst_second} requests arrived within one second, the limit is {of.limit_per_s}",
        ),
        Must(
            "throttled by the limit itself", found.throttled, 0,
            f"{found.throttled} requests were throttled by the sandbox's limit, beyond the 429 it made up",
        ),
        _none("rubbish without a dead letter", found.rubbish_missing, "were handed in and have no dead letter"),
        _none("idle nodes", of.idle_nodes, ""),
        _none("surprises in the log", [f"{count} x {name}" for name, count in surprises.items()], ""),
        _none("strikes that did not go as planned", _unstruck(of), ""),
    ]  # fmt: skip


def _none(name: str, ids: Sequence[str], said: str) -> Must:
    shown = "; ".join(ids[:SHOWN_MAX]) + (
        f"; and {len(ids) - SHOWN_MAX} more" if len(ids) > SHOWN_MAX else ""
    )
    return Must(name, len(ids), 0, f"{len(ids)} {said}: {shown}" if said else f"{name}: {shown}")


def _queued(of: Evidence) -> list[str]:
    # What a killed node held is acknowledged by nobody until Redis' visibility timeout; the ledger has done it.
    # standdown.dead keeps copies of what the ledger kept too.
    ignored = ("unacknowledged", "standdown.dead")
    return [f"{name}: {count}" for name, count in of.books.queued.items() if count and name not in ignored]


def _unstruck(of: Evidence) -> list[str]:
    missing = of.planned_strikes - len(of.struck)
    return [*of.problems, *([f"{missing} strikes were not carried out"] if missing > 0 else [])]
