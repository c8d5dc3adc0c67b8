import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.api.http_time import RETRY_AFTER_MAX_S, retry_after_s, unix_time


def test_unix_time() -> None:
    """A Date header is the moment it names, in UTC even where it names no zone."""
    assert unix_time("Thu, 16 May 2019 06:45:51 GMT") == 1557989151.0
    assert unix_time("Thu, 16 May 2019 06:45:51 -0000") == 1557989151.0


@pytest.mark.parametrize("text", [None, "", "now", "Thu, 99 May 2019 06:45:51 GMT", "0" * 100_000])
def test_no_time(text: str | None) -> None:
    """What names no moment is no moment, and no error."""
    assert unix_time(text) is None


def test_retry_after_date() -> None:
    """A date is turned into the time until then; one that has passed means now."""
    date = "Thu, 16 May 2019 06:45:51 GMT"
    assert retry_after_s(date, now_s=1557989141.0) == 10.0
    assert retry_after_s(date, now_s=1557989999.0) == 0.0
    assert retry_after_s(date, now_s=0.0) == RETRY_AFTER_MAX_S


@given(text=st.text(max_size=80))
def test_any_text(text: str) -> None:
    """Any header whatever gives a time within bounds, or none."""
    wait_s = retry_after_s(text, now_s=1557989141.0)
    assert wait_s is None or 0 <= wait_s <= RETRY_AFTER_MAX_S
    unix_time(text)
