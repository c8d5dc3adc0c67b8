"""What all private servers have in common: a folder, a port of their own, one process, signals to it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

PORT_TRIES = 8


class MissingServerError(Exception):
    """The server's program is not on this machine. The text has the command that installs it."""


class ServerDiedError(Exception):
    """The server ended while it started: its port was taken meanwhile, or something is wrong with it."""


def free_port() -> int:
    """A port nobody listens on now. Somebody may take it before us: starting tries again with another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server:
    """One server process. `start` picks a port; `restart` keeps port and data."""

    name = "server"
    start_timeout_s = 30.0
    stop_timeout_s = 20.0

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"standdown-{self.name}-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

    def answers(self) -> bool:
        raise NotImplementedError

    def log(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-4000:]

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    def start(self) -> Self:
        for attempt in range(1, PORT_TRIES + 1):
            self.port = free_port()
            try:
                self._run()
            except ServerDiedError:
                if attempt == PORT_TRIES or not self._port_was_taken():
                    self.stop()
                    raise
            else:
                return self
        raise AssertionError("not reached")

    def restart(self) -> None:
        """Start again on the same port and data; ends the process first where it lives."""
        self._end(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while True:
            try:
                return self._run()
            except ServerDiedError:  # the port may be in somebody's hand for a moment
                if not self._port_was_taken() or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the process and remove the folder; may be called twice."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        with (self.folder / "output").open("ab") as output:
            output.truncate(0)
            self._process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal of the tests is not for it
            )
        deadline = time.monotonic() + self.start_timeout_s
        while not (self._process.poll() is None and self.answers()):
            if self._process.poll() is not None:
                raise ServerDiedError(f"{self.name} ended while it started:\n{self.log()}")
            if time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                raise TimeoutError(f"{self.name} did not answer in {self.start_timeout_s} s:\n{self.log()}")
            time.sleep(0.05)

    def _port_was_taken(self) -> bool:
        said = self.log().lower()
        return "address already in use" in said or "eaddrinuse" in said

    def _end(self, by: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(by)
            self._process.send_signal(signal.SIGCONT)  # a paused one hears nothing else
        try:
            self._process.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
