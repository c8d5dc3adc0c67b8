"""The one promise that is never broken: no window of 1 s + guard has more grants than the limit."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.limiter.fleet import SECOND_US, START_US, ask, tell
from worker.limiter.twin import Twin

STEPS = st.one_of(
    st.just(0),
    st.integers(0, 6_000),
    st.integers(0, 60_000),
    st.integers(0, 1_100_000),
    st.integers(0, 40_000_000),
)
ACTIONS = st.one_of(
    *[
        st.tuples(
            st.just("take"),
            st.sampled_from(["urgent", "bulk"]),
            st.sampled_from("abcd"),
            st.integers(1, 3),
            st.none() | st.tuples(st.integers(500, 40_000), st.integers(0, 200_000)),
            st.integers(1, 30),
        )
    ]
    * 5,
    st.tuples(st.just("late"), st.integers(0, 25), st.integers(0, 300_000)),
    st.tuples(
        st.just("report"),
        st.sampled_from(["", "throttle", "server", "network", "account"]),
        st.integers(0, 3 * SECOND_US),
        st.booleans(),
    ),
    st.tuples(st.just("limit"), st.none() | st.integers(1, 40)),
    st.tuples(st.just("hold"), st.none() | st.integers(0, 5 * SECOND_US)),
    st.tuples(st.just("release")),
    st.tuples(st.just("back"), st.integers(0, 10 * SECOND_US)),
)


def too_many(
    history: Iterable[tuple[int, Any]], configured: int, streak_max: int, limiter: type[Twin] = Twin
) -> list[str]:
    """Walks through `history`; a line for each grant with more than the limit behind it.

    The clock of the limiter may go back, the time that passes (`at`) does not: grants are judged by that.
    """
    twin, at, back = limiter(seen=START_US), START_US, 0
    grants: list[int] = []
    wrong = []
    for step, (kind, *what) in history:
        at += step
        now = at - back
        if kind == "take":
            lane, client, waiting, took, times = what
            for _ in range(times):
                pair = (took[0], took[0] + took[1]) if took else None
                verdict = ask(
                    twin,
                    now,
                    lane,
                    client,
                    waiting=waiting,
                    limit=configured,
                    streak_max=streak_max,
                    took=pair,
                )
                if not verdict.granted:
                    break
                grants.append(at + verdict.wait_us)
                limit, window = twin.limit_now(configured), SECOND_US + verdict.guard_us
                inside = sum(1 for grant in grants if grant > grants[-1] - window)
                if inside > limit:
                    wrong.append(f"{inside} grants with a limit of {limit} within {window} us of {at}")
        elif kind == "late":
            twin.late(now, max(1, twin.granted - what[0]), what[1])
        elif kind == "report":
            fault, retry_after, probe = what
            tell(twin, now, fault, retry_after=retry_after, probe=probe, limit=configured)
        elif kind == "limit":
            twin.step_to(now)
            (twin.limit,) = what
            twin.slow_limit = twin.slow_at = None
        elif kind == "hold":
            twin.step_to(now)
            twin.close_gate("person", now + what[0] if what[0] is not None else None)
        elif kind == "release":
            twin.step_to(now)
            twin.open_gate()
        else:
            back += what[0]
    return wrong


@settings(max_examples=400)
@given(
    st.lists(st.tuples(STEPS, ACTIONS), max_size=60),
    st.sampled_from([1, 2, 3, 5, 20]),
    st.sampled_from([1, 3, 19]),
)
def test_no_window_has_more_grants_than_the_limit(
    history: list[tuple[int, Any]], configured: int, streak_max: int
) -> None:
    """Whatever is asked, reported, moved, held, changed, and however the clock steps back."""
    assert too_many(history, configured, streak_max) == []


class Forgetful(Twin):
    """A limiter without a window rule."""

    def grant_at(self, place: int) -> int | None:
        return None


def test_the_check_sees_a_missing_rule() -> None:
    """The check above can fail: a limiter that forgets its grants is caught at the twenty-first."""
    history = [(10_000, ("take", "urgent", "a", 1, None, 1))] * 30
    assert too_many(history, 20, 19) == []
    assert len(too_many(history, 20, 19, Forgetful)) == 10
