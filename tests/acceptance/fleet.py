"""A fleet for acceptance tests: the real command line as processes, the sandbox as the impartial witness."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from worker.sandbox import SANDBOX_SECRET_ID, SANDBOX_SECRET_KEY

BUCKET, REGION = "examplebucket-1250000000", "ap-beijing"
T = TypeVar("T")
STANDDOWN = [sys.executable, "-m", "worker.cli.main"]


class Fleet:
    """Processes of one test, with an environment of their own; `close` ends them all, by process id."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "STANDDOWN_EMBEDDED_DATA_DIR": str(folder / "redis"),
            "TENCENTCLOUD_SECRET_ID": SANDBOX_SECRET_ID,
            "TENCENTCLOUD_SECRET_KEY": SANDBOX_SECRET_KEY,
            **(env or {}),
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.sandbox = ""

    def start_sandbox(self, *options: str) -> None:
        """Start the sandbox and point the API's address at it; returns when it listens."""
        ready = self.folder / "sandbox.address"
        self.start("sandbox", "--port", "0", "--ready-file", str(ready), *options)
        self.sandbox = until(
            lambda: ready.read_text().strip() if ready.exists() else "", "the sandbox listens"
        )
        self.env["STANDDOWN_API_BASE_URL"] = self.sandbox

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `standdown …` in a process group of its own; its output is kept for `output`."""
        log = (self.folder / f"{arguments[0]}.log").open("ab")
        process = subprocess.Popen(
            [*STANDDOWN, *arguments],
            env={**self.env, **(env or {})},
            stdout=log,
            stderr=log,
            process_group=0,
            cwd=self.folder,
        )
        log.close()
        self._processes.append(process)
        return process

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout_s: float = 90
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `standdown …` to its end."""
        return subprocess.run(
            [*STANDDOWN, *arguments],
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            cwd=self.folder,
            check=False,
        )

    def output(self, command: str) -> str:
        """All that `standdown <command>` processes wrote so far."""
        path = self.folder / f"{command}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """The workers' log lines with this event name."""
        lines = [line for line in self.output("worker").splitlines() if f'"{event}"' in line]
        return [json.loads(line) for line in lines]

    def wait_for_nodes(self, count: int = 2) -> None:
        """Return when `count` more nodes than now have started."""
        want = len(self.log_lines("node.ready")) + count
        until(lambda: len(self.log_lines("node.ready")) >= want, f"{count} nodes started")

    def witness(self, path: str = "stats") -> Any:
        """What the sandbox counted."""
        with urllib.request.urlopen(f"{self.sandbox}/-/{path}", timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())

    def tell_sandbox(self, path: str, **value: object) -> None:
        """Change what the sandbox does."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.sandbox}/-/{path}", data=json.dumps(value).encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def events(self) -> list[dict[str, Any]]:
        """Every event of the ledger's stream, oldest first."""
        done = self.run("events", "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def kill_group(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of a supervisor and all its nodes at once."""
        for pid in [process.pid, *children_of(process.pid)]:
            kill(pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End everything, the embedded server included."""
        for process in self._processes:
            for pid in [process.pid, *children_of(process.pid)]:
                if process.poll() is None or pid != process.pid:
                    kill(pid, signal.SIGKILL)
            process.wait()
        for pid in redis_below(self.folder):
            kill(pid, signal.SIGKILL)


def kill(pid: int, number: int) -> None:
    """Send a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def children_of(pid: int) -> list[int]:
    """The processes `pid` started that still run."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def redis_below(folder: Path) -> list[int]:
    """The redis-servers whose data lie below `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"redis-server" in line and (
                str((entry / "cwd").readlink()).startswith(str(folder)) or str(folder).encode() in line
            ):
                found.append(int(entry.name))
    return found


def until(condition: Callable[[], T], what: str, timeout_s: float = 20.0) -> T:
    """Wait until `condition` holds and give its value; other processes' state can only be asked for."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(0.05)
