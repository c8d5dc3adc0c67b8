import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.answer import Accepted, AttemptError, Fault, JobGone
from worker.api.answer import Asked, cancel_answer, query_answer
from worker.api.codes import CODES, NAMES
from worker.api.reply import Reply

ANSWERS = Path(__file__).parents[2] / "vectors" / "answers"
JOB = "vab1ca9fc8a3ed11ea834c525400863904"
REQUEST_ID = "NTk0MjdmODlfMjQ4OGY3XzYzYzhf"
TRACE_ID = "OGVmYzZiMmQzYjA2OWNhODk0NTRkMTBi"
ROWS = json.loads((ANSWERS / "errors.json").read_text())
NOW_S = 1_763_700_000.0


def asked(*secrets: str, clock_fault: Fault = "server") -> Asked:
    return Asked(JOB, NOW_S, secrets, clock_fault)


def vector(name: str) -> bytes:
    return (ANSWERS / name).read_bytes()


def refusal(reply: Reply, question: Asked | None = None) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        cancel_answer(reply, question or asked())
    return caught.value


# a 200


def test_accepted() -> None:
    """A whole answer gives the API's own texts, verbatim, and is confirmed."""
    assert cancel_answer(Reply(200, {}, vector("accepted.xml")), asked()) == Accepted(
        job_id=JOB,
        data_id="live-4711",
        creation_time="2021-08-07T12:12:12+0800",
        request_id=REQUEST_ID,
        state="Canceled",
        confirmed=True,
    )


def test_accepted_as_printed_in_the_document() -> None:
    """The vendor's printed sample, which is not well-formed, yields all it says, unconfirmed."""
    assert cancel_answer(Reply(200, {}, vector("accepted-as-printed.xml")), asked()) == Accepted(
        job_id=JOB,
        data_id="live-4711",
        creation_time="2021-08-07T12:12:12+0800",
        request_id=REQUEST_ID,
        state=None,
        confirmed=False,
    )


def test_accepted_without_data_id_and_state() -> None:
    """DataId and State may be missing; the other spelling of the time stays as it is."""
    answer = cancel_answer(Reply(200, {}, vector("accepted-without-data-id.xml")), asked())
    assert answer == Accepted(JOB, None, "2021-08-10T21:01:10+08:00", REQUEST_ID, None, confirmed=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "ascii"])
def test_accepted_in_other_encodings(encoding: str) -> None:
    """A byte order mark or another encoding of Unicode does not stop an answer from being read."""
    text = vector("accepted.xml").decode()
    body = text.encode(encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        body = ("\ufeff" + text).encode(encoding)
    answer = cancel_answer(Reply(200, {}, body), asked())
    assert isinstance(answer, Accepted)
    assert (answer.job_id, answer.confirmed) == (JOB, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"OK",
        b'{"Response": {}}',
        b"<html><body>Welcome</body></html>",
        b"<Response/>",
        b"<Error><Code>AuditingJobNotFound</Code></Error>",
        b'<?xml version="1.0" encoding="no-such-encoding"?><Response/>',
        b'<?xml version="1.0" encoding="shift_jis"?><Response/>',
        b'<?xml version="1.0" encoding="utf-8"?><Response>\xff</Response>',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_200_is_never_a_failure(body: bytes) -> None:
    """Whatever a 200 holds, the cancel counts as accepted, unconfirmed."""
    answer = cancel_answer(Reply(200, {"x-ci-request-id": "r-1"}, body), asked())
    assert answer == Accepted(None, None, None, "r-1", None, confirmed=False)


@pytest.mark.parametrize("length", range(0, 330, 7))
def test_truncated(length: int) -> None:
    """An answer that broke off yields only whole values, unconfirmed."""
    answer = cancel_answer(Reply(200, {}, vector("accepted.xml")[:length], whole=False), asked())
    assert isinstance(answer, Accepted)
    assert not answer.confirmed
    assert answer.job_id in (None, JOB)
    assert answer.data_id in (None, "live-4711")
    assert answer.creation_time in (None, "2021-08-07T12:12:12+0800")


def test_another_job() -> None:
    """An answer about another job is accepted, but confirms nothing, and says which job it was."""
    body = vector("accepted.xml").replace(JOB.encode(), b"av00000000000000000000000000000000")
    answer = cancel_answer(Reply(200, {}, body), asked())
    assert isinstance(answer, Accepted)
    assert (answer.job_id, answer.confirmed) == ("av00000000000000000000000000000000", False)


def test_other_2xx() -> None:
    """A 2xx other than 200 is accepted too, and confirms nothing."""
    answer = cancel_answer(Reply(204, {}, vector("accepted.xml")), asked())
    assert isinstance(answer, Accepted)
    assert not answer.confirmed


def test_long_data_id() -> None:
    """A DataId of 512 bytes stays whole; a longer one is cut at a character and confirms nothing."""
    fits = "é" * 256
    for data_id, confirmed in ((fits, True), ("x" + fits, False), ("y" * 100_000, False)):
        body = vector("accepted.xml").decode().replace("live-4711", data_id).encode()
        answer = cancel_answer(Reply(200, {}, body), asked())
        assert isinstance(answer, Accepted)
        assert answer.data_id is not None
        assert data_id.startswith(answer.data_id)
        assert 510 < len(answer.data_id.encode()) <= 512
        assert answer.confirmed is confirmed


# hostile bodies

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    + b"".join(f'<!ENTITY {chr(99 + i)} "{f"&{chr(98 + i)};" * 8}">'.encode() for i in range(12))
    + b"]><Response><JobsDetail><JobId>&n;</JobId></JobsDetail></Response>"
)
EXTERNAL = (
    b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<Response><JobsDetail><DataId>&x;</DataId></JobsDetail></Response>"
)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        EXTERNAL,
        b"<Response>" + b"<a>" * 100_000,
        b"<Response>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Response>",
        b"<Response><JobsDetail><DataId>" + b"x" * 10_000_000 + b"</DataId></JobsDetail></Response>",
        b"<" * 2_000_000,
        b"<JobId>" * 500_000,
        b"<Response " + b" ".join(f'a{i}="1"'.encode() for i in range(50_000)) + b"/>",
        b"<Response><DataId>" + b"&amp;" * 200_000 + b"</DataId></Response",
    ],
    ids=["laughs", "external", "deep", "deep-closed", "10MB", "angles", "opened", "attributes", "references"],
)
@pytest.mark.timeout(20)
def test_hostile_bodies(body: bytes) -> None:
    """Entities, depth and size do no harm, and nothing of this machine comes in."""
    answer = cancel_answer(Reply(200, {}, body), asked())
    assert isinstance(answer, Accepted)
    assert not answer.confirmed
    assert "root:" not in repr(answer)
    assert len(repr(answer)) < 4000
    assert len(refusal(Reply(500, {}, body)).message) < 2000


# errors


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['status']}-{row['code']}")
def test_error_row(row: dict[str, object]) -> None:
    """Each row of the error table means what the table says."""
    code = f"<Code>{row['code']}</Code>" if row["code"] else ""
    body = f"<Error>{code}<Message>m</Message><RequestId>r</RequestId><TraceId>t</TraceId></Error>"
    reply = Reply(int(str(row["status"])), {}, body.encode())
    if row["means"] == "gone":
        answer = cancel_answer(reply, asked())
        assert isinstance(answer, JobGone)
        assert (answer.code, answer.http_status) == (row["code"], row["status"])
        assert (answer.request_id, answer.trace_id) == ("r", "t")
        return
    for clock_fault in ("server", "account"):
        error = refusal(reply, asked(clock_fault=clock_fault))
        assert error.fault == (clock_fault if row["means"] == "clock" else row["means"])
        assert error.transient is (error.fault in ("server", "throttle"))
        assert error.code == row.get("name", row["code"])
        assert error.http_status == row["status"]
        assert error.explained is row.get("explained", True)
        assert error.uncertain is row.get("uncertain", False)
        assert (error.request_id, error.trace_id) == ("r", "t")
        assert error.message.startswith(f"HTTP {row['status']} ")


def test_every_code_has_a_row() -> None:
    """No code and no number of the table goes untested."""
    assert {row["code"] for row in ROWS} >= CODES.keys() | NAMES.keys()


def test_job_not_found() -> None:
    """The documented "not found" is no failure, and carries the API's words and ids."""
    answer = cancel_answer(Reply(404, {}, vector("job-not-found.xml")), asked())
    assert answer == JobGone(
        code="AuditingJobNotFound",
        message="HTTP 404 AuditingJobNotFound: the API does not know the job "
        '("The auditing job is not found.")',
        http_status=404,
        request_id=REQUEST_ID,
        trace_id=TRACE_ID,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>404 Not Found</h1><!-- <Code>AuditingJobNotFound</Code> --></html>",
        b"<Response><Code>AuditingJobNotFound</Code></Response>",
        b'{"Code": "AuditingJobNotFound"}',
        b"AuditingJobNotFound",
    ],
    ids=["empty", "html", "response", "json", "text"],
)
def test_any_other_404_is_not_gone(body: bytes) -> None:
    """A 404 from anything but the API itself never says that a job is gone."""
    error = refusal(Reply(404, {}, body))
    assert (error.fault, error.code) == ("account", None)


def test_error_that_is_not_well_formed() -> None:
    """An error body that broke off after its code is still told apart by it."""
    answer = cancel_answer(Reply(404, {}, vector("job-not-found.xml")[:120], whole=False), asked())
    assert isinstance(answer, JobGone)


def test_illegal_job_id() -> None:
    """The documented refusal says why, in a sentence."""
    error = refusal(Reply(400, {}, vector("job-id-illegal.xml")))
    assert error.message == (
        'HTTP 400 InvalidArgument: the API takes the job id for illegal ("auditing jobId is illegal.")'
    )


def test_ids_from_the_headers() -> None:
    """Request and trace id come from the headers where the body has none."""
    error = refusal(Reply(500, {"x-ci-request-id": "r-1", "x-ci-trace-id": "t-1"}, b""))
    assert (error.request_id, error.trace_id) == ("r-1", "t-1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("99999", 3600.0),
        ("0", 0.0),
        ("soon", None),
        ("-5", None),
        ("Fri, 21 Nov 2025 04:40:30 GMT", 30.0),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    """What the API asks to wait is passed on, within bounds."""
    assert refusal(Reply(503, {"retry-after": value}, b"")).retry_after_s == expected


# secrets


def test_signature_is_not_echoed() -> None:
    """A body that echoes the signed headers gives a message without any of them."""
    error = refusal(Reply(403, {}, vector("signature-echoed.xml")), asked("PLANTED-SESSION-TOKEN"))
    for secret in ("PLANTED", "1058a6286653b9dd", "570d4324a2066d", "q-ak", "1497530202"):
        assert secret not in error.message
    assert error.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
def test_lookalikes_are_masked(status: int) -> None:
    """Parts of a signature, a token or a key are masked in a message even if they are not known to us."""
    body = vector("signature-echoed.xml").replace(b"SignatureDoesNotMatch", b"SomethingNew")
    error = refusal(Reply(status, {}, body))
    for secret in ("PLANTED", "1058a6286653b9dd", "sha1"):
        assert secret not in error.message


TOKENS = st.from_regex(r"[A-Za-z0-9+/=-]{16,64}", fullmatch=True)
NAMES_IN_BODIES = st.sampled_from(
    ["Code", "Message", "RequestId", "TraceId", "JobId", "DataId", "CreationTime", "State", "Other"]
)
STATUSES = st.one_of(st.sampled_from([200, 301, 400, 401, 403, 404, 429, 500, 503]), st.integers(100, 999))
PIECES = st.lists(
    st.one_of(
        st.tuples(NAMES_IN_BODIES, st.text(max_size=30), TOKENS, st.text(max_size=30)).map(
            lambda piece: f"<{piece[0]}>{piece[1]}{piece[2]}{piece[3]}</{piece[0]}>"
        ),
        st.sampled_from(
            ["<JobsDetail>", "</JobsDetail>", "<![CDATA[", "]]>", "&lt;", "&#x41;", "<", "\x1b[31m"]
        ),
    ),
    max_size=8,
)


def everything_read(reply: Reply, question: Asked) -> list[str]:
    """All texts that reading a reply lets out, whichever way it is read."""
    out: list[str] = []
    for answer_of in (cancel_answer, query_answer):
        try:
            answer = answer_of(reply, question)
        except AttemptError as error:
            out += [error.message, error.code or "", error.request_id or "", error.trace_id or ""]
            out.append(str(error.retry_after_s))
        else:
            out += [] if answer is None else [str(getattr(answer, name)) for name in answer.__slots__]
    return out


@given(status=STATUSES, body=st.binary(max_size=4000), whole=st.booleans(), header=st.text(max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_bytes(status: int, body: bytes, whole: bool, header: str) -> None:
    """Reading any bytes at any status raises nothing but AttemptError, and gives bounded texts."""
    headers = {"retry-after": header, "date": header, "x-ci-request-id": header}
    for text in everything_read(Reply(status, headers, body, whole), asked()):
        assert len(text.encode()) <= 1024


@given(
    status=STATUSES,
    root=st.sampled_from(["Response", "Error", "html"]),
    pieces=PIECES,
    secret=TOKENS,
    data=st.data(),
)
@settings(max_examples=600, deadline=None)
def test_planted_secrets(status: int, root: str, pieces: list[str], secret: str, data: st.DataObject) -> None:
    """A secret of ours that stands anywhere in a body or header never comes out; texts stay on one line."""
    filler = "x" * data.draw(st.sampled_from([0, 490, 505, 512, 600]))
    name = data.draw(NAMES_IN_BODIES)
    planted = f"<{name}>{filler}{secret}</{name}>"
    place = data.draw(st.integers(0, len(pieces)))
    body = f"<{root}>{''.join([*pieces[:place], planted, *pieces[place:]])}</{root}>".encode(
        "utf-8", "replace"
    )
    body = body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body
    reply = Reply(status, {"x-ci-request-id": f"id {secret}", "x-ci-trace-id": secret}, body)
    for text in everything_read(reply, asked(secret)):
        assert secret not in text
        assert len(text.encode()) <= 1024
        assert not {"\n", "\r", "\x1b"} & set(text)


# queries


def test_query_of_a_running_job() -> None:
    """A job that still runs is no decision; the state of a single snapshot is not mistaken for the job's."""
    assert query_answer(Reply(200, {}, vector("query-running.xml")), asked()) is None


@pytest.mark.parametrize("state", ["Success", "Failed", "Canceled", "Cancelled"])
def test_query_of_an_ended_job(state: str) -> None:
    """A job in a terminal state is gone, and says which state that is."""
    body = vector("query-ended.xml").replace(b"<State>Success", f"<State>{state}".encode(), 1)
    assert query_answer(Reply(200, {}, body), asked()) == JobGone(
        code="JobEnded",
        message=f"the job is over, its state is {state}",
        http_status=200,
        request_id=REQUEST_ID,
        trace_id=None,
        state=state,
    )


def test_query_of_an_unknown_job() -> None:
    """A job that the API does not know is gone."""
    assert isinstance(query_answer(Reply(404, {}, vector("job-not-found.xml")), asked()), JobGone)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"<Response><JobsDetail><JobId>other</JobId><State>Success</State></JobsDetail></Response>",
    ],
)
def test_query_that_says_nothing(body: bytes) -> None:
    """An answer without a state, or about another job, decides nothing and is asked again."""
    with pytest.raises(AttemptError) as caught:
        query_answer(Reply(200, {}, body), asked())
    assert (caught.value.fault, caught.value.uncertain) == ("server", False)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_query_takes_no_effect(status: int) -> None:
    """A query that failed never counts as a cancel that may have taken effect."""
    with pytest.raises(AttemptError) as caught:
        query_answer(Reply(status, {}, b""), asked())
    assert caught.value.uncertain is False
