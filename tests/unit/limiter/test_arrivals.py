"""What the API counts are arrivals: requests leave on time, arrive when the network lets them, and are counted."""

import heapq
import itertools
import random
from collections import deque

import pytest

from tasks.outcome import Lane
from tasks.ports import Slot
from tests.unit.limiter.fleet import SECOND_US, START_US, ask
from worker.limiter.gate import Gate
from worker.limiter.twin import Twin
from worker.limiter.verdict import Verdict

LIMIT = 20


class LateOnly:
    """The script as Gate.report sees it, in front of the twin; `obeys` switches the late moves off."""

    def __init__(self, twin: Twin, obeys: bool) -> None:
        self.twin = twin
        self.obeys = obeys
        self.moved = 0

    def late(self, number: int, by_us: int) -> None:
        self.moved += 1
        if self.obeys:
            self.twin.late(self.twin.seen, number, by_us)


class Fleet:
    """Three clients, both lanes, always busy; a request in `spike_every` takes up to `spike_us` to arrive."""

    def __init__(self, seed: int, *, late: bool, spike_us: int = 150_000, spike_every: int = 20) -> None:
        self.chance = random.Random(seed)
        self.twin = Twin(seen=START_US)
        self.script = LateOnly(self.twin, late)
        self.now_us = START_US
        self.gate = Gate(
            self.script,  # type: ignore[arg-type] all of it that report uses
            Lane.BULK,
            "c",
            wait_max_s=1.0,
            clock=lambda: self.now_us / 1e6,
        )
        self.spike_us = spike_us
        self.spike_every = spike_every
        self.took: dict[str, list[int]] = {"a": [], "b": [], "c": []}
        self.arrivals: list[int] = []

    def delay_us(self) -> int:
        if self.chance.randrange(self.spike_every) == 0:
            return self.chance.randrange(4_000, self.spike_us)
        return self.chance.randrange(1_000, 4_000)

    def run(self, seconds: int) -> "Fleet":
        order = itertools.count()
        due: list[tuple[int, int, str, tuple[Verdict, int] | None]] = [
            (START_US + self.chance.randrange(5_000), next(order), client, None) for client in self.took
        ]
        while due[0][0] < START_US + seconds * SECOND_US:
            self.now_us, _, client, answered = heapq.heappop(due)
            if answered is not None:
                self.report(client, *answered)
                continue
            verdict = self.ask(client)
            heard_us = self.now_us + self.chance.randrange(100, 800)
            pause_us = verdict.next_wait_us if verdict.granted else verdict.wait_us
            heapq.heappush(due, (heard_us + pause_us, next(order), client, None))
            if verdict.granted:
                asked_us = self.now_us - self.chance.randrange(100, 800)
                arrives_us = heard_us + verdict.wait_us + self.delay_us()
                self.arrivals.append(arrives_us)
                answered_us = arrives_us + self.chance.randrange(3_000, 12_000)
                heapq.heappush(due, (answered_us, next(order), client, (verdict, asked_us + verdict.wait_us)))
        return self

    def ask(self, client: str) -> Verdict:
        took, self.took[client] = self.took[client], []
        lane = "bulk" if client == "b" else "urgent"
        pair = (min(took), sum(took) // len(took)) if took else None
        return ask(self.twin, self.now_us, lane, client, waiting=5, took=pair)

    def report(self, client: str, verdict: Verdict, taken_us: int) -> None:
        self.took[client].append(self.now_us - taken_us)
        slot = Slot(verdict.number, taken_us / 1e6, 0.0, verdict.guard_us, verdict.quickest_us)
        self.gate.report(slot, None)

    @property
    def most_in_a_second(self) -> int:
        """The largest number of arrivals in any second, counted as strictly as an API can."""
        inside: deque[int] = deque()
        most = 0
        for arrival in sorted(self.arrivals):
            inside.append(arrival)
            while inside[0] <= arrival - SECOND_US:
                inside.popleft()
            most = max(most, len(inside))
        return most


@pytest.mark.parametrize(
    ("spike_us", "spike_every"), [(150_000, 20), (150_000, 3), (60_000, 10), (30_000, 4), (12_000, 3)]
)
def test_never_more_arrivals_in_a_second_than_the_limit(spike_us: int, spike_every: int) -> None:
    """From the first request on, however the network delays them: 20 a second, at nearly the full rate."""
    for seed in range(30):
        fleet = Fleet(seed, late=True, spike_us=spike_us, spike_every=spike_every).run(15)
        assert fleet.most_in_a_second <= LIMIT, f"seed {seed}"
        assert len(fleet.arrivals) >= 0.8 * LIMIT * 15
        assert fleet.script.moved > 0


def test_without_moving_late_grants_the_limit_would_be_broken() -> None:
    """The test above can fail: where late requests are not told to the fleet, spikes break the limit."""
    broken = [Fleet(seed, late=False).run(15).most_in_a_second > LIMIT for seed in range(10)]
    assert all(broken)
