"""The vendor's own search for credentials: environment, profile, instance role, container identity.

It stands alone because the vendor's package is an extra, and because it must be kept at arm's length: its
environment provider ignores a session token, its request to the instance metadata has no timeout and swallows
its errors. Source: tencentcloud-sdk-python-common 3.1.195, `tencentcloud/common/credential.py`.
"""

import threading
import time
from collections.abc import Callable, Mapping

from worker.api.credential import Credential, CredentialsError

FRESH_S = 60.0
"""How long a credential is used before the vendor is asked again. It renews those of an instance role 300 s
before they expire, when asked; so asking once a minute never signs with an expired one."""
PAUSE_S = 5.0
"""How soon a chain that gave nothing is asked again: sixteen threads must not wait for it one after the other."""
TIMEOUT_S = 5.0
"""The metadata service of a machine answers in milliseconds; outside of the vendor's cloud it never does."""

Info = tuple[str | None, str | None, str | None]
Search = Callable[[], Callable[[], Info]]
"""Finds a provider; calling what it found gives id, key and token of one generation."""


def vendor_chain(environ: Mapping[str, str]) -> Search:
    """The vendor's search; where it would forget the token of `environ`, we do not.

    Raises CredentialsError where the extra is missing.
    """
    secret_id, secret_key = environ.get("TENCENTCLOUD_SECRET_ID"), environ.get("TENCENTCLOUD_SECRET_KEY")
    if secret_id and secret_key:
        token = environ.get("TENCENTCLOUD_TOKEN") or environ.get("TENCENTCLOUD_SECURITY_TOKEN")
        return lambda: lambda: (secret_id, secret_key, token)
    try:
        from tencentcloud.common.credential import DefaultCredentialProvider
    except ModuleNotFoundError:
        raise CredentialsError(
            "the credential chain needs the vendor's package: install standdown with the extra `credentials`"
        ) from None

    def search() -> Callable[[], Info]:
        found: Callable[[], Info] = DefaultCredentialProvider().get_credential().get_credential_info
        return found

    return search


class ChainCredentials:
    """The chain's credential, asked for in a thread of its own, at most once a minute, with a timeout.

    While the chain does not answer, the credential it gave last is used on. `clock` is monotonic.
    """

    def __init__(
        self, search: Search, *, timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._search = search
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._provider: Callable[[], Info] | None = None
        self._asking: _Asking | None = None
        self._held: Credential | None = None
        self._problem = ""
        self._asked_at_s = float("-inf")

    def current(self) -> Credential:
        held = self._held
        if held is not None and self._clock() - self._asked_at_s < FRESH_S:
            return held  # also while another thread is asking
        with self._lock:
            if self._clock() - self._asked_at_s >= (PAUSE_S if self._held is None else FRESH_S):
                self._renew()
            if self._held is None:
                raise CredentialsError(f"the credential chain {self._problem}")
            return self._held

    def refresh(self, refused: Credential) -> Credential:
        with self._lock:
            if self._held is None or self._held == refused:
                self._provider = None  # search anew: the providers keep what they have until it expires
                self._renew()
            return self._held or refused

    def _renew(self) -> None:
        """Ask, and wait for the answer of whoever is asked already; on failure keep what we have."""
        self._asked_at_s = self._clock()
        if self._asking is None:
            self._asking = _Asking(self._ask)
        asking = self._asking
        if not asking.done.wait(self._timeout_s):
            self._problem = f"did not answer within {self._timeout_s:g} s"
            return
        self._asking, self._problem = None, asking.problem
        self._held = asking.credential or self._held

    def _ask(self) -> Credential:
        if self._provider is None:
            self._provider = self._search()
        secret_id, secret_key, token = self._provider()
        if not secret_id or not secret_key:
            self._provider = None
            raise CredentialsError("an empty credential")
        return Credential(secret_id, secret_key, token or None)


class _Asking:
    """One question to the chain, under way in a thread that nobody has to wait for."""

    def __init__(self, ask: Callable[[], Credential]) -> None:
        self._ask = ask
        self.done = threading.Event()
        self.credential: Credential | None = None
        self.problem = ""
        threading.Thread(target=self._run, name="standdown-credentials", daemon=True).start()

    def _run(self) -> None:
        try:
            self.credential = self._ask()
        except CredentialsError as problem:
            self.problem = f"gave no usable credential: {problem}"
        except Exception as problem:  # noqa: BLE001 the vendor raises anything, down to bare Exception and AttributeError
            self.problem = f"found no credential ({type(problem).__name__})"
        finally:
            self.done.set()
