"""What is done to the fleet and when, derived from a seed: the same seed strikes at the same moments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """One way to strike."""

    KILL_NODE = "kill -9 of a node"
    KILL_BROKER = "kill -9 of the broker"
    KILL_STATE = "kill -9 of the state"
    STOP_NODE = "SIGSTOP of a node"
    ROLL = "rolling restart"


@dataclass(frozen=True, slots=True)
class Strike:
    """at_s: seconds after the start. lasts_s: how long the struck stays down. pick: chooses the victim, in [0, 1)."""

    at_s: float
    kind: Kind
    lasts_s: float
    pick: float


FAULTS = {
    "reset": 0.022,
    "hang": 0.01,
    "500": 0.02,
    "503": 0.02,
    "429": 0.001,
    "truncated": 0.01,
    "broken-xml": 0.01,
    "applied-reset": 0.007,
}
"""One request in ten meets one. Very few 429: each halves the rate of the whole fleet, as it should."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how often, how long. `waits_s`: for the rest to be done, after everything is healed."""

    name: str
    commands: int
    urgent: int
    inbox: int
    lasts_s: float
    waits_s: float
    stop_s: float
    strikes: Mapping[Kind, int]
    limit_per_s: int = 100
    urgent_nodes: int = 1
    bulk_nodes: int = 3
    down_s: tuple[float, float] = (1.0, 3.0)
    hang_s: float = 3.0
    latency_ms: str = "60..65"
    """Long enough for a kill to strike between request and answer; even, for jitter costs rate by design."""
    backlog_share: float = 1 / 3
    share_percent: float = 1.0
    faults: Mapping[str, float] = field(default_factory=lambda: FAULTS)

    @property
    def nodes(self) -> int:
        return self.urgent_nodes + self.bulk_nodes

    def some(self, at_least: int) -> int:
        """How many are one per cent of the commands."""
        return max(at_least, round(self.commands * self.share_percent / 100))


FULL = Plan(
    name="full",
    commands=3000,
    urgent=150,
    inbox=12,
    lasts_s=300.0,
    waits_s=120.0,
    stop_s=20.0,
    strikes={Kind.KILL_NODE: 20, Kind.KILL_BROKER: 5, Kind.KILL_STATE: 3, Kind.STOP_NODE: 3, Kind.ROLL: 1},
)
SHORT = Plan(
    name="short",
    commands=600,
    urgent=30,
    inbox=6,
    lasts_s=24.0,
    waits_s=60.0,
    stop_s=5.0,
    strikes={Kind.KILL_NODE: 5, Kind.KILL_BROKER: 1, Kind.KILL_STATE: 1, Kind.STOP_NODE: 1, Kind.ROLL: 1},
)


def strikes_of(plan: Plan, seed: int) -> list[Strike]:
    """All strikes in order of time. Each kind is spread over the whole run, so that kinds meet by chance."""
    random = Random(f"strikes {seed}")
    strikes = []
    for kind, count in plan.strikes.items():
        stretch_s = plan.lasts_s / count if count else 0.0
        for place in range(count):
            at_s = stretch_s * (place + random.uniform(0.2, 0.8))
            lasts_s = plan.stop_s if kind is Kind.STOP_NODE else random.uniform(*plan.down_s)
            strikes.append(Strike(round(at_s, 2), kind, round(lasts_s, 2), random.random()))
    return sorted(strikes, key=lambda strike: strike.at_s)
