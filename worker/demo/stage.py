"""Everything the demo starts: sandbox, embedded server, nodes. Started in that order, stopped in the opposite one."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from settings import load
from worker.demo.child import STANDDOWN, Child, clean_environment, end_process, runs
from worker.demo.stopping import Stopping
from worker.demo.witness import Witness
from worker.embedded import EmbeddedError
from worker.logs import configure_logs
from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY
from worker.servers import Servers, servers_of

LIMIT_PER_S = 20
LATENCY_MS = "30"
"""How long the sandbox takes for an answer: about what a near data centre does."""
START_S = 45.0
NODES = 2
REDIS = "redis-server"
TAIL_LINES = 12


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Stage:
    """The demo's processes, below `folder`. Inside `with` all of them run.

    pids: what was started, by name; to be looked at also after the end.
    """

    witness: Witness
    servers: Servers

    def __init__(self, folder: Path, environ: Mapping[str, str], stopping: Stopping) -> None:
        self.folder, self._environ, self._stopping = folder, environ, stopping
        self._children: list[Child] = []
        self._stack = ExitStack()
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def check(self) -> None:
        """Raise DemoError where a process has ended by itself; nodes that were restarted are noted."""
        for child in self._children:
            if child.exit_code is not None:
                raise DemoError(f"the {child.name} has ended by itself, exit code {child.exit_code}")
            self.pids |= {f"node {place}": pid for place, pid in enumerate(child.children, 1)}

    @property
    def left_running(self) -> dict[str, int]:
        """What was started and runs."""
        programs = {name: REDIS if name == REDIS else STANDDOWN for name in self.pids}
        return {name: pid for name, pid in self.pids.items() if runs(pid, programs[name])}

    def tails(self) -> list[str]:
        """The last lines of every log, each under its name."""
        lines: list[str] = []
        for log in sorted(self.folder.glob("*.log")):
            text = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            lines += [f"--- {log.name}", *text] if text else []
        return lines

    def _start(self, stack: ExitStack) -> None:
        address = self._start_sandbox(stack)
        env = clean_environment(
            self._environ,
            {
                "STANDDOWN_EMBEDDED_DATA_DIR": str(self.folder / "redis"),
                "STANDDOWN_API_BASE_URL": address,
                "STANDDOWN_LIMIT_PER_S": str(LIMIT_PER_S),
                "STANDDOWN_LOG_FORMAT": "json",
                "STANDDOWN_LOG_LEVEL": "info",
                "STANDDOWN_API_CONNECT_TIMEOUT_S": "1",
                "STANDDOWN_API_READ_TIMEOUT_S": "3",
                "STANDDOWN_NODE_GRACE_S": "5",  # must be longer than both together
                "TENCENTCLOUD_SECRET_ID": SANDBOX_SECRET_ID,
                "TENCENTCLOUD_SECRET_KEY": SANDBOX_SECRET_KEY,
            },
        )
        settings = load(env)
        configure_logs(settings, stream=stack.enter_context((self.folder / "demo.log").open("a")))
        stack.callback(self._end_redis)
        try:
            self.servers = stack.enter_context(servers_of(settings))
        except EmbeddedError as problem:
            self._stopping.wait(0)  # Ctrl-C reaches a server that is just being started, too
            raise DemoError(str(problem)) from problem
        if self.servers.embedded is not None:
            self.pids[REDIS] = self.servers.embedded.pid
        self._start_worker(stack, env)

    def _start_sandbox(self, stack: ExitStack) -> str:
        ready = self.folder / "sandbox.address"
        options = ["--limit-per-s", str(LIMIT_PER_S), "--latency-ms", LATENCY_MS, "--ready-file", str(ready)]
        credential = f"{SANDBOX_SECRET_ID}:{SANDBOX_SECRET_KEY}"
        env = clean_environment(self._environ, {})
        arguments = ["sandbox", "--port", "0", "--credential", credential, *options]
        self._child(stack, "sandbox", arguments, env)
        self._until(ready.exists, "the sandbox does not listen")
        address = ready.read_text().strip()
        self.witness = Witness(address)
        return address

    def _start_worker(self, stack: ExitStack, env: Mapping[str, str]) -> None:
        worker = self._child(stack, "worker", ["worker"], env)
        self._until(
            lambda: worker.log.read_text(errors="replace").count('"node.ready"') >= NODES,
            "the nodes do not start",
        )
        self.check()

    def _end_redis(self) -> None:
        """It ends with its last user: that is we, unless somebody else looks at it, too."""
        if REDIS in self.pids:
            end_process(self.pids[REDIS], REDIS)

    def _child(self, stack: ExitStack, name: str, arguments: list[str], env: Mapping[str, str]) -> Child:
        child = Child(name, arguments, env, self.folder)
        stack.callback(child.end)
        self.pids[name] = child.pid
        self._children.append(child)
        return child

    def _until(self, condition: Callable[[], bool], else_: str) -> None:
        waited_s, step_s = 0.0, 0.05
        while not condition():
            self.check()
            if waited_s >= START_S:
                raise DemoError(f"{else_}, waited {START_S:g} s")
            self._stopping.wait(step_s)
            waited_s += step_s
