"""The retry decision: which fault leads to which step, and how long a delay is."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answer import AttemptError, Fault
from tasks.retry import RetryRules, Step, due_in_s, next_step, pause_s, retry_delay_s

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
BELOW_ONE = math.nextafter(1.0, 0.0)
RULES = st.builds(
    lambda least, more: RetryRules(delay_min_s=least, delay_max_s=least + more),
    st.integers(1, 300),
    st.integers(0, 3000),
)


@pytest.mark.parametrize(
    ("fault", "explained", "step", "transient"),
    [
        ("command", True, Step.REFUSE, False),
        ("command", False, Step.ASK, False),
        ("account", True, Step.LATER, False),
        ("account", False, Step.LATER, False),
        ("throttle", True, Step.SOON, True),
        ("throttle", False, Step.SOON, True),
        ("server", True, Step.SOON, True),
        ("server", False, Step.SOON, True),
        ("network", True, Step.SOON, True),
        ("network", False, Step.SOON, True),
    ],
)
def test_each_fault_has_its_step(fault: Fault, explained: bool, step: Step, transient: bool) -> None:
    """The command's fault ends it, the account's never does, the rest is tried again."""
    error = AttemptError("x", fault=fault, explained=explained)
    assert next_step(error) is step
    assert error.transient is transient


def test_the_delay_grows_to_its_ceiling() -> None:
    """With the settings' defaults: 5 s at least, and at most 10, 10, 20, 40, … 300 s."""
    highest = [retry_delay_s(attempts, BELOW_ONE, RetryRules()) for attempts in range(9)]
    lowest = {retry_delay_s(attempts, 0.0, RetryRules()) for attempts in range(9)}
    assert highest == [10, 10, 20, 40, 80, 160, 300, 300, 300]
    assert lowest == {5}


@given(st.integers(0, 1_000_000), st.floats(0, BELOW_ONE), RULES)
def test_the_delay_stays_in_bounds_in_whole_seconds(attempts: int, random: float, rules: RetryRules) -> None:
    """However many attempts: a whole number of seconds between the least and the greatest delay."""
    delay_s = retry_delay_s(attempts, random, rules)
    assert isinstance(delay_s, int)
    assert rules.delay_min_s <= delay_s <= rules.delay_max_s


@given(st.integers(0, 999_999), st.floats(0, BELOW_ONE), RULES)
def test_one_more_attempt_never_shortens_the_ceiling(attempts: int, random: float, rules: RetryRules) -> None:
    """With the same random number, the delay after more attempts is as long or longer."""
    assert retry_delay_s(attempts, random, rules) <= retry_delay_s(attempts + 1, random, rules)


@given(st.integers(0, 100), st.floats(0, BELOW_ONE), st.floats(0, BELOW_ONE), RULES)
def test_the_delay_follows_the_random_number(
    attempts: int, one: float, other: float, rules: RetryRules
) -> None:
    """A larger random number never gives a shorter delay: one number, one draw."""
    low, high = sorted((one, other))
    assert retry_delay_s(attempts, low, rules) <= retry_delay_s(attempts, high, rules)


@pytest.mark.parametrize("attempts", [1, 2, 3, 6, 1_000_000])
def test_full_jitter_reaches_every_second(attempts: int) -> None:
    """Evenly spread random numbers give every whole second above the least, each about as often."""
    draws = 100_000
    counts: dict[int, int] = {}
    for draw in range(draws):
        delay_s = retry_delay_s(attempts, draw / draws, RetryRules())
        counts[delay_s] = counts.get(delay_s, 0) + 1
    ceiling_s = min(300, 10 * 2 ** (min(attempts, 20) - 1))
    share = draws / (ceiling_s - 5)
    assert set(counts) == set(range(5, ceiling_s + 1))  # 5 only for exactly 0
    assert all(abs(counts[second] - share) <= 2 for second in range(6, ceiling_s + 1))


def test_the_pause_in_a_call_doubles_with_full_jitter() -> None:
    """From nothing up to 0.2, 0.4, 0.8, 1.6 and then 2 s; the middle of the draw is the middle of the pause."""
    ceilings = [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    for attempt, ceiling_s in enumerate(ceilings, start=1):
        assert pause_s(attempt, 0.0) == 0.0
        assert pause_s(attempt, 0.5) == pytest.approx(ceiling_s / 2)
        assert pause_s(attempt, BELOW_ONE) == pytest.approx(ceiling_s)


@given(
    st.floats(0, 1e9),
    st.timedeltas(min_value=timedelta(days=-3650), max_value=timedelta(days=3650)),
)
def test_nothing_is_due_beyond_the_deadline(delay_s: float, left: timedelta) -> None:
    """The command comes back in time to expire: neither later than its deadline, nor in the past."""
    due_s = due_in_s(delay_s, now=NOW, not_after=NOW + left)
    left_s = left / timedelta(seconds=1)
    assert due_s == (delay_s if delay_s <= left_s else max(0.0, left_s))
