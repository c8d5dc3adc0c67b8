"""The event: a CloudEvent 1.0 that states how a command ended, or that a batch is complete.

Source: CloudEvents 1.0.2, JSON format; the fields of `data` are the product's own contract.
"""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tasks.answer import Accepted, Answer, AttemptError, JobGone
from tasks.command import CancelCommand, Moment
from tasks.outcome import Lane, Outcome


class EventError(BaseModel):
    """Why a command was refused, or what the API said of a job that is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str | None
    message: str
    http_status: int | None = None
    trace_id: str | None = None

    @classmethod
    def of(cls, problem: AttemptError | JobGone) -> Self:
        return cls(
            code=problem.code,
            message=problem.message,
            http_status=problem.http_status,
            trace_id=problem.trace_id,
        )


class EventData(BaseModel):
    """How one command ended. JobId, CreationTime, DataId, RequestId and State are the API's own, verbatim.

    A message that could not be read as a command has no bucket, region, lane or times of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    confirmed: bool
    JobId: str | None = None
    CreationTime: str | None = None
    DataId: str | None = None
    RequestId: str | None = None
    State: str | None = None
    bucket: str | None = None
    region: str | None = None
    lane: Lane | None = None
    reason: str | None = None
    attempts: int = Field(default=0, ge=0)
    uncertain_attempts: int = Field(default=0, ge=0)
    deduplicated: bool = False
    batch_id: str | None = None
    context: dict[str, JsonValue] | None = None
    requested_at: Moment | None = None
    sent_at: Moment | None = None
    settled_at: Moment
    error: EventError | None = None


class BatchData(BaseModel):
    """How a batch ended: `size` commands, `outcomes` counts them by outcome and adds up to `size`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str
    size: int
    outcomes: dict[Outcome, int]
    completed_at: Moment


class Event(BaseModel):
    """A CloudEvent. `id` is the command's id, so that a second delivery can be told from a second event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    data: EventData | BatchData

    @property
    def account(self) -> str:
        return self.source.removeprefix("/standdown/")

    @property
    def routing_key(self) -> str:
        """`<account>.<outcome>`; a batch's last event has `<account>.batch`."""
        kind = self.data.outcome if isinstance(self.data, EventData) else "batch"
        return f"{self.account}.{kind}"

    def to_json(self) -> bytes:
        return self.model_dump_json().encode()


def event_of(
    command: CancelCommand,
    outcome: Outcome,
    *,
    now: datetime,
    attempts: int = 0,
    uncertain_attempts: int = 0,
    sent_at: datetime | None = None,
    answer: Answer | None = None,
    error: EventError | None = None,
    request_id: str | None = None,
) -> Event:
    """The event of `command` ending in `outcome` at `now`, with what the API answered, if it did."""
    accepted = answer if isinstance(answer, Accepted) else None
    gone = answer if isinstance(answer, JobGone) else None
    return _cloud_event(
        command,
        EventData(
            outcome=outcome,
            confirmed=accepted.confirmed if accepted else outcome is Outcome.GONE,
            JobId=accepted.job_id if accepted else None,
            CreationTime=accepted.creation_time if accepted else None,
            DataId=accepted.data_id if accepted else None,
            RequestId=accepted.request_id if accepted else gone.request_id if gone else request_id,
            State=accepted.state if accepted else gone.state if gone else None,
            bucket=command.bucket,
            region=command.region,
            lane=command.lane,
            reason=command.reason,
            attempts=attempts,
            uncertain_attempts=uncertain_attempts,
            batch_id=command.batch.id if command.batch else None,
            context=command.context,
            requested_at=command.requested_at,
            sent_at=sent_at,
            settled_at=now,
            error=EventError.of(gone) if gone else error,
        ),
    )


def deduplicated_event(command: CancelCommand, first: Event, *, now: datetime) -> Event:
    """The event of a command whose job is settled already: the first one's outcome, no request of its own."""
    if not isinstance(first.data, EventData):
        raise TypeError(f"event {first.id} is a batch's, it says nothing of a job")
    return _cloud_event(
        command,
        first.data.model_copy(
            update={
                "deduplicated": True,
                "attempts": 0,
                "uncertain_attempts": 0,
                "lane": command.lane,
                "reason": command.reason,
                "batch_id": command.batch.id if command.batch else None,
                "context": command.context,
                "requested_at": command.requested_at,
                "sent_at": None,
                "settled_at": now,
            }
        ),
    )


def unreadable_event(account: str, message_id: str, reason: str, *, now: datetime) -> Event:
    """The event of a message that is no command: refused, named by the message's own id.

    Both texts came from outside: lone surrogates, which no JSON text may hold, become question marks.
    """
    message_id, reason = (text.encode(errors="replace").decode() for text in (message_id, reason))
    return Event(
        id=message_id,
        source=f"/standdown/{account}",
        type=f"standdown.job.{Outcome.REFUSED}.v1",
        subject=message_id,
        time=now,
        data=EventData(
            outcome=Outcome.REFUSED,
            confirmed=False,
            settled_at=now,
            error=EventError(code="UnreadableCommand", message=reason[:2000]),
        ),
    )


def batch_event_template(command: CancelCommand, completed_at: datetime) -> str:
    """The JSON of a batch's last event with `@COUNTS@` where the ledger, which counts, puts the counts."""
    if command.batch is None:
        raise ValueError(f"command {command.command_id} belongs to no batch")
    data = BatchData(
        batch_id=command.batch.id, size=command.batch.size, outcomes={}, completed_at=completed_at
    )
    event = Event(
        id=f"batch-{data.batch_id}",
        source=f"/standdown/{command.account}",
        type="standdown.batch.completed.v1",
        subject=data.batch_id,
        time=completed_at,
        data=data,
    )
    return event.model_dump_json().replace('"outcomes":{}', '"outcomes":{@COUNTS@}')


def _cloud_event(command: CancelCommand, data: EventData) -> Event:
    return Event(
        id=command.command_id,
        source=f"/standdown/{command.account}",
        type=f"standdown.job.{data.outcome}.v1",
        subject=command.job_id,
        time=data.settled_at,
        data=data,
    )
