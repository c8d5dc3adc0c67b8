"""Where the embedded server keeps what it has: its data, its socket, its locks and its log.

<data_dir>/
    start.lock      held while somebody decides to start or to end the server
    users.lock      shared by everybody who uses the server
    server.lock     held by the server itself, as long as it lives
    redis.log  redis.pid
    run/redis.sock  or socket-dir, a file that names a shorter folder
    redis-7/        the data, one folder per major version, with `version`: the newest that wrote it
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from worker.embedded.binary import Binary, EmbeddedError, Version, version_text

SOCKET_MAX_BYTES = 103
"""The longest path of a unix socket that Linux (107) and macOS (103) both take, without the final zero."""
SOCKET_NAME = "redis.sock"


def prepare(data_dir: Path) -> Path:
    """`data_dir`, absolute and there; one that others could write to is refused."""
    folder = data_dir.expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as problem:
        raise EmbeddedError(f"the data folder {folder} cannot be made: {problem.strerror}") from problem
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
        raise EmbeddedError(
            f"the data folder {folder} must be yours, and others must not be able to write to it"
        )
    return folder


def socket_path(data_dir: Path, environ: Mapping[str, str]) -> Path:
    """The socket's path: under `data_dir` where that is short enough, else in a folder noted there."""
    near = data_dir / "run" / SOCKET_NAME
    if _fits(near):
        near.parent.mkdir(mode=0o700, exist_ok=True)
        near.parent.chmod(0o700)
        return near
    note = data_dir / "socket-dir"
    if note.exists():
        noted = Path(note.read_text())
        if _is_private(noted) and _fits(noted / SOCKET_NAME):
            return noted / SOCKET_NAME
    for parent in (environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 mkdtemp makes it private
        if parent and Path(parent).is_dir() and _fits(Path(parent) / "standdown-12345678" / SOCKET_NAME):
            made = Path(tempfile.mkdtemp(prefix="standdown-", dir=parent))
            _write(note, str(made))
            return made / SOCKET_NAME
    raise EmbeddedError(
        f"the path {near} is too long for a unix socket (at most {SOCKET_MAX_BYTES} bytes): "
        "choose a data folder with a shorter path"
    )


def remove_socket(data_dir: Path, socket: Path) -> None:
    """Take away the socket of a server that has ended, and the short folder made for it."""
    socket.unlink(missing_ok=True)
    note = data_dir / "socket-dir"
    if note.exists():
        note.unlink()
        shutil.rmtree(socket.parent, ignore_errors=True)


def data_for(data_dir: Path, binary: Binary) -> Path:
    """The folder `binary` works in, noted as written by it; older data is copied into it the first time.

    Refused where a newer server wrote: the older one would start empty, and without an error.
    """
    written = _written(data_dir)
    if written:
        version, folder = max(written)
        if version[:2] > binary.version[:2]:
            raise EmbeddedError(
                f"{folder} was written by redis-server {version_text(version)}, and the newest one found is "
                f"{version_text(binary.version)} ({binary.path}): it would start empty. Install redis-server "
                f"{version[0]}.{version[1]} or newer, or choose another data folder"
            )
    folder = data_dir / f"redis-{binary.version[0]}"
    if not folder.exists():
        draft = data_dir / f"{folder.name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        if written:
            shutil.copytree(max(written)[1], draft)
        draft.mkdir(mode=0o700, exist_ok=True)
        draft.chmod(0o700)
        _note_version(draft, binary.version)
        draft.rename(folder)
    _note_version(folder, max(binary.version, _version_in(folder) or binary.version))
    return folder


def _written(data_dir: Path) -> list[tuple[Version, Path]]:
    folders = [path for path in data_dir.glob("redis-*") if re.fullmatch(r"redis-\d+", path.name)]
    return [(version, folder) for folder in folders if (version := _version_in(folder))]


def _version_in(folder: Path) -> Version | None:
    try:
        major, minor, patch = (int(part) for part in (folder / "version").read_text().split("."))
    except FileNotFoundError:
        return None
    except ValueError as problem:
        raise EmbeddedError(f"{folder / 'version'} should hold a version such as 7.0.15") from problem
    return major, minor, patch


def _note_version(folder: Path, version: Version) -> None:
    _write(folder / "version", version_text(version))


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_MAX_BYTES


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
