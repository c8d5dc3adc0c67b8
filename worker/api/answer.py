"""Reading a reply: what the API decided, or the AttemptError that says why it did not.

Pure, and total: whatever the bytes and the status, the result is one of these and its texts are bounded and
hold no secret. Sources: docs 436/76263, 436/121182 and 1045/43611, read 2026-11-21.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tasks.answer import Accepted, AttemptError, Fault, JobGone
from worker.api.body import Document, document
from worker.api.codes import NAMES, Rule, Verdict, rule
from worker.api.http_time import retry_after_s
from worker.api.redaction import kept, told
from worker.api.reply import Reply

ENDED_STATES = frozenset({"Success", "Failed", "Canceled", "Cancelled"})
"""The last two are not documented, but what else would a cancelled job be called?"""

_CODE_RULE = r"[A-Za-z][A-Za-z0-9._-]{0,63}|[0-9]{1,9}"

_FAULTS: dict[Verdict, Fault] = {
    Verdict.REFUSED: "command",
    Verdict.ACCOUNT: "account",
    Verdict.THROTTLED: "throttle",
    Verdict.FAILED: "server",
}
_QUOTED = (Verdict.GONE, Verdict.REFUSED, Verdict.THROTTLED, Verdict.FAILED)
"""Where the API's own message is passed on. Those about signatures may echo the signature."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reply answers, as far as reading it depends on that.

    secrets: what must not appear in any text read. clock_fault: whose fault a refusal for its time would be.
    """

    job_id: str
    now_s: float
    secrets: Collection[str] = ()
    clock_fault: Fault = "server"


def cancel_answer(reply: Reply, asked: Asked) -> Accepted | JobGone:
    """What a cancel brought. A 2xx always counts as accepted, however little of it can be read."""
    if 200 <= reply.status < 300:
        return _accepted(reply, asked)
    answer = _no_success(reply, asked, takes_effect=True)
    if isinstance(answer, AttemptError):
        raise answer
    return answer


def query_answer(reply: Reply, asked: Asked) -> JobGone | None:
    """What a query brought: JobGone where the job ended or is unknown, None while it runs."""
    if reply.status != 200:
        answer = _no_success(reply, asked, takes_effect=False)
        if isinstance(answer, AttemptError):
            raise answer
        return answer
    body = document(reply.body)
    state, job_id = _text(body, "State", asked), _text(body, "JobId", asked)
    request_id = _request_id(body, reply, asked)
    if state is None or job_id != asked.job_id:
        raise AttemptError(
            "the API's answer about the job could not be read, or is about another job",
            fault="server",
            http_status=reply.status,
            request_id=request_id,
            explained=False,
        )
    if state not in ENDED_STATES:
        return None
    return JobGone(
        code="JobEnded",
        message=f"the job is over, its state is {state}",
        http_status=reply.status,
        request_id=request_id,
        trace_id=None,
        state=state,
    )


def _accepted(reply: Reply, asked: Asked) -> Accepted:
    body = document(reply.body)
    job_id = _text(body, "JobId", asked)
    creation_time = _text(body, "CreationTime", asked)
    data_id = _text(body, "DataId", asked)
    read_in_full = reply.status == 200 and reply.whole and body.well_formed and body.root == "Response"
    verbatim = data_id == body.texts.get("DataId") and creation_time == body.texts.get("CreationTime")
    return Accepted(
        job_id=job_id,
        data_id=data_id,
        creation_time=creation_time,
        request_id=_request_id(body, reply, asked),
        state=_text(body, "State", asked),
        confirmed=read_in_full and verbatim and job_id == asked.job_id and creation_time is not None,
    )


def _no_success(reply: Reply, asked: Asked, *, takes_effect: bool) -> JobGone | AttemptError:
    body = document(reply.body)
    code = _code(body, asked)
    rule_ = rule(reply.status, code)
    message = _sentence(reply.status, code, rule_, body, asked)
    request_id, trace_id = _request_id(body, reply, asked), _trace_id(body, reply, asked)
    if rule_.verdict is Verdict.GONE and code is not None:
        return JobGone(
            code=code, message=message, http_status=reply.status, request_id=request_id, trace_id=trace_id
        )
    failed_inside = rule_.verdict is Verdict.FAILED and not (
        400 <= reply.status < 500 and reply.status != 408
    )
    return AttemptError(
        message,
        fault=asked.clock_fault if rule_.verdict is Verdict.CLOCK else _FAULTS[rule_.verdict],
        code=code,
        http_status=reply.status,
        request_id=request_id,
        trace_id=trace_id,
        retry_after_s=retry_after_s(reply.headers.get("retry-after"), now_s=asked.now_s),
        uncertain=takes_effect and failed_inside,
        explained=rule_.explained,
    )


def _sentence(status: int, code: str | None, rule_: Rule, body: Document, asked: Asked) -> str:
    sentence = f"HTTP {status} {code or 'without a known code'}: {rule_.advice}"
    theirs = body.texts.get("Message") if rule_.verdict in _QUOTED and body.root == "Error" else None
    return f'{sentence} ("{told(theirs, asked.secrets)}")' if theirs else sentence


def _code(body: Document, asked: Asked) -> str | None:
    if body.root != "Error":
        return None
    code = _text(body, "Code", asked)
    return NAMES.get(code, code) if code is not None and re.fullmatch(_CODE_RULE, code) else None


def _text(body: Document, name: str, asked: Asked) -> str | None:
    text = body.texts.get(name)
    return None if text is None else kept(text, asked.secrets)


def _request_id(body: Document, reply: Reply, asked: Asked) -> str | None:
    return _text(body, "RequestId", asked) or _header(reply, "x-ci-request-id", asked)


def _trace_id(body: Document, reply: Reply, asked: Asked) -> str | None:
    return _text(body, "TraceId", asked) or _header(reply, "x-ci-trace-id", asked)


def _header(reply: Reply, name: str, asked: Asked) -> str | None:
    text = reply.headers.get(name, "").strip()
    return kept(text, asked.secrets) if text else None
