"""One process of the demo: started in a group and an environment of its own, ended by its process id."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

END_S = 10.0
"""How long a process may take to end before it is killed; the nodes' own grace is shorter."""
POLL_S = 0.02
INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH")
"""What a child takes over. No STANDDOWN_* or TENCENTCLOUD_* of the user: nothing here may reach the real API."""
STANDDOWN = "worker.cli.main"


def clean_environment(environ: Mapping[str, str], needed: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: a clean base, and what it needs."""
    return {name: environ[name] for name in INHERITED if environ.get(name)} | dict(needed)


class Child:
    """A `standdown …` that runs until it is ended; what it says goes to `<name>.log`."""

    def __init__(self, name: str, arguments: Collection[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._below: list[int] = []
        with self.log.open("ab") as log:
            # In its own group: Ctrl-C reaches the demo alone, which ends its children in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", STANDDOWN, *arguments],
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self.pid = self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def children(self) -> list[int]:
        """The processes it started; the last ones known once it has ended, none where the system does not tell."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return self._below
        # Empty also when it has ended and was not fetched yet: then its children are another's, and still ours to end.
        self._below = [int(pid) for pid in text.split()] or self._below
        return self._below

    def end(self) -> None:
        """Ask it to end, and wait; what it started ends before this returns, even if it cannot see to that."""
        below = self.children
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            below = self.children
            self._process.kill()
            self._process.wait()
        for pid in below:
            end_process(pid, STANDDOWN)


def end_process(pid: int, program: str) -> None:
    """End a process that is not our own child, and wait until it has ended; killed if it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not runs(pid, program):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline_s = time.monotonic() + END_S
        while runs(pid, program) and time.monotonic() < deadline_s:
            time.sleep(POLL_S)


def runs(pid: int, program: str) -> bool:
    """Whether `pid` runs and is `program`: an ended one nobody fetched does not, and a number may be given anew."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        return program.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # no /proc here: the number has to do
