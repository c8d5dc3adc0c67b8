"""The ledger on a real Redis: what is true of a command after each call, and after a crash between two."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from tasks.answer import Accepted
from tasks.command import BatchPlace, CancelCommand
from tasks.event import BatchData, Event, EventData, deduplicated_event, event_of
from tasks.message import payload_of
from tasks.outcome import Lane, Outcome
from tasks.ports import Admitted, BatchAborted, Elsewhere, HeldElsewhereError, JobKnown, Known
from tests.servers import RedisServer
from worker.broker.redis_queue import RedisQueueView, RedisSender
from worker.ledger.accept import AcceptedCommands
from worker.ledger.history import History
from worker.ledger.keys import Keys
from worker.ledger.ledger import LedgerRules, RedisLedger
from worker.ledger.patience import Patience
from worker.ledger.sweep import SUSPECT_S, Sweep

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ACCEPTED = Accepted("av1", "d", "2021-08-07T12:12:12+0800", "r1", None, True)


def command(job: str = "av1", **fields: Any) -> CancelCommand:
    return CancelCommand(
        job_id=job, bucket="examplebucket-1250000000", region="ap-beijing", requested_at=NOW, **fields
    )


def ending(of: CancelCommand, outcome: Outcome = Outcome.CANCELLED) -> Event:
    return event_of(
        of, outcome, now=NOW, attempts=1, answer=ACCEPTED if outcome is Outcome.CANCELLED else None
    )


@pytest.fixture
def state(fresh_redis: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(fresh_redis.url)


def ledger(state: redis.Redis, lease_s: float = 15.0, lane: Lane = Lane.URGENT) -> RedisLedger:
    rules = LedgerRules(lease_s=lease_s, retention_s=3600, events_max=1000)
    return RedisLedger(state, "default", lane, rules, Patience(threading.Event()))


def sweep(state: redis.Redis, sent: list[CancelCommand], *, queue: RedisQueueView | None = None) -> Sweep:
    return Sweep(state, "default", Lane.URGENT, sent.extend, queue)


def run_out(state: redis.Redis, of: CancelCommand) -> None:
    """End the lease of a command, as time would."""
    state.zadd(Keys("default").leases(of.lane), {of.command_id: 1})


def test_a_settled_command_is_never_carried_again(state: redis.Redis) -> None:
    """A redelivery of a settled command only gives the same event again."""
    one, books = command(), ledger(state)
    assert books.admit(one) == Admitted(one, 0, 0)
    books.note_attempt(one, attempt=1, uncertain_attempts=0)
    [event] = books.settle(one, ending(one))
    again = ledger(state).admit(one)
    assert again == Known([event])
    assert event.id == one.command_id


def test_the_first_to_settle_wins(state: redis.Redis) -> None:
    """A second, different outcome of a command does not stand; its node gets the first one's event."""
    one, books = command(), ledger(state)
    books.admit(one)
    first = books.settle(one, ending(one))
    assert ledger(state).settle(one, ending(one, Outcome.GONE)) == first
    assert state.xlen(Keys("default").events) == 1


def test_only_one_delivery_carries_a_command(state: redis.Redis) -> None:
    """While a lease lasts, every other delivery is sent away, on the same node and on others."""
    one, books = command(), ledger(state)
    books.admit(one)
    assert books.admit(one) == Elsewhere("command")
    assert ledger(state).admit(one) == Elsewhere("command")


def test_a_node_that_lost_its_lease_may_not_send(state: redis.Redis) -> None:
    """Once another node carries the command, noting an attempt is refused."""
    one, slow, quick = command(), ledger(state), ledger(state)
    slow.admit(one)
    run_out(state, one)
    assert isinstance(quick.admit(one), Admitted)
    with pytest.raises(HeldElsewhereError):
        slow.note_attempt(one, attempt=1, uncertain_attempts=0)
    quick.note_attempt(one, attempt=1, uncertain_attempts=0)


def test_renewal_keeps_what_is_ours_and_forgets_what_is_not(state: redis.Redis) -> None:
    """A living node keeps its commands beyond their first lease; one taken over is not taken back."""
    one, slow, quick = command(), ledger(state), ledger(state)
    slow.admit(one)
    run_out(state, one)
    slow.renew()
    assert quick.admit(one) == Elsewhere("command")
    run_out(state, one)
    quick.admit(one)
    slow.renew()
    with pytest.raises(HeldElsewhereError):
        slow.note_attempt(one, attempt=1, uncertain_attempts=0)


def test_an_attempt_without_answer_is_remembered(state: redis.Redis) -> None:
    """After a crash between noting and answer, the next delivery knows that one attempt is uncertain."""
    one, books = command(), ledger(state)
    books.admit(one)
    books.note_attempt(one, attempt=1, uncertain_attempts=0)
    run_out(state, one)
    assert ledger(state).admit(one) == Admitted(one, 1, 1)


def test_a_second_command_for_a_settled_job_learns_its_outcome(state: redis.Redis) -> None:
    """It is told the first one's event; the same id in another bucket is another job."""
    one, two, books = command(), command(), ledger(state)
    books.admit(one)
    [event] = books.settle(one, ending(one))
    assert books.admit(two) == JobKnown(event)
    books.settle(two, deduplicated_event(two, event, now=NOW))
    other = one.model_copy(update={"bucket": "other-1250000000", "command_id": "x"})
    assert isinstance(books.admit(other), Admitted)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.EXPIRED, Outcome.ABORTED])
def test_an_outcome_of_the_command_alone_does_not_bind_the_next(state: redis.Redis, outcome: Outcome) -> None:
    """Refused, expired and aborted say nothing of the job: the next command for it is tried."""
    one, two, books = command(), command(), ledger(state)
    books.admit(one)
    books.settle(one, ending(one, outcome))
    assert isinstance(books.admit(two), Admitted)
    assert bool(state.hexists(Keys("default").dead, one.command_id)) == outcome.needs_a_person


def test_two_commands_for_one_job_do_not_run_at_once(state: redis.Redis) -> None:
    """The second is kept and comes back; then it learns the first one's outcome."""
    one, two, books = command(), command(lane=Lane.BULK), ledger(state)
    books.admit(one)
    bulk = ledger(state, lane=Lane.BULK)
    assert bulk.admit(two) == Elsewhere("job")
    books.settle(one, ending(one))
    run_out(state, two)
    assert isinstance(bulk.admit(two), JobKnown)


def test_what_was_accepted_first_stands(state: redis.Redis) -> None:
    """A copy of a message with other times is carried as the first one was written."""
    first = command(reason="first")
    AcceptedCommands(state).accept([first], [payload_of(first)])
    copy = first.model_copy(update={"reason": "copy"})
    admitted = ledger(state).admit(copy)
    assert isinstance(admitted, Admitted)
    assert admitted.command == first


def test_a_node_that_died_is_replaced(state: redis.Redis) -> None:
    """The sweep enqueues the command of a dead node once its lease ended, exactly once."""
    one, sent = command(), list[CancelCommand]()
    ledger(state).admit(one)
    sweeper = sweep(state, sent)
    assert sweeper.step(0) == 0
    run_out(state, one)
    assert sweeper.step(1) == 1
    assert sweeper.step(2) == 0
    assert sent == [one]
    assert isinstance(ledger(state).admit(one), Admitted)


def test_a_sweep_that_dies_before_the_broker_has_it_loses_nothing(state: redis.Redis) -> None:
    """If enqueueing fails, the command is due again after the sweep's own lease."""

    def broken(_: Sequence[CancelCommand]) -> None:
        raise ConnectionError

    one, sent = command(), list[CancelCommand]()
    ledger(state).admit(one)
    run_out(state, one)
    with pytest.raises(ConnectionError):
        Sweep(state, "default", Lane.URGENT, broken, None).step(0)
    assert sweep(state, sent).step(1) == 0
    run_out(state, one)
    assert sweep(state, sent).step(2) == 1


def test_a_kept_command_comes_back_when_it_is_due(state: redis.Redis) -> None:
    """Until then a copy of its message is sent away; its counts survive."""
    one, books, sent = command(), ledger(state), list[CancelCommand]()
    books.admit(one)
    books.note_attempt(one, attempt=1, uncertain_attempts=0)
    books.later(one, delay_s=60, why="the API failed", attempts=1, uncertain_attempts=1)
    assert ledger(state).admit(one) == Elsewhere("command")
    assert sweep(state, sent).step(0) == 0
    run_out(state, one)
    assert sweep(state, sent).step(0) == 1
    assert ledger(state).admit(one) == Admitted(one, 1, 1)


def test_a_settled_command_whose_event_was_not_confirmed_comes_back(state: redis.Redis) -> None:
    """A crash between settle and publish ends with the same event, published by the next node."""
    one, books, sent = command(), ledger(state), list[CancelCommand]()
    books.admit(one)
    [event] = books.settle(one, ending(one))
    run_out(state, one)
    assert sweep(state, sent).step(0) == 1
    next_node = ledger(state)
    assert next_node.admit(one) == Known([event])
    next_node.published(one)
    next_node.flush()
    assert state.hlen(Keys("default").accepted(Lane.URGENT)) == 0
    assert state.zcard(Keys("default").leases(Lane.URGENT)) == 0


def test_what_left_the_queue_unseen_is_enqueued_again(state: redis.Redis) -> None:
    """A command that is accepted, in no queue and held by nobody comes back; queued ones are not copied."""
    lost, queued = command("av1"), command("av2")
    sender = RedisSender(state)
    AcceptedCommands(state).accept([lost, queued], [payload_of(lost), payload_of(queued)])
    sender.send([queued])
    sent = list[CancelCommand]()
    sweeper = sweep(state, sent, queue=RedisQueueView(state, "standdown.default.urgent"))
    assert sweeper.step(0) == 0
    assert sweeper.step(SUSPECT_S) == 1
    assert sent == [lost]


def test_the_last_command_of_a_batch_completes_it_once(state: redis.Redis) -> None:
    """The batch's event counts every outcome once, comes with the last command, and again on redelivery."""
    places = [BatchPlace(id="b", index=index, size=3) for index in range(3)]
    commands = [command(f"av{place.index}", batch=place) for place in places]
    books = ledger(state)
    outcomes = [Outcome.CANCELLED, Outcome.GONE, Outcome.CANCELLED]
    stand = []
    for one, outcome in zip(commands, outcomes, strict=True):
        books.admit(one)
        stand = books.settle(one, ending(one, outcome))
        books.settle(one, ending(one, outcome))
    assert [type(event.data) for event in stand] == [EventData, BatchData]
    assert isinstance(stand[1].data, BatchData)
    assert stand[1].data.outcomes == {Outcome.CANCELLED: 2, Outcome.GONE: 1}
    assert ledger(state).admit(commands[2]) == Known(stand)
    count = History(state, "default").batch("b")
    assert count is not None
    assert count.complete
    assert state.xlen(Keys("default").events) == 4


def test_an_aborted_batch_sends_nothing_more(state: redis.Redis) -> None:
    """After an abort each command of the batch that was not sent is told so at admission."""
    one = command(batch=BatchPlace(id="b", index=0, size=2))
    AcceptedCommands(state).open_batch("default", "b", 2, NOW)
    assert History(state, "default").abort("b", "operator")
    assert ledger(state).admit(one) == BatchAborted(one, 0, 0)
    assert not History(state, "default").abort("unknown", "operator")


def test_history_gives_events_in_order_from_a_position(state: redis.Redis) -> None:
    """A follower that begins at the newest sees exactly what comes after."""
    books, history = ledger(state), History(state, "default")
    for job in ("av1", "av2"):
        books.admit(one := command(job))
        books.settle(one, ending(one))
    position = history.newest()
    books.admit(three := command("av3"))
    books.settle(three, ending(three))
    assert [event.subject for _, event in history.events(position)] == ["av3"]
    assert [event.subject for _, event in history.events()] == ["av1", "av2", "av3"]


def test_the_event_stream_is_bounded(state: redis.Redis) -> None:
    """Old events go when the stream is full; the command's own record keeps its event."""
    rules = LedgerRules(events_max=100)
    books = RedisLedger(state, "default", Lane.URGENT, rules, Patience(threading.Event()))
    commands = [command(f"av{number}") for number in range(500)]
    for one in commands:
        books.settle(one, ending(one))
    assert state.xlen(Keys("default").events) < 300
    assert History(state, "default").outcome_of(commands[0].command_id) is not None


def test_a_ledger_out_of_reach_is_waited_for(own_redis: RedisServer) -> None:
    """A call made while Redis is down is answered once it is back, and nothing is decided meanwhile."""
    state = redis.Redis.from_url(own_redis.url, socket_timeout=2)
    books, one = ledger(state), command()
    own_redis.kill9()
    answers: list[object] = []
    waiting = threading.Thread(target=lambda: answers.append(books.admit(one)))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    own_redis.restart()
    waiting.join(20)
    assert answers == [Admitted(one, 0, 0)]
