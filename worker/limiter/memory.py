"""What the limiter of one account remembers between two calls, and what a clock that went back does to it."""

from dataclasses import dataclass, field
from typing import Self

from worker.limiter.fixed import GUARD_MAX_US, SECOND_US

_GATE_TIMES = ("gate_since", "gate_until", "probe_at")
_TIMES = ("fresh_until", "last", "bulk_at", "stop_until", "slow_at", "guard_until", "wide_at", *_GATE_TIMES)


@dataclass
class Memory:
    """What the limiter of one account remembers. `grants` holds the time of each grant by its number."""

    seen: int = 0
    grants: dict[int, int] = field(default_factory=dict)
    granted: int = 0
    cap: int = 0
    failures: int = 0
    streak: int = 0
    urgent: dict[str, int] = field(default_factory=dict)
    bulk: dict[str, int] = field(default_factory=dict)
    fresh_until: int | None = None
    last: int | None = None
    bulk_at: int | None = None
    stop_until: int | None = None
    limit: int | None = None
    slow_limit: int | None = None
    slow_at: int | None = None
    guard_kept: int = 0
    guard_until: int | None = None
    wide: int = 0
    wide_before: int = 0
    wide_at: int | None = None
    quickest: float | None = None
    jitter: float | None = None
    gate: str | None = None
    gate_since: int | None = None
    gate_until: int | None = None
    probe_at: int | None = None
    probe_every: int | None = None

    @classmethod
    def fresh(cls, now: int) -> Self:
        """What an empty Redis begins with: it may have forgotten a whole window of grants."""
        return cls(seen=now, fresh_until=now + SECOND_US + GUARD_MAX_US)

    def step_to(self, now: int) -> None:
        """Every operation begins so: a clock that went back takes all that is remembered with it."""
        if now < self.seen:
            step = self.seen - now
            for name in _TIMES:
                if (value := getattr(self, name)) is not None:
                    setattr(self, name, value - step)
            for told in (self.urgent, self.bulk):
                for client in told:
                    told[client] -= step
            for number in self.grants:
                self.grants[number] -= step
        self.seen = now
