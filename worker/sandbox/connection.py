"""One client's connection: reads requests, has them decided at once, delivers the answers in order."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache

from worker.sandbox.answer import error_answer, request_id_of
from worker.sandbox.control import PREFIX, Lines, control_answer
from worker.sandbox.fault import Ending
from worker.sandbox.http import Answer, BrokenRequestError, Request, answer_bytes, head_bytes, parse
from worker.sandbox.sandbox import Plan, Sandbox

PENDING_MAX = 64
_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """`open_connections` holds every connection while it is open."""

    def __init__(self, sandbox: Sandbox, open_connections: set["Connection"]) -> None:
        self._sandbox = sandbox
        self._open = open_connections
        self._buffer = bytearray()
        self._pending: deque[tuple[Plan | Lines, Request | None]] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._chunks: Iterator[bytes] | None = None
        self._keep_alive = True
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  asyncio's promise for TCP
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._pending.clear()
        self._chunks = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        at_ns = self._sandbox.now_ns()
        self._buffer += data
        try:
            while (parsed := parse(self._buffer)) is not None:
                request, used = parsed
                del self._buffer[:used]
                self._pending.append((self._decided(request, at_ns), request))
        except BrokenRequestError as broken:
            self._sandbox.witness.unreadable += 1
            self._buffer.clear()
            self._transport.pause_reading()
            request_id = request_id_of(0, int(self._sandbox.now_unix_s()))
            answer = error_answer(broken.status, broken.code, broken.message, request_id)
            self._pending.append((Plan(answer), None))
        if len(self._pending) > PENDING_MAX:
            self._transport.pause_reading()
        self._next()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._chunks is not None:
            self._pump()

    def abort(self) -> None:
        """End it now, with a TCP reset."""
        raw = self._transport.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _decided(self, request: Request, at_ns: int) -> Plan | Lines:
        if not request.path.startswith(PREFIX):
            return self._sandbox.arrive(request, at_ns)
        answer = control_answer(self._sandbox, request)
        return answer if isinstance(answer, Lines) else Plan(answer)

    def _next(self) -> None:
        while self._pending and not self._busy and not self._transport.is_closing():
            plan, request = self._pending.popleft()
            self._keep_alive = request is not None and request.keep_alive
            if isinstance(plan, Lines):
                self._busy = True
                self._begin(plan)
            elif plan.latency_s > 0:
                self._busy = True
                self._timer = asyncio.get_running_loop().call_later(
                    plan.latency_s, self._deliver_later, plan, request
                )
            else:
                self._deliver(plan, request)
        if not self._pending and self._keep_alive and not self._transport.is_closing():
            self._transport.resume_reading()

    def _deliver_later(self, plan: Plan, request: Request | None) -> None:
        self._busy = False
        self._deliver(plan, request)
        self._next()

    def _deliver(self, plan: Plan, request: Request | None) -> None:
        if plan.ending is Ending.RESET:
            self.abort()
        elif plan.ending is Ending.HANG or plan.answer is None:
            self._busy = True
            self._timer = asyncio.get_running_loop().call_later(plan.hang_s, self._transport.close)
        else:
            self._write(plan.answer, request, cut=plan.ending is Ending.TRUNCATED)

    def _write(self, answer: Answer, request: Request | None, *, cut: bool) -> None:
        whole = answer_bytes(
            answer,
            date=self._date(),
            keep_alive=self._keep_alive,
            with_body=request is None or request.method != "HEAD",
        )
        self._transport.write(whole[: len(whole) - len(answer.body) // 2] if cut else whole)
        if cut or not self._keep_alive:
            self._transport.close()

    def _begin(self, lines: Lines) -> None:
        head = Answer(200, b"", lines.content_type)
        self._transport.write(head_bytes(head, date=self._date(), keep_alive=self._keep_alive, length=None))
        self._chunks = lines.chunks
        self._pump()

    def _pump(self) -> None:
        """One piece per turn of the loop, so that requests are witnessed in between."""
        if self._chunks is None or not self._writable:
            return
        chunk = next(self._chunks, b"")
        self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if chunk:
            asyncio.get_running_loop().call_soon(self._pump)
            return
        self._chunks, self._busy = None, False
        if not self._keep_alive:
            self._transport.close()
        self._next()

    def _date(self) -> str:
        return _http_date(int(self._sandbox.now_unix_s()))


@lru_cache(maxsize=2)
def _http_date(unix_s: int) -> str:
    return formatdate(unix_s, usegmt=True)
