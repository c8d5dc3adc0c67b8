"""Runs the nodes of every account and lane, each its own process: signals passed on, the crashed restarted."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from settings import Settings
from tasks.outcome import Lane

BACKOFF_MIN_S, BACKOFF_MAX_S = 0.5, 30.0
HEALTHY_S = 60.0
"""A node that ran this long is restarted at once when it crashes; one that did not waits, doubling."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Child:
    account: str
    lane: Lane
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    backoff_s: float = BACKOFF_MIN_S
    restart_at_s: float = field(default=0.0)

    @property
    def command(self) -> Sequence[str]:
        node = ["worker", "--account", self.account, "--lane", self.lane, "--supervised"]
        return [sys.executable, "-m", "worker.cli.main", *node]


class Supervisor:
    """Starts the nodes and looks after them until it is told to stop."""

    def __init__(self, settings: Settings, account: str | None = None, lane: Lane | None = None) -> None:
        self._grace_s = settings.node.grace_s
        counts = {Lane.URGENT: settings.node.urgent_nodes, Lane.BULK: settings.node.bulk_nodes}
        self._children = [
            _Child(name, one)
            for name in ([account] if account else settings.accounts)
            for one in ([lane] if lane else Lane)
            for _ in range(counts[one])
        ]
        self._signals = 0
        self._woken = threading.Event()

    def run(self) -> None:
        """Block until a SIGTERM or SIGINT was passed on and every node has ended."""
        previous = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            while not self._signals:
                self._look_after()
                self._woken.wait(0.5)
                self._woken.clear()
            self._end()
        finally:
            for _, process in self._running():
                process.kill()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._woken.set()

    def _look_after(self) -> None:
        now_s = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now_s >= child.restart_at_s:
                    self._start(child, now_s)
            elif (code := child.process.poll()) is not None:
                if now_s - child.started_s >= HEALTHY_S:
                    child.backoff_s = BACKOFF_MIN_S
                child.process, child.restart_at_s = None, now_s + child.backoff_s
                _log.error(
                    "node.ended",
                    account=child.account, lane=child.lane, exit_code=code, restart_in_s=child.backoff_s,
                )  # fmt: skip
                child.backoff_s = min(BACKOFF_MAX_S, child.backoff_s * 2)

    def _start(self, child: _Child, now_s: float) -> None:
        # In its own group: Ctrl-C reaches us alone, and we pass it on once.
        child.process = subprocess.Popen(child.command, process_group=0)
        child.started_s = now_s

    def _end(self) -> None:
        """Pass the signal on; a second one hurries the nodes; those over their grace are killed."""
        deadline_s, passed_on = time.monotonic() + self._grace_s, 0
        while running := self._running():
            for _ in range(self._signals - passed_on):
                for _, process in running:
                    process.send_signal(signal.SIGTERM)
            passed_on = self._signals
            if time.monotonic() > deadline_s:
                names = [f"{child.account}.{child.lane}" for child, _ in running]
                _log.error(
                    "node.killed", nodes=names, after_s=self._grace_s, effect="leases bring their work back"
                )
                return
            self._woken.wait(0.1)
            self._woken.clear()

    def _running(self) -> list[tuple[_Child, subprocess.Popen[bytes]]]:
        return [
            (child, child.process)
            for child in self._children
            if child.process and child.process.poll() is None
        ]
