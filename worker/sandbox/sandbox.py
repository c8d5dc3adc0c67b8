"""The sandbox as one object: a request and its time of arrival in, a plan of what to send out.

Everything is decided at the moment of arrival; latency and hanging only delay what the client reads of it.
Asked in this order: is the API down, what is meant, is it signed, does the limit admit it, does a fault
strike, how does the job stand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from worker.sandbox.answer import error_answer, request_id_of
from worker.sandbox.carry import carry_out, struck_by, throttled_answer
from worker.sandbox.fault import Ending, chosen_fault
from worker.sandbox.http import Answer, Request
from worker.sandbox.job import Job, Jobs
from worker.sandbox.limit import Limit
from worker.sandbox.log import Arrival
from worker.sandbox.options import SandboxOptions
from worker.sandbox.route import NoTarget, Target, is_job_id, operation_of, target_of
from worker.sandbox.verify import Rejected, verdict
from worker.sandbox.witness import ACCOUNT_COUNT_MAX, NO_ACCOUNT, OTHER_ACCOUNTS, Witness

JOB_ID_SHOWN_MAX = 128


@dataclass(frozen=True, slots=True)
class Plan:
    """What the connection is to do."""

    answer: Answer | None
    ending: Ending = Ending.ANSWER
    latency_s: float = 0.0
    hang_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Decision:
    answer: Answer | None
    ending: Ending = Ending.ANSWER
    account: str = NO_ACCOUNT
    job: Job | None = None
    fault: str = ""
    admitted: bool = False
    throttled: bool = False
    cancelled: bool = False


class Sandbox:
    """The pretended API. `options` may be replaced at any time; the next request meets the new ones."""

    def __init__(
        self,
        options: SandboxOptions,
        *,
        now_ns: Callable[[], int],
        now_unix_s: Callable[[], float],
        random: Random,
    ) -> None:
        self.options = options
        self.now_ns, self.now_unix_s = now_ns, now_unix_s
        self._random = random
        began_ns, began_unix_s = now_ns(), now_unix_s()
        self.witness = Witness(options.log_size, lambda at_ns: began_unix_s + (at_ns - began_ns) / 1e9)
        self.jobs = Jobs(options.job_count_max)
        self._limits: dict[str, Limit] = {}

    def arrive(self, request: Request, at_ns: int) -> Plan:
        """Decide on one request that was complete at `at_ns`, and count it."""
        options, random = self.options, self._random
        decision = self._decide(request, at_ns)
        operation, job_id = operation_of(request.path) or ("other", "")
        arrival = Arrival(
            at_ns=at_ns,
            operation=operation,
            job_id=decision.job.job_id if decision.job else job_id[:JOB_ID_SHOWN_MAX],
            account=decision.account,
            status=_status_sent(decision),
            fault=decision.fault,
            signed="authorization" in request.headers,
            admitted=decision.admitted,
        )
        self.witness.note(arrival, decision.job, throttled=decision.throttled, cancelled=decision.cancelled)
        shortest, longest = options.latency_ms
        latency_ms = random.uniform(shortest, longest) if longest > shortest else longest
        return Plan(decision.answer, decision.ending, latency_ms / 1000, options.hang_s)

    def _decide(self, request: Request, at_ns: int) -> _Decision:
        options = self.options
        if options.down != "no":
            return _Decision(None, Ending.RESET if options.down == "reset" else Ending.HANG, fault="down")
        now_unix_s = self.now_unix_s()
        request_id = request_id_of(self.witness.log.next_seq, int(now_unix_s))
        target = target_of(request, options)
        if isinstance(target, NoTarget):
            answer = error_answer(
                target.status, target.code, target.message, request_id, headers=target.headers
            )
            return _Decision(answer)
        found = verdict(
            request.method, request.path, request.query, request.headers, options.credential, now_unix_s
        )
        if isinstance(found, Rejected):
            known = found.secret_id is not None and options.credential(found.secret_id) is not None
            return _Decision(
                error_answer(found.status, found.code, found.message, request_id, echo=found.echo),
                account=found.secret_id if known and found.secret_id else NO_ACCOUNT,
            )
        return self._of_account(found.secret_id, target, request_id, int(now_unix_s), at_ns)

    def _of_account(
        self, account: str, target: Target, request_id: str, unix_s: int, at_ns: int
    ) -> _Decision:
        options = self.options
        admitted = self._limit_of(account).admits(at_ns, options.limit_per_s)
        job = None
        if is_job_id(target.job_id):
            job = self.jobs.get(target.job_id, target.bucket, target.region, unix_s)
        if not admitted:
            answer = throttled_answer(request_id, options.retry_after_s)
            return _Decision(answer, account=account, job=job, throttled=True)
        if job is None:
            answer = error_answer(400, "InvalidArgument", "auditing jobId is illegal.", request_id)
            return _Decision(answer, account=account, admitted=True)
        rolled = chosen_fault(options.faults, self._random.random()) if options.faults else None
        fault = struck_by(job, target.operation, rolled)
        carried = carry_out(
            job,
            target.operation,
            fault,
            request_id=request_id,
            seq=self.witness.log.next_seq,
            finished_answers=options.finished_answers,
            retry_after_s=options.retry_after_s,
        )
        return _Decision(
            carried.answer,
            carried.ending,
            account=account,
            job=job,
            fault=fault.name if fault else "",
            admitted=True,
            cancelled=carried.cancelled,
        )

    def _limit_of(self, account: str) -> Limit:
        limit = self._limits.get(account)
        if limit is None:
            name = account if len(self._limits) < ACCOUNT_COUNT_MAX else OTHER_ACCOUNTS
            limit = self._limits.setdefault(name, Limit())
        return limit


def _status_sent(decision: _Decision) -> int:
    if decision.answer is None or decision.ending in (Ending.RESET, Ending.HANG):
        return 0
    return decision.answer.status
