"""Ctrl-C, SIGTERM and a closed terminal: noted, and told to whoever waits next.

They raise nothing by themselves: an exception between a start and its note would leave a process behind.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEP_S = 0.1
"""How long at most a signal is not looked at."""


class AskedToStopError(Exception):
    """The demo was asked to stop."""


class Stopping:
    """Whether a signal came."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, signals are noted here; those that come while everything is being stopped change nothing."""
        previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def wait(self, wait_s: float) -> None:
        """Wait; raises AskedToStopError as soon as there is a reason."""
        deadline_s = time.monotonic() + wait_s
        while True:
            if self.asked:
                raise AskedToStopError
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, STEP_S))

    def _note(self, _number: int, _frame: object) -> None:
        self.asked = True
