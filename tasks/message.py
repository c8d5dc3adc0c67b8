"""The message that carries a command: Celery's protocol 2, as small as it may be.

Any producer in any language may write the same: headers `task` and `id`, body `[[], {command}, {}]`, content
type `application/json`, encoding `utf-8`. Source: docs.celeryq.dev, "Message Protocol", version 2; that the
two headers suffice was measured (celery 5.7).
"""

import json
from typing import Any

from tasks.command import JOB_LIFE, CancelCommand
from tasks.outcome import Lane

TASK_NAME = "standdown.cancel"
CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
BODY_MAX_BYTES = 262_144
"""A command is at most some 6 KiB; far larger bodies are rubbish, and need not be parsed to know it."""


def queue_name(account: str, lane: Lane) -> str:
    """The queue of one account and lane."""
    return f"standdown.{account}.{lane}"


_ADDRESS = {"account", "lane", "command_id"}
_USUAL = _ADDRESS | {"not_after"}


def again_queue_name(account: str, lane: Lane) -> str:
    """Where RabbitMQ keeps what is enqueued again: at the tail of the lane it would wait for the whole backlog."""
    return f"{queue_name(account, lane)}.again"


def payload_of(command: CancelCommand) -> str:
    """The command as JSON, without what its place tells (queue, key, message id), its defaults, and nothing else.

    The same text stands in ledger and message: a purge of 100,000 keeps 200,000 of them in memory.
    """
    usual = command.not_after - command.requested_at == JOB_LIFE
    return command.model_dump_json(exclude_none=True, exclude=_USUAL if usual else _ADDRESS)


def command_of(payload: str | bytes, *, account: str, lane: Lane, command_id: str) -> CancelCommand:
    """The command that `payload_of` wrote, back in one piece."""
    address = {"account": account, "lane": lane, "command_id": command_id}
    return CancelCommand.model_validate({**json.loads(payload), **address})


def message_body(payload: str) -> str:
    """The body of the message that carries `payload`."""
    return f"[[],{payload},{{}}]"


def message_headers(command_id: str) -> dict[str, Any]:
    """The headers Celery needs; the command's id is the task's, so that it survives redelivery."""
    return {"task": TASK_NAME, "id": command_id}
