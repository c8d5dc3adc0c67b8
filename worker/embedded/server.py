"""One redis-server process: started, asked and ended. Who may do so when is decided in `embedded`.

The server inherits an open, exclusively locked file and keeps it for life. So `server.lock` is held exactly
while a server lives: no pid is trusted to say so, and no two servers ever write to one folder.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.embedded import lock
from worker.embedded.binary import Binary, EmbeddedError

LOG_MAX_BYTES = 5_000_000
ANSWER_TIMEOUT_S = 2.0
LOADING_MAX_S = 600.0
END_TIMEOUT_S = 20.0


class ServerEndedError(EmbeddedError):
    """The server ended before it answered."""


def arguments(binary: Binary, data: Path, home: Path, socket: Path) -> list[str]:
    """The command line of the server."""
    settings = {
        "port": "0",  # the socket only
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",  # its own session: Ctrl-C in a terminal is not for it
        "pidfile": str(home / "redis.pid"),
        "logfile": str(home / "redis.log"),
    }
    return [str(binary.path)] + [part for name, value in settings.items() for part in (f"--{name}", value)]


def start(command: list[str], home: Path, environ: Mapping[str, str]) -> bool:
    """Start a server and tell so; False where one lives already."""
    fd = lock.take(home / "server.lock", timeout_s=0.5)  # somebody may just be looking whether it is held
    if fd is None:
        return False
    log = home / "redis.log"
    try:
        if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
            log.replace(log.with_suffix(".log.1"))
        done = subprocess.run(
            command,
            env={"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C"},  # a locale it lacks ends Redis 7
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=(fd,),
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise EmbeddedError(f"{command[0]} could not be started: {problem}") from problem
    finally:
        os.close(fd)  # ours only; the server has its own
    if done.returncode != 0:
        raise EmbeddedError(f"{command[0]} did not start: {_last_lines(done.stdout + done.stderr)}")
    return True


def wait_until_ready(socket: Path, home: Path, timeout_s: float) -> tuple[str, int]:
    """Version and pid, as soon as the server answers. Reading its data may take longer than `timeout_s`.

    Raises ServerEndedError where it ends meanwhile.
    """
    began = time.monotonic()
    pause_s = 0.005
    while True:
        try:
            with client(socket) as server:
                server.ping()  # unlike INFO it is refused while the data are still being read
                info = server.info("server")
            return str(info["redis_version"]), int(info["process_id"])
        except redis.exceptions.BusyLoadingError:
            longest_s = LOADING_MAX_S
        except redis.exceptions.RedisError:
            longest_s = timeout_s
        if not lock.is_held(home / "server.lock"):
            raise ServerEndedError(
                f"the embedded server ended while it started: {_tail_of(home / 'redis.log')}"
            )
        waited_s = time.monotonic() - began
        if waited_s > longest_s:
            raise EmbeddedError(
                f"the embedded server (pid {_noted_pid(home)}) does not answer on {socket}, "
                f"waited {waited_s:.0f} s. Its log is {home / 'redis.log'}"
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def end(socket: Path, home: Path) -> bool:
    """Ask the server to end and wait for it; its append-only file is flushed and synced first.

    NOSAVE only spares the snapshot nobody reads. Source: redis `prepareForShutdown`, read 2026-11-21.
    """
    try:
        with client(socket) as server:
            server.shutdown(nosave=True)
    except redis.exceptions.RedisError:
        end_by_pid(home)
    return _wait_for_end(home)


def end_by_pid(home: Path) -> None:
    """For a server that lives and cannot be asked, such as one whose socket was cleaned away."""
    pid = _noted_pid(home)
    if pid is not None and lock.is_held(home / "server.lock") and _is_redis(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # it saves what it has, as for SHUTDOWN
            _wait_for_end(home)


def client(socket: Path) -> "redis.Redis":
    return redis.Redis(
        unix_socket_path=str(socket),
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_connect_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def _wait_for_end(home: Path) -> bool:
    deadline = time.monotonic() + END_TIMEOUT_S
    while lock.is_held(home / "server.lock"):
        if time.monotonic() >= deadline:
            return False
        time.sleep(lock.POLL_S)
    return True


def _noted_pid(home: Path) -> int | None:
    try:
        return int((home / "redis.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None


def _is_redis(pid: int) -> bool:
    try:
        return b"redis-server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # no /proc here: the lock and the pid file have to do


def _tail_of(log: Path) -> str:
    return _last_lines(log.read_text(errors="replace") if log.exists() else "it left no log")


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-3:])
