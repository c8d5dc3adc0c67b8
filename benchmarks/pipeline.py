"""The whole pipeline with the limit lifted, beside a bare Celery task that does one signed requests.post.

The measured worker has a core of its own; servers and sandbox have the other. A rival's command is one message
and one request; ours is also two notes in the ledger, a slot, an outcome, an event confirmed and kept.
"""

import time
from dataclasses import asdict, dataclass

from benchmarks import rivals
from benchmarks.command import commands, job_id_of
from benchmarks.figures import ratio
from benchmarks.process import Process, on_cores, two_sides
from benchmarks.report import Result, Table, number, percent
from benchmarks.rival_backlog import fill_amqp, fill_redis
from benchmarks.stage import THREADS, Stage
from benchmarks.witness import Witness
from tasks.outcome import Lane
from tests.servers import RedisServer

UNLIMITED_PER_S = 10_000
WARM = 300
"""Requests that pass before the measurement: connections are open then, modules loaded, caches warm."""


@dataclass(frozen=True, slots=True)
class Speed:
    """CPU is that of the worker's process alone, user and system, all threads."""

    commands: int
    per_s: float
    cpu_ms_per_command: float

    @property
    def per_core_s(self) -> float:
        """Commands in a second of CPU."""
        return 1000 / self.cpu_ms_per_command


def run(*, quick: bool) -> Result:
    rows, values = [], {}
    for broker in ("redis", "rabbitmq"):
        ours, bare = _standdown(broker, quick), _bare(broker, quick)
        share = ratio(ours.per_core_s, bare.per_core_s)
        values[broker] = {"standdown": asdict(ours), "bare": asdict(bare), "per_core_of_bare": share}
        rows += [
            [f"standdown, {broker}", *_cells(ours), percent(ratio(ours.per_s, bare.per_s)), percent(share)],
            [f"bare celery task, {broker}", *_cells(bare), percent(1), percent(1)],
        ]
    table = Table(
        f"pipeline: limit lifted, 1 worker on 1 core, {THREADS} threads",
        [
            "who",
            "commands/s",
            "CPU ms per command",
            "commands per CPU second",
            "per s, of bare",
            "per core, of bare",
        ],
        rows,
        ["to reach: per core, 70 % of the bare task"],
    )
    return Result([table], values)


def _standdown(broker: str, quick: bool) -> Speed:
    its_core, others = two_sides()
    with Stage() as stage:
        with on_cores(others):
            state, witness = stage.start_redis(), stage.start_sandbox()
            url = state.url if broker == "redis" else stage.start_rabbit().url
        witness.restart_counts(0)
        env = stage.standdown_env(url, state.url, UNLIMITED_PER_S)
        with stage.door(env) as door:
            door.enqueue_many(commands("bulk", 5_000 if quick else 12_000, Lane.BULK))
        with on_cores(its_core), stage.nodes(env, bulk=1) as (node,):
            return _speed(node, witness, quick)


def _bare(broker: str, quick: bool) -> Speed:
    its_core, others = two_sides()
    with Stage() as stage:
        with on_cores(others):
            server = stage.start_redis() if broker == "redis" else stage.start_rabbit()
            witness = stage.start_sandbox()
        witness.restart_counts(0)
        env = rivals.rival_env(server.url, witness.url, UNLIMITED_PER_S)
        app = rivals.rival_app(env)
        jobs = [job_id_of("bulk", index) for index in range(8_000 if quick else 20_000)]
        if isinstance(server, RedisServer):
            fill_redis(stage.connect(server), app, rivals.BARE, rivals.QUEUE, jobs)
        else:
            fill_amqp(app, rivals.BARE, rivals.QUEUE, jobs)
        with on_cores(its_core), stage.rivals(env, [rivals.QUEUE]) as (worker,):
            return _speed(worker, witness, quick)


def _speed(worker: Process, witness: Witness, quick: bool) -> Speed:
    witness.wait_for(WARM, worker)
    began, began_s, began_cpu_s = witness.count(), time.monotonic(), worker.cpu_s()
    time.sleep(6.0 if quick else 15.0)
    count, took_s = witness.count() - began, time.monotonic() - began_s
    cpu_s = worker.cpu_s() - began_cpu_s
    last = witness.count()
    time.sleep(0.5)
    if witness.count() == last:
        raise RuntimeError("the backlog was empty before the measurement ended")
    witness.check_answers()
    return Speed(count, count / took_s, cpu_s * 1000 / count)


def _cells(of: Speed) -> list[str]:
    return [number(of.per_s, 1), number(of.cpu_ms_per_command, 2), number(of.per_core_s, 1)]
