"""The facts of the machine without which no figure means anything."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("celery", "kombu", "amqp", "redis", "requests", "urllib3", "pydantic", "cos-python-sdk-v5")
ROOT = Path(__file__).parents[1]


def facts() -> dict[str, Any]:
    """Cores, versions, load now."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_model(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "redis_server": _first_line("redis-server", "--version"),
        "commit": _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "load_at_start": os.getloadavg()[0],
    }


def sentence(of: dict[str, Any]) -> str:
    """One line above the tables."""
    return (
        f"{of['cores']} cores ({of['cpu']}), Python {of['python']}, celery {of['packages']['celery']}, "
        f"load at start {of['load_at_start']:.2f}, commit {of['commit']}"
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "not found"
    return (done.stdout.splitlines() or ["unknown"])[0]
