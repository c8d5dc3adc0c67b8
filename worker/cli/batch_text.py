"""What is said of a batch: one line for people, one object for scripts. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tasks.outcome import Outcome
from worker.cli.moment import duration_text
from worker.ledger.history import BatchCount


def outcomes_text(outcomes: Mapping[Outcome, int]) -> str:
    """`98 cancelled, 2 gone`, in the order of the outcomes; empty where none is known."""
    return ", ".join(f"{outcomes[one]} {one}" for one in Outcome if outcomes.get(one))


def progress_line(count: BatchCount, per_s: float | None, left_s: float | None) -> str:
    """How far a running batch is."""
    parts = [f"batch {count.batch_id}: {count.done} of {count.size} ({percent(count)})"]
    if per_s is not None:
        parts.append(f"{per_s:.1f}/s")
    if left_s is not None:
        parts.append(f"{duration_text(left_s)} left")
    if outcomes := outcomes_text(count.outcomes):
        parts.append(outcomes)
    if count.aborted:
        parts.append("aborted")
    return ", ".join(parts)


def summary_line(count: BatchCount, elapsed_s: float | None = None) -> str:
    """How far a batch came: the last line of a purge."""
    took = f" in {duration_text(elapsed_s)}" if elapsed_s is not None else ""
    outcomes = outcomes_text(count.outcomes) or "none settled yet"
    aborted = " (aborted)" if count.aborted else ""
    return f"batch {count.batch_id}{aborted}: {count.done} of {count.size} done{took}: {outcomes}"


def batch_json(account: str, count: BatchCount, **more: Any) -> dict[str, Any]:
    """A batch for scripts: every outcome has its count, be it 0."""
    return {
        "batch_id": count.batch_id,
        "account": account,
        "size": count.size,
        "done": count.done,
        "complete": count.complete,
        "aborted": count.aborted,
        "created_at": count.created_at,
        "outcomes": {str(one): count.outcomes.get(one, 0) for one in Outcome},
        **more,
    }


def all_ended_well(count: BatchCount) -> bool:
    """Whether no job was left alone: everything that ended is cancelled or gone."""
    return not any(number for outcome, number in count.outcomes.items() if not outcome.settles_the_job)


def average_per_s(count: BatchCount, now: datetime) -> float | None:
    """Commands settled a second since the batch was made; None once it is complete, for its end is not kept."""
    if count.complete or count.created_at is None:
        return None
    elapsed_s = (now - datetime.fromisoformat(count.created_at)).total_seconds()
    return count.done / elapsed_s if elapsed_s >= 1 else None


def command_line(verb: str, batch_id: str, account: str) -> str:
    """The command line that does `verb` to a batch, to be shown."""
    option = "" if account == "default" else f" --account {account}"
    return f"standdown batch {verb} {batch_id}{option}"


def percent(count: BatchCount) -> str:
    """How much of a batch is settled."""
    return f"{100 * count.done / max(1, count.size):.1f} %"
