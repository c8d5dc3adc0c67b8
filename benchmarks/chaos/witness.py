"""The sandbox as witness: a process of its own that pretends the API, and says what arrived there."""

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chaos.plan import Plan
from benchmarks.chaos.processes import end_tree, start_standdown, until
from worker.sandbox.fault import FAULTS


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived. cancelled: it ended its job. succeeded: and its client was told so."""

    at_unix_s: float
    job_id: str
    status: int
    fault: str
    cancelled: bool
    succeeded: bool


class NotReadyError(Exception):
    """A process did not become ready. The text says which."""


class Witness:
    """A running sandbox, with the limit in force and faults by chance."""

    def __init__(self, plan: Plan, seed: int, env: Mapping[str, str], folder: Path) -> None:
        ready = folder / "sandbox.address"
        options = ["--limit-per-s", str(plan.limit_per_s), "--hang-s", str(plan.hang_s), "--seed", str(seed)]
        options += ["--latency-ms", plan.latency_ms]
        faults = [part for name, share in plan.faults.items() for part in ("--fault", f"{name}={share}")]
        self._process = start_standdown(
            env, folder / "sandbox.log",
            "sandbox", "--port", "0", "--ready-file", str(ready), *options, *faults,
        )  # fmt: skip
        if not until(lambda: ready.read_text(encoding="utf-8").strip(), 30):
            self.end()
            raise NotReadyError(f"the sandbox did not listen: {(folder / 'sandbox.log').read_text()[-2000:]}")
        self.url = ready.read_text(encoding="utf-8").strip()

    def stats(self) -> dict[str, Any]:
        """Its counts."""
        counted: dict[str, Any] = json.loads(self._ask("stats"))
        return counted

    def requests(self) -> list[Request]:
        """Every request, in order of arrival."""
        return [request_of(json.loads(line)) for line in self._ask("requests").splitlines() if line]

    def stop_faults(self) -> None:
        """From now on every request is answered as it should be."""
        self._ask("faults", "PUT", {})

    def end(self) -> None:
        end_tree(self._process)

    def _ask(self, page: str, method: str = "GET", body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/-/{page}", data=data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 its own address
            whole: bytes = answer.read()
        return whole


def request_of(row: Mapping[str, Any]) -> Request:
    """One line of the sandbox's log. Ended jobs are answered 404, so a plain 200 is the one that cancelled."""
    fault, status = row["fault"] or "", row["status"] or 0
    effective = FAULTS[fault].takes_effect if fault in FAULTS else status == 200
    cancelled = row["operation"] == "cancel" and effective
    return Request(
        at_unix_s=row["t_unix"],
        job_id=row["job_id"] or "",
        status=status,
        fault=fault,
        cancelled=cancelled,
        succeeded=cancelled and status == 200,
    )
