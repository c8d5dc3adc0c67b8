"""What becomes of one cancel command: admit, slot, send, decide, settle.

    admit    already settled: publish that event again · settled by another command: its outcome, no request ·
             carried elsewhere: nothing, the ledger keeps it · batch aborted · expired
    slot     wait for the right to send one request; none in time: back to the queue, no attempt counted
    send     note the attempt in the ledger, then one request
    decide   done · again soon, in this call, with a slot of its own · later, from the queue · ask · refuse
    settle   outcome and event into the ledger, atomically; publish; only then is the command done

A crash at any line repeats work that is safe to repeat: the message is acknowledged after the return.
"""

import structlog

from tasks.answer import Accepted, Answer, AttemptError
from tasks.attempt import ExpiredError, Tally, World, attempt_until_answered
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
    SlotTimeoutError,
)
from tasks.retry import RetryRules, due_in_s, retry_delay_s

SNOOZE_S = 5.0
"""How long a command stays away that waited for a slot in vain."""

LOST_NODES_MAX = 10
"""A command that outlived so many nodes may be what kills them: a person must look at it."""

_log = structlog.get_logger(__name__)


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
        case Admitted(command, attempts, uncertain, lost_nodes):
            tally = Tally(attempts, uncertain)
            if lost_nodes >= LOST_NODES_MAX:
                sentence = f"{lost_nodes} nodes died or fell silent while they carried this command"
                poison = AttemptError(sentence, fault="command", code="NodesLost")
                return _settle(command, _ended(command, Outcome.REFUSED, tally, world, poison), ports)
    try:
        answer = attempt_until_answered(command, tally, ports, world, rules)
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
        request_id=because.request_id if isinstance(because, AttemptError) else None,
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
