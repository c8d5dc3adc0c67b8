"""The attempts of one stay in a worker thread: slot, note, request, and whether to try again soon.

It stands apart from tasks.cancel, which decides what the command becomes, because here everything is about the
single request: none without a slot, none with a stale one, none that the ledger does not know of.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog
import tenacity

from tasks.answer import Answer, AttemptError, JobGone
from tasks.command import CancelCommand
from tasks.ports import Ports, Slot, SlotTimeoutError
from tasks.retry import RetryRules, Step, next_step, pause_s

SLOT_LIFE_S = 0.2
"""A slot not used by then is not used at all: its request would arrive in somebody else's second."""

STALE_SLOTS_MAX = 5
"""Then something is too slow for now, and the command goes back to the queue instead of spending more."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class ExpiredError(Exception):
    """The deadline of the command passed before it could be sent."""


@dataclass(frozen=True, slots=True)
class World:
    """Clock, randomness and waiting, given from one place. `sleep` raises StoppingError when asked to stop."""

    sleep: Callable[[float], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random


@dataclass(slots=True)
class Tally:
    """The attempts of one command, over all its deliveries."""

    attempts: int = 0
    uncertain: int = 0
    sent_at: datetime | None = None


def attempt_until_answered(
    command: CancelCommand, tally: Tally, ports: Ports, world: World, rules: RetryRules
) -> Answer:
    """At most `call_attempts_max` attempts, each with a slot of its own; the last error comes out as it is."""
    began_s = world.monotonic()
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, AttemptError) and next_step(error) is Step.SOON
        ),
        stop=lambda state: (
            state.attempt_number >= rules.call_attempts_max or world.monotonic() - began_s >= rules.call_max_s
        ),
        wait=lambda state: pause_s(state.attempt_number, world.random()),
        sleep=world.sleep,
        reraise=True,
    )
    try:
        return attempts(_attempt, command, tally, ports, world)
    except AttemptError as error:
        if next_step(error) is not Step.ASK:
            raise
        try:
            gone = _ask(command, ports, world)
        except AttemptError as asked:
            if asked.fault == "command":
                raise error from asked  # the question was refused as well: the first answer says why
            raise
        if gone is None:
            raise
        return gone


def _attempt(command: CancelCommand, tally: Tally, ports: Ports, world: World) -> Answer:
    """One slot, one note, one request."""

    def note() -> None:
        ports.ledger.note_attempt(command, attempt=tally.attempts + 1, uncertain_attempts=tally.uncertain)

    slot = _fresh_slot(command, ports, world, note)
    tally.attempts += 1
    tally.sent_at = world.now()
    try:
        return _send(lambda: ports.api.cancel(command), slot, ports, tally.attempts)
    except AttemptError as error:
        tally.uncertain += error.uncertain
        raise


def _ask(command: CancelCommand, ports: Ports, world: World) -> JobGone | None:
    """Whether the API says that nothing is left to cancel; takes a slot like any request."""
    slot = _fresh_slot(command, ports, world, lambda: None)
    answer = _send(lambda: ports.api.query(command), slot, ports, None)
    return answer if isinstance(answer, JobGone) else None


def _fresh_slot(command: CancelCommand, ports: Ports, world: World, note: Callable[[], None]) -> Slot:
    """A slot that may be used at once, `note` being written already."""
    for _ in range(STALE_SLOTS_MAX):
        _expire(command, world)
        slot = ports.slots.take()
        _expire(command, world)  # the slot is lost; a worthless request would have cost the same
        note()
        if world.monotonic() - slot.taken_at_s < SLOT_LIFE_S:
            return slot
        _log.warning("slot.stale", effect="another one is taken")  # this process was suspended, or Redis slow
    raise SlotTimeoutError


def _expire(command: CancelCommand, world: World) -> None:
    if world.now() >= command.not_after:
        raise ExpiredError


def _send(call: Callable[[], T], slot: Slot, ports: Ports, attempt: int | None) -> T:
    waited_s = round(slot.waited_s, 4)
    try:
        answer = call()
    except AttemptError as error:
        ports.slots.report(slot, error)
        _log.warning(
            "attempt.failed",
            attempt=attempt,
            fault=error.fault,
            code=error.code,
            http_status=error.http_status,
            error=error.message,
            uncertain=error.uncertain,
            waited_s=waited_s,
        )
        raise
    ports.slots.report(slot, None)
    _log.info("attempt.answered", attempt=attempt, waited_s=waited_s)
    return answer
