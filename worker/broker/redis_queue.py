"""Redis as broker, spoken to directly where kombu would be slow or blind: bulk enqueueing, a look into a queue.

The message is kombu's own format, so that any Celery worker can take it. Source: kombu 5.7
`transport/virtual/base.py` (Message) and `transport/redis.py` (`_put`: LPUSH, taken with BRPOP).
"""

import base64
import json
import uuid
from collections.abc import Sequence
from typing import Any

import redis

from tasks.command import CancelCommand
from tasks.message import (
    CONTENT_ENCODING,
    CONTENT_TYPE,
    message_body,
    message_headers,
    payload_of,
    queue_name,
)

CHUNK = 500


def kombu_message(command_id: str, payload: str, queue: str) -> str:
    """One message as kombu's Redis transport writes it; the body stands in it as plain text."""
    return json.dumps(
        {
            "body": message_body(payload),
            "content-encoding": CONTENT_ENCODING,
            "content-type": CONTENT_TYPE,
            "headers": message_headers(command_id),
            "properties": {
                "delivery_tag": uuid.uuid4().hex,
                "delivery_info": {"exchange": "", "routing_key": queue},
            },
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


class RedisSender:
    """Enqueues many commands in few round trips. Redis' answer is the confirmation."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def send(
        self, commands: Sequence[CancelCommand], payloads: Sequence[str] | None = None, *, again: bool = False
    ) -> None:
        """Return once every command is in its queue; redis' errors pass through.

        again: they waited before, and go to the head of the queue.
        """
        payloads = payloads or [payload_of(command) for command in commands]
        for start in range(0, len(commands), CHUNK):
            with self._redis.pipeline(transaction=False) as pipe:
                queues: dict[str, list[str]] = {}
                for command, payload in zip(
                    commands[start : start + CHUNK], payloads[start : start + CHUNK], strict=True
                ):
                    queue = queue_name(command.account, command.lane)
                    queues.setdefault(queue, []).append(kombu_message(command.command_id, payload, queue))
                for queue, messages in queues.items():
                    if again:
                        pipe.rpush(queue, *reversed(messages))
                    else:
                        pipe.lpush(queue, *messages)
                pipe.execute()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


class RedisBindings:
    """Knows whether anybody listens to an exchange. Where nobody does, kombu would drop the message after some work.

    Source: kombu 5.7 `transport/redis.py`, `keyprefix_queue`: one set of bindings an exchange.
    """

    def __init__(self, client: redis.Redis, exchange: str) -> None:
        self._redis = client
        self._key = f"_kombu.binding.{exchange}"

    def any(self) -> bool:
        """Whether a queue is bound to the exchange."""
        return bool(self._redis.exists(self._key))


class RedisQueueView:
    """Looks into one queue without taking from it."""

    def __init__(self, client: redis.Redis, queue: str) -> None:
        self._redis = client
        self._queue = queue

    def length(self) -> int:
        """How many messages wait."""
        return int(self._redis.llen(self._queue))

    def command_ids(self) -> set[str]:
        """The commands whose messages wait. Messages that are no commands are passed over."""
        messages: Any = self._redis.lrange(self._queue, 0, -1)
        return {command_id for message in messages if (command_id := _command_id(message)) is not None}


def _command_id(message: bytes) -> str | None:
    try:
        envelope: dict[str, Any] = json.loads(message)
        body = envelope["body"]
        if (
            envelope.get("properties", {}).get("body_encoding") == "base64"
        ):  # what Celery's own producers write
            body = base64.b64decode(body)
        return str(json.loads(body)[1].get("command_id") or envelope["headers"]["id"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
