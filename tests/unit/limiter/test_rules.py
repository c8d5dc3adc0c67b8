"""Each rule of the limiter on its own: a few asks, and what must come of them."""

import pytest

from tests.unit.limiter.fleet import GUARD_US, LEAD_US, SECOND_US, START_US, ask, tell
from worker.limiter.twin import Twin

WINDOW_US = SECOND_US + GUARD_US
SPACING_US = WINDOW_US // 20


def twin() -> Twin:
    return Twin(seen=START_US)


def burst(limiter: Twin, count: int, at: int = START_US) -> None:
    """`count` urgent grants at once."""
    for _ in range(count):
        assert ask(limiter, at, "urgent").granted


# window


def test_urgent_may_burst_up_to_the_limit() -> None:
    """Twenty streams that end at once are cancelled at once; the twenty-first waits for the window."""
    limiter = twin()
    burst(limiter, 20)
    refused = ask(limiter, START_US, "urgent")
    assert (refused.granted, refused.cause) == (False, "window")
    assert refused.wait_us == SECOND_US  # never told to sleep longer
    assert not ask(limiter, START_US + WINDOW_US - LEAD_US - 1, "urgent").granted
    last = ask(limiter, START_US + WINDOW_US - LEAD_US, "urgent")
    assert (last.granted, last.wait_us) == (True, LEAD_US)


def test_a_late_request_keeps_its_place_until_it_left_the_window() -> None:
    """A grant whose request arrived 150 ms late counts from its arrival."""
    limiter = twin()
    burst(limiter, 20)
    limiter.late(START_US + 160_000, 1, 150_000)
    for _ in range(19):
        assert ask(limiter, START_US + WINDOW_US, "urgent").granted
    assert not ask(limiter, START_US + WINDOW_US + 150_000 - LEAD_US - 1, "urgent").granted
    assert ask(limiter, START_US + WINDOW_US + 150_000, "urgent").granted


def test_a_lower_limit_holds_at_once() -> None:
    """A limit that a person lowers counts what was granted under the old one."""
    limiter = twin()
    burst(limiter, 10)
    limiter.limit = 5
    assert not ask(limiter, START_US + SECOND_US, "urgent").granted
    assert ask(limiter, START_US + WINDOW_US, "urgent").granted


def test_a_higher_limit_holds_at_once() -> None:
    """A limit that a person raises is used in the same second, and no further."""
    limiter = twin()
    burst(limiter, 20)
    limiter.limit = 30
    burst(limiter, 10)
    assert not ask(limiter, START_US, "urgent").granted


# pacing


def test_bulk_is_paced_from_its_first_slot() -> None:
    """Bulk never bursts: its slots are a twentieth of the window apart, even after a long rest."""
    limiter = twin()
    at = START_US
    for _ in range(50):
        verdict = ask(limiter, at)
        assert (verdict.granted, verdict.wait_us) == (True, 0)
        assert not ask(limiter, at + SPACING_US - LEAD_US - 1).granted
        at += SPACING_US


def test_a_slot_a_few_milliseconds_ahead_is_granted_ahead() -> None:
    """The schedule does not drift by a round trip a slot: the caller sleeps the rest."""
    limiter = twin()
    ask(limiter, START_US)
    verdict = ask(limiter, START_US + SPACING_US - LEAD_US)
    assert (verdict.granted, verdict.wait_us) == (True, LEAD_US)


# yield


def test_bulk_yields_to_a_refused_urgent_waiter() -> None:
    """From the refusal on, bulk waits until the urgent one is served."""
    limiter = twin()
    burst(limiter, 20)
    assert not ask(limiter, START_US + 10_000, "urgent", "u").granted
    later = START_US + WINDOW_US - 2_000
    yielding = ask(limiter, later, "bulk", "b")
    assert (yielding.granted, yielding.cause) == (False, "yield")
    assert ask(limiter, later, "urgent", "u").granted
    assert ask(limiter, START_US + WINDOW_US, "bulk", "b").granted


def test_a_dead_urgent_waiter_does_not_stop_bulk() -> None:
    """Who does not come for its turn within a quarter of a second is taken for dead."""
    limiter = twin()
    burst(limiter, 20)
    ask(limiter, START_US, "urgent", "u")
    turn = limiter.urgent["u"]
    assert ask(limiter, turn + 250_000, "bulk", "b").cause == "yield"
    assert ask(limiter, turn + 250_001, "bulk", "b").granted


def test_a_slot_is_left_for_bulk_after_a_streak_of_urgent_ones() -> None:
    """After `streak_max` urgent grants in a row beside a waiting bulk, urgent leaves the last slot alone."""
    limiter = twin()
    ask(limiter, START_US, "bulk", "b")
    ask(limiter, START_US, "bulk", "b")  # waits from now on
    burst(limiter, 18)
    limiter.streak = 19
    refused = ask(limiter, START_US + 1000, "urgent", "u")
    assert (refused.granted, refused.cause) == (False, "yield")
    assert ask(limiter, START_US + SPACING_US, "bulk", "b").granted
    assert limiter.streak == 0


def test_with_a_limit_of_one_bulk_still_gets_its_turn() -> None:
    """Where there is but one slot a second, urgent steps back for it after the streak."""
    limiter = twin()
    ask(limiter, START_US, "urgent", limit=1)
    ask(limiter, START_US, "bulk", "b", limit=1)
    limiter.streak = 19
    at = START_US + WINDOW_US
    assert ask(limiter, at, "urgent", "u", limit=1).cause == "yield"
    assert ask(limiter, at, "bulk", "b", limit=1).granted


# slow-down


def test_a_throttled_answer_stops_everyone_and_halves_the_rate() -> None:
    """One second of silence for both lanes, then ten a second instead of twenty."""
    limiter = twin()
    tell(limiter, START_US, "throttle")
    for lane in ("urgent", "bulk"):
        refused = ask(limiter, START_US + SECOND_US - 1, lane)
        assert (refused.granted, refused.cause) == (False, "throttled")
    burst(limiter, 10, START_US + SECOND_US)
    assert not ask(limiter, START_US + SECOND_US, "urgent").granted


def test_the_stop_lasts_as_long_as_the_api_asked_for() -> None:
    """Retry-After is obeyed; a shorter one that comes meanwhile does not shorten it."""
    limiter = twin()
    tell(limiter, START_US, "throttle", retry_after=7 * SECOND_US)
    tell(limiter, START_US + SECOND_US, "throttle", retry_after=SECOND_US)
    assert not ask(limiter, START_US + 7 * SECOND_US - 1, "urgent").granted
    assert ask(limiter, START_US + 7 * SECOND_US, "urgent").granted


def test_the_rate_is_halved_once_per_incident() -> None:
    """Twenty throttled answers to one burst are one incident; the next one after the stop halves again."""
    limiter = twin()
    for answer in range(20):
        tell(limiter, START_US + answer * 1000, "throttle")
    assert limiter.limit_now(20) == 10
    after = START_US + 2 * SECOND_US
    tell(limiter, after, "throttle")
    assert limiter.limit_now(20) == 5


def test_the_rate_never_falls_below_one() -> None:
    """However often it is throttled, something still goes."""
    limiter = twin()
    at = START_US
    for _ in range(20):
        tell(limiter, at, "throttle")
        at += SECOND_US
    assert limiter.limit_now(20) == 1
    assert ask(limiter, at, "urgent").granted


def test_the_rate_rises_again_step_by_step() -> None:
    """After the stop: one more each five seconds, until the limit is reached, and there it stays."""
    limiter = twin()
    tell(limiter, START_US, "throttle")
    back = START_US + SECOND_US
    rates = []
    for second in range(0, 26, 2):
        limiter.step_to(back + second * SECOND_US)
        rates.append(limiter.limit_now(20))
    assert rates == [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 20]


def test_a_throttled_answer_widens_the_guard_for_an_hour() -> None:
    """The guard was too narrow: it is doubled, up to a quarter of a second, and kept."""
    limiter = twin()
    tell(limiter, START_US, "throttle")
    assert limiter.guard(GUARD_US) == 2 * GUARD_US
    for _ in range(9):
        tell(limiter, START_US, "throttle")
    assert limiter.guard(GUARD_US) == 250_000
    limiter.step_to(START_US + 3600 * SECOND_US)
    assert limiter.guard(GUARD_US) == GUARD_US


def test_the_guard_follows_the_measured_jitter() -> None:
    """Steady answers narrow the guard to its least over some hundreds, jittery ones widen it."""
    limiter = twin()
    at, guards = START_US, []
    for _ in range(300):
        guards.append(ask(limiter, at, took=(30_000, 30_500)).guard_us)
        at += 60_000
    assert guards[0] > 15_000
    assert guards == sorted(guards, reverse=True)
    assert guards[-1] == 5_000
    for _ in range(300):
        wide = ask(limiter, at, took=(30_000, 80_000)).guard_us
        at += 130_000
    assert 90_000 < wide <= 100_000


# gates


def failing(at: int = START_US) -> Twin:
    limiter = twin()
    for _ in range(5):
        tell(limiter, at, "network")
    return limiter


def test_five_failures_in_a_row_close_the_gate() -> None:
    """Four do not, and an answer between them begins the count anew."""
    limiter = twin()
    for fault in ["server", "network", "server", "network", "", "server", "server", "server", "server"]:
        tell(limiter, START_US, fault)
    assert limiter.gate is None
    tell(limiter, START_US, "server")
    assert limiter.gate == "failing"
    assert ask(limiter, START_US, "urgent").cause == "failing"


@pytest.mark.parametrize(
    ("fault", "gaps"), [("failing", [2, 4, 8, 16, 30, 30, 30]), ("account", [5, 10, 20, 40, 60, 60])]
)
def test_probes_go_out_one_at_a_time_and_ever_rarer(fault: str, gaps: list[int]) -> None:
    """While the gate is closed one probe passes at each doubling of the pause, and nothing else."""
    limiter = failing() if fault == "failing" else twin()
    if fault == "account":
        tell(limiter, START_US, "account")
    at = START_US
    for gap in gaps:
        refused = ask(limiter, at + gap * SECOND_US - 1, "urgent")
        assert (refused.granted, refused.cause) == (False, fault)
        at += gap * SECOND_US
        probe = ask(limiter, at, "bulk")
        assert (probe.granted, probe.probe) == (True, True)
        assert not ask(limiter, at, "urgent").granted
        tell(limiter, at, "network" if fault == "failing" else "account", probe=True)


def test_a_probe_that_is_answered_opens_the_gate() -> None:
    """One answer, and everyone sends again; the failures are forgotten."""
    limiter = failing()
    at = START_US + 2 * SECOND_US
    assert ask(limiter, at, "urgent").probe
    tell(limiter, at, "", probe=True)
    verdict = ask(limiter, at, "urgent")
    assert (verdict.granted, verdict.probe, verdict.watch) == (True, False, False)
    for _ in range(4):
        tell(limiter, at, "server")
    assert limiter.gate is None


def test_a_throttled_answer_shows_that_the_api_lives() -> None:
    """Throttling opens the failing gate, and slows down instead."""
    limiter = failing()
    tell(limiter, START_US, "throttle")
    assert limiter.gate is None
    assert ask(limiter, START_US, "urgent").cause == "throttled"


def test_an_answer_that_was_under_way_does_not_open_the_accounts_gate() -> None:
    """Only the probe's own answer shows that the account is well again."""
    limiter = twin()
    tell(limiter, START_US, "account")
    tell(limiter, START_US + 1, "")
    assert limiter.gate == "account"
    tell(limiter, START_US + 2, "", probe=True)
    assert limiter.gate is None


def test_an_account_fault_takes_over_from_the_failing_gate() -> None:
    """What a person must mend is the cause that is shown."""
    limiter = failing()
    tell(limiter, START_US, "account")
    assert limiter.gate == "account"


def test_a_persons_hold_lets_nothing_pass_until_its_end() -> None:
    """No probe, no answer and no fault moves it; at its end it is over by itself."""
    limiter = twin()
    limiter.close_gate("person", START_US + 100 * SECOND_US)
    for fault in ("", "account", "throttle", "server", "server", "server", "server", "server"):
        tell(limiter, START_US, fault, probe=True)
    for second in range(0, 100, 5):
        assert ask(limiter, START_US + second * SECOND_US, "urgent").cause == "person"
    assert not ask(limiter, START_US + 100 * SECOND_US - 1, "urgent").granted
    assert ask(limiter, START_US + 100 * SECOND_US, "urgent").granted


def test_a_hold_without_an_end_lasts_until_the_release() -> None:
    """Days later it still holds; the release opens it at once, and waiters notice within a second."""
    limiter = twin()
    limiter.close_gate("person")
    days = START_US + 10 * 24 * 3600 * SECOND_US
    refused = ask(limiter, days, "urgent")
    assert (refused.granted, refused.wait_us) == (False, SECOND_US)
    limiter.open_gate()
    assert ask(limiter, days + 1, "urgent").granted


# a clock that goes back


@pytest.mark.parametrize("back_us", [1, 500_000, 3600 * SECOND_US])
def test_a_clock_that_goes_back_frees_nothing_and_locks_nobody_out(back_us: int) -> None:
    """After the step it is as if no time had passed: the window still holds, and ends as it would have."""
    limiter = twin()
    burst(limiter, 20)
    stepped = START_US - back_us
    assert not ask(limiter, stepped, "urgent").granted
    assert not ask(limiter, stepped + WINDOW_US - LEAD_US - 1, "urgent").granted
    assert ask(limiter, stepped + WINDOW_US, "urgent").granted


def test_the_step_is_taken_once_whatever_notices_it() -> None:
    """A late report that comes first after the step moves the grants once, not again with the next ask."""
    limiter = twin()
    burst(limiter, 20)
    limiter.late(START_US - 400_000, 1, 0)
    assert not ask(limiter, START_US - 400_000 + WINDOW_US - LEAD_US - 1, "urgent").granted
    assert ask(limiter, START_US - 400_000 + WINDOW_US, "urgent").granted


def test_a_limiter_without_memory_grants_nothing_for_a_window() -> None:
    """A Redis that lost its data may have granted a full second just before: nobody sends until that is over."""
    limiter = Twin.fresh(START_US)
    refused = ask(limiter, START_US, "urgent")
    assert (refused.granted, refused.cause) == (False, "fresh")
    assert not ask(limiter, START_US + SECOND_US + 249_999, "urgent").granted
    assert ask(limiter, START_US + SECOND_US + 250_000, "urgent").granted
