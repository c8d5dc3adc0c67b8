"""Counts the commands of a Redis as it tells them to MONITOR: those of clients apart from those inside scripts."""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable

from tests.servers import RedisServer

_LINE = re.compile(rb'^\+\d+\.\d+ \[\d+ (?P<source>[^\]]*)\] "(?P<command>[^"]*)"')

_LIMITER = re.compile(rb'"[^"]*:limiter" "[^"]*:limiter:grants" "(?P<operation>\w+)"')


class Monitor:
    """Listens from `__enter__` to `__exit__`; then `clients` and `scripts` hold the counts by command."""

    def __init__(self, server: RedisServer) -> None:
        self._port = server.port
        self._stop = threading.Event()
        self._text = bytearray()
        self.clients: Counter[str] = Counter()
        self.scripts: Counter[str] = Counter()
        self.listened_s = 0.0

    def __enter__(self) -> "Monitor":
        self._link = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        self._link.sendall(b"MONITOR\r\n")
        assert self._link.recv(5) == b"+OK\r\n"
        self._link.settimeout(0.2)
        self._began_s = time.monotonic()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._link.close()
        self.listened_s = time.monotonic() - self._began_s
        self.clients, self.scripts = counted(bytes(self._text).split(b"\r\n"))

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._text += self._link.recv(1 << 20)
            except TimeoutError:
                continue


def counted(lines: Iterable[bytes]) -> tuple[Counter[str], Counter[str]]:
    """Commands of clients and of scripts, by name; other lines are passed over.

    A call of the limiter's script is named after its operation: what it costs is a question of its own.
    """
    clients: Counter[str] = Counter()
    scripts: Counter[str] = Counter()
    for line in lines:
        if found := _LINE.match(line):
            name = found["command"].decode(errors="replace").lower()
            if name == "evalsha" and (limiter := _LIMITER.search(line)):
                name = f"limiter {limiter['operation'].decode()}"
            (scripts if found["source"] == b"lua" else clients)[name] += 1
    return clients, scripts
