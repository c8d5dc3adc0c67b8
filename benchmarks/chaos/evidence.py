"""What was seen, as values: by the producers, a consumer of events, the ledger and the pretended API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from benchmarks.chaos.saboteur import Struck
from benchmarks.chaos.witness import Request
from benchmarks.chaos.workload import Order

UNREADABLE = "UnreadableCommand"


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it was seen at one place, once. outcome: "" for a batch's last event, whose counts it holds."""

    event_id: str
    outcome: str
    job_id: str
    lane: str
    at_unix_s: float
    settled_unix_s: float
    requested_unix_s: float | None = None
    attempts: int = 0
    uncertain_attempts: int = 0
    deduplicated: bool = False
    unreadable: bool = False
    redelivered: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, event: Mapping[str, Any], at_unix_s: float | None = None, *, redelivered: bool = False
    ) -> Self:
        """`event`: the CloudEvent as JSON values. at_unix_s: when it was seen; by default when it was settled."""
        data = event["data"]
        settled = _unix_s(event["time"])
        return cls(
            event_id=event["id"],
            outcome=data.get("outcome", ""),
            job_id=event["subject"],
            lane=data.get("lane") or "",
            at_unix_s=settled if at_unix_s is None else at_unix_s,
            settled_unix_s=settled,
            requested_unix_s=_unix_s(data["requested_at"]) if data.get("requested_at") else None,
            attempts=data.get("attempts", 0),
            uncertain_attempts=data.get("uncertain_attempts", 0),
            deduplicated=data.get("deduplicated", False),
            unreadable=(data.get("error") or {}).get("code") == UNREADABLE,
            redelivered=redelivered,
            counts=data.get("outcomes", {}),
        )


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger and the broker hold in the end.

    owed: command id → where it stands, of what is not done. dead_marks: marks of the rubbish with a dead letter.
    held_marks: marks of rubbish that a dead node took and the broker will give out again (Redis, after an hour).
    orphans: commands whose node died, or fell silent, while it carried them.
    """

    stream: Sequence[Seen]
    owed: Mapping[str, str]
    queued: Mapping[str, int]
    dead_letters: int
    dead_marks: frozenset[str]
    held_marks: frozenset[str] = frozenset()
    orphans: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one run. consumed: what an independent consumer at the broker saw."""

    broker: str
    limit_per_s: int
    batch_id: str
    batch_size: int
    accepted: Mapping[str, Order]
    copies: int
    tried_again: int
    rubbish: Mapping[str, str]
    books: Books
    consumed: Sequence[Seen]
    requests: Sequence[Request]
    stats: Mapping[str, Any]
    struck: Sequence[Struck]
    planned_strikes: int
    problems: Sequence[str]
    idle_nodes: Sequence[str]
    duration_s: float
    drain_s: float
    log_counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def rabbitmq(self) -> bool:
        return self.broker == "rabbitmq"


def _unix_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
