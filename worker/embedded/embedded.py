"""The embedded server as its users see it: it is there while anybody uses it, and ends with the last one.

Every user holds `users.lock` shared. To come (take it, start the server if it is dead) and to leave (see that
nobody else has it, end the server) are each done as a whole under `start.lock`: so nobody comes between the
look and the end. Users that were killed leave no lock behind; the server lives on and the next user finds it.
"""

import fcntl
import os
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from worker.embedded import binary, folder, lock, server
from worker.embedded.binary import EmbeddedError

START_LOCK_TIMEOUT_S = 60.0
START_TRIES = 3

log = structlog.get_logger()


class Embedded:
    """One user's hold on the embedded server of a data folder. Made by `ensure`, given back by `close`."""

    def __init__(self, data_dir: Path, server_path: Path | None, start_timeout_s: float) -> None:
        self.data_dir = folder.prepare(data_dir)
        self._server_path = server_path
        self._start_timeout_s = start_timeout_s
        self._users: int | None = None
        self._owner = os.getpid()
        self.socket_path = Path()
        self.version = ""
        self.pid = 0

    @classmethod
    def ensure(
        cls, data_dir: Path, *, server_path: Path | None = None, start_timeout_s: float = 30.0
    ) -> Self:
        """The running server of `data_dir`, started if need be. Use it with `with`, or call `close`."""
        embedded = cls(data_dir, server_path, start_timeout_s)
        embedded._come()
        return embedded

    @property
    def broker_url(self) -> str:
        """The server as kombu writes it."""
        return f"redis+socket://{quote(str(self.socket_path))}?virtual_host=0"

    @property
    def state_url(self) -> str:
        """The server as redis-py writes it."""
        return f"unix://{quote(str(self.socket_path))}?db=0"

    def restart_if_dead(self) -> bool:
        """Start the server again if it is gone, and tell whether it was; cheap while it lives."""
        if self._users is None:
            raise EmbeddedError("the embedded server was given back already")
        if lock.is_held(self._server_lock):
            return False
        with self._alone():
            restarted = self._start_if_dead()
        if restarted:
            log.warning("embedded.restarted", pid=self.pid, version=self.version)
        return restarted

    def close(self) -> None:
        """Give the server back; the last user ends it. A forked child gives nothing back."""
        if self._users is None or os.getpid() != self._owner:
            return
        users, self._users = self._users, None
        try:
            with self._alone():
                if lock.taken(users, fcntl.LOCK_EX):
                    self._end()
        finally:
            os.close(users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _come(self) -> None:
        with self._alone():
            users = lock.opened(self.data_dir / "users.lock")
            fcntl.flock(users, fcntl.LOCK_SH)  # nobody has it exclusively but under start.lock
            self._users = users
            try:
                self._start_if_dead()
            except BaseException:
                self._users = None
                if lock.taken(users, fcntl.LOCK_EX) and self._lives() and self.socket_path != Path():
                    self._end()
                os.close(users)
                raise

    def _start_if_dead(self) -> bool:
        """Under start.lock only. A server that dies between the look and its answer is started like a dead one."""
        for _ in range(START_TRIES - 1):
            try:
                return self._start_if_dead_once()
            except server.ServerEndedError:
                continue
        return self._start_if_dead_once()

    def _start_if_dead_once(self) -> bool:
        self.socket_path = folder.socket_path(self.data_dir, os.environ)
        if self._lives() and not self.socket_path.exists():
            server.end_by_pid(self.data_dir)  # its socket was cleaned away: nobody can reach it
        started = False
        if not self._lives():
            chosen = binary.find(self._server_path, os.environ.get("PATH", os.defpath))
            data = folder.data_for(self.data_dir, chosen)
            command = server.arguments(chosen, data, self.data_dir, self.socket_path)
            started = server.start(command, self.data_dir, os.environ)
        self.version, self.pid = server.wait_until_ready(
            self.socket_path, self.data_dir, self._start_timeout_s
        )
        return started

    def _end(self) -> None:
        """Under start.lock only, and with no other user."""
        if self._lives() and not server.end(self.socket_path, self.data_dir):
            log.warning("embedded.left_running", pid=self.pid, data_dir=str(self.data_dir))
            return
        folder.remove_socket(self.data_dir, self.socket_path)

    def _lives(self) -> bool:
        return lock.is_held(self._server_lock)

    @property
    def _server_lock(self) -> Path:
        return self.data_dir / "server.lock"

    def _alone(self) -> AbstractContextManager[None]:
        return lock.alone(self.data_dir / "start.lock", START_LOCK_TIMEOUT_S)
