"""What one attempt brought back: a value when the API decided, an error when it did not.

AttemptError             one HTTP request did not bring a decision
    fault "command"      the command itself is wrong: it is refused
    fault "account"      credentials, permission, arrears, routing: the account is held, the command kept
    fault "throttle"     over the rate limit: everyone slows down
    fault "server"       the API failed: retry
    fault "network"      no usable answer: retry
"""

from dataclasses import dataclass
from typing import Literal

Fault = Literal["command", "account", "throttle", "server", "network"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 200: the API accepted the cancel. The texts are the API's own, verbatim.

    `confirmed` is false where the answer could not be read in full.
    """

    job_id: str | None
    data_id: str | None
    creation_time: str | None
    request_id: str | None
    state: str | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class JobGone:
    """The API does not know the job, or it already ended: nothing is left to cancel."""

    code: str
    message: str
    http_status: int
    request_id: str | None
    trace_id: str | None
    state: str | None = None


Answer = Accepted | JobGone


class AttemptError(Exception):
    """One attempt brought no decision. `message` is safe to log: it never holds a raw error body.

    transient: another attempt may bring a decision (false for faults "command" and "account").
    retry_after_s: what the API asked for, in seconds, where it did.
    uncertain: the request may have taken effect although no answer says so.
    explained: a documented rule led to this class; where false, asking the API for the job may settle it.
    """

    def __init__(
        self,
        message: str,
        *,
        fault: Fault,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        trace_id: str | None = None,
        retry_after_s: float | None = None,
        uncertain: bool = False,
        explained: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fault: Fault = fault
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.trace_id = trace_id
        self.retry_after_s = retry_after_s
        self.uncertain = uncertain
        self.explained = explained

    @property
    def transient(self) -> bool:
        """Whether another attempt of the same command may bring a decision."""
        return self.fault in ("throttle", "server", "network")
