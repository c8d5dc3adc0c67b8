"""Waiting for a Redis that is out of reach: one clear line, no flood, no end but the stop of the process."""

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 redis' own, not the built-in one
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
)

from tasks.ports import StoppingError

T = TypeVar("T")
RETRY_MIN_S, RETRY_MAX_S = 0.2, 3.0
# What Redis says when it is full, a replica, or cannot write its file. Waiting helps with each of them.
_PASSING = ("OOM", "READONLY", "MISCONF", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "BUSY")

_log = structlog.get_logger(__name__)


def passes(error: Exception) -> bool:
    """Whether waiting can help: Redis is out of reach, full, read-only or still loading."""
    if isinstance(
        error, ConnectionError | TimeoutError | BusyLoadingError | ReadOnlyError | OutOfMemoryError
    ):
        return True
    return isinstance(error, ResponseError) and any(word in str(error) for word in _PASSING)


class Patience:
    """Repeats a call until Redis answers it. One per process, shared by its threads."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._lost = False

    def until_answered(self, call: Callable[[], T]) -> T:
        """What `call` gives. Raises StoppingError when the process is asked to stop while Redis is away."""
        pause_s = RETRY_MIN_S
        while True:
            try:
                answer = call()
            except Exception as error:
                if not passes(error):
                    raise
                if not self._lost:
                    self._lost = True
                    _log.error(
                        "ledger.lost", error=str(error), effect="commands wait until Redis answers again"
                    )
            else:
                if self._lost:
                    self._lost = False
                    _log.info("ledger.found")
                return answer
            if self._stopping.wait(pause_s):
                raise StoppingError
            pause_s = min(RETRY_MAX_S, pause_s * 2)
