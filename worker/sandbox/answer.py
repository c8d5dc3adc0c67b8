"""The API's answers as XML, and the ids in them.

Source: Tencent Cloud docs 436/48278, 436/121182 (cancel), 436/47317 (query), 1045/43611 (errors),
read 2026-11-21.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from worker.sandbox.http import Answer


@dataclass(frozen=True, slots=True)
class Sent:
    """What a 200 said of a job, verbatim and by the API's own names."""

    JobId: str
    CreationTime: str
    DataId: str | None
    RequestId: str
    State: str | None


def cancel_answer(sent: Sent, *, broken_xml: bool = False) -> Answer:
    """200 to a cancel. Broken as the documents' own sample is: `<DataId>…</DataID>`."""
    closing = "DataID" if broken_xml else "DataId"
    data_id = sent.DataId if sent.DataId is not None else "" if broken_xml else None
    fields = (
        ("" if data_id is None else f"<DataId>{escape(data_id)}</{closing}>")
        + f"<JobId>{sent.JobId}</JobId>"
        + ("" if sent.State is None else f"<State>{sent.State}</State>")
        + f"<CreationTime>{sent.CreationTime}</CreationTime>"
    )
    return _ok(fields, sent.RequestId)


def query_answer(sent: Sent) -> Answer:
    """200 to a query: the few fields of the long answer that say how the job stands."""
    fields = (
        "<Code>Success</Code><Message>Success</Message>"
        + ("" if sent.DataId is None else f"<DataId>{escape(sent.DataId)}</DataId>")
        + f"<JobId>{sent.JobId}</JobId><State>{sent.State}</State>"
        + f"<CreationTime>{sent.CreationTime}</CreationTime>"
    )
    return _ok(fields, sent.RequestId)


def error_answer(
    status: int,
    code: str,
    message: str,
    request_id: str,
    *,
    echo: Mapping[str, str] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """The documented error. `echo` adds elements, as the gateway does with what it signed itself."""
    extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in (echo or {}).items())
    body = (
        "<?xml version='1.0' encoding='utf-8' ?>\n"
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id}</RequestId><TraceId>{trace_id_of(request_id)}</TraceId>{extra}</Error>"
    )
    return Answer(
        status,
        body.encode(errors="replace"),
        headers=(("x-ci-request-id", request_id), ("x-ci-trace-id", trace_id_of(request_id)), *headers),
    )


def request_id_of(seq: int, unix_s: int) -> str:
    """A request id of the real one's looks: base64 of hex numbers, different for each request."""
    return base64.b64encode(f"{unix_s:08x}_50fa5064_a4ab_{seq:x}".encode()).decode()


def trace_id_of(request_id: str) -> str:
    """A trace id of the real one's looks, different for each request."""
    return base64.b64encode(b"8RWfPj" + request_id.encode()[::-1]).decode()


def _ok(fields: str, request_id: str) -> Answer:
    body = f"<Response><JobsDetail>{fields}</JobsDetail><RequestId>{request_id}</RequestId></Response>"
    return Answer(200, body.encode(), headers=(("x-ci-request-id", request_id),))
