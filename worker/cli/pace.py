"""How fast a batch goes and when it will be through: arithmetic over samples, the clock given."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW_S = 20.0
"""How far back the rate looks: long enough to be steady at 1/s, short enough to show a hold."""
SPAN_MIN_S = 1.0
"""Over a shorter time the rate would be noise."""


@dataclass(slots=True)
class Pace:
    """The measured rate of one batch. `note` each look at it, with a monotonic clock."""

    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now_s: float, done: int) -> None:
        """At `now_s`, `done` commands were settled."""
        self._samples.append((now_s, done))
        while len(self._samples) > 2 and now_s - self._samples[1][0] >= WINDOW_S:
            self._samples.popleft()

    @property
    def per_s(self) -> float | None:
        """Commands settled a second, lately; None while it is too early to say."""
        if len(self._samples) < 2:
            return None
        (from_s, first), (to_s, last) = self._samples[0], self._samples[-1]
        return (last - first) / (to_s - from_s) if to_s - from_s >= SPAN_MIN_S else None

    def left_s(self, remaining: int) -> float | None:
        """How long `remaining` commands take at that rate; None while nothing moves."""
        rate = self.per_s
        return remaining / rate if rate else None


def steady_rate(per_s: int, guard_ms: float) -> float:
    """What the bulk lane really gets under a limit: the guard widens each window of a second."""
    return per_s / (1 + guard_ms / 1000)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a purge of `count` commands will take when nothing else waits."""

    count: int
    rate_per_s: float
    duration_s: float
    end: datetime
    expiring: int
    """How many would not be sent in time, because `not_after` comes first."""


def estimate(count: int, rate_per_s: float, *, now: datetime, not_after: datetime) -> Estimate:
    """The estimate for a purge that starts `now`."""
    duration_s = count / rate_per_s
    in_time = int(max(0.0, (not_after - now).total_seconds()) * rate_per_s)
    end = now + timedelta(seconds=min(duration_s, 1e9))
    return Estimate(count, rate_per_s, duration_s, end, max(0, count - in_time))
