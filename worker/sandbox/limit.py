"""The sliding second: whether one more request fits, and how many there ever were at once.

A window is half open, [t, t + 1 s): of two arrivals exactly one second apart, each has its own. Moments are
whole nanoseconds on a monotonic clock, so that the count is exact.
"""

from collections import deque

SECOND_NS = 1_000_000_000


class LastSecond:
    """The moments of the last second. They must come in order."""

    __slots__ = ("_moments",)

    def __init__(self) -> None:
        self._moments: deque[int] = deque()

    def count(self, now_ns: int) -> int:
        """How many moments lie in the second that ends now."""
        moments = self._moments
        while moments and now_ns - moments[0] >= SECOND_NS:
            moments.popleft()
        return len(moments)

    def add(self, now_ns: int) -> None:
        self._moments.append(now_ns)


class Limit:
    """At most so many admitted requests in any second.

    A refused request takes no place: a client that keeps trying is not locked out for ever. (How the real API
    counts those is not documented; the witness counts every arrival, whatever is decided here.)
    """

    __slots__ = ("_admitted",)

    def __init__(self) -> None:
        self._admitted = LastSecond()

    def admits(self, now_ns: int, limit_per_s: int) -> bool:
        """Whether the arrival at `now_ns` is admitted; if so it takes a place. A limit of 0 admits all."""
        if limit_per_s and self._admitted.count(now_ns) >= limit_per_s:
            return False
        self._admitted.add(now_ns)
        return True


class BusiestSecond:
    """The largest number of arrivals in any second so far, and when that second ended."""

    __slots__ = ("_last", "at_ns", "most")

    def __init__(self) -> None:
        self._last = LastSecond()
        self.most = 0
        self.at_ns: int | None = None

    def add(self, now_ns: int) -> None:
        self._last.add(now_ns)
        count = self._last.count(now_ns)
        if count > self.most:
            self.most, self.at_ns = count, now_ns
