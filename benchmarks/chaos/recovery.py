"""How long each strike was felt: from the strike to the next request that succeeded and the next event, by lane."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos.evidence import Evidence, Seen
from benchmarks.chaos.saboteur import Struck
from tasks.outcome import Lane


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds after the strike; NaN where nothing came any more. Time with nothing to do counts too."""

    struck: Struck
    request_s: float
    bulk_s: float
    urgent_s: float


def recoveries_of(of: Evidence) -> list[Recovery]:
    """One for each strike, in order."""
    requests = sorted(request.at_unix_s for request in of.requests if request.succeeded)
    by_lane = {lane: _moments(of.consumed, lane) for lane in Lane}
    return [_recovery(one, requests, by_lane) for one in of.struck]


def _recovery(struck: Struck, requests: Sequence[float], events: Mapping[Lane, Sequence[float]]) -> Recovery:
    def after_s(moments: Sequence[float]) -> float:
        place = bisect_left(moments, struck.from_unix_s)
        return moments[place] - struck.at_unix_s if place < len(moments) else math.nan

    return Recovery(struck, after_s(requests), after_s(events[Lane.BULK]), after_s(events[Lane.URGENT]))


def _moments(events: Sequence[Seen], lane: Lane) -> list[float]:
    """When each event of a lane was first seen."""
    first: dict[str, float] = {}
    for seen in events:
        if seen.lane == lane:
            first.setdefault(seen.event_id, seen.at_unix_s)
    return sorted(first.values())
