"""What a task needs from the world, as small protocols that the worker fills in.

They stand here so that `tasks` imports nothing from `worker`: the decisions can be read and tested alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from tasks.answer import Answer, AttemptError
from tasks.command import CancelCommand
from tasks.event import Event


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
    """The right to send one HTTP request, granted not before `taken_at_s` on our monotonic clock.

    `quickest_us` and `guard_us` say from which delay on the fleet must know that the request was late.
    """

    number: int
    taken_at_s: float
    waited_s: float
    guard_us: int
    quickest_us: int
    probe: bool = False


class Slots(Protocol):
    """The fleet-wide limiter, as one lane of one account sees it."""

    def take(self) -> Slot:
        """Wait for the next slot. Raises SlotTimeoutError or StoppingError."""
        ...

    def report(self, slot: Slot, error: AttemptError | None) -> None:
        """Tell the fleet what the attempt met, so that all slow down, hold or resume together.

        Called as soon as the answer is there: the time from slot to answer is measured here.
        """
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """The command is ours to carry. Counts are those of earlier deliveries.

    lost_nodes: how many nodes died, or fell silent, while they carried it.
    """

    command: CancelCommand
    attempts: int
    uncertain_attempts: int
    lost_nodes: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """The command is settled already; `events` are to be published (again)."""

    events: list[Event]


@dataclass(frozen=True, slots=True)
class JobKnown:
    """Another command settled the job; `event` is that one's."""

    event: Event


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another node carries the command, or another command the job. The ledger keeps it: do nothing."""

    by: Literal["command", "job"]


@dataclass(frozen=True, slots=True)
class BatchAborted:
    """The batch of the command was aborted before it was sent."""

    command: CancelCommand
    attempts: int
    uncertain_attempts: int


Admission = Admitted | Known | JobKnown | Elsewhere | BatchAborted


class Ledger(Protocol):
    """What is known of each command and job, as the task needs it. Every call is atomic and may be repeated.

    Calls wait while the ledger is out of reach, and raise StoppingError when the process stops meanwhile.
    """

    def admit(self, command: CancelCommand) -> Admission: ...

    def note_attempt(self, command: CancelCommand, *, attempt: int, uncertain_attempts: int) -> None:
        """Note, before it is sent, that attempt number `attempt` is made.

        `uncertain_attempts` counts the earlier ones that may have taken effect; a crash now adds this one.
        Raises HeldElsewhereError where the command is no longer ours: then nothing may be sent.
        """
        ...

    def settle(self, command: CancelCommand, event: Event) -> list[Event]:
        """Write outcome and event; gives what to publish: the event that stands, and a batch's last."""
        ...

    def published(self, command: CancelCommand) -> None:
        """The events are with the broker: the command is done."""
        ...

    def later(
        self, command: CancelCommand, *, delay_s: float, why: str, attempts: int, uncertain_attempts: int
    ) -> None:
        """Keep the command until `delay_s` have passed, then enqueue it again."""
        ...


class Publisher(Protocol):
    """Events on their way out; returns when the broker has confirmed them."""

    def publish(self, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the task reaches, for one account and lane."""

    refusal: Callable[[CancelCommand], str | None]
    """Why the command may not be carried out at all (account, bucket, region), as a sentence."""
    api: Api
    slots: Slots
    ledger: Ledger
    publisher: Publisher
