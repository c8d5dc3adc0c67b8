"""Reading the ledger back: events as a stream, batches as counts. Used by the command line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from tasks.event import Event
from tasks.outcome import Outcome
from worker.ledger.keys import Keys


@dataclass(frozen=True, slots=True)
class BatchCount:
    """How far a batch is. `outcomes` counts settled commands by outcome."""

    batch_id: str
    size: int
    done: int
    aborted: bool
    created_at: str | None
    outcomes: dict[Outcome, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.done >= self.size


class History:
    """One account's events and batches."""

    def __init__(self, client: redis.Redis, account: str) -> None:
        self._redis: Any = client  # redis-py's types cover every protocol and decoding at once
        self._keys = Keys(account)

    def newest(self) -> str:
        """The position behind the newest event; where a follower begins."""
        entries = self._redis.xrevrange(self._keys.events, count=1)
        return str(entries[0][0].decode()) if entries else "0-0"

    def events(self, after: str = "0-0", *, wait_s: float = 0.0) -> Iterator[tuple[str, Event]]:
        """Events behind position `after`, oldest first, each with its own position.

        wait_s: how long to wait for the first one where there is none yet; 0 does not wait.
        """
        while True:
            block_ms = int(wait_s * 1000) or None
            streams = self._redis.xread({self._keys.events: after}, count=500, block=block_ms)
            if not streams:
                return
            [[_, entries]] = streams
            for position, fields in entries:
                after = position.decode()
                yield after, Event.model_validate_json(fields[b"event"])
            wait_s = 0.0

    def outcome_of(self, command_id: str) -> Event | None:
        """The event of a command, once it is settled."""
        text = self._redis.hget(self._keys.command(command_id), "event")
        return Event.model_validate_json(text) if text else None

    def batch(self, batch_id: str) -> BatchCount | None:
        """How far a batch is, or None where no such batch is known."""
        stored = self._redis.hgetall(self._keys.batch(batch_id))
        raw = {key.decode(): value.decode() for key, value in stored.items()}
        if "size" not in raw:
            return None
        return BatchCount(
            batch_id=batch_id,
            size=int(raw["size"]),
            done=int(raw.get("done", 0)),
            aborted="aborted_by" in raw,
            created_at=raw.get("created_at"),
            outcomes={outcome: int(raw[outcome]) for outcome in Outcome if int(raw.get(outcome, 0))},
        )

    def abort(self, batch_id: str, author: str) -> bool:
        """Abort a batch: its commands that were not sent yet end as `aborted`. False if it is unknown."""
        key = self._keys.batch(batch_id)
        if not self._redis.hexists(key, "size"):
            return False
        with self._redis.pipeline(transaction=True) as pipe:
            # `aborted` is the count of such outcomes too: it must be a number, and keep what was counted.
            pipe.hsetnx(key, "aborted", 0)
            pipe.hset(key, "aborted_by", author)
            pipe.execute()
        return True
