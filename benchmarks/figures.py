"""From what was seen to figures: values in, values out.

Moments are seconds on the machine's monotonic clock, in order of arrival.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the sandbox saw it; whole nanoseconds, so that a second is exactly a second."""

    at_ns: int
    job_id: str
    status: int

    @property
    def at_s(self) -> float:
        return self.at_ns / SECOND_NS


@dataclass(frozen=True, slots=True)
class Waits:
    """Waiting times in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Burst:
    """Urgent commands enqueued together. Times in seconds; `bulk_between` the first and the last of them."""

    first_to_last_s: float
    enqueued_to_last_s: float
    bulk_between: int


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` % of all do not exceed (nearest rank: always a seen one)."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def waits(seconds: Sequence[float]) -> Waits:
    """Middle, tail and worst of waiting times given in seconds."""
    ms = [value * 1000 for value in seconds]
    return Waits(len(ms), percentile(ms, 50), percentile(ms, 99), percentile(ms, 100))


def within(arrivals: Iterable[Arrival], from_s: float, to_s: float) -> list[Arrival]:
    """Those of [from_s, to_s)."""
    return [arrival for arrival in arrivals if from_s <= arrival.at_s < to_s]


def rate_per_s(arrivals: Sequence[Arrival]) -> float:
    """n arrivals have n - 1 intervals between them."""
    if len(arrivals) < 2 or arrivals[-1].at_ns == arrivals[0].at_ns:
        return 0.0
    return (len(arrivals) - 1) * SECOND_NS / (arrivals[-1].at_ns - arrivals[0].at_ns)


def worst_second(arrivals: Iterable[Arrival]) -> int:
    """The largest number of arrivals in any half-open second [t, t + 1 s)."""
    most, recent = 0, deque[int]()
    for arrival in arrivals:
        recent.append(arrival.at_ns)
        while arrival.at_ns - recent[0] >= SECOND_NS:
            recent.popleft()
        most = max(most, len(recent))
    return most


def over_limit(arrivals: Iterable[Arrival], limit_per_s: int) -> list[Arrival]:
    """Those an API would throttle that admits `limit_per_s` in any second; refused ones take no place."""
    refused, admitted = [], deque[int]()
    for arrival in arrivals:
        while admitted and arrival.at_ns - admitted[0] >= SECOND_NS:
            admitted.popleft()
        if len(admitted) >= limit_per_s:
            refused.append(arrival)
        else:
            admitted.append(arrival.at_ns)
    return refused


def waited_s(enqueued_s: dict[str, float], arrivals: Iterable[Arrival]) -> list[float]:
    """From enqueueing to the first arrival of each job; those that never arrived are left out."""
    first: dict[str, float] = {}
    for arrival in arrivals:
        if arrival.job_id in enqueued_s:
            first.setdefault(arrival.job_id, arrival.at_s)
    return [first[job] - at_s for job, at_s in enqueued_s.items() if job in first]


def burst(prefix: str, enqueued_s: float, arrivals: Sequence[Arrival]) -> Burst | None:
    """The burst whose job ids begin with `prefix`; None where none of it arrived."""
    ours = [arrival for arrival in arrivals if arrival.job_id.startswith(prefix)]
    if not ours:
        return None
    first, last = ours[0], ours[-1]
    moments = [arrival.at_ns for arrival in arrivals]
    inside = arrivals[bisect_left(moments, first.at_ns) : bisect_left(moments, last.at_ns)]
    others = sum(1 for arrival in inside if not arrival.job_id.startswith("urgent"))
    return Burst((last.at_ns - first.at_ns) / SECOND_NS, last.at_s - enqueued_s, others)


def ratio(ours: float, theirs: float) -> float:
    """How many times theirs ours is; NaN where theirs is nothing."""
    return ours / theirs if theirs else math.nan


def per_slot(busy: float, busy_s: float, idle: float, idle_s: float, slots: int) -> float:
    """Commands per slot, without those that the same fleet sends in the same time with nothing to do."""
    return (busy - idle * busy_s / idle_s) / slots if slots else math.nan
