"""The demo's figures: events and arrivals in, counts, rates, waits and verdict out."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from tasks.command import CancelCommand, parse
from tasks.event import BatchData, Event, deduplicated_event, event_of
from tasks.outcome import Lane, Outcome
from worker.demo.figures import Arrival, Counted, Figures, figures_of, percentile, problems, rate_per_s
from worker.demo.rows import as_json, lane_rows, lines, request_rows, wait_text
from worker.demo.stopping import AskedToStopError, Stopping

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
FINE = Counted(requests=3, worst_second=3, throttled=0)


def command_of(job_id: str, lane: Lane = Lane.BULK, *, at_s: float = 0.0) -> CancelCommand:
    raw = {"job_id": job_id, "bucket": "examplebucket-1250000000", "region": "ap-beijing", "lane": lane}
    return parse(raw, now=START + timedelta(seconds=at_s))


def ended(command: CancelCommand, outcome: Outcome = Outcome.CANCELLED) -> Event:
    return event_of(command, outcome, now=START, attempts=1)


def arrival(job_id: str, at_s: float) -> Arrival:
    return Arrival(job_id, START.timestamp() + at_s)


def figures(
    commands: Iterable[CancelCommand],
    events: Iterable[Event] = (),
    arrivals: Iterable[Arrival] = (),
    counted: Counted = FINE,
) -> Figures:
    return figures_of(commands, events, list(arrivals), counted, 20)


def test_commands_and_outcomes_are_counted_by_lane() -> None:
    """Each accepted command counts once in its lane, under the outcome its event tells."""
    purged = [command_of(f"av{place}") for place in range(3)]
    urgent = command_of("av9", Lane.URGENT)
    found = figures(
        [*purged, urgent],
        [ended(purged[0]), ended(purged[1], Outcome.GONE), ended(purged[2]), ended(urgent, Outcome.REFUSED)],
    )
    assert found.lanes[Lane.BULK].outcomes == {Outcome.CANCELLED: 2, Outcome.GONE: 1}
    assert found.lanes[Lane.URGENT].outcomes == {Outcome.REFUSED: 1}
    assert (found.accepted, found.events) == (4, 4)
    assert problems(found) == []


def test_an_event_delivered_twice_counts_once() -> None:
    """Events are told apart by their ids: a second delivery is no second event."""
    command = command_of("av1")
    found = figures([command], [ended(command), ended(command)])
    assert found.events == 1
    assert problems(found) == []


def test_the_last_event_of_a_batch_is_no_command_s() -> None:
    """A batch's own event answers no command, and is not missed nor unexpected."""
    command = command_of("av1")
    data = BatchData(batch_id="b", size=1, outcomes={Outcome.CANCELLED: 1}, completed_at=START)
    batch = Event(
        id="batch-b",
        source="/standdown/default",
        type="standdown.batch.completed.v1",
        subject="b",
        time=START,
        data=data,
    )
    found = figures([command], [ended(command), batch])
    assert found.events == 1
    assert problems(found) == []


def test_a_command_without_its_event_is_a_problem() -> None:
    """A missing event is said with the command's id, and how many were accepted."""
    command, other = command_of("av1"), command_of("av2")
    found = figures([command, other], [ended(command)])
    assert found.missing == [other.command_id]
    assert problems(found) == [f"1 ({other.command_id}) of 2 accepted commands have no event"]


def test_an_event_without_a_command_is_a_problem() -> None:
    """Nothing may be published that nobody asked for."""
    command, stranger = command_of("av1"), command_of("av2")
    found = figures([command], [ended(command), ended(stranger)])
    assert found.events == 2
    assert problems(found) == [f"1 ({stranger.command_id}) events answer no command"]


def test_many_missing_ids_are_cut_short() -> None:
    """The sentence names three ids and says that there are more."""
    (sentence,) = problems(figures([command_of(f"av{place}") for place in range(50)]))
    assert sentence.startswith("50 (")
    assert sentence.count(",") == 3
    assert "…" in sentence


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (Counted(30, 20, 0), []),
        (Counted(30, 21, 0), ["21 requests arrived within a second, and the limit is 20"]),
        (Counted(30, 20, 1), ["1 requests were answered as throttled"]),
    ],
)
def test_the_limit_is_judged_by_what_the_sandbox_counted(counted: Counted, expected: list[str]) -> None:
    """The worst second may reach the limit and not pass it, and nothing may be throttled."""
    command = command_of("av1")
    assert problems(figures([command], [ended(command)], counted=counted)) == expected


def test_the_wait_is_from_handing_in_to_the_first_arrival() -> None:
    """A retry arrives later and does not lengthen the wait."""
    command = command_of("av1", at_s=1)
    found = figures([command], [], [arrival("av1", 3.5), arrival("av1", 1.25)])
    waits = found.lanes[Lane.BULK].waits
    assert waits is not None
    assert waits.count == 1
    assert waits.p50_s == waits.max_s == pytest.approx(0.25)


def test_a_command_answered_without_a_request_has_no_wait() -> None:
    """What arrived before a command was handed in belongs to another one of the same job."""
    first, second = command_of("av1"), command_of("av1", Lane.URGENT, at_s=5)
    again = deduplicated_event(second, ended(first), now=START)
    found = figures([first, second], [ended(first), again], [arrival("av1", 2)])
    assert found.lanes[Lane.URGENT].waits is None
    assert found.lanes[Lane.URGENT].deduplicated == 1
    assert found.lanes[Lane.BULK].deduplicated == 0
    assert found.lanes[Lane.BULK].waits is not None


def test_the_rate_is_over_the_gaps_between_first_and_last_bulk_request() -> None:
    """n arrivals have n - 1 gaps; urgent ones in between count, those before and after do not."""
    moments = [("u1", 0.0), ("b1", 1.0), ("u2", 1.1), ("b2", 1.3), ("b3", 1.5), ("u3", 9.0)]
    assert rate_per_s([arrival(*one) for one in moments], {"b1", "b2", "b3"}) == pytest.approx(3 / 0.5)


@pytest.mark.parametrize(
    "moments", [[], [("u1", 0.0), ("u2", 1.0)], [("b1", 1.0)], [("b1", 1.0), ("b1", 1.0)]]
)
def test_without_two_moments_there_is_no_rate(moments: list[tuple[str, float]]) -> None:
    """No division by nothing: the rate is not known."""
    assert rate_per_s([arrival(*one) for one in moments], {"b1"}) is None


def test_arrivals_may_come_in_any_order() -> None:
    """The figures do not depend on the order in which the log was read."""
    commands = [command_of(f"av{place}") for place in range(30)]
    arrivals = [arrival(f"av{place}", place * 0.05) for place in range(30)]
    shuffled = random.Random(7).sample(arrivals, len(arrivals))
    assert figures(commands, [], shuffled) == figures(commands, [], arrivals)
    assert figures(commands, [], shuffled).rate_per_s == pytest.approx(20)


def test_percentiles_are_values_that_occurred() -> None:
    """Nearest rank: of 200 values the 99th percentile is the 198th."""
    values = [float(value) for value in range(1, 201)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 100, 198, 200]
    assert percentile([3.0], 0.99) == 3.0


def test_the_table_shows_only_outcomes_that_occurred() -> None:
    """A row per outcome, cancelled always; urgent before bulk."""
    purged, urgent = command_of("av1"), command_of("av2", Lane.URGENT)
    rows = lane_rows(
        figures([purged, urgent], [ended(purged, Outcome.GONE), ended(urgent)], [arrival("av1", 2)])
    )
    assert rows == [
        ("commands accepted", "1", "1"),
        ("  cancelled", "1", "0"),
        ("  gone", "0", "1"),
        ("events published, each id once", "1", "1"),
        ("waiting until the request arrived, p50", "-", "2.0 s"),
        ("  p99", "-", "2.0 s"),
        ("  longest", "-", "2.0 s"),
    ]


def test_the_rate_is_shown_as_a_share_of_the_limit() -> None:
    """The share first, then the requests a second and the limit; a dash where it is not known."""
    commands = [command_of("av1"), command_of("av2")]
    shown = dict(request_rows(figures(commands, [], [arrival("av1", 0), arrival("av2", 0.0625)])))
    assert shown["rate used of the limit"] == "80.0% (16.00 of 20 a second)"
    assert dict(request_rows(figures(commands)))["rate used of the limit"] == "-"


def test_the_plain_lines_stand_in_columns() -> None:
    """In a pipe the numbers of a lane end in one column, and no line ends in blanks."""
    command = command_of("av1")
    text = lines(figures([command], [ended(command)]))
    table = text[: text.index("")]
    assert len({len(line) for line in table}) == 1
    assert all(line == line.rstrip() for line in text)


def test_json_names_its_units_and_holds_every_count() -> None:
    """What a script reads: counts, the verdict's ids, and seconds."""
    command = command_of("av1")
    values = as_json(figures([command], [ended(command)], [arrival("av1", 0.5)]))
    assert values["commands_accepted"] == values["events_distinct"] == 1
    assert values["lanes"]["bulk"]["outcomes"] == {"cancelled": 1}
    assert values["lanes"]["bulk"]["waits"] == {"count": 1, "p50_s": 0.5, "p99_s": 0.5, "max_s": 0.5}
    assert values["lanes"]["urgent"]["waits"] is None
    assert values["rate_used"] is None


@pytest.mark.parametrize(
    ("wait_s", "text"), [(0.0314, "31 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (5.24, "5.2 s")]
)
def test_waits_read_well(wait_s: float, text: str) -> None:
    """Milliseconds below a second; never `1000 ms`."""
    assert wait_text(wait_s) == text


def test_a_signal_is_told_to_the_next_wait_only() -> None:
    """A signal raises nowhere by itself; whoever waits next is told, even for a wait of nothing."""
    stopping = Stopping()
    stopping.wait(0)
    stopping.asked = True
    with pytest.raises(AskedToStopError):
        stopping.wait(0)
