"""Where credentials come from: the settings, or files that are read again when they were rotated.

The vendor's chain, the third source, has a file of its own: `chain.py`.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from settings import Account, read_secret_file
from worker.api.credential import Credential, CredentialsError

QUIET_S = 2.0
"""How long all files must rest after all of them changed: a rotation writes them one after the other."""
QUIET_PARTLY_S = 30.0
"""The same where only some changed, which mostly means that the rest is still to come."""
_READS_MAX = 3

Stamp = tuple[tuple[int, int, int], ...]
"""Of each file: when it changed, which it is, how long it is."""


class Credentials(Protocol):
    """A source of credentials, for any number of threads. Both methods may raise CredentialsError."""

    def current(self) -> Credential:
        """The credential to sign with now."""
        ...

    def refresh(self, refused: Credential) -> Credential:
        """The credential to sign with after the API refused `refused`: read anew, unless it already was."""
        ...


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """One credential that never changes."""

    credential: Credential

    def current(self) -> Credential:
        return self.credential

    def refresh(self, refused: Credential) -> Credential:
        return self.credential


class FileCredentials:
    """A credential whose parts stand in files, so that it can be rotated without a restart.

    A part that stands in no file is given in `values`; both are keyed by the fields of Credential. After a
    change the old credential signs until the files have rested for a while, so that no id of one generation
    ever meets a key of another. `clock` is monotonic.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        values: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = dict(files)
        self._values = dict(values)
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[Stamp, Credential] | None = None
        self._seen: tuple[Stamp, float] | None = None

    def current(self) -> Credential:
        with self._lock:
            if self._held is None:
                self._held = self._read()
            old_stamp, old = self._held
            try:
                if self._has_rested(old_stamp, self._stamp()):
                    self._held = self._read()
            except CredentialsError:
                return old  # a rotation half way: the old one may still be good, and if not, the API says so
            return self._held[1]

    def refresh(self, refused: Credential) -> Credential:
        with self._lock:
            if self._held is None or self._held[1] == refused:
                self._held = self._read()
            return self._held[1]

    def _has_rested(self, old: Stamp, stamp: Stamp) -> bool:
        if stamp == old:
            self._seen = None
            return False
        now_s = self._clock()
        if self._seen is None or self._seen[0] != stamp:
            self._seen = (stamp, now_s)
        all_changed = all(one != before for one, before in zip(stamp, old, strict=True))
        return now_s - self._seen[1] >= (QUIET_S if all_changed else QUIET_PARTLY_S)

    def _read(self) -> tuple[Stamp, Credential]:
        """All parts, read while nothing changed under our hands."""
        for _ in range(_READS_MAX):
            before = self._stamp()
            try:
                texts = {field: read_secret_file(path) for field, path in self._files.items()}
            except ValueError as unreadable:
                raise CredentialsError(f"the file of a credential {unreadable}") from None
            if self._stamp() == before:
                return before, Credential(**{**self._values, **texts})
        raise CredentialsError("the files of the credential keep changing while they are read")

    def _stamp(self) -> Stamp:
        try:
            states = [path.stat() for path in self._files.values()]
        except OSError as problem:
            raise CredentialsError(
                f"a file of the credential cannot be read: {problem.filename} ({problem.strerror})"
            ) from None
        return tuple((state.st_mtime_ns, state.st_ino, state.st_size) for state in states)


def credentials_of(account: Account, environ: Mapping[str, str]) -> Credentials:
    """The source that `account` names. Raises CredentialsError where it names none, or half of one.

    `environ` is looked at only for the vendor's chain.
    """
    if account.credentials == "chain":
        from worker.api.chain import ChainCredentials, vendor_chain  # an extra: needed only here

        return ChainCredentials(vendor_chain(environ))
    secrets = {"secret_id": account.secret_id, "secret_key": account.secret_key, "token": account.token}
    paths = {
        "secret_id": account.secret_id_file,
        "secret_key": account.secret_key_file,
        "token": account.token_file,
    }
    files = {field: path for field, path in paths.items() if path is not None}
    values = {
        field: secret.get_secret_value()
        for field, secret in secrets.items()
        if secret is not None and field not in files
    }
    missing = [field for field in ("secret_id", "secret_key") if field not in files and field not in values]
    if missing:
        raise CredentialsError(
            f"the account {account.name!r} has no {' and no '.join(missing)}: requests cannot be signed"
        )
    if not files:
        return StaticCredentials(Credential(**values))
    return FileCredentials(files, values)
