"""Commands at Redis per slot, with a fleet that uses the whole limit; state and broker are two servers.

MONITOR tells the commands of clients from those inside scripts. What the same fleet sends with nothing to do is
taken off: heartbeats and polling cost by time, not by slot.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.command import commands
from benchmarks.figures import per_slot
from benchmarks.monitor import Monitor
from benchmarks.report import Result, Table, number
from benchmarks.stage import Stage
from benchmarks.witness import Witness
from tasks.outcome import Lane
from tests.servers import RedisServer

LIMIT_PER_S = 20
SETTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one server. Per slot without the idle part; `idle_per_s` is that of the whole fleet."""

    nodes: int
    server: str
    slots: int
    clients_per_slot: float
    scripts_per_slot: float
    clients_gross_per_slot: float
    clients_idle_per_s: float
    top: dict[str, float]


def run(*, quick: bool) -> Result:
    found = [cost for nodes in (8, 32) for cost in _measured(nodes, 8.0 if quick else 20.0)]
    rows = [
        [
            str(one.nodes), one.server, number(one.slots), number(one.clients_per_slot, 1),
            number(one.scripts_per_slot, 1), number(one.clients_gross_per_slot, 1), number(one.clients_idle_per_s, 1),
        ]
        for one in found
    ]  # fmt: skip
    columns = [
        "bulk nodes",
        "server",
        "slots",
        "by clients/slot",
        "inside scripts/slot",
        "clients, gross/slot",
        "idle/s",
    ]
    tops = [
        f"{one.nodes} nodes, {one.server}, gross per slot: "
        + ", ".join(f"{name} {calls:.2f}" for name, calls in one.top.items())
        for one in found
        if one.top
    ]
    notes = ["to reach: 20 per slot with 8 nodes saturated, by clients, state and broker together", *tops]
    table = Table(f"redis_cost: saturated at {LIMIT_PER_S}/s, idle part taken off", columns, rows, notes)
    return Result([table], {"costs": [asdict(one) for one in found]})


def _measured(nodes: int, window_s: float) -> list[Cost]:
    with Stage() as stage:
        servers = {"state": stage.start_redis(), "broker": stage.start_redis()}
        witness = stage.start_sandbox()
        witness.restart_counts(LIMIT_PER_S)
        env = stage.standdown_env(servers["broker"].url, servers["state"].url, LIMIT_PER_S)
        with stage.nodes(env, bulk=nodes), stage.door(env) as door:
            time.sleep(SETTLE_S)
            idle, _ = _listen(servers, witness, window_s)
            door.enqueue_many(commands("bulk", 20_000, Lane.BULK))
            time.sleep(SETTLE_S)
            busy, slots = _listen(servers, witness, window_s)
    costs = [_cost(nodes, name, busy[name], idle[name], slots) for name in servers]
    return [*costs, together(costs)]


def together(costs: Sequence[Cost]) -> Cost:
    """All servers as if they were one."""
    return Cost(
        nodes=costs[0].nodes,
        server=" + ".join(one.server for one in costs),
        slots=costs[0].slots,
        clients_per_slot=sum(one.clients_per_slot for one in costs),
        scripts_per_slot=sum(one.scripts_per_slot for one in costs),
        clients_gross_per_slot=sum(one.clients_gross_per_slot for one in costs),
        clients_idle_per_s=sum(one.clients_idle_per_s for one in costs),
        top={},
    )


def _listen(
    servers: dict[str, RedisServer], witness: Witness, window_s: float
) -> tuple[dict[str, Monitor], int]:
    monitors = {name: Monitor(server) for name, server in servers.items()}
    before = witness.count()
    with monitors["state"], monitors["broker"]:
        time.sleep(window_s)
    return monitors, witness.count() - before


def _cost(nodes: int, name: str, busy: Monitor, idle: Monitor, slots: int) -> Cost:
    def net(kind: str) -> float:
        of_busy, of_idle = _total(busy, kind), _total(idle, kind)
        return per_slot(of_busy, busy.listened_s, of_idle, idle.listened_s, slots)

    return Cost(
        nodes=nodes,
        server=name,
        slots=slots,
        clients_per_slot=net("clients"),
        scripts_per_slot=net("scripts"),
        clients_gross_per_slot=_total(busy, "clients") / slots if slots else float("nan"),
        clients_idle_per_s=_total(idle, "clients") / idle.listened_s,
        top={command: calls / slots for command, calls in busy.clients.most_common(8)} if slots else {},
    )


def _total(monitor: Monitor, kind: str) -> int:
    counts: Any = getattr(monitor, kind)
    assert isinstance(counts, Counter)
    return counts.total()
