"""Reads the ledger and the queues from outside: what is owed, what is queued, every event, every dead letter."""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from benchmarks.chaos.evidence import Books, Seen
from benchmarks.chaos.foreign import open_amqp
from benchmarks.chaos.rubbish import marks_in
from tasks.message import queue_name
from tasks.outcome import Lane
from worker.broker.queues import DEAD, EVENTS, INBOX, REDIS_KEYS
from worker.inbox.redis_inbox import TAKING
from worker.ledger.keys import Keys

ACCOUNT = "default"
COMMAND_QUEUES = tuple(queue_name(ACCOUNT, lane) for lane in Lane)
WORK = (*COMMAND_QUEUES, INBOX)
"""The queues that must be empty when all is done."""


class Bookkeeper:
    """Looks, changes nothing. Errors of Redis and broker pass through: ask again."""

    def __init__(self, state_url: str, broker_url: str) -> None:
        self._redis: Any = redis.Redis.from_url(state_url, socket_timeout=10)
        self._broker_url = broker_url
        self._keys = Keys(ACCOUNT)

    def close(self) -> None:
        self._redis.close()

    def owed(self) -> dict[str, str]:
        """Commands that are accepted and not done, or leased: id → where they stand."""
        found: dict[str, str] = {}
        for lane in Lane:
            leased = {text.decode() for text in self._redis.zrange(self._keys.leases(lane), 0, -1)}
            accepted = {text.decode() for text in self._redis.hkeys(self._keys.accepted(lane))}
            for command_id in accepted | leased:
                holder, why, outcome = self._redis.hmget(
                    self._keys.command(command_id), "holder", "why", "outcome"
                )
                told = [f"lane {lane}", f"holder {(holder or b'none').decode()}"]
                told += ["leased" if command_id in leased else "no lease"]
                told += [f"why {why.decode()}"] if why else []
                told += [f"settled as {outcome.decode()}"] if outcome else []
                found[command_id] = ", ".join(told)
        return found

    def queued(self) -> dict[str, int]:
        """How many messages lie ready in each queue; at Redis also what kombu holds for nodes."""
        if self._broker_url.startswith("redis"):
            lengths = {name: int(self._redis.llen(name)) for name in (*WORK, TAKING)}
            return {**lengths, "unacknowledged": int(self._redis.hlen(REDIS_KEYS["unacked_key"]))}
        connection = open_amqp(self._broker_url)
        try:
            channel = connection.channel()
            return {
                name: int(channel.queue_declare(name, passive=True).message_count)
                for name in (*WORK, DEAD, EVENTS)
            }
        finally:
            connection.close()

    def is_done(self) -> bool:
        """Whether nothing is owed and nothing is queued, as far as one look can tell."""
        queued = self.queued()
        waiting = sum(queued.get(name, 0) for name in (*WORK, TAKING, EVENTS))
        return not self.owed() and not waiting

    def is_settled(self, command_id: str) -> bool:
        """Whether its outcome is written."""
        return bool(self._redis.hexists(self._keys.command(command_id), "outcome"))

    def dead_marks(self) -> frozenset[str]:
        """The marks of the rubbish that has a dead letter."""
        return frozenset(
            mark for letter in self._redis.hvals(self._keys.dead) for mark in _marks_of(json.loads(letter))
        )

    def read(self, command_ids: Iterable[str]) -> Books:
        """Everything, at once. command_ids: those that were handed in."""
        entries = self._redis.xrange(self._keys.events)
        held = b"".join(self._redis.hvals(REDIS_KEYS["unacked_key"]))
        return Books(
            stream=[Seen.of(json.loads(fields[b"event"])) for _, fields in entries],
            owed=self.owed(),
            queued=self.queued(),
            dead_letters=int(self._redis.hlen(self._keys.dead)),
            dead_marks=self.dead_marks(),
            held_marks=frozenset(marks_in(held)),
            orphans=self._orphans(list(command_ids)),
        )

    def _orphans(self, command_ids: Sequence[str]) -> frozenset[str]:
        with self._redis.pipeline(transaction=False) as pipe:
            for command_id in command_ids:
                pipe.hget(self._keys.command(command_id), "lost")
            counts = pipe.execute()
        return frozenset(one for one, count in zip(command_ids, counts, strict=True) if int(count or 0))


def _marks_of(letter: dict[str, Any]) -> set[str]:
    raw = base64.b64decode(letter["raw_base64"]) if "raw_base64" in letter else json.dumps(letter).encode()
    return marks_in(raw)
