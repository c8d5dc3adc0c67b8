"""Strikes as planned, each strike in a thread of its own: one may hit while another is being repaired."""

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chaos.clock import RunClock
from benchmarks.chaos.place import Place
from benchmarks.chaos.plan import Kind, Strike
from benchmarks.chaos.processes import kill, lane_of, stopped, until
from tests.servers.server import Server

WHOLE_MAX_S = 60.0
STOP_MAX_S = 45.0
"""The supervisor's grace and some more: a suspended node ends only when it is woken."""


@dataclass(frozen=True, slots=True)
class Struck:
    """What was done. from_unix_s: a success counts as recovery from here on; a dead server's cannot come earlier.

    down_s: until the server answered, the killed node was replaced, the suspended one woken, the old fleet ended.
    """

    kind: Kind
    at_s: float
    at_unix_s: float
    from_unix_s: float
    down_s: float
    note: str = ""


class Saboteur:
    """`run` returns when every strike is over and everything it broke is repaired."""

    def __init__(self, place: Place, strikes: Sequence[Strike], clock: RunClock) -> None:
        self._place = place
        self._strikes = strikes
        self._clock = clock
        self._lock = threading.Lock()
        self._suspended: set[int] = set()
        self.struck: list[Struck] = []
        self.problems: list[str] = []

    def run(self) -> None:
        threads = []
        for strike in self._strikes:
            self._clock.wait_until(strike.at_s)
            thread = threading.Thread(target=self._strike, args=(strike,), name=strike.kind, daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        self.struck.sort(key=lambda one: one.at_s)

    def _strike(self, strike: Strike) -> None:
        try:
            match strike.kind:
                case Kind.KILL_NODE:
                    self._kill_node(strike)
                case Kind.STOP_NODE:
                    self._stop_node(strike)
                case Kind.KILL_BROKER:
                    self._kill_server(strike, self._place.broker)
                case Kind.KILL_STATE:
                    self._kill_server(strike, self._place.state)
                case Kind.ROLL:
                    self._roll(strike)
        except Exception as problem:  # noqa: BLE001 told in the report, whatever it is
            self.problems.append(f"{strike.kind} at {strike.at_s:g} s: {problem!r}"[:600])

    def _kill_node(self, strike: Strike) -> None:
        with self._lock:
            victims = [pid for pid in self._place.nodes() if pid not in self._suspended]
            if not victims:
                raise RuntimeError("no node ran that could be killed")
            victim = victims[int(strike.pick * len(victims))]
            lane, at = lane_of(victim), time.time()
            kill(victim, signal.SIGKILL)
        if not until(self._place.is_whole, WHOLE_MAX_S):
            raise RuntimeError(f"the killed node was not replaced in {WHOLE_MAX_S:g} s")
        self._note(strike, at, at, lane)

    def _stop_node(self, strike: Strike) -> None:
        with self._lock:
            nodes = self._place.nodes()
            victim = nodes[int(strike.pick * len(nodes))]
            self._suspended.add(victim)
        lane, at = lane_of(victim), time.time()
        with stopped(victim):
            time.sleep(strike.lasts_s)
        self._suspended.discard(victim)
        self._note(strike, at, at, lane)

    def _kill_server(self, strike: Strike, server: Server) -> None:
        with self._place.server_locks[id(server)]:
            at = time.time()
            server.kill9()
            time.sleep(strike.lasts_s)
            server.restart()
            back = time.time()
        self._note(strike, at, back, server.name)

    def _roll(self, strike: Strike) -> None:
        old, at = self._place.supervisors[-1], time.time()
        self._place.start_supervisor()
        asked = time.time()
        code = self._place.stop_supervisor(old, STOP_MAX_S)
        if code != 0:
            told = "did not end" if code is None else f"ended with exit code {code}"
            self.problems.append(f"the old supervisor {told} on SIGTERM after {time.time() - asked:.0f} s")
        self._note(strike, at, at, f"old fleet ended {time.time() - asked:.1f} s after SIGTERM")

    def _note(self, strike: Strike, at_unix_s: float, from_unix_s: float, note: str) -> None:
        at_s = at_unix_s - self._clock.began_unix_s
        struck = Struck(strike.kind, at_s, at_unix_s, from_unix_s, time.time() - at_unix_s, note)
        with self._lock:
            self.struck.append(struck)
