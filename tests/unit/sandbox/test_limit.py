"""The sliding second, against a twin that looks at every window."""

from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.limit import SECOND_NS, BusiestSecond, Limit

GAPS = st.lists(
    st.one_of(
        st.integers(0, 3 * SECOND_NS),
        st.integers(0, SECOND_NS // 10),
        st.sampled_from([0, 1, SECOND_NS - 1, SECOND_NS, SECOND_NS // 20]),
    ),
    max_size=60,
)


def moments_of(gaps):
    moments, now_ns = [], 0
    for gap in gaps:
        now_ns += gap
        moments.append(now_ns)
    return moments


def busiest_by_brute_force(moments):
    """The most moments in any window [t, t + 1 s): a fullest one begins at a moment."""
    return max((sum(t <= other < t + SECOND_NS for other in moments) for t in moments), default=0)


@given(GAPS)
def test_the_busiest_second_is_exact(gaps):
    """No window of one second held more than is told, and one held as many."""
    moments = moments_of(gaps)
    busiest = BusiestSecond()
    for moment in moments:
        busiest.add(moment)
    assert busiest.most == busiest_by_brute_force(moments)


@given(GAPS, st.integers(1, 5))
def test_no_second_holds_more_admitted_than_the_limit_and_none_is_refused_needlessly(gaps, limit_per_s):
    """A request is refused exactly if it would be one too many among those admitted."""
    limit, admitted = Limit(), []
    for moment in moments_of(gaps):
        would_be = busiest_by_brute_force([*admitted, moment])
        assert limit.admits(moment, limit_per_s) == (would_be <= limit_per_s)
        if would_be <= limit_per_s:
            admitted.append(moment)


def test_the_21st_within_a_second_is_refused_and_the_one_exactly_a_second_later_is_not():
    """The window is half open."""
    limit = Limit()
    assert all(limit.admits(0, 20) for _ in range(20))
    assert not limit.admits(SECOND_NS - 1, 20)
    assert limit.admits(SECOND_NS, 20)


def test_a_limit_of_0_admits_all():
    """0 switches the limit off."""
    limit = Limit()
    assert all(limit.admits(0, 0) for _ in range(1000))


def test_a_limit_lowered_while_running_counts_what_was_admitted_before():
    """PUT /-/limit takes hold at once."""
    limit = Limit()
    assert all(limit.admits(0, 0) for _ in range(5))
    assert not limit.admits(1, 5)
