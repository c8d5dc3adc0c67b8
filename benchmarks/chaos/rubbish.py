"""Messages that are no commands, as a careless producer might write them; each carries a mark to find it by."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tasks.message import CONTENT_TYPE, TASK_NAME

MARK = re.compile(rb"rubbish-[0-9a-f]+-[0-9]+")
BIG_BYTES = 300_000
DEEP = 20_000


@dataclass(frozen=True, slots=True)
class Rubbish:
    """One message. `raw`: what stands in a Redis list, where it is no message of kombu's at all."""

    mark: str
    kind: str
    body: bytes
    content_type: str = CONTENT_TYPE
    headers: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None

    def redis_item(self, queue: str) -> bytes:
        """As it is pushed onto a list."""
        if self.raw is not None:
            return self.raw
        message = {
            "body": self.body.decode(),
            "content-encoding": "utf-8",
            "content-type": self.content_type,
            "headers": self.headers,
            "properties": {
                "delivery_tag": f"tag-{self.mark}",
                "delivery_info": {"exchange": "", "routing_key": queue},
            },
        }
        return json.dumps(message).encode()


KINDS = (
    "undecodable bytes",
    "wrong content type",
    "JSON that is no command",
    "unknown task",
    "missing headers",
    "unknown field",
    "a body of 300 KB",
    "deeply nested JSON",
)


def rubbish_of(kind: str, mark: str, place: dict[str, str]) -> Rubbish:
    """A message of this kind. `place`: a bucket and region that are right, so that nothing else is wrong."""
    good = {"task": TASK_NAME, "id": f"id-{mark}"}
    command = json.dumps([[], {"job_id": mark, **place}, {}]).encode()
    match kind:
        case "undecodable bytes":
            bytes_ = b"\xff\xfe\x00" + mark.encode()
            return Rubbish(mark, kind, bytes_, headers=good, raw=bytes_)
        case "wrong content type":
            return Rubbish(mark, kind, command, "application/x-python-serialize", good)
        case "JSON that is no command":
            return Rubbish(mark, kind, json.dumps([mark, 1, None]).encode(), headers=good)
        case "unknown task":
            return Rubbish(mark, kind, command, headers={**good, "task": "celery.ping"})
        case "missing headers":
            return Rubbish(mark, kind, command)
        case "unknown field":
            body = [[], {"job_id": mark, **place, "colour": "red"}, {}]
            return Rubbish(mark, kind, json.dumps(body).encode(), headers=good)
        case "a body of 300 KB":
            body = [[], {"job_id": mark, **place, "reason": "x" * BIG_BYTES}, {}]
            return Rubbish(mark, kind, json.dumps(body).encode(), headers=good)
        case "deeply nested JSON":
            deep = b'[[], {"job_id": "%s", "context": %s' % (mark.encode(), b"[" * DEEP)
            return Rubbish(mark, kind, deep, headers=good)
    raise ValueError(f"no such rubbish: {kind}")


def marks_in(raw: bytes) -> set[str]:
    """The marks of the rubbish that `raw` holds."""
    return {mark.decode() for mark in MARK.findall(raw)}
