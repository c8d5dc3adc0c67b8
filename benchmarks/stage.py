"""Where a benchmark takes place: private servers, the sandbox, workers as real processes. `end` ends them all."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import redis

from benchmarks.machine import ROOT
from benchmarks.process import Process
from benchmarks.witness import Witness
from settings import load
from tasks.door import Door
from tasks.outcome import Lane
from tests.servers import RabbitServer, RedisServer
from worker.door import open_door
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

THREADS = 16
"""Of every worker, ours and the rivals': the default of STANDDOWN_NODE_THREADS."""


class Stage:
    """Use as a context manager."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._numbers = count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="standdown-bench-"))
        self._ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "TENCENTCLOUD_SECRET_ID": SANDBOX_SECRET_ID,
            "TENCENTCLOUD_SECRET_KEY": SANDBOX_SECRET_KEY,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start_redis(self) -> RedisServer:
        """A Redis with append-only file, flushed each second, as the README asks for."""
        server = RedisServer(fsync="everysec")
        self._ends.callback(server.stop)
        return server.start()

    def start_rabbit(self) -> RabbitServer:
        server = RabbitServer()
        self._ends.callback(server.stop)
        return server.start()

    def start_sandbox(self) -> Witness:
        """The pretended API; every worker started later is pointed at it."""
        witness = Witness(self.folder, self.env)
        self._ends.callback(witness.process.end)
        witness.wait_until_ready()
        self.env["STANDDOWN_API_BASE_URL"] = witness.url
        return witness

    def connect(self, server: RedisServer) -> redis.Redis:
        client = redis.Redis.from_url(server.url)
        self._ends.callback(client.close)
        return client

    def standdown_env(self, broker: str, state: str, limit_per_s: int) -> dict[str, str]:
        """The environment of nodes and producers."""
        return {
            **self.env,
            "STANDDOWN_BROKER_URL": broker,
            "STANDDOWN_STATE_URL": state,
            "STANDDOWN_LIMIT_PER_S": str(limit_per_s),
            "STANDDOWN_NODE_THREADS": str(THREADS),
        }

    @contextmanager
    def door(self, env: Mapping[str, str]) -> Iterator[Door]:
        """The producers' door, in this process."""
        with open_door(load(env)) as door:
            yield door

    @contextmanager
    def nodes(self, env: Mapping[str, str], *, bulk: int, urgent: int = 0) -> Iterator[list[Process]]:
        """Nodes as `standdown worker` runs them, each in the foreground of its own process."""
        lanes = [Lane.BULK] * bulk + [Lane.URGENT] * urgent
        node = [sys.executable, "-m", "worker.cli.main", "worker", "--account", "default", "--lane"]
        with self._workers([[*node, lane] for lane in lanes], env, '"node.started"') as processes:
            yield processes

    @contextmanager
    def rivals(self, env: Mapping[str, str], queues: Sequence[str]) -> Iterator[list[Process]]:
        """Stock `celery worker` processes, one for each of `queues`, with the tasks of benchmarks.rivals."""
        common = [sys.executable, "-m", "celery", "-A", "benchmarks.rivals", "worker", "--pool", "threads"]
        common += ["--concurrency", str(THREADS), "--queues"]
        lines = [[*common, queue, "--hostname", f"rival{n}@%h"] for n, queue in enumerate(queues)]
        with self._workers(lines, {**self.env, **env}, "rival.ready") as processes:
            yield processes

    @contextmanager
    def _workers(
        self, lines: Sequence[Sequence[str]], env: Mapping[str, str], ready: str
    ) -> Iterator[list[Process]]:
        with ExitStack() as ends:
            processes = []
            for line in lines:
                log = self.folder / f"worker-{next(self._numbers)}.log"
                process = Process(line, env, log, ready)
                ends.callback(process.end)
                processes.append(process)
            for process in processes:
                process.wait_until_ready()
            yield processes
