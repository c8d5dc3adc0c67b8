"""The Celery task `standdown.cancel`: a thin ring around tasks.cancel.carry_out.

Nothing may escape it: with late acks an unexpected exception would acknowledge the message, and the command
would be gone (measured: 400 of 400). What surprises us is logged and leaves the lease to run out; the sweep
enqueues the command again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from celery import Celery
from celery.exceptions import Reject

from tasks.message import TASK_NAME
from tasks.ports import StoppingError

_log = structlog.get_logger(__name__)


class Carrier(Protocol):
    """What the task hands its message to."""

    def carry(self, message_id: str, raw: object) -> None:
        """Bring the command in `raw` one step further. Raises StoppingError to give the message back."""
        ...


def register(app: Celery, carrier: Callable[[], Carrier]) -> None:
    """Make `standdown.cancel` known to `app`; `carrier` is asked for at each delivery."""

    # shared=False: a second app in the process would otherwise run this one's task, with this one's carrier.
    @app.task(name=TASK_NAME, bind=True, acks_late=True, ignore_result=True, shared=False)  # type: ignore[untyped-decorator]
    def cancel(self: Any, /, *args: Any, **kwargs: Any) -> None:
        raw: object = {"unexpected positional arguments": list(args)} if args else kwargs
        message_id = str(self.request.id)
        with structlog.contextvars.bound_contextvars(**_names(message_id, kwargs)):
            try:
                carrier().carry(message_id, raw)
            except StoppingError:
                raise Reject("the node stops", requeue=True) from None
            except Exception:  # noqa: BLE001 see above
                _log.exception("command.surprised", effect="enqueued again when its lease runs out")
                raise Reject("unexpected error, see the log", requeue=False) from None


def _names(message_id: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What every log line of this command carries. The values come from outside: they are cut."""
    batch = kwargs.get("batch")
    names = {
        "command": kwargs.get("command_id", message_id),
        "job": kwargs.get("job_id"),
        "batch": batch.get("id") if isinstance(batch, Mapping) else None,
    }
    return {key: str(value)[:128] for key, value in names.items() if value is not None}
