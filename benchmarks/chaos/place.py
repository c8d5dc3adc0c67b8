"""Where it happens: private servers, the sandbox, supervisors with their nodes. `close` ends them all."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from benchmarks.chaos.plan import Plan
from benchmarks.chaos.processes import STANDDOWN, children_of, end_tree, start_standdown, until
from benchmarks.chaos.witness import NotReadyError, Witness
from tests.servers import RabbitServer, RedisServer
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

ROOT = Path(__file__).parents[2]
LEADER_S = 2.0
"""RabbitMQ 3.10: a quorum queue declared right before a kill -9 may never get a leader again."""


class Place:
    """Use as a context manager. `broker` and `state` are one and the same server where Redis is the broker."""

    def __init__(self, broker: str, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.rabbitmq = broker == "rabbitmq"
        self.folder = Path(tempfile.mkdtemp(prefix=f"standdown-chaos-{broker}-"))
        self.keep_folder = False
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self.server_locks: dict[int, threading.Lock] = {}
        self._seed = seed
        self._ends = ExitStack()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "TENCENTCLOUD_SECRET_ID": SANDBOX_SECRET_ID,
            "TENCENTCLOUD_SECRET_KEY": SANDBOX_SECRET_KEY,
            "STANDDOWN_LIMIT_PER_S": str(plan.limit_per_s),
            "STANDDOWN_NODE_URGENT_NODES": str(plan.urgent_nodes),
            "STANDDOWN_NODE_BULK_NODES": str(plan.bulk_nodes),
            # so that the run is bounded: a command that failed again and again comes back soon
            "STANDDOWN_RETRY_DELAY_MAX_S": "10",
        }

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.keep_folder = True
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self.state = RedisServer()
        self._ends.callback(self.state.stop)
        self.state.start()
        self.broker: RabbitServer | RedisServer = self.state
        if self.rabbitmq:
            self.broker = RabbitServer()
            self._ends.callback(self.broker.stop)
            self.broker.start()
        for server in (self.broker, self.state):
            self.server_locks.setdefault(id(server), threading.Lock())
        self.witness = Witness(self.plan, self._seed, self.env, self.folder)
        self._ends.callback(self.witness.end)
        self.env |= {
            "STANDDOWN_BROKER_URL": self.broker.url,
            "STANDDOWN_STATE_URL": self.state.url,
            "STANDDOWN_API_BASE_URL": self.witness.url,
        }
        self._run("setup")
        if self.rabbitmq:
            time.sleep(LEADER_S)
        self._ends.callback(self._end_supervisors)
        self.start_supervisor()

    def start_supervisor(self) -> subprocess.Popen[bytes]:
        """Start `standdown worker`; returns when its nodes have started."""
        want = self.log().count('"node.started"') + self.plan.nodes
        supervisor = start_standdown(self.env, self.folder / "worker.log", "worker")
        self.supervisors.append(supervisor)
        if not until(lambda: self.log().count('"node.started"') >= want, 60):
            raise NotReadyError(f"the nodes did not start: {self.log()[-3000:]}")
        return supervisor

    def nodes(self) -> list[int]:
        """The process ids of all nodes that run now."""
        return [pid for one in self.supervisors if one.poll() is None for pid in children_of(one.pid)]

    def is_whole(self) -> bool:
        """Whether as many nodes run as should."""
        running = sum(one.poll() is None for one in self.supervisors)
        return len(self.nodes()) == self.plan.nodes * running

    def stop_supervisor(self, supervisor: "subprocess.Popen[bytes]", timeout_s: float) -> int | None:
        """SIGTERM; gives its exit code, None if it did not end in time."""
        supervisor.send_signal(signal.SIGTERM)
        try:
            return supervisor.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> str:
        """All that supervisors and nodes wrote."""
        path = self.folder / "worker.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def close(self) -> None:
        """End everything; may be called twice."""
        self._ends.close()
        if not self.keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [*STANDDOWN, *arguments], env=self.env, capture_output=True, timeout=60, check=False
        )
        if done.returncode:
            raise NotReadyError(f"standdown {' '.join(arguments)} failed: {done.stderr.decode()[-2000:]}")

    def _end_supervisors(self) -> None:
        for supervisor in self.supervisors:
            end_tree(supervisor)
