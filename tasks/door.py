"""The producers' door: enqueue one command or a hundred thousand.

Accepted means: written into the ledger, then into the queue, both confirmed. If `enqueue` raises, enqueue the
same commands again: their ids make it safe.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from tasks.command import CancelCommand
from tasks.message import payload_of

CHUNK = 1000


class Accepts(Protocol):
    """Notes commands as accepted (the ledger)."""

    def accept(self, commands: Sequence[CancelCommand], payloads: Sequence[str]) -> None: ...

    def open_batch(self, account: str, batch_id: str, size: int, now: datetime) -> None: ...


class Sends(Protocol):
    """Puts commands into their queues, confirmed (the broker)."""

    def send(self, commands: Sequence[CancelCommand], payloads: Sequence[str]) -> None: ...


class UnreachableError(Exception):
    """Ledger or broker could not be reached. The commands may be enqueued again as they are."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where Python producers hand in commands. Not for several threads at once: open one each."""

    ledger: Accepts
    broker: Sends
    passing: tuple[type[Exception], ...]
    """What ledger and broker raise when they are out of reach."""

    def enqueue(self, command: CancelCommand) -> None:
        """Return once the command is accepted. Raises UnreachableError."""
        self.enqueue_many([command])

    def enqueue_many(self, commands: Iterable[CancelCommand]) -> int:
        """Return how many were accepted: all of them. Takes them in as they come, a thousand at a time.

        Raises UnreachableError, which says how many were accepted before.
        """
        rest, accepted = iter(commands), 0
        while chunk := list(islice(rest, CHUNK)):
            payloads = [payload_of(command) for command in chunk]
            try:
                self.ledger.accept(chunk, payloads)
                self.broker.send(chunk, payloads)
            except self.passing as lost:
                raise UnreachableError(
                    f"after {accepted} commands were accepted: {lost}. Enqueue them again, their ids make it safe"
                ) from lost
            accepted += len(chunk)
        return accepted

    def open_batch(self, account: str, batch_id: str, size: int, now: datetime) -> None:
        """Make a batch known before its first command, so that it can be watched and aborted at once."""
        try:
            self.ledger.open_batch(account, batch_id, size, now)
        except self.passing as lost:
            raise UnreachableError(f"the batch was not opened: {lost}. Nothing was enqueued") from lost
