"""Durations and points in time as people type and read them."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.cli.moment import (
    duration_of,
    duration_text,
    moment_ago,
    moment_ahead,
    moment_text,
    seconds_of,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("2d", 172800), ("1.5s", 1.5), ("0s", 0)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    """Units in falling order, each at most once."""
    assert duration_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", " ", "5", "m", "30m1h", "-5m", "5 m", "5x", "1h1h"])
def test_what_is_no_duration_is_none(text: str) -> None:
    """A bare number has no unit, so it is no duration."""
    assert duration_of(text) is None


def test_seconds_take_a_bare_number_too() -> None:
    """--wait 30 and --wait 30s are the same."""
    assert (seconds_of("30"), seconds_of("30s"), seconds_of("av30"), seconds_of("")) == (30, 30, None, None)


def test_moments_lie_ahead_and_behind() -> None:
    """--not-after counts from now on, --since back; a stated time is taken as it is, in UTC."""
    assert moment_ahead("5m", now=NOW) == NOW + timedelta(minutes=5)
    assert moment_ago("1h", now=NOW) == NOW - timedelta(hours=1)
    assert moment_ahead("2026-01-31T20:00:00+08:00", now=NOW) == NOW
    assert moment_ago("2026-01-31 12:00Z", now=NOW) == NOW


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-02-31T12:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "999999d",
    ],
)
def test_what_is_no_moment_is_a_sentence(text: str) -> None:
    """Without a zone a time could be anybody's; what no calendar has is refused."""
    with pytest.raises(ValueError, match=r"must be a time|too long"):
        moment_ago(text, now=NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_a_sentence(text: str) -> None:
    """Nothing typed ends in another error."""
    for read in (moment_ahead, moment_ago):
        with contextlib.suppress(ValueError):
            assert read(text, now=NOW).tzinfo is not None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"), (48, "48 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3600, "1 h"),
        (5100, "1 h 25 min"), (183600, "2 d 3 h"), (-1, "0 s"),
    ],
)  # fmt: skip
def test_durations_are_told_in_two_units(seconds: float, text: str) -> None:
    """As much as one wants to know while one waits."""
    assert duration_text(seconds) == text


def test_moments_are_told_in_utc() -> None:
    """Whatever zone they came in."""
    assert moment_text(datetime.fromisoformat("2026-01-31T20:00:05+08:00")) == "2026-01-31 12:00:05Z"
