"""Times in HTTP headers: Date and Retry-After. Source: RFC 9110, 5.6.7 and 10.2.3."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

RETRY_AFTER_MAX_S = 3600.0
"""Whoever asks for more is asked again after an hour."""


def unix_time(date: str | None) -> float | None:
    """The moment an HTTP date names, None where it names none."""
    if date is None or len(date) > 64:
        return None
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """How long a Retry-After asks to wait, between 0 and RETRY_AFTER_MAX_S; None where it cannot be read."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        return min(float(text), RETRY_AFTER_MAX_S)
    moment = unix_time(text)
    return None if moment is None else min(max(moment - now_s, 0.0), RETRY_AFTER_MAX_S)
