"""How long an urgent command waits behind a purge: from the call of enqueue to the arrival of its request.

Both moments are of the machine's one monotonic clock. Which requests are urgent is told by their job ids.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks import rivals
from benchmarks.command import commands, job_id_of
from benchmarks.figures import Burst, Waits, burst, waited_s, waits
from benchmarks.report import Result, Table, number
from benchmarks.rival_backlog import fill_redis
from benchmarks.stage import Stage
from benchmarks.witness import Witness
from tasks.outcome import Lane

BACKLOG, BULK_NODES, BURST = 20_000, 3, 20
SETTLE_S, BETWEEN_BURSTS_S = 4.0, 3.0
BETWEEN_SINGLES_S = (0.15, 0.5)

Enqueue = Callable[[str, int], None]
"""Enqueues so many urgent commands whose job ids begin with a prefix."""


def run(*, quick: bool) -> Result:
    values: dict[str, Any] = {}
    singles, bursts = [], []
    for broker in ("redis", "rabbitmq"):
        one, idle, purge = _standdown(broker, quick)
        values[broker] = {
            "one_at_a_time": asdict(one),
            "bursts_idle": [asdict(each) for each in idle],
            "bursts_during_purge": [asdict(each) for each in purge],
        }
        singles.append(_single_row(f"standdown, {broker}", one))
        bursts += [_burst_row(f"{broker}, idle", idle), _burst_row(f"{broker}, during a purge", purge)]
    rival = _reserve_ahead(quick)
    values["reserve_ahead"] = {"one_at_a_time": asdict(rival)}
    singles.append(_single_row("reserve-ahead, redis", rival))
    threads = f"{BULK_NODES} bulk workers and 1 urgent"
    return Result(
        [
            Table(
                f"urgent, one at a time: behind {BACKLOG:,}, {threads}",
                ["who", "samples", "p50 ms", "p99 ms", "max ms"],
                singles,
                ["to reach: p50 30 ms, p99 75 ms"],
            ),
            Table(
                f"urgent, bursts of {BURST}",
                [
                    "where",
                    "bursts",
                    "first to last ms (worst)",
                    "enqueued to last ms (worst)",
                    "bulk between (most)",
                ],
                bursts,
                [
                    "to reach: idle, first to last 150 ms; during a purge, enqueued to last 1,150 ms, 1 bulk between"
                ],
            ),
        ],
        values,
    )


def _standdown(broker: str, quick: bool) -> tuple[Waits, list[Burst], list[Burst]]:
    with Stage() as stage:
        state, witness = stage.start_redis(), stage.start_sandbox()
        url = state.url if broker == "redis" else stage.start_rabbit().url
        env = stage.standdown_env(url, state.url, 20)
        witness.restart_counts(20)
        with stage.door(env) as door, stage.nodes(env, bulk=BULK_NODES, urgent=1) as nodes:

            def enqueue(prefix: str, count: int) -> None:
                door.enqueue_many(commands(prefix, count, Lane.URGENT))

            # The connections of the first requests are opened before anything is measured.
            enqueue("warm", BURST)
            witness.wait_for(BURST, nodes[-1])
            time.sleep(SETTLE_S)
            idle = _bursts("urgent-idle", enqueue, witness, quick)
            door.enqueue_many(commands("bulk", BACKLOG, Lane.BULK))
            time.sleep(SETTLE_S)
            one = _one_at_a_time(enqueue, witness, 30 if quick else 120, BETWEEN_SINGLES_S)
            time.sleep(SETTLE_S)
            return one, idle, _bursts("urgent-purge", enqueue, witness, quick)


def _reserve_ahead(quick: bool) -> Waits:
    with Stage() as stage:
        server, witness = stage.start_redis(), stage.start_sandbox()
        env = rivals.rival_env(server.url, witness.url, 20)
        witness.restart_counts(0)
        app = rivals.rival_app(env)
        jobs = (job_id_of("bulk", index) for index in range(BACKLOG))
        fill_redis(stage.connect(server), app, rivals.AHEAD, rivals.QUEUE, jobs)

        def enqueue(prefix: str, count: int) -> None:
            for index in range(count):
                app.send_task(rivals.AHEAD, args=[job_id_of(prefix, index)], queue=rivals.URGENT_QUEUE)

        with stage.rivals(env, [rivals.QUEUE] * BULK_NODES + [rivals.URGENT_QUEUE]):
            time.sleep(SETTLE_S)
            return _one_at_a_time(enqueue, witness, 10 if quick else 30, (0.5, 1.5))


def _one_at_a_time(enqueue: Enqueue, witness: Witness, samples: int, between_s: tuple[float, float]) -> Waits:
    enqueued_s: dict[str, float] = {}
    for number_ in range(samples):
        time.sleep(random.uniform(*between_s))
        prefix = f"urgent-one{number_}"
        enqueued_s[job_id_of(prefix, 0)] = time.monotonic()
        enqueue(prefix, 1)
    time.sleep(SETTLE_S)
    witness.check_answers()
    seen = waited_s(enqueued_s, witness.arrivals())
    if len(seen) < samples:
        raise RuntimeError(f"{samples - len(seen)} of {samples} urgent commands never arrived")
    return waits(seen)


def _bursts(name: str, enqueue: Enqueue, witness: Witness, quick: bool) -> list[Burst]:
    began_s: dict[str, float] = {}
    for number_ in range(5 if quick else 10):
        prefix = f"{name}{number_}"
        began_s[prefix] = time.monotonic()
        enqueue(prefix, BURST)
        time.sleep(BETWEEN_BURSTS_S + random.uniform(0, 0.5))
    arrivals = witness.arrivals()
    seen = [burst(f"{prefix}-", at_s, arrivals) for prefix, at_s in began_s.items()]
    return [one for one in seen if one is not None]


def _single_row(who: str, of: Waits) -> list[str]:
    return [who, str(of.count), number(of.p50_ms, 1), number(of.p99_ms, 1), number(of.max_ms, 1)]


def _burst_row(where: str, of: Sequence[Burst]) -> list[str]:
    spread = [one.first_to_last_s * 1000 for one in of]
    whole = [one.enqueued_to_last_s * 1000 for one in of]
    most = max(one.bulk_between for one in of)
    return [where, str(len(of)), _middle_and_worst(spread), _middle_and_worst(whole), str(most)]


def _middle_and_worst(ms: Sequence[float]) -> str:
    of = waits([one / 1000 for one in ms])
    return f"{number(of.p50_ms)} ({number(of.max_ms)})"
