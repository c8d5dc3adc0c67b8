"""Use of the limit, worst second and throttled answers, beside stock `rate_limit` and a reserve-ahead limiter.

A backlog waits before the first worker starts. Use is counted in a window of steady work; worst second and
throttled answers over the whole run, starts included.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count

import redis

from benchmarks import rivals
from benchmarks.command import commands, job_id_of
from benchmarks.figures import over_limit, rate_per_s, within, worst_second
from benchmarks.process import Process
from benchmarks.report import Result, Table, number, percent
from benchmarks.rival_backlog import fill_redis
from benchmarks.stage import Stage
from benchmarks.witness import Witness
from tasks.outcome import Lane

BACKLOG = 20_000
SETTLE_S = 3.0
COLUMNS = [
    "who",
    "limit/s",
    "used",
    "sent/s",
    "worst second",
    "over the limit",
    "first after s",
    "throttled",
    "lag ms",
    "worker cores",
]
GOAL = "to reach at 20/s: 97.5 % with 3 bulk nodes (99 % wanted), worst second 20, none throttled"


@dataclass(frozen=True, slots=True)
class Run:
    """One line. `over_limit`: what an API that admits `limit_per_s` would have refused.

    first_over_s: when that began, from the first arrival on. witness_lag_max_ms: how late the sandbox itself got
    to look, at worst; so much closer together than they were may arrivals have been counted.
    """

    who: str
    limit_per_s: int
    window_s: float
    used: float
    sent_per_s: float
    worst_second: int
    over_limit: int
    first_over_s: float
    throttled: int
    witness_lag_max_ms: float
    worker_cores: float


@dataclass(frozen=True, slots=True)
class Rival:
    """A way to keep a limit without us. prefetch: messages a worker takes for each of its threads."""

    who: str
    task: str
    workers: int
    prefetch: int = 4


RIVALS = [
    Rival("celery rate_limit, 1 worker", rivals.STOCK, 1),
    Rival("celery rate_limit, 3 workers", rivals.STOCK, 3),
    Rival("celery rate_limit, 3 workers, prefetch 1", rivals.STOCK, 3, prefetch=1),
    Rival("reserve-ahead, 3 workers", rivals.AHEAD, 3),
]


def run(*, quick: bool) -> Result:
    with Stage() as stage:
        server, witness = stage.start_redis(), stage.start_sandbox()
        client = stage.connect(server)
        runs = []
        for limit_per_s in (20, 100, 500):
            env = stage.standdown_env(server.url, server.url, limit_per_s)
            for nodes in (1, 3, 8):
                client.flushall()
                witness.restart_counts(limit_per_s)
                with stage.door(env) as door:
                    door.enqueue_many(commands(f"bulk{next(_numbers)}", BACKLOG, Lane.BULK))
                with stage.nodes(env, bulk=nodes, urgent=1) as processes:
                    who = f"standdown, {nodes} bulk + 1 urgent"
                    runs.append(
                        _measured(who, limit_per_s, witness, processes, _window_s(limit_per_s, quick))
                    )
        runs += [_rival(stage, server.url, client, witness, rival, quick) for rival in RIVALS]
    return Result([table_of(runs)], {"runs": [asdict(one) for one in runs]})


def table_of(runs: Sequence[Run]) -> Table:
    """One row for each run."""
    rows = [
        [
            one.who, str(one.limit_per_s), percent(one.used), number(one.sent_per_s, 2), str(one.worst_second),
            str(one.over_limit), number(one.first_over_s, 1),
            str(one.throttled), number(one.witness_lag_max_ms), number(one.worker_cores, 2),
        ]
        for one in runs
    ]  # fmt: skip
    notes = [
        GOAL,
        "over the limit: arrivals that an API admitting the limit in any second would refuse",
        "lag: how late the sandbox itself looked at worst; with a large one, a request over the limit may be its own",
        "rivals run against a sandbox that admits all, so that their worst second is seen",
    ]
    return Table(f"limit: backlog {BACKLOG:,}, Redis broker", COLUMNS, rows, notes)


_numbers = count(1)


def _window_s(limit_per_s: int, quick: bool) -> float:
    if quick:
        return 8.0
    return 20.0 if limit_per_s == 20 else 10.0


def _rival(stage: Stage, url: str, client: redis.Redis, witness: Witness, rival: Rival, quick: bool) -> Run:
    client.flushall()
    witness.restart_counts(0)
    env = rivals.rival_env(url, witness.url, 20, prefetch=rival.prefetch)
    prefix = f"bulk{next(_numbers)}"
    jobs = (job_id_of(prefix, index) for index in range(BACKLOG))
    fill_redis(client, rivals.rival_app(env), rival.task, rivals.QUEUE, jobs)
    with stage.rivals(env, [rivals.QUEUE] * rival.workers) as processes:
        return _measured(rival.who, 20, witness, processes, _window_s(20, quick))


def _measured(
    who: str, limit_per_s: int, witness: Witness, processes: Sequence[Process], window_s: float
) -> Run:
    witness.wait_for(1, processes[0])
    time.sleep(SETTLE_S)
    began_s, cpu_s = time.monotonic(), sum(process.cpu_s() for process in processes)
    time.sleep(window_s)
    ended_s = time.monotonic()
    cpu_s = sum(process.cpu_s() for process in processes) - cpu_s
    witness.check_answers()
    stats, arrivals = witness.stats(), witness.arrivals()
    over = over_limit(arrivals, limit_per_s)
    sent_per_s = rate_per_s(within(arrivals, began_s, ended_s))
    return Run(
        who=who,
        limit_per_s=limit_per_s,
        window_s=window_s,
        used=sent_per_s / limit_per_s,
        sent_per_s=sent_per_s,
        worst_second=worst_second(arrivals),
        over_limit=len(over),
        first_over_s=over[0].at_s - arrivals[0].at_s if over else math.nan,
        throttled=stats["throttled"],
        witness_lag_max_ms=stats["witness_lag_max_ms"],
        worker_cores=cpu_s / (ended_s - began_s),
    )
