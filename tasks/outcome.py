"""How a command can end: the closed set of outcomes, and which of them say something about the job."""

from enum import StrEnum


class Lane(StrEnum):
    """Which queue a command waits in; `urgent` is served before `bulk`."""

    URGENT = "urgent"
    BULK = "bulk"


class Outcome(StrEnum):
    """How a command ended. Every accepted command ends in exactly one of these."""

    CANCELLED = "cancelled"
    GONE = "gone"
    REFUSED = "refused"
    EXPIRED = "expired"
    ABORTED = "aborted"

    @property
    def needs_a_person(self) -> bool:
        """Whether the command is kept whole as a dead letter."""
        return self in (Outcome.REFUSED, Outcome.EXPIRED)

    @property
    def settles_the_job(self) -> bool:
        """Whether a second command for the same job can be answered without a request.

        A refused, expired or aborted command says nothing of the job: the next one must be tried.
        """
        return self in (Outcome.CANCELLED, Outcome.GONE)
