"""Processes that a benchmark starts: where they run, whether they are ready, what they cost, how they end."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READY_MAX_S = 120.0


class NotReadyError(Exception):
    """A process ended, or said nothing, before it was ready. The text has the end of its log."""


class Process:
    """One child in a group of its own: Ctrl-C reaches the benchmark alone, which ends it by its id."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path, ready: str) -> None:
        self._log, self._ready = log, ready
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def wait_until_ready(self) -> None:
        """Return when it has said its word. Raises NotReadyError."""
        deadline = time.monotonic() + READY_MAX_S
        while self._ready not in self.output():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise NotReadyError(f"{self._log.name} was not ready:\n{self.output()[-3000:]}")
            time.sleep(0.05)

    def output(self) -> str:
        """All it said so far."""
        return self._log.read_text(errors="replace")

    def cpu_s(self) -> float:
        """User and system time of all its threads so far."""
        return (
            cpu_ticks(Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace"))
            / TICKS_PER_S
        )

    def end(self) -> None:
        """End it at once; may be called twice. Whatever it held is thrown away with its servers."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()


def cpu_ticks(stat: str) -> int:
    """utime + stime of a line of /proc/PID/stat. The name in it may hold blanks and brackets.

    Source: proc(5), fields 14 and 15.
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """What is started inside runs on `cores` only; an empty set changes nothing."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_sides() -> tuple[set[int], set[int]]:
    """One core for the measured process, the others for everything else; empty sets on a single core."""
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[-1]}, set(cores[:-1])) if len(cores) > 1 else (set(), set())
