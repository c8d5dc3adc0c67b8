"""From plain JSON to accepted commands: parse, enqueue what is a command, bury what is not."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from tasks.command import CancelCommand, InvalidCommandError, parse
from tasks.door import Door
from tasks.message import BODY_MAX_BYTES

_log = structlog.get_logger(__name__)

Bury = Callable[[str, bytes, str], object]
"""Keeps a message that is no command: message id, raw body, reason."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What every inbox hands its bodies to."""

    door: Door
    bury: Bury
    accounts: Collection[str]

    def take_in(self, bodies: Sequence[bytes]) -> None:
        """Return once every body is accepted or buried; raises what the door raises, then none may be dropped."""
        commands = []
        for body in bodies:
            try:
                commands.append(self._command(body))
            except InvalidCommandError as invalid:
                _log.warning("inbox.unreadable", error=str(invalid))
                self.bury(name_of(body), body, str(invalid))
        if commands:
            self.door.enqueue_many(commands)
            _log.info("inbox.accepted", count=len(commands))

    def _command(self, body: bytes) -> CancelCommand:
        command = command_in(body, datetime.now(UTC))
        if command.account not in self.accounts:
            known = ", ".join(self.accounts)
            raise InvalidCommandError(f"account {command.account} is not configured (known: {known})")
        return command


def command_in(body: bytes, now: datetime) -> CancelCommand:
    """The command in `body`. Without a command_id it is named after the body: the same body is the same command."""
    if len(body) > BODY_MAX_BYTES:
        raise InvalidCommandError(f"expected at most {BODY_MAX_BYTES} bytes, got {len(body)}")
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise InvalidCommandError(
            f"expected a JSON object with job_id, bucket and region, got what is no JSON: {str(problem)[:120]}"
        ) from None
    return parse(raw, now=now, command_id=name_of(body))


def name_of(body: bytes) -> str:
    """An id for a message that brings none; it survives redelivery."""
    return hashlib.sha256(body).hexdigest()[:32]
