"""Processes of one run: started, found and signalled by their ids, and all ended at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

STANDDOWN = [sys.executable, "-m", "worker.cli.main"]


def start_standdown(env: Mapping[str, str], log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `standdown …` in a group of its own: Ctrl-C reaches the harness alone."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [*STANDDOWN, *arguments],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )


def children_of(pid: int) -> list[int]:
    """The processes `pid` started that still run, the oldest first."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return sorted(child for child in map(int, text.split()) if not _is_ended(child))


def lane_of(pid: int) -> str:
    """The lane of a node, from its command line; '' if it is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[words.index(b"--lane") + 1].decode()
    except (OSError, ValueError, IndexError):
        return ""


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def stopped(pid: int) -> Any:
    """Inside, the process is suspended. Its handle stays its own, even if it is killed meanwhile."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield
        return
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
        yield
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        os.close(handle)


def end_tree(process: "subprocess.Popen[bytes]") -> None:
    """kill -9 of a process and its children."""
    pids = [*children_of(process.pid), process.pid] if process.poll() is None else []
    for pid in pids:
        kill(pid, signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], object], timeout_s: float, *, every_s: float = 0.1) -> bool:
    """Whether `condition` came true in time. Errors of its own mean: not yet."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        with suppress(Exception):
            if condition():
                return True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(every_s)


def _is_ended(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"
