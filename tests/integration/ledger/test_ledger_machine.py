"""Ledger, redelivery and crash points against a model: any order of steps, crashes between any two of them."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tasks.command import CancelCommand
from tasks.event import Event, deduplicated_event, event_of
from tasks.message import payload_of
from tasks.outcome import Lane, Outcome
from tasks.ports import Admitted, BatchAborted, HeldElsewhereError, JobKnown, Known
from tests.servers import RedisServer
from worker.ledger.accept import AcceptedCommands
from worker.ledger.keys import Keys
from worker.ledger.ledger import LedgerRules, RedisLedger
from worker.ledger.patience import Patience
from worker.ledger.sweep import SUSPECT_S, Sweep

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
JOBS = ("av1", "av2")
OUTCOMES = st.sampled_from(list(Outcome))


class Queue:
    """The broker's queue, as a list; a QueueView for the sweep."""

    def __init__(self) -> None:
        self.waiting: list[CancelCommand] = []

    def send(self, commands: Sequence[CancelCommand]) -> None:
        self.waiting += commands

    def length(self) -> int:
        return len(self.waiting)

    def command_ids(self) -> set[str]:
        return {command.command_id for command in self.waiting}


class Delivery:
    """One copy of a message in the hands of a node; a crash forgets it."""

    def __init__(self, command: CancelCommand, node: RedisLedger) -> None:
        self.command, self.node = command, node
        self.admission: object = None
        self.to_publish: list[Event] | None = None
        self.attempts = 0


class LedgerMachine(RuleBasedStateMachine):
    """Steps of producers, nodes, broker and sweep. What was accepted must be settled once and published."""

    url = ""

    @initialize()
    def begin(self) -> None:
        self.redis = redis.Redis.from_url(self.url)
        self.redis.flushall()
        self.queue, self.keys, self.now_s = Queue(), Keys("default"), 0.0
        self.accepted: dict[str, CancelCommand] = {}
        self.settled: dict[str, Event] = {}
        self.published: dict[str, Event] = {}
        self.live: list[Delivery] = []
        self.sweep = Sweep(self.redis, "default", Lane.URGENT, self.queue.send, self.queue)

    def node(self) -> RedisLedger:
        return RedisLedger(self.redis, "default", Lane.URGENT, LedgerRules(), Patience(threading.Event()))

    def open_deliveries(self) -> list[Delivery]:
        return [one for one in self.live if isinstance(one.admission, Admitted) and one.to_publish is None]

    @rule(job=st.sampled_from(JOBS), reaches_queue=st.booleans())
    def produce(self, job: str, reaches_queue: bool) -> None:
        command = CancelCommand(job_id=job, bucket="b-1250000000", region="ap-beijing", requested_at=NOW)
        AcceptedCommands(self.redis).accept([command], [payload_of(command)])
        self.accepted[command.command_id] = command
        if reaches_queue:  # else: the producer died, or the broker lost it
            self.queue.send([command])

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        self.queue.send([data.draw(st.sampled_from(list(self.accepted.values())))])

    @precondition(lambda self: self.queue.waiting)
    @rule()
    def deliver(self) -> None:
        delivery = Delivery(self.queue.waiting.pop(0), self.node())
        delivery.admission = delivery.node.admit(delivery.command)
        if isinstance(delivery.admission, Known):
            delivery.to_publish = delivery.admission.events
            assert delivery.to_publish == [self.settled[delivery.command.command_id]]
        elif isinstance(delivery.admission, JobKnown):
            self.settle_with(
                delivery, deduplicated_event(delivery.command, delivery.admission.event, now=NOW)
            )
        assert not isinstance(delivery.admission, BatchAborted)
        self.live.append(delivery)

    @precondition(lambda self: self.open_deliveries())
    @rule(data=st.data())
    def note(self, data: st.DataObject) -> None:
        self.note_of(data.draw(st.sampled_from(self.open_deliveries())))

    def note_of(self, delivery: Delivery) -> None:
        assert isinstance(delivery.admission, Admitted)
        attempt = delivery.admission.attempts + delivery.attempts + 1
        try:
            delivery.node.note_attempt(delivery.command, attempt=attempt, uncertain_attempts=0)
        except HeldElsewhereError:
            self.live.remove(delivery)
            return
        delivery.attempts += 1
        # Whoever may send is the last one that was admitted, and the command is still open.
        assert delivery.command.command_id not in self.settled
        others = [
            one for one in self.open_deliveries() if one.command.command_id == delivery.command.command_id
        ]
        assert others[-1] is delivery

    @precondition(lambda self: any(one.attempts for one in self.open_deliveries()))
    @rule(data=st.data(), outcome=OUTCOMES)
    def settle(self, data: st.DataObject, outcome: Outcome) -> None:
        sent = [one for one in self.open_deliveries() if one.attempts]
        self.settle_of(data.draw(st.sampled_from(sent)), outcome)

    def settle_of(self, delivery: Delivery, outcome: Outcome) -> None:
        self.settle_with(delivery, event_of(delivery.command, outcome, now=NOW, attempts=delivery.attempts))

    def settle_with(self, delivery: Delivery, event: Event) -> None:
        delivery.to_publish = delivery.node.settle(delivery.command, event)
        stands = self.settled.setdefault(delivery.command.command_id, event)
        assert delivery.to_publish == [stands]

    @precondition(lambda self: any(one.to_publish for one in self.live))
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        self.publish_of(data.draw(st.sampled_from([one for one in self.live if one.to_publish])))

    def publish_of(self, delivery: Delivery) -> None:
        for event in delivery.to_publish or []:
            assert self.published.setdefault(event.id, event) == event
        delivery.node.published(delivery.command)
        delivery.node.flush()
        self.live.remove(delivery)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self.live.remove(data.draw(st.sampled_from(self.live)))

    @precondition(lambda self: self.open_deliveries())
    @rule(data=st.data(), back_to_queue=st.booleans())
    def give_up(self, data: st.DataObject, back_to_queue: bool) -> None:
        delivery = data.draw(st.sampled_from(self.open_deliveries()))
        if back_to_queue:
            delivery.node.hand_back(delivery.command)
            self.queue.waiting.insert(0, delivery.command)
        else:
            delivery.node.later(delivery.command, delay_s=60, why="test", attempts=1, uncertain_attempts=0)
        self.live.remove(delivery)

    @rule()
    def leases_run_out_and_are_swept(self) -> None:
        leases = self.keys.leases(Lane.URGENT)
        for command_id in self.redis.zrange(leases, 0, -1):  # type: ignore[union-attr]
            self.redis.zadd(leases, {command_id: 1})
        for _ in range(2):
            self.now_s += SUSPECT_S
            self.sweep.step(self.now_s)

    @invariant()
    def the_ledger_and_the_model_agree(self) -> None:
        if not hasattr(self, "redis"):
            return
        for command_id in self.accepted:
            stored = self.redis.hget(self.keys.command(command_id), "event")
            event = Event.model_validate_json(stored) if isinstance(stored, bytes) else None
            assert event == self.settled.get(command_id)
        assert self.redis.xlen(self.keys.events) == len(self.settled)

    def teardown(self) -> None:
        """However it went: from here, without further crashes, every accepted command is settled and published."""
        if not hasattr(self, "redis"):
            return
        for _ in range(3 * len(self.accepted) + 3):
            self.live.clear()  # everybody who worked on something is dead
            self.leases_run_out_and_are_swept()
            while self.queue.waiting:
                self.deliver()
                for delivery in self.open_deliveries():
                    self.note_of(delivery)
                    self.settle_of(delivery, Outcome.CANCELLED)
                for delivery in [one for one in self.live if one.to_publish]:
                    self.publish_of(delivery)
        assert set(self.published) == set(self.accepted)
        assert self.redis.hlen(self.keys.accepted(Lane.URGENT)) == 0
        assert self.redis.zcard(self.keys.leases(Lane.URGENT)) == 0
        self.redis.close()


def test_nothing_is_lost_or_settled_twice_in_any_order_of_steps(fresh_redis: RedisServer) -> None:
    """Whatever crashes between whatever steps, each accepted command ends in one outcome and one event."""

    class Machine(LedgerMachine):
        url = fresh_redis.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
