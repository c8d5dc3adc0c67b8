"""What is remembered between calls, so that a refusal that is nobody's fault gets one more attempt.

Two things go wrong by themselves: our clock drifts, and a key is rotated while requests signed with the old
one are under way. Either is put right and tried once more, by the next attempt; a second refusal in a row is
the account's fault. Each request is judged by what it was signed with, since many are under way at a time.
"""

import threading

from tasks.answer import AttemptError
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import Credentials
from worker.api.skew import Skew, after_acceptance, after_refusal


class SecondChance:
    """The correction of the clock, and whether a renewed credential has proved itself."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._skew = Skew()
        self._renewed: Credential | None = None

    @property
    def skew(self) -> Skew:
        """The correction to sign with now."""
        return self._skew

    def clock_refused(self, signed_with: Skew, *, api_time_s: float | None, now_s: float) -> None:
        """The API refused the time of a signature, and said what time it has, if it did."""
        with self._lock:
            if self._skew == signed_with:  # else another thread has corrected it meanwhile
                self._skew = after_refusal(signed_with, api_time_s=api_time_s, now_s=now_s)

    def key_refused(self, used: Credential, error: AttemptError) -> AttemptError:
        """What the refusal of `used` comes to: transient where there is a new credential to try."""
        try:
            fresh = self._credentials.refresh(used)
        except CredentialsError:
            return error
        with self._lock:
            had_its_chance = self._renewed == used
            if fresh != used:
                self._renewed = fresh
        if fresh == used or had_its_chance:
            return error
        return AttemptError(
            f"{error.message}; it was renewed meanwhile, the next attempt is signed with the new one",
            fault="server",
            code=error.code,
            http_status=error.http_status,
            request_id=error.request_id,
            trace_id=error.trace_id,
            retry_after_s=error.retry_after_s,
        )

    def proved(self, skew: Skew, credential: Credential) -> None:
        """The API took a signature made with these: what was on trial is good."""
        if not skew.on_trial and self._renewed is None:
            return
        with self._lock:
            if self._skew == skew:
                self._skew = after_acceptance(skew)
            if self._renewed == credential:
                self._renewed = None
