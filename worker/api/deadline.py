"""Connections on which a whole answer must come within the read timeout, and which note if anything was sent.

The timeout of a socket starts anew with every byte, so that a server that drips one byte at a time would hold
a thread for ever. Here the read timeout is a deadline: for status line, headers and body together. So is the
connect timeout: for TCP and TLS together.
"""

import io
import socket
import threading
import time
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_HANDSHAKE_MIN_S = 0.05
"""What is left for TLS in any case; a timeout of 0 would mean "do not wait"."""


class Wire(threading.local):
    """Whether the request this thread sends may have reached the server, if only in part."""

    connecting: bool = False
    written: bool = False


wire = Wire()


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket, and gives each read only the time that is left."""

    def __init__(self, sock: socket.socket, deadline_s: float | None) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline_s = deadline_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline_s is not None:
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """What HTTPResponse asks of a socket: one file to read from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        timeout_s = self._sock.gettimeout()  # urllib3 has just set it to the read timeout
        return io.BufferedReader(
            _DeadlineReader(self._sock, None if timeout_s is None else time.monotonic() + timeout_s)
        )


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_DeadlineSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Noting:
    """Notes when bytes of the request, and not only of the talk with a proxy, are about to be written."""

    sock: Any
    timeout: Any

    def _new_conn(self) -> socket.socket:
        began_s = time.monotonic()
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        if isinstance(self.timeout, int | float):
            sock.settimeout(max(self.timeout - (time.monotonic() - began_s), _HANDSHAKE_MIN_S))
        return sock

    def connect(self) -> None:
        wire.connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            wire.connecting = False

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        wire.written = wire.written or not wire.connecting
        super().send(data)  # type: ignore[misc]


class _Connection(_Noting, HTTPConnection):
    response_class = _Response


class _TlsConnection(_Noting, HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}
