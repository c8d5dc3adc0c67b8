"""The gate with a real Redis: threads wait in order, nothing leaves without a slot, and every wait can end."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count, pairwise

import pytest

from tasks.answer import AttemptError
from tasks.outcome import Lane
from tasks.ports import Slot, SlotTimeoutError, StoppingError
from tests.servers import RedisServer
from worker.limiter.gate import Gate
from worker.limiter.script import LimiterScript, Rules
from worker.state import connect_state

ACCOUNTS = count()
GUARD_MS = 20.0
WINDOW_S = 1.0 + GUARD_MS / 1000
PATIENCE_S = 20.0


@pytest.fixture
def account() -> str:
    return f"gate-{next(ACCOUNTS)}"


def gate_at(
    url: str,
    account: str,
    client: str = "one",
    *,
    lane: Lane = Lane.URGENT,
    limit: int = 20,
    wait_max_s: float = PATIENCE_S,
) -> Gate:
    """A gate with a connection of its own, as a process of its own would have it."""
    script = LimiterScript(connect_state(url), account, Rules(limit, GUARD_MS, 19))
    if not connect_state(url).exists(f"standdown:{{{account}}}:limiter"):
        script.release(now_us=time.time_ns() // 1000 - 2_000_000)  # not the first second of an empty Redis
    return Gate(script, lane, client, wait_max_s=wait_max_s)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as threads:
        yield threads


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.002)


def assert_within_limit(slots: list[Slot], limit: int) -> None:
    """`taken_at_s` is counted from before the question: it may lie some milliseconds before the grant."""
    times = sorted(slot.taken_at_s for slot in slots)
    gaps = [later - one for one, later in zip(times, times[limit:], strict=False)]
    assert all(gap > 1.0 for gap in gaps), min(gaps)


def take_for(gate: Gate, seconds: float) -> list[Slot]:
    slots = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with suppress(SlotTimeoutError):
            slots.append(gate.take())
    return slots


def test_many_threads_get_their_slots_never_faster_than_allowed(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """Fifty threads of one process: each its own slot, at most 20 in any second, at nearly the full rate."""
    gate = gate_at(redis_server.url, account)
    began = time.monotonic()
    slots = [future.result(PATIENCE_S) for future in [pool.submit(gate.take) for _ in range(50)]]
    took_s = time.monotonic() - began
    assert len({slot.number for slot in slots}) == 50
    assert_within_limit(slots, 20)
    assert 2 * WINDOW_S - 0.01 <= took_s < 2 * WINDOW_S + 1.0
    assert gate.waiting == 0


def test_waiters_are_served_in_their_order(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """First come, first served within a process."""
    gate = gate_at(redis_server.url, account, lane=Lane.BULK)
    gate.take()
    waiters: list[Future[Slot]] = []
    for number in range(1, 9):
        waiters.append(pool.submit(gate.take))
        until(lambda least=number: gate.waiting >= least or waiters[0].done())  # type: ignore[misc]
    numbers = [waiter.result(PATIENCE_S).number for waiter in waiters]
    assert numbers == sorted(numbers)


def test_bulk_slots_are_evenly_spaced(redis_server: RedisServer, account: str) -> None:
    """A single bulk gate has a slot each 51 ms: no burst, and no round trip lost per slot."""
    gate = gate_at(redis_server.url, account, lane=Lane.BULK)
    slots = take_for(gate, 2.0)
    times = [slot.taken_at_s for slot in slots]
    gaps = [later - one for one, later in pairwise(times)]
    assert min(gaps) > WINDOW_S / 20 - 0.03
    assert 36 <= len(slots) <= 42


def test_stop_ends_every_wait_at_once(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """The one who asks, those behind it and those who come later all get StoppingError, without a slot."""
    gate = gate_at(redis_server.url, account, limit=1)
    gate.take()
    waiters = [pool.submit(gate.take) for _ in range(5)]
    until(lambda: gate.waiting == 5)
    began = time.monotonic()
    gate.stop()
    for waiter in waiters:
        with pytest.raises(StoppingError):
            waiter.result(PATIENCE_S)
    with pytest.raises(StoppingError):
        gate.take()
    assert time.monotonic() - began < 0.5
    assert gate.waiting == 0


def test_no_slot_in_time_raises(redis_server: RedisServer, account: str, pool: ThreadPoolExecutor) -> None:
    """The longest wait is kept, by the one who asks and by those behind it."""
    gate = gate_at(redis_server.url, account, limit=1, wait_max_s=0.3)
    gate.take()
    began = time.monotonic()
    for waiter in [pool.submit(gate.take) for _ in range(3)]:
        with pytest.raises(SlotTimeoutError):
            waiter.result(PATIENCE_S)
    assert 0.3 <= time.monotonic() - began < 0.8
    assert gate.waiting == 0


def test_who_gave_up_does_not_hold_up_the_next(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """After waiters have timed out the next one gets its slot as soon as the window frees."""
    hasty = gate_at(redis_server.url, account, "hasty", limit=1, wait_max_s=0.2)
    first = hasty.take()
    with pytest.raises(SlotTimeoutError):
        hasty.take()
    patient = gate_at(redis_server.url, account, "patient", limit=1)
    slot = patient.take()
    assert WINDOW_S - 0.02 <= slot.taken_at_s - first.taken_at_s < WINDOW_S + 0.6


def test_two_processes_share_one_limit(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """Gates that know nothing of each other have 20 a second together, and each its share."""
    gates = [gate_at(redis_server.url, account, f"c{number}", lane=Lane.BULK) for number in range(2)]
    both = [future.result(PATIENCE_S) for future in [pool.submit(take_for, gate, 3.0) for gate in gates]]
    slots = both[0] + both[1]
    assert len({slot.number for slot in slots}) == len(slots)
    assert_within_limit(slots, 20)
    assert len(slots) >= 0.9 * 20 * 3 / WINDOW_S
    assert min(len(some) for some in both) >= 20


def test_accounts_do_not_share_a_limit(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """Another account's slots cost this one nothing."""
    gates = [gate_at(redis_server.url, f"{account}-{number}") for number in range(2)]
    began = time.monotonic()
    for waiter in [pool.submit(gate.take) for gate in gates for _ in range(20)]:
        waiter.result(PATIENCE_S)
    assert time.monotonic() - began < 0.9


def test_urgent_overtakes_a_saturating_bulk_gate(
    redis_server: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """While a purge runs at full rate, an urgent command waits for the next free slot, not for the purge."""
    bulk = gate_at(redis_server.url, account, "bulk", lane=Lane.BULK)
    urgent = gate_at(redis_server.url, account, "urgent", lane=Lane.URGENT)
    purge = [pool.submit(bulk.take) for _ in range(60)]
    until(lambda: sum(slot.done() for slot in purge) >= 25)  # the window is full of bulk
    waits = sorted(urgent.take().waited_s for _ in range(10))
    assert waits[5] < 2 * WINDOW_S / 20
    assert waits[-1] < 0.5
    assert sum(slot.done() for slot in purge) < 45
    for slot in purge:
        slot.result(PATIENCE_S)


def test_without_redis_nothing_is_granted_and_with_it_everyone_is_served(
    own_redis: RedisServer, account: str, pool: ThreadPoolExecutor
) -> None:
    """Fail closed: waiters wait while Redis is away, and are served when it is back, inside the old window."""
    gate = gate_at(own_redis.url, account, limit=5)
    before = [gate.take() for _ in range(5)]
    own_redis.kill9()
    waiters = [pool.submit(gate.take) for _ in range(4)]
    until(lambda: gate.waiting == 4)
    time.sleep(1.5)  # long enough that the window alone would have let them all pass
    assert not any(waiter.done() for waiter in waiters)
    own_redis.restart()
    slots = [waiter.result(PATIENCE_S) for waiter in waiters]
    assert_within_limit(before + slots, 5)
    assert len({slot.number for slot in before + slots}) == 9


def test_waiting_for_a_lost_redis_ends_with_the_stop(own_redis: RedisServer, account: str) -> None:
    """A node whose Redis is away can still be stopped at once."""
    gate = gate_at(own_redis.url, account)
    gate.take()
    own_redis.kill9()
    stopper = threading.Timer(0.3, gate.stop)
    stopper.start()
    began = time.monotonic()
    with pytest.raises(StoppingError):
        gate.take()
    stopper.join()
    assert time.monotonic() - began < 1.5


def test_a_report_to_a_lost_redis_is_swallowed(own_redis: RedisServer, account: str) -> None:
    """The answer of the API counts more than the limiter's loss: no error comes out."""
    gate = gate_at(own_redis.url, account)
    slot = gate.take()
    own_redis.kill9()
    gate.report(slot, AttemptError("slow down", fault="throttle", http_status=429))


def test_a_throttled_answer_stops_the_other_gates_too(redis_server: RedisServer, account: str) -> None:
    """What one process met, the fleet obeys: nobody sends for a second."""
    one, other = (gate_at(redis_server.url, account, name) for name in ("one", "other"))
    one.report(one.take(), AttemptError("slow down", fault="throttle", http_status=429))
    assert other.take().waited_s > 0.9


def test_five_failures_leave_only_probes(redis_server: RedisServer, account: str) -> None:
    """After five failures in a row the next slot comes two seconds later, as a probe; its answer frees all."""
    gate = gate_at(redis_server.url, account)
    for _ in range(5):
        gate.report(gate.take(), AttemptError("no answer", fault="network"))
    probe = gate.take()
    assert probe.probe
    assert probe.waited_s > 1.9
    gate.report(probe, None)
    after = gate.take()
    assert not after.probe
    assert after.waited_s < 0.5


def test_a_late_answer_costs_its_own_slot_only(redis_server: RedisServer, account: str) -> None:
    """A request that took 300 ms from its slot holds its place in the window that much longer."""
    gate = gate_at(redis_server.url, account, limit=2)
    slow, quick = gate.take(), gate.take()
    gate.report(quick, None)
    time.sleep(0.3)
    gate.report(slow, None)
    third, fourth = gate.take(), gate.take()
    assert third.taken_at_s - quick.taken_at_s < WINDOW_S + 0.15
    assert fourth.taken_at_s - slow.taken_at_s > WINDOW_S + 0.29
