"""The event: a CloudEvent that says how a command ended, in the API's own words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answer import Accepted, AttemptError, JobGone
from tasks.command import CancelCommand, parse
from tasks.event import (
    BatchData,
    Event,
    EventData,
    EventError,
    batch_event_template,
    deduplicated_event,
    event_of,
    unreadable_event,
)
from tasks.outcome import Lane, Outcome

NOW = datetime(2026, 1, 31, 12, 0, 1, 250_000, tzinfo=UTC)
SENT = NOW - timedelta(milliseconds=80)
ACCEPTED = Accepted(
    job_id="av1-as-the-api-writes-it",
    data_id="live-4711",
    creation_time="2021-08-07T12:12:12+0800",
    request_id="NTk0MjdmODlfMjQ4OGY3XzYzYzhf",
    state="Canceled",
    confirmed=True,
)
GONE = JobGone(
    code="NoSuchJob",
    message="no such job",
    http_status=404,
    request_id="r-1",
    trace_id="t-1",
    state="Success",
)

ODD = st.characters() | st.sampled_from("\ud800\udfff\x00")
"""Any character, and often enough those that no JSON text may hold."""


def command(**fields: Any) -> CancelCommand:
    raw = {
        "job_id": "av1",
        "bucket": "examplebucket-1250000000",
        "region": "ap-beijing",
        "account": "eu-west",
        "lane": "bulk",
        "reason": "purge",
        "requested_at": "2026-01-31T11:00:00Z",
        "batch": {"id": "b-1", "index": 0, "size": 3},
        "context": {"room": 7},
    }
    return parse({**raw, **fields}, now=NOW, command_id="c-1")


def data_of(event: Event) -> EventData:
    assert isinstance(event.data, EventData)
    return event.data


def test_a_cancelled_event_in_full() -> None:
    """Every field of the contract, as it goes over the wire."""
    event = event_of(
        command(), Outcome.CANCELLED, now=NOW, attempts=2, uncertain_attempts=1, sent_at=SENT, answer=ACCEPTED
    )
    assert json.loads(event.to_json()) == {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/standdown/eu-west",
        "type": "standdown.job.cancelled.v1",
        "subject": "av1",
        "time": "2026-01-31T12:00:01.250Z",
        "datacontenttype": "application/json",
        "data": {
            "outcome": "cancelled",
            "confirmed": True,
            "JobId": "av1-as-the-api-writes-it",
            "CreationTime": "2021-08-07T12:12:12+0800",
            "DataId": "live-4711",
            "RequestId": "NTk0MjdmODlfMjQ4OGY3XzYzYzhf",
            "State": "Canceled",
            "bucket": "examplebucket-1250000000",
            "region": "ap-beijing",
            "lane": "bulk",
            "reason": "purge",
            "attempts": 2,
            "uncertain_attempts": 1,
            "deduplicated": False,
            "batch_id": "b-1",
            "context": {"room": 7},
            "requested_at": "2026-01-31T11:00:00.000Z",
            "sent_at": "2026-01-31T12:00:01.170Z",
            "settled_at": "2026-01-31T12:00:01.250Z",
            "error": None,
        },
    }


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_apis_texts_are_verbatim(creation_time: str, job_id: str) -> None:
    """Whatever the API writes as JobId or CreationTime arrives unchanged, odd zones and all."""
    answer = Accepted(job_id, None, creation_time, None, None, confirmed=False)
    data = json.loads(event_of(command(), Outcome.CANCELLED, now=NOW, answer=answer).to_json())["data"]
    assert (data["JobId"], data["CreationTime"]) == (job_id, creation_time)
    assert (data["DataId"], data["RequestId"], data["confirmed"]) == (None, None, False)


def test_a_gone_event_quotes_the_api() -> None:
    """`gone` is certain, and carries what the API said of the job."""
    data = data_of(event_of(command(), Outcome.GONE, now=NOW, attempts=1, answer=GONE))
    assert data.confirmed
    assert (data.RequestId, data.State, data.JobId) == ("r-1", "Success", None)
    assert data.error == EventError(code="NoSuchJob", message="no such job", http_status=404, trace_id="t-1")


def test_a_refused_event_says_why() -> None:
    """`refused` is not confirmed, and has the error's code, text, status and trace."""
    error = AttemptError("bad id", fault="command", code="InvalidJobId", http_status=400, trace_id="t-2")
    data = data_of(event_of(command(), Outcome.REFUSED, now=NOW, attempts=1, error=EventError.of(error)))
    assert not data.confirmed
    assert data.error == EventError(code="InvalidJobId", message="bad id", http_status=400, trace_id="t-2")


@pytest.mark.parametrize("outcome", [Outcome.EXPIRED, Outcome.ABORTED])
def test_an_event_without_an_answer_claims_nothing(outcome: Outcome) -> None:
    """Expired and aborted commands have no text of the API, and are not confirmed."""
    data = data_of(event_of(command(), outcome, now=NOW))
    assert not data.confirmed
    assert [data.JobId, data.CreationTime, data.DataId, data.RequestId, data.State, data.error] == [None] * 6
    assert data.sent_at is None


@pytest.mark.parametrize("outcome", Outcome)
def test_an_event_is_routed_by_account_and_outcome(outcome: Outcome) -> None:
    """`<account>.<outcome>`, and the outcome is in the type as well."""
    event = event_of(command(), outcome, now=NOW)
    assert event.routing_key == f"eu-west.{outcome}"
    assert event.type == f"standdown.job.{outcome}.v1"


@pytest.mark.parametrize("outcome", Outcome)
def test_an_event_is_read_back_as_it_was_written(outcome: Outcome) -> None:
    """The ledger's stored text gives the same event, and the same text again."""
    event = event_of(command(), outcome, now=NOW, sent_at=SENT, answer=ACCEPTED)
    again = Event.model_validate_json(event.to_json())
    assert again == event
    assert again.to_json() == event.to_json()


def test_a_deduplicated_event_is_its_own_commands_with_the_firsts_outcome() -> None:
    """Id, lane, batch, context and times are the second's; outcome and the API's texts are the first's."""
    first = event_of(
        command(), Outcome.CANCELLED, now=NOW, attempts=2, uncertain_attempts=1, sent_at=SENT, answer=ACCEPTED
    )
    later = NOW + timedelta(hours=1)
    second = command(
        command_id="c-2",
        lane="urgent",
        reason="stream_ended",
        batch=None,
        context=None,
        requested_at="2026-01-31T11:30Z",
    )
    event = deduplicated_event(second, first, now=later)
    data = data_of(event)
    assert (event.id, event.time, event.type) == ("c-2", later, "standdown.job.cancelled.v1")
    assert data == data_of(first).model_copy(
        update={
            "deduplicated": True,
            "attempts": 0,
            "uncertain_attempts": 0,
            "sent_at": None,
            "settled_at": later,
            "lane": Lane.URGENT,
            "reason": "stream_ended",
            "batch_id": None,
            "context": None,
            "requested_at": second.requested_at,
        }
    )


def test_a_batchs_event_says_nothing_of_a_job() -> None:
    """A programming error is named, not published."""
    text = batch_event_template(command(), NOW).replace("@COUNTS@", "")
    with pytest.raises(TypeError, match="batch-b-1 is a batch's"):
        deduplicated_event(command(), Event.model_validate_json(text), now=NOW)


@given(st.dictionaries(st.sampled_from(Outcome), st.integers(1, 10**7)))
def test_the_batch_template_is_an_event_once_the_counts_are_in(counts: dict[Outcome, int]) -> None:
    """Putting the ledger's counts in gives valid JSON and a valid event, with nothing left to put in."""
    template = batch_event_template(command(), NOW)
    assert template.count("@COUNTS@") == 1
    text = template.replace("@COUNTS@", ",".join(f'"{outcome}":{count}' for outcome, count in counts.items()))
    event = Event.model_validate_json(text)
    assert event.data == BatchData(batch_id="b-1", size=3, outcomes=counts, completed_at=NOW)
    assert (event.id, event.subject, event.type) == ("batch-b-1", "b-1", "standdown.batch.completed.v1")
    assert event.routing_key == "eu-west.batch"
    assert "@" not in text


def test_a_command_of_no_batch_has_no_batch_event() -> None:
    """A programming error is named."""
    with pytest.raises(ValueError, match="c-1 belongs to no batch"):
        batch_event_template(command(batch=None), NOW)


def test_an_unreadable_message_is_refused_under_its_own_id() -> None:
    """What is no command still ends in one event, which invents no field."""
    event = unreadable_event("eu-west", "m-1", "expected JSON", now=NOW)
    data = data_of(event)
    assert (event.id, event.subject, event.routing_key) == ("m-1", "m-1", "eu-west.refused")
    assert data.error == EventError(code="UnreadableCommand", message="expected JSON")
    assert data.model_dump(exclude_none=True, exclude_defaults=True, exclude={"error"}) == {
        "outcome": Outcome.REFUSED,
        "confirmed": False,
        "settled_at": NOW,
    }


@given(st.text(ODD, max_size=50), st.text(ODD, max_size=50) | st.text(ODD, min_size=2000, max_size=2100))
def test_any_unreadable_message_gives_an_event_that_can_be_written(message_id: str, reason: str) -> None:
    """Texts from outside, lone surrogates among them, never stop the event on its way out."""
    event = unreadable_event("default", message_id, reason, now=NOW)
    assert Event.model_validate_json(event.to_json()) == event
    assert event.data.error is not None  # type: ignore[union-attr]
    assert len(event.data.error.message) <= 2000  # type: ignore[union-attr]


def test_the_deepest_context_survives_the_way_out_and_back() -> None:
    """A context that a command may carry is read back from its event."""
    deep: dict[str, Any] = {}
    for _ in range(31):
        deep = {"in": deep}
    event = event_of(command(context=deep), Outcome.GONE, now=NOW)
    assert data_of(Event.model_validate_json(event.to_json())).context == deep
