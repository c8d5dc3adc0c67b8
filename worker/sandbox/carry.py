"""What a request that was let through does to its job, and what is answered."""

from dataclasses import dataclass

from worker.sandbox.answer import cancel_answer, error_answer, query_answer
from worker.sandbox.fault import Ending, Fault
from worker.sandbox.http import Answer
from worker.sandbox.job import Job, cancel_state, query_state, sent_of
from worker.sandbox.options import FinishedAnswers
from worker.sandbox.route import Operation


@dataclass(frozen=True, slots=True)
class Carried:
    """How it went. `cancelled`: this request ended the job."""

    answer: Answer
    ending: Ending = Ending.ANSWER
    cancelled: bool = False


def struck_by(job: Job, operation: Operation, rolled: Fault | None) -> Fault | None:
    """The fault that strikes this request: the one its id asks for, else the one that was rolled.

    An id that asks for something gets just that, never a rolled fault: its test must not depend on luck.
    """
    marker = job.marker
    if marker.state is not None:
        return None
    fault = rolled
    if marker.fault is not None:
        used_up = marker.times is not None and job.struck >= marker.times
        fault = None if used_up or operation != "cancel" else marker.fault
    if fault is not None and fault.takes_effect and not (operation == "cancel" and job.running):
        return None
    return fault


def carry_out(
    job: Job,
    operation: Operation,
    fault: Fault | None,
    *,
    request_id: str,
    seq: int,
    finished_answers: FinishedAnswers,
    retry_after_s: int | None,
) -> Carried:
    """Change the job as the request says, and answer."""
    if fault is not None:
        job.struck += 1
        if not fault.takes_effect:
            return Carried(_fault_answer(fault, job, request_id, retry_after_s), fault.ending)
    if operation == "query":
        return Carried(_query(job, request_id))
    if not job.running:
        return Carried(_finished(job, request_id, finished_answers))
    sent = sent_of(job, request_id, cancel_state(job))
    job.running, job.cancelled_by = False, seq
    job.sent_request_id, job.sent_state = sent.RequestId, sent.State
    if fault is None:
        return Carried(cancel_answer(sent), cancelled=True)
    if fault.status:
        return Carried(_fault_answer(fault, job, request_id, retry_after_s), fault.ending, cancelled=True)
    return Carried(cancel_answer(sent, broken_xml=fault.broken_xml), fault.ending, cancelled=True)


def throttled_answer(request_id: str, retry_after_s: int | None) -> Answer:
    """429 SlowDown; Retry-After only if asked for, since no document promises it."""
    message = "Please reduce your request rate."
    return error_answer(429, "SlowDown", message, request_id, headers=_retry_after(retry_after_s))


def _query(job: Job, request_id: str) -> Answer:
    if job.marker.state == "unknown":
        return _not_found(request_id)
    return query_answer(sent_of(job, request_id, query_state(job)))


def _finished(job: Job, request_id: str, finished_answers: FinishedAnswers) -> Answer:
    if job.marker.state == "unknown":
        return _not_found(request_id)
    if job.marker.state == "conflict" or finished_answers == "conflict":
        return error_answer(409, "Conflict", "The job has already ended.", request_id)
    if finished_answers == "ok":
        return cancel_answer(sent_of(job, request_id, cancel_state(job)))
    return _not_found(request_id)


def _not_found(request_id: str) -> Answer:
    return error_answer(404, "AuditingJobNotFound", "The auditing job is not found.", request_id)


def _fault_answer(fault: Fault, job: Job, request_id: str, retry_after_s: int | None) -> Answer:
    headers = _retry_after(retry_after_s) if fault.throttle else ()
    if fault.name == "redirect":
        headers = (("Location", f"https://{job.bucket}.ci.{job.region}.tencentci.cn/"),)
    return error_answer(fault.status, fault.code, fault.message, request_id, headers=headers)


def _retry_after(retry_after_s: int | None) -> tuple[tuple[str, str], ...]:
    return () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
