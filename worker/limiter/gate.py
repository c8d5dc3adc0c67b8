"""Where the threads of one process wait for slots: in order, and only the first one asks Redis.

It stands alone because waiting is its one idea: the rules are the script's, their clock is Redis' own.
Waits end at once when the process stops. With Redis out of reach nothing is sent: the first one asks again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from tasks.answer import AttemptError
from tasks.outcome import Lane
from tasks.ports import Slot, SlotTimeoutError, StoppingError
from worker.limiter.script import LimiterScript
from worker.limiter.verdict import Verdict

RETRY_S = 1.25
"""How long to wait before asking a Redis again that did not answer: a window and its widest guard, so that what
was granted before it went away counts for nothing, even if it comes back without its last second."""

_log = structlog.get_logger(__name__)


class Gate:
    """The slots of one account and lane, for all threads of this process. Implements tasks.ports.Slots."""

    def __init__(
        self,
        script: LimiterScript,
        lane: Lane,
        client: str,
        *,
        wait_max_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._script = script
        self._lane = lane
        self._client = client
        self._wait_max_s = wait_max_s
        self._clock = clock
        self._lock = threading.Lock()
        self._waiters: deque[threading.Event] = deque()
        self._stopping = False
        self._ask_at = 0.0
        self._asked_at = 0.0
        self._reachable = True
        self._watch = False
        self._took_us: list[int] = []

    def stop(self) -> None:
        """End every wait now: each waiter gets StoppingError."""
        with self._lock:
            self._stopping = True
            for waiter in self._waiters:
                waiter.set()

    @property
    def waiting(self) -> int:
        """How many threads wait here."""
        return len(self._waiters)

    def take(self) -> Slot:
        """Wait for the next slot. Raises SlotTimeoutError after the longest wait, or StoppingError."""
        began = self._clock()
        deadline = began + self._wait_max_s
        turn = threading.Event()
        with self._lock:
            self._waiters.append(turn)
            if len(self._waiters) == 1:
                turn.set()
        try:
            self._wait_for_turn(turn, deadline)
            verdict = self._ask_until_granted(turn, deadline)
            # The grant was made after we asked: counted from there, no delay of ours is overlooked.
            taken_at_s = self._asked_at + verdict.wait_us / 1e6
        finally:
            self._pass_turn(turn)
        # Stopping or not, the slot is spent: what is left to wait is a few milliseconds at most.
        if verdict.wait_us > 0:
            time.sleep(verdict.wait_us / 1e6)
        return Slot(
            number=verdict.number,
            taken_at_s=taken_at_s,
            waited_s=self._clock() - began,
            guard_us=verdict.guard_us,
            quickest_us=verdict.quickest_us,
            probe=verdict.probe,
        )

    def report(self, slot: Slot, error: AttemptError | None) -> None:
        """Tell the fleet what the attempt met. Called as soon as the answer, or its absence, is known."""
        answered = error is None or error.http_status is not None
        fine = error is None or error.fault == "command"
        took_us = int((self._clock() - slot.taken_at_s) * 1e6)
        with self._lock:
            if answered:
                self._took_us.append(took_us)
            tell = not fine or self._watch or slot.probe
        # Without an answer nobody knows when it arrived; most likely at once.
        # Before the road is known (quickest 0) all that it took counts: the first second has no credit either.
        late_us = took_us - slot.quickest_us if answered else 0
        try:
            if late_us > slot.guard_us:
                self._script.late(slot.number, late_us)
            if tell:
                self._script.report(
                    "" if fine or error is None else error.fault,
                    retry_after_s=(error.retry_after_s if error else None) or 0.0,
                    probe=slot.probe,
                    reason=error.message[:500] if error else "",
                )
        except RedisError as lost:
            self._note_reachable(False, lost)

    def _wait_for_turn(self, turn: threading.Event, deadline: float) -> None:
        if not turn.wait(max(0.0, deadline - self._clock())):
            raise SlotTimeoutError
        self._refuse_if_stopping()

    def _ask_until_granted(self, turn: threading.Event, deadline: float) -> Verdict:
        while True:
            turn.clear()
            self._refuse_if_stopping()
            pause_s = self._ask_at - self._clock()
            if pause_s <= 0:
                verdict = self._ask()
                if verdict is not None and verdict.granted:
                    self._watch = verdict.watch
                    self._ask_at = self._clock() + verdict.next_wait_us / 1e6
                    return verdict
                pause_s = verdict.wait_us / 1e6 if verdict else RETRY_S
                self._ask_at = self._clock() + pause_s
            left_s = deadline - self._clock()
            if left_s <= 0:
                raise SlotTimeoutError
            turn.wait(min(pause_s, left_s))

    def _ask(self) -> Verdict | None:
        with self._lock:
            took, self._took_us = self._took_us, []
            waiting = len(self._waiters)
        took_us = (min(took), sum(took) // len(took)) if took else None
        self._asked_at = self._clock()
        try:
            verdict = self._script.take(self._lane, self._client, waiting, took_us)
        except RedisError as lost:
            self._note_reachable(False, lost)
            return None
        self._note_reachable(True)
        return verdict

    def _pass_turn(self, turn: threading.Event) -> None:
        with self._lock:
            self._waiters.remove(turn)
            if self._waiters:
                self._waiters[0].set()
            else:
                self._ask_at = 0.0  # what this one was told says nothing to who comes later

    def _refuse_if_stopping(self) -> None:
        if self._stopping:
            raise StoppingError

    def _note_reachable(self, reachable: bool, lost: Exception | None = None) -> None:
        if reachable == self._reachable:
            return
        self._reachable = reachable
        if reachable:
            _log.info("limiter.found")
        else:
            _log.error("limiter.lost", error=str(lost), effect="nothing is sent until Redis answers again")
