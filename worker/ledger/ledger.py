"""The ledger as a node sees it: claims commands, notes attempts, settles. Implements tasks.ports.Ledger."""

import itertools
import json
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tasks.command import CancelCommand
from tasks.event import Event, EventData, batch_event_template
from tasks.message import command_of, payload_of
from tasks.outcome import Lane
from tasks.ports import (
    Admission,
    Admitted,
    BatchAborted,
    Elsewhere,
    HeldElsewhereError,
    JobKnown,
    Known,
)
from worker.ledger.keys import Keys
from worker.ledger.patience import Patience

JOB_AGAIN_S = 1.0
"""How soon a command is looked at again whose job another command carries right now."""
BATCH_LIFE_S = 7 * 86400
"""How long a batch is remembered that never completes."""


FLUSH_AT = 50


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """lease_s: how long a silent node keeps a command. retention_s: how long outcomes are known."""

    lease_s: float = 15.0
    retention_s: int = 86400
    events_max: int = 100_000


class RedisLedger:
    """One account's ledger, for all threads of one node."""

    def __init__(
        self, client: redis.Redis, account: str, lane: Lane, rules: LedgerRules, patience: Patience
    ) -> None:
        self._redis = client
        self._keys = Keys(account)
        self._lane = lane
        self._rules = rules
        self._patience = patience
        self._node = uuid.uuid4().hex[:12]
        self._numbers = itertools.count(1)
        self._claims: dict[str, str] = {}
        self._done: list[str] = []
        self._lock = threading.Lock()
        folder = Path(__file__).parent
        self._scripts = {
            name: client.register_script((folder / f"{name}.lua").read_text(encoding="utf-8"))
            for name in ("admit", "note_attempt", "settle", "keep", "renew")
        }

    def _run(self, name: str, keys: list[str], *args: str | float) -> Any:
        script = self._scripts[name]
        return self._patience.until_answered(lambda: script(keys=keys, args=args))

    @property
    def _lease_ms(self) -> int:
        return int(self._rules.lease_s * 1000)

    @property
    def _retention_ms(self) -> int:
        return self._rules.retention_s * 1000

    def admit(self, command: CancelCommand) -> Admission:
        """Claim the command for this delivery, or learn that nothing is left to do."""
        keys, claim = self._keys, f"{self._node}/{next(self._numbers)}"
        batch = command.batch
        answer = self._run(
            "admit",
            [
                keys.accepted(command.lane),
                keys.leases(command.lane),
                keys.command(command.command_id),
                keys.job(command.job_key),
                keys.batch(batch.id) if batch else "",
            ],
            claim,
            command.command_id,
            command.lane,
            payload_of(command),
            self._lease_ms,
            keys.prefix,
            self._retention_ms,
            batch.size if batch else "",
            int(JOB_AGAIN_S * 1000),
            BATCH_LIFE_S * 1000,
        )
        match answer:
            case [b"known", *events]:
                return Known([Event.model_validate_json(event) for event in events])
            case [b"elsewhere", by]:
                return Elsewhere("job" if by == b"job" else "command")
            case [kind, *rest]:
                with self._lock:
                    self._claims[command.command_id] = claim
                if kind == b"job":
                    return JobKnown(Event.model_validate_json(rest[0]))
                kept, attempts, uncertain, lost = rest
                # What was accepted first stands: a copy of the message may hold later times.
                first = self._read(command, kept) if kept else command
                if kind == b"aborted":
                    return BatchAborted(first, attempts, uncertain)
                return Admitted(first, attempts, uncertain, lost)
        raise RuntimeError(f"admit.lua gave {answer!r}")

    def note_attempt(self, command: CancelCommand, *, attempt: int, uncertain_attempts: int) -> None:
        """Note that attempt number `attempt` is about to be made; HeldElsewhereError if not ours."""
        ours = self._run(
            "note_attempt",
            [self._keys.leases(command.lane), self._keys.command(command.command_id)],
            self._claim(command),
            command.command_id,
            attempt,
            uncertain_attempts,
            self._lease_ms,
        )
        if not ours:
            raise HeldElsewhereError

    def settle(self, command: CancelCommand, event: Event) -> list[Event]:
        """Write outcome and event, once; gives the events to publish."""
        if not isinstance(event.data, EventData):
            raise TypeError(f"event {event.id} is a batch's, it settles no command")
        keys, batch, outcome = self._keys, command.batch, event.data.outcome
        dead = ""
        if outcome.needs_a_person:
            dead = json.dumps({"command": command.payload(), "event": event.model_dump(mode="json")})
        written = event.model_dump_json()
        stand = self._run(
            "settle",
            [
                keys.leases(command.lane),
                keys.command(command.command_id),
                keys.job(command.job_key),
                keys.batch(batch.id) if batch else "",
                keys.events,
                keys.dead,
                keys.accepted(command.lane),
            ],
            command.command_id,
            outcome,
            written,
            self._retention_ms,
            int(outcome.settles_the_job and not event.data.deduplicated),
            batch.size if batch else "",
            self._rules.events_max,
            dead,
            self._lease_ms,
            batch_event_template(command, event.time) if batch else "",
            f"r:{command.lane}:{command.command_id}",
            payload_of(command),
        )
        ours = written.encode()
        return [event if text == ours else Event.model_validate_json(text) for text in stand]

    def published(self, command: CancelCommand) -> None:
        """Every event is with the broker: forget that the command is owed, soon (`flush`).

        Until then a crash only lets the same event be published again.
        """
        with self._lock:
            self._done.append(command.command_id)
            full = len(self._done) >= FLUSH_AT
        if full:
            self.flush()

    def flush(self) -> None:
        """Write down what was published since the last time. Called often by one thread, and at the end."""
        with self._lock:
            done, self._done = self._done, []
        if not done:
            return

        def forget() -> None:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.hdel(self._keys.accepted(self._lane), *done)
                pipe.zrem(self._keys.leases(self._lane), *done)
                pipe.execute()

        self._patience.until_answered(forget)

    def later(
        self, command: CancelCommand, *, delay_s: float, why: str, attempts: int, uncertain_attempts: int
    ) -> None:
        """Keep the command; the sweep enqueues it when it is due."""
        self._keep(command, str(int(delay_s * 1000)), why, attempts, uncertain_attempts)

    def hand_back(self, command: CancelCommand) -> None:
        """The message goes back to the queue: whoever takes it next need not wait for our lease."""
        self._keep(command, "", "", 0, 0)

    def let_go(self, command: CancelCommand) -> None:
        """This delivery ended, however: a lease that is left runs out, and the sweep takes over."""
        with self._lock:
            self._claims.pop(command.command_id, None)

    def renew(self) -> None:
        """Say that this node lives: called a few times per lease, by one thread."""
        with self._lock:
            claims = dict(self._claims)
        if not claims:
            return
        pairs = [text for pair in claims.items() for text in pair]
        keys = self._keys
        lost = self._run("renew", [keys.leases(self._lane)], self._lease_ms, keys.prefix, *pairs)
        with self._lock:
            for command_id in (text.decode() for text in lost):
                if self._claims.get(command_id) == claims[command_id]:
                    del self._claims[command_id]

    def _keep(self, command: CancelCommand, delay_ms: str, why: str, attempts: int, uncertain: int) -> None:
        keys = self._keys
        self._run(
            "keep",
            [keys.leases(command.lane), keys.command(command.command_id), keys.job(command.job_key)],
            self._claim(command), command.command_id, delay_ms, why, attempts, uncertain,
            f"r:{command.lane}:{command.command_id}",
        )  # fmt: skip

    def _read(self, command: CancelCommand, payload: bytes) -> CancelCommand:
        account, lane, command_id = command.account, command.lane, command.command_id
        return command_of(payload, account=account, lane=lane, command_id=command_id)

    def _claim(self, command: CancelCommand) -> str:
        return self._claims.get(command.command_id, "")
