"""The message that carries a command: Celery's protocol 2, as small as it may be.

Any producer in any language may write the same: headers `task` and `id`, body `[[], {command}, {}]`, content
type `application/json`, encoding `utf-8`. Source: docs.celeryq.dev, "Message Protocol", version 2; that the
two headers suffice was measured (celery 5.7).
"""

from typing import Any

from tasks.command import CancelCommand
from tasks.outcome import Lane

TASK_NAME = "standdown.cancel"
CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"


def queue_name(account: str, lane: Lane) -> str:
    """The queue of one account and lane."""
    return f"standdown.{account}.{lane}"


def payload_of(command: CancelCommand) -> str:
    """The command as JSON, without fields that hold nothing; the same text in ledger and message."""
    return command.model_dump_json(exclude_none=True)


def message_body(payload: str) -> str:
    """The body of the message that carries `payload`."""
    return f"[[],{payload},{{}}]"


def message_headers(command_id: str) -> dict[str, Any]:
    """The headers Celery needs; the command's id is the task's, so that it survives redelivery."""
    return {"task": TASK_NAME, "id": command_id}
