"""What the demo counts: commands, events and the sandbox's arrivals in, figures out. Pure.

The sandbox is the witness: every request, its moment and the worst second are the sandbox's own; ours are
only the moments at which commands were handed in.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.command import CancelCommand
from tasks.event import Event, EventData
from tasks.outcome import Lane, Outcome


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived at the sandbox."""

    job_id: str
    at_unix_s: float


@dataclass(frozen=True, slots=True)
class Counted:
    """The sandbox's counts. worst_second: most requests that arrived within any second."""

    requests: int
    worst_second: int
    throttled: int


@dataclass(frozen=True, slots=True)
class Waits:
    """From handing a command in to its first request arriving at the sandbox; `count` commands sent one."""

    count: int
    p50_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """One lane's commands. deduplicated: how many events were told without a request of their own."""

    accepted: int
    events: int
    outcomes: Mapping[Outcome, int]
    deduplicated: int
    waits: Waits | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the demo ends with.

    rate_per_s: requests of both lanes between the first and the last bulk request; None for fewer than two.
    missing: ids of accepted commands without an event. unexpected: ids of events that answer no command.
    """

    limit_per_s: int
    lanes: Mapping[Lane, LaneFigures]
    counted: Counted
    rate_per_s: float | None
    missing: Collection[str] = field(default=())
    unexpected: Collection[str] = field(default=())

    @property
    def accepted(self) -> int:
        return sum(lane.accepted for lane in self.lanes.values())

    @property
    def events(self) -> int:
        """How many distinct ids the published events have."""
        return sum(lane.events for lane in self.lanes.values()) + len(self.unexpected)


def figures_of(
    commands: Iterable[CancelCommand],
    events: Iterable[Event],
    arrivals: Sequence[Arrival],
    counted: Counted,
    limit_per_s: int,
) -> Figures:
    """The figures. `events` may hold an event twice and those of batches; `arrivals` may come in any order."""
    by_id = {command.command_id: command for command in commands}
    ended = {event.id: event.data for event in events if isinstance(event.data, EventData)}
    first_to_last = sorted(arrivals, key=lambda arrival: arrival.at_unix_s)
    lanes = {
        lane: _lane_figures([one for one in by_id.values() if one.lane is lane], ended, first_to_last)
        for lane in Lane
    }
    bulk_jobs = {command.job_id for command in by_id.values() if command.lane is Lane.BULK}
    return Figures(
        limit_per_s=limit_per_s,
        lanes=lanes,
        counted=counted,
        rate_per_s=rate_per_s(first_to_last, bulk_jobs),
        missing=sorted(by_id.keys() - ended.keys()),
        unexpected=sorted(ended.keys() - by_id.keys()),
    )


def rate_per_s(arrivals: Sequence[Arrival], bulk_jobs: Collection[str]) -> float | None:
    """Requests a second between the first and the last bulk request; `arrivals` in the order of their moments.

    Urgent requests between them count: both lanes share the limit. n arrivals have n - 1 gaps between them.
    """
    places = [place for place, arrival in enumerate(arrivals) if arrival.job_id in bulk_jobs]
    if not places:
        return None
    first, last = places[0], places[-1]
    took_s = arrivals[last].at_unix_s - arrivals[first].at_unix_s
    return (last - first) / took_s if took_s > 0 else None


def waits_s(commands: Iterable[CancelCommand], arrivals: Sequence[Arrival]) -> dict[str, float]:
    """For each command, by its id, how long it waited for its first request; `arrivals` in order.

    A command without a request of its own is left out: requests made before it was handed in are another's.
    """
    moments: dict[str, list[float]] = {}
    for arrival in arrivals:
        moments.setdefault(arrival.job_id, []).append(arrival.at_unix_s)
    found = {}
    for command in commands:
        handed_in_s = command.requested_at.timestamp()
        later = (at_s for at_s in moments.get(command.job_id, ()) if at_s >= handed_in_s)
        if (at_s := next(later, None)) is not None:
            found[command.command_id] = at_s - handed_in_s
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted, not empty `values`; share 0.99 is the 99th."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def problems(figures: Figures) -> list[str]:
    """What was promised and did not hold, a sentence each; empty when all held."""
    found = []
    if figures.missing:
        found.append(f"{_some(figures.missing)} of {figures.accepted} accepted commands have no event")
    if figures.unexpected:
        found.append(f"{_some(figures.unexpected)} events answer no command")
    if figures.counted.worst_second > figures.limit_per_s:
        found.append(
            f"{figures.counted.worst_second} requests arrived within a second, "
            f"and the limit is {figures.limit_per_s}"
        )
    if figures.counted.throttled:
        found.append(f"{figures.counted.throttled} requests were answered as throttled")
    return found


def _lane_figures(
    commands: Sequence[CancelCommand], ended: Mapping[str, EventData], arrivals: Sequence[Arrival]
) -> LaneFigures:
    events = [ended[command.command_id] for command in commands if command.command_id in ended]
    waits = sorted(waits_s(commands, arrivals).values())
    return LaneFigures(
        accepted=len(commands),
        events=len(events),
        outcomes=Counter(event.outcome for event in events),
        deduplicated=sum(event.deduplicated for event in events),
        waits=Waits(len(waits), percentile(waits, 0.5), percentile(waits, 0.99), waits[-1])
        if waits
        else None,
    )


def _some(ids: Collection[str]) -> str:
    shown = sorted(ids)[:3]
    return f"{len(ids)} ({', '.join(shown)}{', …' if len(ids) > len(shown) else ''})"
