"""The sandbox, as process and as witness: what arrived, when, and what was throttled."""

import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import SECOND_NS, Arrival
from benchmarks.process import Process

ARRIVES_MAX_S = 60.0


class NothingArrivesError(Exception):
    """The workers are ready and have work, and yet too few requests arrive."""


class WrongAnswersError(Exception):
    """What was measured was not the work that was meant."""


class Witness:
    """A running sandbox."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        said = folder / "sandbox.address"
        command = ["sandbox", "--host", "127.0.0.1", "--port", "0", "--ready-file", str(said), "--json"]
        self.process = Process(
            [sys.executable, "-m", "worker.cli.main", *command], env, folder / "sandbox.log", ready="http://"
        )
        self._said = said
        self.url = ""

    def wait_until_ready(self) -> None:
        self.process.wait_until_ready()
        self.url = self._said.read_text(encoding="utf-8").strip()

    def restart_counts(self, limit_per_s: int) -> None:
        """Count from zero, with this limit; 0 admits all."""
        self._ask("limit", "PUT", {"limit_per_s": limit_per_s})
        self._ask("reset-counts?jobs=true", "POST")

    def stats(self) -> Any:
        """The counts."""
        return json.loads(self._ask("stats"))

    def count(self) -> int:
        """How many requests arrived."""
        total: int = self.stats()["requests_total"]
        return total

    def wait_for(self, count: int, worker: Process) -> None:
        """Return when so many requests arrived. Raises NothingArrivesError with the end of `worker`'s log."""
        deadline = time.monotonic() + ARRIVES_MAX_S
        while (arrived := self.count()) < count:
            if time.monotonic() > deadline:
                raise NothingArrivesError(
                    f"{arrived} of {count} requests arrived:\n{worker.output()[-3000:]}"
                )
            time.sleep(0.1)

    def check_answers(self) -> None:
        """Raises WrongAnswersError where anything was answered but 200 or throttled: it would not be the same work."""
        stats = self.stats()
        others = stats["requests_total"] - stats["throttled"] - stats["by_status"].get("200", 0)
        if others or not stats["requests_total"]:
            raise WrongAnswersError(
                f"the sandbox answered {stats['by_status']}, {stats['throttled']} throttled"
            )

    def arrivals(self) -> list[Arrival]:
        """All since the counts were restarted. Costs the sandbox time: ask after the measurement."""
        return [arrival_of(line) for line in self._ask("requests").splitlines() if line]

    def _ask(self, page: str, method: str = "GET", body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/-/{page}", data=data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 its own address
            whole: bytes = answer.read()
        return whole


def arrival_of(line: bytes) -> Arrival:
    """One line of the sandbox's log. Its monotonic clock is the machine's, as ours is."""
    row = json.loads(line)
    return Arrival(round(row["t_mono"] * SECOND_NS), row["job_id"] or "", row["status"] or 0)
