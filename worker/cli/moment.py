"""Durations and points in time as people type them: `5m`, `1h30m`, `2026-01-31T12:00:00Z`."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = re.compile(
    r"(?:(?P<days>\d{1,6})d)?(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m)?"
    r"(?:(?P<seconds>\d{1,9}(?:\.\d{1,3})?)s)?"
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE)


def duration_of(text: str) -> timedelta | None:
    """`text` as a duration such as 90s, 5m, 1h30m or 2d; None where it is none."""
    parts = _UNITS.fullmatch(text.strip()) if text.strip() else None
    if parts is None:
        return None
    return timedelta(**{unit: float(amount) for unit, amount in parts.groupdict().items() if amount})


def seconds_of(text: str) -> float | None:
    """`text` as seconds: a bare number, or a duration; None where it is neither."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text):
        return float(text)
    duration = duration_of(text)
    return None if duration is None else duration.total_seconds()


def moment_ahead(text: str, *, now: datetime) -> datetime:
    """`text` as a point in time, a duration counting from `now` on. Raises ValueError, a sentence."""
    duration = duration_of(text)
    return _stated(text) if duration is None else _shifted(now, duration, text)


def moment_ago(text: str, *, now: datetime) -> datetime:
    """`text` as a point in time, a duration counting back from `now`. Raises ValueError, a sentence."""
    duration = duration_of(text)
    return _stated(text) if duration is None else _shifted(now, -duration, text)


def duration_text(duration_s: float) -> str:
    """A duration to read, in at most two units: `48 s`, `3 min 20 s`, `1 h 25 min`, `2 d 3 h`."""
    whole = max(0, round(duration_s))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    if whole < 86400:
        return _two(whole, 3600, "h", 60, "min")
    return _two(whole, 86400, "d", 3600, "h")


def moment_text(moment: datetime) -> str:
    """A point in time to read: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _stated(text: str) -> datetime:
    if _RFC3339.fullmatch(text.strip()):
        try:
            return datetime.fromisoformat(text.strip().upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError(
        f"must be a time with its zone, such as 2026-01-31T12:00:00Z, or a duration such as 5m or 2h, "
        f"got {text[:60]!r}"
    )


def _shifted(now: datetime, duration: timedelta, text: str) -> datetime:
    try:
        return now + duration
    except OverflowError:
        raise ValueError(f"is too long a time: {text[:60]!r}") from None


def _two(whole: int, big_s: int, big: str, small_s: int, small: str) -> str:
    rest = whole % big_s // small_s
    return f"{whole // big_s} {big}" + (f" {rest} {small}" if rest else "")
