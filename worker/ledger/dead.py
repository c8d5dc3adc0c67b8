"""Dead letters: what a person must look at, kept whole, with its reason and where it came from."""

import base64
import json
from datetime import UTC, datetime

import redis

from tasks.event import Event, unreadable_event
from tasks.ports import Publisher
from worker.ledger.keys import Keys
from worker.ledger.patience import Patience

RAW_MAX_BYTES = 1_000_000
"""A larger body is kept up to here; its true size stands beside it."""


class DeadLetters:
    """One account's dead letters."""

    def __init__(
        self, client: redis.Redis, account: str, publisher: Publisher, patience: Patience, events_max: int
    ) -> None:
        self._redis = client
        self._keys = Keys(account)
        self._account = account
        self._publisher = publisher
        self._patience = patience
        self._events_max = events_max

    def bury_unreadable(self, message_id: str, raw: object, reason: str, *, source: str) -> Event:
        """Keep a message that is no command, publish that it was refused, and return: it may be acknowledged.

        The same message again gives the same letter and event.
        """
        now = datetime.now(UTC)
        event = unreadable_event(self._account, message_id[:128], reason, now=now)
        body = raw if isinstance(raw, bytes) else json.dumps(raw, default=repr).encode()
        letter = {
            "raw_base64": base64.b64encode(body[:RAW_MAX_BYTES]).decode(),
            "raw_bytes": len(body),
            "source": source,
            "event": event.model_dump(mode="json"),
        }
        self._patience.until_answered(lambda: self._write(event, json.dumps(letter)))
        self._publisher.publish(event)
        return event

    def _write(self, event: Event, letter: str) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._keys.dead, event.id, letter)
            pipe.xadd(self._keys.events, {"event": event.to_json()}, maxlen=self._events_max)
            pipe.execute()
