"""A private Redis with an append-only file, so that a kill -9 loses nothing that was answered."""

import os
import shutil
import socket
from pathlib import Path

from tests.servers.server import MissingServerError, Server

INSTALL = "tools/bootstrap.sh servers"


def redis_binary() -> Path:
    """The system's redis-server, before the old one in the virtual environment's bin."""
    own = shutil.which("redis-server")
    for path in ("/usr/bin/redis-server", "/usr/local/bin/redis-server", own):
        if path and os.access(path, os.X_OK):
            return Path(path)
    raise MissingServerError(f"these tests need redis-server; install it with: {INSTALL}")


class RedisServer(Server):
    """`fsync="always"` (the default) keeps every answered write; "everysec" is faster, for benchmarks."""

    name = "redis"

    def __init__(self, *, fsync: str = "always") -> None:
        self._binary = redis_binary()
        self._fsync = fsync
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [str(self._binary)] + [
            part for name, value in options.items() for part in (f"--{name}", value)
        ]

    def answers(self) -> bool:
        """PING is answered by this very process: another Redis may have taken the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.settimeout(1)
                link.sendall(b"PING\r\nINFO server\r\n")
                said = b""
                while b"\r\nprocess_id:" not in said or not said.endswith(b"\r\n"):
                    some = link.recv(65536)
                    if not some or not (said + some).startswith(b"+PONG"):
                        return False
                    said += some
        except OSError:
            return False
        return b"\r\nprocess_id:%d\r\n" % self.pid in said
