"""Locks between processes, on files; the system frees them when their holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.embedded.binary import EmbeddedError

POLL_S = 0.02


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def taken(fd: int, kind: int) -> bool:
    """Whether the lock (LOCK_SH or LOCK_EX) is ours now; never waits."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether anybody holds `path` exclusively."""
    fd = opened(path)
    try:
        return not taken(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def take(path: Path, timeout_s: float) -> int | None:
    """The open file with its exclusive lock, or None where somebody held it all the time."""
    end = time.monotonic() + timeout_s
    fd = opened(path)
    while not taken(fd, fcntl.LOCK_EX):
        if time.monotonic() >= end:
            os.close(fd)
            return None
        time.sleep(POLL_S)
    return fd


@contextmanager
def alone(path: Path, timeout_s: float) -> Iterator[None]:
    """Only one process at a time is inside."""
    fd = take(path, timeout_s)
    if fd is None:
        raise EmbeddedError(
            f"another standdown process has held {path} for {timeout_s:.0f} s: "
            "it starts or ends the embedded server"
        )
    try:
        yield
    finally:
        os.close(fd)
