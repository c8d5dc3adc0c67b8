"""A fleet of obedient clients around the twin: they ask when they were told to, on a clock of their own making."""

import heapq
import random
from dataclasses import dataclass, field

from worker.limiter.twin import Twin
from worker.limiter.verdict import Verdict

START_US = 1_000_000_000
SECOND_US = 1_000_000
GUARD_US = 20_000
LEAD_US = 5_000
ENDLESS = 10**9


def ask(
    twin: Twin,
    at: int,
    lane: str = "bulk",
    client: str = "a",
    *,
    waiting: int = 1,
    limit: int = 20,
    streak_max: int = 19,
    took: tuple[int, int] | None = None,
) -> Verdict:
    """`take` with the values of production for whatever a test does not care about."""
    return twin.take(
        at,
        lane=lane,
        client=client,
        waiting=waiting,
        configured=limit,
        guard_start=GUARD_US,
        streak_max=streak_max,
        lead=LEAD_US,
        took=took,
    )


def tell(
    twin: Twin, at: int, fault: str, *, retry_after: int = 0, probe: bool = False, limit: int = 20
) -> None:
    """`report`, the same way."""
    twin.report(at, fault=fault, retry_after=retry_after, probe=probe, guard_start=GUARD_US, configured=limit)


@dataclass
class Client:
    """One gate with `backlog` waiters, from `begins_us` after the start on."""

    name: str
    lane: str
    backlog: int = ENDLESS
    begins_us: int = 0


@dataclass(frozen=True)
class Granted:
    """A slot, and when its owner began to want it."""

    at_us: int
    lane: str
    client: str


@dataclass
class Fleet:
    """Clients that obey, `rtt_us` away from the limiter; `refused` are the moments of refusals by lane."""

    clients: list[Client]
    limit: int = 20
    streak_max: int = 19
    rtt_us: tuple[int, int] = (300, 1500)
    twin: Twin = field(default_factory=Twin)
    asked: int = 0

    def run(self, seconds: float, seed: int = 0) -> list[Granted]:
        """All grants of that time, in order."""
        chance = random.Random(seed)
        self.twin.seen = START_US
        due = [
            (START_US + client.begins_us + chance.randrange(1000), place)
            for place, client in enumerate(self.clients)
        ]
        heapq.heapify(due)
        grants: list[Granted] = []
        while due and due[0][0] < START_US + seconds * SECOND_US:
            at, place = heapq.heappop(due)
            client = self.clients[place]
            self.asked += 1
            verdict = ask(
                self.twin,
                at,
                client.lane,
                client.name,
                waiting=min(client.backlog, 5),
                limit=self.limit,
                streak_max=self.streak_max,
            )
            pause = verdict.wait_us
            if verdict.granted:
                grants.append(Granted(at + verdict.wait_us, client.lane, client.name))
                client.backlog -= 1
                pause = verdict.next_wait_us
            if client.backlog:
                heapq.heappush(due, (at + pause + chance.randrange(*self.rtt_us), place))
        return grants
