"""What becomes of one cancel command: admit, slot, send, decide, settle.

    admit    already settled: publish that event again · settled by another command: its outcome, no request ·
             carried elsewhere: nothing, the ledger keeps it · batch aborted · expired
    slot     wait for the right to send one request; none in time: back to the queue, no attempt counted
    send     note the attempt in the ledger, then one request
    decide   done · again soon, in this call, with a slot of its own · later, from the queue · ask · refuse
    settle   outcome and event into the ledger, atomically; publish; only then is the command done

A crash at any line repeats work that is safe to repeat: the message is acknowledged after the return.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog
import tenacity

from tasks.answer import Accepted, Answer, AttemptError, JobGone
from tasks.command import CancelCommand
from tasks.event import Event, EventData, EventError, deduplicated_event, event_of
from tasks.outcome import Outcome
from tasks.ports import (
    Admitted,
    BatchAborted,
    Elsewhere,
    HeldElsewhereError,
    JobKnown,
    Known,
    Ports,
    Slot,
    SlotTimeoutError,
)
from tasks.retry import RetryRules, Step, due_in_s, next_step, pause_s, retry_delay_s

SNOOZE_S = 5.0
"""How long a command stays away that waited for a slot in vain."""

T = TypeVar("T")
SLOT_LIFE_S = 0.2
"""A slot not used by then is not used at all: its request would arrive in somebody else's second."""

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


def carry_out(command: CancelCommand, ports: Ports, world: World, rules: RetryRules) -> None:
    """Bring `command` one step further: settled and published, or kept by the ledger for later.

    Raises StoppingError when the process stops first; then nothing was decided and the message goes back.
    """
    if problem := ports.refusal(command):
        refused = AttemptError(problem, fault="command", code="NotAllowed")
        return _settle(command, _ended(command, Outcome.REFUSED, Tally(), world, refused), ports)
    match ports.ledger.admit(command):
        case Known(events):
            return _publish(command, events, ports)
        case JobKnown(first):
            return _settle(command, deduplicated_event(command, first, now=world.now()), ports)
        case Elsewhere(by):
            _log.info("command.carried_elsewhere", by=by)
            return None
        case BatchAborted(command, attempts, uncertain):
            tally = Tally(attempts, uncertain)
            return _settle(command, _ended(command, Outcome.ABORTED, tally, world), ports)
        case Admitted(command, attempts, uncertain):
            tally = Tally(attempts, uncertain)
    try:
        answer = _attempt_until_answered(command, tally, ports, world, rules)
    except ExpiredError:
        return _settle(command, _ended(command, Outcome.EXPIRED, tally, world), ports)
    except SlotTimeoutError:
        return _later(command, SNOOZE_S, "no slot came in time", tally, ports, world)
    except HeldElsewhereError:
        _log.warning("command.taken_over", effect="nothing sent by this node")
        return None
    except AttemptError as error:
        if error.fault == "command":  # unexplained ones too: the API was asked, the job still runs
            return _settle(command, _ended(command, Outcome.REFUSED, tally, world, error), ports)
        delay_s = max(retry_delay_s(tally.attempts, world.random(), rules), error.retry_after_s or 0)
        return _later(command, delay_s, error.message, tally, ports, world)
    outcome = Outcome.CANCELLED if isinstance(answer, Accepted) else Outcome.GONE
    return _settle(command, _ended(command, outcome, tally, world, answer), ports)


def _attempt_until_answered(
    command: CancelCommand, tally: Tally, ports: Ports, world: World, rules: RetryRules
) -> Answer:
    """At most `call_attempts_max` attempts, each with a slot of its own; the last error comes out as it is."""
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, AttemptError) and next_step(error) is Step.SOON
        ),
        stop=tenacity.stop_after_attempt(rules.call_attempts_max)
        | tenacity.stop_after_delay(rules.call_max_s),
        wait=lambda state: pause_s(state.attempt_number, world.random()),
        sleep=world.sleep,
        reraise=True,
    )
    try:
        return attempts(_attempt, command, tally, ports, world)
    except AttemptError as error:
        if next_step(error) is not Step.ASK:
            raise
        gone = _ask(command, ports, world)
        if gone is None:
            raise
        return gone


def _attempt(command: CancelCommand, tally: Tally, ports: Ports, world: World) -> Answer:
    """One slot, one note, one request."""
    while True:
        slot = _slot_in_time(command, ports, world)
        ports.ledger.note_attempt(command, attempt=tally.attempts + 1, uncertain_attempts=tally.uncertain)
        if world.monotonic() - slot.taken_at_s < SLOT_LIFE_S:
            break
        _log.warning("slot.stale", effect="another one is taken")  # this process was suspended, or Redis slow
    tally.attempts += 1
    tally.sent_at = world.now()
    try:
        return _send(lambda: ports.api.cancel(command), slot, ports, tally.attempts)
    except AttemptError as error:
        tally.uncertain += error.uncertain
        raise


def _ask(command: CancelCommand, ports: Ports, world: World) -> JobGone | None:
    """Whether the API says that nothing is left to cancel; takes a slot like any request."""
    slot = _slot_in_time(command, ports, world)
    answer = _send(lambda: ports.api.query(command), slot, ports, None)
    return answer if isinstance(answer, JobGone) else None


def _slot_in_time(command: CancelCommand, ports: Ports, world: World) -> Slot:
    if world.now() >= command.not_after:
        raise ExpiredError
    slot = ports.slots.take()
    if world.now() >= command.not_after:
        raise ExpiredError  # the slot is lost; a worthless request would have cost the same
    return slot


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


def _ended(
    command: CancelCommand,
    outcome: Outcome,
    tally: Tally,
    world: World,
    because: Answer | AttemptError | None = None,
) -> Event:
    return event_of(
        command,
        outcome,
        now=world.now(),
        attempts=tally.attempts,
        uncertain_attempts=tally.uncertain,
        sent_at=tally.sent_at,
        answer=None if isinstance(because, AttemptError) else because,
        error=EventError.of(because) if isinstance(because, AttemptError) else None,
    )


def _settle(command: CancelCommand, event: Event, ports: Ports) -> None:
    stand = ports.ledger.settle(command, event)
    if isinstance(event.data, EventData):
        _log.info("command.settled", outcome=event.data.outcome, attempts=event.data.attempts)
    _publish(command, stand, ports)


def _publish(command: CancelCommand, events: list[Event], ports: Ports) -> None:
    for event in events:
        ports.publisher.publish(event)
    ports.ledger.published(command)


def _later(
    command: CancelCommand, delay_s: float, why: str, tally: Tally, ports: Ports, world: World
) -> None:
    due_s = due_in_s(delay_s, now=world.now(), not_after=command.not_after)
    ports.ledger.later(
        command, delay_s=due_s, why=why, attempts=tally.attempts, uncertain_attempts=tally.uncertain
    )
    _log.info("command.kept_for_later", due_in_s=round(due_s, 1), why=why)
