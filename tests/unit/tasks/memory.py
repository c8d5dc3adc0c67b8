"""The ports of tasks.ports in memory, faithful to what the protocols promise, for tests of the decisions alone.

Every call goes over one `Wire`, which writes it down and can break at any of them, before or after its effect.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from tasks.answer import Accepted, Answer, AttemptError, JobGone
from tasks.attempt import World
from tasks.command import CancelCommand, parse
from tasks.event import Event, EventData, batch_event_template
from tasks.ports import (
    Admission,
    Admitted,
    BatchAborted,
    Elsewhere,
    HeldElsewhereError,
    JobKnown,
    Known,
    Ports,
    Slot,
)

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ACCEPTED = Accepted("av1", "live-4711", "2021-08-07T12:12:12+0800", "r-1", "Canceled", confirmed=True)
GONE = JobGone("NoSuchJob", "no such job", 404, "r-2", "t-2")


def command_of(command_id: str = "c-1", **fields: object) -> CancelCommand:
    raw = {"job_id": "av1", "bucket": "examplebucket-1250000000", "region": "ap-beijing", **fields}
    return parse(raw, now=START, command_id=command_id)


class Crash(BaseException):
    """The process ends here, as by kill -9."""


@dataclass
class Clock:
    """Seconds since START, moved by whoever waits."""

    s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.s)

    def sleep(self, pause_s: float) -> None:
        self.slept.append(pause_s)
        self.s += pause_s


@dataclass
class Wire:
    """All port calls in their order; `breaks` says at which of them, counted from 0, what is raised."""

    calls: list[str] = field(default_factory=list)
    breaks: dict[int, tuple[Literal["before", "after"], BaseException]] = field(default_factory=dict)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        when, error = self.breaks.get(len(self.calls), (None, None))
        self.calls.append(name)
        if error is not None and when == "before":
            raise error
        yield
        if error is not None and when == "after":
            raise error


@dataclass
class MemoryApi:
    """Gives the `answers` in turn, the last one for ever; each call takes `call_s`."""

    wire: Wire
    clock: Clock
    answers: list[Answer | AttemptError] = field(default_factory=lambda: [ACCEPTED])
    asked: Answer | AttemptError | None = None
    call_s: float = 0.05

    def cancel(self, command: CancelCommand) -> Answer:
        with self.wire.call("cancel"):
            self.clock.s += self.call_s
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, AttemptError):
                raise answer
        return answer

    def query(self, command: CancelCommand) -> Answer | None:
        with self.wire.call("query"):
            if isinstance(self.asked, AttemptError):
                raise self.asked
        return self.asked


@dataclass
class MemorySlots:
    """Grants each slot after `wait_s`; `ages_s` are how old the coming slots are when they are handed out."""

    wire: Wire
    clock: Clock
    wait_s: float = 0.01
    ages_s: list[float] = field(default_factory=list)
    fails: list[Exception | None] = field(default_factory=list)
    taken: int = 0
    reported: list[tuple[int, str | None]] = field(default_factory=list)

    def take(self) -> Slot:
        with self.wire.call("take"):
            self.clock.s += self.wait_s
            if self.fails and (failure := self.fails.pop(0)):
                raise failure
            self.taken += 1
            taken_at_s = self.clock.s - (self.ages_s.pop(0) if self.ages_s else 0.0)
        return Slot(
            number=self.taken, taken_at_s=taken_at_s, waited_s=self.wait_s, guard_us=20_000, quickest_us=1_000
        )

    def report(self, slot: Slot, error: AttemptError | None) -> None:
        with self.wire.call("report"):
            self.reported.append((slot.number, error.fault if error else None))


@dataclass
class Remembered:
    """What the ledger remembers of one command."""

    attempts: int = 0
    uncertain: int = 0
    holder: str = ""
    event: Event | None = None
    why: str = ""
    due_s: float | None = None


@dataclass
class Batch:
    """What the ledger counts of one batch."""

    counts: dict[str, int] = field(default_factory=dict)
    aborted: bool = False
    last: str = ""
    event: Event | None = None


class MemoryLedger:
    """The ledger of one account. `claim` names the delivery under way; a test changes it to be another node."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.claim = "this"
        self.commands: dict[str, Remembered] = {}
        self.jobs: dict[str, tuple[Literal["running", "settled"], str]] = {}
        self.batches: dict[str, Batch] = {}
        self.owed: set[str] = set()
        self.settled: list[Event] = []

    def known(self, command: CancelCommand) -> Remembered:
        return self.commands.setdefault(command.command_id, Remembered())

    def leases_run_out(self) -> None:
        """The node that held them is gone: its claims count no more."""
        for known in self.commands.values():
            known.holder = ""

    def admit(self, command: CancelCommand) -> Admission:
        with self.wire.call("admit"):
            return self._admit(command)

    def _admit(self, command: CancelCommand) -> Admission:
        known = self.known(command)
        batch = self.batches.setdefault(command.batch.id, Batch()) if command.batch else None
        if known.event is not None:
            last = [batch.event] if batch and batch.event and batch.last == command.command_id else []
            return Known([known.event, *last])
        if known.holder not in ("", self.claim):
            return Elsewhere("command")
        self.owed.add(command.command_id)
        if batch and batch.aborted:
            known.holder = self.claim
            return BatchAborted(command, known.attempts, known.uncertain)
        state, by = self.jobs.get(command.job_key, (None, command.command_id))
        if by != command.command_id and state == "settled":
            first = self.commands[by].event
            assert first is not None
            known.holder = self.claim
            return JobKnown(first)
        if by != command.command_id and self.commands[by].holder:
            return Elsewhere("job")
        known.holder = self.claim
        self.jobs[command.job_key] = ("running", command.command_id)
        return Admitted(command, known.attempts, known.uncertain)

    def note_attempt(self, command: CancelCommand, *, attempt: int, uncertain_attempts: int) -> None:
        with self.wire.call(f"note {attempt}"):
            known = self.known(command)
            if known.holder != self.claim or known.event is not None:
                raise HeldElsewhereError
            known.attempts, known.uncertain = attempt, uncertain_attempts + 1

    def settle(self, command: CancelCommand, event: Event) -> list[Event]:
        assert isinstance(event.data, EventData)
        with self.wire.call(f"settle {event.data.outcome}"):
            known = self.known(command)
            batch = self.batches.setdefault(command.batch.id, Batch()) if command.batch else None
            if known.event is None:
                self._write(command, event, event.data, known, batch)
            assert known.event is not None
            last = [batch.event] if batch and batch.event and batch.last == command.command_id else []
            return [known.event, *last]

    def _write(
        self, command: CancelCommand, event: Event, data: EventData, known: Remembered, batch: Batch | None
    ) -> None:
        known.event = event
        self.owed.add(command.command_id)
        self.settled.append(event)
        if data.outcome.settles_the_job and not data.deduplicated:
            self.jobs[command.job_key] = ("settled", command.command_id)
        elif self.jobs.get(command.job_key) == ("running", command.command_id):
            del self.jobs[command.job_key]
        if batch is None or command.batch is None:
            return
        batch.counts[data.outcome] = batch.counts.get(data.outcome, 0) + 1
        if sum(batch.counts.values()) == command.batch.size:
            counts = json.dumps(batch.counts, separators=(",", ":"))[1:-1]
            text = batch_event_template(command, event.time).replace("@COUNTS@", counts)
            batch.last, batch.event = command.command_id, Event.model_validate_json(text)

    def published(self, command: CancelCommand) -> None:
        with self.wire.call("published"):
            self.owed.discard(command.command_id)

    def later(
        self, command: CancelCommand, *, delay_s: float, why: str, attempts: int, uncertain_attempts: int
    ) -> None:
        with self.wire.call("later"):
            known = self.known(command)
            if known.holder != self.claim or known.event is not None:
                return
            known.attempts, known.uncertain, known.why = attempts, uncertain_attempts, why
            known.due_s, known.holder = delay_s, ""
            if self.jobs.get(command.job_key) == ("running", command.command_id):
                del self.jobs[command.job_key]


@dataclass
class MemoryPublisher:
    """What was confirmed by the broker, in order."""

    wire: Wire
    events: list[Event] = field(default_factory=list)

    def publish(self, event: Event) -> None:
        kind = event.data.outcome if isinstance(event.data, EventData) else "batch"
        with self.wire.call(f"publish {kind}"):
            self.events.append(event)


class Memory:
    """One account with all its ports, and the world they live in."""

    def __init__(
        self,
        answers: Sequence[Answer | AttemptError] = (ACCEPTED,),
        refusal: Callable[[CancelCommand], str | None] = lambda _: None,
        random: float = 0.5,
    ) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.api = MemoryApi(self.wire, self.clock, list(answers))
        self.slots = MemorySlots(self.wire, self.clock)
        self.ledger = MemoryLedger(self.wire)
        self.publisher = MemoryPublisher(self.wire)
        self.ports = Ports(refusal, self.api, self.slots, self.ledger, self.publisher)
        self.world = World(
            sleep=self.clock.sleep,
            now=self.clock.now,
            monotonic=lambda: self.clock.s,
            random=lambda: random,
        )

    @property
    def calls(self) -> list[str]:
        return self.wire.calls

    def the_event(self) -> EventData:
        """What the only published event says."""
        (event,) = self.publisher.events
        assert isinstance(event.data, EventData)
        return event.data
