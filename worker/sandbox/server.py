"""Runs the sandbox on an address until it is told to stop. The one place with clocks, signals and sockets."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from random import Random

from worker.sandbox.connection import Connection
from worker.sandbox.options import SandboxOptions
from worker.sandbox.sandbox import Sandbox

HEARTBEAT_S = 0.02
BACKLOG = 1024


def serve(options: SandboxOptions, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called once, with the address, when requests are taken.

    Raises OSError where the address cannot be had.
    """
    asyncio.run(_serve(options, ready))


async def _serve(options: SandboxOptions, ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    sandbox = Sandbox(
        options,
        now_ns=time.monotonic_ns,
        now_unix_s=time.time,
        random=Random(options.seed),  # noqa: S311  dice, not secrets
    )
    connections: set[Connection] = set()
    server = await loop.create_server(
        lambda: Connection(sandbox, connections), options.host, options.port, backlog=BACKLOG
    )
    heartbeat = asyncio.create_task(_heartbeat(sandbox))
    try:
        host, port = server.sockets[0].getsockname()[:2]
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await stop.wait()
    finally:
        heartbeat.cancel()
        server.close()
        for connection in list(connections):
            connection.abort()


async def _heartbeat(sandbox: Sandbox) -> None:
    """Notes how late this process itself gets to look: the bound on how wrong a time of arrival can be."""
    while True:
        due_ns = time.monotonic_ns() + int(HEARTBEAT_S * 1e9)
        await asyncio.sleep(HEARTBEAT_S)
        sandbox.witness.lagged(time.monotonic_ns() - due_ns)
