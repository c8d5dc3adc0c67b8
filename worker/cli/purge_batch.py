"""From the entries of a purge to the commands of one batch, the same ones each time the purge is run again."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tasks.command import BatchPlace, CancelCommand
from tasks.door import CHUNK
from worker.cli.purge_file import Duplicate, Entry, Found, IgnoredColumns
from worker.cli.purge_line import LineProblem

SHOWN_MAX = 20
"""How many problems are listed; all are counted."""


@dataclass(slots=True)
class Collected:
    """What a purge file holds: every entry, and the first of what is to be told of the others."""

    entries: list[Entry] = field(default_factory=list)
    problems: int = 0
    duplicates: int = 0
    first_problems: list[LineProblem] = field(default_factory=list)
    first_duplicates: list[Duplicate] = field(default_factory=list)
    ignored: IgnoredColumns | None = None

    def add(self, found: Found) -> None:
        match found:
            case Entry():
                self.entries.append(found)
            case Duplicate():
                self.duplicates += 1
                if self.duplicates <= SHOWN_MAX:
                    self.first_duplicates.append(found)
            case LineProblem():
                self.problems += 1
                if self.problems <= SHOWN_MAX:
                    self.first_problems.append(found)
            case IgnoredColumns():
                self.ignored = found


def new_batch_id(now: datetime) -> str:
    """A batch id that tells its age and cannot be met by chance."""
    return f"purge-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def command_id_of(batch_id: str, job_key: str) -> str:
    """The id of a job's command in a batch: the same purge again makes the same commands."""
    return hashlib.sha256(f"{batch_id}\n{job_key}".encode()).hexdigest()[:32]


@dataclass(slots=True)
class BatchCommands:
    """The commands of one batch, made one by one, counted while they are taken.

    common: any command with the purge's own fields, validated.
    """

    batch_id: str
    common: CancelCommand
    entries: Sequence[Entry]
    taken: int = 0

    def __iter__(self) -> Iterator[CancelCommand]:
        size = len(self.entries)
        for index, entry in enumerate(self.entries):
            self.taken = index + 1
            yield self.common.model_copy(
                update={
                    **entry.fields,
                    "command_id": command_id_of(self.batch_id, entry.job_key),
                    "batch": BatchPlace(id=self.batch_id, index=index, size=size),
                }
            )

    @property
    def accepted_at_least(self) -> int:
        """How many were enqueued for certain: the door takes a chunk whole before it takes the next."""
        return max(0, self.taken - 1) // CHUNK * CHUNK
