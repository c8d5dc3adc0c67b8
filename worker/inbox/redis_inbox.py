"""The inbox on Redis: a plain list, read so that a reader killed at any line loses nothing.

Producers LPUSH one JSON object an item. kombu's own envelope is understood too, for those who publish through it.
One reader at a time, by a lease: what it holds lies in `standdown:inbox:taking` until it is accepted.
"""

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import redis

from worker.broker.queues import INBOX
from worker.inbox import AT_ONCE
from worker.inbox.intake import Intake

LEASE_S = 15.0
TAKING, READER = "standdown:inbox:taking", "standdown:inbox:reader"


class RedisInbox:
    """One node's reader. `step` takes in what is there; call it again and again."""

    def __init__(self, client: redis.Redis, intake: Intake) -> None:
        self._redis = client
        self._intake = intake
        self._name = uuid.uuid4().hex
        self._move = client.register_script((Path(__file__).parent / "move.lua").read_text(encoding="utf-8"))

    def step(self) -> None:
        """Take in everything that waits, where this reader's turn it is."""
        while True:
            items: Any = self._move(
                keys=[INBOX, TAKING, READER], args=[self._name, int(LEASE_S * 1000), AT_ONCE]
            )
            if not items:
                return
            self._intake.take_in([_body(item) for item in items])
            # A second reader, after our lease ran out, may have added to the list: only ours is removed.
            with self._redis.pipeline(transaction=True) as pipe:
                for item in items:
                    pipe.lrem(TAKING, 1, item)
                pipe.execute()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _body(item: bytes) -> bytes:
    try:
        envelope = json.loads(item)
        body, properties = envelope["body"], envelope["properties"]
        return base64.b64decode(body) if properties.get("body_encoding") == "base64" else body.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return item
