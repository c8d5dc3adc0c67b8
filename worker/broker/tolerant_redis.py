"""kombu's Redis transport, made to survive an item that is no message.

kombu decodes what it pops inside the event loop: one broken item would end the node (and the next one, if it
came back), and the item would be gone. Here it becomes a message without headers, which the consumer buries.
Source: kombu 5.7 `transport/redis.py` `_brpop_read`; a test feeds it rubbish through a real server.
"""

import base64
import binascii
import uuid
from typing import Any

from kombu.transport import redis as kombu_redis

_kombu_loads = kombu_redis.loads


def message_in(item: str) -> Any:
    """The message in a popped item; where it is none, one that carries the raw item and no headers.

    kombu reads its own record of an unacknowledged message the same way: [message, exchange, routing key].
    """
    try:
        value = _kombu_loads(item)
    except (ValueError, RecursionError):
        return _wrapped(item)
    message = value[0] if isinstance(value, list) and len(value) == 3 else value
    return value if _is_message(message) else _wrapped(item)


def _is_message(message: object) -> bool:
    match message:
        case {
            "body": str() as body,
            "headers": dict(),
            "properties": {"delivery_tag": str(), "delivery_info": dict()} as properties,
        }:
            if properties.get("body_encoding") != "base64":
                return True
            try:
                base64.b64decode(body)
            except (binascii.Error, ValueError):
                return False
            return True
    return False


def _wrapped(item: str) -> dict[str, Any]:
    return {
        "body": base64.b64encode(item.encode(errors="replace")).decode(),
        "content-type": "application/octet-stream",
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": uuid.uuid4().hex,
            "delivery_info": {"exchange": "", "routing_key": ""},
        },
    }


def install() -> None:
    """Let kombu read items tolerantly, in this process."""
    kombu_redis.loads = message_in
