"""Events as people read them, and which are wanted."""

from datetime import UTC, datetime

import pytest

from tasks.answer import Accepted
from tasks.command import BatchPlace, CancelCommand, parse
from tasks.event import BatchData, Event, EventError, event_of
from tasks.outcome import Outcome
from worker.cli.event_stream import before, order_of
from worker.cli.event_text import Wanted, event_line

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def command(**more: object) -> CancelCommand:
    return parse({"job_id": "av1", "bucket": "b-1250000000", "region": "ap-beijing", **more}, now=NOW)


def batch_event() -> Event:
    data = BatchData(batch_id="b1", size=2, outcomes={Outcome.CANCELLED: 2}, completed_at=NOW)
    return Event(
        id="batch-b1", source="/standdown/default", type="standdown.batch.completed.v1",
        subject="b1", time=NOW, data=data,
    )  # fmt: skip


def test_a_line_has_the_apis_own_words() -> None:
    """JobId and CreationTime stand there as the API wrote them."""
    answer = Accepted(
        job_id="av1", creation_time="2021-08-07T12:12:12+0800", state="Cancel", data_id=None, request_id="r",
        confirmed=True,
    )  # fmt: skip
    line = event_line(event_of(command(), Outcome.CANCELLED, now=NOW, attempts=2, answer=answer))
    assert line.startswith("2026-01-31 12:00:00Z  cancelled  av1  b-1250000000 ap-beijing  JobId av1")
    assert "CreationTime 2021-08-07T12:12:12+0800" in line
    assert "2 attempts" in line
    assert "not confirmed" not in line


def test_a_line_steers_no_terminal() -> None:
    """Reasons and errors were written by strangers."""
    error = EventError(code="NotAllowed", message="no\x1b[2J\r\nfake line\u202e")
    line = event_line(event_of(command(reason="\x1b]0;x\x07"), Outcome.REFUSED, now=NOW, error=error))
    assert line.isprintable()
    assert "NotAllowed" in line


def test_a_batch_has_a_line_of_its_own() -> None:
    """With its size and counts."""
    assert event_line(batch_event()) == "2026-01-31 12:00:00Z  completed  batch b1  2 commands  2 cancelled"


@pytest.mark.parametrize(
    ("wanted", "job", "batch"),
    [
        (Wanted(), True, True),
        (Wanted(job_id="av1"), True, False),
        (Wanted(job_id="av2"), False, False),
        (Wanted(batch_id="b1"), True, True),
        (Wanted(batch_id="b2"), False, False),
        (Wanted(outcome=Outcome.EXPIRED), True, False),
        (Wanted(outcome=Outcome.GONE), False, False),
        (Wanted("av1", "b1", Outcome.EXPIRED), True, False),
    ],
)
def test_filters_narrow_together(wanted: Wanted, job: bool, batch: bool) -> None:
    """Every filter must agree; a batch's event is only its batch's."""
    one = command(batch=BatchPlace(id="b1", index=0, size=2))
    assert wanted.takes(event_of(one, Outcome.EXPIRED, now=NOW)) is job
    assert wanted.takes(batch_event()) is batch


def test_positions_sort_by_time() -> None:
    """As numbers, not as text."""
    assert order_of("999-2") < order_of("1000-0") < order_of("1000-10")


def test_since_takes_the_moment_itself() -> None:
    """The position lies just before it: events of that very millisecond are shown."""
    position = before(NOW)
    milliseconds = int(NOW.timestamp() * 1000)
    assert order_of(f"{milliseconds - 1}-5") < order_of(position) < order_of(f"{milliseconds}-0")
    assert before(None) == before(datetime(1970, 1, 1, tzinfo=UTC)) == "0-0"
