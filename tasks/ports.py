"""What a task needs from the world, as small protocols that the worker fills in.

They stand here so that `tasks` imports nothing from `worker`: the decisions can be read and tested alone.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from tasks.answer import Accepted, Answer, AttemptError
from tasks.command import CancelCommand
from tasks.event import Event
from tasks.outcome import Lane


class StoppingError(Exception):
    """The process was asked to stop while this work waited; nothing was sent."""


class SlotTimeoutError(Exception):
    """No slot came within the longest wait; the command goes back to the queue, no attempt counted."""


class HeldElsewhereError(Exception):
    """Another node carries this command, or took it over: this copy must send nothing."""


class Api(Protocol):
    """The cancel API of one account: each call is exactly one HTTP request, or AttemptError."""

    def cancel(self, command: CancelCommand) -> Answer: ...

    def query(self, command: CancelCommand) -> Answer | None:
        """The job as the API knows it: JobGone if it ended or is unknown, None if it still runs."""
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to send one HTTP request. `granted_at_ms` is on Redis' clock, `waited_s` on ours."""

    granted_at_ms: float
    waited_s: float
    probe: bool = False


class Slots(Protocol):
    """The fleet-wide limiter, as one lane of one account sees it."""

    def take(self) -> Slot:
        """Wait for the next slot. Raises SlotTimeoutError or StoppingError."""
        ...

    def report(self, slot: Slot, error: AttemptError | None, *, took_s: float) -> None:
        """Tell the fleet what the attempt met, so that everyone slows down, holds or resumes together."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """The command is ours to carry. Counts are those of earlier deliveries."""

    command: CancelCommand
    attempts: int
    uncertain_attempts: int


@dataclass(frozen=True, slots=True)
class Known:
    """The command or its job is settled already; `event` tells how and is still to be published."""

    event: Event


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another node carries the command, or another command carries the job: try again in `retry_in_s`."""

    by: Literal["command", "job"]
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class BatchAborted:
    """The batch of the command was aborted before it was sent."""

    command: CancelCommand
    attempts: int


Admission = Admitted | Known | Elsewhere | BatchAborted


class Ledger(Protocol):
    """What is known of each command and job, as the task needs it. Every call is atomic."""

    def admit(self, command: CancelCommand) -> Admission: ...

    def note_attempt(self, command: CancelCommand) -> int:
        """Note, before it is sent, that an attempt is made; gives its number, counted from 1.

        Raises HeldElsewhereError where the command is no longer ours: then nothing may be sent.
        """
        ...

    def note_unsent(self, command: CancelCommand) -> None:
        """The noted attempt surely took no effect: it was not written, or the API answered no."""
        ...

    def settle(self, command: CancelCommand, event: Event) -> list[Event]:
        """Write outcome and event; gives what to publish: the event that stands, and a batch's last."""
        ...

    def published(self, command: CancelCommand) -> None:
        """The event is with the broker: the command is done."""
        ...

    def later(self, command: CancelCommand, delay_s: float, why: str) -> None:
        """Keep the command until `delay_s` have passed, then enqueue it again."""
        ...


class Publisher(Protocol):
    """Events on their way out; returns when the broker has confirmed them."""

    def publish(self, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the task reaches, for one account and lane."""

    lane: Lane
    api: Api
    slots: Slots
    ledger: Ledger
    publisher: Publisher


__all__ = [
    "Accepted",
    "Admission",
    "Admitted",
    "Api",
    "BatchAborted",
    "Elsewhere",
    "HeldElsewhereError",
    "Known",
    "Ledger",
    "Ports",
    "Publisher",
    "Slot",
    "SlotTimeoutError",
    "Slots",
    "StoppingError",
]
