"""The measured rate of a batch, and the estimate before it."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.cli.pace import WINDOW_S, Pace, estimate, steady_rate

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_a_rate_needs_a_second_of_samples() -> None:
    """Two looks in half a second would give noise."""
    pace = Pace()
    assert pace.per_s is None
    pace.note(0.0, 0)
    pace.note(0.5, 10)
    assert pace.per_s is None
    assert pace.left_s(100) is None
    pace.note(1.0, 20)
    assert pace.per_s == pytest.approx(20)
    assert pace.left_s(100) == pytest.approx(5)


def test_the_rate_forgets_what_is_long_ago() -> None:
    """After a hold the rate is that of now, not the average since the start."""
    pace = Pace()
    for second in range(100):
        pace.note(float(second), second * 20)
    for second in range(100, 130):
        pace.note(float(second), 99 * 20)
    assert pace.per_s == 0
    assert pace.left_s(10) is None


def test_the_window_is_kept_whole() -> None:
    """The rate is measured over the window, also where looks come late."""
    pace = Pace()
    pace.note(0.0, 0)
    pace.note(WINDOW_S * 3, 60)
    assert pace.per_s == pytest.approx(1 / WINDOW_S * 20)


def test_the_guard_takes_its_share() -> None:
    """20 a second with a guard of 20 ms are 19.6."""
    assert steady_rate(20, 20.0) == pytest.approx(19.6078, abs=1e-4)


def test_an_estimate_tells_the_end_and_what_expires() -> None:
    """100,000 at 20 a second take 5,000 s; of those that must be sent in an hour, 28,000 are late."""
    made = estimate(100_000, 20.0, now=NOW, not_after=NOW + timedelta(hours=1))
    assert made.duration_s == 5000
    assert made.end == NOW + timedelta(seconds=5000)
    assert made.expiring == 28_000
    assert estimate(10, 20.0, now=NOW, not_after=NOW + timedelta(hours=5)).expiring == 0
    assert estimate(10, 20.0, now=NOW, not_after=NOW - timedelta(hours=5)).expiring == 10
