"""The API of one account: sign, send, read. One HTTP request per call.

Everything it decides is decided elsewhere, by pure functions; what it remembers is in `second_chance.py`.
"""

import os
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Self, TypeVar

from settings import Settings
from tasks.answer import Accepted, Answer, AttemptError, JobGone
from tasks.command import CancelCommand
from worker.api.answer import Asked, cancel_answer, query_answer
from worker.api.codes import CLOCK_CODES, STALE_KEY_CODES
from worker.api.credential import Credential, CredentialsError
from worker.api.credentials import Credentials, credentials_of
from worker.api.http_time import unix_time
from worker.api.reply import Reply
from worker.api.second_chance import SecondChance
from worker.api.signing import authorization, key_time
from worker.api.skew import Skew, fault_of_clock
from worker.api.transport import Transport

A = TypeVar("A", bound=Accepted | JobGone | None)


class CancelApi:
    """Cancels and queries jobs; any number of threads may share it. `clock` gives unix time."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        host_suffix: str,
        signature_life_s: int,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._host_suffix = host_suffix
        self._signature_life_s = signature_life_s
        self._clock = clock
        self._second_chance = SecondChance(credentials)

    @classmethod
    def from_settings(cls, settings: Settings, account_name: str) -> Self:
        """The API as the settings describe it. Raises CredentialsError where requests could not be signed."""
        api, account = settings.api, settings.accounts[account_name]
        transport = Transport(
            connect_timeout_s=api.connect_timeout_s,
            read_timeout_s=api.read_timeout_s,
            body_max_bytes=api.body_max_bytes,
            user_agent=user_agent(),
            base_url=api.base_url,
            proxy_url=api.proxy_url.get_secret_value() if api.proxy_url else None,
            ca_file=api.ca_file,
            connections_per_host=settings.node.threads,
        )
        return cls(
            transport,
            credentials_of(account, os.environ),
            host_suffix=api.host_suffix,
            signature_life_s=api.signature_life_s,
            clock=time.time,
        )

    def cancel(self, command: CancelCommand) -> Answer:
        """Ask the API to cancel the job. Raises AttemptError where that brought no decision."""
        return self._call("POST", f"/video/cancel_auditing/{command.job_id}", command, cancel_answer)

    def query(self, command: CancelCommand) -> JobGone | None:
        """Ask the API for the job: JobGone if it ended or is unknown, None if it still runs."""
        return self._call("GET", f"/video/auditing/{command.job_id}", command, query_answer)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _call(
        self, method: str, path: str, command: CancelCommand, answer_of: Callable[[Reply, Asked], A]
    ) -> A:
        try:
            credential = self._credentials.current()
        except CredentialsError as problem:
            raise AttemptError(str(problem), fault="account") from problem
        skew = self._second_chance.skew
        host = f"{command.bucket}.ci.{command.region}.{self._host_suffix}"
        reply = self._transport.send(
            method, host, path, lambda: self._signed(method, host, path, credential, skew)
        )
        now_s = self._clock()
        asked = Asked(command.job_id, now_s, credential.secrets, clock_fault=fault_of_clock(skew))
        try:
            answer = answer_of(reply, asked)
        except AttemptError as error:
            if error.code in CLOCK_CODES:
                api_time_s = unix_time(reply.headers.get("date"))
                self._second_chance.clock_refused(skew, api_time_s=api_time_s, now_s=now_s)
            elif error.code in STALE_KEY_CODES:
                verdict = self._second_chance.key_refused(credential, error)
                if verdict is not error:
                    raise verdict from error
            elif error.fault == "command":
                self._second_chance.proved(skew, credential)
            raise
        self._second_chance.proved(skew, credential)
        return answer

    def _signed(
        self, method: str, host: str, path: str, credential: Credential, skew: Skew
    ) -> Mapping[str, str]:
        """The headers that are signed, and their signature."""
        signed = {"Host": host}
        if method == "POST":
            signed["Content-Length"] = "0"  # without it: 411
        if credential.token is not None:
            signed["x-ci-security-token"] = credential.token
        signature = authorization(
            method=method,
            path=path,
            headers=signed,
            params={},
            credential=credential,
            key_time=key_time(self._clock() + skew.offset_s, self._signature_life_s),
        )
        return {**signed, "Authorization": signature}


def user_agent() -> str:
    """What we call ourselves to the API."""
    try:
        return f"standdown/{version('standdown')}"
    except PackageNotFoundError:  # run from a checkout
        return "standdown/unreleased"
