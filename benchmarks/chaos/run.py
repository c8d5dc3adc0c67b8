"""One run against one broker: hand in, strike, heal, wait until all is done, gather what was seen."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.chaos.books import Bookkeeper
from benchmarks.chaos.clock import RunClock
from benchmarks.chaos.evidence import Evidence
from benchmarks.chaos.foreign import ForeignProducer
from benchmarks.chaos.listener import RabbitListener, RedisListener
from benchmarks.chaos.place import Place
from benchmarks.chaos.plan import strikes_of
from benchmarks.chaos.processes import until
from benchmarks.chaos.producer import Producer
from benchmarks.chaos.rollcall import RollCall
from benchmarks.chaos.saboteur import STOP_MAX_S, Saboteur
from benchmarks.chaos.workload import workload_of

HAND_IN_MAX_S = 60.0
"""After the last strike is repaired every producer must get through within this."""


def run(place: Place, seed: int, say: Callable[[str], None]) -> Evidence:
    """What was seen. Takes about as long as the plan says, and at most twice that."""
    plan = place.plan
    strikes = strikes_of(plan, seed)
    workload = workload_of(plan, strikes, seed)
    listener = (RabbitListener if place.rabbitmq else RedisListener)(place.broker.url)
    listener.start()
    books = Bookkeeper(place.state.url, place.broker.url)
    clock = RunClock()
    producers = [Producer(place.env, workload, orders, clock) for orders in (workload.purge, workload.urgent)]
    foreign = ForeignProducer(place.broker.url, workload, clock)
    everyone: list[Producer | ForeignProducer] = [*producers, foreign]
    saboteur = Saboteur(place, strikes, clock)
    say(f"{len(strikes)} strikes in {plan.lasts_s:g} s")
    threads = _start([one.run for one in everyone])
    saboteur.run()
    problems = list(saboteur.problems)

    say(f"all is healed after {clock.now_s():.0f} s")
    place.witness.stop_faults()
    if not _joined(threads, HAND_IN_MAX_S):
        problems.append(f"producers did not get through in {HAND_IN_MAX_S:g} s")
        for one in everyone:
            one.give_up()
    healed_s = clock.now_s()
    wanted = frozenset(foreign.rubbish)
    until(lambda: books.is_done() and wanted <= books.dead_marks(), plan.waits_s, every_s=0.5)
    drain_s = clock.now_s() - healed_s
    call = RollCall(place, workload, books)
    try:
        call.run()
    except Exception as problem:  # noqa: BLE001 told in the report, whatever it is
        problems.append(f"the roll call ended early: {problem!r}")
    until(books.is_done, plan.waits_s / 2, every_s=0.5)
    say(f"done after {clock.now_s():.0f} s")
    listener.stop()

    accepted = {**foreign.accepted, **call.accepted}
    for producer in producers:
        accepted |= producer.accepted
        problems += producer.surprises
    evidence = Evidence(
        broker="rabbitmq" if place.rabbitmq else "redis",
        limit_per_s=plan.limit_per_s,
        batch_id=workload.batch_id,
        batch_size=workload.batch_size,
        accepted=accepted,
        copies=sum(producer.copies for producer in producers),
        tried_again=sum(one.tried_again for one in everyone),
        rubbish={mark: one.kind for mark, one in foreign.rubbish.items()},
        books=books.read(accepted),
        consumed=listener.seen,
        requests=place.witness.requests(),
        stats=place.witness.stats(),
        struck=saboteur.struck,
        planned_strikes=len(strikes),
        problems=[*problems, *_farewell(place)],
        idle_nodes=call.idle,
        duration_s=clock.now_s(),
        drain_s=drain_s,
        log_counts=log_counts(place.log().splitlines()),
    )
    books.close()
    return evidence


def log_counts(lines: Sequence[str]) -> dict[str, int]:
    """How often each event of ours stands in the log; lines of libraries and tracebacks count as `(other)`."""
    counts: Counter[str] = Counter()
    for line in lines:
        try:
            told = json.loads(line)
            name = told["event"] if "logger" not in told else "(other)"
        except (ValueError, KeyError, TypeError):
            name = "(other)"
        counts[name] += 1
    return dict(counts.most_common())


def _farewell(place: Place) -> list[str]:
    """A last SIGTERM: the fleet must end by itself."""
    codes = [place.stop_supervisor(one, STOP_MAX_S) for one in place.supervisors if one.poll() is None]
    return [f"the fleet did not end well on SIGTERM: exit code {code}" for code in codes if code != 0]


def _start(runs: Sequence[Callable[[], None]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=run, daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    return threads


def _joined(threads: Sequence[threading.Thread], timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
